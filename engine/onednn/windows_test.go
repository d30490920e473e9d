package onednn

import (
	"fmt"
	"slices"
	"testing"

	"visus/graph"
)

// TestNarrow: transposed convolutions of few outputs, and gradients with respect to images of few channels, behind and before other convolutions,
// with bias and ReLU; windows reach over the borders, leave gaps, or lie apart.
func TestNarrow(t *testing.T) {
	tried := 0
	for _, c := range []struct{ kernel, strides, dilations, pads, more []int64 }{
		{[]int64{4, 4}, []int64{2, 2}, []int64{1, 1}, []int64{1, 1, 1, 1}, []int64{0, 0}},
		{[]int64{3, 3}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1, 1, 1}, []int64{0, 0}},
		{[]int64{3, 2}, []int64{2, 3}, []int64{1, 2}, []int64{0, 2, 1, 0}, []int64{1, 2}},
		{[]int64{2, 3}, []int64{4, 1}, []int64{2, 3}, []int64{3, 0, 2, 4}, []int64{0, 0}},
		{[]int64{1, 1}, []int64{3, 2}, []int64{1, 1}, []int64{0, 0, 0, 0}, []int64{2, 1}},
		{[]int64{4, 4}, []int64{1, 1}, []int64{2, 6}, []int64{6, 17, 5, 18}, []int64{0, 0}}, // most taps of most pixels lie outside
	} {
		for _, outputs := range []int{1, 3, 4} {
			t.Run(fmt.Sprint(c, outputs), func(t *testing.T) {
				s := newSketch(uint64(tried))
				x := s.Op("Conv", []graph.Value{s.floats(-1, 1, 3, 2, 7, 19), s.floats(-1, 1, 20, 2, 1, 1)})
				window := []graph.Attribute{attribute("strides", c.strides), attribute("dilations", c.dilations), attribute("pads", c.pads)}
				weights := s.floats(-0.3, 0.3, 20, outputs, int(c.kernel[0]), int(c.kernel[1]))
				y := s.Op("ConvTranspose", []graph.Value{x, weights, s.floats(-1, 1, outputs)}, append(window, attribute("output_padding", c.more))...)
				y = s.Op("Conv", []graph.Value{s.Op("Relu", []graph.Value{y}), s.floats(-1, 1, 32, outputs, 2, 2)})
				s.hold(t, 1e-4, y)
			})
			tried++
		}
	}
	if tried != 18 {
		t.Errorf("%d cases tried, expected 18", tried)
	}
}

// TestWhole: convolutions of one window, transposed ones of one pixel, and their gradients, in one to three dimensions, behind and before other
// convolutions, with and without bias.
func TestWhole(t *testing.T) {
	for _, size := range [][]int{{5}, {4, 3}, {1, 1}, {2, 3, 2}} {
		for _, biased := range []bool{false, true} {
			t.Run(fmt.Sprint(size, biased), func(t *testing.T) {
				s := newSketch(uint64(len(size)))
				ones := slices.Repeat([]int{1}, len(size))
				input := func(shape ...int) graph.Value { return s.floats(-0.5, 0.5, shape...) }
				bias := func(n int) (out []graph.Value) {
					if biased {
						out = append(out, input(n))
					}
					return out
				}
				conv := func(op string, x, weights graph.Value, outputs int) graph.Value {
					return s.Op("Relu", []graph.Value{s.Op(op, append([]graph.Value{x, weights}, bias(outputs)...))})
				}
				x := conv("Conv", input(append([]int{3, 2}, size...)...), input(append([]int{20, 2}, ones...)...), 20)
				x = conv("Conv", x, input(append([]int{17, 20}, size...)...), 17)
				x = conv("ConvTranspose", x, input(append([]int{17, 18}, size...)...), 18)
				s.hold(t, 1e-4, conv("Conv", x, input(append([]int{3, 18}, ones...)...), 3))
			})
		}
	}
}
