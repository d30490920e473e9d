// Package dnnl binds the part of oneDNN's C interface that engine/onednn needs.
//
// The library is found at run time (package library) and loaded once per process by the first Open; a process keeps it until its end.
// oneDNN 3.0 or later of the 3.x releases is needed. The binding is our own (capi.c), so that neither a header nor a library is needed to build.
//
// What is made lives in a Scope, in C's memory, until that is closed: descriptors (Desc), primitives and calls. A primitive is made in two steps:
// first it is only chosen, which is cheap and tells with Want how it wants its arguments to lie; the first Bind compiles it. A Call is a
// primitive with the memory of its arguments: a C function and its argument, which a list of steps can run without Go.
//
// Scratchpads are the caller's: an argument Scratchpad where a primitive wants one. Equal primitives are compiled once, as oneDNN keeps the last
// 1024. Errors carry the name of oneDNN's function and its status.
//
// Threads: primitives run on the OpenMP threads that belong to the calling operating-system thread. They wait for the next primitive by spinning
// for a short time (Spins) and then sleep. A process should call from one operating-system thread: each has OpenMP threads of its own, and where
// these are more than the processors, GNU OpenMP hardly spins at all (a convolution of 72 µs then takes 120 µs).
package dnnl
