package onednn

import (
	"fmt"
	"slices"
	"strings"

	"visus/engine/onednn/dnnl"
	"visus/engine/onednn/kernel"
	"visus/graph"
)

var matrices = map[string]operator{"Gemm": gemm, "MatMul": matmul, "Einsum": einsum}

func gemm(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	a, b, c := n.in[0], n.in[1], n.arg(2)
	if n.Int("transA", 0) != 0 {
		a = t.transpose(a, 1, 0)
	}
	if n.Int("transB", 0) != 0 {
		b = t.transpose(b, 1, 0)
	}
	alpha, beta := float64(n.Float("alpha", 1)), float64(n.Float("beta", 1))
	if c == nil || beta == 0 {
		return list(t.times(t.product(a, b, nil), alpha)), nil
	}
	if alpha == 1 && beta == 1 && size(c.shape) == b.shape[1] && c.shape[len(c.shape)-1] == b.shape[1] {
		return list(t.product(a, b, t.reshape(c, 1, b.shape[1]))), nil
	}
	return list(t.el(kernel.Add, t.times(t.product(a, b, nil), alpha), t.times(c, beta))), nil
}

func matmul(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	a, b := n.in[0], n.in[1]
	if len(a.shape) == 1 {
		a = t.reshape(a, 1, a.shape[0])
	}
	if len(b.shape) == 1 {
		b = t.reshape(b, b.shape[0], 1)
	}
	return list(t.reshape(t.matmul(a, b), n.shape[0]...)), nil
}

// matmul multiplies stacks of matrices, whose leading dimensions broadcast. A stack against one matrix is one tall matrix.
func (t *translator) matmul(a, b *value) *value {
	k, n := b.shape[len(b.shape)-2], b.shape[len(b.shape)-1]
	if size(b.shape) == k*n && len(a.shape) > 2 {
		out := append(slices.Clone(a.shape[:len(a.shape)-1]), n)
		return t.reshape(t.product(t.reshape(a, size(a.shape)/k, k), t.reshape(b, k, n), nil), out...)
	}
	rank := max(len(a.shape), len(b.shape))
	ahead := func(v *value) *value {
		shape := slices.Repeat([]int{1}, rank-len(v.shape))
		return t.reshape(v, append(shape, v.shape...)...)
	}
	return t.product(ahead(a), ahead(b), nil)
}

// product is a·b + bias of matrices, or of stacks of them with leading dimensions of equal size or 1; bias is [1, columns] or nil.
func (t *translator) product(a, b, bias *value) *value {
	rank := len(a.shape)
	shape := slices.Clone(a.shape)
	for d := range rank - 2 {
		shape[d] = max(a.shape[d], b.shape[d])
	}
	shape[rank-1] = b.shape[rank-1]
	c := call{name: "MatMul", in: []*value{a, b, bias}, fusable: true}
	c.plan = func(p *planner, c *call) error { return p.product(c, a, b, bias) }
	return t.invoke("", c, a.kind, shape)[0]
}

func (p *planner) product(c *call, a, b, bias *value) error {
	src, err := p.matrix(a)
	if err != nil {
		return err
	}
	weights, err := p.matrix(b)
	if err != nil {
		return err
	}
	out := c.out[0]
	dst, err := p.scope.Plain(dnnl.F32, out.shape...)
	if err != nil {
		return err
	}
	m := dnnl.Matmul{Src: src.desc, Weights: weights.desc, Dst: dst, Attributes: rectified(c)}
	args := []arg{{dnnl.Src, src}, {dnnl.Weights, weights}}
	if bias != nil {
		add, err := p.plain(bias)
		if err != nil {
			return err
		}
		m.Bias = add.desc
		args = append(args, arg{dnnl.Bias, add})
	}
	primitive, err := p.scope.Matmul(m)
	if err != nil {
		return err
	}
	made, err := p.give(out, dst)
	if err != nil {
		return err
	}
	return p.execute("MatMul", primitive, args, arg{dnnl.Dst, made})
}

