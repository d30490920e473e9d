package rescale

import (
	"fmt"
	"math"

	"visus/eager"
	"visus/eager/slices"
)

// Eta returns, for each of the samples x and delta [n, ...], the factor that EtaRows gives, [n], on any engine of eager tensors. eps is a
// scalar or [n]. Of the options Lows, Highs and Weights are not for tensors, AtMost is not for factors, and bounds are finite. On the engine
// of slices it takes EtaRows' way; elsewhere Newton's method takes a fixed number of steps, enough for 99 % of the reachable length of common
// perturbations (spec 3B), and checks nothing.
//
// The factor is differentiable in x, delta and eps wherever no element is just being clipped; the gradients are closed forms (spec 5), not
// those of the steps.
func Eta[T eager.Tensor[T]](x, delta, eps T, o Options) T {
	o, err := o.forTensors()
	if err != nil {
		return x.Fail(err)
	}
	shape := x.Shape()
	switch {
	case x.Err() != nil:
		return x
	case len(shape) == 0 || !x.DType().Float():
		return x.Fail(eager.Errorf("rescale", eager.ErrShape, "expected floats [n, ...], found %v%v", x.DType(), shape))
	}
	if size := eager.Size(eps.Shape()); eps.Err() == nil && size != 1 && size != shape[0] {
		return x.Fail(eager.Errorf("rescale", eager.ErrShape, "expected one length or %d, found shape %v", shape[0], eps.Shape()))
	}
	if o.Clip {
		x = eager.Clip(x, o.Low, o.High)
	}
	eps = eager.Reshape(eps, -1).BroadcastTo([]int{shape[0]})
	eta := eager.CustomVJP([]T{eager.Flatten(x, 1, -1), eager.Flatten(delta, 1, -1), eps},
		func(in []T) T { return forward(in[0], in[1], in[2], o) },
		func(in []T, eta, g T) []T { return backward(in[0], in[1], in[2], eta, g, o) })
	if o.Shrink {
		return eager.MinimumScalar(eta, 1)
	}
	return eta
}

// Perturb returns clip(x + eta delta) with the factors of Eta, and the factors. It is differentiable in x, delta and eps.
func Perturb[T eager.Tensor[T]](x, delta, eps T, o Options) (v, eta T) {
	eta = Eta(x, delta, eps, o)
	if o, _ = o.forTensors(); o.Clip {
		x = eager.Clip(x, o.Low, o.High)
	}
	return eager.Clip(eager.Add(x, eager.Mul(wide(eta, x), delta)), o.Low, o.High), eta
}

// forTensors fills in defaults and refuses what tensors do not do.
func (o Options) forTensors() (Options, error) {
	if o.P == 0 {
		o.P = 2
	}
	if o.Low == 0 && o.High == 0 {
		o.High = 1
	}
	switch {
	case o.Lows != nil || o.Highs != nil || o.Weights != nil || o.Mean || o.AtMost:
		return o, fmt.Errorf("rescale: tensors have one domain, no weights and no rounding; expected these options for rows only")
	case !(o.P > 0):
		return o, fmt.Errorf("rescale: p is %v; expected a number above 0", o.P)
	case !(o.Low < o.High) || math.IsInf(o.High-o.Low, 1):
		return o, fmt.Errorf("rescale: the domain is [%v, %v]; expected finite bounds, the lower one first", o.Low, o.High)
	}
	return o, nil
}

// wide gives a value for each sample as many axes as x has.
func wide[T eager.Tensor[T]](each, x T) T {
	shape := make([]int, max(len(x.Shape()), 1))
	for i := range shape {
		shape[i] = 1
	}
	if n := x.Shape(); len(n) > 0 {
		shape[0] = n[0]
	}
	return eager.Reshape(each, shape...)
}

// rooms returns |delta| and the room in its direction, both [n, elements].
func rooms[T eager.Tensor[T]](x, delta T, o Options) (size, room T) {
	up := eager.GreaterEqualScalar(delta, 0)
	return eager.Abs(delta), up.Where(eager.ScalarSub(o.High, x), eager.SubScalar(x, o.Low))
}

