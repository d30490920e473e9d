package grad

import (
	"testing"

	"visus/graph"
	"visus/tensor"
)

// old are operators in forms before graph.CommonOpset: what is an input now was an attribute.
var old = []variant{
	{"Squeeze", "Squeeze", 11, func(s *specimen) {
		s.out(s.b.Op("Squeeze", []graph.Value{s.smooth(-1, 1, 1, 3, 1)}, attribute("axes", []int64{0, 2})))
	}},
	{"Unsqueeze", "Unsqueeze", 7, func(s *specimen) {
		s.out(s.b.Op("Unsqueeze", []graph.Value{s.smooth(-1, 1, 2, 3)}, attribute("axes", []int64{0, 3})))
	}},
	{"Reduce", "ReduceSum", 12, func(s *specimen) {
		op := pick(s, "op", reduceOps...)
		attributes := []graph.Attribute{attribute("keepdims", int64(s.number("keepdims", 0, 1)))}
		if s.yes("axes") {
			attributes = append(attributes, attribute("axes", []int64{0, 2}))
		}
		s.out(s.b.Op(op, []graph.Value{s.smooth(0.5, 2, 2, 3, 2)}, attributes...))
	}},
	{"Pad", "Pad", 7, func(s *specimen) {
		attributes := []graph.Attribute{attribute("pads", []int64{1, 0, 0, 2}), attribute("mode", pick(s, "mode", "constant", "reflect", "edge"))}
		if s.yes("value") {
			attributes = append(attributes, attribute("value", float32(1.5)))
		}
		s.out(s.b.Op("Pad", []graph.Value{s.smooth(-1, 1, 3, 4)}, attributes...))
	}},
	{"Slice", "Slice", 9, func(s *specimen) {
		s.out(s.b.Op("Slice", []graph.Value{s.smooth(-1, 1, 4, 5)}, attribute("axes", []int64{1, 0}), attribute("starts", []int64{-3, 1}),
			attribute("ends", []int64{9, -1})))
	}},
	{"Slice without axes", "Slice", 7, func(s *specimen) {
		s.out(s.b.Op("Slice", []graph.Value{s.smooth(-1, 1, 4, 5)}, attribute("starts", []int64{2}), attribute("ends", []int64{4})))
	}},
	{"Clip", "Clip", 7, func(s *specimen) {
		attributes := []graph.Attribute{attribute("max", float32(0.2))}
		if s.yes("min") {
			attributes = append(attributes, attribute("min", float32(-0.3)))
		}
		s.out(s.b.Op("Clip", []graph.Value{s.apart(9)}, attributes...))
	}},
	{"Dropout", "Dropout", 10, func(s *specimen) {
		s.out(s.b.Op("Dropout", []graph.Value{s.smooth(-1, 1, 3)}, attribute("ratio", float32(0.3))))
	}},
	{"Upsample 7", "Upsample", 7, func(s *specimen) {
		s.out(s.b.Op("Upsample", []graph.Value{s.smooth(-1, 1, 1, 2, 2, 3)}, attribute("scales", []float32{1, 1, 2, 3}),
			attribute("mode", pick(s, "mode", "nearest", "linear"))))
	}},
	{"Upsample 9", "Upsample", 9, func(s *specimen) {
		s.out(s.b.Op("Upsample", []graph.Value{s.smooth(-1, 1, 1, 2, 2, 3), s.constants([]float32{1, 1, 2, 1.5})},
			attribute("mode", pick(s, "mode", "nearest", "linear"))))
	}},
	{"Resize 10", "Resize", 10, func(s *specimen) {
		factor := pick(s, "factor", float32(0.5), 1.5, 2)
		s.out(s.b.Op("Resize", []graph.Value{s.smooth(-1, 1, 1, 2, 4, 6), s.constants([]float32{1, 1, factor, factor})},
			attribute("mode", pick(s, "mode", "nearest", "linear"))))
	}},
	{"Resize 11", "Resize", 11, func(s *specimen) {
		mode := pick(s, "mode", "nearest", "linear", "cubic")
		place := pick(s, "place", "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize")
		factors := s.constants([]float32{1, 1, 2, pick(s, "factor", float32(0.5), 1.5)})
		inputs := []graph.Value{s.smooth(-1, 1, 1, 2, 4, 6), s.constants([]float32{0, 0, 0, 0, 1, 1, 1, 1}), factors}
		if s.yes("sizes") {
			inputs[2] = s.constants(nil)
			inputs = append(inputs, s.b.Ints(1, 2, 7, 3))
		}
		s.out(s.b.Op("Resize", inputs, attribute("mode", mode), attribute("coordinate_transformation_mode", place)))
	}},
	{"BatchNormalization 7", "BatchNormalization", 7, func(s *specimen) {
		s.out(s.b.Op("BatchNormalization", []graph.Value{s.smooth(-1, 1, 3, 2, 2), s.smooth(0.5, 2, 2), s.smooth(-1, 1, 2), s.smooth(-1, 1, 2),
			s.smooth(0.5, 2, 2)}, attribute("spatial", int64(1)), attribute("momentum", float32(0.5))))
	}},
	{"BatchNormalization 9", "BatchNormalization", 9, func(s *specimen) {
		s.out(s.b.Op("BatchNormalization", []graph.Value{s.smooth(-1, 1, 3, 2, 2), s.smooth(0.5, 2, 2), s.smooth(-1, 1, 2), s.smooth(-1, 1, 2),
			s.smooth(0.5, 2, 2)}))
	}},
	{"BatchNormalization 14", "BatchNormalization", 14, func(s *specimen) {
		s.out(s.b.Ops("BatchNormalization", 3, []graph.Value{s.smooth(-1, 1, 3, 2, 2), s.smooth(0.5, 2, 2), s.smooth(-1, 1, 2), s.smooth(-1, 1, 2),
			s.smooth(0.5, 2, 2)}, attribute("training_mode", int64(1)))...)
	}},
	{"TopK 7", "TopK", 7, func(s *specimen) {
		s.out(s.b.Ops("TopK", 2, []graph.Value{s.apart(3, 4)}, attribute("k", int64(2)), attribute("axis", int64(1)))[0])
	}},
	{"TopK 10", "TopK", 10, func(s *specimen) {
		s.out(s.b.Ops("TopK", 2, []graph.Value{s.apart(3, 4), s.b.Ints(2)}, attribute("axis", int64(0)))[0])
	}},
	{"Split 7", "Split", 7, func(s *specimen) {
		attributes := []graph.Attribute{attribute("axis", int64(1))}
		if s.yes("sizes") {
			attributes = append(attributes, attribute("split", []int64{1, 4, 1}))
		}
		s.out(s.b.Ops("Split", 3, []graph.Value{s.smooth(-1, 1, 2, 6)}, attributes...)[s.number("first", 0, 2):]...)
	}},
	{"Split 13", "Split", 13, func(s *specimen) {
		s.out(s.b.Ops("Split", 3, []graph.Value{s.smooth(-1, 1, 2, 6)}, attribute("axis", int64(-1)))[s.number("first", 0, 2):]...)
	}},
	{"Softmax", "Softmax", 7, func(s *specimen) {
		s.out(s.b.Op(pick(s, "op", "Softmax", "LogSoftmax"), []graph.Value{s.smooth(-1, 1, 2, 3, 2)}, attribute("axis", int64(s.number("axis", 0, 2)))))
	}},
	{"Softmax default", "Softmax", 11, func(s *specimen) {
		s.out(s.b.Op(pick(s, "op", "Softmax", "LogSoftmax"), []graph.Value{s.smooth(-1, 1, 2, 3, 2)}))
	}},
	{"Gemm", "Gemm", 7, func(s *specimen) {
		s.out(s.b.Op("Gemm", []graph.Value{s.smooth(-1, 1, 2, 3), s.smooth(-1, 1, 3, 2), s.smooth(-1, 1, 2)}, attribute("beta", float32(2))))
	}},
	{"Scatter", "Scatter", 9, func(s *specimen) {
		s.out(s.b.Op("Scatter", []graph.Value{s.smooth(-1, 1, 4, 2), reshape(s.b, s.b.Ints(2, 0), []int{2, 1}), s.smooth(-1, 1, 2, 1)}))
	}},
	{"DepthToSpace", "DepthToSpace", 7, func(s *specimen) {
		s.out(s.b.Op("DepthToSpace", []graph.Value{s.smooth(-1, 1, 1, 8, 2, 2)}, attribute("blocksize", int64(2))))
	}},
	{"MaxPool", "MaxPool", 7, func(s *specimen) {
		s.out(s.b.Op("MaxPool", []graph.Value{s.apart(1, 2, 5, 6)}, attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 2}),
			attribute("pads", []int64{1, 0, 1, 1})))
	}},
	{"AveragePool", "AveragePool", 7, func(s *specimen) {
		s.out(s.b.Op("AveragePool", []graph.Value{s.smooth(-1, 1, 1, 2, 5, 6)}, attribute("kernel_shape", []int64{3, 2}),
			attribute("strides", []int64{2, 2}), attribute("pads", []int64{1, 0, 1, 1}),
			attribute("count_include_pad", int64(s.number("include", 0, 1)))))
	}},
	{"PRelu", "PRelu", 7, func(s *specimen) {
		s.out(s.b.Op("PRelu", []graph.Value{s.apart(1, 2, 3), s.smooth(-1, 1, 2, 1)}))
	}},
	{"Cast", "Cast", 7, func(s *specimen) {
		s.out(s.b.Op("Cast", []graph.Value{s.smooth(-1, 1, 3)}, attribute("to", graph.TypeNumber(tensor.Float64))))
	}},
	{"CumSum", "CumSum", 11, func(s *specimen) {
		s.out(s.b.Op("CumSum", []graph.Value{s.smooth(-1, 1, 3, 2), s.b.Scalar(tensor.Int32, 1)}, attribute("exclusive", int64(1))))
	}},
	{"GatherND", "GatherND", 11, func(s *specimen) {
		s.out(s.b.Op("GatherND", []graph.Value{s.smooth(-1, 1, 3, 2), s.index(3, 4, 1)}))
	}},
	{"ScatterND", "ScatterND", 11, func(s *specimen) {
		s.out(s.b.Op("ScatterND", []graph.Value{s.smooth(-1, 1, 4, 2), reshape(s.b, s.b.Ints(2, 0), []int{2, 1}), s.smooth(-1, 1, 2, 2)}))
	}},
	{"Pow", "Pow", 7, func(s *specimen) { s.out(s.b.Op("Pow", []graph.Value{s.smooth(0.5, 2, 3), s.smooth(-1, 1, 3)})) }},
	{"Mean", "Mean", 7, func(s *specimen) {
		s.out(s.b.Op(pick(s, "op", "Mean", "Sum"), []graph.Value{s.smooth(0.5, 2, 2, 3), s.smooth(-1, 1, 2, 3)}))
	}},
	{"GridSample", "GridSample", 16, func(s *specimen) {
		s.out(s.b.Op("GridSample", []graph.Value{s.smooth(-1, 1, 1, 2, 3, 4), s.given(s.between(6, false, 4, 3), 1, 3, 2, 2)},
			attribute("mode", pick(s, "mode", "bilinear", "nearest"))))
	}},
	{"LSTM", "LSTM", 7, func(s *specimen) {
		s.out(s.b.Ops("LSTM", 3, []graph.Value{s.smooth(-1, 1, 2, 1, 2), s.smooth(-1, 1, 1, 8, 2), s.smooth(-1, 1, 1, 8, 2)},
			attribute("hidden_size", int64(2)))...)
	}},
	{"LayerNormalization", "LayerNormalization", 17, func(s *specimen) {
		s.out(s.b.Op("LayerNormalization", []graph.Value{s.smooth(-1, 1, 2, 3), s.smooth(0.5, 2, 3)}, attribute("epsilon", float32(0.1))))
	}},
	{"Expand", "Expand", 8, func(s *specimen) {
		s.out(s.b.Op("Expand", []graph.Value{s.smooth(-1, 1, 3, 1), s.b.Ints(2, 1, 4)}))
	}},
	{"Where", "Where", 9, func(s *specimen) {
		c := tensor.New(tensor.Bool, 3)
		c.Bytes()[1] = 1
		s.out(where(s.b, s.data(c), s.smooth(-1, 1, 3), s.smooth(-1, 1, 3)))
	}},
}

// TestOld holds them to central differences of the old graph.
func TestOld(t *testing.T) {
	for _, v := range old {
		t.Run(v.name, func(t *testing.T) { checkRule(t, v.op, v.opset, v.draw) })
	}
}
