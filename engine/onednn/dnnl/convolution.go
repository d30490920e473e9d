package dnnl

import "fmt"

// Convolution describes a convolution or deconvolution with 1 to 3 spatial dimensions, or its gradient.
//
// Src is [batch, channels in, spatial...], Dst [batch, channels out, spatial...], Bias [channels out] or none. Weights are
// [channels out, channels in, kernel...], or with groups [groups, channels out / groups, channels in / groups, kernel...]; a deconvolution's have
// channels out first, too, where ONNX's ConvTranspose has channels in: give them by Strided. Where the direction is backward, the descriptors of
// what it computes are those of the gradients: DiffDst of both, DiffSrc of BackwardData, DiffWeights and DiffBias of BackwardWeights.
type Convolution struct {
	Direction
	Src, Weights, Bias, Dst Desc
	Strides, Dilations      []int // one a spatial dimension; empty: 1, dense
	PadsBegin, PadsEnd      []int // the same; empty: 0
	Attributes
	Hint *Primitive // of a backward primitive: its forward one, made without post-ops; nil: made inside
}

// Convolution chooses a convolution: dst = src * weights + bias.
func (s *Scope) Convolution(c Convolution) (*Primitive, error) {
	return s.convolution(kindConvolution, "convolution", c)
}

// Deconvolution chooses a deconvolution, the gradient of a convolution as an operation of its own (ONNX's ConvTranspose).
func (s *Scope) Deconvolution(c Convolution) (*Primitive, error) {
	return s.convolution(kindDeconvolution, "deconvolution", c)
}

func (s *Scope) convolution(k kind, name string, c Convolution) (*Primitive, error) {
	r := request{kind: k, direction: c.Direction, src: c.Src, weights: c.Weights, bias: c.Bias, dst: c.Dst, postOps: c.PostOps, hint: c.Hint}
	w := window{strides: c.Strides, dilations: c.Dilations, before: c.PadsBegin, after: c.PadsEnd}
	if err := w.fill(&r); err != nil {
		return nil, fmt.Errorf("dnnl: %s: %w", name, err)
	}
	if s.closed {
		return nil, errClosed
	}
	if !r.direction.backward() || r.hint != nil {
		return s.primitive(r)
	}
	inner := &Scope{} // what hints is not needed any more once the primitive is chosen
	defer inner.Close()
	forward, err := r.forward(inner)
	if err != nil {
		return nil, err
	}
	if r.hint, err = inner.primitive(forward); err != nil {
		return nil, err
	}
	return s.primitive(r)
}

// forward returns the request of the forward primitive that a backward one is a derivative of, free in its layouts and without post-ops.
func (r request) forward(s *Scope) (request, error) {
	r.direction, r.postOps, r.hint = ForwardTraining, nil, nil
	for _, d := range r.descs() {
		if d.c == nil {
			continue
		}
		l := d.Layout()
		free, err := s.Any(l.Type, l.Dims...)
		if err != nil {
			return r, err
		}
		*d = free
	}
	return r, nil
}

// window is what slides over the spatial dimensions.
type window struct{ kernel, strides, dilations, before, after []int }

// fill puts the window into a request whose source says how many spatial dimensions there are.
func (w window) fill(r *request) error {
	n := len(r.src.Layout().Dims) - 2
	if n < 1 {
		return fmt.Errorf("a source of batch, channels and spatial dimensions expected, found %v", r.src)
	}
	for _, list := range []struct {
		name     string
		values   []int
		standard int64
		shift    int64 // oneDNN counts the gaps of a dilation
		to       *dimensions
	}{
		{"kernel sizes", w.kernel, 1, 0, &r.kernel},
		{"strides", w.strides, 1, 0, &r.strides},
		{"dilations", w.dilations, 1, -1, &r.dilations},
		{"paddings before", w.before, 0, 0, &r.before},
		{"paddings after", w.after, 0, 0, &r.after},
	} {
		if len(list.values) != 0 && len(list.values) != n {
			return fmt.Errorf("%d %s expected, found %d", n, list.name, len(list.values))
		}
		for i := range n {
			list.to[i] = list.standard + list.shift
			if len(list.values) > 0 {
				list.to[i] = int64(list.values[i]) + list.shift
			}
		}
	}
	return nil
}
