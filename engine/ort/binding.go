//go:build unix && cgo

package ort

// #cgo linux LDFLAGS: -ldl
// #include <stdlib.h>
// #include "capi.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"visus/engine"
	"visus/engine/library"
	"visus/graph"
	"visus/tensor"
)

// load opens the library at path and returns its version, also where it is too old. A process calls it until it succeeds once.
func load(path string) (version string, err error) {
	if err := library.Whole(path); err != nil {
		return "", err
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var number *C.char
	message := C.ort_load(name, &number)
	if number != nil {
		version = C.GoString(number)
	}
	if message != nil {
		defer C.free(unsafe.Pointer(message))
		return version, errors.New(C.GoString(message))
	}
	return version, nil
}

// failure turns a status into an error and frees it.
func failure(status *C.OrtStatus) error {
	if status == nil {
		return nil
	}
	defer C.ort_release(status)
	return errors.New(C.GoString(C.ort_message(status)))
}

// types gives ONNX's numbers of the element types (TensorProto.DataType).
var types = map[tensor.Type]C.int{
	tensor.Float32: 1, tensor.Uint8: 2, tensor.Int8: 3, tensor.Uint16: 4, tensor.Int16: 5, tensor.Int32: 6, tensor.Int64: 7,
	tensor.Bool: 9, tensor.Float16: 10, tensor.Float64: 11, tensor.Uint32: 12, tensor.Uint64: 13, tensor.BFloat16: 16,
}

func typeOf(number C.int) tensor.Type {
	for t, n := range types {
		if n == number {
			return t
		}
	}
	return tensor.Invalid
}

// session is a compiled model.
type session struct{ c *C.OrtSession }

// newSession compiles a model. It stops early, with any error, once ctx is done.
func newSession(ctx context.Context, m model, o settings) (session, error) {
	provider, device, path := C.CString(o.provider), C.CString(o.device), C.CString(m.path)
	defer C.free(unsafe.Pointer(provider))
	defer C.free(unsafe.Pointer(device))
	defer C.free(unsafe.Pointer(path))
	s := C.ort_settings{threads: C.int(o.threads), provider: provider, device: device}
	if o.freeShapes {
		s.free_shapes = 1
	}
	var options *C.OrtSessionOptions
	if err := failure(C.ort_options_new(s, &options)); err != nil {
		return session{}, err
	}
	defer C.ort_options_free(options)

	cancelled := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		C.ort_cancel(options)
		close(cancelled)
	})
	defer func() {
		if !release() {
			<-cancelled
		}
	}()
	var made session
	data := unsafe.Pointer(unsafe.SliceData(m.bytes))
	err := failure(C.ort_compile(data, C.size_t(len(m.bytes)), path, options, &made.c))
	return made, err
}

// elementType returns the element type of an input or output, Invalid where it is not a tensor of numbers.
func (s session) elementType(output bool, index int) (tensor.Type, error) {
	var side, kind, element C.int
	if output {
		side = 1
	}
	if err := failure(C.ort_value_type(s.c, side, C.size_t(index), &kind, &element)); err != nil {
		return tensor.Invalid, err
	}
	if kind != 1 {
		return tensor.Invalid, nil
	}
	return typeOf(element), nil
}

// call runs a session again and again with the same inputs and outputs.
type call struct {
	c       *C.ort_call
	inputs  int
	outputs int            // where the outputs' names begin
	names   []*C.char      // in C's memory: inputs, states' inputs, outputs, states' outputs
	tensors []C.ort_tensor // in C's memory: inputs, outputs
	pinner  runtime.Pinner
}

// newCall owns the session from now on, also when it fails. Of the states those that have an output come first.
func newCall(s session, inputs, outputs []graph.Value, states []engine.StatePort) (*call, error) {
	c := &call{inputs: len(inputs)}
	var fed, given []string
	for _, v := range inputs {
		fed = append(fed, v.Name)
	}
	for _, v := range outputs {
		given = append(given, v.Name)
	}
	for _, p := range states {
		fed = append(fed, p.Input.Name)
		if p.Output.Name != "" {
			given = append(given, p.Output.Name)
		}
	}
	err := failure(C.ort_call_new(s.c, C.size_t(len(inputs)), C.size_t(len(outputs)), C.size_t(len(states)), C.size_t(len(given)-len(outputs)), &c.c))
	if err != nil {
		C.ort_session_free(s.c)
		return nil, err
	}
	c.tensors = unsafe.Slice(c.c.tensors, len(inputs)+len(outputs))
	c.names = unsafe.Slice(c.c.names, len(fed)+len(given))
	for i, name := range append(fed, given...) {
		c.names[i] = C.CString(name)
	}
	c.outputs = len(fed)
	for i, p := range states {
		if err := c.newState(i, p.Initial); err != nil {
			c.free()
			return nil, err
		}
	}
	return c, nil
}

