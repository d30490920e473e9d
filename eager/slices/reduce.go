package slices

import (
	"cmp"
	"math"
	"slices"

	"visus/eager"
)

// Reduce folds the axes, which are sorted. Sums and products of floats are kept in float64.
func (t *Tensor) Reduce(op eager.ReduceOp, axes []int, keep bool) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.ReduceShape(op, t.shape, axes, keep)
	if err != nil {
		return failed(err)
	}
	dtype, err := eager.ReduceType(op, t.dtype)
	if err != nil {
		return failed(err)
	}
	kept, _ := eager.ReduceShape(op, t.shape, axes, true)
	lines := t.lines(axes)
	out := empty(dtype, shape)
	length := lines.size / max(out.size, 1)
	switch t.dtype {
	case eager.Float32:
		fold(op, values[float32](out), values[float32](lines), length)
	case eager.Float64:
		fold(op, values[float64](out), values[float64](lines), length)
	case eager.Int64:
		fold(op, values[int64](out), values[int64](lines), length)
	default:
		whole := make([]int64, out.size)
		fold(op, whole, bits(values[bool](lines)), length)
		out = of(whole, shape).Cast(dtype)
	}
	return record(out, func(g *Tensor) []*Tensor {
		return []*Tensor{eager.ReduceGradient(op, t.plain(), out.plain().Reshape(kept), g.Reshape(kept), axes)}
	}, t)
}

// lines moves axes to the end.
func (t *Tensor) lines(axes []int) *Tensor {
	moved := []int{}
	for axis := range t.shape {
		if !slices.Contains(axes, axis) {
			moved = append(moved, axis)
		}
	}
	return t.plain().Transpose(append(moved, axes...))
}

// piece is how many elements of a long line are folded at a time. It is fixed, so that sums do not depend on the number of cores.
const piece = 1 << 15

func fold[E number](op eager.ReduceOp, dst, src []E, length int) {
	if length < 2*piece {
		parallel(len(dst), 1+piece/max(length, 1), func(from, to int) {
			for i := from; i < to; i++ {
				dst[i] = foldLine(op, src[i*length:(i+1)*length])
			}
		})
		return
	}
	for i := range dst {
		dst[i] = foldLong(op, src[i*length:(i+1)*length])
	}
}

func foldLine[E number](op eager.ReduceOp, line []E) E {
	if inFloat64[E](op) {
		return E(total(op, line))
	}
	return accumulate(op, line)
}

func foldLong[E number](op eager.ReduceOp, line []E) E {
	if inFloat64[E](op) {
		return E(total(op, inPieces(op, line, total[E])))
	}
	return accumulate(op, inPieces(op, line, accumulate[E]))
}

func inFloat64[E number](op eager.ReduceOp) bool { return op <= eager.OpProd && typeOf[E]().Float() }

func inPieces[E, P number](op eager.ReduceOp, line []E, f func(eager.ReduceOp, []E) P) []P {
	parts := make([]P, (len(line)+piece-1)/piece)
	parallel(len(parts), 1, func(from, to int) {
		for i := from; i < to; i++ {
			parts[i] = f(op, line[i*piece:min((i+1)*piece, len(line))])
		}
	})
	return parts
}

// total sums or multiplies. Four sums at a time do not wait for each other.
func total[E number](op eager.ReduceOp, line []E) float64 {
	if op == eager.OpProd {
		product := 1.0
		for _, v := range line {
			product *= float64(v)
		}
		return product
	}
	var a, b, c, d float64
	for ; len(line) >= 4; line = line[4:] {
		a, b, c, d = a+float64(line[0]), b+float64(line[1]), c+float64(line[2]), d+float64(line[3])
	}
	for _, v := range line {
		a += float64(v)
	}
	return (a + b) + (c + d)
}

func accumulate[E number](op eager.ReduceOp, line []E) E {
	switch op {
	case eager.OpMin:
		return lowest(line)
	case eager.OpMax:
		return highest(line)
	}
	var total E
	if op == eager.OpProd || op == eager.OpAll {
		total = 1
	}
	for _, v := range line {
		switch op {
		case eager.OpSum:
			total += v
		case eager.OpProd:
			total *= v
		case eager.OpAll:
			total = min(total, v)
		case eager.OpAny:
			total = max(total, v)
		}
	}
	return total
}

func lowest[E number](line []E) E {
	a, b, c, d := line[0], line[0], line[0], line[0]
	for ; len(line) >= 4; line = line[4:] {
		a, b, c, d = min(a, line[0]), min(b, line[1]), min(c, line[2]), min(d, line[3])
	}
	for _, v := range line {
		a = min(a, v)
	}
	return min(a, b, c, d)
}

