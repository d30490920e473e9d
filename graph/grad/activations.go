package grad

import (
	"math"

	"visus/graph"
)

// activations are the rules of activation functions. At a kink the gradient is PyTorch's: that of the left side at 0.
var activations = map[string]rule{
	"Relu": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{keep(b, positive(b, c.x[0]), c.dy[0])}
	},
	"LeakyRelu": func(b *graph.Builder, c call) []graph.Value {
		low := scale(b, c.dy[0], float64(c.Float("alpha", 0.01)))
		return []graph.Value{where(b, positive(b, c.x[0]), c.dy[0], low)}
	},
	// PRelu: y = x above 0 and slope·x below.
	"PRelu": func(b *graph.Builder, c call) []graph.Value {
		up := positive(b, c.x[0])
		dx := where(b, up, c.dy[0], mul(b, c.dy[0], c.x[1]))
		return []graph.Value{dx, where(b, up, number(b, c.dy[0], 0), mul(b, c.dy[0], c.x[0]))}
	},
	"ThresholdedRelu": func(b *graph.Builder, c call) []graph.Value {
		above := compare(b, "Greater", c.x[0], number(b, c.x[0], float64(c.Float("alpha", 1))))
		return []graph.Value{keep(b, above, c.dy[0])}
	},
	// Shrink is x less or plus the bias outside of ±lambd, and 0 inside.
	"Shrink": func(b *graph.Builder, c call) []graph.Value {
		outside := compare(b, "Greater", unary(b, "Abs", c.x[0]), number(b, c.x[0], float64(c.Float("lambd", 0.5))))
		return []graph.Value{keep(b, outside, c.dy[0])}
	},
	// Elu: y = α(exp x - 1) below 0, so y' = y + α.
	"Elu": below(func(b *graph.Builder, c call) graph.Value { return shift(b, c.y[0], float64(c.Float("alpha", 1))) }),
	// Celu: y = α(exp(x/α) - 1) below 0, so y' = y/α + 1.
	"Celu": below(func(b *graph.Builder, c call) graph.Value {
		return shift(b, scale(b, c.y[0], 1/float64(c.Float("alpha", 1))), 1)
	}),
	"Selu": selu,
	"Gelu": times(gelu),
	// Mish: y = x·t with t = tanh(softplus x), so y' = t + x·(1-t²)·σ(x).
	"Mish": times(func(b *graph.Builder, c call) graph.Value {
		x := c.x[0]
		t := unary(b, "Tanh", unary(b, "Softplus", x))
		return b.Add(t, mul(b, mul(b, x, less1(b, square(b, t))), unary(b, "Sigmoid", x)))
	}),
	// Swish: y = x·s with s = σ(αx), so y' = s + α·y·(1-s).
	"Swish": times(func(b *graph.Builder, c call) graph.Value {
		alpha := float64(c.Float("alpha", 1))
		s := unary(b, "Sigmoid", scale(b, c.x[0], alpha))
		return b.Add(s, scale(b, mul(b, c.y[0], less1(b, s)), alpha))
	}),
	// HardSwish: y = x·(x+3)/6 between -3 and 3, 0 below and x above.
	"HardSwish": func(b *graph.Builder, c call) []graph.Value {
		x, dy := c.x[0], c.dy[0]
		middle := mul(b, dy, shift(b, scale(b, x, 1.0/3), 0.5))
		up := where(b, compare(b, "Less", x, number(b, x, 3)), middle, dy)
		return []graph.Value{keep(b, compare(b, "Greater", x, number(b, x, -3)), up)}
	},
	// HardSigmoid: y = αx + β where that lies between 0 and 1.
	"HardSigmoid": func(b *graph.Builder, c call) []graph.Value {
		slope := float64(c.Float("alpha", 0.2))
		line := shift(b, scale(b, c.x[0], slope), float64(c.Float("beta", 0.5)))
		inside := b.Op("And", []graph.Value{positive(b, line), compare(b, "Less", line, number(b, line, 1))})
		return []graph.Value{keep(b, inside, scale(b, c.dy[0], slope))}
	},
	"Sigmoid":  times(func(b *graph.Builder, c call) graph.Value { return mul(b, c.y[0], less1(b, c.y[0])) }),
	"Softplus": times(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sigmoid", c.x[0]) }),
	// Softsign: y = x/(1+|x|), so y' = 1/(1+|x|)².
	"Softsign": over(func(b *graph.Builder, c call) graph.Value { return square(b, shift(b, unary(b, "Abs", c.x[0]), 1)) }),
}

// positive is x > 0.
func positive(b *graph.Builder, x graph.Value) graph.Value {
	return compare(b, "Greater", x, number(b, x, 0))
}

// below makes the rule of functions that are x above 0 and have another derivative below.
func below(derivative func(b *graph.Builder, c call) graph.Value) rule {
	return func(b *graph.Builder, c call) []graph.Value {
		low := mul(b, c.dy[0], derivative(b, c))
		return []graph.Value{where(b, positive(b, c.x[0]), c.dy[0], low)}
	}
}

// selu: y = γx above 0 and γα(exp x - 1) below, so y' = y + γα there.
func selu(b *graph.Builder, c call) []graph.Value {
	const standardAlpha, standardGamma = 1.67326319217681884765625, 1.05070102214813232421875 // ONNX's defaults, from arXiv 1706.02515
	alpha, gamma := float64(c.Float("alpha", standardAlpha)), float64(c.Float("gamma", standardGamma))
	low := mul(b, c.dy[0], shift(b, c.y[0], alpha*gamma))
	return []graph.Value{where(b, positive(b, c.x[0]), scale(b, c.dy[0], gamma), low)}
}

// gelu: y = x·Φ(x), so y' = Φ(x) + x·φ(x) with the normal distribution Φ and its density φ; or y = x(1+t)/2 with t = tanh u and
// u = √(2/π)(x + 0.044715x³), so y' = (1+t)/2 + x(1-t²)u'/2 (arXiv 1606.08415).
func gelu(b *graph.Builder, c call) graph.Value {
	x := c.x[0]
	if c.Text("approximate", "none") != "tanh" {
		normal := scale(b, shift(b, unary(b, "Erf", scale(b, x, math.Sqrt2/2)), 1), 0.5)
		density := scale(b, unary(b, "Exp", scale(b, square(b, x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return b.Add(normal, mul(b, x, density))
	}
	const cubic = 0.044715
	root, xx := math.Sqrt(2/math.Pi), square(b, x)
	t := unary(b, "Tanh", mul(b, x, shift(b, scale(b, xx, root*cubic), root)))
	du := shift(b, scale(b, xx, 3*root*cubic), root)
	return scale(b, b.Add(shift(b, t, 1), mul(b, mul(b, x, less1(b, square(b, t))), du)), 0.5)
}
