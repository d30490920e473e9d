// The few functions of oneDNN's C interface that visus calls, gathered so that making a primitive is one call from Go.
// Structures of oneDNN are only pointed to; enumerations are passed as the numbers that dnnl_types.h gives them, which stay over 3.x.
#include <stddef.h>
#include <stdint.h>

#define DN_NEEDED 3  // the major version that is spoken
#define DN_RANK 12   // the most dimensions of a descriptor

typedef struct dnnl_memory_desc dn_desc;
typedef struct dnnl_primitive_desc dn_plan; // a primitive that is chosen but not yet compiled
typedef struct dnnl_primitive dn_primitive;
typedef struct dn_call dn_call;             // a primitive with its arguments' memory

// dn_failure names the call of oneDNN that failed and its status. Its call is NULL where all went well.
typedef struct {
  const char *call, *status;
} dn_failure;

typedef struct {
  int major, minor, patch; // of the library, also where it is too old
  const char *isa;         // "cpu_isa_avx512_core"
  void *handle;            // dlopen's
} dn_library;

// dn_load opens the library and makes the process's engine and stream. It returns NULL or what is wrong, to be freed. spins is how often
// a waiting OpenMP thread looks before it sleeps, where the user's environment does not say.
char *dn_load(const char *path, const char *spins, dn_library *out);
void *dn_symbol(void *handle, const char *name);
int dn_threads(void *handle); // OpenMP's maximum, 0 where the library has no OpenMP
int dn_limit(void *handle);   // the most threads that OpenMP may use whatever is asked for, 0 where it cannot tell
const char *dn_status(int status);

// dn_desc_new describes elements that lie strides apart or, where strides is NULL, in the order that a primitive chooses.
dn_failure dn_desc_new(int type, int rank, const int64_t *dims, const int64_t *strides, dn_desc **out);
void dn_desc_free(dn_desc *desc);
size_t dn_desc_bytes(const dn_desc *desc);
int dn_desc_equal(const dn_desc *a, const dn_desc *b);

typedef struct {
  int rank, type, blocked, blocks;
  int64_t offset, dims[DN_RANK], padded[DN_RANK], strides[DN_RANK];
  int64_t block_dims[DN_RANK], block_sizes[DN_RANK];
} dn_layout;

// dn_desc_layout tells how elements lie; strides and blocks only where it is blocked.
void dn_desc_layout(const dn_desc *desc, dn_layout *out);

typedef struct {
  int kind, algorithm; // dnnl_primitive_kind_t of sum, eltwise, binary; dnnl_alg_kind_t
  float scale, alpha, beta;
  const dn_desc *operand;
} dn_post_op;

// dn_request holds what the creation of any primitive may need.
typedef struct {
  int kind, direction, algorithm; // dnnl_primitive_kind_t, dnnl_prop_kind_t, dnnl_alg_kind_t
  const dn_desc *src, *weights, *bias, *dst; // their gradients where the direction asks for these
  int64_t kernel[DN_RANK], strides[DN_RANK], dilations[DN_RANK], begin[DN_RANK], end[DN_RANK];
  const dn_plan *hint;
  int post_ops; // length of the list beside
  int threads;  // that it will run on; 0: OpenMP's own number
} dn_request;

dn_failure dn_plan_new(const dn_request *request, const dn_post_op *post_ops, dn_plan **out);
void dn_plan_free(dn_plan *plan);
const char *dn_plan_name(const dn_plan *plan);

// dn_plan_want is the plan's own descriptor of an argument, NULL where it has none.
const dn_desc *dn_plan_want(const dn_plan *plan, int argument);

dn_failure dn_primitive_new(const dn_plan *plan, int threads, dn_primitive **out);
void dn_primitive_free(dn_primitive *primitive);

// dn_call_new ties a primitive to memory. dn_run runs it and returns oneDNN's status; its argument is a dn_call.
dn_failure dn_call_new(const dn_primitive *primitive, int n, const int *arguments, const dn_desc *const *descs, void *const *memory,
                       dn_call **out);
void dn_call_free(dn_call *call);
int dn_run(void *call);