func highest[E number](line []E) E {
	a, b, c, d := line[0], line[0], line[0], line[0]
	for ; len(line) >= 4; line = line[4:] {
		a, b, c, d = max(a, line[0]), max(b, line[1]), max(c, line[2]), max(d, line[3])
	}
	for _, v := range line {
		a = max(a, v)
	}
	return max(a, b, c, d)
}

// ArgReduce returns the first position of the extreme; NaN counts as the extreme.
func (t *Tensor) ArgReduce(op eager.ReduceOp, axis int, keep bool) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.ReduceShape(op, t.shape, []int{axis}, keep)
	if err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool || op != eager.OpMin && op != eager.OpMax {
		return failed(eager.Errorf("arg"+op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	n, out := t.shape[axis], make([]int64, eager.Size(shape))
	wide := values[float64](t.lines([]int{axis}).Cast(eager.Float64))
	for i := range out {
		out[i] = int64(extreme(op, wide[i*n:(i+1)*n]))
	}
	return of(out, shape)
}

func extreme(op eager.ReduceOp, line []float64) int {
	best := 0
	for i, v := range line {
		better := op == eager.OpMin && v < line[best] || op == eager.OpMax && v > line[best]
		if better || v != v && line[best] == line[best] {
			best = i
		}
	}
	return best
}

// SortWithIndex sorts along an axis, stable. NaN comes last in ascending and first in descending order.
func (t *Tensor) SortWithIndex(axis int, descending bool) (sorted, index *Tensor) {
	if t.err != nil {
		return t, t
	}
	if err := eager.CheckAxes("sort", t.shape, axis); err != nil {
		return failed(err), failed(err)
	}
	last, n := len(t.shape)-1, t.shape[axis]
	swap := make([]int, len(t.shape))
	for i := range swap {
		swap[i] = i
	}
	swap[axis], swap[last] = last, axis
	lines := t.plain().Transpose(swap)
	wide, order := values[float64](lines.Cast(eager.Float64)), make([]int64, t.size)
	parallel(t.size/max(n, 1), 1+(1<<12)/max(n, 1), func(from, to int) {
		for i := from; i < to; i++ {
			sortLine(order[i*n:(i+1)*n], wide[i*n:(i+1)*n], descending)
		}
	})
	index = of(order, lines.shape).Transpose(swap)
	return eager.TakeAlongAxis(t, index, axis), index
}

// sortLine fills order with the positions of the line in their order; equal elements keep theirs.
func sortLine(order []int64, line []float64, descending bool) {
	for i := range order {
		order[i] = int64(i)
	}
	before := func(a, b float64) bool { return a < b || b != b && a == a }
	slices.SortFunc(order, func(i, j int64) int {
		a, b := line[i], line[j]
		if descending {
			a, b = b, a
		}
		switch {
		case before(a, b):
			return -1
		case before(b, a):
			return 1
		}
		return cmp.Compare(i, j)
	})
}

// CumSum returns running sums, kept in float64 for floats.
func (t *Tensor) CumSum(axis int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckAxes("cumsum", t.shape, axis); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return failed(eager.Errorf("cumsum", eager.ErrDType, "expected numbers, found bool; cast first"))
	}
	out := empty(t.dtype, t.shape)
	n, step := t.shape[axis], strides(t.shape)[axis]
	switch t.dtype {
	case eager.Float32:
		runningFloat(values[float32](out), values[float32](t), n, step)
	case eager.Float64:
		runningFloat(values[float64](out), values[float64](t), n, step)
	default:
		runningWhole(values[int64](out), values[int64](t), n, step)
	}
	return record(out, func(g *Tensor) []*Tensor {
		return []*Tensor{eager.Flip(eager.CumSum(eager.Flip(g, axis), axis), axis)}
	}, t)
}

func runningFloat[E float32 | float64](dst, src []E, n, step int) {
	totals := make([]float64, step)
	for i, v := range src {
		if i/step%n == 0 {
			totals[i%step] = 0
		}
		totals[i%step] += float64(v)
		dst[i] = E(totals[i%step])
	}
}

func runningWhole(dst, src []int64, n, step int) {
	for i, v := range src {
		dst[i] = v
		if i/step%n > 0 {
			dst[i] += dst[i-step]
		}
	}
}

// Gather replaces an axis by the positions; negative ones count from the end.
func (t *Tensor) Gather(axis int, index *Tensor) *Tensor {
	if bad := first(t, index); bad != nil {
		return bad
	}
	if err := eager.CheckAxes("gather", t.shape, axis); err != nil {
		return failed(err)
	}
	at, err := index.positions("gather", t.shape[axis])
	if err != nil {
		return failed(err)
	}
	n, inner := t.shape[axis], eager.Size(t.shape[axis+1:])
	from := make([]int64, 0, eager.Size(t.shape[:axis])*len(at)*inner)
	for row := range eager.Size(t.shape[:axis]) {
		for _, p := range at {
			for i := range inner {
				from = append(from, int64((row*n+p)*inner+i))
			}
		}
	}
	out := empty(t.dtype, slices.Concat(t.shape[:axis], index.shape, t.shape[axis+1:]))
	switch t.dtype {
	case eager.Float32:
		pick(values[float32](out), values[float32](t), from)
	case eager.Float64:
		pick(values[float64](out), values[float64](t), from)
	case eager.Int64:
		pick(values[int64](out), values[int64](t), from)
	default:
		pick(values[bool](out), values[bool](t), from)
	}
	return record(out, func(g *Tensor) []*Tensor { return []*Tensor{scatterAdd(t, g, from)} }, t)
}

func pick[E element](dst, src []E, from []int64) {
	for i, p := range from {
		dst[i] = src[p]
	}
}

// positions checks indices of an axis of n elements and counts them from zero.
func (t *Tensor) positions(op string, n int) ([]int, error) {
	if t.dtype != eager.Int64 {
		return nil, eager.Errorf(op, eager.ErrDType, "expected int64 indices, found %v", t.dtype)
	}
	out := make([]int, t.size)
	for i, p := range values[int64](t) {
		if p < -int64(n) || p >= int64(n) {
			return nil, eager.Errorf(op, eager.ErrIndex, "expected positions within %d elements, found %d", n, p)
		}
		out[i] = (int(p) + n) % n
	}
	return out, nil
}

// scatterAdd adds g, element by element, to zeros of the shape of t.
func scatterAdd(t, g *Tensor, at []int64) *Tensor {
	out := make([]float64, t.size)
	for i, v := range values[float64](g.Cast(eager.Float64)) {
		out[at[i]] += v
	}
	return of(out, t.shape).Cast(g.dtype)
}

// ScatterSet returns t with positions of the flattened tensor replaced.
func (t *Tensor) ScatterSet(index, v *Tensor) *Tensor {
	if bad := first(t, index, v); bad != nil {
		return bad
	}
	at, err := index.positions("index_update", t.size)
	if err != nil {
		return failed(err)
	}
	if v.dtype != t.dtype || v.size != len(at) {
		return failed(eager.Errorf("index_update", eager.ErrShape, "expected %d values of %v, found %v%v", len(at), t.dtype, v.dtype, v.shape))
	}
	out := t.plain().walk(t.shape, strides(t.shape), 0)
	switch t.dtype {
	case eager.Float32:
		place(values[float32](out), values[float32](v), at)
	case eager.Float64:
		place(values[float64](out), values[float64](v), at)
	case eager.Int64:
		place(values[int64](out), values[int64](v), at)
	default:
		place(values[bool](out), values[bool](v), at)
	}
	return record(out, func(g *Tensor) []*Tensor { return scatterGradient(g, v, at) }, t, v)
}

func place[E element](dst, src []E, at []int) {
	for i, p := range at {
		dst[p] = src[i]
	}
}

// scatterGradient gives replaced elements nothing, and of duplicates all to the last.
func scatterGradient(g, v *Tensor, at []int) []*Tensor {
	wide := values[float64](g.Cast(eager.Float64))
	old, own, seen := slices.Clone(wide), make([]float64, v.size), map[int]bool{}
	for i, p := range slices.Backward(at) {
		if !seen[p] {
			own[i] = wide[p]
		}
		old[p], seen[p] = 0, true
	}
	return []*Tensor{of(old, g.shape).Cast(g.dtype), of(own, v.shape).Cast(g.dtype)}
}

// MatMul multiplies two matrices; sums are kept in float64.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	shape, err := eager.MatMulShape(t.shape, y.shape)
	if err != nil {
		return failed(err)
	}
	if t.dtype != y.dtype || !t.dtype.Float() {
		return failed(eager.Errorf("matmul", eager.ErrDType, "expected floats of one type, found %v and %v", t.dtype, y.dtype))
	}
	n, k, m := t.shape[0], t.shape[1], y.shape[1]
	a, b := values[float64](t.plain().Cast(eager.Float64)), values[float64](y.plain().Cast(eager.Float64))
	dst := make([]float64, n*m)
	parallel(n, 1+(1<<16)/max(k*m, 1), func(from, to int) {
		for i := from; i < to; i++ {
			row := dst[i*m : (i+1)*m]
			for j, v := range a[i*k : (i+1)*k] {
				for c, w := range b[j*m : (j+1)*m] {
					row[c] += v * w
				}
			}
		}
	})
	out := of(dst, shape).Cast(t.dtype)
	return record(out, func(g *Tensor) []*Tensor {
		return []*Tensor{g.MatMul(eager.Transpose(y.plain())), eager.Transpose(t.plain()).MatMul(g)}
	}, t, y)
}

