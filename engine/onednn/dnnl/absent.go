//go:build !unix || !cgo

package dnnl

import "unsafe"

func load(string) (*Library, error) { return nil, ErrNoBinding }

// Nothing below is reached, as nothing is made without a library.

func symbol(unsafe.Pointer, string) unsafe.Pointer              { return nil }
func threads(unsafe.Pointer) int                                { return 0 }
func limit(unsafe.Pointer) int                                  { return 0 }
func statusText(int) string                                     { return "" }
func newDesc(Type, []int, []int) (unsafe.Pointer, error)        { return nil, ErrNoBinding }
func freeDesc(unsafe.Pointer)                                   {}
func descBytes(unsafe.Pointer) int                              { return 0 }
func descEqual(a, b unsafe.Pointer) bool                        { return a == b }
func layout(unsafe.Pointer) Layout                              { return Layout{} }
func newPlan(request) (unsafe.Pointer, error)                   { return nil, ErrNoBinding }
func freePlan(unsafe.Pointer)                                   {}
func planName(unsafe.Pointer) string                            { return "" }
func planWant(unsafe.Pointer, Arg) unsafe.Pointer               { return nil }
func newPrimitive(unsafe.Pointer, int) (unsafe.Pointer, error)  { return nil, ErrNoBinding }
func freePrimitive(unsafe.Pointer)                              {}
func newCall(unsafe.Pointer, []Binding) (unsafe.Pointer, error) { return nil, ErrNoBinding }
func freeCall(unsafe.Pointer)                                   {}
func runCall(unsafe.Pointer) int                                { return 0 }
func runFunction() unsafe.Pointer                               { return nil }
