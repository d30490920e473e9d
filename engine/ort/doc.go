// Package ort runs graphs on ONNX Runtime, every operator of it.
//
// The library is found at run time (package library) and loaded once per process by the first Open; a process keeps it until its end.
// ONNX Runtime 1.24 or later is needed. The binding is our own (capi.c): one Run is one call into C, tensors of every type and rank
// are wrapped where they lie and pinned only while the call lasts, and errors come back whole.
//
// Threads: one Run uses Options.Threads threads (0: GOMAXPROCS) for the inside of an operator; operators run one after the other.
// The caller's thread is one of them; the others belong to the program, sleep between operators instead of spinning - so that Go's own
// work has the processors - and end with Close.
//
// Memory: inputs are read in place, outputs that are given are written in place, others are copied once out of ONNX Runtime's memory.
// A state has two buffers in C's memory (one where no output replaces it), which a Run reads, writes and then swaps; on a GPU they stay on
// the host, so that ONNX Runtime moves them in and out of each Run.
// One operator breaks this: BatchNormalization with training_mode 1 writes the statistics that it follows over its own inputs 3 and 4, so that
// these must be values of the graph which nothing else reads, as graph/nn and graph/lower make them, not inputs or states.
// Each program has an arena that grows to the largest Run seen and is freed by Close. A program whose input shapes are not all fixed makes no memory
// plan per shape, since ONNX Runtime would keep one for every shape that it has seen.
//
// Errors are *engine.Error values: the model's file and, where ONNX Runtime names one, the node and its operator. ONNX Runtime's own log is
// silenced below fatal, as what it would print comes back as errors.
package ort
