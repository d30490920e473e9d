package onednn

import (
	"fmt"
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
	if tried != 15 {
		t.Errorf("%d cases tried, expected 15", tried)
	}
}
