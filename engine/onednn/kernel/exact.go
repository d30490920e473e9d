//go:build unix && cgo

package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
	"slices"
	"unsafe"

	"visus/tensor"
)

// exact says whether the loop is to be computed in float64: where an operand or a result has that type.
func (l Loop) exact() bool {
	return slices.ContainsFunc(l.Operands, func(o Operand) bool { return o.Type == tensor.Float64 }) ||
		slices.ContainsFunc(l.Results, func(r Result) bool { return r.Type == tensor.Float64 })
}

// exactly compiles a loop over float64.
func (c *compiler) exactly() (unsafe.Pointer, error) {
	if slices.ContainsFunc(c.Results, func(r Result) bool { return r.Fold != FoldNone }) {
		return nil, fmt.Errorf("kernel: loop: folds with float64 are not there")
	}
	if len(c.Dims) > C.KERNEL_RANK {
		return nil, fmt.Errorf("kernel: loop with float64: expected at most %d dimensions, found %v", C.KERNEL_RANK, c.Dims)
	}
	l := (*C.kernel_exact)(c.allocate(int(unsafe.Sizeof(C.kernel_exact{}))))
	l.rank, l.operands, l.instructions, l.results = C.int(len(c.Dims)), C.int(len(c.Operands)), C.int(len(c.Code)), C.int(len(c.Results))
	for d, n := range c.Dims {
		l.size[d] = C.int64_t(n)
	}
	accesses := list[C.kernel_access](c, len(c.Operands)+len(c.Results))
	place := func(a *C.kernel_access, memory unsafe.Pointer, t tensor.Type, strides []int) {
		a.memory, a._type = (*C.char)(memory), C.int(readable[t])
		for d, stride := range strides {
			a.outer[d] = C.int64_t(stride * widths[t])
		}
	}
	for i, o := range c.Operands {
		place(&accesses[i], o.Memory, o.Type, o.Strides)
	}
	registers := list[C.int](c, len(c.Results))
	for i, r := range c.Results {
		place(&accesses[len(c.Operands)+i], r.Memory, r.Type, r.Strides)
		registers[i] = C.int(r.Register)
	}
	code := list[C.kernel_instruction](c, len(c.Code))
	for i, in := range c.Code {
		code[i] = C.kernel_instruction{op: C.int(in.Op), a: C.int(in.A), b: C.int(in.B), c: C.int(in.C), value: C.double(in.Value)}
	}
	l.access, l.instruction, l.reg = unsafe.SliceData(accesses), unsafe.SliceData(code), unsafe.SliceData(registers)
	return unsafe.Pointer(l), nil
}
