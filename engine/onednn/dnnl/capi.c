//go:build unix && cgo

#include "capi.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dnnl_engine Engine;
typedef struct dnnl_stream Stream;
typedef struct dnnl_memory Memory;
typedef struct dnnl_primitive_attr Attributes;
typedef struct dnnl_post_ops PostOps;
typedef const dn_desc *Desc;
typedef const int64_t *Dims;

typedef struct {
  int argument;
  Memory *memory;
} Argument;

typedef struct {
  int major, minor, patch;
  const char *hash;
  unsigned cpu_runtime, gpu_runtime;
} Version;

// Numbers of dnnl_types.h and dnnl_common_types.h, oneDNN 3.2.
enum { UNIMPLEMENTED = 3, OUT_OF_MEMORY = 1 };
enum { RUNTIME_SYCL = 512 };
enum { CPU = 1, TYPE_UNDEFINED = 0, IN_ORDER = 1, TAG_ANY = 1, BLOCKED = 2, SCRATCHPAD_USER = 1 };
enum { BACKWARD_DATA = 160, BACKWARD_WEIGHTS = 192 };
enum { CONVOLUTION_DIRECT = 0x1, DECONVOLUTION_DIRECT = 0xa };
enum {
  REORDER = 1, SUM = 4, CONVOLUTION = 5, DECONVOLUTION = 6, ELTWISE = 7, BINARY = 13, MATMUL = 14, POOLING = 16
};
enum {
  QUERY_IMPLEMENTATION = 8, QUERY_STRIDES = 14, QUERY_EXEC_ARG_MD = 255, QUERY_NDIMS, QUERY_DIMS, QUERY_DATA_TYPE, QUERY_OFFSET,
  QUERY_PADDED_DIMS, QUERY_PADDED_OFFSETS, QUERY_FORMAT_KIND, QUERY_BLOCKS, QUERY_BLOCK_SIZES, QUERY_BLOCK_DIMS
};

#define CONVOLUTIONS(X, kind)                                                                                                            \
  X(int, dnnl_##kind##_forward_primitive_desc_create,                                                                                    \
    (dn_plan **, Engine *, int prop, int alg, Desc src, Desc weights, Desc bias, Desc dst, Dims, Dims, Dims, Dims, const Attributes *))  \
  X(int, dnnl_##kind##_backward_data_primitive_desc_create,                                                                              \
    (dn_plan **, Engine *, int alg, Desc src, Desc weights, Desc dst, Dims, Dims, Dims, Dims, const dn_plan *, const Attributes *))      \
  X(int, dnnl_##kind##_backward_weights_primitive_desc_create,                                                                           \
    (dn_plan **, Engine *, int alg, Desc src, Desc weights, Desc bias, Desc dst, Dims, Dims, Dims, Dims, const dn_plan *, const Attributes *))

#define FUNCTIONS(X)                                                                                                                     \
  X(const char *, dnnl_status2str, (int))                                                                                                \
  X(const char *, dnnl_cpu_isa2str, (int))                                                                                               \
  X(int, dnnl_get_effective_cpu_isa, (void))                                                                                             \
  X(int, dnnl_engine_create, (Engine **, int kind, size_t index))                                                                        \
  X(int, dnnl_stream_create, (Stream **, Engine *, unsigned flags))                                                                      \
  X(int, dnnl_memory_desc_create_with_strides, (dn_desc **, int rank, Dims dims, int type, Dims strides))                                \
  X(int, dnnl_memory_desc_create_with_tag, (dn_desc **, int rank, Dims dims, int type, int tag))                                         \
  X(int, dnnl_memory_desc_destroy, (dn_desc *))                                                                                          \
  X(int, dnnl_memory_desc_equal, (Desc, Desc))                                                                                           \
  X(int, dnnl_memory_desc_query, (Desc, int what, void *result))                                                                         \
  X(size_t, dnnl_memory_desc_get_size, (Desc))                                                                                           \
  X(int, dnnl_memory_create, (Memory **, Desc, Engine *, void *))                                                                        \
  X(int, dnnl_memory_destroy, (Memory *))                                                                                                \
  X(int, dnnl_primitive_attr_create, (Attributes **))                                                                                    \
  X(int, dnnl_primitive_attr_destroy, (Attributes *))                                                                                    \
  X(int, dnnl_primitive_attr_set_scratchpad_mode, (Attributes *, int mode))                                                              \
  X(int, dnnl_primitive_attr_set_post_ops, (Attributes *, const PostOps *))                                                              \
  X(int, dnnl_post_ops_create, (PostOps **))                                                                                             \
  X(int, dnnl_post_ops_destroy, (PostOps *))                                                                                             \
  X(int, dnnl_post_ops_append_sum, (PostOps *, float scale, int32_t zero_point, int type))                                               \
  X(int, dnnl_post_ops_append_eltwise, (PostOps *, int alg, float alpha, float beta))                                                    \
  X(int, dnnl_post_ops_append_binary, (PostOps *, int alg, Desc))                                                                        \
  X(int, dnnl_primitive_desc_destroy, (dn_plan *))                                                                                       \
  X(int, dnnl_primitive_desc_query, (const dn_plan *, int what, int index, void *result))                                                \
  X(Desc, dnnl_primitive_desc_query_md, (const dn_plan *, int what, int index))                                                          \
  X(int, dnnl_primitive_create, (dn_primitive **, const dn_plan *))                                                                      \
  X(int, dnnl_primitive_destroy, (dn_primitive *))                                                                                       \
  X(int, dnnl_primitive_execute, (const dn_primitive *, Stream *, int n, const Argument *))                                              \
  X(int, dnnl_reorder_primitive_desc_create, (dn_plan **, Desc from, Engine *, Desc to, Engine *, const Attributes *))                   \
  X(int, dnnl_matmul_primitive_desc_create, (dn_plan **, Engine *, Desc src, Desc weights, Desc bias, Desc dst, const Attributes *))     \
  X(int, dnnl_pooling_forward_primitive_desc_create,                                                                                     \
    (dn_plan **, Engine *, int prop, int alg, Desc src, Desc dst, Dims, Dims, Dims, Dims, Dims, const Attributes *))                     \
  X(int, dnnl_pooling_backward_primitive_desc_create,                                                                                    \
    (dn_plan **, Engine *, int alg, Desc src, Desc dst, Dims, Dims, Dims, Dims, Dims, const dn_plan *, const Attributes *))              \
  CONVOLUTIONS(X, convolution)                                                                                                           \
  CONVOLUTIONS(X, deconvolution)

