package slices

import (
	"math"
	"slices"

	"visus/eager"
)

// Unary applies an element-wise function. Outside its domain the result is NaN or infinite.
func (t *Tensor) Unary(op eager.UnaryOp) *Tensor {
	if t.err != nil {
		return t
	}
	if op == eager.OpNot {
		return t.not()
	}
	exact := op <= eager.OpSquare // abs, neg, sign and square stay whole numbers
	if !t.dtype.Float() && !(t.dtype == eager.Int64 && exact) {
		return failed(eager.Errorf(op.String(), eager.ErrDType, "expected floats, found %v; cast first", t.dtype))
	}
	if op == eager.OpIsNaN || op == eager.OpIsInf {
		return t.classify(op)
	}
	out := empty(t.dtype, t.shape)
	switch t.dtype {
	case eager.Float32:
		apply(op, values[float32](out), values[float32](t))
	case eager.Float64:
		apply(op, values[float64](out), values[float64](t))
	default:
		applyExact(op, values[int64](out), values[int64](t))
	}
	return record(out, func(g *Tensor) []*Tensor { return []*Tensor{eager.UnaryGradient(op, t.plain(), out.plain(), g)} }, t)
}

func (t *Tensor) not() *Tensor {
	if t.dtype != eager.Bool {
		return failed(eager.Errorf("logical_not", eager.ErrDType, "expected bool, found %v", t.dtype))
	}
	out := empty(eager.Bool, t.shape)
	for i, v := range values[bool](t) {
		values[bool](out)[i] = !v
	}
	return out
}

func (t *Tensor) classify(op eager.UnaryOp) *Tensor {
	out := empty(eager.Bool, t.shape)
	dst := values[bool](out)
	for i, v := range values[float64](t.plain().Cast(eager.Float64)) {
		dst[i] = op == eager.OpIsNaN && v != v || op == eager.OpIsInf && math.IsInf(v, 0)
	}
	return out
}

func apply[E float32 | float64](op eager.UnaryOp, dst, src []E) {
	if op <= eager.OpSquare {
		applyExact(op, dst, src)
		return
	}
	f := functions[op]
	parallel(len(dst), 1<<13, func(from, to int) {
		for i := from; i < to; i++ {
			dst[i] = E(f(float64(src[i])))
		}
	})
}

// functions are computed in float64 and rounded once.
var functions = map[eager.UnaryOp]func(float64) float64{
	eager.OpSqrt: math.Sqrt, eager.OpExp: math.Exp, eager.OpLog: math.Log, eager.OpLog2: math.Log2, eager.OpLog10: math.Log10,
	eager.OpLog1p: math.Log1p, eager.OpSin: math.Sin, eager.OpCos: math.Cos, eager.OpTan: math.Tan, eager.OpSinh: math.Sinh,
	eager.OpCosh: math.Cosh, eager.OpTanh: math.Tanh, eager.OpArcsin: math.Asin, eager.OpArccos: math.Acos, eager.OpArctan: math.Atan,
	eager.OpArcsinh: math.Asinh, eager.OpArccosh: math.Acosh, eager.OpArctanh: math.Atanh, eager.OpRound: math.RoundToEven,
	eager.OpCeil: math.Ceil, eager.OpFloor: math.Floor,
}

func applyExact[E number](op eager.UnaryOp, dst, src []E) {
	switch op {
	case eager.OpAbs:
		for i, v := range src {
			dst[i] = max(v, -v)
		}
	case eager.OpNeg:
		for i, v := range src {
			dst[i] = -v
		}
	case eager.OpSquare:
		for i, v := range src {
			dst[i] = v * v
		}
	case eager.OpSign:
		for i, v := range src {
			dst[i] = sign(v)
		}
	}
}

