//go:build unix && cgo

#include "capi.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct OrtEnv OrtEnv;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorInfo OrtTensorInfo;
typedef struct OrtCudaOptions OrtCudaOptions;
typedef const char *const *Strings;

enum { SEVERITY_FATAL = 4, DEVICE_ALLOCATOR = 0, MEMORY_DEFAULT = 0, KIND_TENSOR = 1 };

// Table holds the functions used at their places; the gaps are functions that are not.
typedef struct {
  OrtStatus *(*CreateStatus)(int code, const char *message); // 0
  void *gap1;
  const char *(*GetErrorMessage)(const OrtStatus *); // 2
  OrtStatus *(*CreateEnv)(int severity, const char *name, OrtEnv **); // 3
  void *gap4[2];
  OrtStatus *(*DisableTelemetryEvents)(const OrtEnv *); // 6
  OrtStatus *(*CreateSession)(const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **); // 7
  OrtStatus *(*CreateSessionFromArray)(const OrtEnv *, const void *, size_t, const OrtSessionOptions *, OrtSession **); // 8
  OrtStatus *(*Run)(OrtSession *, const OrtRunOptions *, Strings, const OrtValue *const *, size_t, Strings, size_t, OrtValue **); // 9
  OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **); // 10
  void *gap11[6];
  OrtStatus *(*DisableMemPattern)(OrtSessionOptions *); // 17
  void *gap18[4];
  OrtStatus *(*SetSessionLogSeverityLevel)(OrtSessionOptions *, int); // 22
  void *gap23;
  OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *, int); // 24
  OrtStatus *(*SetInterOpNumThreads)(OrtSessionOptions *, int); // 25
  void *gap26[7];
  OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *, size_t, OrtTypeInfo **); // 33
  OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *, size_t, OrtTypeInfo **); // 34
  void *gap35[4];
  OrtStatus *(*CreateRunOptions)(OrtRunOptions **); // 39
  void *gap40[6];
  OrtStatus *(*RunOptionsSetTerminate)(OrtRunOptions *); // 46
  OrtStatus *(*RunOptionsUnsetTerminate)(OrtRunOptions *); // 47
  void *gap48;
  OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *, void *, size_t, const int64_t *, size_t, int, OrtValue **); // 49
  void *gap50;
  OrtStatus *(*GetTensorMutableData)(OrtValue *, void **); // 51
  void *gap52[3];
  OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *, const OrtTensorInfo **); // 55
  OrtStatus *(*GetOnnxTypeFromTypeInfo)(const OrtTypeInfo *, int *); // 56
  void *gap57[3];
  OrtStatus *(*GetTensorElementType)(const OrtTensorInfo *, int *); // 60
  OrtStatus *(*GetDimensionsCount)(const OrtTensorInfo *, size_t *); // 61
  OrtStatus *(*GetDimensions)(const OrtTensorInfo *, int64_t *, size_t); // 62
  void *gap63[2];
  OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *, OrtTensorInfo **); // 65
  void *gap66[3];
  OrtStatus *(*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo **); // 69
  void *gap70[22];
  void (*ReleaseEnv)(OrtEnv *); // 92
  void (*ReleaseStatus)(OrtStatus *); // 93
  void (*ReleaseMemoryInfo)(OrtMemoryInfo *); // 94
  void (*ReleaseSession)(OrtSession *); // 95
  void (*ReleaseValue)(OrtValue *); // 96
  void (*ReleaseRunOptions)(OrtRunOptions *); // 97
  void (*ReleaseTypeInfo)(OrtTypeInfo *); // 98
  void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorInfo *); // 99
  void (*ReleaseSessionOptions)(OrtSessionOptions *); // 100
  void *gap101[29];
  OrtStatus *(*AddSessionConfigEntry)(OrtSessionOptions *, const char *key, const char *value); // 130
  void *gap131[73];
  OrtStatus *(*AppendCUDA)(OrtSessionOptions *, const OrtCudaOptions *); // 204
  OrtStatus *(*CreateCUDAProviderOptions)(OrtCudaOptions **); // 205
  OrtStatus *(*UpdateCUDAProviderOptions)(OrtCudaOptions *, Strings keys, Strings values, size_t); // 206
  void *gap207;
  void (*ReleaseCUDAProviderOptions)(OrtCudaOptions *); // 208
  void *gap209[7];
  OrtStatus *(*AppendProvider)(OrtSessionOptions *, const char *name, Strings keys, Strings values, size_t); // 216
  void *gap217[76];
  OrtStatus *(*SessionOptionsSetLoadCancellationFlag)(OrtSessionOptions *, _Bool); // 293
} Table;

