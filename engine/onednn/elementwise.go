package onednn

import (
	"fmt"
	"math"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/graph"
	"visus/tensor"
)

var elementwise = map[string]operator{
	"Abs": unary(kernel.Abs), "Neg": unary(kernel.Neg), "Sign": unary(kernel.Sign), "Sqrt": unary(kernel.Sqrt),
	"Reciprocal": unary(kernel.Reciprocal), "Exp": unary(kernel.Exp), "Log": unary(kernel.Log), "Erf": unary(kernel.Erf),
	"Sin": unary(kernel.Sin), "Cos": unary(kernel.Cos), "Tan": unary(kernel.Tan), "Asin": unary(kernel.Asin), "Acos": unary(kernel.Acos),
	"Atan": unary(kernel.Atan), "Sinh": unary(kernel.Sinh), "Cosh": unary(kernel.Cosh), "Tanh": unary(kernel.Tanh),
	"Asinh": unary(kernel.Asinh), "Acosh": unary(kernel.Acosh), "Atanh": unary(kernel.Atanh), "Sigmoid": unary(kernel.Sigmoid),
	"Softplus": unary(kernel.Softplus), "Floor": unary(kernel.Floor), "Ceil": unary(kernel.Ceil), "Round": unary(kernel.Round),
	"Relu": unary(kernel.Relu),

	"Add": binary(kernel.Add), "Sub": binary(kernel.Sub), "Mul": binary(kernel.Mul), "Div": binary(kernel.Div), "Pow": binary(kernel.Pow),
	"Mod": exactly(kernel.Mod, modulo), "Min": variadic(kernel.Min), "Max": variadic(kernel.Max), "Sum": variadic(kernel.Add), "Mean": average,

	"Less": comparison(kernel.Less), "LessOrEqual": comparison(kernel.LessEqual), "Greater": comparison(kernel.Greater),
	"GreaterOrEqual": comparison(kernel.GreaterEqual), "Equal": equal,
	"And": logical(kernel.And), "Or": logical(kernel.Or), "Xor": logical(kernel.Xor), "Not": logical(kernel.Not),
	"IsNaN": logical(kernel.IsNaN), "IsInf": infinite, "Where": choose, "Cast": cast, "Clip": clip,
	"Identity": same, "Dropout": same, "visus.StopGradient": same, "visus.ClipGradientNorm": same, "visus.CustomGradient": same, "visus.Recompute": same,
	"visus.After":           func(t *translator, n *node) ([]*value, error) { return list(t.after(n.in[0], n.in[1])), nil },
	"visus.StraightThrough": func(_ *translator, n *node) ([]*value, error) { return n.in[1:2], nil },

	"LeakyRelu": formula(func(t *translator, n *node, x *value) *value {
		return t.leaky(x, t.number(float64(n.Float("alpha", 0.01))))
	}),
	"PRelu": func(t *translator, n *node) ([]*value, error) { return list(t.leaky(n.in[0], n.in[1])), nil },
	"ThresholdedRelu": formula(func(t *translator, n *node, x *value) *value {
		return t.where(t.test(kernel.Greater, x, t.number(float64(n.Float("alpha", 1)))), x, t.number(0))
	}),
	"Elu": formula(func(t *translator, n *node, x *value) *value {
		return t.where(t.test(kernel.Greater, x, t.number(0)), x, t.times(t.less1(t.el(kernel.Exp, x)), float64(n.Float("alpha", 1))))
	}),
	"Celu": formula(func(t *translator, n *node, x *value) *value {
		alpha := float64(n.Float("alpha", 1))
		return t.where(t.test(kernel.Greater, x, t.number(0)), x, t.times(t.less1(t.el(kernel.Exp, t.times(x, 1/alpha))), alpha))
	}),
	"Selu": formula(func(t *translator, n *node, x *value) *value {
		alpha, gamma := float64(n.Float("alpha", 1.67326319217681884765625)), float64(n.Float("gamma", 1.05070102214813232421875))
		return t.times(t.where(t.test(kernel.Greater, x, t.number(0)), x, t.times(t.less1(t.el(kernel.Exp, x)), alpha)), gamma)
	}),
	"Gelu": formula(gelu),
	"Mish": formula(func(t *translator, _ *node, x *value) *value {
		return t.el(kernel.Mul, x, t.el(kernel.Tanh, t.el(kernel.Softplus, x)))
	}),
	"Swish": formula(func(t *translator, n *node, x *value) *value {
		return t.el(kernel.Mul, x, t.el(kernel.Sigmoid, t.times(x, float64(n.Float("alpha", 1)))))
	}),
	"HardSigmoid": formula(func(t *translator, n *node, x *value) *value {
		return t.hardSigmoid(x, float64(n.Float("alpha", 0.2)), float64(n.Float("beta", 0.5)))
	}),
	"HardSwish": formula(func(t *translator, _ *node, x *value) *value {
		return t.el(kernel.Mul, x, t.hardSigmoid(x, 1./6, 0.5))
	}),
	"Softsign": formula(func(t *translator, _ *node, x *value) *value {
		return t.el(kernel.Div, x, t.plus(t.el(kernel.Abs, x), 1))
	}),
}

