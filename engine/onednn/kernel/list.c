//go:build unix && cgo

#include "kernel.h"

#include <stdlib.h>
#include <time.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int kernel_list_run(kernel_list *list) {
  kernel_set_threads(list->threads);
  double before = list->seconds ? now() : 0;
  for (list->at = 0; list->at < list->count; list->at++) {
    if (list->at < list->commit && list->stop) return KERNEL_STOPPED;
    const kernel_step *step = &list->steps[list->at];
    int status = step->function(step->argument);
    if (status) return status;
    if (list->seconds) {
      double after = now();
      list->seconds[list->at] = after - before;
      before = after;
    }
  }
  return 0;
}

void *kernel_allocate(int64_t bytes) {
  const size_t line = 64, huge = 2 << 20;
  size_t size = bytes > 0 ? (size_t)bytes : 1;
  void *memory;
  if (posix_memalign(&memory, size >= 2 * huge ? huge : line, size)) return NULL;
#if defined(__linux__)
  if (size >= 2 * huge) madvise(memory, size / huge * huge, MADV_HUGEPAGE); // only advice: it may fail
#endif
  return memory;
}
