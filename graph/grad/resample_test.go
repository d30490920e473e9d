package grad

import (
	"testing"

	"visus/graph"
	"visus/tensor"
)

// coordinateModes are Resize's coordinate modes.
var coordinateModes = []string{
	"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric", "tf_crop_and_resize",
}

// resampleSpecimens draw every mode of resampling.
var resampleSpecimens = map[string]func(s *specimen){
	"Resize": func(s *specimen) {
		mode := pick(s, "mode", "nearest", "linear", "cubic")
		shape := []int{1, 2, s.number("height", 2, 6), s.number("width", 2, 6)}
		place := pick(s, "place", coordinateModes...)
		if mode == "nearest" && place == "half_pixel_symmetric" {
			place = "half_pixel" // ONNX Runtime rounds ties otherwise in that mode, which no exporter writes
		}
		attributes := []graph.Attribute{attribute("mode", mode), attribute("coordinate_transformation_mode", place)}
		switch mode {
		case "nearest":
			attributes = append(attributes, attribute("nearest_mode", pick(s, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")))
		case "cubic":
			attributes = append(attributes, attribute("cubic_coeff_a", pick(s, "cubic_coeff_a", float32(-0.75), -0.5)), attribute("exclude_outside", int64(s.number("exclude", 0, 1))))
		}
		s.resize(shape, attributes)
	},
	"visus.ResizeGrad": func(s *specimen) {
		s.out(s.b.Op("visus.ResizeGrad", []graph.Value{s.smooth(-1, 1, 1, 2, 5, 7)}, attribute("mode", pick(s, "mode", "nearest", "linear", "cubic")),
			attribute("shape", []int64{1, 2, 4, 3}), attribute("scales", []float32{1, 1, 5. / 4, 7. / 3})))
	},
	"visus.GridSampleGrad": func(s *specimen) {
		grid := s.between(12, false, 3, 4)
		inputs := []graph.Value{s.smooth(-1, 1, 2, 2, 4, 3), s.given(grid, 2, 3, 2, 2), s.smooth(-1, 1, 2, 2, 3, 2)}
		s.out(s.b.Ops("visus.GridSampleGrad", 2, inputs, attribute("padding_mode", pick(s, "padding_mode", "zeros", "border", "reflection")))...)
	},
	"GridSample": func(s *specimen) {
		shape := append([]int{2, 2}, s.number("height", 2, 4), s.number("width", 2, 4))
		mode, corners := pick(s, "mode", "bilinear", "nearest"), s.number("corners", 0, 1)
		x, grid := s.smooth(-1, 1, shape...), s.given(s.between(12, corners == 1, shape[3], shape[2]), 2, 3, 2, 2)
		s.out(s.b.Op("GridSample", []graph.Value{x, grid}, attribute("mode", mode),
			attribute("padding_mode", pick(s, "padding_mode", "zeros", "border", "reflection")), attribute("align_corners", int64(corners))))
	},
}

// TestGridSampleAgain: the place between two entries is as far as second derivatives go.
func TestGridSampleAgain(t *testing.T) {
	checkSecond(t, "GridSample", graph.CommonOpset, resampleSpecimens["GridSample"])
}

// between draws places of a grid, a coordinate an axis, within two entries of the input and a tenth away from the kinks: entries and the middles
// between them.
func (s *specimen) between(count int, corners bool, axes ...int) []float64 {
	var out []float64
	for range count {
		for _, size := range axes {
			half := float64(s.random.IntN(2*size+6))/2 - 2
			at := half + 0.1 + 0.3*s.random.Float64()
			if corners {
				out = append(out, 2*at/float64(size-1)-1)
			} else {
				out = append(out, (2*at+1)/float64(size)-1)
			}
		}
	}
	return out
}

// resize draws sizes or factors of an array's last axes.
func (s *specimen) resize(shape []int, attributes []graph.Attribute) {
	x := s.smooth(-1, 1, shape...)
	roi := s.constants([]float32{0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9})
	if s.yes("sizes") {
		sizes := s.b.Ints(1, int64(shape[1]), int64(s.number("to height", 1, 8)), int64(s.number("to width", 1, 8)))
		s.out(s.b.Op("Resize", []graph.Value{x, roi, {}, sizes}, attributes...))
		return
	}
	factors := s.constants([]float32{1, 1, pick(s, "down", float32(0.5), 1, 1.5, 2), pick(s, "across", float32(0.6), 1, 2, 2.7)})
	s.out(s.b.Op("Resize", []graph.Value{x, roi, factors}, attributes...))
}

// constants are numbers that Resize wants in float32.
func (s *specimen) constants(values []float32) graph.Value {
	t, err := tensor.Of(values, len(values))
	if err != nil {
		s.r.Fatal(err)
	}
	return s.b.Constant(t)
}

// TestResizeSmooth: antialias is of opset 18 and takes some modes only.
func TestResizeSmooth(t *testing.T) {
	checkRule(t, "Resize", graph.CommonOpset, func(s *specimen) {
		attributes := []graph.Attribute{
			attribute("mode", pick(s, "mode", "linear", "cubic")), attribute("antialias", int64(1)),
			attribute("coordinate_transformation_mode", pick(s, "place", "half_pixel", "pytorch_half_pixel")),
		}
		s.resize([]int{1, 2, s.number("height", 2, 9), s.number("width", 2, 9)}, attributes)
	})
}

func TestResizeAgain(t *testing.T) {
	checkSecond(t, "Resize", graph.CommonOpset, resampleSpecimens["Resize"])
}
