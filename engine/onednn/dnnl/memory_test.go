//go:build unix && cgo

package dnnl

import (
	"errors"
	"math"
	"math/rand/v2"
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
	s := open(t).NewScope()
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

func floats(m []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(m))), len(m)/4)
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
		out[i] = l.Offset + l.place(append([]int(nil), index...))
	}
	return out
}

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
// outputs start as NaN, or as given. What pads a blocked layout has to stay 0.
func run(t *testing.T, p *Primitive, inputs map[Arg][]float32, outputs ...Arg) map[Arg][]float32 {
	t.Helper()
	held := map[Arg][]float32{}
	bindings := []Binding{}
	add := func(a Arg) []float32 {
		d := p.Want(a)
		m := floats(memory(t, d.Bytes()))
		bindings = append(bindings, Binding{a, d, unsafe.Pointer(unsafe.SliceData(m))})
		held[a] = m
		return m
	}
	add(Scratchpad)
	for _, a := range outputs {
		m := add(a)
		for i := range m {
			m[i] = float32(math.NaN())
		}
	}
	for a, values := range inputs {
		m, known := held[a]
		if !known {
			m = add(a)
		}
		places := p.Want(a).Layout().places()
		if len(places) != len(values) {
			t.Fatalf("%v: %d values for %v", a, len(values), p.Want(a))
		}
		for i, place := range places {
			m[place] = values[i]
		}
	}
	if err := must(p.Bind(bindings...))(t).Run(); err != nil {
		t.Fatal(err)
	}
	out := map[Arg][]float32{}
	for _, a := range outputs {
		l := p.Want(a).Layout()
		if l.Opaque {
			t.Fatalf("%v: the layout of %v is opaque", a, p.Want(a))
		}
		rest := append([]float32(nil), held[a]...)
		for _, place := range l.places() {
			out[a] = append(out[a], rest[place])
			rest[place] = 0
		}
		for i, v := range rest {
			if v != 0 {
				t.Fatalf("%v: %v stands in the padding at %d of %+v", a, v, i, l)
			}
		}
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
