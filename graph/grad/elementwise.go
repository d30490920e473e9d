package grad

import (
	"errors"
	"math"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// elementwise are the rules of operators that compute each element from the elements in its place. Inputs that broadcast get a gradient of
// the output's shape, which the walk sums.
var elementwise = map[string]rule{
	"Identity": pass, "Add": pass2, "Sum": passAll,
	"Sub": func(b *graph.Builder, c call) []graph.Value { return []graph.Value{c.dy[0], neg(b, c.dy[0])} },
	"Mul": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{mul(b, c.dy[0], c.x[1]), mul(b, c.dy[0], c.x[0])}
	},
	// Div: y = a/b, so da = dy/b and db = -da·y. Reusing y keeps b² out of float32's overflow; b = 0 gives Inf or NaN, as forward does.
	"Div": func(b *graph.Builder, c call) []graph.Value {
		da := div(b, c.dy[0], c.x[1])
		return []graph.Value{da, neg(b, mul(b, da, c.y[0]))}
	},
	"Mean": func(b *graph.Builder, c call) []graph.Value {
		d := scale(b, c.dy[0], 1/float64(len(c.x)))
		c.dy[0] = d
		return passAll(b, c)
	},
	"Mod": mod, "Pow": pow, "Min": extreme, "Max": extreme, "Where": whereRule, "Clip": clip, "Dropout": dropout,
	"Cast": cast, "CastLike": cast,

	// Constant between steps; the derivative there counts as 0 at the steps too, as in PyTorch.
	"Sign": none, "Floor": none, "Ceil": none, "Round": none, "QuantizeLinear": none,
	// Booleans and whole numbers.
	"Equal": none, "Less": none, "Greater": none, "LessOrEqual": none, "GreaterOrEqual": none, "And": none, "Or": none, "Xor": none,
	"Not": none, "IsNaN": none, "IsInf": none, "BitShift": none, "BitwiseAnd": none, "BitwiseOr": none, "BitwiseXor": none, "BitwiseNot": none,
	// Nothing that the inputs' numbers change.
	"RandomNormal": none, "RandomNormalLike": none, "RandomUniform": none, "RandomUniformLike": none, "Bernoulli": none, "Multinomial": none,

	"Neg": func(b *graph.Builder, c call) []graph.Value { return []graph.Value{neg(b, c.dy[0])} },
	// Abs: 0 at 0.
	"Abs": times(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sign", c.x[0]) }),
	"Exp": times(func(_ *graph.Builder, c call) graph.Value { return c.y[0] }),
	"Log": func(b *graph.Builder, c call) []graph.Value { return []graph.Value{div(b, c.dy[0], c.x[0])} },
	// Sqrt: dx = dy/(2y), infinite at 0.
	"Sqrt": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{div(b, c.dy[0], scale(b, c.y[0], 2))}
	},
	"Reciprocal": times(func(b *graph.Builder, c call) graph.Value { return neg(b, square(b, c.y[0])) }),
	// Erf: 2/√π exp(-x²).
	"Erf": times(func(b *graph.Builder, c call) graph.Value {
		return scale(b, unary(b, "Exp", neg(b, square(b, c.x[0]))), 2/math.Sqrt(math.Pi))
	}),
	"Sin":  times(func(b *graph.Builder, c call) graph.Value { return unary(b, "Cos", c.x[0]) }),
	"Cos":  times(func(b *graph.Builder, c call) graph.Value { return neg(b, unary(b, "Sin", c.x[0])) }),
	"Tan":  times(func(b *graph.Builder, c call) graph.Value { return shift(b, square(b, c.y[0]), 1) }),
	"Sinh": times(func(b *graph.Builder, c call) graph.Value { return unary(b, "Cosh", c.x[0]) }),
	"Cosh": times(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sinh", c.x[0]) }),
	"Tanh": times(func(b *graph.Builder, c call) graph.Value { return less1(b, square(b, c.y[0])) }),
	"Asin": over(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sqrt", less1(b, square(b, c.x[0]))) }),
	"Acos": over(func(b *graph.Builder, c call) graph.Value {
		return neg(b, unary(b, "Sqrt", less1(b, square(b, c.x[0]))))
	}),
	"Atan":  over(func(b *graph.Builder, c call) graph.Value { return shift(b, square(b, c.x[0]), 1) }),
	"Asinh": over(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sqrt", shift(b, square(b, c.x[0]), 1)) }),
	"Acosh": over(func(b *graph.Builder, c call) graph.Value { return unary(b, "Sqrt", shift(b, square(b, c.x[0]), -1)) }),
	"Atanh": over(func(b *graph.Builder, c call) graph.Value { return less1(b, square(b, c.x[0])) }),
}

// times makes the rule dx = dy·f'(x).
func times(derivative func(b *graph.Builder, c call) graph.Value) rule {
	return func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{mul(b, c.dy[0], derivative(b, c))}
	}
}

// over makes the rule dx = dy/r, for derivatives that are 1/r.
func over(reciprocal func(b *graph.Builder, c call) graph.Value) rule {
	return func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{div(b, c.dy[0], reciprocal(b, c))}
	}
}

// pass hands the gradient on to the first input, pass2 to the first two, passAll to all.
func pass(_ *graph.Builder, c call) []graph.Value  { return c.dy[:1] }
func pass2(_ *graph.Builder, c call) []graph.Value { return []graph.Value{c.dy[0], c.dy[0]} }
func passAll(_ *graph.Builder, c call) []graph.Value {
	out := make([]graph.Value, len(c.x))
	for i := range out {
		out[i] = c.dy[0]
	}
	return out
}

// mod with fmod: y = a - q·b with the whole number q = trunc(a/b), constant between steps: da = dy and db = -q·dy.
func mod(b *graph.Builder, c call) []graph.Value {
	q := unary(b, "Round", div(b, sub(b, c.x[0], c.y[0]), c.x[1]))
	return []graph.Value{c.dy[0], neg(b, mul(b, c.dy[0], q))}
}

// pow: y = a^e, so da = dy·e·a^(e-1), which is 0 for e = 0, also at a = 0; and de = dy·y·ln a, which is 0 at a = 0 for e >= 0.
func pow(b *graph.Builder, c call) []graph.Value {
	a, e, dy := c.x[0], c.x[1], c.dy[0]
	power, zero := convert(b, e, a.Type), number(b, a, 0)
	da := powerSlope(b, a, power, dy)
	if known, ok := b.Numbers(e); ok && len(known) == 1 && len(e.Shape) <= len(a.Shape) {
		switch known[0] { // the common ones need no Pow
		case 1:
			da = dy
		case 2:
			da = mul(b, dy, scale(b, a, 2))
		}
	}
	if !continuous(e.Type) {
		return []graph.Value{da}
	}
	flat := b.Op("And", []graph.Value{compare(b, "Equal", a, zero), compare(b, "GreaterOrEqual", power, zero)})
	slope := where(b, flat, zero, mul(b, c.y[0], unary(b, "Log", a)))
	return []graph.Value{da, convert(b, mul(b, dy, slope), e.Type)}
}

// powerSlope is dy·e·a^(e-1), 0 for e = 0.
func powerSlope(b *graph.Builder, a, e, dy graph.Value) graph.Value {
	lower := b.Op("Pow", []graph.Value{a, shift(b, e, -1)})
	moves := b.Op("Not", []graph.Value{compare(b, "Equal", e, number(b, e, 0))})
	return mul(b, dy, keep(b, moves, mul(b, e, lower)))
}

// short says whether a type has 16 bits. ONNX Runtime computes such numbers in float32 here and in their own type there, so that a number and its
// maximum with others may differ by rounding: what compares them computes both again in float32.
func short(kind tensor.Type) bool { return kind == tensor.Float16 || kind == tensor.BFloat16 }

// extreme, Min and Max: the gradient goes to the input that is taken; inputs that are equal share it. Nothing flows where the output is
// not a number.
func extreme(b *graph.Builder, c call) []graph.Value {
	if len(c.x) == 1 {
		return c.dy[:1]
	}
	taken, counts := make([]graph.Value, len(c.x)), make([]graph.Value, len(c.x))
	xs, y := slices.Clone(c.x), c.y[0]
	if short(y.Type) {
		for i, x := range xs {
			xs[i] = convert(b, x, tensor.Float32)
		}
		y = b.Op(c.Op, xs)
	}
	for i, x := range xs {
		taken[i] = compare(b, "Equal", x, y)
		counts[i] = convert(b, taken[i], c.y[0].Type)
	}
	share := div(b, c.dy[0], b.Op("Sum", counts))
	out := make([]graph.Value, len(c.x))
	for i := range out {
		out[i] = keep(b, taken[i], share)
	}
	return out
}

// whereRule: the branch that is not taken gets exactly 0, also where it is not a number.
func whereRule(b *graph.Builder, c call) []graph.Value {
	zero := number(b, c.dy[0], 0)
	return []graph.Value{{}, where(b, c.x[0], c.dy[0], zero), where(b, c.x[0], zero, c.dy[0])}
}

// clip: the gradient passes inside of the bounds and at them; outside it goes to the bound that is taken.
func clip(b *graph.Builder, c call) []graph.Value {
	x, dx := c.x[0], c.dy[0]
	out := []graph.Value{{}, {}, {}}
	for i, op := range []string{1: "GreaterOrEqual", 2: "LessOrEqual"} {
		if i == 0 || c.Input(i) == "" {
			continue
		}
		inside := compare(b, op, x, c.x[i])
		dx = keep(b, inside, dx)
		out[i] = keep(b, compare(b, []string{1: "Less", 2: "Greater"}[i], x, c.x[i]), c.dy[0])
	}
	if c.Input(1) != "" && c.Input(2) != "" { // crossed bounds: the upper one wins
		crossed := compare(b, "Greater", c.x[1], c.x[2])
		zero := number(b, x, 0)
		out[1] = where(b, crossed, zero, out[1])
		out[2] = where(b, crossed, c.dy[0], out[2])
	}
	out[0] = dx
	return out
}

// dropout: inference passes the input on; training keeps what the mask keeps, times 1/(1-ratio).
func dropout(b *graph.Builder, c call) []graph.Value {
	if c.Input(2) == "" {
		return c.dy[:1]
	}
	training, ok := b.Numbers(c.x[2])
	if ok && training[0] == 0 {
		return c.dy[:1]
	}
	if c.Output(1) == "" {
		b.Fail(c.Op, errors.New("its gradient in training needs its second output, the mask"))
		return nil
	}
	ratio := b.Scalar(c.x[0].Type, 0.5)
	if c.Input(1) != "" {
		ratio = convert(b, c.x[1], c.x[0].Type)
	}
	drops := keep(b, c.y[1], div(b, c.dy[0], less1(b, ratio)))
	if !ok { // it is only known when the graph runs
		drops = where(b, c.x[2], drops, c.dy[0])
	}
	return []graph.Value{drops}
}

// cast: between floating-point types; the walk stops at all others.
func cast(b *graph.Builder, c call) []graph.Value {
	return []graph.Value{convert(b, c.dy[0], c.x[0].Type)}
}
