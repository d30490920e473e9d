package gomlx

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"

	"visus/eager"
)

// functions are those that GoMLX has as they are.
var functions = map[eager.UnaryOp]func(x *graph.Node) *graph.Node{
	eager.OpAbs: graph.Abs, eager.OpNeg: graph.Neg, eager.OpSqrt: graph.Sqrt, eager.OpExp: graph.Exp, eager.OpLog: graph.Log,
	eager.OpLog1p: graph.Log1p, eager.OpSin: graph.Sin, eager.OpCos: graph.Cos, eager.OpTanh: graph.Tanh, eager.OpCeil: graph.Ceil,
	eager.OpFloor: graph.Floor, eager.OpIsNaN: graph.IsNaN, eager.OpNot: graph.LogicalNot,
}

// Unary applies an element-wise function. Outside its domain the result is NaN or infinite.
func (t *Tensor) Unary(op eager.UnaryOp) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	exact := op <= eager.OpSquare // abs, neg, sign and square stay whole numbers
	if op == eager.OpNot != (t.dtype == eager.Bool) || !t.dtype.Float() && !(t.dtype == eager.Int64 && exact) && t.dtype != eager.Bool {
		return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	y := t.aside(func() *Tensor { return t.function(op) })
	switch {
	case y.err != nil || !t.dtype.Float() || !y.dtype.Float() || op == eager.OpNeg:
		return y
	case op == eager.OpSign || op == eager.OpRound || op == eager.OpCeil || op == eager.OpFloor:
		return t.step(y)
	}
	return t.custom([]*Tensor{t}, y, func(xs []*Tensor, y, g *Tensor) []*Tensor {
		return []*Tensor{eager.UnaryGradient(op, xs[0], y, g)}
	})
}

// function computes op, composed where GoMLX lacks it or its engines differ.
func (t *Tensor) function(op eager.UnaryOp) *Tensor {
	if f, found := functions[op]; found {
		return t.build(op.String(), func() *graph.Node { return f(t.node) })
	}
	switch op {
	case eager.OpSquare:
		return t.native(graph.Mul, t)
	case eager.OpSign:
		sign := t.build("sign", func() *graph.Node { return graph.Sign(t.node) })
		if !t.dtype.Float() {
			return sign
		}
		return t.nan().choose(t, sign)
	case eager.OpIsInf:
		return eager.EqualScalar(eager.Abs(t), math.Inf(1))
	case eager.OpLog2:
		return eager.MulScalar(eager.Log(t), 1/math.Ln2)
	case eager.OpLog10:
		return eager.MulScalar(eager.Log(t), 1/math.Ln10)
	case eager.OpRound:
		return t.round()
	}
	return eager.Elementary(op, t)
}

func (t *Tensor) nan() *Tensor {
	return t.build("isnan", func() *graph.Node { return graph.IsNaN(t.node) })
}

// round goes half to even; GoMLX's go half away from zero.
func (t *Tensor) round() *Tensor {
	below := eager.Floor(t)
	rest := eager.Sub(t, below)
	half := eager.MulScalar(below, 0.5)
	odd := eager.NotEqual(half, eager.Floor(half))
	up := eager.Or(eager.GreaterScalar(rest, 0.5), eager.And(eager.EqualScalar(rest, 0.5), odd))
	return eager.Add(below, up.Cast(t.dtype))
}

// native applies an operation of GoMLX that broadcasts, to tensors that fit. GoMLX wants equal ranks, or a number.
func (t *Tensor) native(f func(a, b *graph.Node) *graph.Node, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	rank := max(len(t.Shape()), len(y.Shape()))
	a, b := t.ranked(rank), y.ranked(rank)
	return a.build("broadcast", func() *graph.Node { return f(a.node, b.node) })
}

// ranked puts axes of size 1 before those of t, which stays where it is a number.
func (t *Tensor) ranked(rank int) *Tensor {
	shape := t.Shape()
	if len(shape) == 0 || len(shape) == rank {
		return t
	}
	wide := make([]int, rank)
	for i := range wide {
		wide[i] = 1
	}
	copy(wide[rank-len(shape):], shape)
	return t.Reshape(wide)
}

// choose takes a where the mask t is true and b elsewhere, for operands that fit, without a check.
func (t *Tensor) choose(a, b *Tensor) *Tensor {
	if bad := first(t, a, b); bad != nil {
		return bad
	}
	shape, err := eager.Broadcast("where", a.Shape(), b.Shape())
	if err == nil {
		shape, err = eager.Broadcast("where", shape, t.Shape())
	}
	if err != nil {
		return failed(err)
	}
	fit := func(x *Tensor) *Tensor {
		if len(x.Shape()) == 0 && eager.Size(shape) > 0 && x != t {
			return x // GoMLX repeats numbers
		}
		return x.BroadcastTo(shape)
	}
	mask, a, b := fit(t), fit(a), fit(b)
	if bad := first(mask, a, b); bad != nil {
		return bad
	}
	return t.build("where", func() *graph.Node { return graph.Where(mask.node, a.node, b.node) })
}

var pairs = map[eager.BinaryOp]func(a, b *graph.Node) *graph.Node{
	eager.OpAdd: graph.Add, eager.OpSub: graph.Sub, eager.OpMul: graph.Mul, eager.OpDiv: graph.Div, eager.OpPow: graph.Pow,
	eager.OpMinimum: graph.Min, eager.OpMaximum: graph.Max,
}

// fits reports two operands whose types differ or whose shapes do not broadcast.
func fits(op string, x, y *Tensor) error {
	if err := eager.CheckTypes(op, x.dtype, y.dtype); err != nil {
		return err
	}
	_, err := eager.Broadcast(op, x.Shape(), y.Shape())
	return err
}

