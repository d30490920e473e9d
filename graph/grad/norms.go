package grad

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// norms are the rules of normalisations. They are written with differentiable operators, from x again: statistics are cheap beside the layers
// between normalisations, and nothing of the forward pass has to be kept.
var norms = map[string]rule{
	"BatchNormalization": batchNormRule, "InstanceNormalization": instanceNormRule, "GroupNormalization": groupNormRule,
	"LayerNormalization": layerNormRule, "RMSNormalization": rmsNormRule, "LRN": lrnRule, "LpNormalization": lpNormRule,
	"MeanVarianceNormalization": meanVarianceRule, "visus.BatchNormGrad": composed(batchNormGrad),
}

// standard is x standardised over axes: x̂ = (x − mean)·inverse with inverse = 1/√(variance + ε).
type standard struct {
	axes                     []int
	centred, inverse, normal graph.Value
}

func standardise(b *graph.Builder, x graph.Value, axes []int, epsilon float64) standard {
	centred := sub(b, x, reduceMean(b, x, axes))
	inverse := unary(b, "Reciprocal", unary(b, "Sqrt", shift(b, reduceMean(b, square(b, centred), axes), epsilon)))
	return standard{axes, centred, inverse, mul(b, centred, inverse)}
}

// back is dx for d, the gradient of x̂: inverse·(d − mean d − x̂·mean(d·x̂)).
func (s standard) back(b *graph.Builder, d graph.Value) graph.Value {
	along := reduceMean(b, mul(b, d, s.normal), s.axes)
	return mul(b, s.inverse, sub(b, sub(b, d, reduceMean(b, d, s.axes)), mul(b, s.normal, along)))
}

// reduceMean averages x over axes, which stay with size 1.
func reduceMean(b *graph.Builder, x graph.Value, axes []int) graph.Value {
	if len(axes) == 0 {
		return x
	}
	return b.Op("ReduceMean", []graph.Value{x, list(b, axes)})
}

// from are the axes from the given one on.
func from(axis, rank int) []int {
	var axes []int
	for i := axis; i < rank; i++ {
		axes = append(axes, i)
	}
	return axes
}

// perChannel gives an array [C] the shape [C,1,...], which broadcasts over x [N,C,...].
func perChannel(b *graph.Builder, v graph.Value, rank int) graph.Value {
	shape := slices.Repeat([]int{1}, rank-1)
	shape[0] = elements(sizes(v))
	return reshape(b, v, shape)
}

// batchNormRule, inference: y = scale·(x − mean)/√(variance + ε) + bias, with statistics that are inputs like any other. In training they are the
// batch's own, and gradients of the running statistics (momentum·old + (1 − momentum)·the batch's) reach x too.
func batchNormRule(b *graph.Builder, c call) []graph.Value {
	x, gamma, mean, variance, dy := c.x[0], c.x[1], c.x[3], c.x[4], c.dy[0]
	rank, epsilon := len(x.Shape), float64(c.Float("epsilon", 1e-5))
	if c.Int("training_mode", 0) != 0 {
		return batchNormTraining(b, c)
	}
	wide := func(v graph.Value) graph.Value { return perChannel(b, convert(b, v, x.Type), rank) }
	inverse := unary(b, "Reciprocal", unary(b, "Sqrt", shift(b, variance, epsilon)))
	slope := mul(b, convert(b, gamma, inverse.Type), inverse)
	dbias := convert(b, biasGradient(b, dy), c.x[2].Type)
	pull := convert(b, biasGradient(b, mul(b, dy, sub(b, x, wide(mean)))), inverse.Type) // Σ dy·(x − mean)
	dscale := mul(b, pull, inverse)
	return []graph.Value{
		mul(b, dy, wide(slope)), convert(b, dscale, gamma.Type), dbias,
		neg(b, mul(b, slope, convert(b, dbias, slope.Type))), scale(b, mul(b, mul(b, dscale, slope), inverse), -0.5),
	}
}

func batchNormTraining(b *graph.Builder, c call) []graph.Value {
	x := c.x[0]
	out, axes := make([]graph.Value, 5), others(sizes(x))
	share := float64(elements(sizes(x))) / float64(max(sizes(x)[1], 1))
	momentum := float64(c.Float("momentum", 0.9))
	if dy := c.dy[0]; dy.Name != "" {
		copy(out, b.Ops("visus.BatchNormGrad", 3, []graph.Value{x, c.x[1], dy}, attribute("epsilon", c.Float("epsilon", 1e-5))))
	}
	add := func(d graph.Value) {
		if out[0].Name == "" {
			out[0] = expand(b, d, sizes(x))
		} else {
			out[0] = b.Add(out[0], d)
		}
	}
	running := func(i int) graph.Value {
		if i < len(c.dy) {
			return c.dy[i]
		}
		return graph.Value{}
	}
	if d := running(1); d.Name != "" { // mean: 1/m for each entry
		out[3] = scale(b, d, momentum)
		add(perChannel(b, convert(b, scale(b, d, (1-momentum)/share), x.Type), len(x.Shape)))
	}
	if d := running(2); d.Name != "" { // variance: 2·(x − mean)/m
		out[4] = scale(b, d, momentum)
		centred := sub(b, x, reduceMean(b, x, axes))
		add(mul(b, centred, perChannel(b, convert(b, scale(b, d, (1-momentum)*2/share), x.Type), len(x.Shape))))
	}
	return out
}