// rectified are the attributes of a call that a ReLU follows.
func rectified(c *call) (a dnnl.Attributes) {
	if c.relu {
		a.PostOps = []dnnl.PostOp{{Kind: dnnl.Eltwise, Algorithm: dnnl.EltwiseRelu}}
	}
	return a
}

// matrix is a value's memory as oneDNN multiplies it at speed: rows or columns lie one after the other.
func (p *planner) matrix(v *value) (place, error) {
	at, err := p.place(v)
	if err != nil {
		return place{}, err
	}
	strides, ok := at.layout.strides()
	rank := len(v.shape)
	if !ok || !(strides[rank-1] == 1 && strides[rank-2] >= v.shape[rank-1] || strides[rank-2] == 1 && strides[rank-1] >= v.shape[rank-2]) ||
		slices.ContainsFunc(strides, func(s int) bool { return s <= 0 }) {
		return p.plain(v)
	}
	return p.described(at)
}

// einsum of one operand is a sum over a transposed view; each further operand is a product of stacks of matrices.
func einsum(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	ranks := make([]int, len(n.in))
	for i, v := range n.in {
		ranks[i] = len(v.shape)
	}
	terms, output, err := graph.EinsumTerms(n.Text("equation", ""), ranks)
	if err != nil {
		return nil, err
	}
	for _, term := range terms {
		for i, c := range term {
			if slices.Contains([]rune(term[i+1:]), c) {
				return nil, fmt.Errorf("a diagonal in an Einsum")
			}
		}
	}
	v, letters := n.in[0], terms[0]
	for i, term := range terms[1:] {
		needed := strings.Join(terms[i+2:], "") + output
		if v, letters, err = t.contract(v, letters, n.in[i+1], term, needed); err != nil {
			return nil, err
		}
	}
	v, letters = t.summed(v, letters, output)
	return list(t.arranged(v, letters, output)), nil
}

// contract multiplies two terms and sums over the letters that nothing else needs; it returns the letters that are left.
func (t *translator) contract(a *value, first string, b *value, second, needed string) (*value, string, error) {
	a, first = t.summed(a, first, second+needed)
	b, second = t.summed(b, second, first+needed)
	var stack, rows, inner, columns string
	sizes := map[rune]int{}
	for i, c := range first {
		sizes[c] = a.shape[i]
		switch {
		case !strings.ContainsRune(second, c):
			rows += string(c)
		case strings.ContainsRune(needed, c):
			stack += string(c)
		default:
			inner += string(c)
		}
	}
	for i, c := range second {
		if !strings.ContainsRune(first, c) {
			sizes[c] = b.shape[i]
			columns += string(c)
		} else if b.shape[i] != sizes[c] {
			return nil, "", fmt.Errorf("an Einsum that broadcasts")
		}
	}
	group := func(letters string) int {
		n := 1
		for _, c := range letters {
			n *= sizes[c]
		}
		return n
	}
	left := t.reshape(t.arranged(a, first, stack+rows+inner), group(stack), group(rows), group(inner))
	right := t.reshape(t.arranged(b, second, stack+inner+columns), group(stack), group(inner), group(columns))
	letters := stack + rows + columns
	var shape []int
	for _, c := range letters {
		shape = append(shape, sizes[c])
	}
	return t.reshape(t.product(left, right, nil), shape...), letters, nil
}

// summed adds up what occurs in no other term; it returns the letters that are left.
func (t *translator) summed(v *value, term, needed string) (*value, string) {
	var axes, shape []int
	left := ""
	for i, c := range term {
		if slices.Contains([]rune(needed), c) {
			left += string(c)
			shape = append(shape, v.shape[i])
		} else {
			axes = append(axes, i)
		}
	}
	if axes == nil {
		return v, term
	}
	return t.reshape(t.sum(v, axes...), shape...), left
}

// arranged orders dimensions named by letters.
func (t *translator) arranged(v *value, letters, order string) *value {
	var perm []int
	for _, c := range order {
		perm = append(perm, slices.Index([]rune(letters), c))
	}
	return t.transpose(v, perm...)
}
