//go:build unix && cgo

#include "kernel.h"

#include <stddef.h>

// OpenMP's functions as GNU's runtime has them. They are set before any list runs and never change to others.
static struct {
  void (*parallel)(void (*work)(void *), void *argument, unsigned threads, unsigned flags);
  int (*thread)(void);
  int (*team)(void);
  void (*set)(int threads);
  void (*dynamic)(int yes);
} openmp;

void kernel_use_openmp(void *parallel, void *thread, void *team, void *threads, void *dynamic) {
  openmp.dynamic = (void (*)(int))dynamic;
  openmp.thread = (int (*)(void))thread;
  openmp.team = (int (*)(void))team;
  openmp.set = (void (*)(int))threads;
  openmp.parallel = (void (*)(void (*)(void *), void *, unsigned, unsigned))parallel;
}

typedef struct {
  kernel_work *work;
  void *argument;
  int parts;
} job;

// share is what one thread of the team does. A team may be smaller than asked for.
static void share(void *argument) {
  const job *j = argument;
  for (int part = openmp.thread(), team = openmp.team(); part < j->parts; part += team) j->work(j->argument, part);
}

void kernel_parallel(kernel_work *work, void *argument, int parts) {
  if (parts > 1 && openmp.parallel) {
    job j = {work, argument, parts};
    openmp.parallel(share, &j, (unsigned)parts, 0);
    return;
  }
  for (int part = 0; part < parts; part++) work(argument, part);
}

void kernel_set_threads(int threads) {
  if (!openmp.set) return;
  openmp.set(threads);
  openmp.dynamic(0); // oneDNN may wait for all of them, so that a busy machine must not mean fewer
}
