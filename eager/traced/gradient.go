package traced

import (
	"slices"

	"visus/eager"
	"visus/graph"
	"visus/graph/grad"
)

func valuesOf(tensors ...*Tensor) []graph.Value {
	out := make([]graph.Value, len(tensors))
	for i, t := range tensors {
		out[i] = t.value
	}
	return out
}

// VJP differentiates f at xs: pull writes the gradients into the graph. They can be differentiated again.
func (t *Tensor) VJP(f func(xs []*Tensor) (y *Tensor, aux []*Tensor), xs []*Tensor) (
	y *Tensor, aux []*Tensor, pull func(cotangent *Tensor) ([]*Tensor, error), err error) {
	leaves := make([]*Tensor, len(xs))
	for i, x := range xs {
		if bad := first(t, x); bad != nil {
			return nil, nil, nil, bad.err
		}
		if !x.dtype.Float() {
			return nil, nil, nil, eager.Errorf("vjp", eager.ErrDType, "expected floats, found %v", x.dtype)
		}
		leaves[i] = x.op("Identity", []*Tensor{x}) // a place of its own, where xs share one
	}
	t.trace.within++
	y, aux = f(leaves)
	t.trace.within--
	if bad := first(t, y); bad != nil {
		return nil, nil, nil, bad.err
	}
	return y, aux, func(cotangent *Tensor) ([]*Tensor, error) { return t.trace.pull(y, cotangent, leaves) }, nil
}

// pull returns the gradients of the leaves; what y does not depend on has zeros.
func (t *trace) pull(y, cotangent *Tensor, leaves []*Tensor) ([]*Tensor, error) {
	if bad := first(y, cotangent); bad != nil {
		return nil, bad.err
	}
	if cotangent.dtype != y.dtype || !slices.Equal(cotangent.shape, y.shape) {
		return nil, eager.Errorf("vjp", eager.ErrShape, "expected a cotangent of %v%v, found %v%v", y.dtype, y.shape, cotangent.dtype, cotangent.shape)
	}
	reached := t.behind(y.value.Name)
	var wrt []string
	for _, leaf := range leaves {
		if reached[leaf.value.Name] {
			wrt = append(wrt, leaf.value.Name)
		}
	}
	names := map[string]string{}
	if len(wrt) > 0 {
		var err error
		if names, err = grad.VJP(t.graph, []string{y.value.Name}, []string{cotangent.value.Name}, wrt); err != nil {
			return nil, eager.Errorf("vjp", eager.ErrUnsupported, "%v", err)
		}
		if err := t.open(); err != nil {
			return nil, eager.Errorf("vjp", eager.ErrEngine, "%v", err)
		}
	}
	out := make([]*Tensor, len(leaves))
	for i, leaf := range leaves {
		out[i] = eager.ZerosLike(leaf)
		if name := names[leaf.value.Name]; name != "" {
			out[i] = t.tensor(t.builder.Value(name))
		}
		if out[i].err != nil {
			return nil, out[i].err
		}
	}
	return out, nil
}

// behind lists the values that one is made of, itself among them.
func (t *trace) behind(name string) map[string]bool {
	reached := map[string]bool{name: true}
	for _, n := range slices.Backward(t.graph.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(o string) bool { return reached[o] }) {
			n.Reads(func(read string) { reached[read] = true })
		}
	}
	return reached
}

// CustomVJP writes f(xs), whose gradients are those of a graph of its own: what vjp makes of places for xs, y and the cotangent.
func (t *Tensor) CustomVJP(xs []*Tensor, f func(xs []*Tensor) *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	if bad := first(append([]*Tensor{t}, xs...)...); bad != nil {
		return bad
	}
	y := t.aside(func() *Tensor { return f(xs) })
	if bad := first(append([]*Tensor{t, y}, xs...)...); bad != nil {
		return bad
	}
	return t.shaped(xs, y, vjp)
}

// aside runs f, whose own gradients nothing asks for: its result is given one, or has none.
func (t *Tensor) aside(f func() *Tensor) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	trace := t.trace
	within := trace.within
	trace.within = 0
	defer func() { trace.within = within }()
	return f()
}

// step is y without a gradient.
func (t *Tensor) step(y *Tensor) *Tensor {
	if y.err != nil || t.trace.within == 0 {
		return y
	}
	return y.op("visus.StopGradient", []*Tensor{y})
}

// custom gives y a gradient of eager's rules. What nothing differentiates is left as it is.
func (t *Tensor) custom(xs []*Tensor, y *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	if y.err != nil || t.trace.within == 0 {
		return y
	}
	return t.shaped(xs, y, vjp)
}

// shaped is CustomVJP where y is there.
func (t *Tensor) shaped(xs []*Tensor, y *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	if bad := first(append([]*Tensor{y}, xs...)...); bad != nil {
		return bad
	}
	if t.trace.rule && t.trace.within == 0 {
		return y
	}
	gradient, err := write("gradient", true, append(slices.Clone(xs), y, y), func(places []*Tensor) []*Tensor {
		inner, g := places[:len(xs)], places[len(xs)+1]
		parts := vjp(inner, places[len(xs)], g)
		if len(parts) != len(xs) {
			return []*Tensor{failed(eager.Errorf("vjp", eager.ErrShape, "expected a gradient for each of %d inputs, found %d", len(xs), len(parts)))}
		}
		for i, part := range parts {
			if part == nil { // none, as for indices
				parts[i] = eager.ZerosLike(inner[i])
			} else if part.err == nil && (part.dtype != xs[i].dtype || !slices.Equal(part.shape, xs[i].shape)) {
				parts[i] = failed(eager.Errorf("vjp", eager.ErrShape, "expected a gradient of %v%v, found %v%v",
					xs[i].dtype, xs[i].shape, part.dtype, part.shape))
			}
		}
		return parts
	})
	if err != nil {
		return failed(err)
	}
	gradient.Opsets, gradient.Metadata = nil, nil
	stopped := t.op("visus.StopGradient", []*Tensor{y})
	if stopped.err != nil {
		return stopped
	}
	return t.op("visus.CustomGradient", append([]*Tensor{stopped}, xs...), attr("gradient", gradient))
}
