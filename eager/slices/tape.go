package slices

import (
	"slices"
	"sync/atomic"

	"visus/eager"
)

// node is an operation on a tape. Numbers grow with time, so walking them downward meets results before what they were made of.
type node struct {
	number  int64
	inputs  []*Tensor
	reverse func(g *Tensor) []*Tensor // the gradient of each input
}

var count atomic.Int64

// record puts out on the tape where one of its inputs is on one.
func record(out *Tensor, reverse func(g *Tensor) []*Tensor, inputs ...*Tensor) *Tensor {
	if out.err != nil || !slices.ContainsFunc(inputs, func(t *Tensor) bool { return t.node != nil }) {
		return out
	}
	taped := *out
	taped.node = &node{count.Add(1), inputs, reverse}
	return &taped
}

// VJP differentiates f at xs. Second derivatives are not offered: what pull returns is constant.
func (t *Tensor) VJP(f func(xs []*Tensor) (y *Tensor, aux []*Tensor), xs []*Tensor) (
	y *Tensor, aux []*Tensor, pull func(cotangent *Tensor) ([]*Tensor, error), err error) {
	leaves := make([]*Tensor, len(xs))
	for i, x := range xs {
		if x.err != nil {
			return nil, nil, nil, x.err
		}
		if !x.dtype.Float() {
			return nil, nil, nil, eager.Errorf("vjp", eager.ErrDType, "expected floats, found %v", x.dtype)
		}
		leaf := *x
		leaf.node = &node{number: count.Add(1)}
		leaves[i] = &leaf
	}
	out, aux := f(leaves)
	if out.err != nil {
		return nil, nil, nil, out.err
	}
	pull = func(cotangent *Tensor) ([]*Tensor, error) { return backward(out, cotangent, leaves) }
	return out.plain(), plains(aux), pull, nil
}

// CustomVJP puts f(xs) on the tape as one operation.
func (t *Tensor) CustomVJP(xs []*Tensor, f func(xs []*Tensor) *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	constants := plains(xs)
	y := f(constants).plain()
	return record(y, func(g *Tensor) []*Tensor { return vjp(constants, y, g) }, xs...)
}

func plains(tensors []*Tensor) []*Tensor {
	out := make([]*Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = t.plain()
	}
	return out
}

// backward sums the gradients of every node and returns those of the leaves; what out does not depend on has zeros.
func backward(out, cotangent *Tensor, leaves []*Tensor) ([]*Tensor, error) {
	if cotangent.err != nil {
		return nil, cotangent.err
	}
	if cotangent.dtype != out.dtype || !slices.Equal(cotangent.shape, out.shape) {
		return nil, eager.Errorf("vjp", eager.ErrShape, "expected a cotangent of %v%v, found %v%v", out.dtype, out.shape, cotangent.dtype, cotangent.shape)
	}
	sums := map[*node]*Tensor{}
	if out.node != nil {
		sums[out.node] = cotangent.plain()
		for _, n := range reached(out.node) {
			if err := n.spread(sums); err != nil {
				return nil, err
			}
		}
	}
	gradients := make([]*Tensor, len(leaves))
	for i, leaf := range leaves {
		if gradients[i] = sums[leaf.node]; gradients[i] == nil {
			gradients[i] = eager.ZerosLike(leaf)
		}
		if gradients[i].err != nil {
			return nil, gradients[i].err
		}
	}
	return gradients, nil
}

// spread adds what n makes of its gradient to the gradients of its inputs.
func (n *node) spread(sums map[*node]*Tensor) error {
	g := sums[n]
	if g == nil || n.reverse == nil {
		return nil
	}
	parts := n.reverse(g)
	if len(parts) != len(n.inputs) {
		return eager.Errorf("vjp", eager.ErrShape, "expected a gradient for each of %d inputs, found %d", len(n.inputs), len(parts))
	}
	for i, part := range parts {
		in := n.inputs[i]
		if in.node == nil {
			continue
		}
		if part.err == nil && (part.dtype != in.dtype || !slices.Equal(part.shape, in.shape)) {
			return eager.Errorf("vjp", eager.ErrShape, "expected a gradient of %v%v, found %v%v", in.dtype, in.shape, part.dtype, part.shape)
		}
		if sums[in.node] != nil {
			part = sums[in.node].Binary(eager.OpAdd, part)
		}
		sums[in.node] = part
	}
	return nil
}

// reached lists the nodes behind n, latest first.
func reached(n *node) []*node {
	seen, open, all := map[*node]bool{n: true}, []*node{n}, []*node{}
	for len(open) > 0 {
		next := open[len(open)-1]
		open, all = open[:len(open)-1], append(all, next)
		for _, in := range next.inputs {
			if in.node != nil && !seen[in.node] {
				seen[in.node] = true
				open = append(open, in.node)
			}
		}
	}
	slices.SortFunc(all, func(a, b *node) int { return int(b.number - a.number) })
	return all
}