#define FIELD(result, name, arguments) result(*name) arguments;
typedef struct {
  FUNCTIONS(FIELD)
} Table;

static Table api;

static Engine *engine;
static Stream *stream;

static void (*set_threads)(int); // NULL where the library has no OpenMP

// expect says on how many threads what is made next will run. oneDNN shares the work out when it makes a primitive, and some primitives wait
// for as many threads as there were then, for ever if fewer come. OpenMP keeps the number for each thread of the system.
static void expect(int threads) {
  if (threads > 0 && set_threads) set_threads(threads);
}

// LOOK finds one function in the library, or returns its name.
#define LOOK(result, name, arguments) \
  if (!(*(void **)&found.name = dlsym(library, #name))) return #name;

// missing fills the table, or returns the name of a function that the library lacks.
static const char *missing(void *library) {
  Table found;
  FUNCTIONS(LOOK)
  api = found;
  return NULL;
}

const char *dn_status(int status) { return api.dnnl_status2str(status); }

static dn_failure failed(const char *call, int status) { return (dn_failure){call, dn_status(status)}; }

static const dn_failure none = {NULL, NULL};

// TRY returns the failure of a call of oneDNN.
#define TRY(name, ...)                        \
  do {                                        \
    int status = api.name(__VA_ARGS__);       \
    if (status) return failed(#name, status); \
  } while (0)

static dn_failure start(void) {
  TRY(dnnl_engine_create, &engine, CPU, 0);
  TRY(dnnl_stream_create, &stream, engine, IN_ORDER);
  return none;
}

static char *text(const char *a, const char *b) {
  char *out = malloc(strlen(a) + strlen(b) + 1);
  return out ? strcat(strcpy(out, a), b) : NULL;
}

static char *refused(void *library, char *why) {
  dlclose(library);
  return why;
}

char *dn_load(const char *path, const char *spins, dn_library *out) {
  // OpenMP reads its environment once, when it is loaded.
  if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", spins, 0);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return strdup(dlerror());
  const Version *(*version)(void) = (const Version *(*)(void))dlsym(library, "dnnl_version");
  if (!version) return refused(library, strdup("it is not a library of oneDNN: it has no dnnl_version"));
  out->major = version()->major;
  out->minor = version()->minor;
  out->patch = version()->patch;
  // Releases 1 and 2 have functions of the same names with other arguments.
  if (out->major != DN_NEEDED) return refused(library, strdup("its interface is another one"));
  if (version()->cpu_runtime == RUNTIME_SYCL) return refused(library, strdup("it computes through SYCL, where OpenMP is expected"));
  const char *name = missing(library);
  if (name) return refused(library, text("it lacks ", name));
  set_threads = (void (*)(int))dlsym(library, "omp_set_num_threads");
  dn_failure failure = start();
  if (failure.call) return text(failure.call, " failed");
  out->isa = api.dnnl_cpu_isa2str(api.dnnl_get_effective_cpu_isa());
  out->handle = library;
  return NULL;
}

void *dn_symbol(void *handle, const char *name) { return dlsym(handle, name); }

int dn_threads(void *handle) {
  int (*most)(void) = (int (*)(void))dlsym(handle, "omp_get_max_threads");
  return most ? most() : 0;
}

int dn_limit(void *handle) {
  int (*limit)(void) = (int (*)(void))dlsym(handle, "omp_get_thread_limit");
  return limit ? limit() : 0;
}

dn_failure dn_desc_new(int type, int rank, const int64_t *dims, const int64_t *strides, dn_desc **out) {
  if (strides) {
    TRY(dnnl_memory_desc_create_with_strides, out, rank, dims, type, strides);
  } else {
    TRY(dnnl_memory_desc_create_with_tag, out, rank, dims, type, TAG_ANY);
  }
  return none;
}

void dn_desc_free(dn_desc *desc) { api.dnnl_memory_desc_destroy(desc); }

size_t dn_desc_bytes(const dn_desc *desc) { return api.dnnl_memory_desc_get_size(desc); }

int dn_desc_equal(const dn_desc *a, const dn_desc *b) { return api.dnnl_memory_desc_equal(a, b); }

static void list(const dn_desc *desc, int what, int n, int64_t *out) {
  const int64_t *values;
  if (api.dnnl_memory_desc_query(desc, what, &values) == 0) memcpy(out, values, n * sizeof *out);
}

void dn_desc_layout(const dn_desc *desc, dn_layout *out) {
  int format = 0;
  memset(out, 0, sizeof *out);
  api.dnnl_memory_desc_query(desc, QUERY_NDIMS, &out->rank);
  api.dnnl_memory_desc_query(desc, QUERY_DATA_TYPE, &out->type);
  api.dnnl_memory_desc_query(desc, QUERY_OFFSET, &out->offset);
  list(desc, QUERY_DIMS, out->rank, out->dims);
  list(desc, QUERY_PADDED_DIMS, out->rank, out->padded);
  api.dnnl_memory_desc_query(desc, QUERY_FORMAT_KIND, &format);
  out->blocked = format == BLOCKED;
  if (!out->blocked) return;
  list(desc, QUERY_STRIDES, out->rank, out->strides);
  api.dnnl_memory_desc_query(desc, QUERY_BLOCKS, &out->blocks);
  list(desc, QUERY_BLOCK_SIZES, out->blocks, out->block_sizes);
  list(desc, QUERY_BLOCK_DIMS, out->blocks, out->block_dims);
}

// CONVOLVE makes a convolution or deconvolution of any direction.
#define CONVOLVE(kind, algorithm)                                                                                                          \
  if (r->direction == BACKWARD_DATA) {                                                                                                     \
    TRY(dnnl_##kind##_backward_data_primitive_desc_create, out, engine, algorithm, r->src, r->weights, r->dst, r->strides, r->dilations,   \
        r->begin, r->end, r->hint, a);                                                                                                     \
  } else if (r->direction == BACKWARD_WEIGHTS) {                                                                                           \
    TRY(dnnl_##kind##_backward_weights_primitive_desc_create, out, engine, algorithm, r->src, r->weights, r->bias, r->dst, r->strides,     \
        r->dilations, r->begin, r->end, r->hint, a);                                                                                       \
  } else {                                                                                                                                 \
    TRY(dnnl_##kind##_forward_primitive_desc_create, out, engine, r->direction, algorithm, r->src, r->weights, r->bias, r->dst,            \
        r->strides, r->dilations, r->begin, r->end, a);                                                                                    \
  }

static dn_failure convolution(const dn_request *r, const Attributes *a, dn_plan **out) {
  CONVOLVE(convolution, CONVOLUTION_DIRECT)
  return none;
}

static dn_failure deconvolution(const dn_request *r, const Attributes *a, dn_plan **out) {
  CONVOLVE(deconvolution, DECONVOLUTION_DIRECT)
  return none;
}

static dn_failure pooling(const dn_request *r, const Attributes *a, dn_plan **out) {
  if (r->direction == BACKWARD_DATA) {
    TRY(dnnl_pooling_backward_primitive_desc_create, out, engine, r->algorithm, r->src, r->dst, r->strides, r->kernel, r->dilations, r->begin,
        r->end, r->hint, a);
  } else {
    TRY(dnnl_pooling_forward_primitive_desc_create, out, engine, r->direction, r->algorithm, r->src, r->dst, r->strides, r->kernel,
        r->dilations, r->begin, r->end, a);
  }
  return none;
}

static dn_failure plan(const dn_request *r, const Attributes *a, dn_plan **out) {
  switch (r->kind) {
  case CONVOLUTION: return convolution(r, a, out);
  case DECONVOLUTION: return deconvolution(r, a, out);
  case POOLING: return pooling(r, a, out);
  case MATMUL: TRY(dnnl_matmul_primitive_desc_create, out, engine, r->src, r->weights, r->bias, r->dst, a); return none;
  case REORDER: TRY(dnnl_reorder_primitive_desc_create, out, r->src, engine, r->dst, engine, a); return none;
  }
  return failed("dn_plan_new", UNIMPLEMENTED);
}

static dn_failure append(PostOps *ops, const dn_post_op *o) {
  switch (o->kind) {
  case SUM: TRY(dnnl_post_ops_append_sum, ops, o->scale, 0, TYPE_UNDEFINED); return none;
  case ELTWISE: TRY(dnnl_post_ops_append_eltwise, ops, o->algorithm, o->alpha, o->beta); return none;
  case BINARY: TRY(dnnl_post_ops_append_binary, ops, o->algorithm, o->operand); return none;
  }
  return failed("dn_plan_new", UNIMPLEMENTED);
}

static dn_failure attributes_set(Attributes *a, PostOps *ops, const dn_post_op *list, int n) {
  for (int i = 0; i < n; i++) {
    dn_failure failure = append(ops, list + i);
    if (failure.call) return failure;
  }
  TRY(dnnl_primitive_attr_set_post_ops, a, ops); // copies them
  TRY(dnnl_primitive_attr_set_scratchpad_mode, a, SCRATCHPAD_USER);
  return none;
}

static dn_failure attributes_new(const dn_post_op *list, int n, Attributes **out) {
  PostOps *ops;
  TRY(dnnl_primitive_attr_create, out);
  TRY(dnnl_post_ops_create, &ops);
  dn_failure failure = attributes_set(*out, ops, list, n);
  api.dnnl_post_ops_destroy(ops);
  return failure;
}

dn_failure dn_plan_new(const dn_request *request, const dn_post_op *post_ops, dn_plan **out) {
  Attributes *attributes = NULL;
  expect(request->threads);
  dn_failure failure = attributes_new(post_ops, request->post_ops, &attributes);
  if (!failure.call) failure = plan(request, attributes, out);
  if (attributes) api.dnnl_primitive_attr_destroy(attributes);
  return failure;
}

void dn_plan_free(dn_plan *plan) { api.dnnl_primitive_desc_destroy(plan); }

const char *dn_plan_name(const dn_plan *plan) {
  const char *name = NULL;
  api.dnnl_primitive_desc_query(plan, QUERY_IMPLEMENTATION, 0, &name);
  return name ? name : "";
}

const dn_desc *dn_plan_want(const dn_plan *plan, int argument) {
  const dn_desc *desc = api.dnnl_primitive_desc_query_md(plan, QUERY_EXEC_ARG_MD, argument);
  int rank = 0;
  if (!desc || api.dnnl_memory_desc_query(desc, QUERY_NDIMS, &rank) || rank == 0) return NULL; // rank 0 is oneDNN's "none"
  return desc;
}

dn_failure dn_primitive_new(const dn_plan *plan, int threads, dn_primitive **out) {
  expect(threads);
  TRY(dnnl_primitive_create, out, plan);
  return none;
}

void dn_primitive_free(dn_primitive *primitive) { api.dnnl_primitive_destroy(primitive); }

struct dn_call {
  const dn_primitive *primitive;
  int n;
  Argument arguments[];
};

static dn_failure tie(dn_call *call, int argument, const dn_desc *desc, void *memory) {
  Argument *a = &call->arguments[call->n];
  TRY(dnnl_memory_create, &a->memory, desc, engine, memory);
  a->argument = argument;
  call->n++;
  return none;
}

dn_failure dn_call_new(const dn_primitive *primitive, int n, const int *arguments, const dn_desc *const *descs, void *const *memory,
                       dn_call **out) {
  dn_call *call = calloc(1, sizeof *call + n * sizeof *call->arguments);
  if (!call) return failed("calloc", OUT_OF_MEMORY);
  call->primitive = primitive;
  for (int i = 0; i < n; i++) {
    dn_failure failure = tie(call, arguments[i], descs[i], memory[i]);
    if (failure.call) {
      dn_call_free(call);
      return failure;
    }
  }
  *out = call;
  return none;
}

void dn_call_free(dn_call *call) {
  for (int i = 0; i < call->n; i++) api.dnnl_memory_destroy(call->arguments[i].memory);
  free(call);
}

// A CPU's stream on OpenMP has done its work when execute returns, so that nothing is waited for.
int dn_run(void *argument) {
  const dn_call *call = argument;
  return api.dnnl_primitive_execute(call->primitive, stream, call->n, call->arguments);
}