// Inverse inverts [..., n, n]; a singular matrix is an error.
func (t *Tensor) Inverse() *Tensor {
	inverse, _, _, err := t.eliminate("inv")
	if err != nil {
		return t.Fail(err)
	}
	return record(inverse, func(g *Tensor) []*Tensor { return []*Tensor{inverseGradient(inverse, g)} }, t)
}

// inverseGradient is -Yᵀ g Yᵀ for each matrix Y of the inverse.
func inverseGradient(inverse, g *Tensor) *Tensor {
	n := inverse.shape[len(inverse.shape)-1]
	var parts []*Tensor
	for m := range inverse.size / (n * n) {
		matrix := func(t *Tensor) *Tensor {
			return t.Reshape([]int{t.size / n, n}).Slice([]eager.Range{{Start: m * n, Stop: (m + 1) * n, Step: 1}, {Stop: n, Step: 1}})
		}
		y := eager.Transpose(matrix(inverse))
		parts = append(parts, y.MatMul(matrix(g)).MatMul(y).Unary(eager.OpNeg))
	}
	if len(parts) == 0 {
		return g
	}
	return parts[0].Concat(0, parts[1:]).Reshape(inverse.shape)
}

// SlogDet returns sign and log of the absolute determinant of [..., n, n]; a singular matrix has 0 and -Inf.
func (t *Tensor) SlogDet() (sign, logAbs *Tensor) {
	inverse, signs, logs, err := t.eliminate("slogdet")
	if inverse == nil {
		return t.Fail(err), t.Fail(err)
	}
	batch := t.shape[:len(t.shape)-2]
	logAbs = of(logs, batch).Cast(t.dtype)
	return of(signs, batch).Cast(t.dtype), record(logAbs, func(g *Tensor) []*Tensor {
		last := len(t.shape) - 1
		axes := slices.Concat(order(last-1), []int{last, last - 1})
		return []*Tensor{inverse.Transpose(axes).Binary(eager.OpMul, g.Reshape(slices.Concat(batch, []int{1, 1})))}
	}, t)
}

