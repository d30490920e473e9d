//go:build unix && cgo

#include "options.h"

#define RUN_PART kernel_run_plain
#include "machine.h"
