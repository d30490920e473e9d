//go:build unix && cgo

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,bmi,bmi2")
#endif
#include "options.h"

#define RUN_PART kernel_run_avx2
#define OVERLAP kernel_overlap_avx2
#include "machine.h"
#include "overlap.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
