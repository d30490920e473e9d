package dnnl

// Matmul describes dst = src x weights + bias. Src is [..., rows, inner], Weights [..., inner, columns], Dst [..., rows, columns]; sizes before the
// last two are Dst's or 1, where a matrix is repeated. Bias has Dst's rank and 1 where it is repeated. A transposed matrix is given by Strided.
type Matmul struct {
	Src, Weights, Bias, Dst Desc
	Attributes
}

// Matmul chooses a product of matrices.
func (s *Scope) Matmul(m Matmul) (*Primitive, error) {
	return s.primitive(request{kind: kindMatmul, src: m.Src, weights: m.Weights, bias: m.Bias, dst: m.Dst, postOps: m.PostOps})
}

// Reorder chooses a copy of the argument From to the argument To, which may differ in layout and type.
func (s *Scope) Reorder(from, to Desc, a Attributes) (*Primitive, error) {
	return s.primitive(request{kind: kindReorder, src: from, dst: to, postOps: a.PostOps})
}
