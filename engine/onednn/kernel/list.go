//go:build unix && cgo

package kernel

// #cgo LDFLAGS: -lm
// #include "kernel.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// UseOpenMP lets kernels run on the threads of an OpenMP runtime with GNU's interface, whose functions symbol finds. Without, they run on
// one thread, and it returns false. It is to be called before anything runs; later calls change nothing.
func UseOpenMP(symbol func(name string) unsafe.Pointer) bool {
	openmp.Do(func() {
		parallel, thread, team, threads := symbol("GOMP_parallel"), symbol("omp_get_thread_num"), symbol("omp_get_num_threads"), symbol("omp_set_num_threads")
		dynamic := symbol("omp_set_dynamic")
		if parallel == nil || thread == nil || team == nil || threads == nil || dynamic == nil {
			return
		}
		C.kernel_use_openmp(parallel, thread, team, threads, dynamic)
		openmp.found = true
	})
	return openmp.found
}

var openmp struct {
	sync.Once
	found bool
}

// Allocate returns memory of C's, whose content is anything, aligned to 64 bytes; nil where there is none. Free frees it.
func Allocate(bytes int) unsafe.Pointer { return C.kernel_allocate(C.int64_t(bytes)) }

// Free frees what Allocate returned.
func Free(memory unsafe.Pointer) { C.free(memory) }

// List is steps in order.
type List struct {
	c     *C.kernel_list
	names []string
	stop  func()
}

var errClosed = errors.New("kernel: the list is closed")

// NewList makes a list to run on so many threads. A run whose context is done ends before the next step, as long as that comes before commit.
func NewList(threads int, steps []Step, commit int) (*List, error) {
	if threads < 1 || commit < 0 {
		return nil, fmt.Errorf("kernel: list: at least one thread and no negative commit expected, found %d and %d", threads, commit)
	}
	l := &List{c: (*C.kernel_list)(C.calloc(1, C.size_t(unsafe.Sizeof(C.kernel_list{}))))}
	l.c.threads, l.c.count, l.c.commit = C.int(threads), C.int(len(steps)), C.int(commit)
	l.c.steps = (*C.kernel_step)(C.calloc(C.size_t(max(len(steps), 1)), C.size_t(unsafe.Sizeof(C.kernel_step{}))))
	for i, s := range unsafe.Slice(l.c.steps, len(steps)) {
		s.function, s.argument = (*C.kernel_function)(steps[i].Function), steps[i].Argument
		unsafe.Slice(l.c.steps, len(steps))[i] = s
		l.names = append(l.names, steps[i].Name)
	}
	l.stop = func() { l.flag(1) }
	return l, nil
}

// flag sets whether the list is to stop.
func (l *List) flag(value int32) { atomic.StoreInt32((*int32)(unsafe.Pointer(&l.c.stop)), value) }

// Run runs the steps once, by one call into C on a thread of its own. It reports a *StepError, or ctx's error. Calls do not overlap.
func (l *List) Run(ctx context.Context) error {
	if l.c == nil {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.flag(0)
	if ctx.Done() != nil {
		done := make(chan struct{})
		release := context.AfterFunc(ctx, func() { l.stop(); close(done) })
		defer func() {
			if !release() {
				<-done // it has begun: wait, so that it cannot stop the next run
			}
		}()
	}
	status := 0
	onThread(func() { status = int(C.kernel_list_run(l.c)) })
	switch {
	case status == 0:
		return nil
	case status == C.KERNEL_STOPPED && ctx.Err() != nil:
		return ctx.Err()
	}
	at := int(l.c.at)
	return &StepError{Index: at, Status: status, Name: l.names[at]}
}

// Profile runs the steps once and returns how long each took.
func (l *List) Profile() []time.Duration {
	if l.c == nil || len(l.names) == 0 {
		return nil
	}
	l.c.seconds = (*C.double)(C.calloc(C.size_t(len(l.names)), 8))
	defer func() { C.free(unsafe.Pointer(l.c.seconds)); l.c.seconds = nil }()
	l.flag(0)
	onThread(func() { C.kernel_list_run(l.c) })
	out := make([]time.Duration, len(l.names))
	for i, s := range unsafe.Slice(l.c.seconds, len(out)) {
		out[i] = time.Duration(float64(s) * float64(time.Second))
	}
	return out
}

// Close frees the list, not what its steps use. A second Close does nothing.
func (l *List) Close() {
	if l.c != nil {
		C.free(unsafe.Pointer(l.c.steps))
		C.free(unsafe.Pointer(l.c))
		l.c = nil
	}
}

// runner is an OS thread that runs lists. OpenMP keeps threads for each thread that calls it: one that is used again finds them warm.
type runner struct{ work, done chan func() }

var idle struct {
	sync.Mutex
	runners []*runner
}

// onThread calls f on the runner that was used last, or on a new one where all are busy.
func onThread(f func()) {
	r := rest()
	r.work <- f
	<-r.done
	idle.Lock()
	idle.runners = append(idle.runners, r)
	idle.Unlock()
}

func rest() *runner {
	idle.Lock()
	defer idle.Unlock()
	if n := len(idle.runners); n > 0 {
		r := idle.runners[n-1]
		idle.runners = idle.runners[:n-1]
		return r
	}
	r := &runner{make(chan func()), make(chan func())}
	go func() {
		runtime.LockOSThread()
		for f := range r.work {
			f()
			r.done <- f
		}
	}()
	return r
}
