//go:build !unix || !cgo

package kernel

import (
	"context"
	"time"
	"unsafe"
)

// UseOpenMP finds nothing to run on.
func UseOpenMP(func(name string) unsafe.Pointer) bool { return false }

// Allocate has no memory.
func Allocate(int) unsafe.Pointer { return nil }

// Free does nothing.
func Free(unsafe.Pointer) {}

// Step reports ErrNoBinding, or what is wrong with the loop.
func (l Loop) Step(int) (Step, func(), error) {
	if err := l.check(); err != nil {
		return Step{}, nil, err
	}
	return Step{}, nil, ErrNoBinding
}

// List cannot be made.
type List struct{}

// NewList reports ErrNoBinding.
func NewList(int, []Step, int) (*List, error) { return nil, ErrNoBinding }

// Run reports ErrNoBinding.
func (*List) Run(context.Context) error { return ErrNoBinding }

// Profile has nothing to time.
func (*List) Profile() []time.Duration { return nil }

// Close does nothing.
func (*List) Close() {}

// Step reports ErrNoBinding, as all below.
func (Take) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Put) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Pick) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Top) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Running) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Mix) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Sample) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Integers) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }

// Step reports ErrNoBinding.
func (Overlap) Step(int) (Step, func(), error) { return Step{}, nil, ErrNoBinding }
