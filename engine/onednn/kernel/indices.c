//go:build unix && cgo

// Kernels that take entries at given places, put them there, or find places.
#include "special.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  kernel_job *job;
  const void *argument;
  int64_t units;
  int parts, status;
} jobs;

static void work(void *argument, int part) {
  jobs *j = argument;
  int status = j->job(j->argument, j->units * part / j->parts, j->units * (part + 1) / j->parts, part);
  if (status) __atomic_store_n(&j->status, status, __ATOMIC_RELAXED);
}

int kernel_spread(kernel_job *job, const void *argument, int64_t units, int parts) {
  if (parts > units) parts = (int)units;
  jobs j = {job, argument, units, parts, 0};
  if (parts > 0) kernel_parallel(work, &j, parts);
  return j.status;
}

// from_zero counts an index from the front; -1 where it is outside.
static int64_t from_zero(int64_t index, int64_t size) {
  if (index < 0) index += size;
  return index >= 0 && index < size ? index : -1;
}

// place is where the slice at a tuple of indices begins, in bytes; -1 where there is none.
static int64_t place(const kernel_tuple *t, const int64_t *indices) {
  int64_t at = 0;
  for (int d = 0; d < t->depth; d++) {
    int64_t i = from_zero(indices[d], t->size[d]);
    if (i < 0) return -1;
    at += i * t->stride[d];
  }
  return at;
}

static int take(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_take *t = argument;
  for (int64_t u = first; u < last; u++) {
    int64_t batch = u / t->count, k = u % t->count;
    int64_t at = place(&t->tuple, t->indices + batch * t->own + k * t->tuple.depth);
    if (at < 0) return KERNEL_OUTSIDE;
    memcpy(t->out + u * t->bytes, t->data + batch * t->batch + at, t->bytes);
  }
  return 0;
}

int kernel_take_run(void *argument) {
  const kernel_take *t = argument;
  return kernel_spread(take, t, t->batches * t->count, t->parts);
}

static float joined(int reduction, float old, float update) {
  switch (reduction) {
  case KERNEL_ADD: return old + update;
  case KERNEL_MULTIPLY: return old * update;
  case KERNEL_MAX: return old > update || old != old ? old : update;
  case KERNEL_MIN: return old < update || old != old ? old : update;
  }
  return update;
}

static void join(int reduction, char *to, const char *from, int64_t bytes) {
  if (reduction == KERNEL_REPLACE) {
    memcpy(to, from, bytes);
    return;
  }
  float *a = (float *)to;
  const float *b = (const float *)from;
  int64_t n = bytes / (int64_t)sizeof(float);
  if (reduction == KERNEL_ADD) {
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
    return;
  }
  for (int64_t i = 0; i < n; i++) a[i] = joined(reduction, a[i], b[i]);
}

// put owns the slices from first on and before last: each part goes over all updates, so that those of one slice keep their order.
static int put(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_put *p = argument;
  for (int64_t k = 0; k < p->count; k++) {
    int64_t at = place(&p->tuple, p->indices + k * p->tuple.depth);
    if (at < 0) return KERNEL_OUTSIDE;
    int64_t slice = at / p->bytes;
    if (slice >= first && slice < last) join(p->reduction, p->out + at, p->updates + k * p->bytes, p->bytes);
  }
  return 0;
}

int kernel_put_run(void *argument) {
  const kernel_put *p = argument;
  return kernel_spread(put, p, p->whole / p->bytes, p->parts);
}

// run is how many neighbours behind a dimension are worked on together: few where there are parts to share them with.
static int64_t run(int64_t before, int64_t behind, int parts) {
  int64_t n = before >= parts ? behind : (behind + parts - 1) / parts;
  return n < 256 ? n : 256;
}

// PICK_ROW moves one entry of each of the lines from j on: i is the place that the indices say.
#define PICK_ROW(type)                                                                                                                         \
  for (int64_t j = 0; j < length; j++) {                                                                                                       \
    int64_t i = from_zero(indices[j], p->n);                                                                                                   \
    if (i < 0) return KERNEL_OUTSIDE;                                                                                                          \
    if (p->updates)                                                                                                                            \
      ((type *)p->out)[origin + i * p->behind + j] = ((const type *)p->updates)[at + j];                                                       \
    else                                                                                                                                       \
      ((type *)p->out)[at + j] = ((const type *)p->data)[origin + i * p->behind + j];                                                          \
  }

// pick_run is pick_row where all entries have one index.
static int pick_run(const kernel_pick *p, int64_t index, int64_t at, int64_t origin, int64_t length) {
  int64_t i = from_zero(index, p->n), there = origin + i * p->behind;
  if (i < 0) return KERNEL_OUTSIDE;
  if (p->updates)
    join(p->reduction, p->out + there * p->width, p->updates + at * p->width, length * p->width);
  else
    memcpy(p->out + at * p->width, p->data + there * p->width, length * p->width);
  return 0;
}

