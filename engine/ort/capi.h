// The few functions of ONNX Runtime's C interface that visus calls, gathered so that one Run is one call from Go.
// ONNX Runtime gives a table of functions, which only ever grows at its end: a function's place in it is the interface.
#include <stddef.h>
#include <stdint.h>

#define ORT_API 24      // the version of the table that is asked for: ONNX Runtime 1.24 and later give it
#define ORT_MAX_RANK 32 // more dimensions than any operator makes

typedef struct OrtStatus OrtStatus;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;

// ort_load opens the library and makes the process's environment. It returns NULL or what is wrong, to be freed; version is the library's
// own, also when it is too old, and lives as long as the process.
char *ort_load(const char *path, const char **version);

// ort_message is the text of a status; ort_release frees it.
const char *ort_message(const OrtStatus *status);
void ort_release(OrtStatus *status);

typedef struct {
  int threads;
  int free_shapes;      // some input's shape is not fixed
  const char *provider; // "", "CUDA", "CoreML"
  const char *device;   // CUDA's device number
} ort_settings;

// ort_options_new makes the options of one compilation. ort_cancel ends that early, from another thread.
OrtStatus *ort_options_new(ort_settings settings, OrtSessionOptions **out);
void ort_options_free(OrtSessionOptions *options);
void ort_cancel(OrtSessionOptions *options);

// ort_compile makes a session from a serialised model or, where model is NULL, from a file.
OrtStatus *ort_compile(const void *model, size_t bytes, const char *path, const OrtSessionOptions *options, OrtSession **out);
void ort_session_free(OrtSession *session);

// ort_value_type gives the kind of value (1: tensor) and, for a tensor, the element type of the session's input or output at the index.
OrtStatus *ort_value_type(OrtSession *session, int output, size_t index, int *kind, int *element);

typedef struct {
  int given;        // the memory is the caller's; 0 asks ONNX Runtime to make the output
  uintptr_t memory; // where a given tensor lies: a number, as a stale Go pointer in C's memory would trip Go's garbage collector
  size_t bytes;     // its size
  size_t rank;
  int64_t shape[ORT_MAX_RANK];
  int type;        // ONNX's number of the element type
  OrtValue *value; // an output that ONNX Runtime made
  void *made;      // its elements
} ort_tensor;

// ort_state is a tensor that lives in C's memory from one Run to the next: what a Run reads lies in one buffer, what it writes in the other.
// A state that no output replaces has one buffer.
typedef struct {
  void *memory[2];
  OrtValue *values[2];
} ort_state;

// ort_call is the memory of a program's calls: nothing in it is Go's but what the numbers in memory point to while a Run lasts.
// States that a Run replaces come before those that it only reads.
typedef struct {
  OrtSession *session;
  OrtRunOptions *options;
  size_t inputs, outputs;   // of the caller
  size_t states, replaced;  // replaced of them have an output
  int turn;                 // the buffer that the next Run reads
  const char **names;       // inputs, states' inputs, outputs, states' outputs
  OrtValue **values;        // the same
  ort_tensor *tensors;      // inputs, outputs
  ort_state *state;
} ort_call;

// ort_call_new owns the session once it succeeds; ort_call_free frees both.
OrtStatus *ort_call_new(OrtSession *session, size_t inputs, size_t outputs, size_t states, size_t replaced, ort_call **out);
void ort_call_free(ort_call *call);

// ort_state_new makes the buffers of the state at the index. ort_state_now is where its present elements lie.
OrtStatus *ort_state_new(ort_call *call, size_t index, int type, const int64_t *shape, size_t rank, size_t bytes);
void *ort_state_now(ort_call *call, size_t index);

// ort_run runs the session once. Outputs that are not given get made, rank, shape and type, valid until ort_free_outputs.
// The states' buffers change places where it succeeds.
OrtStatus *ort_run(ort_call *call);
void ort_free_outputs(ort_call *call);

// ort_stop makes the run under way, from another thread, or the next one fail soon; ort_go_on undoes it.
void ort_stop(ort_call *call);
void ort_go_on(ort_call *call);
