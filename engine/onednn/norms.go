package onednn

import (
	"fmt"

	"visus/engine/onednn/kernel"
)

var norms = map[string]operator{
	"BatchNormalization": batchNorm, "visus.BatchNormGrad": batchNormGrad,
	"InstanceNormalization": instanceNorm, "GroupNormalization": groupNorm, "LayerNormalization": layerNorm, "RMSNormalization": rmsNorm,
	"MeanVarianceNormalization": meanVariance, "LpNormalization": lpNorm,
}

// channels shows a vector [C] as [1,C,1,...] of the rank.
func (t *translator) channels(v *value, rank int) *value {
	shape := make([]int, rank)
	for i := range shape {
		shape[i] = 1
	}
	shape[1] = size(v.shape)
	return t.reshape(v, shape...)
}

// moments are mean and variance (biased) over dimensions. Both come from one pass over x: sums of the distance, and of its square, to one
// entry of x, which is near enough to the mean for the difference of the sums to keep its digits.
func (t *translator) moments(x *value, axes ...int) (mean, variance *value) {
	one := x
	for _, d := range axes {
		one = t.slice(one, d, 0, 1, 1)
	}
	distance := t.el(kernel.Sub, x, one)
	first, second := t.mean(distance, axes...), t.mean(t.square(distance), axes...)
	variance = t.el(kernel.Max, t.el(kernel.Sub, second, t.square(first)), t.number(0))
	return t.el(kernel.Add, one, first), variance
}

func (t *translator) inverse(variance *value, epsilon float64) *value {
	return t.el(kernel.Reciprocal, t.el(kernel.Sqrt, t.plus(variance, epsilon)))
}

// scaled is (x − mean)·factor + bias.
func (t *translator) scaled(x, mean, factor, bias *value) *value {
	y := t.el(kernel.Mul, t.el(kernel.Sub, x, mean), factor)
	if bias != nil {
		y = t.el(kernel.Add, y, bias)
	}
	return y
}

// over are the dimensions of a batch norm's statistics.
func over(rank int) []int { return append([]int{0}, all(rank)[2:]...) }

func batchNorm(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	x := n.in[0]
	rank := len(x.shape)
	if rank < 2 {
		return nil, fmt.Errorf("a batch norm of rank %d", rank)
	}
	epsilon, momentum := float64(n.Float("epsilon", 1e-5)), float64(n.Float("momentum", 0.9))
	scale, bias := t.channels(n.in[1], rank), t.channels(n.in[2], rank)
	if n.Int("training_mode", 0) == 0 {
		mean, variance := t.channels(n.in[3], rank), t.channels(n.in[4], rank)
		return list(t.scaled(x, mean, t.el(kernel.Mul, scale, t.inverse(variance, epsilon)), bias)), nil
	}
	mean, variance := t.moments(x, over(rank)...)
	out := list(t.scaled(x, mean, t.el(kernel.Mul, scale, t.inverse(variance, epsilon)), bias))
	for i, batch := range []*value{mean, variance} {
		now := t.reshape(batch, x.shape[1])
		if momentum != 0 {
			now = t.el(kernel.Add, t.times(n.in[3+i], momentum), t.times(now, 1-momentum))
		}
		out = append(out, now)
	}
	return out, nil
}

// batchNormGrad: with x̂ = (x − mean)/σ, dx = scale/σ·(dy − Σdy/m − x̂·Σ(dy·x̂)/m).
func batchNormGrad(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	x, dy := n.in[0], n.in[2]
	rank := len(x.shape)
	axes := over(rank)
	m := float64(size(x.shape) / x.shape[1])
	mean, variance := t.moments(x, axes...)
	inverse := t.inverse(variance, float64(n.Float("epsilon", 1e-5)))
	distance := t.el(kernel.Sub, x, mean)
	dbias := t.sum(dy, axes...)
	dscale := t.el(kernel.Mul, t.sum(t.el(kernel.Mul, dy, distance), axes...), inverse)
	factor := t.el(kernel.Mul, t.channels(n.in[1], rank), inverse)
	slope := t.times(t.el(kernel.Mul, t.el(kernel.Mul, factor, inverse), dscale), -1/m)
	level := t.times(t.el(kernel.Mul, factor, dbias), -1/m)
	dx := t.el(kernel.Add, t.el(kernel.Add, t.el(kernel.Mul, dy, factor), t.el(kernel.Mul, distance, slope)), level)
	c := x.shape[1]
	return []*value{dx, t.reshape(dscale, c), t.reshape(dbias, c)}, nil
}

func instanceNorm(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	rank := len(x.shape)
	mean, variance := t.moments(x, all(rank)[2:]...)
	factor := t.el(kernel.Mul, t.channels(n.in[1], rank), t.inverse(variance, float64(n.Float("epsilon", 1e-5))))
	return list(t.scaled(x, mean, factor, t.channels(n.in[2], rank))), floats(n.in...)
}

func groupNorm(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	groups := int(n.Int("num_groups", 1))
	c := x.shape[1]
	if size(n.in[1].shape) != c {
		return nil, fmt.Errorf("a scale for each group")
	}
	grouped := append([]int{x.shape[0], groups, c / groups}, x.shape[2:]...)
	g := t.reshape(x, grouped...)
	mean, variance := t.moments(g, all(len(grouped))[2:]...)
	y := t.scaled(g, mean, t.inverse(variance, float64(n.Float("epsilon", 1e-5))), nil)
	y = t.reshape(y, x.shape...)
	rank := len(x.shape)
	return list(t.el(kernel.Add, t.el(kernel.Mul, y, t.channels(n.in[1], rank)), t.channels(n.in[2], rank))), floats(n.in...)
}

func layerNorm(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	axes := all(len(x.shape))[n.axis("axis", -1):]
	mean, variance := t.moments(x, axes...)
	inverse := t.inverse(variance, float64(n.Float("epsilon", 1e-5)))
	y := t.el(kernel.Mul, t.scaled(x, mean, inverse, nil), n.in[1])
	if bias := n.arg(2); bias != nil {
		y = t.el(kernel.Add, y, bias)
	}
	return []*value{y, mean, inverse}, floats(n.in...)
}

func rmsNorm(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	axes := all(len(x.shape))[n.axis("axis", -1):]
	inverse := t.inverse(t.mean(t.square(x), axes...), float64(n.Float("epsilon", 1e-5)))
	return list(t.el(kernel.Mul, t.el(kernel.Mul, x, inverse), n.in[1])), floats(n.in...)
}

func meanVariance(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	axes := []int{0, 2, 3}
	if given := n.Ints("axes"); given != nil {
		axes = nil
		for _, a := range given {
			axes = append(axes, from0(int(a), len(x.shape)))
		}
	}
	mean, variance := t.moments(x, axes...)
	return list(t.el(kernel.Div, t.el(kernel.Sub, x, mean), t.plus(t.el(kernel.Sqrt, variance), 1e-9))), floats(x)
}

func lpNorm(t *translator, n *node) ([]*value, error) {
	x, axis := n.in[0], n.axis("axis", -1)
	var length *value
	switch n.Int("p", 2) {
	case 1:
		length = t.sum(t.el(kernel.Abs, x), axis)
	case 2:
		length = t.el(kernel.Sqrt, t.sum(t.square(x), axis))
	}
	zero := t.test(kernel.Equal, length, t.number(0))
	return list(t.where(zero, t.number(0), t.el(kernel.Div, x, length))), floats(x)
}