func order(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// eliminate inverts by Gauss and Jordan with partial pivoting. A singular matrix gives an error beside the results.
func (t *Tensor) eliminate(op string) (inverse *Tensor, signs, logs []float64, err error) {
	if t.err != nil {
		return nil, nil, nil, t.err
	}
	rank := len(t.shape)
	if rank < 2 || t.shape[rank-1] != t.shape[rank-2] || !t.dtype.Float() {
		return nil, nil, nil, eager.Errorf(op, eager.ErrShape, "expected floats [..., n, n], found %v%v", t.dtype, t.shape)
	}
	n := t.shape[rank-1]
	src := slices.Clone(values[float64](t.plain().Cast(eager.Float64)))
	dst := make([]float64, len(src))
	for m := range eager.Size(t.shape[:rank-2]) {
		s, l := invert(src[m*n*n:(m+1)*n*n], dst[m*n*n:(m+1)*n*n], n)
		signs, logs = append(signs, s), append(logs, l)
		if s == 0 {
			err = eager.Errorf(op, eager.ErrEngine, "expected invertible matrices, found a singular one at %d", m)
		}
	}
	return of(dst, t.shape).Cast(t.dtype), signs, logs, err
}

// invert turns a into the identity and out into its inverse, row by row.
func invert(a, out []float64, n int) (sign, logAbs float64) {
	for i := range n {
		out[i*n+i] = 1
	}
	sign = 1
	for c := range n {
		best := c
		for r := c; r < n; r++ {
			if math.Abs(a[r*n+c]) > math.Abs(a[best*n+c]) {
				best = r
			}
		}
		pivot := a[best*n+c]
		if pivot == 0 {
			return 0, math.Inf(-1)
		}
		if best != c {
			sign = -sign
			for k := range n {
				a[c*n+k], a[best*n+k] = a[best*n+k], a[c*n+k]
				out[c*n+k], out[best*n+k] = out[best*n+k], out[c*n+k]
			}
		}
		if pivot < 0 {
			sign = -sign
		}
		logAbs += math.Log(math.Abs(pivot))
		for k := range n {
			a[c*n+k] /= pivot
			out[c*n+k] /= pivot
		}
		for r := range n {
			if factor := a[r*n+c]; r != c && factor != 0 {
				for k := range n {
					a[r*n+k] -= factor * a[c*n+k]
					out[r*n+k] -= factor * out[c*n+k]
				}
			}
		}
	}
	return sign, logAbs
}