func forward[T eager.Tensor[T]](x, delta, eps T, o Options) T {
	if x, ok := any(x).(*slices.Tensor); ok {
		o.Shrink = false // that comes behind the gradient
		return any(onSlices(x, any(delta).(*slices.Tensor), any(eps).(*slices.Tensor), o)).(T)
	}
	size, room := rooms(x, delta, o)
	if math.IsInf(o.P, 1) {
		return largest(size, room, eps)
	}
	return newtonSteps(size, room, eps, o)
}

func onSlices(x, delta, eps *slices.Tensor, o Options) *slices.Tensor {
	lengths, err := eps.Floats()
	if err != nil {
		return eps
	}
	eta := make([]float64, len(lengths))
	if x.DType() == eager.Float32 {
		err = rowsOf[float32](eta, x, delta, lengths, o)
	} else {
		err = rowsOf[float64](eta, x, delta, lengths, o)
	}
	if err != nil {
		return x.Fail(err)
	}
	return slices.Wrap(eta, len(eta)).Cast(x.DType())
}

func rowsOf[E float32 | float64](eta []float64, x, delta *slices.Tensor, eps []float64, o Options) error {
	a, err := slices.Values[E](x)
	if err != nil {
		return err
	}
	b, err := slices.Values[E](delta)
	if err != nil {
		return err
	}
	return EtaRows(eta, a, b, eps, o)
}

// steps of Newton's method where data cannot be looked at.
const steps = 20

// newtonSteps is Newton's method in units of the largest |delta| of a sample and of the width of the domain. A factor never exceeds the one
// that clips everything, which is where the method ends for lengths that cannot be reached.
func newtonSteps[T eager.Tensor[T]](size, room, eps T, o Options) T {
	zero, span := eager.Scalar(size, 0), o.High-o.Low
	scale := eager.Max(size, true, 1)
	scale = eager.EqualScalar(scale, 0).Where(eager.Scalar(size, 1), scale)
	size, room = eager.Div(size, scale), eager.DivScalar(room, span)
	moves := eager.GreaterScalar(size, 0)
	end := eager.Max(moves.Where(eager.Div(room, moves.Where(size, eager.Scalar(size, 1))), zero), true, 1)
	free, clipped := eager.PowScalar(size, o.P), moves.Where(eager.PowScalar(room, o.P), zero)
	target := eager.PowScalar(eager.DivScalar(eager.ExpandDims(eps, 1), span), o.P)
	eta := eager.Zeros(target, target.Shape()...)
	for range steps {
		over := eager.GreaterEqual(eager.Mul(eta, size), room)
		q := eager.Sum(over.Where(clipped, zero), true, 1)
		w := eager.Sum(over.Where(zero, free), true, 1)
		some := eager.GreaterScalar(w, 0)
		t := eager.Div(eager.Maximum(eager.Sub(target, q), zero), some.Where(w, eager.Scalar(w, 1)))
		eta = some.Where(eager.Maximum(eta, eager.PowScalar(t, 1/o.P)), eta)
	}
	return eager.Squeeze(eager.Div(eager.MulScalar(eager.Minimum(eta, end), span), scale), 1)
}

// largest is p = +Inf.
func largest[T eager.Tensor[T]](size, room, eps T) T {
	zero := eager.Scalar(size, 0)
	moves := eager.GreaterScalar(size, 0)
	fits := eager.And(moves, eager.GreaterEqual(room, eager.ExpandDims(eps, 1)))
	first := eager.Max(fits.Where(size, zero), false, 1)
	most := eager.Max(moves.Where(room, zero), false, 1)
	last := eager.Max(eager.And(moves, eager.Equal(room, eager.ExpandDims(most, 1))).Where(size, zero), false, 1)
	one := eager.Scalar(size, 1)
	reached, some := eager.GreaterScalar(first, 0), eager.GreaterScalar(last, 0)
	return reached.Where(eager.Div(eps, reached.Where(first, one)), eager.Div(most, some.Where(last, one)))
}

