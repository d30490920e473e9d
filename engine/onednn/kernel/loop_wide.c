//go:build unix && cgo

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi,bmi2,prefer-vector-width=512")
#endif
#include "options.h"

#define RUN_PART kernel_run_avx512
#define OVERLAP kernel_overlap_avx512
#include "machine.h"
#include "overlap.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
