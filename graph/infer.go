package graph

import (
	"fmt"
	"slices"

	"visus/tensor"
)

// InferShapes returns what is known of every named value: type and shape, by the rules of the operators, filled up with what the file
// says. A symbol such as "batch" is carried where the rules are simple enough; an operator without a rule leaves its outputs as the file
// describes them. It reports an error, naming the node, where shapes contradict each other.
func (g *Graph) InferShapes() (map[string]Value, error) {
	facts, err := g.infer()
	if err != nil {
		return nil, g.fail(err)
	}
	out := make(map[string]Value, len(facts))
	for name, f := range facts {
		out[name] = Value{Name: name, Type: f.kind, Shape: f.shape}
	}
	return out, nil
}

// fact is what is known of a value while nothing runs.
type fact struct {
	kind  tensor.Type
	shape []Dim
	value *constant
}

// rank returns the number of dimensions; ok is false where it is unknown.
func (f fact) rank() (n int, ok bool) { return len(f.shape), f.shape != nil }

// call is one node with the facts of its inputs; a rule fills out.
type call struct {
	evaluation
	facts []fact
	out   []fact
	infer *inference // for subgraphs
}

// rule tells the outputs of an operator; one that cannot leaves them as they are. Its error contradicts the graph.
type rule func(c *call) error

// inference goes through a graph, node by node.
type inference struct {
	facts  map[string]fact
	opsets map[string]int64
	stated map[string]Value // what the file says of inner values
}

func (g *Graph) infer() (map[string]fact, error) {
	in := &inference{facts: map[string]fact{}, opsets: g.Opsets, stated: map[string]Value{}}
	return in.facts, in.graph(g)
}

func (in *inference) graph(g *Graph) error {
	for _, list := range [][]Value{g.Known, g.Outputs} {
		for _, v := range list {
			in.stated[v.Name] = v
		}
	}
	for _, v := range g.Inputs {
		in.facts[v.Name] = in.facts[v.Name].with(v) // known already for the inputs of a subgraph whose operator knows them
	}
	for _, c := range g.Initializers {
		if c.Tensor == nil {
			in.facts[c.Name] = fact{}
			continue
		}
		in.facts[c.Name] = fact{kind: c.Type(), shape: Dims(c.Shape()...), value: shapeValue(c.Tensor)}
	}
	for _, n := range g.Nodes {
		if err := in.node(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}

// shapeValue reads constants that may take part in shape arithmetic; weights are left alone.
func shapeValue(t *tensor.Tensor) *constant {
	if t.Len() > 1024 {
		return nil
	}
	return constantOf(t)
}

func (in *inference) node(n *Node) error {
	c := &call{evaluation: evaluation{Node: n, opset: in.opsets[n.Domain]}, infer: in, out: make([]fact, len(n.Outputs))}
	for _, name := range n.Inputs {
		f := in.facts[name]
		c.facts, c.in = append(c.facts, f), append(c.in, f.value)
	}
	if n.Domain == "" {
		if rule := ruleOf(n.Op); rule != nil {
			if err := rule(c); err != nil {
				return err
			}
		}
		if v := evaluate(&c.evaluation); v != nil && len(c.out) > 0 {
			c.out[0] = fact{kind: v.kind, shape: Dims(v.shape...), value: v}
		}
	}
	if rule := ownRules[n.Op]; rule != nil && n.Domain == OwnDomain {
		if err := rule(c); err != nil {
			return err
		}
	}
	for i, name := range n.Outputs {
		if name != "" {
			in.facts[name] = c.out[i].with(in.stated[name])
		}
	}
	return nil
}

// with fills what the rules left open with what the file states.
func (f fact) with(v Value) fact {
	if f.kind == tensor.Invalid {
		f.kind = v.Type
	}
	if f.shape == nil {
		f.shape = v.Shape
		return f
	}
	if len(f.shape) != len(v.Shape) {
		return f
	}
	for i, d := range f.shape {
		if !d.Fixed() && d.Symbol == "" && (v.Shape[i].Fixed() || v.Shape[i].Symbol != "") {
			f.shape = slices.Clone(f.shape)
			f.shape[i] = v.Shape[i]
		}
	}
	return f
}

// arg returns the fact of the i-th input; nothing is known of one left out.
func (c *call) arg(i int) fact {
	if i < len(c.facts) {
		return c.facts[i]
	}
	return fact{}
}

// set fills the i-th output, where the node has it.
func (c *call) set(i int, kind tensor.Type, shape []Dim) {
	if i < len(c.out) {
		c.out[i] = fact{kind: kind, shape: shape}
	}
}

// free is a dimension of which nothing is known.
var free = Dim{Size: -1}

// times multiplies dimensions; a symbol survives a factor of 1.
func times(a, b Dim) Dim {
	switch {
	case a.Fixed() && b.Fixed():
		return product(a.Size, b.Size)
	case a == Dim{Size: 1}:
		return b
	case b == Dim{Size: 1}:
		return a
	}
	return free
}

// product multiplies sizes; what overflows is unknown.
func product(a, b int) Dim {
	if n, err := tensor.Elements([]int{a, b}); err == nil {
		return Dim{Size: n}
	}
	return free
}

// through computes a dimension from a fixed one; what it does to a free one is unknown.
func through(d Dim, f func(size int) int) Dim {
	if !d.Fixed() {
		return free
	}
	return Dim{Size: max(f(d.Size), 0)}
}

// unknownDims returns a shape of which only the rank is known; never nil.
func unknownDims(rank int) []Dim {
	out := make([]Dim, rank)
	for i := range out {
		out[i] = free
	}
	return out
}

// broadcastDims returns the common shape of several by NumPy's rule, nil where a rank is unknown.
func broadcastDims(shapes ...[]Dim) ([]Dim, error) {
	rank := 0
	for _, s := range shapes {
		if s == nil {
			return nil, nil
		}
		rank = max(rank, len(s))
	}
	out := make([]Dim, rank)
	for axis := range out {
		out[axis] = Dim{Size: 1}
		for _, s := range shapes {
			at := axis - rank + len(s)
			if at < 0 {
				continue
			}
			d, ok := meet(out[axis], s[at])
			if !ok {
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
			out[axis] = d
		}
	}
	return out, nil
}

// meet broadcasts two dimensions. A fixed size above 1 decides over a free one, which can only be equal or 1.
func meet(a, b Dim) (Dim, bool) {
	switch {
	case a == b || b == Dim{Size: 1}:
		return a, true
	case a == Dim{Size: 1}:
		return b, true
	case a.Fixed() && b.Fixed():
		return free, false
	case a.Fixed():
		return a, true
	case b.Fixed():
		return b, true
	}
	return free, true
}

// agree returns the common dimension of two that must be equal.
func agree(a, b Dim) (Dim, bool) {
	switch {
	case !a.Fixed() && b.Fixed():
		return b, true
	case a.Fixed() && b.Fixed() && a != b:
		return free, false
	case !a.Fixed() && a.Symbol == "":
		return b, true
	}
	return a, true
}