#define AT(function, place) _Static_assert(offsetof(Table, function) == (place) * sizeof(void *), #function)
AT(CreateEnv, 3);
AT(Run, 9);
AT(DisableMemPattern, 17);
AT(SetSessionLogSeverityLevel, 22);
AT(SetInterOpNumThreads, 25);
AT(SessionGetOutputTypeInfo, 34);
AT(CreateRunOptions, 39);
AT(RunOptionsUnsetTerminate, 47);
AT(CreateTensorWithDataAsOrtValue, 49);
AT(GetTensorMutableData, 51);
AT(GetOnnxTypeFromTypeInfo, 56);
AT(GetDimensions, 62);
AT(GetTensorTypeAndShape, 65);
AT(CreateCpuMemoryInfo, 69);
AT(ReleaseEnv, 92);
AT(ReleaseSessionOptions, 100);
AT(AddSessionConfigEntry, 130);
AT(AppendCUDA, 204);
AT(ReleaseCUDAProviderOptions, 208);
AT(AppendProvider, 216);
AT(SessionOptionsSetLoadCancellationFlag, 293);

static const Table *api;
static OrtEnv *environment;
static OrtMemoryInfo *host;

// TRY returns a status that is an error.
#define TRY(call)                 \
  do {                            \
    OrtStatus *failed = (call);   \
    if (failed) return failed;    \
  } while (0)

