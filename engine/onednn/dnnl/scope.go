package dnnl

import "errors"

// errClosed is what everything made in a scope reports after its Close.
var errClosed = errors.New("dnnl: the scope is closed")

// Scope owns what is made in it: descriptors, primitives and calls. It serves one goroutine at a time. What is made in one scope may be used to
// make things in another while both are open.
type Scope struct {
	threads int      // that its primitives run on; 0: OpenMP's own number
	free    []func() // in the order of creation
	closed  bool
}

// Close frees everything that was made in the scope. Calls must not be running. It may be called again.
func (s *Scope) Close() {
	for i := len(s.free) - 1; i >= 0; i-- {
		s.free[i]()
	}
	s.free, s.closed = nil, true
}

func (s *Scope) own(free func()) { s.free = append(s.free, free) }