// sign is NaN at NaN.
func sign[E number](v E) E {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

// Binary applies an element-wise function of two tensors of one type, which broadcast.
func (t *Tensor) Binary(op eager.BinaryOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	shape, err := checkPair(op.String(), t, y)
	if err != nil {
		return failed(err)
	}
	out := empty(t.dtype, shape)
	if err := binary(op, out, spread(t, shape), spread(y, shape)); err != nil {
		return failed(err)
	}
	return record(out, func(g *Tensor) []*Tensor { return eager.BinaryGradient(op, t.plain(), y.plain(), out.plain(), g) }, t, y)
}

// BinaryInto writes the result into out, which has the shape and type of both operands and may be one of them. It allocates nothing
// and records no gradient.
func BinaryInto(out *Tensor, op eager.BinaryOp, x, y *Tensor) error {
	if bad := first(out, x, y); bad != nil {
		return bad.err
	}
	same := slices.Equal(x.shape, y.shape) && slices.Equal(x.shape, out.shape) && x.dtype == y.dtype && x.dtype == out.dtype
	if !same {
		return eager.Errorf(op.String(), eager.ErrShape, "expected one shape and type, found %v%v, %v%v into %v%v",
			x.dtype, x.shape, y.dtype, y.shape, out.dtype, out.shape)
	}
	return binary(op, out, x, y)
}

// BinaryScalar applies the function to a scalar of the tensor's type; reversed puts the scalar on the left.
func (t *Tensor) BinaryScalar(op eager.BinaryOp, s float64, reversed bool) *Tensor {
	scalar := t.Full(t.dtype, s, nil)
	if reversed {
		return scalar.Binary(op, t)
	}
	return t.Binary(op, scalar)
}

func checkPair(op string, x, y *Tensor) ([]int, error) {
	if err := eager.CheckTypes(op, x.dtype, y.dtype); err != nil {
		return nil, err
	}
	return eager.Broadcast(op, x.shape, y.shape)
}

// spread returns the data of t for every element of the shape; one element stays one.
func spread(t *Tensor, shape []int) *Tensor {
	if t.size == 1 || slices.Equal(t.shape, shape) {
		return t
	}
	return t.plain().BroadcastTo(shape)
}

func binary(op eager.BinaryOp, out, x, y *Tensor) error {
	switch {
	case out.dtype == eager.Bool:
		return combineMasks(op, values[bool](out), values[bool](x), values[bool](y))
	case op >= eager.OpAnd || out.dtype == eager.Int64 && (op == eager.OpDiv || op == eager.OpPow):
		return eager.Errorf(op.String(), eager.ErrDType, "not defined for %v; cast first", out.dtype)
	case out.dtype == eager.Float32:
		combine(op, values[float32](out), values[float32](x), values[float32](y))
	case out.dtype == eager.Float64:
		combine(op, values[float64](out), values[float64](x), values[float64](y))
	default:
		return combineIntegers(op, values[int64](out), values[int64](x), values[int64](y))
	}
	return nil
}

func combineIntegers(op eager.BinaryOp, dst, a, b []int64) error {
	if (op == eager.OpFloorDiv || op == eager.OpMod) && slices.Contains(b, 0) {
		return eager.Errorf(op.String(), eager.ErrEngine, "expected integers other than 0 to divide by")
	}
	combine(op, dst, a, b)
	return nil
}

func combineMasks(op eager.BinaryOp, dst, a, b []bool) error {
	for i := range dst {
		x, y := a[min(i, len(a)-1)], b[min(i, len(b)-1)]
		switch op {
		case eager.OpAnd, eager.OpMul, eager.OpMinimum:
			dst[i] = x && y
		case eager.OpOr, eager.OpAdd, eager.OpMaximum:
			dst[i] = x || y
		default:
			return eager.Errorf(op.String(), eager.ErrDType, "not defined for bool; cast first")
		}
	}
	return nil
}

// block is how many elements are combined at a time where an operand is one element: it is repeated so often.
const block = 256

// combine applies op; an operand of one element stands for all.
func combine[E number](op eager.BinaryOp, dst, a, b []E) {
	if len(dst) <= block || len(a) == len(b) && len(dst) < 1<<18 { // as fast as memory is; of equal lengths, nothing is allocated
		pairs(op, dst, repeated(a, len(dst)), repeated(b, len(dst)))
		return
	}
	inBlocks(dst, a, b, func(dst, a, b []E) { pairs(op, dst, a, b) })
}

// inBlocks gives f parts of dst and of both operands, of equal length, on all cores.
func inBlocks[D element, E number](dst []D, a, b []E, f func(dst []D, a, b []E)) {
	parallel(len(dst), 1<<15, func(from, to int) {
		var left, right [block]E
		for ; from < to; from += block {
			end := min(from+block, to)
			f(dst[from:end], part(a, &left, from, end), part(b, &right, from, end))
		}
	})
}

// repeated is a, or the one element that a has, n times.
func repeated[E number](a []E, n int) []E {
	if len(a) == n {
		return a
	}
	return slices.Repeat(a, n)
}

// part is a[from:to], or the one element that a has, repeated.
func part[E number](a []E, repeated *[block]E, from, to int) []E {
	if len(a) != 1 {
		return a[from:to]
	}
	fill(repeated[:to-from], a[0])
	return repeated[:to-from]
}

func pairs[E number](op eager.BinaryOp, dst, a, b []E) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case eager.OpAdd:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case eager.OpSub:
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	case eager.OpMul:
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	case eager.OpDiv:
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	case eager.OpMinimum:
		for i := range dst {
			dst[i] = min(a[i], b[i])
		}
	case eager.OpMaximum:
		for i := range dst {
			dst[i] = max(a[i], b[i])
		}
	default:
		for i := range dst {
			dst[i] = pair(op, a[i], b[i])
		}
	}
}

