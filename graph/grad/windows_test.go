package grad

import (
	"testing"

	"visus/graph"
)

// windowSpecimens draw kernels with every attribute, on small odd sizes.
var windowSpecimens = map[string]func(s *specimen){
	"Conv": func(s *specimen) {
		w := s.window(false)
		x := s.smooth(-1, 1, append([]int{2, w.group * w.in}, w.spatial...)...)
		weights := s.smooth(-1, 1, append([]int{w.group * w.out, w.in}, w.kernel...)...)
		inputs := []graph.Value{x, weights}
		if s.yes("bias") {
			inputs = append(inputs, s.smooth(-1, 1, w.group*w.out))
		}
		s.out(s.b.Op("Conv", inputs, w.attributes...))
	},
	"ConvTranspose": func(s *specimen) {
		w := s.window(true)
		x := s.smooth(-1, 1, append([]int{2, w.group * w.in}, w.spatial...)...)
		weights := s.smooth(-1, 1, append([]int{w.group * w.in, w.out}, w.kernel...)...)
		inputs := []graph.Value{x, weights}
		if s.yes("bias") {
			inputs = append(inputs, s.smooth(-1, 1, w.group*w.out))
		}
		s.out(s.b.Op("ConvTranspose", inputs, w.attributes...))
	},
	"MaxPool":           func(s *specimen) { s.pool("MaxPool", true) },
	"AveragePool":       func(s *specimen) { s.pool("AveragePool", false) },
	"LpPool":            func(s *specimen) { s.pool("LpPool", true) },
	"GlobalMaxPool":     func(s *specimen) { s.global("GlobalMaxPool") },
	"GlobalAveragePool": func(s *specimen) { s.global("GlobalAveragePool") },
	"GlobalLpPool": func(s *specimen) {
		s.global("GlobalLpPool", attribute("p", int64(s.number("p", 1, 3))))
	},
	"visus.ConvGradInput": func(s *specimen) {
		x, y, kernel, attributes := s.convolution()
		dy, weights := s.smooth(-1, 1, y...), s.smooth(-1, 1, append([]int{y[1], x[1] / 2}, kernel...)...)
		s.out(s.b.Op("visus.ConvGradInput", []graph.Value{dy, weights}, append(attributes, attribute("shape", integers(x[2:])))...))
	},
	"visus.ConvGradWeight": func(s *specimen) {
		x, y, kernel, attributes := s.convolution()
		s.out(s.b.Op("visus.ConvGradWeight", []graph.Value{s.smooth(-1, 1, x...), s.smooth(-1, 1, y...)}, append(attributes, attribute("kernel_shape", integers(kernel)))...))
	},
	"visus.MaxPoolGrad": func(s *specimen) {
		x := s.apart(2, 2, 5, 6)
		attributes := []graph.Attribute{attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 1}), attribute("pads", []int64{1, 0, 1, 0})}
		s.out(s.b.Op("visus.MaxPoolGrad", []graph.Value{x, s.smooth(-1, 1, 2, 2, 3, 5)}, attributes...))
	},
	"visus.AveragePoolGrad": func(s *specimen) {
		attributes := []graph.Attribute{
			attribute("kernel_shape", []int64{3, 2}), attribute("strides", []int64{2, 1}), attribute("pads", []int64{1, 0, 1, 0}),
			attribute("count_include_pad", int64(s.number("include", 0, 1))), attribute("shape", []int64{5, 6}),
		}
		s.out(s.b.Op("visus.AveragePoolGrad", []graph.Value{s.smooth(-1, 1, 2, 2, 3, 5)}, attributes...))
	},
}

// slide is a drawn window.
type slide struct {
	group, in, out  int // channels are those of one group
	spatial, kernel []int
	attributes      []graph.Attribute
}

