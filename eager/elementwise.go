package eager

// Element-wise functions of one tensor. Outside the domain the result is NaN or infinite, never an error.

// Abs returns the absolute value.
func Abs[T Tensor[T]](x T) T { return x.Unary(OpAbs) }

// Neg returns -x.
func Neg[T Tensor[T]](x T) T { return x.Unary(OpNeg) }

// Sign returns -1, 0 or 1; NaN at NaN.
func Sign[T Tensor[T]](x T) T { return x.Unary(OpSign) }

// Square returns x·x.
func Square[T Tensor[T]](x T) T { return x.Unary(OpSquare) }

// Sqrt returns the square root.
func Sqrt[T Tensor[T]](x T) T { return x.Unary(OpSqrt) }

// Exp returns e^x.
func Exp[T Tensor[T]](x T) T { return x.Unary(OpExp) }

// Log returns the natural logarithm.
func Log[T Tensor[T]](x T) T { return x.Unary(OpLog) }

// Log2 returns the logarithm to base 2.
func Log2[T Tensor[T]](x T) T { return x.Unary(OpLog2) }

// Log10 returns the logarithm to base 10.
func Log10[T Tensor[T]](x T) T { return x.Unary(OpLog10) }

// Log1p returns log(1+x).
func Log1p[T Tensor[T]](x T) T { return x.Unary(OpLog1p) }

// Sin returns the sine.
func Sin[T Tensor[T]](x T) T { return x.Unary(OpSin) }

// Cos returns the cosine.
func Cos[T Tensor[T]](x T) T { return x.Unary(OpCos) }

// Tan returns the tangent.
func Tan[T Tensor[T]](x T) T { return x.Unary(OpTan) }

// Sinh returns the hyperbolic sine.
func Sinh[T Tensor[T]](x T) T { return x.Unary(OpSinh) }

// Cosh returns the hyperbolic cosine.
func Cosh[T Tensor[T]](x T) T { return x.Unary(OpCosh) }

// Tanh returns the hyperbolic tangent.
func Tanh[T Tensor[T]](x T) T { return x.Unary(OpTanh) }

// Arcsin returns the inverse sine.
func Arcsin[T Tensor[T]](x T) T { return x.Unary(OpArcsin) }

// Arccos returns the inverse cosine.
func Arccos[T Tensor[T]](x T) T { return x.Unary(OpArccos) }

// Arctan returns the inverse tangent.
func Arctan[T Tensor[T]](x T) T { return x.Unary(OpArctan) }

// Arcsinh returns the inverse hyperbolic sine.
func Arcsinh[T Tensor[T]](x T) T { return x.Unary(OpArcsinh) }

// Arccosh returns the inverse hyperbolic cosine.
func Arccosh[T Tensor[T]](x T) T { return x.Unary(OpArccosh) }

// Arctanh returns the inverse hyperbolic tangent.
func Arctanh[T Tensor[T]](x T) T { return x.Unary(OpArctanh) }

// Round returns the nearest whole number, halves to even.
func Round[T Tensor[T]](x T) T { return x.Unary(OpRound) }

// Ceil returns the next whole number not below x.
func Ceil[T Tensor[T]](x T) T { return x.Unary(OpCeil) }

// Floor returns the next whole number not above x.
func Floor[T Tensor[T]](x T) T { return x.Unary(OpFloor) }

// IsNaN returns a mask of what is NaN.
func IsNaN[T Tensor[T]](x T) T { return x.Unary(OpIsNaN) }

// IsInf returns a mask of what is infinite.
func IsInf[T Tensor[T]](x T) T { return x.Unary(OpIsInf) }

// Not returns the other mask.
func Not[T Tensor[T]](x T) T { return x.Unary(OpNot) }

// Element-wise functions of two tensors of one type, which broadcast, and of a tensor with a scalar, which takes its type.

// Add returns x + y.
func Add[T Tensor[T]](x, y T) T { return x.Binary(OpAdd, y) }

// Sub returns x - y.
func Sub[T Tensor[T]](x, y T) T { return x.Binary(OpSub, y) }

// Mul returns x · y.
func Mul[T Tensor[T]](x, y T) T { return x.Binary(OpMul, y) }

// Div returns x / y, floats only.
func Div[T Tensor[T]](x, y T) T { return x.Binary(OpDiv, y) }

// FloorDiv returns x / y rounded toward minus infinity.
func FloorDiv[T Tensor[T]](x, y T) T { return x.Binary(OpFloorDiv, y) }

// Mod returns what FloorDiv leaves, with the sign of y.
func Mod[T Tensor[T]](x, y T) T { return x.Binary(OpMod, y) }

// Pow returns x to the power y; NaN for a negative x with a fractional y.
func Pow[T Tensor[T]](x, y T) T { return x.Binary(OpPow, y) }

// Minimum returns the smaller; NaN where either is.
func Minimum[T Tensor[T]](x, y T) T { return x.Binary(OpMinimum, y) }

// Maximum returns the larger; NaN where either is.
func Maximum[T Tensor[T]](x, y T) T { return x.Binary(OpMaximum, y) }