// batchNormGrad writes the operator with ordinary ones, to differentiate it again: dx = scale·back(dy), dscale = Σ dy·x̂, dbias = Σ dy.
func batchNormGrad(b *graph.Builder, c call) []graph.Value {
	x, gamma, dy := c.x[0], c.x[1], c.x[2]
	s := standardise(b, x, others(sizes(x)), float64(c.Float("epsilon", 1e-5)))
	return []graph.Value{mul(b, perChannel(b, gamma, len(x.Shape)), s.back(b, dy)), biasGradient(b, mul(b, dy, s.normal)), biasGradient(b, dy)}
}

// instanceNormRule standardises every channel of every sample; y = scale·x̂ + bias.
func instanceNormRule(b *graph.Builder, c call) []graph.Value {
	x, dy, rank := c.x[0], c.dy[0], len(c.x[0].Shape)
	s := standardise(b, x, from(2, rank), float64(c.Float("epsilon", 1e-5)))
	return []graph.Value{s.back(b, mul(b, dy, perChannel(b, c.x[1], rank))), biasGradient(b, mul(b, dy, s.normal)), biasGradient(b, dy)}
}

// groupNormRule standardises groups of channels of every sample. scale and bias have an entry a group in opset 18, a channel from 21 on.
func groupNormRule(b *graph.Builder, c call) []graph.Value {
	x, dy, shape := c.x[0], c.dy[0], sizes(c.x[0])
	groups := int(c.Int("num_groups", 1))
	s := standardise(b, reshape(b, x, []int{shape[0], groups, elements(shape[1:]) / max(groups, 1)}), []int{2}, float64(c.Float("epsilon", 1e-5)))
	each := shape[1] / max(elements(sizes(c.x[1])), 1) // channels that share an entry of scale
	fine := append([]int{shape[0], shape[1] / max(each, 1), each}, shape[2:]...)
	dfine := reshape(b, dy, fine)
	parameter := func(v graph.Value) graph.Value { // [N, entries, ...] summed to [entries]
		return reshape(b, reduceSum(b, v, append([]int{0}, from(2, len(fine))...)), sizes(c.x[1]))
	}
	dnormal := mul(b, dfine, perChannel(b, c.x[1], len(fine)))
	dx := s.back(b, reshape(b, dnormal, sizes(s.normal)))
	return []graph.Value{reshape(b, dx, shape), parameter(mul(b, dfine, reshape(b, s.normal, fine))), parameter(dfine)}
}

// layerNormRule standardises over the axes from axis on: y = scale·x̂ + bias. The further outputs are the mean, with 1/m for each entry, and the
// inverse deviation r, with −r²·x̂/m. Statistics may be of another type (stash_type).
func layerNormRule(b *graph.Builder, c call) []graph.Value {
	x, rank := c.x[0], len(c.x[0].Shape)
	axes := from(axisOf(c.Int("axis", -1), rank), rank)
	s := standardise(b, x, axes, float64(c.Float("epsilon", 1e-5)))
	entries := 1.0
	for _, axis := range axes {
		entries *= float64(sizes(x)[axis])
	}
	var dx []graph.Value
	out := make([]graph.Value, 3)
	if dy := c.dy[0]; dy.Name != "" {
		dx = append(dx, s.back(b, mul(b, dy, c.x[1])))
		out[1], out[2] = mul(b, dy, s.normal), dy // the walk sums them to their shapes
	}
	if len(c.dy) > 1 && c.dy[1].Name != "" {
		dx = append(dx, expand(b, scale(b, convert(b, c.dy[1], x.Type), 1/entries), sizes(x)))
	}
	if len(c.dy) > 2 && c.dy[2].Name != "" {
		dx = append(dx, scale(b, mul(b, s.normal, mul(b, convert(b, c.dy[2], x.Type), square(b, s.inverse))), -1/entries))
	}
	out[0] = sum(b, dx...)
	return out[:len(c.x)]
}

// rmsNormRule: y = scale·x̂ with x̂ = x·r, r = 1/√(mean x² + ε), so dx = r·(d − x̂·mean(d·x̂)).
func rmsNormRule(b *graph.Builder, c call) []graph.Value {
	x, dy, rank := c.x[0], c.dy[0], len(c.x[0].Shape)
	axes := from(axisOf(c.Int("axis", -1), rank), rank)
	inverse := unary(b, "Reciprocal", unary(b, "Sqrt", shift(b, reduceMean(b, square(b, x), axes), float64(c.Float("epsilon", 1e-5)))))
	normal := mul(b, x, inverse)
	d := mul(b, dy, c.x[1])
	return []graph.Value{mul(b, inverse, sub(b, d, mul(b, normal, reduceMean(b, mul(b, d, normal), axes)))), mul(b, dy, normal)}
}