// window draws a convolution, or a transposed one, of rank 1 to 3.
func (s *specimen) window(transposed bool) slide {
	rank := s.number("rank", 1, 3)
	w := slide{group: s.number("group", 1, 2), in: s.number("in", 1, 2), out: s.number("out", 1, 3)}
	var strides, dilations, begin, end, extra []int
	for range rank {
		w.spatial, w.kernel = append(w.spatial, s.number("size", 5, 7)), append(w.kernel, s.number("kernel", 1, 3))
		strides, dilations = append(strides, s.number("stride", 1, 3)), append(dilations, s.number("dilation", 1, 2))
		begin, end = append(begin, s.number("begin", 0, 2)), append(end, s.number("end", 0, 2))
		extra = append(extra, s.number("extra", 0, strides[len(strides)-1]-1))
	}
	w.attributes = []graph.Attribute{attribute("strides", integers(strides)), attribute("group", int64(w.group))}
	auto := pick(s, "auto_pad", "NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
	if auto == "NOTSET" {
		w.attributes = append(w.attributes, attribute("pads", integers(append(begin, end...))))
	} else {
		if transposed { // where steps are longer ONNX Runtime's shape inference and kernel disagree
			w.attributes[0] = attribute("strides", integers(w.kernel))
		}
		w.attributes = append(w.attributes, attribute("auto_pad", auto))
	}
	if auto == "NOTSET" || auto == "VALID" {
		w.attributes = append(w.attributes, attribute("dilations", integers(dilations)))
	}
	if transposed && auto == "NOTSET" {
		w.attributes = append(w.attributes, attribute("output_padding", integers(extra)))
	}
	return w
}

// convolution draws the shapes of a convolution of two groups and its explicit window.
func (s *specimen) convolution() (x, y, kernel []int, attributes []graph.Attribute) {
	x, y = []int{2, 4}, []int{2, 2 * s.number("out", 1, 2)}
	var strides, dilations, begin, end []int
	for i := range s.number("rank", 1, 2) {
		x, kernel = append(x, s.number("size", 5, 7)), append(kernel, s.number("kernel", 1, 3))
		strides, dilations = append(strides, s.number("stride", 1, 2)), append(dilations, s.number("dilation", 1, 2))
		begin, end = append(begin, s.number("begin", 0, 2)), append(end, s.number("end", 0, 2))
		y = append(y, max(0, (x[i+2]+begin[i]+end[i]-(kernel[i]-1)*dilations[i]-1)/strides[i])+1)
		end[i] = max(end[i], (y[i+2]-1)*strides[i]+(kernel[i]-1)*dilations[i]+1-begin[i]-x[i+2])
	}
	return x, y, kernel, []graph.Attribute{
		attribute("strides", integers(strides)), attribute("dilations", integers(dilations)), attribute("pads", integers(append(begin, end...))), attribute("group", int64(2)),
	}
}

// pool draws a pool; its inputs are apart where it has kinks.
func (s *specimen) pool(op string, kinks bool) {
	shape, rank := []int{2, 2}, s.number("rank", 1, 3)
	var kernel, strides, dilations, begin, end []int
	for range rank {
		shape, kernel = append(shape, s.number("size", 5, 6)), append(kernel, s.number("kernel", 1, 3))
		last := kernel[len(kernel)-1]
		strides, dilations = append(strides, s.number("stride", 1, 3)), append(dilations, s.number("dilation", 1, 2))
		begin, end = append(begin, s.number("begin", 0, last-1)), append(end, s.number("end", 0, last-1))
	}
	attributes := []graph.Attribute{attribute("kernel_shape", integers(kernel)), attribute("strides", integers(strides))}
	auto := pick(s, "auto_pad", "NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
	switch {
	case auto != "NOTSET":
		strides = kernel // ONNX Runtime computes negative pads where steps are longer
		attributes[1] = attribute("strides", integers(strides))
		attributes = append(attributes, attribute("auto_pad", auto))
	case s.yes("ceil"):
		attributes = append(attributes, attribute("ceil_mode", int64(1)))
		if op == "LpPool" { // otherwise ONNX Runtime's shape inference counts windows that begin behind the input
			attributes[1] = attribute("strides", integers(kernel))
		} else {
			attributes = append(attributes, attribute("pads", integers(append(begin, end...))))
		}
	default:
		attributes = append(attributes, attribute("pads", integers(append(begin, end...))))
	}
	if op == "AveragePool" {
		attributes = append(attributes, attribute("count_include_pad", int64(s.number("include", 0, 1))))
	}
	if op == "LpPool" {
		attributes = append(attributes, attribute("p", int64(s.number("p", 1, 3))))
	}
	if op == "MaxPool" && auto == "NOTSET" && s.yes("dilated") {
		attributes = append(attributes, attribute("dilations", integers(dilations)))
	}
	x := graph.Value{}
	if kinks {
		x = s.apart(shape...)
	} else {
		x = s.smooth(-1, 1, shape...)
	}
	s.out(s.b.Op(op, []graph.Value{x}, attributes...))
}

func (s *specimen) global(op string, attributes ...graph.Attribute) {
	x := s.apart(append([]int{2, 3}, s.shape(1, 3)...)...)
	s.out(s.b.Op(op, []graph.Value{x}, attributes...))
}

func TestConvolutionsAgain(t *testing.T) {
	for _, op := range []string{"Conv", "ConvTranspose", "MaxPool", "AveragePool"} {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, windowSpecimens[op]) })
	}
}