func (c *call) newState(i int, initial *tensor.Tensor) error {
	if len(initial.Shape()) > C.ORT_MAX_RANK {
		return fmt.Errorf("a state has %d dimensions, more than %d", len(initial.Shape()), C.ORT_MAX_RANK)
	}
	var shape [C.ORT_MAX_RANK]C.int64_t
	for k, size := range initial.Shape() {
		shape[k] = C.int64_t(size)
	}
	rank, bytes := C.size_t(len(initial.Shape())), len(initial.Bytes())
	if err := failure(C.ort_state_new(c.c, C.size_t(i), types[initial.Type()], &shape[0], rank, C.size_t(bytes))); err != nil {
		return err
	}
	copy(c.state(i, bytes), initial.Bytes())
	return nil
}

// state is where the elements of a state lie until the next run.
func (c *call) state(i, bytes int) []byte {
	return unsafe.Slice((*byte)(C.ort_state_now(c.c, C.size_t(i))), bytes)
}

func (c *call) free() { C.ort_call_free(c.c) }

// stop makes the run under way, or the next one, fail soon. goOn undoes it.
func (c *call) stop() { C.ort_stop(c.c) }
func (c *call) goOn() { C.ort_go_on(c.c) }

// run runs once. Outputs that are nil are replaced by new tensors.
func (c *call) run(inputs, outputs []*tensor.Tensor) error {
	defer c.pinner.Unpin()
	for i, t := range inputs {
		if err := c.give(i, t); err != nil {
			return err
		}
	}
	for i, t := range outputs {
		if err := c.give(c.inputs+i, t); err != nil {
			return err
		}
	}
	if err := failure(C.ort_run(c.c)); err != nil {
		return err
	}
	defer C.ort_free_outputs(c.c)
	for i, t := range outputs {
		if t != nil {
			continue
		}
		made, err := c.take(i)
		if err != nil {
			return err
		}
		outputs[i] = made
	}
	return nil
}

// give describes a tensor to C, whose memory stays where it is until the pinner lets go.
func (c *call) give(i int, t *tensor.Tensor) error {
	d := &c.tensors[i]
	d.given, d.memory, d.bytes, d.rank = 0, 0, 0, 0
	if t == nil {
		return nil
	}
	if len(t.Shape()) > C.ORT_MAX_RANK {
		return fmt.Errorf("a tensor has %d dimensions, more than %d", len(t.Shape()), C.ORT_MAX_RANK)
	}
	d.given = 1
	d._type = types[t.Type()]
	d.rank = C.size_t(len(t.Shape()))
	for k, size := range t.Shape() {
		d.shape[k] = C.int64_t(size)
	}
	if data := t.Bytes(); len(data) > 0 {
		c.pinner.Pin(&data[0])
		d.memory = C.uintptr_t(uintptr(unsafe.Pointer(&data[0])))
		d.bytes = C.size_t(len(data))
	}
	return nil
}

// take copies an output that ONNX Runtime made.
func (c *call) take(i int) (*tensor.Tensor, error) {
	d := &c.tensors[c.inputs+i]
	kind := typeOf(d._type)
	if kind == tensor.Invalid {
		return nil, fmt.Errorf("output %q: its element type (ONNX's %d) is not one that visus computes with", C.GoString(c.names[c.outputs+i]), d._type)
	}
	shape := make([]int, d.rank)
	for k := range shape {
		shape[k] = int(d.shape[k])
	}
	t := tensor.New(kind, shape...)
	if n := len(t.Bytes()); n > 0 {
		copy(t.Bytes(), unsafe.Slice((*byte)(d.made), n))
	}
	return t, nil
}