// backward is section 5 of the specification: the gradients of eta, times g, in x, delta and eps.
func backward[T eager.Tensor[T]](x, delta, eps, eta, g T, o Options) []T {
	size, room := rooms(x, delta, o)
	zero, one, sign := eager.Scalar(x, 0), eager.Scalar(x, 1), eager.Sign(delta)
	moves := eager.GreaterScalar(size, 0)
	over := eager.GreaterEqual(eager.Mul(eager.ExpandDims(eta, 1), size), room)
	free := eager.And(moves, eager.Not(over))
	column := func(t T) T { return eager.ExpandDims(t, 1) }
	if math.IsInf(o.P, 1) {
		free = eager.And(moves, eager.GreaterEqual(room, column(eps)))
	}
	reached := eager.Any(free, false, 1)

	// Out of reach: the quotient s/|delta| of the element that is clipped last.
	ratio := moves.Where(eager.Div(room, moves.Where(size, one)), eager.Scalar(x, -1))
	final := onlyFirst(eager.And(moves, eager.Equal(ratio, eager.Max(ratio, true, 1))), x)
	safe := moves.Where(delta, one)
	outX := eager.Mul(final, eager.Neg(eager.Div(sign, moves.Where(size, one))))
	outDelta := eager.Mul(final, eager.Neg(eager.Div(column(eta), safe)))

	var inX, inDelta, inEps T
	if math.IsInf(o.P, 1) {
		size := free.Where(size, zero)
		top := onlyFirst(eager.And(free, eager.Equal(size, eager.Max(size, true, 1))), x)
		inX, inDelta = eager.ZerosLike(x), eager.Mul(top, eager.Neg(eager.Div(column(eta), safe)))
		inEps = eager.Div(one, reached.Where(eager.Max(size, false, 1), one))
	} else {
		// W with |delta| in units of the largest, whose power would overflow or vanish otherwise.
		scale := eager.Max(size, true, 1)
		scale = eager.EqualScalar(scale, 0).Where(one, scale)
		unit := eager.Div(size, scale)
		w := eager.Sum(free.Where(eager.PowScalar(unit, o.P), zero), true, 1)
		w = eager.GreaterScalar(w, 0).Where(w, one)
		factor := eager.Mul(column(eta), scale) // eta in these units
		moved := eager.GreaterScalar(factor, 0)
		power := func(length T) T { // (length/factor)^(p-1), which is W^((1-p)/p) at eta = 0, where nothing is clipped
			return eager.PowScalar(eager.Div(length, moved.Where(factor, one)), o.P-1)
		}
		inX = eager.And(over, moves).Where(eager.Div(eager.Mul(sign, power(room)), eager.Mul(w, scale)), zero)
		inDelta = eager.Neg(eager.Div(eager.Mul(column(eta), eager.Mul(sign, eager.PowScalar(unit, o.P-1))), eager.Mul(w, scale)))
		inDelta = free.Where(inDelta, zero)
		start := eager.Mul(eager.PowScalar(w, -1/o.P), eager.Div(one, scale))
		inEps = eager.Squeeze(moved.Where(eager.Div(power(column(eps)), eager.Mul(w, scale)), start), 1)
	}
	gx := eager.Mul(column(g), column(reached).Where(inX, outX))
	gDelta := eager.Mul(column(g), column(reached).Where(inDelta, outDelta))
	return []T{gx, gDelta, eager.Mul(g, reached.Where(inEps, zero))}
}

// onlyFirst is 1, of the type of x, at the first true element of each row and 0 elsewhere.
func onlyFirst[T eager.Tensor[T]](mask, x T) T {
	hit := mask.Cast(x.DType())
	return eager.Mul(hit, eager.LessEqualScalar(eager.CumSum(hit, 1), 1).Cast(x.DType()))
}
