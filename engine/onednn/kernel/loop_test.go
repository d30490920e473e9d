//go:build unix && cgo

package kernel

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"visus/engine/onednn/dnnl"
	"visus/tensor"
)

// openmp lets loops run on the threads of OpenMP where oneDNN is there; without, their parts run one after the other.
func init() {
	if l, err := dnnl.Open(""); err == nil {
		UseOpenMP(l.Symbol)
	}
}

// must is for results that a test needs.
func must[T any](value T, err error) func(rapid.TB) T {
	return func(t rapid.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// room is C's memory with guards around, which nothing may change.
type room struct {
	kind   tensor.Type
	memory unsafe.Pointer
	lowest int // index of the first element; 0 or less
	length int
}

const guard = 64 // bytes, before and after

// roomFor holds every element that strides reach, and is full of a pattern.
func roomFor(kind tensor.Type, dims, strides []int) *room {
	low, high := 0, 0
	for d, s := range strides {
		if s < 0 {
			low += s * max(dims[d]-1, 0)
		} else {
			high += s * max(dims[d]-1, 0)
		}
	}
	r := &room{kind: kind, lowest: low, length: high - low + 1}
	r.memory = Allocate(r.length*kind.Size() + 2*guard)
	for i := range r.all() {
		r.all()[i] = 1 // a valid Bool, too
	}
	return r
}

func (r *room) all() []byte { return unsafe.Slice((*byte)(r.memory), r.length*r.kind.Size()+2*guard) }

// at points to an element.
func (r *room) at(i int) unsafe.Pointer {
	return unsafe.Add(r.memory, guard+(i-r.lowest)*r.kind.Size())
}

func (r *room) get(i int) float64 {
	switch p := r.at(i); r.kind {
	case tensor.Float32:
		return float64(*(*float32)(p))
	case tensor.Float64:
		return *(*float64)(p)
	case tensor.Int64:
		return float64(*(*int64)(p))
	case tensor.Int32:
		return float64(*(*int32)(p))
	default:
		return float64(*(*uint8)(p))
	}
}

func (r *room) put(i int, v float64) {
	switch p := r.at(i); r.kind {
	case tensor.Float32:
		*(*float32)(p) = float32(v)
	case tensor.Float64:
		*(*float64)(p) = v
	case tensor.Int64:
		*(*int64)(p) = int64(limit(v, math.MinInt64, math.MaxInt64))
		if v >= math.MaxInt64 {
			*(*int64)(p) = math.MaxInt64
		}
	case tensor.Int32:
		*(*int32)(p) = int32(limit(v, math.MinInt32, math.MaxInt32))
	case tensor.Uint8:
		*(*uint8)(p) = uint8(limit(v, 0, math.MaxUint8))
	default:
		*(*bool)(p) = v != 0
	}
}

// limit is what integer types make of a number.
func limit(v, low, high float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(low, min(v, high))
}

// testLoop is a loop with its operands' and results' memory.
type testLoop struct {
	Loop
	in, out   []*room // a result in place has its operand's room
	overflows bool    // evaluate found a product that is too large for float64 in some order of its factors
}

// free frees all memory.
func (l *testLoop) free() {
	for _, r := range slices.Concat(l.in, l.out) {
		if r.memory != nil {
			Free(r.memory)
			r.memory = nil
		}
	}
}

// run runs the loop once on so many threads.
func (l *testLoop) run(t rapid.TB, threads int) {
	t.Helper()
	step, release, err := l.Step(threads)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	list := must(NewList(threads, []Step{step}, 1))(t)
	defer list.Close()
	if err := list.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// evaluate is what a loop means: element by element, with what each instruction gives in float32, and folds in float64. It calls found with
// each result's values: index and value of every element.
func (l *testLoop) evaluate(found func(result, at int, value float64)) {
	round := func(v float64) float64 { return float64(float32(v)) }
	if l.exact() {
		round = func(v float64) float64 { return v }
	}
	folds, bits := make([]map[int]float64, len(l.Results)), make([]map[int]float64, len(l.Results))
	for i := range folds {
		folds[i], bits[i] = map[int]float64{}, map[int]float64{}
	}
	each(l.Dims, func(index []int) {
		registers := make([]float64, 0, len(l.in)+len(l.Code))
		for i, o := range l.Operands {
			registers = append(registers, round(l.in[i].get(dot(index, o.Strides))))
		}
		for _, c := range l.Code {
			registers = append(registers, round(meaning(c, registers, index)))
		}
		for i, r := range l.Results {
			v, at := registers[r.Register], dot(index, r.Strides)
			if r.Fold == FoldNone {
				found(i, at, v)
				continue
			}
			if r.Fold == FoldProduct && math.Abs(v) > 1 && !math.IsInf(v, 0) {
				bits[i][at] += math.Log2(math.Abs(v))
				l.overflows = l.overflows || bits[i][at] > 1000
			}
			if before, ok := folds[i][at]; ok {
				v = fold(r.Fold, before, v)
			}
			folds[i][at] = v
		}
	})
	for i, r := range l.Results {
		scale := r.Scale
		if scale == 0 {
			scale = 1
		}
		for at, v := range folds[i] {
			found(i, at, v*scale)
		}
		if r.Fold != FoldNone && slices.Contains(l.Dims, 0) {
			l.emptyFold(r, func(at int) {
				found(i, at, map[Fold]float64{FoldMax: math.Inf(-1), FoldMin: math.Inf(1), FoldProduct: 1}[r.Fold]*scale)
			})
		}
	}
}

// emptyFold calls f for each element of a folded result of which there is nothing to fold.
func (l *testLoop) emptyFold(r Result, f func(at int)) {
	kept := slices.Clone(l.Dims)
	for d := range kept {
		if r.Strides[d] == 0 {
			kept[d] = 1
		}
	}
	each(kept, func(index []int) { f(dot(index, r.Strides)) })
}

func fold(kind Fold, a, b float64) float64 {
	switch kind {
	case FoldSum:
		return a + b
	case FoldMax:
		return max(a, b)
	case FoldMin:
		return min(a, b)
	}
	return a * b
}

// each counts through all indices.
func each(dims []int, f func(index []int)) {
	if slices.Contains(dims, 0) {
		return
	}
	index := make([]int, len(dims))
	for {
		f(index)
		d := len(dims) - 1
		for ; d >= 0; d-- {
			if index[d]++; index[d] < dims[d] {
				break
			}
			index[d] = 0
		}
		if d < 0 {
			return
		}
	}
}

func dot(a, b []int) int {
	sum := 0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// exactOps give whole numbers of whole numbers.
var exactOps = []Op{
	Copy, Neg, Abs, Sign, Floor, Ceil, Round, Relu, Not, IsNaN, IsInf, Add, Sub, Mul, Min, Max, Less, LessEqual, Greater, GreaterEqual, Equal,
	And, Or, Xor, Where, MulAdd, Constant, Index,
}

var kinds = []tensor.Type{tensor.Float32, tensor.Int64, tensor.Int32, tensor.Uint8, tensor.Bool}

// drawLoop makes a loop on small whole numbers and, in float32, now and then NaN and infinities, so that every order of sums gives the same.
func drawLoop(t *rapid.T) *testLoop {
	exact := rapid.IntRange(0, 9).Draw(t, "exact") == 0
	l := &testLoop{}
	l.Dims = drawDims(t, exact)
	for range rapid.IntRange(0, 4).Draw(t, "operands") {
		l.drawOperand(t, exact)
	}
	for range rapid.IntRange(0, 6).Draw(t, "instructions") {
		l.drawInstruction(t)
	}
	if len(l.Operands)+len(l.Code) == 0 {
		l.Code = []Instruction{{Op: Constant, Value: 3}}
	}
	for range rapid.IntRange(1, 3).Draw(t, "results") {
		l.drawResult(t, exact)
	}
	return l
}

// drawDims draws up to 20,000 elements, now and then none.
func drawDims(t *rapid.T, exact bool) []int {
	sizes := []int{1, 2, 3, 5, 7, 15, 16, 17, 31, 33, 48, 64, 100, 512, 1000, 1024, 1025, 2049, 5000}
	var dims []int
	total := 1
	for range rapid.IntRange(0, 6).Draw(t, "rank") {
		n := rapid.SampledFrom(sizes).Draw(t, "size")
		if total*n > 20000 {
			n = 1
		}
		if !exact && rapid.IntRange(0, 60).Draw(t, "none") == 0 {
			n = 0
		}
		dims = append(dims, n)
		total *= max(n, 1)
	}
	return dims
}

// drawStrides lets the dimensions that are kept lie in any order, with gaps, forwards and backwards.
func drawStrides(t *rapid.T, dims []int, kept []bool) []int {
	order := make([]int, len(dims))
	for i := range order {
		order[i] = i
	}
	if rapid.Bool().Draw(t, "across") {
		order = rapid.Permutation(order).Draw(t, "order")
	}
	strides := make([]int, len(dims))
	step := 1
	for _, d := range slices.Backward(order) {
		if !kept[d] {
			continue
		}
		if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
			step += rapid.IntRange(1, 3).Draw(t, "width")
		}
		strides[d] = step
		step *= max(dims[d], 1)
		if rapid.IntRange(0, 9).Draw(t, "backwards") == 0 {
			strides[d] = -strides[d]
		}
	}
	return strides
}

func drawKept(t *rapid.T, n int, what string) []bool {
	kept := make([]bool, n)
	all := rapid.Bool().Draw(t, "all "+what)
	for d := range kept {
		kept[d] = all || rapid.Bool().Draw(t, what)
	}
	return kept
}

func (l *testLoop) drawOperand(t *rapid.T, exact bool) {
	if n := len(l.Operands); n > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0 {
		k := rapid.IntRange(0, n-1).Draw(t, "which")
		l.Operands, l.in = append(l.Operands, l.Operands[k]), append(l.in, l.in[k])
		return
	}
	kind := l.drawKind(t, exact)
	strides := drawStrides(t, l.Dims, drawKept(t, len(l.Dims), "kept"))
	r := roomFor(kind, l.Dims, strides)
	special := kind == tensor.Float32 && rapid.IntRange(0, 9).Draw(t, "special") == 0
	seed := rapid.Uint64().Draw(t, "seed") | 1
	each(l.Dims, func(index []int) {
		seed = seed*6364136223846793005 + 1442695040888963407
		v := float64(int(seed>>40)%5 - 2)
		if pick := seed >> 33 & 127; special && pick < 3 {
			v = []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[pick]
		}
		r.put(dot(index, strides), v)
	})
	l.Operands, l.in = append(l.Operands, Operand{Memory: r.at(0), Type: kind, Strides: strides}), append(l.in, r)
}

func (l *testLoop) drawKind(t *rapid.T, exact bool) tensor.Type {
	switch {
	case exact && rapid.Bool().Draw(t, "float64"):
		return tensor.Float64
	case rapid.Bool().Draw(t, "float32"):
		return tensor.Float32
	}
	return rapid.SampledFrom(kinds).Draw(t, "type")
}

func (l *testLoop) drawInstruction(t *rapid.T) {
	c := Instruction{Op: rapid.SampledFrom(exactOps).Draw(t, "op")}
	registers := len(l.Operands) + len(l.Code)
	if c.Op == Index && len(l.Dims) == 0 || c.Op.arity() > 0 && registers == 0 {
		c.Op = Constant
	}
	switch {
	case c.Op == Constant:
		c.Value = float32(rapid.IntRange(-2, 2).Draw(t, "value"))
	case c.Op == Index:
		c.A = rapid.IntRange(0, len(l.Dims)-1).Draw(t, "dimension")
	default:
		for i, p := range []*int{&c.A, &c.B, &c.C} {
			if i < c.Op.arity() {
				*p = rapid.IntRange(0, registers-1).Draw(t, "register")
			}
		}
	}
	l.Code = append(l.Code, c)
}

func (l *testLoop) drawResult(t *rapid.T, exact bool) {
	r := Result{Register: rapid.IntRange(0, len(l.Operands)+len(l.Code)-1).Draw(t, "result")}
	if k := l.drawInPlace(t); k >= 0 {
		o := l.Operands[k]
		r.Memory, r.Type, r.Strides = o.Memory, o.Type, o.Strides
		l.Results, l.out = append(l.Results, r), append(l.out, l.in[k])
		return
	}
	kept := slices.Repeat([]bool{true}, len(l.Dims))
	if !exact && rapid.Bool().Draw(t, "fold") {
		r.Fold = rapid.SampledFrom([]Fold{FoldSum, FoldMax, FoldMin, FoldProduct}).Draw(t, "kind")
		kept = drawKept(t, len(l.Dims), "kept")
		r.Scale = rapid.SampledFrom([]float64{0, 1, 0.25, -2}).Draw(t, "scale")
	}
	r.Type, r.Strides = l.drawKind(t, exact), drawStrides(t, l.Dims, kept)
	room := roomFor(r.Type, l.Dims, r.Strides)
	r.Memory = room.at(0)
	l.Results, l.out = append(l.Results, r), append(l.out, room)
}

// drawInPlace picks an operand that a result may replace, -1 for none.
func (l *testLoop) drawInPlace(t *rapid.T) int {
	if len(l.Operands) == 0 || rapid.IntRange(0, 3).Draw(t, "in place") > 0 {
		return -1
	}
	k := rapid.IntRange(0, len(l.Operands)-1).Draw(t, "replaces")
	taken := slices.Contains(l.out, l.in[k])
	for d, s := range l.Operands[k].Strides {
		taken = taken || s == 0 && l.Dims[d] > 1
	}
	if taken {
		return -1
	}
	return k
}

// exactly is how large a number may be of which float32 has every neighbour, with room for sums.
const exactly = 1 << 9

// TestLoops compares random loops with what they mean, and all memory around the results with what it was.
func TestLoops(t *testing.T) {
	compared, folded, replaced := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		l := drawLoop(t)
		defer l.free()
		want := make([][]byte, len(l.out)) // of all memory
		for i, r := range l.out {
			want[i] = slices.Clone(r.all())
		}
		type written struct {
			result, at int
			value      float64
		}
		var all []written
		l.evaluate(func(result, at int, v float64) {
			if !(math.Abs(v) < exactly*20000) && !math.IsInf(v, 0) && !math.IsNaN(v) && l.Results[result].Fold != FoldProduct {
				t.Skip("numbers too large to be exact")
			}
			all = append(all, written{result, at, v})
		})
		if l.overflows {
			t.Skip("a product too large")
		}
		l.run(t, rapid.IntRange(1, 3).Draw(t, "threads"))
		for _, w := range all {
			r := l.out[w.result]
			got := r.get(w.at)
			holder := roomFor(r.kind, nil, nil)
			holder.put(0, w.value)
			expected := holder.get(0)
			Free(holder.memory)
			if !near(got, expected, l.Results[w.result].Fold) {
				t.Fatalf("%s\nresult %d at %d is %v, want %v", l.describe(), w.result, w.at, got, expected)
			}
			place := guard + (w.at-r.lowest)*r.kind.Size()
			copy(want[w.result][place:place+r.kind.Size()], r.all()[place:])
			compared++
		}
		for i, r := range l.out {
			if !slices.Equal(r.all(), want[i]) {
				t.Fatalf("%s\nresult %d: other memory than the result's changed", l.describe(), i)
			}
			if l.Results[i].Fold != FoldNone {
				folded++
			}
			if slices.Contains(l.in, r) {
				replaced++
			}
		}
	})
	if compared == 0 || folded == 0 || replaced == 0 {
		t.Errorf("compared %d elements of %d folds and %d results in place", compared, folded, replaced)
	}
}

// near is exact but for products, which float64 may round.
func near(got, want float64, kind Fold) bool {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return true
	}
	return kind == FoldProduct && math.Abs(got-want) <= 1e-6*math.Abs(want)
}

func (l *testLoop) describe() string {
	s := fmt.Sprintf("dims %v", l.Dims)
	for i, o := range l.Operands {
		s += fmt.Sprintf("\noperand %d: %v %v at %p", i, o.Type, o.Strides, o.Memory)
	}
	for i, c := range l.Code {
		s += fmt.Sprintf("\ninstruction %d: %+v", i+len(l.Operands), c)
	}
	for i, r := range l.Results {
		s += fmt.Sprintf("\nresult %d: register %d, %v %v at %p, fold %d, scale %v", i, r.Register, r.Type, r.Strides, r.Memory, r.Fold, r.Scale)
	}
	return s
}
