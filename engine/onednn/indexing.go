package onednn

import (
	"fmt"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var indexing = map[string]operator{"OneHot": oneHot, "Trilu": trilu, "Gather": gather}

// index is the place along a dimension of the shape, as numbers.
func (t *translator) index(n int, shape ...int) *value {
	return t.once(fmt.Sprint("index ", n, shape), func() *value {
		c := tensor.New(tensor.Float32, shape...)
		for i, v := 0, tensor.Values[float32](c); i < n; i++ {
			v[i] = float32(i)
		}
		return t.leaf("", tensor.Float32, shape, c)
	})
}

// oneHot compares each index with the places of the new dimension; indices below 0 count from the end.
func oneHot(t *translator, n *node) ([]*value, error) {
	depth, ok := n.constants(1)
	if !ok || len(depth) != 1 || depth[0] >= exact {
		return nil, fmt.Errorf("a depth that is not constant")
	}
	if err := floats(n.in[2]); err != nil {
		return nil, err
	}
	rank := len(n.shape[0])
	axis := from0(int(n.Int("axis", -1)), rank)
	indices := append([]int{}, n.shape[0]...)
	indices[axis] = 1
	places := make([]int, rank)
	for i := range places {
		places[i] = 1
	}
	places[axis] = depth[0]
	at := t.reshape(n.in[0], indices...)
	at = t.where(t.test(kernel.Less, at, t.number(0)), t.plus(at, float64(depth[0])), at)
	hit := t.test(kernel.Equal, at, t.index(depth[0], places...))
	off, on := t.slice(n.in[2], 0, 0, 1, 1), t.slice(n.in[2], 0, 1, 1, 1)
	return list(t.where(hit, on, off)), nil
}

// trilu keeps a triangle of each matrix.
func trilu(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	shift, ok := n.constants(1)
	if !ok {
		return nil, fmt.Errorf("a diagonal that is not constant")
	}
	k := 0
	if shift != nil {
		k = shift[0]
	}
	r := len(x.shape)
	rows, columns := t.index(x.shape[r-2], x.shape[r-2], 1), t.index(x.shape[r-1], 1, x.shape[r-1])
	distance := t.plus(t.el(kernel.Sub, columns, rows), float64(-k))
	kept := t.test(kernel.GreaterEqual, distance, t.number(0))
	if n.Int("upper", 1) == 0 {
		kept = t.test(kernel.LessEqual, distance, t.number(0))
	}
	return list(t.where(kept, x, t.number(0))), floats(x)
}

// gather takes constant indices: runs of them are slices.
func gather(t *translator, n *node) ([]*value, error) {
	x, axis := n.in[0], n.axis("axis", 0)
	indices, ok := n.constants(1)
	if !ok || len(indices) == 0 || len(indices) > 4096 {
		return nil, fmt.Errorf("indices that are not constant")
	}
	for i := range indices {
		indices[i] = from0(indices[i], x.shape[axis])
	}
	var parts []*value
	for first := 0; first < len(indices); {
		step, next := 1, first+1
		if next < len(indices) && indices[next] != indices[first] {
			step = indices[next] - indices[first]
		}
		for next < len(indices) && indices[next] == indices[next-1]+step {
			next++
		}
		parts = append(parts, t.slice(x, axis, indices[first], step, next-first))
		first = next
	}
	return list(t.reshape(t.concat(axis, parts), n.shape[0]...)), nil
}
