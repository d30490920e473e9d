//go:build unix && cgo

#include "special.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef void part_runner(const kernel_loop *loop, int part);

part_runner kernel_run_plain, kernel_run_avx2, kernel_run_avx512;
kernel_job kernel_overlap_plain, kernel_overlap_avx2, kernel_overlap_avx512;

typedef struct {
  part_runner *run;
  kernel_job *overlap;
} instructions;

static const instructions plain = {kernel_run_plain, kernel_overlap_plain};

#if defined(__x86_64__)
// best goes by what the processor has and by oneDNN's variable for the instructions that may be used, which holds for these loops too.
static const instructions avx2 = {kernel_run_avx2, kernel_overlap_avx2}, avx512 = {kernel_run_avx512, kernel_overlap_avx512};

static instructions best(void) {
  const char *most = getenv("ONEDNN_MAX_CPU_ISA");
  if (!most) most = getenv("DNNL_MAX_CPU_ISA");
  if (!most) most = "ALL";
  __builtin_cpu_init();
  int old = !strcmp(most, "SSE41") || !strcmp(most, "AVX");
  if (old || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return plain;
  if (strncmp(most, "AVX2", 4) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return avx512;
  }
  return avx2;
}
#else
static instructions best(void) { return plain; }
#endif

static instructions chosen;

static __attribute__((constructor)) void choose(void) { chosen = best(); }

static void work(void *loop, int part) { chosen.run(loop, part); }

const double kernel_identity[] = {0, 0, -INFINITY, INFINITY, 1};

static double combined(int kind, double a, double b) {
  switch (kind) {
  case FOLD_MAX: return b > a || b != b ? b : a;
  case FOLD_MIN: return b < a || b != b ? b : a;
  case FOLD_PRODUCT: return a * b;
  }
  return a + b;
}

void kernel_write(char *to, int type, double value) {
  switch (type) {
  case TYPE_FLOAT32: *(float *)to = (float)value; break;
  case TYPE_FLOAT64: *(double *)to = value; break;
  case TYPE_INT64: *(int64_t *)to = value >= 0x1p63 ? INT64_MAX : value >= -0x1p63 ? (int64_t)value : value < 0 ? INT64_MIN : 0; break;
  case TYPE_INT32: *(int32_t *)to = value >= 0x1p31 ? INT32_MAX : value >= -0x1p31 ? (int32_t)value : value < 0 ? INT32_MIN : 0; break;
  case TYPE_UINT8: *(uint8_t *)to = value >= 255 ? 255 : value > 0 ? (uint8_t)value : 0; break;
  case TYPE_BOOL: *(uint8_t *)to = value != 0; break;
  }
}

static void write_from(const kernel_fold *f, int type, const double *from, char *to, int64_t length, int k) {
  if (k == f->kept) {
    kernel_write(to, type, *from * f->scale);
    return;
  }
  int64_t n = k == f->chunked ? length : f->kept_size[k];
  for (int64_t i = 0; i < n; i++) write_from(f, type, from + i * f->kept_stride[k], to + i * f->kept_result[k], length, k + 1);
}

void kernel_write_fold(const kernel_fold *f, int type, const double *from, char *to, int64_t length) {
  write_from(f, type, from, to, length, 0);
}

// put_together adds all parts' accumulators to the first's, in order, and writes them.
static void put_together(const kernel_loop *l) {
  for (int i = 0; i < l->folds; i++) {
    const kernel_fold *f = &l->fold[i];
    double *first = f->accumulators;
    for (int64_t k = f->count; k < l->parts * f->count; k++) first[k % f->count] = combined(f->kind, first[k % f->count], first[k]);
    kernel_write_fold(f, l->access[f->access].type, first, l->access[f->access].memory, l->size[0]);
  }
}

int kernel_loop_run(void *argument) {
  const kernel_loop *l = argument;
  kernel_parallel(work, argument, l->parts);
  if (!l->grouped) put_together(l);
  return 0;
}

int kernel_overlap_run(void *argument) {
  const kernel_overlap *o = argument;
  int64_t used = o->outputs * o->window[0] * o->window[1];
  for (int64_t c = 0; c < o->channels; c++) memcpy(o->packed + c * o->width, o->weights + c * used, used * sizeof(float));
  return kernel_spread(chosen.overlap, o, o->samples, o->parts);
}
