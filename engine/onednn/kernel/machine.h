// The loop machine's inside. Each of loop_*.c includes it for one instruction set, with RUN_PART named for that set.
#include "kernel.h"

#include <math.h>
#include <string.h>

#include "functions.h"
#include "tiles.h"

// LINES defines a copy of a line between memory of one type and a tile. The line's stride is 1 in most.
#define LINES(name, type, to_float, from_float)                                                       \
  static void load_##name(float *restrict out, const type *in, int64_t n, int64_t stride) {           \
    if (stride == 1) {                                                                                \
      for (int64_t i = 0; i < n; i++) out[i] = to_float(in[i]);                                       \
    } else if (stride == 0) {                                                                         \
      float value = to_float(*in);                                                                    \
      for (int64_t i = 0; i < n; i++) out[i] = value;                                                 \
    } else {                                                                                          \
      for (int64_t i = 0; i < n; i++) out[i] = to_float(in[i * stride]);                              \
    }                                                                                                 \
  }                                                                                                   \
  static void store_##name(type *restrict out, const float *in, int64_t n, int64_t stride) {          \
    if (stride == 1) {                                                                                \
      for (int64_t i = 0; i < n; i++) out[i] = from_float(in[i]);                                     \
    } else {                                                                                          \
      for (int64_t i = 0; i < n; i++) out[i * stride] = from_float(in[i]);                            \
    }                                                                                                 \
  }

#define AS_FLOAT(x) ((float)(x))
#define AS_DOUBLE(x) ((double)(x))
#define TRUTH(x) ((x) != 0)
// 2⁶³ and 2³¹ are floats, the greatest integers are not.
#define AS_INT64(x) ((x) >= 0x1p63f ? INT64_MAX : (x) >= -0x1p63f ? (int64_t)(x) : (x) < 0 ? INT64_MIN : 0)
#define AS_INT32(x) ((x) >= 0x1p31f ? INT32_MAX : (x) >= -0x1p31f ? (int32_t)(x) : (x) < 0 ? INT32_MIN : 0)
#define AS_UINT8(x) ((x) >= 255 ? 255 : (x) > 0 ? (uint8_t)(x) : 0)

LINES(float32, float, AS_FLOAT, AS_FLOAT)
LINES(float64, double, AS_FLOAT, AS_DOUBLE)
LINES(int64, int64_t, AS_FLOAT, AS_INT64)
LINES(int32, int32_t, AS_FLOAT, AS_INT32)
LINES(uint8, uint8_t, AS_FLOAT, AS_UINT8)
LINES(bool, uint8_t, TRUTH, TRUTH)

static const int64_t bytes_of[] = {4, 8, 8, 4, 1, 1};

static void load_line(float *out, const char *in, int type, int64_t n, int64_t stride) {
  switch (type) {
  case TYPE_FLOAT32: load_float32(out, (const float *)in, n, stride); break;
  case TYPE_FLOAT64: load_float64(out, (const double *)in, n, stride); break;
  case TYPE_INT64: load_int64(out, (const int64_t *)in, n, stride); break;
  case TYPE_INT32: load_int32(out, (const int32_t *)in, n, stride); break;
  case TYPE_UINT8: load_uint8(out, (const uint8_t *)in, n, stride); break;
  case TYPE_BOOL: load_bool(out, (const uint8_t *)in, n, stride); break;
  }
}

static void store_line(char *out, const float *in, int type, int64_t n, int64_t stride) {
  switch (type) {
  case TYPE_FLOAT32: store_float32((float *)out, in, n, stride); break;
  case TYPE_FLOAT64: store_float64((double *)out, in, n, stride); break;
  case TYPE_INT64: store_int64((int64_t *)out, in, n, stride); break;
  case TYPE_INT32: store_int32((int32_t *)out, in, n, stride); break;
  case TYPE_UINT8: store_uint8((uint8_t *)out, in, n, stride); break;
  case TYPE_BOOL: store_bool((uint8_t *)out, in, n, stride); break;
  }
}

// A view walks over a tile: its dimensions' sizes, and the strides of what lies elsewhere.
typedef struct {
  int rank, type;
  int64_t first; // the size of the first dimension, whose last chunk is short
  const int64_t *size, *stride;
} view;

static int64_t elements(const view *v, int from) {
  int64_t n = from == 0 ? v->first : v->size[from];
  for (int i = from + 1; i < v->rank; i++) n *= v->size[i];
  return n;
}

typedef float eight __attribute__((vector_size(32)));
typedef float loose_eight __attribute__((vector_size(32), aligned(4), may_alias));

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t places __attribute__((vector_size(32)));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (places){__VA_ARGS__})
#endif