func list(v *value) []*value { return []*value{v} }

func (t *translator) where(condition, yes, no *value) *value {
	return t.el(kernel.Where, condition, yes, no)
}

func (t *translator) times(x *value, factor float64) *value {
	if factor == 1 {
		return x
	}
	return t.el(kernel.Mul, x, t.number(factor))
}

func (t *translator) plus(x *value, summand float64) *value {
	return t.el(kernel.Add, x, t.number(summand))
}

func (t *translator) less1(x *value) *value { return t.el(kernel.Sub, x, t.number(1)) }

func (t *translator) square(x *value) *value { return t.el(kernel.Mul, x, x) }

func (t *translator) leaky(x, slope *value) *value {
	return t.where(t.test(kernel.Less, x, t.number(0)), t.el(kernel.Mul, x, slope), x)
}

func (t *translator) hardSigmoid(x *value, alpha, beta float64) *value {
	return t.el(kernel.Max, t.el(kernel.Min, t.plus(t.times(x, alpha), beta), t.number(1)), t.number(0))
}

func gelu(t *translator, n *node, x *value) *value {
	if n.Text("approximate", "none") == "tanh" {
		inner := t.times(t.el(kernel.Add, x, t.times(t.el(kernel.Mul, x, t.square(x)), 0.044715)), math.Sqrt(2/math.Pi))
		return t.times(t.el(kernel.Mul, x, t.plus(t.el(kernel.Tanh, inner), 1)), 0.5)
	}
	return t.times(t.el(kernel.Mul, x, t.plus(t.el(kernel.Erf, t.times(x, math.Sqrt2/2)), 1)), 0.5)
}

// floats reports operands that are no numbers of float32: arithmetic of integers would not be exact in the loops.
func floats(in ...*value) error {
	for _, v := range in {
		if v != nil && v.kind != tensor.Float32 {
			return fmt.Errorf("arithmetic of %s", v.kind)
		}
	}
	return nil
}

func unary(op kernel.Op) operator {
	return exactly(op, func(t *translator, n *node) ([]*value, error) { return list(t.el(op, n.in[0])), numbers(n.in...) })
}

func binary(op kernel.Op) operator {
	return exactly(op, func(t *translator, n *node) ([]*value, error) {
		return list(t.el(op, n.in[0], n.in[1])), numbers(n.in...)
	})
}

// exactly computes with integers where all operands are such, else otherwise.
func exactly(op kernel.Op, otherwise operator) operator {
	return func(t *translator, n *node) ([]*value, error) {
		if !isWhole(n.in...) || !op.Whole() || n.Int("fmod", 0) != 0 {
			return otherwise(t, n)
		}
		out := n.in[0]
		if len(n.in) == 1 {
			out = t.integers(n.kind[0], op, out)
		}
		for _, v := range n.in[min(len(n.in), 1):] {
			out = t.integers(n.kind[0], op, out, v)
		}
		return list(out), nil
	}
}

// numbers reports operands that are neither all of float32 nor all of float64.
func numbers(in ...*value) error {
	if !slices.ContainsFunc(in, func(v *value) bool { return v.kind != tensor.Float64 }) {
		return nil
	}
	return floats(in...)
}

func formula(f func(t *translator, n *node, x *value) *value) operator {
	return func(t *translator, n *node) ([]*value, error) { return list(f(t, n, n.in[0])), floats(n.in[0]) }
}

func comparison(op kernel.Op) operator {
	return exactly(op, func(t *translator, n *node) ([]*value, error) {
		return list(t.test(op, n.in[0], n.in[1])), floats(n.in...)
	})
}