// Binary applies an element-wise function of two tensors of one type, which broadcast. Running a division of integers by 0 is an error.
func (t *Tensor) Binary(op eager.BinaryOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	if err := fits(op.String(), t, y); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return t.masks(op, y)
	}
	if op >= eager.OpAnd || t.dtype == eager.Int64 && (op == eager.OpDiv || op == eager.OpPow) {
		return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	if op <= eager.OpSub {
		return t.native(pairs[op], y)
	}
	out := t.aside(func() *Tensor { return t.pair(op, y) })
	switch {
	case out.err != nil || !t.dtype.Float():
		return out
	case op == eager.OpFloorDiv:
		return t.step(out)
	}
	return t.custom([]*Tensor{t, y}, out, func(xs []*Tensor, out, g *Tensor) []*Tensor {
		return eager.BinaryGradient(op, xs[0], xs[1], out, g)
	})
}

func (t *Tensor) masks(op eager.BinaryOp, y *Tensor) *Tensor {
	switch op {
	case eager.OpAnd, eager.OpMul, eager.OpMinimum:
		return t.native(graph.LogicalAnd, y)
	case eager.OpOr, eager.OpAdd, eager.OpMaximum:
		return t.native(graph.LogicalOr, y)
	}
	return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for bool; cast first"))
}

func (t *Tensor) pair(op eager.BinaryOp, y *Tensor) *Tensor {
	f, found := pairs[op]
	switch {
	case !found && t.dtype == eager.Int64:
		return t.divideWhole(op, y)
	case !found:
		return t.divide(op, y)
	}
	out := t.native(f, y)
	if op < eager.OpMinimum || !t.dtype.Float() {
		return out
	}
	return eager.Or(t.nan(), y.nan()).choose(eager.Scalar(t, math.NaN()), out) // engines differ at NaN
}

// differ is where a rest, which GoMLX gives the sign of the dividend, does not have the sign of y.
func differ(rest, y *Tensor) *Tensor {
	negative := func(x *Tensor) *Tensor { return eager.LessScalar(x, 0) }
	return eager.And(negative(rest).native(graph.LogicalXor, negative(y)), eager.NotEqualScalar(rest, 0))
}

// divideWhole rounds toward minus infinity.
func (t *Tensor) divideWhole(op eager.BinaryOp, y *Tensor) *Tensor {
	none := eager.EqualScalar(y, 0)
	t.fails(none, eager.Errorf(op.String(), eager.ErrEngine, "division of integers by 0"))
	by := none.choose(eager.Scalar(y, 1), y)
	rest := t.native(graph.Rem, by)
	turn := differ(rest, by)
	if op == eager.OpMod {
		return turn.choose(eager.Add(rest, by), rest)
	}
	quotient := t.native(graph.Div, by)
	return turn.choose(eager.SubScalar(quotient, 1), quotient)
}

// divide rounds toward minus infinity: the rest has the sign of y, and quotient and rest agree.
func (t *Tensor) divide(op eager.BinaryOp, y *Tensor) *Tensor {
	cut, none := t.native(graph.Rem, y), eager.EqualScalar(y, 0)
	turn := differ(cut, y)
	if op == eager.OpMod {
		return none.choose(eager.Scalar(t, math.NaN()), turn.choose(eager.Add(cut, y), cut))
	}
	whole := eager.Round(eager.Sub(t, cut).native(graph.Div, y))
	return none.choose(t.native(graph.Div, y), turn.choose(eager.SubScalar(whole, 1), whole))
}

// BinaryScalar applies the function to a scalar of the tensor's type; reversed puts the scalar on the left.
func (t *Tensor) BinaryScalar(op eager.BinaryOp, s float64, reversed bool) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	scalar := t.Full(t.dtype, s, nil)
	if usual := math.Abs(s) > 1e-30 && math.Abs(s) < 1e30; usual && (op == eager.OpMul || op == eager.OpDiv && !reversed) && t.dtype.Float() {
		return t.native(pairs[op], scalar) // linear: what has a gradient of 0 keeps it
	}
	if reversed {
		return scalar.Binary(op, t)
	}
	return t.Binary(op, scalar)
}

var comparisons = map[eager.CompareOp]func(a, b *graph.Node) *graph.Node{
	eager.OpLess: graph.LessThan, eager.OpLessEqual: graph.LessOrEqual, eager.OpGreater: graph.GreaterThan,
	eager.OpGreaterEqual: graph.GreaterOrEqual, eager.OpEqual: graph.Equal, eager.OpNotEqual: graph.NotEqual,
}

// Compare gives a mask; comparisons with NaN are false, except that NaN differs from everything.
func (t *Tensor) Compare(op eager.CompareOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	if err := fits(op.String(), t, y); err != nil {
		return failed(err)
	}
	a, b := t, y
	if t.dtype == eager.Bool {
		a, b = t.Cast(eager.Int64), y.Cast(eager.Int64)
	}
	return a.native(comparisons[op], b)
}

// Where takes a where the mask is true and b elsewhere; all three broadcast. What is not taken gets a gradient of exactly 0.
func (t *Tensor) Where(a, b *Tensor) *Tensor {
	if bad := first(t, a, b); bad != nil {
		return bad
	}
	if t.dtype != eager.Bool {
		return failed(eager.Errorf("where", eager.ErrDType, "expected a bool mask, found %v", t.dtype))
	}
	if err := fits("where", a, b); err != nil {
		return failed(err)
	}
	return t.choose(a, b)
}