// turn_block transposes 8 by 8 elements, whose lines are far apart in in and m in out.
static inline void turn_block(float *out, const float *in, int64_t m, int64_t far) {
  eight a[8], b[8];
  for (int i = 0; i < 8; i++) a[i] = *(const loose_eight *)(in + i * far);
  for (int i = 0; i < 8; i += 2) { // pairs of elements, pairs of pairs, halves
    b[i] = SHUFFLE(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    b[i + 1] = SHUFFLE(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; k++) {
      a[i + k] = SHUFFLE(b[i + k], b[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + k + 2] = SHUFFLE(b[i + k], b[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; i++) {
    *(loose_eight *)(out + i * m) = SHUFFLE(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *(loose_eight *)(out + (i + 4) * m) = SHUFFLE(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// turn copies n lines of m elements that lie across: the elements of a line are far apart, lines are next to each other.
static void turn(float *out, const float *in, int64_t n, int64_t m, int64_t far) {
  int64_t lines = n / 8 * 8, elements = m / 8 * 8;
  for (int64_t k = 0; k < elements; k += 8) {
    for (int64_t i = 0; i < lines; i += 8) turn_block(out + i * m + k, in + i + k * far, m, far);
  }
  for (int64_t k = 0; k < m; k++) {
    for (int64_t i = k < elements ? lines : 0; i < n; i++) out[i * m + k] = in[i + k * far];
  }
}

// gather copies a tile's operand from dimension k on; what repeats is read once and copied on by doubling.
static void gather(float *out, const char *in, const view *v, int k) {
  int64_t n = k == 0 ? v->first : v->size[k];
  if (k == v->rank - 1) {
    load_line(out, in, v->type, n, v->stride[k]);
    return;
  }
  if (k == v->rank - 2 && v->stride[k] == 1 && v->type == TYPE_FLOAT32) {
    turn(out, (const float *)in, n, v->size[k + 1], v->stride[k + 1]);
    return;
  }
  int64_t step = elements(v, k + 1), stride = v->stride[k] * bytes_of[v->type];
  if (stride) {
    for (int64_t i = 0; i < n; i++) gather(out + i * step, in + i * stride, v, k + 1);
    return;
  }
  gather(out, in, v, k + 1);
  for (int64_t done = 1; done < n; done *= 2) {
    int64_t more = done < n - done ? done : n - done;
    memcpy(out + done * step, out, (size_t)(more * step) * sizeof *out);
  }
}

static void scatter(char *out, const float *in, const view *v, int k) {
  int64_t n = k == 0 ? v->first : v->size[k];
  if (k == v->rank - 1) {
    store_line(out, in, v->type, n, v->stride[k]);
    return;
  }
  int64_t step = elements(v, k + 1), stride = v->stride[k] * bytes_of[v->type];
  for (int64_t i = 0; i < n; i++) scatter(out + i * stride, in + i * step, v, k + 1);
}

// fold_tile folds a tile from dimension k of the fold on into accumulators.
static void fold_tile(const kernel_fold *f, double *to, const float *x, int64_t first, int k) {
  int64_t n = k == 0 ? first : f->size[k];
  if (k == f->rank - 1) {
    if (f->stride[k]) {
      fold_columns[f->kind](to, x, 1, n);
    } else {
      fold_rows[f->kind](to, x, 1, n, 0);
    }
    return;
  }
  if (k == f->rank - 2 && f->stride[k + 1] == 0) {
    fold_rows[f->kind](to, x, n, f->size[k + 1], f->stride[k]);
    return;
  }
  if (k == f->rank - 2 && f->stride[k] == 0) {
    fold_columns[f->kind](to, x, n, f->size[k + 1]);
    return;
  }
  int64_t step = 1;
  for (int i = k + 1; i < f->rank; i++) step *= f->size[i];
  for (int64_t i = 0; i < n; i++) fold_tile(f, to + i * f->stride[k], x + i * step, first, k + 1);
}

// A worker is one part's state.
typedef struct {
  const kernel_loop *loop;
  int part;
  int64_t length; // of the tile's first dimension
  int64_t *digit, *offset;
  float **slot;
} worker;

// prefetch asks for what lies behind a tile, which mostly is the next one, so that memory works while this one is computed.
static inline void prefetch(const float *tile, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(tile + n + i);
}

static void act(const worker *w, const kernel_action *a) {
  const kernel_loop *l = w->loop;
  const kernel_access *at = &l->access[a->access];
  int64_t length = a->length == 2 ? l->size[0] : w->length;
  switch (a->kind) {
  case ACTION_POINT:
    w->slot[a->out] = (float *)(at->memory + w->offset[a->access]);
    if (a->form) prefetch(w->slot[a->out], length * l->inner);
    break;
  case ACTION_LOAD:
    if (a->length == 1) {
      load_line(w->slot[a->out], at->memory + w->offset[a->access], at->type, 1, 1);
    } else {
      view v = {l->rank, at->type, length, l->size, at->tile};
      gather(w->slot[a->out], at->memory + w->offset[a->access], &v, 0);
    }
    break;
  case ACTION_COMPUTE:
    tiles[a->op][a->form](w->slot[a->out], w->slot[a->a], w->slot[a->b], w->slot[a->c], a->length == 1 ? 1 : length * l->inner);
    break;
  case ACTION_STORE: {
    view v = {l->rank, at->type, length, l->size, at->tile};
    scatter(at->memory + w->offset[a->access], w->slot[a->a], &v, 0);
    break;
  }
  case ACTION_FOLD: {
    const kernel_fold *f = &l->fold[a->access];
    double *to = f->accumulators + w->part * f->count;
    for (int i = l->prefix; i < l->digits; i++) to += w->digit[i] * f->outer[i];
    fold_tile(f, to, w->slot[a->a], length * f->size[0], 0);
    break;
  }
  }
}

// advance goes on to the next tile and returns the outermost digit that changed.
static int advance(const worker *w) {
  const kernel_loop *l = w->loop;
  for (int k = l->digits - 1;; k--) {
    int64_t steps = 1;
    int wrapped = ++w->digit[k] == l->extent[k];
    if (wrapped) {
      w->digit[k] = 0;
      steps = 1 - l->extent[k];
    }
    for (int i = 0; i < l->accesses; i++) w->offset[i] += steps * l->access[i].outer[k];
    if (!wrapped || k == 0) return k;
  }
}

static int64_t length_of(const worker *w) {
  const kernel_loop *l = w->loop;
  if (l->chunk_digit < 0) return l->size[0];
  int64_t left = l->whole - w->digit[l->chunk_digit] * l->size[0];
  return left < l->size[0] ? left : l->size[0];
}

static void clear_folds(const worker *w) {
  for (int i = 0; i < w->loop->folds; i++) {
    const kernel_fold *f = &w->loop->fold[i];
    double *to = f->accumulators + w->part * f->count;
    for (int64_t k = 0; k < f->count; k++) to[k] = kernel_identity[f->kind];
  }
}

// finish_group writes the folds of the group that the present tile ends, and begins anew.
static void finish_group(const worker *w) {
  const kernel_loop *l = w->loop;
  for (int i = 0; i < l->folds; i++) {
    const kernel_fold *f = &l->fold[i];
    const kernel_access *a = &l->access[f->access];
    char *to = a->memory;
    for (int k = 0; k < l->prefix; k++) to += w->digit[k] * a->outer[k];
    kernel_write_fold(f, a->type, f->accumulators + w->part * f->count, to, w->length);
  }
  clear_folds(w);
}

// run_tiles runs a part's tiles from one number to before another.
static void run_tiles(worker *w, int64_t from, int64_t to) {
  const kernel_loop *l = w->loop;
  int64_t rest = from;
  if (from == to) return; // a digit may have no values
  for (int k = l->digits - 1; k >= 0; k--) {
    w->digit[k] = rest % l->extent[k];
    rest /= l->extent[k];
    for (int i = 0; i < l->accesses; i++) w->offset[i] += w->digit[k] * l->access[i].outer[k];
  }
  for (int changed = -1; from < to; changed = advance(w)) {
    w->length = length_of(w);
    for (int i = 0; i < l->actions; i++) {
      if (l->action[i].level >= changed) act(w, &l->action[i]);
    }
    from++;
    if (l->grouped && from % l->tiles == 0) finish_group(w);
    if (from == to) break;
  }
}

void RUN_PART(const kernel_loop *l, int part) {
  float scratch[KERNEL_SCRATCH] __attribute__((aligned(64)));
  float *slot[l->slots + 1];
  int64_t digit[KERNEL_RANK], offset[l->accesses + 1];
  worker w = {.loop = l, .part = part, .digit = digit, .offset = offset, .slot = slot};
  for (int i = 0; i < l->slots; i++) slot[i] = l->slot[i] < 0 ? NULL : scratch + l->slot[i];
  for (int i = 0; i < l->constants; i++) scratch[l->constant_slot[i]] = l->constant[i];
  memset(offset, 0, sizeof offset);
  clear_folds(&w);
  int64_t whole = l->grouped ? l->groups : l->groups * l->tiles, unit = l->grouped ? l->tiles : 1;
  run_tiles(&w, whole * part / l->parts * unit, whole * (part + 1) / l->parts * unit);
}
