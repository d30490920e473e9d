package traced

import (
	"math"

	"visus/eager"
)

// The functions that ONNX Runtime has for float32 only, written for float64 from those that it has. Errors are a few units in the last place.
var doubles = map[eager.UnaryOp]func(x *Tensor) *Tensor{
	eager.OpTan:  func(x *Tensor) *Tensor { return eager.Div(eager.Sin(x), eager.Cos(x)) },
	eager.OpSinh: sinh, eager.OpCosh: cosh, eager.OpArctan: arctan, eager.OpArcsin: arcsin, eager.OpArccos: arccos,
	eager.OpArcsinh: arcsinh, eager.OpArccosh: arccosh, eager.OpArctanh: arctanh,
}

// sinh uses e^|x| - 1 below 1, where e^x and e^-x would cancel, and two factors e^(|x|/2) above, which overflow where the result does.
func sinh(x *Tensor) *Tensor {
	a := eager.Abs(x)
	e := expm1(a)
	near := eager.MulScalar(eager.Add(e, eager.Div(e, eager.AddScalar(e, 1))), 0.5)
	half := eager.Exp(eager.MulScalar(a, 0.5))
	far := eager.Sub(eager.Mul(eager.MulScalar(half, 0.5), half), eager.Div(eager.ScalarDiv(0.5, half), half))
	return eager.Mul(eager.Sign(x), eager.Where(eager.LessScalar(a, 1), near, far))
}

func cosh(x *Tensor) *Tensor {
	half := eager.Exp(eager.MulScalar(eager.Abs(x), 0.5))
	return eager.Add(eager.Mul(eager.MulScalar(half, 0.5), half), eager.Div(eager.ScalarDiv(0.5, half), half))
}

// expm1 is e^x - 1 = (u-1)·x/log(u) with u = e^x as rounded (Kahan), and x where u is 1; for x below 1.
func expm1(x *Tensor) *Tensor {
	u := eager.Exp(x)
	rest := eager.SubScalar(u, 1)
	return eager.Where(eager.EqualScalar(rest, 0), x, eager.Mul(rest, eager.Div(x, eager.Log(u))))
}

// arctan is the rational function of Cephes (atan.c) on |x| <= 0.66, where (a-1)/(a+1) and -1/a bring larger ones.
func arctan(x *Tensor) *Tensor {
	const large, more = 2.41421356237309504880, 6.123233995736765886130e-17 // tan(3π/8); π/2 beyond float64
	a := eager.Abs(x)
	far, near := eager.GreaterScalar(a, large), eager.LessEqualScalar(a, 0.66)
	middle := eager.Div(eager.SubScalar(a, 1), eager.AddScalar(a, 1))
	r := eager.Where(far, eager.ScalarDiv(-1, a), eager.Where(near, a, middle))
	square := eager.Square(r)
	p := polynomial(square, -8.750608600031904122785e-01, -1.615753718733365076637e+01, -7.500855792314704667340e+01,
		-1.228866684490136173410e+02, -6.485021904942025371773e+01)
	q := polynomial(square, 1, 2.485846490142306297962e+01, 1.650270098316988542046e+02, 4.328810604912902668951e+02,
		4.853903996359136964868e+02, 1.945506571482613964425e+02)
	y := eager.Add(eager.Mul(r, eager.Div(eager.Mul(square, p), q)), r)
	one := func(v float64) *Tensor { return eager.Scalar(x, v) }
	y = eager.Add(y, eager.Where(far, one(more), eager.Where(near, one(0), one(more/2))))
	y = eager.Add(y, eager.Where(far, one(math.Pi/2), eager.Where(near, one(0), one(math.Pi/4))))
	return eager.Mul(eager.Sign(x), y)
}

// polynomial has the coefficients of the highest power first.
func polynomial(x *Tensor, coefficients ...float64) *Tensor {
	y := eager.Scalar(x, coefficients[0])
	for _, c := range coefficients[1:] {
		y = eager.AddScalar(eager.Mul(y, x), c)
	}
	return y
}

// arcsin is 2·arctan(x/(1+√((1-x)(1+x)))).
func arcsin(x *Tensor) *Tensor {
	root := eager.Sqrt(eager.Mul(eager.ScalarSub(1, x), eager.AddScalar(x, 1)))
	return eager.MulScalar(arctan(eager.Div(x, eager.AddScalar(root, 1))), 2)
}

// arccos is 2·arctan(√((1-x)/(1+x))).
func arccos(x *Tensor) *Tensor {
	return eager.MulScalar(arctan(eager.Sqrt(eager.Div(eager.ScalarSub(1, x), eager.AddScalar(x, 1)))), 2)
}

// wide is from where x² + 1 = x² and log(2x) is the inverse of both sinh and cosh.
const wide = 1 << 28

// arcsinh is log1p(a + a²/(1+√(a²+1))) with a = |x|.
func arcsinh(x *Tensor) *Tensor {
	a := eager.Abs(x)
	square := eager.Square(a)
	near := eager.Add(a, eager.Div(square, eager.AddScalar(eager.Sqrt(eager.AddScalar(square, 1)), 1))).log1p()
	far := eager.AddScalar(eager.Log(a), math.Ln2)
	return eager.Mul(eager.Sign(x), eager.Where(eager.GreaterScalar(a, wide), far, near))
}

// arccosh is log1p(t + √(2t+t²)) with t = x - 1.
func arccosh(x *Tensor) *Tensor {
	t := eager.SubScalar(x, 1)
	near := eager.Add(t, eager.Sqrt(eager.Add(eager.MulScalar(t, 2), eager.Square(t)))).log1p()
	return eager.Where(eager.GreaterScalar(x, wide), eager.AddScalar(eager.Log(x), math.Ln2), near)
}

// arctanh is log1p(2a/(1-a))/2 with a = |x|.
func arctanh(x *Tensor) *Tensor {
	a := eager.Abs(x)
	y := eager.Div(eager.MulScalar(a, 2), eager.ScalarSub(1, a)).log1p()
	return eager.Mul(eager.Sign(x), eager.MulScalar(y, 0.5))
}