func pair[E number](op eager.BinaryOp, x, y E) E {
	if op == eager.OpPow {
		return E(math.Pow(float64(x), float64(y)))
	}
	quotient, rest := divide(x, y)
	if op == eager.OpFloorDiv {
		return quotient
	}
	return rest
}

// divide rounds toward minus infinity; the rest has the sign of y. Rest and quotient agree, as in Python.
func divide[E number](x, y E) (quotient, rest E) {
	if typeOf[E]() == eager.Int64 {
		quotient = x / y
		rest = x - quotient*y
		if rest != 0 && (rest < 0) != (y < 0) {
			return quotient - 1, rest + y
		}
		return quotient, rest
	}
	if y == 0 {
		return x / y, E(math.NaN())
	}
	r := math.Mod(float64(x), float64(y))
	q := math.Round((float64(x) - r) / float64(y))
	if r != 0 && (r < 0) != (y < 0) {
		r, q = r+float64(y), q-1
	} else if r == 0 {
		r = math.Copysign(0, float64(y))
	}
	return E(q), E(r)
}

// Compare gives a mask; comparisons with NaN are false, except that NaN differs from everything.
func (t *Tensor) Compare(op eager.CompareOp, y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	shape, err := checkPair(op.String(), t, y)
	if err != nil {
		return failed(err)
	}
	out := empty(eager.Bool, shape)
	a, b, dst := spread(t, shape), spread(y, shape), values[bool](out)
	switch t.dtype {
	case eager.Float32:
		compare(op, dst, values[float32](a), values[float32](b))
	case eager.Float64:
		compare(op, dst, values[float64](a), values[float64](b))
	case eager.Int64:
		compare(op, dst, values[int64](a), values[int64](b))
	default:
		compare(op, dst, bits(values[bool](a)), bits(values[bool](b)))
	}
	return out
}

func compare[E number](op eager.CompareOp, dst []bool, a, b []E) {
	if len(dst) <= block {
		comparePairs(op, dst, repeated(a, len(dst)), repeated(b, len(dst)))
		return
	}
	inBlocks(dst, a, b, func(dst []bool, a, b []E) { comparePairs(op, dst, a, b) })
}

// comparePairs knows less, and greater as less the other way round.
func comparePairs[E number](op eager.CompareOp, dst []bool, a, b []E) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case eager.OpLess:
		for i := range dst {
			dst[i] = a[i] < b[i]
		}
	case eager.OpLessEqual:
		for i := range dst {
			dst[i] = a[i] <= b[i]
		}
	case eager.OpEqual:
		for i := range dst {
			dst[i] = a[i] == b[i]
		}
	case eager.OpNotEqual:
		for i := range dst {
			dst[i] = a[i] != b[i]
		}
	default:
		comparePairs(op-eager.OpGreater, dst, b, a)
	}
}

// Where takes a where the mask is true and b elsewhere; all three broadcast. What is not taken gets a gradient of exactly 0.
func (t *Tensor) Where(a, b *Tensor) *Tensor {
	if bad := first(t, a, b); bad != nil {
		return bad
	}
	if t.dtype != eager.Bool {
		return failed(eager.Errorf("where", eager.ErrDType, "expected a bool mask, found %v", t.dtype))
	}
	shape, err := checkPair("where", a, b)
	if err == nil {
		shape, err = eager.Broadcast("where", shape, t.shape)
	}
	if err != nil {
		return failed(err)
	}
	out := empty(a.dtype, shape)
	mask, x, y := t.BroadcastTo(shape), spread(a, shape), spread(b, shape)
	switch a.dtype {
	case eager.Float32:
		choose(values[float32](out), values[bool](mask), values[float32](x), values[float32](y))
	case eager.Float64:
		choose(values[float64](out), values[bool](mask), values[float64](x), values[float64](y))
	case eager.Int64:
		choose(values[int64](out), values[bool](mask), values[int64](x), values[int64](y))
	default:
		choose(values[bool](out), values[bool](mask), values[bool](x), values[bool](y))
	}
	return record(out, func(g *Tensor) []*Tensor {
		zero := eager.Scalar(g, 0)
		return []*Tensor{eager.SumTo(mask.Where(g, zero), a.shape), eager.SumTo(mask.Where(zero, g), b.shape)}
	}, a, b)
}

func choose[E element](dst []E, mask []bool, a, b []E) {
	for i, first := range mask {
		if first {
			dst[i] = a[min(i, len(a)-1)]
		} else {
			dst[i] = b[min(i, len(b)-1)]
		}
	}
}