static char *copied(OrtStatus *status) {
  char *text = strdup(api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return text;
}

char *ort_load(const char *path, const char **version) {
  typedef struct {
    const void *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
  } Base;

  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return strdup(dlerror());
  const Base *(*base)(void) = (const Base *(*)(void))dlsym(library, "OrtGetApiBase");
  if (!base) {
    dlclose(library);
    return strdup("it is not a library of ONNX Runtime");
  }
  *version = strdup(base()->GetVersionString());
  // A library that is too old prints to stderr when asked for a table it lacks, so its version is judged first.
  int major = 0, minor = 0;
  if (sscanf(*version, "%d.%d", &major, &minor) != 2 || major < 1 || (major == 1 && minor < ORT_API)) {
    dlclose(library);
    return strdup("it is too old");
  }
  api = base()->GetApi(ORT_API);
  if (!api) return strdup("it does not give interface version 24");
  // Errors come back as statuses, so that what would be logged besides is only a repetition on stderr.
  OrtStatus *status = api->CreateEnv(SEVERITY_FATAL, "visus", &environment);
  if (!status) status = api->DisableTelemetryEvents(environment);
  if (!status) status = api->CreateCpuMemoryInfo(DEVICE_ALLOCATOR, MEMORY_DEFAULT, &host);
  return status ? copied(status) : NULL;
}

const char *ort_message(const OrtStatus *status) { return api->GetErrorMessage(status); }

void ort_release(OrtStatus *status) { api->ReleaseStatus(status); }

static OrtStatus *append_cuda(OrtSessionOptions *options, const char *device) {
  const char *keys[] = {"device_id"}, *values[] = {device};
  OrtCudaOptions *cuda;
  TRY(api->CreateCUDAProviderOptions(&cuda));
  OrtStatus *status = api->UpdateCUDAProviderOptions(cuda, keys, values, 1);
  if (!status) status = api->AppendCUDA(options, cuda);
  api->ReleaseCUDAProviderOptions(cuda);
  return status;
}

static OrtStatus *configure(OrtSessionOptions *options, ort_settings settings) {
  TRY(api->SetSessionLogSeverityLevel(options, SEVERITY_FATAL));
  TRY(api->SetIntraOpNumThreads(options, settings.threads));
  TRY(api->SetInterOpNumThreads(options, 1));
  TRY(api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"));
  TRY(api->AddSessionConfigEntry(options, "session.inter_op.allow_spinning", "0"));
  if (settings.free_shapes) TRY(api->DisableMemPattern(options)); // a plan of memory is kept for every shape ever seen
  if (!strcmp(settings.provider, "CUDA")) return append_cuda(options, settings.device);
  if (*settings.provider) return api->AppendProvider(options, settings.provider, NULL, NULL, 0);
  return NULL;
}

OrtStatus *ort_options_new(ort_settings settings, OrtSessionOptions **out) {
  TRY(api->CreateSessionOptions(out));
  OrtStatus *status = configure(*out, settings);
  if (status) api->ReleaseSessionOptions(*out);
  return status;
}

void ort_options_free(OrtSessionOptions *options) { api->ReleaseSessionOptions(options); }

void ort_cancel(OrtSessionOptions *options) {
  OrtStatus *status = api->SessionOptionsSetLoadCancellationFlag(options, 1);
  if (status) api->ReleaseStatus(status);
}

OrtStatus *ort_compile(const void *model, size_t bytes, const char *path, const OrtSessionOptions *options, OrtSession **out) {
  if (model) return api->CreateSessionFromArray(environment, model, bytes, options, out);
  return api->CreateSession(environment, path, options, out);
}

void ort_session_free(OrtSession *session) { api->ReleaseSession(session); }

OrtStatus *ort_value_type(OrtSession *session, int output, size_t index, int *kind, int *element) {
  OrtTypeInfo *info;
  const OrtTensorInfo *tensor;
  TRY(output ? api->SessionGetOutputTypeInfo(session, index, &info) : api->SessionGetInputTypeInfo(session, index, &info));
  OrtStatus *status = api->GetOnnxTypeFromTypeInfo(info, kind);
  if (!status && *kind == KIND_TENSOR) {
    status = api->CastTypeInfoToTensorInfo(info, &tensor);
    if (!status) status = api->GetTensorElementType(tensor, element);
  }
  api->ReleaseTypeInfo(info);
  return status;
}

static OrtStatus *no_memory(void) { return api->CreateStatus(1, "no memory left"); }

OrtStatus *ort_call_new(OrtSession *session, size_t inputs, size_t outputs, size_t states, size_t replaced, ort_call **out) {
  ort_call *call = calloc(1, sizeof *call);
  if (!call) return no_memory();
  size_t n = inputs + outputs + states + replaced;
  call->names = calloc(n + 1, sizeof *call->names);
  call->values = calloc(n + 1, sizeof *call->values);
  call->tensors = calloc(inputs + outputs + 1, sizeof *call->tensors);
  call->state = calloc(states + 1, sizeof *call->state);
  if (!call->names || !call->values || !call->tensors || !call->state) {
    ort_call_free(call);
    return no_memory();
  }
  call->inputs = inputs;
  call->outputs = outputs;
  call->states = states;
  call->replaced = replaced;
  OrtStatus *status = api->CreateRunOptions(&call->options);
  if (status) {
    ort_call_free(call);
    return status;
  }
  call->session = session;
  *out = call;
  return NULL;
}

static size_t all(const ort_call *call) { return call->inputs + call->states + call->outputs + call->replaced; }

void ort_call_free(ort_call *call) {
  for (size_t i = 0; i < all(call); i++) free((char *)call->names[i]);
  for (size_t i = 0; i < call->states; i++) {
    for (int k = 0; k < 2; k++) {
      if (call->state[i].values[k]) api->ReleaseValue(call->state[i].values[k]);
      free(call->state[i].memory[k]);
    }
  }
  if (call->options) api->ReleaseRunOptions(call->options);
  if (call->session) api->ReleaseSession(call->session);
  free(call->names);
  free(call->values);
  free(call->tensors);
  free(call->state);
  free(call);
}

OrtStatus *ort_state_new(ort_call *call, size_t index, int type, const int64_t *shape, size_t rank, size_t bytes) {
  enum { LINE = 64 }; // vector loads of whole cache lines
  ort_state *s = &call->state[index];
  int buffers = index < call->replaced ? 2 : 1;
  for (int k = 0; k < buffers; k++) {
    if (posix_memalign(&s->memory[k], LINE, bytes ? bytes : LINE)) {
      s->memory[k] = NULL;
      return no_memory();
    }
    TRY(api->CreateTensorWithDataAsOrtValue(host, s->memory[k], bytes, shape, rank, type, &s->values[k]));
  }
  return NULL;
}

// present is the buffer of the state that holds what the next Run reads.
static int present(const ort_call *call, size_t index) { return index < call->replaced ? call->turn : 0; }

void *ort_state_now(ort_call *call, size_t index) { return call->state[index].memory[present(call, index)]; }

// wrap makes a value of the caller's memory.
static OrtStatus *wrap(ort_tensor *t, OrtValue **out) {
  static char nowhere[8]; // where an empty tensor points
  void *data = t->bytes ? (void *)t->memory : nowhere;
  return api->CreateTensorWithDataAsOrtValue(host, data, t->bytes, t->shape, t->rank, t->type, out);
}

// unwrap describes an output that ONNX Runtime made.
static OrtStatus *unwrap(OrtValue *value, ort_tensor *t) {
  OrtTensorInfo *info;
  TRY(api->GetTensorTypeAndShape(value, &info));
  OrtStatus *status = api->GetTensorElementType(info, &t->type);
  if (!status) status = api->GetDimensionsCount(info, &t->rank);
  if (!status && t->rank > ORT_MAX_RANK) status = api->CreateStatus(1, "an output has more than 32 dimensions");
  if (!status) status = api->GetDimensions(info, t->shape, t->rank);
  api->ReleaseTensorTypeAndShapeInfo(info);
  if (!status) status = api->GetTensorMutableData(value, &t->made);
  return status;
}

// slot is where the value of a caller's tensor lies among values.
static OrtValue **slot(ort_call *call, size_t tensor) {
  return &call->values[tensor < call->inputs ? tensor : tensor + call->states];
}

OrtStatus *ort_run(ort_call *call) {
  size_t n = call->inputs + call->outputs, fed = call->inputs + call->states;
  OrtStatus *status = NULL;
  memset(call->values, 0, all(call) * sizeof *call->values);
  for (size_t i = 0; i < n && !status; i++) {
    ort_tensor *t = &call->tensors[i];
    t->value = NULL;
    if (t->given) status = wrap(t, slot(call, i));
  }
  for (size_t i = 0; i < call->states; i++) call->values[call->inputs + i] = call->state[i].values[present(call, i)];
  for (size_t i = 0; i < call->replaced; i++) call->values[fed + call->outputs + i] = call->state[i].values[!call->turn];
  if (!status) {
    status = api->Run(call->session, call->options, call->names, (const OrtValue *const *)call->values, fed,
                      call->names + fed, call->outputs + call->replaced, call->values + fed);
  }
  for (size_t i = 0; i < n; i++) {
    ort_tensor *t = &call->tensors[i];
    OrtValue *value = *slot(call, i);
    if (!t->given && value && !status) {
      t->value = value;
      status = unwrap(value, t);
    } else if (value) {
      api->ReleaseValue(value);
    }
  }
  if (status) {
    ort_free_outputs(call);
  } else {
    call->turn = !call->turn;
  }
  return status;
}

void ort_free_outputs(ort_call *call) {
  for (size_t i = call->inputs; i < call->inputs + call->outputs; i++) {
    if (call->tensors[i].value) api->ReleaseValue(call->tensors[i].value);
    call->tensors[i].value = NULL;
  }
}

void ort_stop(ort_call *call) {
  OrtStatus *status = api->RunOptionsSetTerminate(call->options);
  if (status) api->ReleaseStatus(status);
}

void ort_go_on(ort_call *call) {
  OrtStatus *status = api->RunOptionsUnsetTerminate(call->options);
  if (status) api->ReleaseStatus(status);
}
