//go:build unix && cgo

#include "options.h"

#define RUN_PART kernel_run_plain
#define OVERLAP kernel_overlap_plain
#include "machine.h"
#include "overlap.h"
