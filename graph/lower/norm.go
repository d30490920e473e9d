package lower

import (
	"visus/graph"
)

// batchNormGrad takes x̂, mean and variance from the training form of BatchNormalization, which with momentum 0 gives the batch's own, and
// writes the part of dx that is linear in x̂ as its inference form: fewer passes over memory than Mul and Add make.
func batchNormGrad(b *graph.Builder, c call) []graph.Value {
	x, scale, dy := c.x[0], c.x[1], c.x[2]
	shape := sizes(x)
	channels, entries := shape[1], float64(elements(shape)/max(shape[1], 1))
	epsilon := c.Float("epsilon", 1e-5)
	fill := func(v float64) graph.Value {
		values := make([]float64, channels)
		for i := range values {
			values[i] = v
		}
		return numbers(b, scale.Type, values, channels)
	}
	scalar := func(v float64) graph.Value { return b.Scalar(scale.Type, v) }
	op := func(name string, inputs ...graph.Value) graph.Value { return b.Op(name, inputs) }
	one, zero := fill(1), fill(0)
	axes := []int{0}
	for i := 2; i < len(shape); i++ {
		axes = append(axes, i)
	}
	dbias := sum(b, dy, false, axes...)
	// ONNX Runtime 1.32 writes the running statistics over the old ones, even where those are constants: each has a value that nothing else
	// reads, and that no other expression equals. With momentum 0 it does not matter which.
	oldMean, oldVariance := op("Mul", dbias, scalar(0)), op("Sub", dbias, dbias)
	statistics := b.Ops("BatchNormalization", 3, []graph.Value{x, one, zero, oldMean, oldVariance},
		attribute("training_mode", int64(1)), attribute("momentum", float32(0)), attribute("epsilon", epsilon))
	normal, mean, variance := statistics[0], statistics[1], statistics[2]
	dscale := sum(b, op("Mul", dy, normal), false, axes...)
	slope := op("Div", scale, op("Sqrt", op("Add", variance, scalar(float64(epsilon)))))
	share := op("Neg", op("Div", slope, scalar(entries)))
	wide := make([]int, len(shape))
	for i := range wide {
		wide[i] = 1
	}
	wide[1] = channels
	linear := b.Op("BatchNormalization", []graph.Value{x, op("Mul", share, dscale), op("Mul", share, dbias), mean, variance}, attribute("epsilon", epsilon))
	dx := op("Add", op("Mul", dy, reshape(b, slope, wide...)), linear)
	return []graph.Value{dx, dscale, dbias}
}