// lrnRule: y = x·D^(−β) with D = bias + α/size·Σ x² over the channels around. That sum is a product with a matrix of ones in a band, B, so
// dx = dy·D^(−β) − 2αβ/size·x·Bᵀ(dy·x·D^(−β−1)).
func lrnRule(b *graph.Builder, c call) []graph.Value {
	x, dy, shape := c.x[0], c.dy[0], sizes(c.x[0])
	size, channels := int(c.Int("size", 1)), shape[1]
	alpha, beta, bias := float64(c.Float("alpha", 1e-4)), float64(c.Float("beta", 0.75)), float64(c.Float("bias", 1))
	band := make([]float64, channels*channels)
	for at := range channels {
		for i := max(0, at-(size-1)/2); i <= min(channels-1, at+size-1-(size-1)/2); i++ {
			band[at*channels+i] = 1
		}
	}
	around := matrix(b, x.Type, band, channels, channels)
	flat := func(v graph.Value) graph.Value { return reshape(b, v, []int{shape[0], channels, elements(shape[2:])}) }
	matmul := func(m, v graph.Value) graph.Value { return b.Op("MatMul", []graph.Value{m, v}) }
	power := func(v graph.Value, p float64) graph.Value { return b.Op("Pow", []graph.Value{v, number(b, v, p)}) }
	xs, ds, rate := flat(x), flat(dy), alpha/float64(size)
	d := shift(b, scale(b, matmul(around, square(b, xs)), rate), bias)
	behind := matmul(transpose(b, around, []int{1, 0}), mul(b, mul(b, ds, xs), power(d, -beta-1)))
	return []graph.Value{reshape(b, sub(b, mul(b, ds, power(d, -beta)), scale(b, mul(b, xs, behind), 2*rate*beta)), shape)}
}

// lpNormRule: y = x/|x| along axis, in the p-norm for p 1 or 2: dx = (dy − q·Σ dy·y)/|x| with q = sign x for p = 1, y for p = 2. Where the norm
// is 0, dx is 0.
func lpNormRule(b *graph.Builder, c call) []graph.Value {
	x, y, dy := c.x[0], c.y[0], c.dy[0]
	axes := []int{axisOf(c.Int("axis", -1), len(x.Shape))}
	q, norm := y, graph.Value{}
	switch p := c.Int("p", 2); p {
	case 1:
		q, norm = unary(b, "Sign", x), reduceSum(b, unary(b, "Abs", x), axes)
	case 2:
		norm = unary(b, "Sqrt", reduceSum(b, square(b, x), axes))
	default:
		b.Fail(c.Op, fmt.Errorf("p is %d, expected 1 or 2", p))
		return nil
	}
	none := compare(b, "Equal", norm, number(b, norm, 0))
	d := div(b, sub(b, dy, mul(b, q, reduceSum(b, mul(b, dy, y), axes))), where(b, none, number(b, norm, 1), norm))
	return []graph.Value{where(b, none, number(b, d, 0), d)}
}

// meanVarianceRule: y = (x − mean)/(σ + 1e-9), so dx = (dy − mean dy)/(σ + 1e-9) − (x − mean)·mean(dy·(x − mean))/(σ·(σ + 1e-9)²). Where σ is 0
// so is the second term.
func meanVarianceRule(b *graph.Builder, c call) []graph.Value {
	x, dy := c.x[0], c.dy[0]
	axes := []int{0, 2, 3}
	if given := c.Ints("axes"); given != nil {
		axes = nil
		for _, axis := range given {
			axes = append(axes, axisOf(axis, len(x.Shape)))
		}
	}
	centred := sub(b, x, reduceMean(b, x, axes))
	sigma := unary(b, "Sqrt", reduceMean(b, square(b, centred), axes))
	inverse := unary(b, "Reciprocal", shift(b, sigma, 1e-9))
	nonzero := where(b, compare(b, "Equal", sigma, number(b, x, 0)), number(b, x, 1), sigma)
	pull := mul(b, reduceMean(b, mul(b, dy, centred), axes), div(b, square(b, inverse), nonzero))
	return []graph.Value{sub(b, mul(b, inverse, sub(b, dy, reduceMean(b, dy, axes))), mul(b, centred, pull))}
}

// matrix is a constant of floating-point numbers.
func matrix(b *graph.Builder, kind tensor.Type, values []float64, shape ...int) graph.Value {
	t := tensor.New(tensor.Float64, shape...)
	copy(tensor.Values[float64](t), values)
	return convert(b, b.Constant(t), kind)
}
