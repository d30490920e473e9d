package eager

import "math"

// Elementary computes, of the functions that engines lack, tan, sinh, cosh and the inverse functions from the others: for engines, whose
// Unary hands what it lacks here. Errors are a few units in the last place. Other operations are an ErrUnsupported.
func Elementary[T Tensor[T]](op UnaryOp, x T) T {
	switch op {
	case OpTan:
		return Div(Sin(x), Cos(x))
	case OpSinh:
		return sinh(x)
	case OpCosh:
		return cosh(x)
	case OpArcsin:
		return arcsin(x)
	case OpArccos:
		return arccos(x)
	case OpArctan:
		return arctan(x)
	case OpArcsinh:
		return arcsinh(x)
	case OpArccosh:
		return arccosh(x)
	case OpArctanh:
		return arctanh(x)
	}
	return fail(x, Errorf(op.String(), ErrUnsupported, "it is not made of others"))
}

// sinh uses e^|x| - 1 below 1, where e^x and e^-x would cancel, and two factors e^(|x|/2) above, which overflow where the result does.
func sinh[T Tensor[T]](x T) T {
	a := Abs(x)
	e := expm1(a)
	near := MulScalar(Add(e, Div(e, AddScalar(e, 1))), 0.5)
	half := Exp(MulScalar(a, 0.5))
	far := Sub(Mul(MulScalar(half, 0.5), half), Div(ScalarDiv(0.5, half), half))
	return Mul(Sign(x), Where(LessScalar(a, 1), near, far))
}

func cosh[T Tensor[T]](x T) T {
	half := Exp(MulScalar(Abs(x), 0.5))
	return Add(Mul(MulScalar(half, 0.5), half), Div(ScalarDiv(0.5, half), half))
}

// expm1 is e^x - 1 = (u-1)·x/log(u) with u = e^x as rounded (Kahan), and x where u is 1; for x below 1.
func expm1[T Tensor[T]](x T) T {
	u := Exp(x)
	rest := SubScalar(u, 1)
	return Where(EqualScalar(rest, 0), x, Mul(rest, Div(x, Log(u))))
}

// arctan is the rational function of Cephes (atan.c) on |x| <= 0.66, where (a-1)/(a+1) and -1/a bring larger ones.
func arctan[T Tensor[T]](x T) T {
	const large, more = 2.41421356237309504880, 6.123233995736765886130e-17 // tan(3π/8); π/2 beyond float64
	a := Abs(x)
	far, near := GreaterScalar(a, large), LessEqualScalar(a, 0.66)
	middle := Div(SubScalar(a, 1), AddScalar(a, 1))
	r := Where(far, ScalarDiv(-1, a), Where(near, a, middle))
	square := Square(r)
	p := polynomial(square, -8.750608600031904122785e-01, -1.615753718733365076637e+01, -7.500855792314704667340e+01,
		-1.228866684490136173410e+02, -6.485021904942025371773e+01)
	q := polynomial(square, 1, 2.485846490142306297962e+01, 1.650270098316988542046e+02, 4.328810604912902668951e+02,
		4.853903996359136964868e+02, 1.945506571482613964425e+02)
	y := Add(Mul(r, Div(Mul(square, p), q)), r)
	one := func(v float64) T { return Scalar(x, v) }
	y = Add(y, Where(far, one(more), Where(near, one(0), one(more/2))))
	y = Add(y, Where(far, one(math.Pi/2), Where(near, one(0), one(math.Pi/4))))
	return Mul(Sign(x), y)
}

// polynomial has the coefficients of the highest power first.
func polynomial[T Tensor[T]](x T, coefficients ...float64) T {
	y := Scalar(x, coefficients[0])
	for _, c := range coefficients[1:] {
		y = AddScalar(Mul(y, x), c)
	}
	return y
}

// arcsin is 2·arctan(x/(1+√((1-x)(1+x)))).
func arcsin[T Tensor[T]](x T) T {
	root := Sqrt(Mul(ScalarSub(1, x), AddScalar(x, 1)))
	return MulScalar(arctan(Div(x, AddScalar(root, 1))), 2)
}

// arccos is 2·arctan(√((1-x)/(1+x))).
func arccos[T Tensor[T]](x T) T {
	return MulScalar(arctan(Sqrt(Div(ScalarSub(1, x), AddScalar(x, 1)))), 2)
}

// wide is from where x² + 1 = x² and log(2x) is the inverse of both sinh and cosh.
const wide = 1 << 28

// arcsinh is log1p(a + a²/(1+√(a²+1))) with a = |x|.
func arcsinh[T Tensor[T]](x T) T {
	a := Abs(x)
	square := Square(a)
	near := Log1p(Add(a, Div(square, AddScalar(Sqrt(AddScalar(square, 1)), 1))))
	far := AddScalar(Log(a), math.Ln2)
	return Mul(Sign(x), Where(GreaterScalar(a, wide), far, near))
}

// arccosh is log1p(t + √t·√(t+2)) with t = x - 1.
func arccosh[T Tensor[T]](x T) T {
	t := SubScalar(x, 1)
	near := Log1p(Add(t, Mul(Sqrt(t), Sqrt(AddScalar(t, 2)))))
	return Where(GreaterScalar(x, wide), AddScalar(Log(x), math.Ln2), near)
}

// arctanh is log1p(2a/(1-a))/2 with a = |x|.
func arctanh[T Tensor[T]](x T) T {
	a := Abs(x)
	y := Log1p(Div(MulScalar(a, 2), ScalarSub(1, a)))
	return Mul(Sign(x), MulScalar(y, 0.5))
}
