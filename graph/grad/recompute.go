package grad

import (
	"slices"

	"visus/graph"
	"visus/tensor"
)

// segment is a part of the forward graph whose values the gradient does not keep but computes again: what a node Recompute reads, directly or by
// way of others, back to what the nodes before it end. Its values are made of copies of its nodes, which read what comes from outside of the
// segment, and this only once the gradient has reached the segment (Chen et al. 2016, "Training deep nets with sublinear memory cost").
type segment struct {
	started graph.Value            // a gradient that has reached it
	copies  map[string]graph.Value // by the names of the originals
}

// drawing are operators that would not give the same again.
var drawing = set([]string{"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"})

// segments finds which segment a node belongs to. One that several need belongs to the first.
func (w *walk) segments() {
	w.makers, w.segment = map[string]*graph.Node{}, map[*graph.Node]*segment{}
	for _, n := range w.forward {
		for _, name := range n.Outputs {
			w.makers[name] = n
		}
	}
	for _, end := range w.forward {
		if end.Domain == graph.OwnDomain && end.Op == "Recompute" {
			w.claim(end, &segment{copies: map[string]graph.Value{}})
		}
	}
}

// claim gives what a node reads to a segment, as far as it belongs to none.
func (w *walk) claim(n *graph.Node, s *segment) {
	for _, name := range n.Inputs {
		maker := w.makers[name]
		if maker == nil || w.segment[maker] != nil || maker.Domain == graph.OwnDomain && maker.Op == "Recompute" {
			continue
		}
		w.segment[maker] = s
		w.claim(maker, s)
	}
}

// start notes the first gradient that reaches a node's segment.
func (w *walk) start(n *graph.Node, dy []graph.Value) {
	s := w.segment[n]
	if s == nil || s.started.Name != "" {
		return
	}
	s.started = dy[slices.IndexFunc(dy, func(d graph.Value) bool { return d.Name != "" })]
}

// seen is a value as the gradient of a node sees it: the one that is there, or within a segment its copy.
func (w *walk) seen(n *graph.Node, name string) graph.Value {
	s := w.segment[n]
	if s == nil {
		return w.value(name)
	}
	return w.again(s, name)
}

func (w *walk) again(s *segment, name string) graph.Value {
	v := w.value(name)
	maker := w.makers[name]
	if name == "" || w.g.Constant(name) != nil || !continuous(v.Type) && v.Type != tensor.Bool || maker != nil && !repeatable(maker) {
		return v
	}
	if copied, ok := s.copies[name]; ok {
		return copied
	}
	if maker == nil || w.segment[maker] != s {
		s.copies[name] = w.b.Op("visus.After", []graph.Value{v, s.started})
		return s.copies[name]
	}
	inputs := make([]graph.Value, len(maker.Inputs))
	for i, in := range maker.Inputs {
		inputs[i] = w.again(s, in)
	}
	op := maker.Op
	if maker.Domain != "" {
		op = maker.Domain + "." + op
	}
	for i, v := range w.b.Scope("again/"+label(maker)).Ops(op, len(maker.Outputs), inputs, maker.Attributes...) {
		s.copies[maker.Outputs[i]] = v
	}
	return s.copies[name]
}

// repeatable says whether a copy of the node makes the same.
func repeatable(n *graph.Node) bool {
	plain := n.Domain == "" && !drawing[n.Op] || n.Domain == graph.OwnDomain
	return plain && !slices.ContainsFunc(n.Attributes, func(a graph.Attribute) bool {
		_, sub := a.Value.(*graph.Graph)
		return sub && n.Domain == ""
	})
}