// And returns both masks.
func And[T Tensor[T]](x, y T) T { return x.Binary(OpAnd, y) }

// Or returns either mask.
func Or[T Tensor[T]](x, y T) T { return x.Binary(OpOr, y) }

// AddScalar is Add with a scalar on the right.
func AddScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpAdd, s, false) }

// SubScalar is Sub with a scalar on the right.
func SubScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpSub, s, false) }

// MulScalar is Mul with a scalar on the right.
func MulScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpMul, s, false) }

// DivScalar is Div with a scalar on the right.
func DivScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpDiv, s, false) }

// FloorDivScalar is FloorDiv with a scalar on the right.
func FloorDivScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpFloorDiv, s, false) }

// ModScalar is Mod with a scalar on the right.
func ModScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpMod, s, false) }

// PowScalar is Pow with a scalar on the right.
func PowScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpPow, s, false) }

// MinimumScalar is Minimum with a scalar on the right.
func MinimumScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpMinimum, s, false) }

// MaximumScalar is Maximum with a scalar on the right.
func MaximumScalar[T Tensor[T]](x T, s float64) T { return x.BinaryScalar(OpMaximum, s, false) }

// ScalarSub is Sub with a scalar on the left.
func ScalarSub[T Tensor[T]](s float64, x T) T { return x.BinaryScalar(OpSub, s, true) }

// ScalarDiv is Div with a scalar on the left.
func ScalarDiv[T Tensor[T]](s float64, x T) T { return x.BinaryScalar(OpDiv, s, true) }

// ScalarFloorDiv is FloorDiv with a scalar on the left.
func ScalarFloorDiv[T Tensor[T]](s float64, x T) T { return x.BinaryScalar(OpFloorDiv, s, true) }

// ScalarMod is Mod with a scalar on the left.
func ScalarMod[T Tensor[T]](s float64, x T) T { return x.BinaryScalar(OpMod, s, true) }

// ScalarPow is Pow with a scalar on the left.
func ScalarPow[T Tensor[T]](s float64, x T) T { return x.BinaryScalar(OpPow, s, true) }

// Less returns the mask of x < y; comparisons with NaN are false.
func Less[T Tensor[T]](x, y T) T { return x.Compare(OpLess, y) }

// LessEqual returns the mask of x <= y; comparisons with NaN are false.
func LessEqual[T Tensor[T]](x, y T) T { return x.Compare(OpLessEqual, y) }

// Greater returns the mask of x > y; comparisons with NaN are false.
func Greater[T Tensor[T]](x, y T) T { return x.Compare(OpGreater, y) }

// GreaterEqual returns the mask of x >= y; comparisons with NaN are false.
func GreaterEqual[T Tensor[T]](x, y T) T { return x.Compare(OpGreaterEqual, y) }

// Equal returns the mask of x == y; comparisons with NaN are false.
func Equal[T Tensor[T]](x, y T) T { return x.Compare(OpEqual, y) }

// NotEqual returns the mask of x != y; comparisons with NaN are false, except this one.
func NotEqual[T Tensor[T]](x, y T) T { return x.Compare(OpNotEqual, y) }

// LessScalar is Less with a scalar on the right.
func LessScalar[T Tensor[T]](x T, s float64) T { return x.Compare(OpLess, Scalar(x, s)) }

// LessEqualScalar is LessEqual with a scalar on the right.
func LessEqualScalar[T Tensor[T]](x T, s float64) T { return x.Compare(OpLessEqual, Scalar(x, s)) }

// GreaterScalar is Greater with a scalar on the right.
func GreaterScalar[T Tensor[T]](x T, s float64) T { return x.Compare(OpGreater, Scalar(x, s)) }

// GreaterEqualScalar is GreaterEqual with a scalar on the right.
func GreaterEqualScalar[T Tensor[T]](x T, s float64) T {
	return x.Compare(OpGreaterEqual, Scalar(x, s))
}

// EqualScalar is Equal with a scalar on the right.
func EqualScalar[T Tensor[T]](x T, s float64) T { return x.Compare(OpEqual, Scalar(x, s)) }

// NotEqualScalar is NotEqual with a scalar on the right.
func NotEqualScalar[T Tensor[T]](x T, s float64) T { return x.Compare(OpNotEqual, Scalar(x, s)) }

// Where takes a where the mask is true and b elsewhere; all three broadcast. What is not taken gets a gradient of exactly 0.
func Where[T Tensor[T]](mask, a, b T) T { return mask.Where(a, b) }

// Clip returns x within [low, high]; where low exceeds high, high. NaN stays. The gradient at the bounds is 1.
func Clip[T Tensor[T]](x T, low, high float64) T {
	return CustomVJP([]T{x}, func(xs []T) T { return MinimumScalar(MaximumScalar(xs[0], low), high) }, func(xs []T, _, g T) []T {
		within := And(GreaterEqualScalar(xs[0], low), LessEqualScalar(xs[0], high))
		return []T{within.Where(g, Scalar(g, 0))}
	})
}
