package nn

import (
	"fmt"

	"visus/graph"
	"visus/tensor"
)

// Optimiser writes how parameters change. Its value holds what does not change in a run; what does is state of the graph.
type Optimiser interface {
	// Begin writes what all parameters share, such as corrections that depend on the step, and returns the rule that writes the next
	// value of one parameter.
	Begin(u *Updates) func(p Parameter) graph.Value
}

// Parameter is a tensor that is trained.
type Parameter struct {
	Value    graph.Value
	Gradient graph.Value
	Exempt   bool // from weight decay, and from LARS's scaling
}

// Updates is where an optimiser writes: a graph.Builder behind the gradients, and the state.
type Updates struct {
	*graph.Builder
	Rate graph.Value // the learning rate, a scalar of float32

	root    *graph.Builder // without a scope: its names are the state's
	states  []graph.State
	scalars map[float64]graph.Value
}

// State adds a tensor that stays from step to step. Keep says what becomes of it.
func (u *Updates) State(name string, kind tensor.Type, shape []graph.Dim) graph.Value {
	return u.root.Input(name, kind, shape...)
}

// Keep says what the state of that name is after the step, and before the first: nil is zeros.
func (u *Updates) Keep(name string, next graph.Value, initial *tensor.Tensor) {
	u.root.Output(name+".next", next)
	u.states = append(u.states, graph.State{Input: name, Output: name + ".next", Initial: initial})
}

// Moment adds a state of a parameter's own shape that begins as zeros: "fc.weight.momentum". next writes its next value, which is returned.
func (u *Updates) Moment(p Parameter, name string, next func(old graph.Value) graph.Value) graph.Value {
	name = p.Value.Name + "." + name
	v := next(u.State(name, tensor.Float32, p.Value.Shape))
	u.Keep(name, v, nil)
	return v
}

// Count is the number of this step, from 1, as a scalar of float64. It may be called once.
func (u *Updates) Count() graph.Value {
	t := u.Add(u.State("optimiser.steps", tensor.Float64, []graph.Dim{}), u.Builder.Scalar(tensor.Float64, 1))
	u.Keep("optimiser.steps", t, nil)
	return t
}

// decayed is the gradient of a loss with weight decay: g + decay · p.
func (u *Updates) decayed(p Parameter, decay float64) graph.Value {
	if decay == 0 || p.Exempt {
		return p.Gradient
	}
	return u.Add(p.Gradient, u.mul(p.Value, u.scalar(decay)))
}

// blend is weight · old + (1 - weight) · new.
func (u *Updates) blend(old, new graph.Value, weight float64) graph.Value {
	return u.Add(u.mul(old, u.scalar(weight)), u.mul(new, u.scalar(1-weight)))
}

func (u *Updates) average(p Parameter, next graph.Value, initial *tensor.Tensor, weight float64) string {
	name := p.Value.Name + ".average"
	u.Keep(name, u.blend(u.State(name, tensor.Float32, p.Value.Shape), next, weight), initial)
	return name
}

// peaks are the largest absolute values of the gradients, one a parameter. ONNX Runtime's ReduceMax passes NaN over: a sum finds it.
func (u *Updates) peaks(list []Parameter) graph.Value {
	tops, sums := make([]graph.Value, len(list)), make([]graph.Value, len(list))
	one := u.Ints(1)
	for i, p := range list {
		size := u.op("Abs", p.Gradient)
		tops[i], sums[i] = u.op("Reshape", u.total("ReduceMax", size), one), u.op("Reshape", u.total("ReduceSum", size), one)
	}
	top := u.Op("Concat", tops, graph.Attribute{Name: "axis", Value: int64(0)})
	sum := u.Op("Concat", sums, graph.Attribute{Name: "axis", Value: int64(0)})
	return u.op("Where", u.op("IsNaN", sum), sum, top)
}

// clip cuts the gradients by value, then by norm: g · min(1, most / (‖g‖ + 1e-6)), with PyTorch's 1e-6.
func (u *Updates) clip(list []Parameter, o StepOptions) {
	if o.ClipValue < 0 || o.ClipNorm < 0 {
		u.Fail("clip", fmt.Errorf("value %g, norm %g; expected 0 (none) or more", o.ClipValue, o.ClipNorm))
		return
	}
	if o.ClipValue > 0 {
		for i, p := range list {
			list[i].Gradient = u.op("Clip", p.Gradient, u.scalar(-o.ClipValue), u.scalar(o.ClipValue))
		}
	}
	if o.ClipNorm > 0 {
		squares := make([]graph.Value, len(list))
		for i, p := range list {
			squares[i] = u.squares(p.Gradient)
		}
		norm := u.op("Sqrt", u.Op("Sum", squares))
		factor := u.op("Min", u.op("Div", u.scalar(o.ClipNorm), u.Add(norm, u.scalar(1e-6))), u.scalar(1))
		for i, p := range list {
			list[i].Gradient = u.mul(p.Gradient, factor)
		}
	}
}

// squares is the sum of the squares of all elements, a scalar.
func (u *Updates) squares(x graph.Value) graph.Value { return u.total("ReduceSumSquare", x) }

// total reduces all elements to a scalar.
func (u *Updates) total(op string, x graph.Value) graph.Value {
	return u.Op(op, []graph.Value{x}, graph.Attribute{Name: "keepdims", Value: int64(0)})
}

func (u *Updates) op(name string, inputs ...graph.Value) graph.Value { return u.Op(name, inputs) }
func (u *Updates) mul(x, y graph.Value) graph.Value                  { return u.Op("Mul", []graph.Value{x, y}) }

// scalar is a constant of float32, of which there is one for each value.
func (u *Updates) scalar(value float64) graph.Value {
	v, ok := u.scalars[value]
	if !ok {
		v = u.Scalar(tensor.Float32, value)
		u.scalars[value] = v
	}
	return v
}

// cast converts a scalar.
func (u *Updates) cast(x graph.Value, to tensor.Type) graph.Value {
	return u.Op("Cast", []graph.Value{x}, graph.Attribute{Name: "to", Value: graph.TypeNumber(to)})
}

// descend is p - step.
func (u *Updates) descend(p Parameter, step graph.Value) graph.Value {
	return u.op("Sub", p.Value, step)
}
