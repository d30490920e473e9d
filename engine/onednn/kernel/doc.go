// Package kernel runs lists of compiled steps: oneDNN's primitives, and kernels of our own for everything that lies between them.
//
// A Step is a C function with its argument. A List is a graph's steps in order, run by one call into C on an OS thread of its own, so that
// OpenMP's threads stay warm from step to step. All memory is C's: Allocate makes it, and nothing here looks at who owns it.
//
// A Loop is our kernel for elementwise arithmetic and reductions: one pass over an iteration space that reads every operand once, computes any
// number of instructions on tiles of about a thousand elements, which stay in the innermost cache, and stores or folds what is asked for.
// It is an interpreter of vector code: one call of a compiled inner loop per instruction and tile. There are three sets of inner loops on
// x86-64 (AVX-512, AVX2, plain), chosen once by what the processor has and oneDNN's variable DNNL_MAX_CPU_ISA allows, and one set elsewhere.
//
// Everything is computed in float32, whatever the types in memory, but for loops with an operand or a result of float64, which are computed one
// element after the other in float64, slowly: they are meant for a few numbers. Sums are added up in float32 within a tile (a few dozen terms in
// each vector lane) and in float64 from tile to tile. Results do not depend on anything but the number of threads.
//
// Take, Put, Pick, Top, Running, Mix, Sample and Integers are kernels for what no loop does: entries at indices, places of the largest, running
// sums, sparse matrices along a dimension, GridSample, exact arithmetic of integers. Their results do not depend on the number of threads either.
package kernel

import "errors"

// ErrNoBinding is what everything here reports in a build without cgo.
var ErrNoBinding = errors.New("kernel: this build of visus has no C: build it on Linux or macOS with cgo (CGO_ENABLED=1 and a C compiler)")
