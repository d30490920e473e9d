package eager

// Eliminate inverts [..., n, n] by Gauss and Jordan with partial pivoting, for engines without a routine: in float64 the inverses [m, n, n],
// and sign and log of the determinants [m, 1, 1]. A singular matrix has sign 0 and an inverse without meaning. It is about 25 operations a
// row.
func Eliminate[T Tensor[T]](t T) (inverse, sign, logAbs T) {
	shape := t.Shape()
	n := shape[len(shape)-1]
	m := Size(shape) / (n * n)
	rows := t.Arange(0, n, 1).Reshape([]int{1, n, 1})
	unit := Equal(rows, t.Arange(0, n, 1).Reshape([]int{1, 1, n})).Cast(Float64)
	a := Concatenate(2, t.Cast(Float64).Reshape([]int{m, n, n}), unit.BroadcastTo([]int{m, n, n}))
	one := Ones(a, m, 1, 1)
	sign, logAbs = one, ZerosLike(one)
	for k := range n {
		here := EqualScalar(rows, float64(k))
		size := Where(LessScalar(rows, float64(k)), Scalar(a, -1), Abs(column(a, k)))
		best := size.ArgReduce(OpMax, 1, true)
		chosen := Equal(rows, best)
		top := Where(chosen, a, Scalar(a, 0)).Reduce(OpSum, []int{1}, true)
		swapped := Where(chosen, Index(a, Whole, Span(k, k+1, 1)), a)
		pivot := column(top, k)
		unmoved := EqualScalar(best, float64(k))
		sign = Mul(sign, Mul(Sign(pivot), Where(unmoved, one, Neg(one))))
		logAbs = Add(logAbs, Log(Abs(pivot)))
		top = Div(top, Where(EqualScalar(pivot, 0), one, pivot))
		a = Where(here, top, Sub(swapped, Mul(column(swapped, k), top)))
	}
	return Index(a, Whole, Whole, From(n)), sign, logAbs
}

// column is [m, rows, 1].
func column[T Tensor[T]](a T, k int) T {
	return Index(a, Whole, Whole, Span(k, k+1, 1))
}