func logical(op kernel.Op) operator {
	return func(t *translator, n *node) ([]*value, error) { return list(t.test(op, n.in...)), nil }
}

func variadic(op kernel.Op) operator {
	return exactly(op, func(t *translator, n *node) ([]*value, error) { return list(t.many(op, n.in)), floats(n.in...) })
}

func (t *translator) many(op kernel.Op, in []*value) *value {
	out := in[0]
	for _, v := range in[1:] {
		out = t.el(op, out, v)
	}
	return out
}

func average(t *translator, n *node) ([]*value, error) {
	return list(t.times(t.many(kernel.Add, n.in), 1/float64(len(n.in)))), floats(n.in...)
}

func modulo(t *translator, n *node) ([]*value, error) {
	if n.Int("fmod", 0) == 0 {
		return nil, fmt.Errorf("a Mod without fmod")
	}
	return list(t.el(kernel.Mod, n.in[0], n.in[1])), floats(n.in...)
}

// equal compares numbers. Integers are compared as float32, which is exact where one of them is known to be small.
func equal(t *translator, n *node) ([]*value, error) {
	if n.in[0].kind == tensor.Int64 && !small(n.in[0]) && !small(n.in[1]) {
		return list(t.integers(tensor.Bool, kernel.Equal, n.in...)), nil
	}
	return list(t.test(kernel.Equal, n.in[0], n.in[1])), nil
}

// exact is the first integer from which on float32 does not have all.
const exact = 1 << 24

// small says whether a value's integers are known to be exact in float32.
func small(v *value) bool {
	switch m := v.maker.(type) {
	case *leaf:
		if m.constant == nil {
			return false
		}
		for _, f := range m.constant.Floats() {
			if math.Abs(f) >= exact {
				return false
			}
		}
		return true
	case *view:
		return small(m.in)
	case *element: // made of float32, as ArgMax makes places
		return true
	}
	return false
}

func infinite(t *translator, n *node) ([]*value, error) {
	if n.Int("detect_negative", 1) == 0 || n.Int("detect_positive", 1) == 0 {
		return nil, fmt.Errorf("infinities of one sign")
	}
	return list(t.test(kernel.IsInf, n.in[0])), floats(n.in[0])
}

func choose(t *translator, n *node) ([]*value, error) {
	if n.in[1].kind == tensor.Bool {
		return list(t.elements(tensor.Bool, kernel.Where, n.in...)), nil
	}
	if isWhole(n.in...) {
		return list(t.integers(n.in[1].kind, kernel.Where, n.in...)), nil
	}
	return list(t.elements(n.in[1].kind, kernel.Where, n.in...)), numbers(n.in[1:]...)
}

func cast(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	switch to := n.kind[0]; {
	case to == x.kind:
		return list(x), nil
	case to == tensor.Float32:
		return list(t.elements(to, kernel.Copy, x)), nil
	case to == tensor.Float64 && x.kind == tensor.Float32:
		return list(t.elements(to, kernel.Copy, x)), nil
	case isWhole(x) && (to == tensor.Int64 || to == tensor.Int32):
		return list(t.integers(to, kernel.Copy, x)), nil
	case x.kind == tensor.Float32 && (to == tensor.Int64 || to == tensor.Int32): // towards zero
		cut := t.where(t.test(kernel.Less, x, t.number(0)), t.el(kernel.Ceil, x), t.el(kernel.Floor, x))
		return list(t.elements(to, kernel.Copy, cut)), nil
	case to == tensor.Bool:
		return list(t.test(kernel.Not, t.test(kernel.Equal, x, t.number(0)))), nil
	}
	return nil, fmt.Errorf("a cast of %s to %s", x.kind, graph.Value{Type: n.kind[0]}.Type)
}

func clip(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	low, high := n.arg(1), n.arg(2)
	if n.Attribute("min") != nil {
		low = t.number(float64(n.Float("min", 0)))
	}
	if n.Attribute("max") != nil {
		high = t.number(float64(n.Float("max", 0)))
	}
	if low != nil {
		x = t.el(kernel.Max, x, low)
	}
	if high != nil {
		x = t.el(kernel.Min, x, high)
	}
	return list(x), floats(n.in[0], low, high)
}

func same(_ *translator, n *node) ([]*value, error) { return n.in[:1], nil }
