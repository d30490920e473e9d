package dnnl

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"visus/engine/library"
)

// ErrNoBinding is what Open reports in a build that cannot load the library.
var ErrNoBinding = errors.New("dnnl: this build of visus cannot load oneDNN: build it on Linux or macOS with cgo (CGO_ENABLED=1 and a C compiler)")

// Spins is how often a waiting OpenMP thread looks for work before it sleeps, where neither GOMP_SPINCOUNT nor OMP_WAIT_POLICY is set.
//
// Measured on two cores of an AMD EPYC (family 26) with BenchmarkGap: a convolution of 72 µs takes 95 µs where the second thread has gone to
// sleep. With 4000 looks it stays awake through gaps of 50 to 100 µs (1000: 20 µs, 8000: 200 µs, GNU OpenMP's own 300,000: 1 ms) and then
// lets go; with 300,000 it costs Go's work 3 to 7 ms of a processor after each run, with 4000 what cannot be told from the noise of 0.2 ms.
const Spins = 4000

// Library is oneDNN.
type Library struct {
	path    string
	version string
	isa     string
	handle  unsafe.Pointer
}

// loaded is the process's one oneDNN: a library that has started OpenMP threads cannot be unloaded.
var loaded struct {
	sync.Mutex
	library *Library
}

// Open loads oneDNN from the file at path (empty: found by library.OneDNN), or returns the one that this process has already loaded. It reports
// an error, which says what to do, where the library is missing, unloadable or of another release than 3.x, and where path is another file
// than the one that is loaded.
func Open(path string) (*Library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if l := loaded.library; l != nil {
		if path != "" && path != l.path {
			return nil, fmt.Errorf("dnnl: %s asked for, but this process has already loaded %s", path, l.path)
		}
		return l, nil
	}
	if path == "" {
		found, _, err := library.OneDNN.Find()
		if err != nil {
			return nil, fmt.Errorf("dnnl: %w", err)
		}
		path = found
	}
	l, err := load(path)
	if errors.Is(err, ErrNoBinding) {
		return nil, err
	}
	if err != nil {
		version := ""
		if l.version != "" {
			version = " (version " + l.version + ")"
		}
		return nil, fmt.Errorf("dnnl: oneDNN 3.0 or later of 3.x is needed, but %s%s cannot serve: %w; run `make runtime` or set %s to another library",
			path, version, err, library.OneDNN.Variable)
	}
	l.path = path
	loaded.library = l
	return l, nil
}

// Version returns the library's version: "3.2.0".
func (l *Library) Version() string { return l.version }

// Path returns the file that was loaded.
func (l *Library) Path() string { return l.path }

// ISA returns the most capable instruction set that the library uses on this machine: "avx512_core_bf16".
func (l *Library) ISA() string { return l.isa }

// Threads returns how many threads a primitive runs on in an operating-system thread that has not said otherwise; 0 where OpenMP cannot tell.
func (l *Library) Threads() int { return threads(l.handle) }

// Symbol returns the address of a function of the library or of one that it is linked with, such as OpenMP; nil where there is none of this name.
func (l *Library) Symbol(name string) unsafe.Pointer { return symbol(l.handle, name) }

// Limit returns the most threads that a primitive can have whatever is asked for (OMP_THREAD_LIMIT); 0 where OpenMP cannot tell.
func (l *Library) Limit() int { return limit(l.handle) }

// NewScope returns an empty scope for primitives that are to run on so many threads, 0 for OpenMP's own number. They must not run on fewer.
func (l *Library) NewScope(threads int) *Scope { return &Scope{threads: threads} }
