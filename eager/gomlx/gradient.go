package gomlx

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"

	"visus/eager"
)

// VJP differentiates f at xs, with GoMLX's rules, and with eager's where GoMLX has none or another at a kink. The gradients can be
// differentiated again.
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
		leaves[i] = x.identity(func(v *graph.Node) *graph.Node { return v }) // a place of its own, where xs share one
	}
	t.trace.within++
	y, aux = f(leaves)
	t.trace.within--
	if bad := first(t, y); bad != nil {
		return nil, nil, nil, bad.err
	}
	return y, aux, func(cotangent *Tensor) ([]*Tensor, error) { return y.pull(cotangent, leaves) }, nil
}

// pull returns the gradients of the leaves; what y does not depend on has zeros.
func (t *Tensor) pull(cotangent *Tensor, leaves []*Tensor) (out []*Tensor, err error) {
	if bad := first(t, cotangent); bad != nil {
		return nil, bad.err
	}
	if cotangent.dtype != t.dtype || !slices.Equal(cotangent.Shape(), t.Shape()) {
		return nil, eager.Errorf("vjp", eager.ErrShape, "expected a cotangent of %v%v, found %v%v", t.dtype, t.Shape(), cotangent.dtype, cotangent.Shape())
	}
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, caught("vjp", r)
		}
	}()
	seeded := t.identity(func(*graph.Node) *graph.Node { return cotangent.node })
	nodes := make([]*graph.Node, len(leaves))
	for i, leaf := range leaves {
		nodes[i] = leaf.node
	}
	for _, g := range graph.Gradient(graph.ReduceAllSum(seeded.node), nodes...) {
		out = append(out, leaves[0].trace.tensor(g))
	}
	return out, nil
}

// identity is t, whose gradient is what rule makes of the result's.
func (t *Tensor) identity(rule func(v *graph.Node) *graph.Node) *Tensor {
	return t.build("identity", func() *graph.Node {
		return graph.IdentityWithCustomGradient(t.node, func(_, v *graph.Node) *graph.Node { return rule(v) })
	})
}

// CustomVJP builds f(xs), whose gradients are what vjp makes of xs, the result and its cotangent.
func (t *Tensor) CustomVJP(xs []*Tensor, f func(xs []*Tensor) *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	if bad := first(append([]*Tensor{t}, xs...)...); bad != nil {
		return bad
	}
	return t.custom(xs, t.aside(func() *Tensor { return f(xs) }), vjp)
}

// aside runs f, whose own gradients nothing asks for: its result is given one, or has none.
func (t *Tensor) aside(f func() *Tensor) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	within := t.trace.within
	t.trace.within = 0
	defer func() { t.trace.within = within }()
	return f()
}

// step is y without a gradient.
func (t *Tensor) step(y *Tensor) *Tensor {
	if y.err != nil || t.trace.within == 0 {
		return y
	}
	return y.build("stop", func() *graph.Node { return graph.StopGradient(y.node) })
}

// custom gives y, made of xs, a gradient. What nothing differentiates is left as it is.
//
// GoMLX has custom gradients only of the identity. So y is cut off from xs, and each of xs is tied to it again through a number that is
// always 0: on the way back, the identity at y keeps the cotangent, and those at xs answer with the parts that vjp makes of it.
func (t *Tensor) custom(xs []*Tensor, y *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	if y.err != nil || t.trace.within == 0 || !y.dtype.Float() {
		return y
	}
	var cotangent *graph.Node
	var parts []*Tensor
	tied := t.step(y)
	out := new(Tensor)
	for i, x := range xs {
		if !x.dtype.Float() || eager.Size(x.Shape()) == 0 {
			continue
		}
		end := x.identity(func(*graph.Node) *graph.Node {
			if parts == nil {
				parts = checked(xs, vjp(xs, out, t.trace.tensor(cotangent)))
			}
			return parts[i].node
		})
		tied = tied.native(graph.Add, end.nothing(y.dtype))
	}
	*out = *tied.identity(func(v *graph.Node) *graph.Node {
		cotangent, parts = v, nil
		return v
	})
	return out
}

// checked panics, which is what GoMLX expects of a gradient, where a part does not fit.
func checked(xs, parts []*Tensor) []*Tensor {
	if len(parts) != len(xs) {
		panic(eager.Errorf("vjp", eager.ErrShape, "expected a gradient for each of %d inputs, found %d", len(xs), len(parts)))
	}
	for i, x := range xs {
		part := parts[i]
		switch {
		case part == nil: // none, as for indices
			parts[i] = eager.ZerosLike(x)
		case part.err != nil:
			panic(part.err)
		case part.dtype != x.dtype || !slices.Equal(part.Shape(), x.Shape()):
			panic(eager.Errorf("vjp", eager.ErrShape, "expected a gradient of %v%v, found %v%v", x.dtype, x.Shape(), part.dtype, part.Shape()))
		}
	}
	return parts
}

// nothing is 0, made of an element of t.
func (t *Tensor) nothing(d eager.DType) *Tensor {
	flat := t.Reshape([]int{eager.Size(t.Shape())})
	element := flat.take(0, t.constant(eager.Int64, []float64{0}, []int{1})).Reshape(nil)
	return t.constant(eager.Bool, []float64{0}, nil).choose(element, eager.Scalar(t, 0)).Cast(d)
}
