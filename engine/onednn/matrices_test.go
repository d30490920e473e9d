package onednn

import (
	"testing"

	"visus/graph"
	"visus/tensor"
)

// TestEinsum has up to four operands, and letters that only one of them has.
func TestEinsum(t *testing.T) {
	sizes := map[rune]int{'a': 2, 'b': 3, 'c': 4, 'd': 5, 'e': 6}
	for equation, terms := range map[string][]string{
		"abc->ca": {"abc"}, "abc,cd->abd": {"abc", "cd"}, "ab,bc,cd->ad": {"ab", "bc", "cd"}, "ab,ab,ab->b": {"ab", "ab", "ab"},
		"abe,bc,acd->da": {"abe", "bc", "acd"}, "a,b,c,d->dbca": {"a", "b", "c", "d"}, "ab,bc,ca->": {"ab", "bc", "ca"},
	} {
		t.Run(equation, func(t *testing.T) {
			s := newSketch(1)
			var inputs []graph.Value
			for _, term := range terms {
				var shape []int
				for _, c := range term {
					shape = append(shape, sizes[c])
				}
				inputs = append(inputs, s.floats(-1, 1, shape...))
			}
			s.hold(t, 1e-5, s.Op("Einsum", inputs, attribute("equation", equation)))
		})
	}
}

// TestHardmax: of equal entries the first.
func TestHardmax(t *testing.T) {
	for axis := range int64(3) {
		s := newSketch(2)
		x := s.floats(-1, 1, 4, 5, 6)
		for i, v := range tensor.Values[float32](s.values[x.Name]) {
			tensor.Values[float32](s.values[x.Name])[i] = float32(int(v * 4))
		}
		s.wrt = nil // it has none
		s.hold(t, 0, s.Op("Hardmax", []graph.Value{x}, attribute("axis", axis)))
	}
}
