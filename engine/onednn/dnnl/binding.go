//go:build unix && cgo

package dnnl

// #cgo linux LDFLAGS: -ldl
// #include <stdlib.h>
// #include "capi.h"
import "C"

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"visus/engine/library"
)

type pointer = unsafe.Pointer

// load opens the library at path and returns it with its version, also where it cannot serve.
func load(path string) (*Library, error) {
	if err := library.Whole(path); err != nil {
		return &Library{}, err
	}
	name, spins := C.CString(path), C.CString(strconv.Itoa(Spins))
	defer C.free(pointer(name))
	defer C.free(pointer(spins))
	var found C.dn_library
	message := C.dn_load(name, spins, &found)
	l := &Library{handle: found.handle}
	if found.major > 0 {
		l.version = fmt.Sprintf("%d.%d.%d", found.major, found.minor, found.patch)
	}
	if message != nil {
		defer C.free(pointer(message))
		return l, errors.New(C.GoString(message))
	}
	l.isa = strings.TrimPrefix(C.GoString(found.isa), "cpu_isa_")
	return l, nil
}

func symbol(handle pointer, name string) pointer {
	c := C.CString(name)
	defer C.free(pointer(c))
	return C.dn_symbol(handle, c)
}

func threads(handle pointer) int { return int(C.dn_threads(handle)) }
func limit(handle pointer) int   { return int(C.dn_limit(handle)) }

func failure(f C.dn_failure) error {
	if f.call == nil {
		return nil
	}
	return fmt.Errorf("dnnl: %s: %s", C.GoString(f.call), C.GoString(f.status))
}

func statusText(status int) string { return C.GoString(C.dn_status(C.int(status))) }

// newDesc makes a descriptor; strides is nil where a primitive chooses the layout.
func newDesc(t Type, dims, strides []int) (pointer, error) {
	var sizes, steps [MaxRank]C.int64_t
	for i, n := range dims {
		sizes[i] = C.int64_t(n)
	}
	var given *C.int64_t
	if strides != nil {
		for i, n := range strides {
			steps[i] = C.int64_t(n)
		}
		given = &steps[0]
	}
	var out *C.dn_desc
	err := failure(C.dn_desc_new(C.int(t), C.int(len(dims)), &sizes[0], given, &out))
	return pointer(out), err
}

func freeDesc(d pointer)          { C.dn_desc_free((*C.dn_desc)(d)) }
func descBytes(d pointer) int     { return int(C.dn_desc_bytes((*C.dn_desc)(d))) }
func descEqual(a, b pointer) bool { return C.dn_desc_equal((*C.dn_desc)(a), (*C.dn_desc)(b)) != 0 }
func ints(c []C.int64_t, n C.int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = int(c[i])
	}
	return out
}

func layout(d pointer) Layout {
	var c C.dn_layout
	C.dn_desc_layout((*C.dn_desc)(d), &c)
	l := Layout{
		Type: Type(c._type), Dims: ints(c.dims[:], c.rank), Padded: ints(c.padded[:], c.rank), Offset: int(c.offset), Opaque: c.blocked == 0,
	}
	if l.Opaque {
		return l
	}
	l.Strides = ints(c.strides[:], c.rank)
	for i := range c.blocks {
		l.Blocks = append(l.Blocks, Block{Dim: int(c.block_dims[i]), Size: int(c.block_sizes[i])})
	}
	return l
}

func list(d dimensions) (out [MaxRank]C.int64_t) {
	for i, n := range d {
		out[i] = C.int64_t(n)
	}
	return out
}

// newPlan chooses an implementation.
func newPlan(r request) (pointer, error) {
	desc := func(d Desc) *C.dn_desc { return (*C.dn_desc)(d.c) }
	c := C.dn_request{
		kind: C.int(r.kind), direction: C.int(propagation[r.direction]), algorithm: C.int(r.algorithm),
		src: desc(r.src), weights: desc(r.weights), bias: desc(r.bias), dst: desc(r.dst),
		kernel: list(r.kernel), strides: list(r.strides), dilations: list(r.dilations), begin: list(r.before), end: list(r.after),
		post_ops: C.int(len(r.postOps)), threads: C.int(r.threads),
	}
	if r.hint != nil {
		c.hint = (*C.dn_plan)(r.hint.plan)
	}
	ops := make([]C.dn_post_op, len(r.postOps))
	for i, o := range r.postOps {
		ops[i] = C.dn_post_op{
			kind: C.int(o.Kind), algorithm: C.int(o.Algorithm),
			scale: C.float(o.Scale), alpha: C.float(o.Alpha), beta: C.float(o.Beta), operand: desc(o.Operand),
		}
	}
	var out *C.dn_plan
	err := failure(C.dn_plan_new(&c, unsafe.SliceData(ops), &out))
	return pointer(out), err
}

func freePlan(p pointer)                { C.dn_plan_free((*C.dn_plan)(p)) }
func planName(p pointer) string         { return C.GoString(C.dn_plan_name((*C.dn_plan)(p))) }
func planWant(p pointer, a Arg) pointer { return pointer(C.dn_plan_want((*C.dn_plan)(p), C.int(a))) }

// newPrimitive compiles a plan for so many threads.
func newPrimitive(plan pointer, threads int) (pointer, error) {
	var out *C.dn_primitive
	err := failure(C.dn_primitive_new((*C.dn_plan)(plan), C.int(threads), &out))
	return pointer(out), err
}

func freePrimitive(p pointer) { C.dn_primitive_free((*C.dn_primitive)(p)) }

// newCall ties a primitive to memory.
func newCall(primitive pointer, bindings []Binding) (pointer, error) {
	var arguments []C.int
	var descs []*C.dn_desc
	var memory []pointer
	for _, b := range bindings {
		arguments = append(arguments, C.int(b.Arg))
		descs = append(descs, (*C.dn_desc)(b.Desc.c))
		memory = append(memory, b.Memory)
	}
	var out *C.dn_call
	err := failure(C.dn_call_new((*C.dn_primitive)(primitive), C.int(len(bindings)),
		unsafe.SliceData(arguments), unsafe.SliceData(descs), unsafe.SliceData(memory), &out))
	return pointer(out), err
}

func freeCall(c pointer)    { C.dn_call_free((*C.dn_call)(c)) }
func runCall(c pointer) int { return int(C.dn_run(c)) }
func runFunction() pointer  { return pointer(C.dn_run) }
