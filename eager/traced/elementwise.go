package traced

import (
	"math"

	"visus/eager"
)

// operators are the element-wise functions that ONNX has as they are.
var operators = map[eager.UnaryOp]string{
	eager.OpAbs: "Abs", eager.OpNeg: "Neg", eager.OpSqrt: "Sqrt", eager.OpExp: "Exp", eager.OpLog: "Log", eager.OpSin: "Sin",
	eager.OpCos: "Cos", eager.OpTan: "Tan", eager.OpSinh: "Sinh", eager.OpCosh: "Cosh", eager.OpTanh: "Tanh", eager.OpArcsin: "Asin",
	eager.OpArccos: "Acos", eager.OpArctan: "Atan", eager.OpArcsinh: "Asinh", eager.OpArccosh: "Acosh", eager.OpArctanh: "Atanh",
	eager.OpRound: "Round", eager.OpCeil: "Ceil", eager.OpFloor: "Floor", eager.OpIsNaN: "IsNaN", eager.OpIsInf: "IsInf", eager.OpNot: "Not",
}

// Unary applies an element-wise function. Outside its domain the result is NaN or infinite.
func (t *Tensor) Unary(op eager.UnaryOp) *Tensor {
	if t.err != nil {
		return t
	}
	exact := op <= eager.OpSquare // abs, neg, sign and square stay whole numbers
	if op == eager.OpNot != (t.dtype == eager.Bool) || !t.dtype.Float() && !(t.dtype == eager.Int64 && exact) && t.dtype != eager.Bool {
		return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	y := t.aside(func() *Tensor { return t.function(op) })
	switch {
	case !t.dtype.Float() || !y.dtype.Float() || op == eager.OpNeg:
		return y
	case op == eager.OpSign || op == eager.OpRound || op == eager.OpCeil || op == eager.OpFloor:
		return t.step(y)
	}
	return t.custom([]*Tensor{t}, y, func(xs []*Tensor, y, g *Tensor) []*Tensor {
		return []*Tensor{eager.UnaryGradient(op, xs[0], y, g)}
	})
}

// function computes op, composed where ONNX lacks it or its engines differ at NaN.
func (t *Tensor) function(op eager.UnaryOp) *Tensor {
	if doubles[op] && t.dtype == eager.Float64 {
		return eager.Elementary(op, t)
	}
	switch op {
	case eager.OpSquare:
		return t.op("Mul", []*Tensor{t, t})
	case eager.OpSign:
		sign := t.op("Sign", []*Tensor{t})
		if !t.dtype.Float() {
			return sign
		}
		return t.op("IsNaN", []*Tensor{t}).choose(t, sign)
	case eager.OpLog2:
		return t.op("Log", []*Tensor{t}).scaled("Mul", 1/math.Ln2)
	case eager.OpLog10:
		return t.op("Log", []*Tensor{t}).scaled("Mul", 1/math.Ln10)
	case eager.OpLog1p:
		return t.log1p()
	}
	return t.op(operators[op], []*Tensor{t})
}

// log1p is log(u)·x/(u-1) with u = 1+x as rounded (Goldberg 1991, theorem 4), and x where u is 1.
func (t *Tensor) log1p() *Tensor {
	u := t.scaled("Add", 1)
	rest := u.scaled("Sub", 1)
	ratio := t.op("Mul", []*Tensor{t.op("Log", []*Tensor{u}), t.op("Div", []*Tensor{t, rest})})
	infinite := t.op("IsInf", []*Tensor{t})
	one := t.op("Equal", []*Tensor{rest, eager.Scalar(t, 0)})
	y := t.op("Or", []*Tensor{one, infinite}).choose(t, ratio)
	return t.op("Less", []*Tensor{u, eager.Scalar(u, 0)}).choose(eager.Scalar(t, math.NaN()), y)
}

// scaled is a node of t and a number.
func (t *Tensor) scaled(op string, by float64) *Tensor {
	return t.op(op, []*Tensor{t, eager.Scalar(t, by)})
}

// choose takes a where the mask t is true and b elsewhere, for operands of every type, without a check.
func (t *Tensor) choose(a, b *Tensor) *Tensor {
	if a.dtype != eager.Bool {
		return t.op("Where", []*Tensor{t, a, b})
	}
	other := t.op("And", []*Tensor{t.op("Not", []*Tensor{t}), b})
	return t.op("Or", []*Tensor{t.op("And", []*Tensor{t, a}), other})
}

// Binary applies an element-wise function of two tensors of one type, which broadcast. Running a division of integers by 0 is an error.
func (t *Tensor) Binary(op eager.BinaryOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	if err := eager.CheckTypes(op.String(), t.dtype, y.dtype); err != nil {
		return failed(err)
	}
	if _, err := eager.Broadcast(op.String(), t.shape, y.shape); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return t.masks(op, y)
	}
	if op >= eager.OpAnd || t.dtype == eager.Int64 && (op == eager.OpDiv || op == eager.OpPow) {
		return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	out := t.aside(func() *Tensor { return t.pair(op, y) })
	switch {
	case !t.dtype.Float() || op <= eager.OpSub:
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
		return t.op("And", []*Tensor{t, y})
	case eager.OpOr, eager.OpAdd, eager.OpMaximum:
		return t.op("Or", []*Tensor{t, y})
	}
	return failed(eager.Errorf(op.String(), eager.ErrDType, "not defined for bool; cast first"))
}

func (t *Tensor) pair(op eager.BinaryOp, y *Tensor) *Tensor {
	switch op {
	case eager.OpAdd:
		return t.op("Add", []*Tensor{t, y})
	case eager.OpSub:
		return t.op("Sub", []*Tensor{t, y})
	case eager.OpMul:
		return t.op("Mul", []*Tensor{t, y})
	case eager.OpDiv:
		return t.op("Div", []*Tensor{t, y})
	case eager.OpPow:
		return t.op("Pow", []*Tensor{t, y})
	case eager.OpMinimum:
		return t.extreme("Min", y)
	case eager.OpMaximum:
		return t.extreme("Max", y)
	}
	if t.dtype == eager.Int64 {
		return t.divideWhole(op, y)
	}
	return t.divide(op, y)
}

// extreme is Min or Max; engines differ at NaN, which stays here.
func (t *Tensor) extreme(op string, y *Tensor) *Tensor {
	out := t.op(op, []*Tensor{t, y})
	if !t.dtype.Float() {
		return out
	}
	either := t.op("Or", []*Tensor{t.op("IsNaN", []*Tensor{t}), y.op("IsNaN", []*Tensor{y})})
	return either.choose(eager.Scalar(t, math.NaN()), out)
}

// divideWhole rounds toward minus infinity, as ONNX's Mod of integers does.
func (t *Tensor) divideWhole(op eager.BinaryOp, y *Tensor) *Tensor {
	none := y.op("Equal", []*Tensor{y, eager.Scalar(y, 0)})
	by := none.choose(t.sure(none), y)
	rest := t.op("Mod", []*Tensor{t, by})
	if op == eager.OpMod {
		return rest
	}
	// The quotient that is cut toward zero, less 1 where that rounded up: t - rest may be beyond the range.
	up := t.op("And", []*Tensor{t.op("Not", []*Tensor{t.op("Equal", []*Tensor{rest, eager.Scalar(t, 0)})}), t.op("Xor", []*Tensor{
		t.op("Less", []*Tensor{t, eager.Scalar(t, 0)}), by.op("Less", []*Tensor{by, eager.Scalar(by, 0)})})})
	return t.op("Sub", []*Tensor{t.op("Div", []*Tensor{t, by}), up.Cast(eager.Int64)})
}

// divide rounds toward minus infinity: the rest has the sign of y, and quotient and rest agree.
func (t *Tensor) divide(op eager.BinaryOp, y *Tensor) *Tensor {
	zero := eager.Scalar(t, 0)
	cut := t.op("Mod", []*Tensor{t, y}, attr("fmod", int64(1))) // has the sign of t
	differ := t.op("Xor", []*Tensor{t.op("Less", []*Tensor{cut, zero}), t.op("Less", []*Tensor{y, zero})})
	differ = t.op("And", []*Tensor{differ, t.op("Not", []*Tensor{t.op("Equal", []*Tensor{cut, zero})})})
	none := y.op("Equal", []*Tensor{y, zero})
	if op == eager.OpMod {
		rest := differ.choose(t.op("Add", []*Tensor{cut, y}), cut)
		return none.choose(eager.Scalar(t, math.NaN()), rest)
	}
	whole := t.op("Round", []*Tensor{t.op("Div", []*Tensor{t.op("Sub", []*Tensor{t, cut}), y})})
	quotient := differ.choose(whole.scaled("Sub", 1), whole)
	return none.choose(t.op("Div", []*Tensor{t, y}), quotient)
}

// BinaryScalar applies the function to a scalar of the tensor's type; reversed puts the scalar on the left.
func (t *Tensor) BinaryScalar(op eager.BinaryOp, s float64, reversed bool) *Tensor {
	scalar := t.Full(t.dtype, s, nil)
	if usual := math.Abs(s) > 1e-30 && math.Abs(s) < 1e30; usual && (op == eager.OpMul || op == eager.OpDiv && !reversed) && t.dtype.Float() {
		return t.pair(op, scalar) // linear: what has a gradient of 0 keeps it
	}
	if reversed {
		return scalar.Binary(op, t)
	}
	return t.Binary(op, scalar)
}

var comparisons = map[eager.CompareOp]string{
	eager.OpLess: "Less", eager.OpLessEqual: "LessOrEqual", eager.OpGreater: "Greater", eager.OpGreaterEqual: "GreaterOrEqual",
	eager.OpEqual: "Equal", eager.OpNotEqual: "Equal",
}

// Compare gives a mask; comparisons with NaN are false, except that NaN differs from everything.
func (t *Tensor) Compare(op eager.CompareOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	if err := eager.CheckTypes(op.String(), t.dtype, y.dtype); err != nil {
		return failed(err)
	}
	if _, err := eager.Broadcast(op.String(), t.shape, y.shape); err != nil {
		return failed(err)
	}
	a, b := t, y
	if t.dtype == eager.Bool {
		a, b = t.Cast(eager.Int64), y.Cast(eager.Int64)
	}
	mask := a.op(comparisons[op], []*Tensor{a, b})
	if op == eager.OpNotEqual {
		return mask.op("Not", []*Tensor{mask})
	}
	return mask
}

// Where takes a where the mask is true and b elsewhere; all three broadcast. What is not taken gets a gradient of exactly 0.
func (t *Tensor) Where(a, b *Tensor) *Tensor {
	if bad := first(t, a, b); bad != nil {
		return bad
	}
	if t.dtype != eager.Bool {
		return failed(eager.Errorf("where", eager.ErrDType, "expected a bool mask, found %v", t.dtype))
	}
	if err := eager.CheckTypes("where", a.dtype, b.dtype); err != nil {
		return failed(err)
	}
	shape, err := eager.Broadcast("where", a.shape, b.shape)
	if err == nil {
		_, err = eager.Broadcast("where", shape, t.shape)
	}
	if err != nil {
		return failed(err)
	}
	return t.choose(a, b)
}
