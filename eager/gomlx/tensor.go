// Package gomlx is the engine of eager tensors on graphs of GoMLX, which lives in a module of its own: an engine needs nothing of visus but
// package eager.
//
// A function is run once, on the places that its inputs take, and must be pure; GoMLX compiles what it built. [Wrap] and Raw are one step
// to GoMLX's own nodes and back, so generic and native code mix, also inside a function under differentiation. What GoMLX lacks (sorting,
// padding, reversing, inverses, some functions) is composed from what it has.
package gomlx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends/notimplemented"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"visus/eager"
)

// Tensor is a node of a graph that is being built.
type Tensor struct {
	trace *trace
	node  *graph.Node
	dtype eager.DType
	err   error
}

// trace is what is known of a graph besides its nodes.
type trace struct {
	within int     // the functions under differentiation that are running
	checks []check // what makes a run an error
}

// check is a node that is true where a run has to fail.
type check struct {
	bad *graph.Node
	err error
}

var kinds = map[eager.DType]dtypes.DType{
	eager.Float32: dtypes.Float32, eager.Float64: dtypes.Float64, eager.Int64: dtypes.Int64, eager.Bool: dtypes.Bool,
}

// Wrap makes a tensor of a node. What depends on values, such as an index out of range, is not noticed then; [Compile] notices.
func Wrap(node *graph.Node) *Tensor { return new(trace).tensor(node) }

// Wrap makes a tensor of a node that native code made from t: it is differentiated as t is.
func (t *Tensor) Wrap(node *graph.Node) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	return t.trace.tensor(node)
}

func (t *trace) tensor(node *graph.Node) *Tensor {
	if node == nil {
		return failed(eager.Errorf("wrap", eager.ErrUnsupported, "expected a node, found nil"))
	}
	for dtype, kind := range kinds {
		if kind == node.DType() {
			return &Tensor{trace: t, node: node, dtype: dtype}
		}
	}
	return failed(eager.Errorf("wrap", eager.ErrUnsupported, "expected float32, float64, int64 or bool, found %v", node.DType()))
}

// Raw returns the node.
func (t *Tensor) Raw() (*graph.Node, error) {
	if bad := first(t); bad != nil {
		return nil, bad.err
	}
	return t.node, nil
}

func failed(err error) *Tensor { return &Tensor{err: err} }

// first returns the first tensor that carries an error, one that stands for a missing tensor or mixed graphs, or nil.
func first(tensors ...*Tensor) *Tensor {
	for _, t := range tensors {
		switch {
		case t == nil || t.err == nil && t.node == nil:
			return failed(eager.Errorf("trace", eager.ErrUnsupported, "expected a tensor of a graph, found none"))
		case t.err != nil:
			return t
		case t.node.Graph() != tensors[0].node.Graph():
			return failed(eager.Errorf("trace", eager.ErrUnsupported, "a tensor of another graph"))
		}
	}
	return nil
}

// build makes a node; GoMLX panics where it cannot.
func (t *Tensor) build(op string, f func() *graph.Node) (out *Tensor) {
	if bad := first(t); bad != nil {
		return bad
	}
	defer func() {
		if r := recover(); r != nil {
			out = failed(caught(op, r))
		}
	}()
	return t.trace.tensor(f())
}

// caught is the error of what was panicked with.
func caught(op string, r any) error {
	err, ok := r.(error)
	if !ok {
		err = fmt.Errorf("%v", r)
	}
	var own *eager.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, notimplemented.NotImplementedError):
		return eager.Errorf(op, eager.ErrUnsupported, "%v", err)
	}
	return eager.Errorf(op, eager.ErrEngine, "%v", err)
}

// fails makes every run an error where the mask, of one element or more, is true somewhere.
func (t *Tensor) fails(mask *Tensor, err error) {
	all := make([]int, len(mask.Shape()))
	for i := range all {
		all[i] = i
	}
	if eager.Size(mask.Shape()) == 0 {
		return
	}
	if any := mask.Reduce(eager.OpAny, all, false); any.err == nil {
		t.trace.checks = append(t.trace.checks, check{any.node, err})
	}
}

// Shape returns the sizes of the axes; it is not to be changed.
func (t *Tensor) Shape() []int {
	if t.node == nil {
		return nil
	}
	return t.node.Shape().Dimensions
}

// DType returns the element type.
func (t *Tensor) DType() eager.DType { return t.dtype }

// Err returns the error of the first operation that failed on the way here.
func (t *Tensor) Err() error { return t.err }

// Fail returns a tensor that carries err, or t where it carries one already.
func (t *Tensor) Fail(err error) *Tensor {
	if t.err != nil {
		return t
	}
	return failed(err)
}

// Full returns a constant. A shape of many elements is one number in the graph.
func (t *Tensor) Full(d eager.DType, value float64, shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckShape("full", shape, -1); err != nil {
		return failed(err)
	}
	if whole := int64(value); d == eager.Int64 && float64(whole) != value {
		return failed(eager.Errorf("full", eager.ErrDType, "expected a whole number for int64, found %v; cast first", value))
	}
	return t.constant(d, []float64{value}, nil).BroadcastTo(slices.Clone(shape))
}

// FromFlat returns a constant of values in C order.
func (t *Tensor) FromFlat(d eager.DType, values []float64, shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckShape("from_flat", shape, len(values)); err != nil {
		return failed(err)
	}
	return t.constant(d, values, shape)
}

// Arange returns the constant start, start+step, ... before stop.
func (t *Tensor) Arange(start, stop, step int) *Tensor {
	if t.err != nil {
		return t
	}
	if step == 0 {
		return failed(eager.Errorf("arange", eager.ErrIndex, "expected a step that is not 0"))
	}
	values := make([]float64, eager.Range{Start: start, Stop: stop, Step: step}.Len())
	for i := range values {
		values[i] = float64(start + i*step)
	}
	return t.constant(eager.Int64, values, []int{len(values)})
}

func (t *Tensor) constant(d eager.DType, values []float64, shape []int) *Tensor {
	return t.build("constant", func() *graph.Node { return graph.ConstTensor(t.node.Graph(), flat(d, values, shape)) })
}

// flat copies values into a tensor of GoMLX.
func flat(d eager.DType, values []float64, shape []int) *tensors.Tensor {
	switch d {
	case eager.Float32:
		return tensors.FromFlatDataAndDimensions(convert[float32](values), shape...)
	case eager.Float64:
		return tensors.FromFlatDataAndDimensions(values, shape...)
	case eager.Int64:
		return tensors.FromFlatDataAndDimensions(convert[int64](values), shape...)
	}
	bits := make([]bool, len(values))
	for i, v := range values {
		bits[i] = v != 0
	}
	return tensors.FromFlatDataAndDimensions(bits, shape...)
}

func convert[E float32 | int64](values []float64) []E {
	out := make([]E, len(values))
	for i, v := range values {
		out[i] = E(v)
	}
	return out
}

// Cast converts: to integers toward zero, to bool whether it is not zero.
func (t *Tensor) Cast(to eager.DType) *Tensor {
	if t.err != nil || t.dtype == to {
		return t
	}
	if to == eager.Bool {
		return t.Compare(eager.OpNotEqual, eager.Scalar(t, 0))
	}
	out := t.build("cast", func() *graph.Node { return graph.ConvertDType(t.node, kinds[to]) })
	if t.dtype.Float() && to.Float() {
		return out
	}
	return t.step(out) // GoMLX would pass gradients through
}
