package onednn

import (
	"fmt"
	"testing"

	"visus/graph"
)

// TestResize goes through modes, places and sizes; gradients follow.
func TestResize(t *testing.T) {
	tried := 0
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		for _, place := range []string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"} {
			for i, to := range [][2]int64{{10, 14}, {15, 7}, {3, 1}, {5, 14}, {4, 20}} {
				t.Run(fmt.Sprint(mode, " ", place, " ", to), func(t *testing.T) {
					s := newSketch(uint64(i))
					x := s.floats(-1, 1, 2, 3, 5, 7)
					roi := s.numbers(0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9)
					y := s.Op("Resize", []graph.Value{x, roi, {}, s.Ints(2, 3, to[0], to[1])}, attribute("mode", mode),
						attribute("coordinate_transformation_mode", place), attribute("nearest_mode", "floor"))
					s.hold(t, 1e-5, y)
				})
				tried++
			}
		}
	}
	if tried != 75 {
		t.Errorf("%d cases tried, expected 75", tried)
	}
}

// TestResizeSmooth: antialias, on some axes only, behind a convolution, whose layout it keeps.
func TestResizeSmooth(t *testing.T) {
	for _, factors := range [][]float32{{0.5, 0.6}, {0.25, 1}, {2, 2}} {
		s := newSketch(1)
		x := s.Op("Conv", []graph.Value{s.floats(-1, 1, 2, 3, 12, 20), s.floats(-1, 1, 16, 3, 1, 1)})
		y := s.Op("Resize", []graph.Value{x, {}, s.numbers(factors...)}, attribute("mode", "linear"), attribute("antialias", int64(1)),
			attribute("axes", []int64{2, 3}))
		s.hold(t, 1e-4, s.Op("Conv", []graph.Value{y, s.floats(-1, 1, 16, 16, 1, 1)}))
	}
}

// TestResizeRepeats: whole factors, between convolutions and loops.
func TestResizeRepeats(t *testing.T) {
	s := newSketch(2)
	x := s.Op("Conv", []graph.Value{s.floats(-1, 1, 2, 3, 6, 4), s.floats(-1, 1, 16, 3, 1, 1)})
	up := s.Op("Resize", []graph.Value{x, {}, s.numbers(1, 1, 2, 3)}, attribute("mode", "nearest"), attribute("nearest_mode", "floor"),
		attribute("coordinate_transformation_mode", "asymmetric"))
	y := s.Op("Concat", []graph.Value{s.Op("Tanh", []graph.Value{up}), s.floats(-1, 1, 2, 5, 12, 12)}, attribute("axis", int64(1)))
	s.hold(t, 1e-4, s.Op("Conv", []graph.Value{y, s.floats(-1, 1, 16, 21, 3, 3)}))
}

// TestGridSample: places within the image and far beyond it.
func TestGridSample(t *testing.T) {
	tried := 0
	for _, mode := range []string{"bilinear", "nearest"} {
		for _, padding := range []string{"zeros", "border", "reflection"} {
			for corners := range int64(2) {
				t.Run(fmt.Sprint(mode, " ", padding, " ", corners), func(t *testing.T) {
					s := newSketch(uint64(tried))
					y := s.Op("GridSample", []graph.Value{s.floats(-1, 1, 2, 3, 9, 6), s.floats(-2, 2, 2, 11, 13, 2)}, attribute("mode", mode),
						attribute("padding_mode", padding), attribute("align_corners", corners))
					s.hold(t, 1e-4, y)
				})
				tried++
			}
		}
	}
	if tried != 12 {
		t.Errorf("%d cases tried, expected 12", tried)
	}
}

// TestGridSampleOfVolumes: three spatial dimensions are of opset 20.
func TestGridSampleOfVolumes(t *testing.T) {
	for _, padding := range []string{"zeros", "border", "reflection"} {
		s := newSketch(7)
		s.Builder = graph.NewBuilder("sketch", 20)
		y := s.Op("GridSample", []graph.Value{s.floats(-1, 1, 2, 3, 4, 5, 6), s.floats(-1.5, 1.5, 2, 3, 4, 5, 3)}, attribute("mode", "linear"),
			attribute("padding_mode", padding))
		s.hold(t, 1e-4, y)
	}
}

// TestNeighbours holds LRN and the Lp pools.
func TestNeighbours(t *testing.T) {
	for _, size := range []int64{1, 3, 5} {
		s := newSketch(3)
		s.hold(t, 1e-5, s.Op("LRN", []graph.Value{s.floats(-2, 2, 2, 6, 5, 4)}, attribute("size", size), attribute("alpha", float32(0.5)),
			attribute("beta", float32(0.6)), attribute("bias", float32(1.5))))
	}
	for p := range int64(3) {
		s := newSketch(4)
		x := s.floats(-2, 2, 2, 3, 7, 6)
		y := s.Op("LpPool", []graph.Value{x}, attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 1}), attribute("p", p+1))
		s.hold(t, 1e-4, y, s.Op("GlobalLpPool", []graph.Value{x}, attribute("p", p+1)))
	}
}

// TestSecondDerivatives: gradients of resampling are differentiated again, through what they consist of.
func TestSecondDerivatives(t *testing.T) {
	s := newSketch(5)
	grad := s.Op("visus.ResizeGrad", []graph.Value{s.floats(-1, 1, 1, 2, 5, 7)}, attribute("mode", "linear"), attribute("shape", []int64{1, 2, 4, 3}),
		attribute("scales", []float32{1, 1, 5. / 4, 7. / 3}))
	s.hold(t, 1e-5, grad)
	for _, padding := range []string{"zeros", "border", "reflection"} {
		s := newSketch(6)
		inputs := []graph.Value{s.floats(-1, 1, 2, 2, 4, 3), s.floats(-1.5, 1.5, 2, 3, 2, 2), s.floats(-1, 1, 2, 2, 3, 2)}
		s.hold(t, 1e-4, s.Ops("visus.GridSampleGrad", 2, inputs, attribute("padding_mode", padding))...)
	}
}
