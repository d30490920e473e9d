//go:build unix && cgo

package dnnl

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"visus/engine/library"
)

// open returns the library; it skips the test where there is none.
func open(t testing.TB) *Library {
	t.Helper()
	l, err := Open("")
	var missing *library.NotFoundError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// scope returns a scope that ends with the test.
func scope(t testing.TB) *Scope {
	t.Helper()
	s := open(t).NewScope(0)
	t.Cleanup(s.Close)
	return s
}

// must is for results that a test needs.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// memory is memory outside of Go's heap.
func memory(t testing.TB, bytes int) []byte {
	t.Helper()
	m, err := syscall.Mmap(-1, 0, max(bytes, 1), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	return m
}

func product(list []int) int {
	n := 1
	for _, k := range list {
		n *= k
	}
	return n
}

// places returns where each element lies, in the row-major order of the elements' indices.
func (l Layout) places() []int {
	out := make([]int, product(l.Dims))
	index := make([]int, len(l.Dims))
	for i := range out {
		for rest, d := i, len(index)-1; d >= 0; d-- {
			index[d] = rest % l.Dims[d]
			rest /= l.Dims[d]
		}
		out[i] = l.Offset + l.place(slices.Clone(index))
	}
	return out
}

// place changes index.
func (l Layout) place(index []int) int {
	inside, step := 0, 1
	for i := len(l.Blocks) - 1; i >= 0; i-- {
		b := l.Blocks[i]
		inside += index[b.Dim] % b.Size * step
		index[b.Dim] /= b.Size
		step *= b.Size
	}
	for d, k := range index {
		inside += k * l.Strides[d]
	}
	return inside
}

// run binds a primitive to new memory, runs it and returns the outputs' elements in row-major order. Inputs are given in row-major order, too;
// outputs start as NaN, or as given. What pads a blocked layout has to be 0 afterwards.
func run(t *testing.T, p *Primitive, inputs map[Arg][]float32, outputs ...Arg) map[Arg][]float32 {
	t.Helper()
	args := bindings(t, p, slices.AppendSeq(slices.Clone(outputs), maps.Keys(inputs))...)
	slices.SortFunc(args, func(a, b Binding) int { return int(a.Arg - b.Arg) })
	args = slices.CompactFunc(args, func(a, b Binding) bool { return a.Arg == b.Arg })
	for _, b := range args {
		if slices.Contains(outputs, b.Arg) {
			for i := range held(b) {
				held(b)[i] = float32(math.NaN())
			}
		}
		if values, given := inputs[b.Arg]; given {
			put(b, values)
		}
	}
	if err := must(p.Bind(args...))(t).Run(); err != nil {
		t.Fatal(err)
	}
	out := map[Arg][]float32{}
	for _, b := range args {
		if slices.Contains(outputs, b.Arg) {
			out[b.Arg] = get(b)
			padding(t, b)
		}
	}
	return out
}

// padding fails where what pads a layout is not 0.
func padding(t *testing.T, b Binding) {
	t.Helper()
	l := b.Desc.Layout()
	rest := slices.Clone(held(b))
	for _, place := range l.places() {
		rest[place] = 0
	}
	for i, v := range rest {
		if v != 0 {
			t.Fatalf("%v: %v stands in the padding at %d of %+v", b.Arg, v, i, l)
		}
	}
}

// held is a binding's memory; put writes the elements in row-major order, get reads them.
func held(b Binding) []float32 { return unsafe.Slice((*float32)(b.Memory), b.Desc.Bytes()/4) }

func put(b Binding, values []float32) {
	m := held(b)
	for i, place := range b.Desc.Layout().places() {
		m[place] = values[i]
	}
}

func get(b Binding) []float32 {
	var out []float32
	m := held(b)
	for _, place := range b.Desc.Layout().places() {
		out = append(out, m[place])
	}
	return out
}

// draw returns n numbers between -1 and 1.
func draw(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, n)
	for i := range out {
		out[i] = 2*r.Float32() - 1
	}
	return out
}

// near compares with a sum in float64 of products of numbers of at most 1.
func near(t *testing.T, name string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= 1e-5*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}
