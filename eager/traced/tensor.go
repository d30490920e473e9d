// Package traced is the engine of eager tensors that writes graphs: a function is run once, on the places that its inputs will take, and
// what it does becomes an ONNX graph, which any engine of visus runs and which can be saved as a model.
//
// Gradients are written into the graph too: by graph/grad, and where eager settles what happens at a kink or where a slope is not finite,
// by eager's own rules. Traced tensors have no data to look at; functions that branch on values do not compile for them.
package traced

import (
	"slices"

	"visus/eager"
	"visus/graph"
	"visus/tensor"
)

// Tensor is a value of a graph that is being written. Its shape is fixed.
type Tensor struct {
	trace *trace
	value graph.Value
	shape []int
	dtype eager.DType
	err   error
}

// trace is a graph that is being written. Differentiation replaces the graph's nodes, so the builder is made anew then.
type trace struct {
	graph   *graph.Graph
	builder *graph.Builder
	within  int  // the functions under differentiation that are running
	rule    bool // this is the graph of a gradient: its own gradient is that of its operators
}

func begin(name string, rule bool) (*trace, error) {
	g := &graph.Graph{Name: name, Producer: "visus", Metadata: map[string]string{}, Opsets: map[string]int64{"": graph.CommonOpset}}
	t := &trace{graph: g, rule: rule}
	return t, t.open()
}

func (t *trace) open() (err error) {
	t.builder, err = graph.Extend(t.graph)
	return err
}

var kinds = map[eager.DType]tensor.Type{
	eager.Float32: tensor.Float32, eager.Float64: tensor.Float64, eager.Int64: tensor.Int64, eager.Bool: tensor.Bool,
}

// tensor takes a value that the builder made.
func (t *trace) tensor(v graph.Value) *Tensor {
	if err := t.builder.Err(); err != nil {
		return failed(eager.Errorf("trace", eager.ErrEngine, "%v", err))
	}
	shape, ok := v.Sizes()
	if !ok {
		return failed(eager.Errorf("trace", eager.ErrUnsupported, "the shape %s of %q is not fixed", graph.ShapeText(v.Shape), v.Name))
	}
	for dtype, kind := range kinds {
		if kind == v.Type {
			return &Tensor{trace: t, value: v, shape: shape, dtype: dtype}
		}
	}
	return failed(eager.Errorf("trace", eager.ErrUnsupported, "%q is of type %v", v.Name, v.Type))
}

func failed(err error) *Tensor { return &Tensor{err: err} }

// first returns the first tensor that carries an error, one that stands for mixed traces or none, or nil.
func first(tensors ...*Tensor) *Tensor {
	for _, t := range tensors {
		switch {
		case t == nil:
			return failed(eager.Errorf("trace", eager.ErrUnsupported, "expected a tensor, found nil"))
		case t.err != nil:
			return t
		case t.trace == nil:
			return failed(eager.Errorf("trace", eager.ErrUnsupported, "expected a tensor of a trace, found an empty one"))
		}
	}
	for _, t := range tensors[1:] {
		if t.trace != tensors[0].trace {
			return failed(eager.Errorf("trace", eager.ErrUnsupported,
				"a tensor of another trace; a custom gradient and a traced function use what they are given, and constants made from it"))
		}
	}
	return nil
}

// op writes a node with one output.
func (t *Tensor) op(name string, inputs []*Tensor, attributes ...graph.Attribute) *Tensor {
	return t.ops(name, 1, inputs, attributes...)[0]
}

// ops writes a node. An error of an input is that of each output.
func (t *Tensor) ops(name string, outputs int, inputs []*Tensor, attributes ...graph.Attribute) []*Tensor {
	if bad := first(append([]*Tensor{t}, inputs...)...); bad != nil {
		return slices.Repeat([]*Tensor{bad}, outputs)
	}
	out := make([]*Tensor, outputs)
	for i, v := range t.trace.builder.Ops(name, outputs, valuesOf(inputs...), attributes...) {
		out[i] = t.trace.tensor(v)
	}
	return out
}

// with writes a node of t and constant lists of integers.
func (t *Tensor) with(name string, lists [][]int, attributes ...graph.Attribute) *Tensor {
	inputs := []*Tensor{t}
	for _, list := range lists {
		inputs = append(inputs, t.ints(list))
	}
	return t.op(name, inputs, attributes...)
}

func (t *Tensor) ints(list []int) *Tensor {
	wide := make([]float64, len(list))
	for i, v := range list {
		wide[i] = float64(v)
	}
	return t.FromFlat(eager.Int64, wide, []int{len(list)})
}

// attr is an attribute of a node.
func attr(name string, value any) graph.Attribute { return graph.Attribute{Name: name, Value: value} }

// Shape returns the sizes of the axes; it is not to be changed.
func (t *Tensor) Shape() []int { return t.shape }

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
	one := t.constant(d, []float64{value}, nil)
	if len(shape) == 0 {
		return one
	}
	return one.BroadcastTo(slices.Clone(shape))
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
	if bad := first(t); bad != nil {
		return bad
	}
	var host *tensor.Tensor
	var err error
	switch d {
	case eager.Float32:
		host, err = tensor.Of(convert[float32](values), shape...)
	case eager.Float64:
		host, err = tensor.Of(slices.Clone(values), shape...)
	case eager.Int64:
		host, err = tensor.Of(convert[int64](values), shape...)
	default:
		bits := make([]bool, len(values))
		for i, v := range values {
			bits[i] = v != 0
		}
		host, err = tensor.Of(bits, shape...)
	}
	if err != nil {
		return failed(eager.Errorf("constant", eager.ErrShape, "%v", err))
	}
	return t.trace.tensor(t.trace.builder.Constant(host))
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
	return t.op("Cast", []*Tensor{t}, attr("to", graph.TypeNumber(kinds[to])))
}
