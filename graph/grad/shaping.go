package grad

import (
	"errors"
	"math"
	"slices"

	"visus/graph"
)

// shaping are the rules of operators of the domain "visus" that are identities or ordinary functions forward and shape the gradient:
//
//	operator          inputs            attributes        forward              backward
//	StopGradient      x                                   x                    nothing
//	StraightThrough   x, f                                f                    dx = dy, nothing to f (of x's type and shape)
//	ClipGradientNorm  x [N,...]         max_norm (float)  x                    dx_n = dy_n·min(1, max_norm/|dy_n|), for each n
//	RedirectedRelu    x [N,...], on     max (float, +∞)   min(max(x,0), max)   see redirect; on is an optional bool scalar
//	CustomGradient    y, x...           gradient (graph)  y                    dx... = gradient(x..., y, dy), nothing to y
//	Recompute         x                                   x                    dx = dy; ends a part that the gradient computes again
//	After             x, other                            x, once other is     dx = dy, nothing to other
var shaping = map[string]rule{
	"visus.StopGradient":     none,
	"visus.StraightThrough":  pass,
	"visus.ClipGradientNorm": clipNorm,
	"visus.RedirectedRelu":   redirect,
	"visus.CustomGradient":   custom,
	"visus.Recompute":        pass,
	"visus.After":            pass,
}

// custom writes the node's own gradient graph, whose inputs are x..., y and dy.
func custom(b *graph.Builder, c call) []graph.Value {
	sub, ok := c.Attribute("gradient").(*graph.Graph)
	if !ok {
		b.Fail("CustomGradient", errors.New("it has no attribute gradient"))
		return nil
	}
	own := sub.Clone()
	own.Opsets = map[string]int64{"": b.Opset()} // a subgraph has those of the model
	return append([]graph.Value{{}}, b.Inline(own, append(slices.Clone(c.x[1:]), c.y[0], c.dy[0])...)...)
}

func clipNorm(b *graph.Builder, c call) []graph.Value {
	most := number(b, c.dy[0], float64(c.Float("max_norm", 1)))
	norm := sampleNorm(b, c.dy[0])
	over := compare(b, "Greater", norm, most)
	factor := where(b, over, div(b, most, norm), number(b, norm, 1))
	return []graph.Value{mul(b, c.dy[0], factor)}
}

// redirect, the rectifier of Lucid's overrides (featurevis): where the ordinary gradient of a sample is 0 throughout and on is true (or left
// out), gradients that would bring x back into the rectifier's range pass: those at x < 0 that are not positive, as the loss falls when x
// rises, and those at x > max that are not negative.
func redirect(b *graph.Builder, c call) []graph.Value {
	x, dy := c.x[0], c.dy[0]
	zero := number(b, x, 0)
	low := compare(b, "Less", x, zero)
	blocked, harmful := low, b.Op("And", []graph.Value{low, compare(b, "Greater", dy, zero)})
	if top := float64(c.Float("max", float32(math.Inf(1)))); !math.IsInf(top, 1) {
		high := compare(b, "Greater", x, number(b, x, top))
		blocked = b.Op("Or", []graph.Value{blocked, high})
		harmful = b.Op("Or", []graph.Value{harmful, b.Op("And", []graph.Value{high, compare(b, "Less", dy, zero)})})
	}
	plain, redirected := where(b, blocked, zero, dy), where(b, harmful, zero, dy)
	dead := compare(b, "Equal", sampleNorm(b, plain), zero)
	if c.Input(1) != "" {
		dead = b.Op("And", []graph.Value{dead, c.x[1]})
	}
	return []graph.Value{where(b, dead, redirected, plain)}
}

// sampleNorm is the Euclidean length of each sample of x [N,...], as [N,1,...].
func sampleNorm(b *graph.Builder, x graph.Value) graph.Value {
	var axes []int
	for i := 1; i < len(x.Shape); i++ {
		axes = append(axes, i)
	}
	if len(axes) == 0 {
		return unary(b, "Abs", x)
	}
	return b.Op("ReduceL2", []graph.Value{x, list(b, axes)})
}