// pick_row moves length entries that lie behind each other: at is where in the indices, origin where in the lines' first entries.
static int pick_row(const kernel_pick *p, int64_t at, int64_t origin, int64_t length) {
  const int64_t *indices = p->indices + at;
  if (p->reduction != KERNEL_REPLACE) {
    float *out = (float *)p->out + origin;
    const float *updates = (const float *)p->updates + at;
    for (int64_t j = 0; j < length; j++) {
      int64_t i = from_zero(indices[j], p->n);
      if (i < 0) return KERNEL_OUTSIDE;
      float *to = out + i * p->behind + j;
      *to = joined(p->reduction, *to, updates[j]);
    }
    return 0;
  }
  switch (p->width) {
  case 1: PICK_ROW(uint8_t) break;
  case 4: PICK_ROW(uint32_t) break;
  default: PICK_ROW(uint64_t)
  }
  return 0;
}

static int pick(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_pick *p = argument;
  int64_t chunk = run(p->before, p->behind, p->parts), chunks = (p->behind + chunk - 1) / chunk;
  for (int64_t u = first; u < last; u++) {
    int64_t b = u / chunks, j = u % chunks * chunk;
    int64_t length = p->behind - j < chunk ? p->behind - j : chunk;
    for (int64_t k = 0; k < p->count; k++) {
      int64_t row = b * p->count + k, at = row * p->behind + j, origin = b * p->n * p->behind + j;
      int status = p->shared ? pick_run(p, p->indices[row], at, origin, length) : pick_row(p, at, origin, length);
      if (status) return status;
    }
  }
  return 0;
}

int kernel_pick_run(void *argument) {
  const kernel_pick *p = argument;
  int64_t chunk = run(p->before, p->behind, p->parts);
  return kernel_spread(pick, p, p->before * ((p->behind + chunk - 1) / chunk), p->parts);
}

// line is one line of x, for comparisons.
typedef struct {
  const float *x;
  int64_t stride;
  int smallest;
} line;

// better says whether entry a comes before b: a total order.
static int better(const line *l, int64_t a, int64_t b) {
  float x = l->x[a * l->stride], y = l->x[b * l->stride];
  if (isnan(x) || isnan(y)) {
    if (!isnan(x) == !isnan(y)) return a < b;
    return !isnan(x) == l->smallest;
  }
  if (x != y) return (x > y) != l->smallest;
  return a < b;
}

// sink restores a heap whose worst entry is at the top, where the one at i may be better than those below it.
static void sink(const line *l, int64_t *heap, int64_t i, int64_t n) {
  for (;;) {
    int64_t child = 2 * i + 1;
    if (child >= n) return;
    if (child + 1 < n && better(l, heap[child], heap[child + 1])) child++;
    if (!better(l, heap[i], heap[child])) return;
    int64_t t = heap[i];
    heap[i] = heap[child];
    heap[child] = t;
    i = child;
  }
}

// best fills heap with the places of the k best, best first.
static void best(const line *l, int64_t n, int64_t *heap, int64_t k) {
  for (int64_t i = 0; i < k; i++) heap[i] = i;
  for (int64_t i = k / 2 - 1; i >= 0; i--) sink(l, heap, i, k);
  for (int64_t i = k; i < n; i++) {
    if (!better(l, i, heap[0])) continue;
    heap[0] = i;
    sink(l, heap, 0, k);
  }
  for (int64_t left = k - 1; left > 0; left--) {
    int64_t worst = heap[0];
    heap[0] = heap[left];
    heap[left] = worst;
    sink(l, heap, 0, left);
  }
}

static int top(const void *argument, int64_t first, int64_t last, int part) {
  const kernel_top *t = argument;
  int64_t *heap = t->scratch + part * t->k;
  for (int64_t u = first; u < last; u++) {
    int64_t b = u / t->behind, j = u % t->behind;
    line l = {t->x + b * t->n * t->behind + j, t->behind, t->smallest};
    best(&l, t->n, heap, t->k);
    for (int64_t i = 0; i < t->k; i++) t->out[(b * t->k + i) * t->behind + j] = heap[i];
  }
  return 0;
}

int kernel_top_run(void *argument) {
  const kernel_top *t = argument;
  return kernel_spread(top, t, t->before * t->behind, t->parts);
}

static int running(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_running *r = argument;
  int64_t chunk = run(r->before, r->behind, r->parts), chunks = (r->behind + chunk - 1) / chunk;
  for (int64_t u = first; u < last; u++) {
    int64_t b = u / chunks, j = u % chunks * chunk;
    int64_t length = r->behind - j < chunk ? r->behind - j : chunk;
    double sums[256] = {0};
    for (int64_t k = 0; k < r->n; k++) {
      int64_t at = (b * r->n + (r->backward ? r->n - 1 - k : k)) * r->behind + j;
      for (int64_t i = 0; i < length; i++) {
        double sum = sums[i] + r->x[at + i];
        r->out[at + i] = (float)(r->exclusive ? sums[i] : sum);
        sums[i] = sum;
      }
    }
  }
  return 0;
}

int kernel_running_run(void *argument) {
  const kernel_running *r = argument;
  int64_t chunk = run(r->before, r->behind, r->parts);
  return kernel_spread(running, r, r->before * ((r->behind + chunk - 1) / chunk), r->parts);
}
