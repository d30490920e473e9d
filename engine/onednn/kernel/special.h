// Kernels for what no loop does, each with an argument of its own. Arrays are dense; where a dimension is singled out they are seen as
// [before, n, behind]. Indices are int64 and count from the end where they are negative; one outside of its dimension makes the kernel give
// KERNEL_OUTSIDE, and then what it has written is anything. Results do not depend on the number of parts.
#pragma once
#include "kernel.h"

enum { KERNEL_OUTSIDE = 1001, KERNEL_BY_ZERO = 1002 };

// A job is what one part does: units from first on and before last. It gives 0 or what went wrong. kernel_spread shares units among parts.
typedef int kernel_job(const void *argument, int64_t first, int64_t last, int part);
int kernel_spread(kernel_job *job, const void *argument, int64_t units, int parts);

// How an update joins what is there; all but KERNEL_REPLACE are for float32.
enum { KERNEL_REPLACE, KERNEL_ADD, KERNEL_MULTIPLY, KERNEL_MAX, KERNEL_MIN };

// Slices at tuples of indices. The depth dimensions of the given sizes are indexed; from one of their entries to the next are stride bytes.
typedef struct {
  int depth;
  int64_t size[KERNEL_RANK], stride[KERNEL_RANK];
} kernel_tuple;

// out [batches, count, bytes] takes slices of data, whose batches lie batch bytes apart. A batch's indices [count, depth] lie own numbers
// behind those of the one before; 0: all batches have the same.
typedef struct {
  const char *data;
  const int64_t *indices;
  char *out;
  int64_t batches, count, batch, own, bytes;
  kernel_tuple tuple;
  int parts;
} kernel_take;

int kernel_take_run(void *take);

// Slices of out join with updates [count, bytes] at indices [count, depth], in their order.
typedef struct {
  char *out;
  const int64_t *indices;
  const char *updates;
  int64_t count, bytes, whole; // whole: out's bytes
  kernel_tuple tuple;
  int reduction, parts;
} kernel_put;

int kernel_put_run(void *put);

// Elements along a dimension at indices [before, count, behind]: of data [before, n, behind] into out, or where updates are given, of these into
// out [before, n, behind], in their order. Where they are shared, one index [before, count] is for all that lies behind.
typedef struct {
  const char *data, *updates;
  const int64_t *indices;
  char *out;
  int64_t before, n, count, behind;
  int width, shared, reduction, parts; // width: bytes of an element
} kernel_pick;

int kernel_pick_run(void *pick);

// The places [before, k, behind] of the k largest or smallest entries along a dimension of x [before, n, behind], best first; equal ones in their
// order. NaN is larger than every number.
typedef struct {
  const float *x;
  int64_t *out, *scratch; // scratch: k for each part
  int64_t before, n, behind, k;
  int smallest, parts;
} kernel_top;

int kernel_top_run(void *top);

// Running sums along a dimension, from the end where backward, each without its own entry where exclusive.
typedef struct {
  const float *x;
  float *out;
  int64_t before, n, behind;
  int exclusive, backward, parts;
} kernel_running;

int kernel_running_run(void *running);

// A sparse matrix along a dimension: out [before, rows, behind], row r = Σ weight[i]·x[at[i]] over i from first[r] to first[r+1].
typedef struct {
  const float *x;
  float *out;
  int64_t before, n, rows, behind;
  const int64_t *first;
  const int32_t *at;
  const float *weight;
  int parts;
} kernel_mix;

int kernel_mix_run(void *mix);

// GridSample of x [samples, channels, size...] at grid [samples, places, axes], and its gradients.
enum { KERNEL_AXES = 3, KERNEL_CORNERS = 8 };
enum { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };

typedef struct {
  const float *x, *grid, *dy; // dy [samples, channels, places] for gradients
  float *out;
  int axes;
  int64_t size[KERNEL_AXES];
  int64_t samples, channels, places;
  int nearest, padding, corners, parts;
} kernel_sample;

int kernel_sample_run(void *sample);       // out [samples, channels, places]
int kernel_sample_input_run(void *sample); // out is x's gradient; x itself is not read
int kernel_sample_grid_run(void *sample);  // out is the grid's gradient

// A transposed convolution of few outputs in the plane: each pixel of x [samples, size..., channels] times weights [channels, outputs, taps] is
// added to out [samples, outputs, out_size...] where the pixel's window lies.
typedef struct {
  const float *x, *weights;
  float *out;
  int64_t samples, channels, outputs;
  int64_t size[2], out_size[2], window[2], stride[2], dilation[2], pad[2];
  int64_t width;  // of a pixel's outputs times taps: whole vectors
  float *packed;  // weights [channels, width]
  float *scratch; // for each part, a row of pixels [size[1], width]
  int parts;
} kernel_overlap;

int kernel_overlap_run(void *overlap);

int kernel_integers_run(void *exact); // a kernel_exact whose numbers are int64; types are int64, int32, uint8 and bool
