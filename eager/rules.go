package eager

import (
	"math"
	"slices"
)

// The gradients of primitives, written from primitives once, so that engines agree at kinks too.

// SumTo sums g over the axes that broadcasting gave a shape: the gradient of BroadcastTo.
func SumTo[T Tensor[T]](g T, shape []int) T {
	of := g.Shape()
	if g.Err() != nil || slices.Equal(of, shape) {
		return g
	}
	axes, shift := []int{}, len(of)-len(shape)
	for i, n := range of {
		if i < shift || shape[i-shift] == 1 && n != 1 {
			axes = append(axes, i)
		}
	}
	return g.Reduce(OpSum, axes, false).Reshape(shape)
}

// times multiplies, except that a gradient of 0 stays 0 where the slope is not finite: what a Where did not take does not leak.
func times[T Tensor[T]](g, slope T) T {
	zero := Scalar(g, 0)
	return Where(Equal(g, zero), zero, Mul(g, slope))
}

// UnaryGradient is g times the slope of an element-wise function at x, where y is the result. The slope of abs at 0 is 0; steps have none.
func UnaryGradient[T Tensor[T]](op UnaryOp, x, y, g T) T {
	switch op {
	case OpNeg:
		return Neg(g)
	case OpSign, OpRound, OpCeil, OpFloor:
		return ZerosLike(g)
	}
	return times(g, slope(op, x, y))
}

func slope[T Tensor[T]](op UnaryOp, x, y T) T {
	switch op {
	case OpAbs:
		return Sign(x)
	case OpSquare:
		return MulScalar(x, 2)
	case OpSqrt:
		return ScalarDiv(0.5, y)
	case OpExp:
		return y
	case OpLog:
		return ScalarDiv(1, x)
	case OpLog2:
		return ScalarDiv(1/math.Ln2, x)
	case OpLog10:
		return ScalarDiv(1/math.Ln10, x)
	case OpLog1p:
		return ScalarDiv(1, AddScalar(x, 1))
	case OpSin:
		return Cos(x)
	case OpCos:
		return Neg(Sin(x))
	case OpTan:
		return AddScalar(Square(y), 1)
	case OpSinh:
		return Cosh(x)
	case OpCosh:
		return Sinh(x)
	case OpTanh:
		return ScalarSub(1, Square(y))
	case OpArcsin:
		return ScalarDiv(1, Sqrt(ScalarSub(1, Square(x))))
	case OpArccos:
		return ScalarDiv(-1, Sqrt(ScalarSub(1, Square(x))))
	case OpArctan:
		return ScalarDiv(1, AddScalar(Square(x), 1))
	case OpArcsinh:
		return ScalarDiv(1, Sqrt(AddScalar(Square(x), 1)))
	case OpArccosh:
		return ScalarDiv(1, Sqrt(SubScalar(Square(x), 1)))
	case OpArctanh:
		return ScalarDiv(1, ScalarSub(1, Square(x)))
	}
	return x.Fail(Errorf(op.String(), ErrUnsupported, "it has no gradient"))
}

// BinaryGradient gives the gradients of both operands, where y is the second and out the result. At a tie of minimum and maximum each gets
// half.
func BinaryGradient[T Tensor[T]](op BinaryOp, x, y, out, g T) []T {
	var dx, dy T
	switch op {
	case OpAdd:
		dx, dy = g, g
	case OpSub:
		dx, dy = g, Neg(g)
	case OpMul:
		dx, dy = times(g, y), times(g, x)
	case OpDiv:
		dx, dy = times(g, ScalarDiv(1, y)), times(g, Neg(Div(out, y)))
	case OpMod:
		dx, dy = g, times(g, Neg(FloorDiv(x, y)))
	case OpPow:
		dx = times(g, Mul(y, Pow(x, SubScalar(y, 1))))
		zero := EqualScalar(x, 0)
		dy = times(g, zero.Where(Scalar(x, 0), Mul(out, Log(zero.Where(Scalar(x, 1), x)))))
	case OpMinimum, OpMaximum:
		half := MulScalar(Equal(x, y).Cast(g.DType()), 0.5)
		less, more := Less(x, y).Cast(g.DType()), Greater(x, y).Cast(g.DType())
		if op == OpMaximum {
			less, more = more, less
		}
		dx, dy = times(g, Add(less, half)), times(g, Add(more, half))
	default: // floor division is a step
		dx = ZerosLike(g)
		dy = dx
	}
	return []T{SumTo(dx, x.Shape()), SumTo(dy, y.Shape())}
}

// ReduceGradient is that of x, where out and g have axes of size 1. Ties of min and max share where all axes are reduced; along some axes
// the first takes all, as in PyTorch.
func ReduceGradient[T Tensor[T]](op ReduceOp, x, out, g T, axes []int) T {
	shape := x.Shape()
	wide := g.BroadcastTo(shape)
	switch op {
	case OpSum:
		return wide
	case OpProd:
		return times(wide, productOfOthers(x, axes))
	}
	hit := Equal(x, out).Cast(g.DType())
	if len(axes) == len(shape) {
		return times(wide, Div(hit, hit.Reduce(OpSum, axes, true)))
	}
	return times(wide, firstOf(hit, axes))
}

// firstOf keeps the first 1 of each line of zeros and ones, whose axes are given.
func firstOf[T Tensor[T]](hit T, axes []int) T {
	shape := hit.Shape()
	order, back := make([]int, 0, len(shape)), make([]int, len(shape))
	for axis := range shape {
		if !slices.Contains(axes, axis) {
			order = append(order, axis)
		}
	}
	order = append(order, axes...)
	for i, axis := range order {
		back[axis] = i
	}
	moved := hit.Transpose(order)
	length := 1
	for _, axis := range axes {
		length *= shape[axis]
	}
	lines := moved.Reshape([]int{Size(shape) / max(length, 1), length})
	first := Mul(lines, EqualScalar(lines.CumSum(1), 1).Cast(hit.DType()))
	return first.Reshape(moved.Shape()).Transpose(back)
}

// productOfOthers multiplies, for each element, all the others of its line; zeros are no trouble.
func productOfOthers[T Tensor[T]](x T, axes []int) T {
	zero, one := EqualScalar(x, 0), Scalar(x, 1)
	zeros := zero.Cast(x.DType()).Reduce(OpSum, axes, true)
	rest := zero.Where(one, x)
	product := rest.Reduce(OpProd, axes, true)
	none := EqualScalar(zeros, 0)
	alone := And(zero, EqualScalar(zeros, 1)) // the only zero of its line
	return Or(none, alone).Where(Div(product, rest), Scalar(x, 0))
}
