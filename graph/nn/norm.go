package nn

import (
	"fmt"

	"visus/graph"
	"visus/tensor"
)

// BatchNorm says how batch normalisation is made. Zero values are PyTorch's defaults.
type BatchNorm struct {
	Epsilon  float64     // added to the variance; 0 means 1e-5
	Momentum float64     // weight of the newest batch in the running statistics; 0 means 0.1
	Weight   Initialiser // nil: ones
}

// BatchNorm normalises x [batch, channels, ...] over batch and space: y = weight · (x - mean) / √(variance + ε) + bias (Ioffe and Szegedy
// 2015). weight, bias, running_mean and running_var are [channels].
//
// A network that is used takes the running statistics. One that is trained takes the batch's, with the variance over n values divided by
// n, and lets the running ones follow as PyTorch does, with the variance divided by n-1:
//
//	running = (1 - momentum) · running + momentum · batch
func (n *Net) BatchNorm(name string, x graph.Value, o BatchNorm) graph.Value {
	channels, ok := n.width("BatchNorm", x, 1)
	if !ok {
		return graph.Value{}
	}
	l := n.In(name)
	weight, bias := l.Parameter("weight", o.Weight.or(Constant(1)), channels), l.Parameter("bias", Constant(0), channels)
	mean, variance := l.Buffer("running_mean", Constant(0), channels), l.Buffer("running_var", Constant(1), channels)
	epsilon := attribute("epsilon", o.Epsilon, 1e-5)
	if !n.Training {
		return l.Op("BatchNormalization", []graph.Value{x, weight, bias, mean, variance}, epsilon)
	}
	count, ok := l.batched(x, channels)
	if !ok {
		return graph.Value{}
	}
	momentum := otherwise(o.Momentum, 0.1)
	oldMean, nextMean := l.follow("running_mean", momentum, 1)
	oldVariance, nextVariance := l.follow("running_var", momentum, count/(count-1))
	y := l.Ops("BatchNormalization", 3, []graph.Value{x, weight, bias, oldMean, oldVariance}, epsilon,
		graph.Attribute{Name: "momentum", Value: float32(0.5)}, graph.Attribute{Name: "training_mode", Value: int64(1)})
	nextMean(y[1])
	nextVariance(y[2])
	return y[0]
}

// batched returns how many values each channel of x has.
func (n *Net) batched(x graph.Value, channels int) (float64, bool) {
	sizes, fixed := x.Sizes()
	count := 0
	if all, err := tensor.Elements(sizes); err == nil && fixed {
		count = all / channels
	}
	if count < 2 {
		n.Fail("BatchNorm", fmt.Errorf("the input has shape %s; training needs fixed sizes and more than one value a channel", graph.ShapeText(x.Shape)))
	}
	return float64(count), count >= 2
}

// follow moves a buffer towards scale · batch. ONNX's operator makes M · old + (1-M) · batch of it, without a scale, and ONNX Runtime writes
// that over old wherever else old is read. So the operator is given a value of its own, with M = ½:
//
//	(1-m) · running + m · scale · batch = 2 m scale · (½ · old + ½ · batch) with old = (1-m)/(m scale) · running
func (n *Net) follow(name string, momentum, scale float64) (old graph.Value, next func(half graph.Value)) {
	old = n.op("Mul", n.current(name), n.scalar((1-momentum)/(momentum*scale)))
	return old, func(half graph.Value) { n.Replace(name, n.op("Mul", half, n.scalar(2*momentum*scale))) }
}

// InstanceNorm normalises each channel of each image of x [batch, channels, ...] over space (Ulyanov et al. 2016), with ε = 1e-5 and a
// weight and bias [channels].
func (n *Net) InstanceNorm(name string, x graph.Value) graph.Value {
	channels, ok := n.width("InstanceNorm", x, 1)
	if !ok {
		return graph.Value{}
	}
	l := n.In(name)
	return l.Op("InstanceNormalization", []graph.Value{x, l.Parameter("weight", Constant(1), channels), l.Parameter("bias", Constant(0), channels)},
		attribute("epsilon", 0, 1e-5))
}

// GroupNorm normalises groups of channels of each image of x [batch, channels, ...] together (Wu and He 2018), with ε = 1e-5 and a weight
// and bias [channels].
func (n *Net) GroupNorm(name string, x graph.Value, groups int) graph.Value {
	rank, ok := n.rank("GroupNorm", x, 3, 5)
	if !ok {
		return graph.Value{}
	}
	channels, ok := n.width("GroupNorm", x, 1)
	if !ok {
		return graph.Value{}
	}
	if groups < 1 || channels%groups != 0 {
		n.Fail("GroupNorm", fmt.Errorf("%d channels in %d groups, expected groups that divide them", channels, groups))
		return graph.Value{}
	}
	l := n.In(name)
	ones, zeros := tensor.New(tensor.Float32, groups), tensor.New(tensor.Float32, groups)
	Constant(1)(nil, tensor.Values[float32](ones), nil)
	grouped := l.op("Reshape", x, l.Ints(0, int64(groups), -1))
	y := l.Op("InstanceNormalization", []graph.Value{grouped, l.Constant(ones), l.Constant(zeros)}, attribute("epsilon", 0, 1e-5))
	y = l.op("Reshape", y, l.op("Shape", x))
	along := append([]int64{int64(channels)}, repeat(1, rank-2)...) // [channels, 1, ...]
	weight := l.op("Reshape", l.Parameter("weight", Constant(1), channels), l.Ints(along...))
	bias := l.op("Reshape", l.Parameter("bias", Constant(0), channels), l.Ints(along...))
	return l.Add(l.op("Mul", y, weight), bias)
}

// LayerNorm normalises the last axis of x [..., width] (Ba et al. 2016), with ε = 1e-5 and a weight and bias [width].
func (n *Net) LayerNorm(name string, x graph.Value) graph.Value {
	rank, ok := n.rank("LayerNorm", x, 1, 8)
	if !ok {
		return graph.Value{}
	}
	width, ok := n.width("LayerNorm", x, rank-1)
	if !ok {
		return graph.Value{}
	}
	l := n.In(name)
	return l.Op("LayerNormalization", []graph.Value{x, l.Parameter("weight", Constant(1), width), l.Parameter("bias", Constant(0), width)},
		graph.Attribute{Name: "axis", Value: int64(-1)}, attribute("epsilon", 0, 1e-5))
}

// attribute is a float attribute with a default for 0.
func attribute(name string, value, standard float64) graph.Attribute {
	return graph.Attribute{Name: name, Value: float32(otherwise(value, standard))}
}

// otherwise is the value, or the standard one for 0.
func otherwise(value, standard float64) float64 {
	if value == 0 {
		return standard
	}
	return value
}
