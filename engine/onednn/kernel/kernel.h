// Our kernels in C: the loop machine, the runner of lists, the threads.
#pragma once
#include <stdint.h>

// A function of a step gives 0 or what went wrong.
typedef int kernel_function(void *argument);

// Threads: how OpenMP's are used without compiling for OpenMP. Unset, everything runs on the calling thread.
typedef void kernel_work(void *argument, int part);
void kernel_use_openmp(void *parallel, void *thread, void *team, void *threads, void *dynamic);
void kernel_parallel(kernel_work *work, void *argument, int parts); // calls work once for each part
void kernel_set_threads(int threads);

// A list of steps.
typedef struct {
  kernel_function *function;
  void *argument;
} kernel_step;

typedef struct {
  int threads, count, commit;
  volatile int stop; // set from any thread: no step before commit begins any more
  int at;            // out: the step that failed, or before which the list stopped
  kernel_step *steps;
  double *seconds;   // where not NULL, gets the time that each step took
} kernel_list;

enum { KERNEL_STOPPED = -1 };

int kernel_list_run(kernel_list *list);

// The loop machine. A loop is cut into tiles: its innermost dimensions, the outermost of which (the first of the tile) is cut into chunks.
// What remains are digits, counted like an odometer's, outermost first; the chunks of the tile's first dimension are one of them.
enum {
  KERNEL_RANK = 12,       // more dimensions than loops have once they are merged
  KERNEL_SCRATCH = 16384, // floats on the stack for the registers of one tile
};

enum { TYPE_FLOAT32, TYPE_FLOAT64, TYPE_INT64, TYPE_INT32, TYPE_UINT8, TYPE_BOOL };
enum { FOLD_NONE, FOLD_SUM, FOLD_MAX, FOLD_MIN, FOLD_PRODUCT };
enum { ACTION_POINT, ACTION_LOAD, ACTION_COMPUTE, ACTION_STORE, ACTION_FOLD };

// An access is where an operand or a result lies.
typedef struct {
  char *memory;
  int type;
  int64_t outer[KERNEL_RANK]; // bytes from one value of a digit to the next
  int64_t tile[KERNEL_RANK];  // elements, for the tile's dimensions
} kernel_access;

// An action is a piece of work on one tile. Slots hold pointers to a register's values: in scratch memory, or where an operand or result lies.
typedef struct {
  int kind;
  int level;  // the innermost digit that it depends on: while only inner ones change, what it did stays valid
  int length; // 0: the tile's; 1: one element; 2: a whole tile's, also where the last one is short
  int op, form; // POINT: form 1 asks for what lies behind the tile, too
  int out, a, b, c; // slots
  int access;       // POINT, LOAD, STORE; FOLD: the fold
} kernel_action;

// A fold's accumulators are dense, in the order of the digits and the tile's dimensions. Where the loop's groups are independent of each other
// they hold one group, which is written to the result when it is done; else each part has a whole set, and the sets are put together in order.
typedef struct {
  int kind, access;
  double scale;
  int64_t count;              // accumulators of a part
  double *accumulators;       // of all parts
  int64_t outer[KERNEL_RANK]; // accumulators from one value of a digit to the next
  int rank;                   // the tile's dimensions, those merged that are folded or kept together
  int64_t size[KERNEL_RANK];  // the first is for one element of the tile's first dimension
  int64_t stride[KERNEL_RANK];
  int kept;                   // the accumulators' dimensions
  int chunked;                // which of them is one chunk of the tile's first dimension; -1: none
  int64_t kept_size[KERNEL_RANK], kept_stride[KERNEL_RANK], kept_result[KERNEL_RANK]; // result: in bytes
} kernel_fold;

typedef struct {
  int digits, prefix, chunk_digit; // groups are the values of the first prefix digits; chunk_digit -1: one chunk
  int64_t extent[KERNEL_RANK];
  int rank;
  int64_t size[KERNEL_RANK]; // of the tile's dimensions, the first being a chunk
  int64_t whole;             // the first one's size before it was cut
  int64_t inner;             // product of the others
  int64_t groups, tiles;     // tiles of a group
  int parts, grouped;        // grouped: a group belongs to one part
  int accesses, actions, folds, slots;
  kernel_access *access;
  kernel_action *action;
  kernel_fold *fold;
  int32_t *slot;             // where in scratch memory; -1: elsewhere
  int constants;
  int32_t *constant_slot;
  float *constant;
} kernel_loop;

int kernel_loop_run(void *loop); // a kernel_function

// An exact loop computes element by element in float64. Strides are in bytes; its loop has one element at least.
typedef struct {
  int op, a, b, c;
  double value;
} kernel_instruction;

typedef struct {
  int rank, operands, instructions, results;
  int64_t size[KERNEL_RANK];
  kernel_access *access; // operands, then results; outer alone is used
  kernel_instruction *instruction;
  int *reg; // of the results
} kernel_exact;

int kernel_exact_run(void *exact); // a kernel_function

// kernel_write stores a number: an integer type's nearest where it lacks it.
void kernel_write(char *to, int type, double value);

extern const double kernel_identity[]; // what a fold begins with

// kernel_write_fold writes a set of accumulators to where a result's group lies; length is the present one of the tile's first dimension.
void kernel_write_fold(const kernel_fold *fold, int type, const double *from, char *to, int64_t length);

void *kernel_allocate(int64_t bytes);
