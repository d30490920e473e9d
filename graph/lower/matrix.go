package lower

import (
	"visus/graph"
)

// matrix is a linear map along one axis, [out, in].
type matrix struct {
	out, in int
	values  []float64
}

func newMatrix(out, in int) matrix { return matrix{out, in, make([]float64, out*in)} }

func (m matrix) add(o, i int, v float64) { m.values[o*m.in+i] += v }

// identity says whether the map changes nothing.
func (m matrix) identity() bool {
	if m.out != m.in {
		return false
	}
	for at, v := range m.values {
		if want := at%(m.in+1) == 0; want && v != 1 || !want && v != 0 {
			return false
		}
	}
	return true
}

// along multiplies dy along an axis by the transposed matrix: the size of the axis goes from out to in.
func along(b *graph.Builder, dy graph.Value, axis int, m matrix) graph.Value {
	if m.identity() {
		return dy
	}
	shape := sizes(dy)
	before, behind := elements(shape[:axis]), elements(shape[axis+1:])
	result := append([]int{}, shape...)
	result[axis] = m.in
	if behind == 1 {
		v := b.Op("MatMul", []graph.Value{reshape(b, dy, before, m.out), numbers(b, dy.Type, m.values, m.out, m.in)})
		return reshape(b, v, result...)
	}
	turned := make([]float64, len(m.values))
	for o := range m.out {
		for i := range m.in {
			turned[i*m.out+o] = m.values[o*m.in+i]
		}
	}
	v := b.Op("MatMul", []graph.Value{numbers(b, dy.Type, turned, m.in, m.out), reshape(b, dy, before, m.out, behind)})
	return reshape(b, v, result...)
}
