package grad

import (
	"slices"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// variant is a use of an operator that its specimen does not draw.
type variant struct {
	name, op string
	opset    int64
	draw     func(s *specimen)
}

// reduceOps are the reductions.
var reduceOps = []string{
	"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
}

// variants are attributes, inputs and shapes that the specimens leave out.
var variants = []variant{
	{"Conv: same pads", "Conv", 18, func(s *specimen) {
		rank := s.number("rank", 1, 2)
		x := s.smooth(-1, 1, append([]int{1, 2}, slices.Repeat([]int{s.number("size", 5, 8)}, rank)...)...)
		w := s.smooth(-1, 1, append([]int{3, 2}, slices.Repeat([]int{s.number("kernel", 1, 3)}, rank)...)...)
		s.out(s.b.Op("Conv", []graph.Value{x, w}, attribute("auto_pad", pick(s, "auto_pad", "SAME_UPPER", "SAME_LOWER")),
			attribute("strides", integers(slices.Repeat([]int{s.number("stride", 1, 3)}, rank)))))
	}},
	{"ConvTranspose: output_shape", "ConvTranspose", 18, func(s *specimen) {
		stride, kernel, size := s.number("stride", 1, 3), s.number("kernel", 2, 4), s.number("size", 2, 4)
		full := (size-1)*stride + kernel
		var out []int64
		for range 2 {
			out = append(out, int64(full-s.number("less", 0, kernel-1)))
		}
		x, w := s.smooth(-1, 1, 1, 2, size, size), s.smooth(-1, 1, 2, 2, kernel, kernel)
		s.out(s.b.Op("ConvTranspose", []graph.Value{x, w}, attribute("output_shape", out), attribute("strides", []int64{int64(stride), int64(stride)}),
			attribute("auto_pad", pick(s, "auto_pad", "NOTSET", "SAME_UPPER", "SAME_LOWER"))))
	}},
	{"ConvTranspose: output_shape larger", "ConvTranspose", 18, func(s *specimen) {
		x, w := s.smooth(-1, 1, 1, 2, 3), s.smooth(-1, 1, 2, 2, 2)
		s.out(s.b.Op("ConvTranspose", []graph.Value{x, w}, attribute("output_shape", []int64{int64(s.number("out", 7, 10))}),
			attribute("strides", []int64{3})))
	}},
	{"ConvTranspose: output_shape and padding", "ConvTranspose", 18, func(s *specimen) {
		x, w := s.smooth(-1, 1, 1, 2, 3), s.smooth(-1, 1, 2, 2, 3)
		s.out(s.b.Op("ConvTranspose", []graph.Value{x, w}, attribute("output_shape", []int64{int64(s.number("out", 6, 8))}),
			attribute("output_padding", []int64{1}), attribute("strides", []int64{2})))
	}},
	{"AveragePool: dilations", "AveragePool", 19, func(s *specimen) {
		x := s.smooth(-1, 1, 1, 2, s.number("height", 6, 8), s.number("width", 6, 8))
		s.out(s.b.Op("AveragePool", []graph.Value{x}, attribute("kernel_shape", []int64{2, 3}), attribute("dilations", []int64{2, 2}),
			attribute("strides", []int64{1, 2}),
			attribute("pads", []int64{1, 0, 1, 1}), attribute("count_include_pad", int64(s.number("include", 0, 1))),
			attribute("ceil_mode", int64(s.number("ceil", 0, 1)))))
	}},
	{"LpPool: dilations", "LpPool", 18, func(s *specimen) {
		x := s.apart(1, 2, s.number("height", 6, 8), s.number("width", 6, 8))
		s.out(s.b.Op("LpPool", []graph.Value{x}, attribute("kernel_shape", []int64{2, 3}), attribute("dilations", []int64{2, 2}),
			attribute("strides", []int64{1, 2}), attribute("pads", []int64{1, 0, 1, 1})))
	}},
	{"MaxPool: ceil and dilations", "MaxPool", 18, func(s *specimen) {
		x := s.apart(1, 2, s.number("height", 6, 8), s.number("width", 6, 8))
		s.out(s.b.Ops("MaxPool", 2, []graph.Value{x}, attribute("kernel_shape", []int64{2, 3}), attribute("dilations", []int64{2, 2}),
			attribute("strides", []int64{3, 2}),
			attribute("pads", []int64{1, 0, 1, 1}), attribute("ceil_mode", int64(1)), attribute("storage_order", int64(s.number("order", 0, 1))))[0])
	}},
	{"MaxPool: same pads with strides", "MaxPool", 18, func(s *specimen) {
		x := s.apart(1, 2, s.number("height", 5, 8), s.number("width", 5, 8))
		s.out(s.b.Op("MaxPool", []graph.Value{x}, attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 1}),
			attribute("auto_pad", pick(s, "auto_pad", "SAME_UPPER", "SAME_LOWER"))))
	}},
	{"AveragePool: same pads with strides", "AveragePool", 18, func(s *specimen) {
		x := s.apart(1, 2, s.number("height", 5, 8), s.number("width", 5, 8))
		s.out(s.b.Op("AveragePool", []graph.Value{x}, attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 1}),
			attribute("auto_pad", pick(s, "auto_pad", "SAME_UPPER", "SAME_LOWER")),
			attribute("count_include_pad", int64(s.number("include", 0, 1)))))
	}},
	{"LpPool: ceil", "LpPool", 18, func(s *specimen) {
		x := s.apart(1, 2, 6, 7)
		s.out(s.b.Op("LpPool", []graph.Value{x}, attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 2}),
			attribute("ceil_mode", int64(1)), attribute("p", int64(s.number("p", 1, 3)))))
	}},
	{"MatMul: vector with matrices", "MatMul", 18, func(s *specimen) {
		s.out(s.b.Op("MatMul", []graph.Value{s.smooth(-1, 1, 3), s.smooth(-1, 1, append(s.shape(1, 2), 3, 2)...)}))
	}},
	{"Gemm: scalar", "Gemm", 18, func(s *specimen) {
		s.out(s.b.Op("Gemm", []graph.Value{s.smooth(-1, 1, 2, 3), s.smooth(-1, 1, 3, 2), s.smooth(-1, 1)}))
	}},
	{"Gemm: scalar and row", "Gemm", 18, func(s *specimen) {
		s.out(s.b.Op("Gemm", []graph.Value{s.smooth(-1, 1, 2, 3), s.smooth(-1, 1, 3, 2), s.smooth(-1, 1, 1, 2)}))
	}},
	{"Einsum: more", "Einsum", 18, func(s *specimen) {
		type form struct {
			equation string
			shapes   [][]int
		}
		forms := []form{
			{"ii", [][]int{{3, 3}}}, {"ii->", [][]int{{3, 3}}}, {"...ii->...i", [][]int{{2, 3, 3}}}, {"...ii->...", [][]int{{2, 2, 2}}},
			{"iii->i", [][]int{{2, 2, 2}}},
			{"i...->...", [][]int{{3, 2, 2}}}, {" i j , j k -> k i ", [][]int{{2, 3}, {3, 2}}}, {"Ab,bA->b", [][]int{{2, 3}, {3, 2}}},
			{",ij->ij", [][]int{{}, {2, 3}}}, {"...,...->...", [][]int{{2, 3}, {2, 3}}}, {"...i,i->...", [][]int{{3}, {3}}},
			{"a...b,b->a...", [][]int{{2, 3, 2, 2}, {2}}},
			{"iij,ik->jk", [][]int{{2, 2, 3}, {2, 2}}}, {"ij,ji", [][]int{{2, 3}, {3, 2}}}, {"ba", [][]int{{2, 3}}},
			{"bi,bi,bi->b", [][]int{{2, 3}, {2, 3}, {2, 3}}},
			{"ij,j->", [][]int{{2, 3}, {3}}}, {"...,->...", [][]int{{2, 3}, {}}},
		}
		f := forms[s.number("form", 0, len(forms)-1)]
		var inputs []graph.Value
		for _, shape := range f.shapes {
			inputs = append(inputs, s.smooth(-1, 1, shape...))
		}
		s.out(s.b.Op("Einsum", inputs, attribute("equation", f.equation)))
	}},
	{"Mod: large quotients", "Mod", 18, func(s *specimen) {
		s.out(s.b.Op("Mod", []graph.Value{s.smooth(100.3, 100.6, 3), s.smooth(0.9999, 1.0001, 3)}, attribute("fmod", int64(1))))
	}},
	{"TopK: unsorted, indices left out", "TopK", 18, func(s *specimen) {
		s.out(s.b.Ops("TopK", 2, []graph.Value{s.apart(2, 5), s.b.Ints(3)}, attribute("sorted", int64(0)), attribute("axis", int64(1)))[0])
	}},
	{"Gather: negative axis", "Gather", 18, func(s *specimen) {
		s.out(s.b.Op("Gather", []graph.Value{s.smooth(-1, 1, 2, 3, 4), s.index(3, 2, 2)}, attribute("axis", int64(-2))))
	}},
	{"GatherND: two batch axes", "GatherND", 18, func(s *specimen) {
		s.out(s.b.Op("GatherND", []graph.Value{s.smooth(-1, 1, 2, 2, 3, 2), s.index(2, 2, 2, 3, 1)}, attribute("batch_dims", int64(2))))
	}},
	{"ScatterND: rows of elements", "ScatterND", 18, func(s *specimen) {
		s.out(s.b.Op("ScatterND", []graph.Value{s.smooth(-1, 1, 3, 4), s.index(3, 2, 3, 2), s.smooth(-1, 1, 2, 3)}, attribute("reduction", "add")))
	}},
	{"ScatterND: negative", "ScatterND", 18, func(s *specimen) {
		s.out(s.b.Op("ScatterND", []graph.Value{s.smooth(-1, 1, 3, 4), reshape(s.b, s.b.Ints(-1, 0), []int{2, 1}), s.smooth(-1, 1, 2, 4)}))
	}},
	{"Pad: negative in all modes", "Pad", 18, func(s *specimen) {
		x := s.smooth(-1, 1, 6, 6)
		s.out(s.b.Op("Pad", []graph.Value{x, s.b.Ints(int64(s.number("top", -2, 2)), int64(s.number("left", -2, 2)), int64(s.number("bottom", -2, 2)),
			int64(s.number("right", -2, 2)))}, attribute("mode", pick(s, "mode", "constant", "reflect", "edge"))))
	}},
	{"Pad: wrap negative", "Pad", 19, func(s *specimen) {
		x := s.smooth(-1, 1, 6, 6)
		s.out(s.b.Op("Pad", []graph.Value{x, s.b.Ints(int64(s.number("top", -2, 2)), int64(s.number("left", -2, 2)), int64(s.number("bottom", -2, 2)),
			int64(s.number("right", -2, 2)))}, attribute("mode", "wrap")))
	}},
	{"Resize: axes", "Resize", 18, func(s *specimen) {
		x := s.smooth(-1, 1, 1, 2, 4, 5)
		attributes := []graph.Attribute{attribute("axes", []int64{3, 2}), attribute("mode", pick(s, "mode", "nearest", "linear", "cubic"))}
		if s.yes("sizes") {
			s.out(s.b.Op("Resize", []graph.Value{x, {}, {}, s.b.Ints(int64(s.number("w", 2, 8)), int64(s.number("h", 2, 8)))}, attributes...))
			return
		}
		s.out(s.b.Op("Resize", []graph.Value{x, {}, s.constants([]float32{1.7, 0.6})}, attributes...))
	}},
	{"Resize: extrapolation", "Resize", 18, func(s *specimen) {
		x := s.smooth(-1, 1, 1, 1, 4, 5)
		s.out(s.b.Op("Resize", []graph.Value{x, s.constants([]float32{0, 0, -0.2, 0.1, 1, 1, 0.8, 1.3}), {}, s.b.Ints(1, 1, 6, 7)},
			attribute("mode", pick(s, "mode", "nearest", "linear", "cubic")),
			attribute("coordinate_transformation_mode", "tf_crop_and_resize"), attribute("extrapolation_value", float32(3))))
	}},
	{"Resize: one and three axes", "Resize", 18, func(s *specimen) {
		mode := pick(s, "mode", "nearest", "linear")
		if s.yes("one") {
			s.out(s.b.Op("Resize", []graph.Value{s.smooth(-1, 1, 1, 2, 5), {}, {}, s.b.Ints(1, 2, int64(s.number("to", 2, 9)))}, attribute("mode", mode)))
			return
		}
		s.out(s.b.Op("Resize", []graph.Value{s.smooth(-1, 1, 1, 2, 3, 4, 3), {}, s.constants([]float32{1, 1, 2, 0.6, 1.5})}, attribute("mode", mode),
			attribute("nearest_mode", "floor")))
	}},
	{"GridSample: linear", "GridSample", 20, func(s *specimen) {
		x, grid := s.smooth(-1, 1, 1, 2, 3, 4), s.given(s.between(6, false, 4, 3), 1, 3, 2, 2)
		s.out(s.b.Op("GridSample", []graph.Value{x, grid}, attribute("mode", pick(s, "mode", "linear", "nearest")),
			attribute("padding_mode", pick(s, "padding_mode", "zeros", "border", "reflection"))))
	}},
	{"GridSample: volumes", "GridSample", 20, func(s *specimen) {
		corners := s.number("corners", 0, 1)
		x, grid := s.smooth(-1, 1, 1, 2, 3, 4, 2), s.given(s.between(4, corners == 1, 2, 4, 3), 1, 2, 2, 1, 3)
		s.out(s.b.Op("GridSample", []graph.Value{x, grid}, attribute("mode", pick(s, "mode", "linear", "nearest")),
			attribute("padding_mode", pick(s, "padding_mode", "zeros", "border", "reflection")),
			attribute("align_corners", int64(corners))))
	}},
	{"GridSample: one entry", "GridSample", 18, func(s *specimen) {
		x, grid := s.smooth(-1, 1, 1, 2, 1, 1), s.given([]float64{0.3, -0.4, -2.2, 0.1}, 1, 2, 1, 2)
		s.out(s.b.Op("GridSample", []graph.Value{x, grid}, attribute("padding_mode", pick(s, "padding_mode", "zeros", "border", "reflection")),
			attribute("align_corners", int64(s.number("corners", 0, 1)))))
	}},
	{"SoftmaxCrossEntropyLoss: short labels", "SoftmaxCrossEntropyLoss", 18, func(s *specimen) {
		t, _ := tensor.Of([]int32{1, 255, 0}, 3)
		s.out(s.b.Op(pick(s, "op", "SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"), []graph.Value{s.smooth(-1, 1, 3, 4), s.data(t),
			s.smooth(0.5, 2, 4)}, attribute("ignore_index", int64(255)),
			attribute("reduction", pick(s, "reduction", "none", "sum", "mean"))))
	}},
	{"Split: one of three", "Split", 18, func(s *specimen) {
		parts := s.b.Ops("Split", 3, []graph.Value{s.smooth(-1, 1, 6, 2)}, attribute("num_outputs", int64(3)))
		s.out(parts[s.number("used", 0, 2)])
	}},
	{"LayerNormalization: broadcast scale", "LayerNormalization", 18, func(s *specimen) {
		s.out(s.b.Op("LayerNormalization", []graph.Value{s.smooth(-1, 1, 2, 3, 4), s.smooth(0.5, 2, 4), s.smooth(-1, 1, 1)},
			attribute("axis", int64(1)), attribute("epsilon", float32(0.1))))
	}},
	{"Reshape: allowzero, zeros", "Reshape", 18, func(s *specimen) {
		s.out(s.b.Op("Reshape", []graph.Value{s.smooth(-1, 1, 2, 3, 4), s.b.Ints(0, 0, 2, 2)}))
	}},
	{"Reduce: noop", "ReduceSum", 18, func(s *specimen) {
		op := pick(s, "op", reduceOps...)
		x := s.smooth(0.5, 2, 2, 3)
		s.out(s.b.Op(op, []graph.Value{x, s.b.Ints()}, attribute("noop_with_empty_axes", int64(1)),
			attribute("keepdims", int64(s.number("keepdims", 0, 1)))))
	}},
	{"Reduce: noop without axes", "ReduceSum", 18, func(s *specimen) {
		op := pick(s, "op", reduceOps...)
		x := s.smooth(0.5, 2, 2, 3)
		s.out(s.b.Op(op, []graph.Value{x}, attribute("noop_with_empty_axes", int64(1)), attribute("keepdims", int64(s.number("keepdims", 0, 1)))))
	}},
	{"Reduce: empty axes", "ReduceSum", 18, func(s *specimen) {
		op := pick(s, "op", reduceOps...)
		x := s.smooth(0.5, 2, 2, 3)
		s.out(s.b.Op(op, []graph.Value{x, s.b.Ints()}, attribute("keepdims", int64(s.number("keepdims", 0, 1)))))
	}},
	{"PRelu: scalar slope", "PRelu", 18, func(s *specimen) {
		s.out(s.b.Op("PRelu", []graph.Value{s.apart(2, 3), s.smooth(-1, 1)}))
	}},
	{"LRN: wide", "LRN", 18, func(s *specimen) {
		s.out(s.b.Op("LRN", []graph.Value{s.smooth(-1, 1, 2, 3, 2, 2)}, attribute("size", int64(7))))
	}},
	{"HardSigmoid: own slope", "HardSigmoid", 18, func(s *specimen) {
		s.out(s.b.Op("HardSigmoid", []graph.Value{s.smooth(-4, 4, 9)}, attribute("alpha", float32(1./6)), attribute("beta", float32(0.45))))
	}},
	{"Selu: own", "Selu", 18, func(s *specimen) {
		s.out(s.b.Op("Selu", []graph.Value{s.apart(9)}, attribute("alpha", float32(2)), attribute("gamma", float32(1.5))))
	}},
	{"Attention: masks", "Attention", 23, func(s *specimen) {
		q, k, v := s.smooth(-1, 1, 2, 2, 3, 2), s.smooth(-1, 1, 2, 2, 4, 2), s.smooth(-1, 1, 2, 2, 4, 3)
		mask := tensor.New(tensor.Bool, 2, 2, 3, 4)
		for i := range mask.Bytes() {
			if i%4 == 0 || s.random.IntN(2) == 0 {
				mask.Bytes()[i] = 1
			}
		}
		s.out(s.b.Op("Attention", []graph.Value{q, k, v, s.data(mask)}))
	}},
	{"Clip: min alone", "Clip", 18, func(s *specimen) { s.out(s.b.Op("Clip", []graph.Value{s.apart(9), s.b.Scalar(s.kind, 0.2)})) }},
	{"Pow: half", "Pow", 18, func(s *specimen) {
		s.out(s.b.Op("Pow", []graph.Value{s.smooth(0.5, 2, 4), s.b.Constant(of([]float32{0.5}, 1))}))
	}},
	{"Pow: wide exponent", "Pow", 18, func(s *specimen) {
		s.out(s.b.Op("Pow", []graph.Value{s.smooth(0.5, 2, 4), s.b.Constant(of([]float32{2, 2, 1}, 3, 1))}))
	}},
	{"Where: scalar branches", "Where", 18, func(s *specimen) {
		c := compare(s.b, "Greater", s.smooth(-1, 1, 4), s.b.Scalar(s.kind, 0.01))
		s.wrt = nil
		s.out(where(s.b, c, s.smooth(-1, 1), s.smooth(-1, 1, 3, 1)))
	}},
	{"Tile: rank 4", "Tile", 18, func(s *specimen) {
		s.out(s.b.Op("Tile", []graph.Value{s.smooth(-1, 1, 2, 1, 2, 3), s.b.Ints(1, 2, 3, 1)}))
	}},
	{"Trilu: far", "Trilu", 18, func(s *specimen) {
		s.out(s.b.Op("Trilu", []graph.Value{s.smooth(-1, 1, 3, 3), s.b.Scalar(tensor.Int64, float64(pick(s, "k", -5, 5)))},
			attribute("upper", int64(s.number("upper", 0, 1)))))
	}},
}

// TestVariantsSecond differentiates them again.
func TestVariantsSecond(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { checkSecond(t, v.op, v.opset, v.draw) })
	}
}

// TestVariants holds them to central differences.
func TestVariants(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { checkRule(t, v.op, v.opset, v.draw) })
	}
}
