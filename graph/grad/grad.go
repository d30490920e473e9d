// Package grad differentiates graphs: Append and VJP write the gradients of a graph's values as further nodes of the graph.
//
// One table holds a rule for every operator; one walk goes through the nodes from the last to the first and asks each rule what the gradient
// of its inputs is, given that of its outputs. The walk does what all rules share: it visits only what lies between the values asked for and
// the loss, sums what several paths contribute, reduces broadcast axes, checks the shapes, and takes dead code away. What it writes are
// ordinary nodes, and operators of the domain "visus" that graph/lower turns into ordinary ones, so gradients can be differentiated again.
package grad

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// Append appends to g the gradient of loss, a value with one element, with respect to other values: inputs, constants, or what nodes
// make. It returns, for each of wrt, the name of its gradient, a value of its type and shape: "grad/NAME" where that is free. They are no
// outputs of the graph by themselves. A value whose paths to the loss carry no gradient (integers, Sign, StopGradient) has zeros.
//
// Shapes between wrt and loss must be fixed (graph.FixDims). A graph older than opset 18 is upgraded, an If with a constant condition
// folded. It reports an error, and leaves g unchanged, for a loss of several elements, a wrt that the loss does not depend on, and an
// operator without a rule, naming node and path.
func Append(g *graph.Graph, loss string, wrt ...string) (map[string]string, error) {
	return differentiate(g, wrt, []string{loss}, func(b *graph.Builder) ([]graph.Value, error) {
		v := b.Value(loss)
		if err := settled(v); err != nil {
			return nil, fmt.Errorf("the loss: %w", err)
		}
		if n, err := tensor.Elements(sizes(v)); err != nil || n != 1 {
			return nil, fmt.Errorf("the loss %q is %s, expected one element; VJP takes several", loss, graph.ShapeText(v.Shape))
		}
		return []graph.Value{fill(b, v.Type, 1, sizes(v))}, nil
	})
}

// VJP is Append for several outputs of any shape: it appends the gradient of sum_k <cotangents[k], outputs[k]>, the vector-Jacobian product.
// A cotangent is a value of g, such as an input made for it, with its output's type and shape.
func VJP(g *graph.Graph, outputs, cotangents, wrt []string) (map[string]string, error) {
	if len(outputs) != len(cotangents) {
		return nil, fmt.Errorf("grad: %d outputs with %d cotangents, expected as many", len(outputs), len(cotangents))
	}
	return differentiate(g, wrt, outputs, func(b *graph.Builder) ([]graph.Value, error) {
		seeds := make([]graph.Value, len(outputs))
		for i, name := range outputs {
			v := b.Value(name)
			if err := settled(v); err != nil {
				return nil, err
			}
			if seeds[i] = b.Value(cotangents[i]); seeds[i].Type != v.Type || !slices.Equal(seeds[i].Shape, v.Shape) {
				return nil, fmt.Errorf("cotangent %q is %s, its output %q is %s", cotangents[i], describe(seeds[i]), name, describe(v))
			}
		}
		return seeds, nil
	})
}

// differentiate works on a copy, which takes g's place in the end.
func differentiate(g *graph.Graph, wrt, outputs []string, seed func(b *graph.Builder) ([]graph.Value, error)) (map[string]string, error) {
	w, err := begin(g, outputs, wrt)
	if err != nil {
		return nil, fmt.Errorf("grad: %w", err)
	}
	if len(w.missing) > 0 {
		return nil, fmt.Errorf("grad: %s has no gradient rule; it lies on the path %s", w.missing[0], w.path(w.missing[0]))
	}
	seeds, err := seed(w.b)
	if err = errors.Join(w.b.Err(), err); err != nil {
		return nil, fmt.Errorf("grad: %w", err)
	}
	for i, name := range outputs {
		w.parts[name] = append(w.parts[name], seeds[i])
	}
	for _, n := range w.between {
		if err := w.node(n); err != nil {
			return nil, fmt.Errorf("grad: %w", err)
		}
	}
	names, err := w.finish(wrt)
	if err != nil {
		return nil, fmt.Errorf("grad: %w", err)
	}
	*g = *w.g
	return names, nil
}

// begin makes a copy of the graph ready and finds what is to be differentiated.
func begin(g *graph.Graph, outputs, wrt []string) (*walk, error) {
	next := g.Clone()
	if err := next.Upgrade(); err != nil {
		return nil, err
	}
	if err := next.FoldIf(); err != nil {
		return nil, err
	}
	b, err := graph.Extend(next)
	if err != nil {
		return nil, err
	}
	w := &walk{b: b, g: next, forward: slices.Clone(next.Nodes), constants: len(next.Initializers), parts: map[string][]graph.Value{}}
	w.segments()
	return w, w.mark(outputs, wrt)
}

// walk is one differentiation under way.
type walk struct {
	b         *graph.Builder
	g         *graph.Graph
	forward   []*graph.Node            // the nodes that were there; those behind them in g are ours
	constants int                      // initializers of g that are not ours
	wrt       map[string]bool          // what gradients are asked for
	flows     map[string]bool          // values through which a change of wrt reaches others
	between   []*graph.Node            // the nodes to differentiate, the last first
	missing   []*graph.Node            // those of between without a rule
	stops     []*graph.Node            // nodes on the way that no gradient goes through
	parts     map[string][]graph.Value // what has arrived so far of a value's gradient
	makers    map[string]*graph.Node   // of forward's values
	segment   map[*graph.Node]*segment // of forward's nodes that are computed again
}

// mark finds the nodes between wrt and the outputs. It reports what of wrt the outputs do not depend on.
func (w *walk) mark(outputs, wrt []string) error {
	needed := set(outputs)
	for _, n := range slices.Backward(w.forward) {
		if makes(n, needed) {
			n.Reads(func(name string) { needed[name] = true })
		}
	}
	if err := w.check(outputs, wrt, needed); err != nil {
		return err
	}
	for _, n := range w.forward {
		if !makes(n, needed) || !w.read(n) {
			continue
		}
		if r, ok := ruleOf(n); ok && r == nil {
			w.stops = append(w.stops, n)
			continue
		}
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			if kind := w.b.Value(name).Type; continuous(kind) || kind == tensor.Invalid { // unknown: of a node that no rule will have
				w.flows[name] = true
			}
		}
	}
	reached := set(outputs)
	for _, n := range slices.Backward(w.forward) {
		r, ok := ruleOf(n)
		if ok && r == nil || !makes(n, reached) || !w.read(n) {
			continue
		}
		w.between = append(w.between, n)
		if !ok {
			w.missing = append(w.missing, n)
		}
		n.Reads(func(name string) { reached[name] = reached[name] || w.flows[name] })
	}
	return w.b.Err()
}

// check checks what gradients are asked for.
func (w *walk) check(outputs, wrt []string, needed map[string]bool) error {
	w.wrt, w.flows = set(wrt), set(wrt)
	for _, name := range wrt {
		if err := settled(w.b.Value(name)); err != nil {
			return err
		}
		if !needed[name] && w.b.Err() == nil {
			return fmt.Errorf("%s does not depend on %q", quoted(outputs), name)
		}
	}
	return w.b.Err()
}

func set(names []string) map[string]bool {
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	return out
}

// makes says whether the node makes one of the values.
func makes(n *graph.Node, values map[string]bool) bool {
	return slices.ContainsFunc(n.Outputs, func(name string) bool { return values[name] })
}

// read says whether a gradient flows through what the node reads.
func (w *walk) read(n *graph.Node) bool {
	found := false
	n.Reads(func(name string) { found = found || w.flows[name] })
	return found
}

// node asks the rule of a node and adds what it answers to the gradients of the node's inputs.
func (w *walk) node(n *graph.Node) error {
	if !slices.ContainsFunc(n.Outputs, func(name string) bool { return len(w.parts[name]) > 0 }) {
		return nil // rules behind it let nothing through
	}
	r, _ := ruleOf(n)
	name := n.Name
	if name == "" {
		name = n.Outputs[0]
	}
	b := w.b.Scope("grad/" + name)
	c := call{Node: n}
	for _, name := range n.Outputs {
		c.dy = append(c.dy, w.total(b, name))
	}
	w.start(n, c.dy)
	for _, name := range n.Inputs {
		c.x = append(c.x, w.seen(n, name))
	}
	for _, name := range n.Outputs {
		c.y = append(c.y, w.seen(n, name))
	}
	for _, v := range append(slices.Clone(c.x), c.y...) {
		if _, fixed := v.Sizes(); v.Name != "" && !fixed {
			return fmt.Errorf("%s: the shape %s of %q is not fixed; give its free dimensions sizes (FixDims)", n, graph.ShapeText(v.Shape), v.Name)
		}
	}
	dx := r(b, c)
	if err := b.Err(); err != nil {
		return fmt.Errorf("%s: %w; it lies on the path %s", n, err, w.path(n))
	}
	for i, d := range dx[:min(len(dx), len(c.x))] { // a rule may go on to optional inputs that the node leaves out
		to := n.Inputs[i]
		if d.Name == "" || !w.flows[to] {
			continue
		}
		part, err := unbroadcast(b, d, c.x[i])
		if err = errors.Join(err, b.Err()); err != nil {
			return fmt.Errorf("%s: the gradient of input %d: %w", n, i, err)
		}
		w.parts[to] = append(w.parts[to], part)
	}
	return nil
}

// value returns a value of the graph, a zero Value for one left out.
func (w *walk) value(name string) graph.Value {
	if name == "" {
		return graph.Value{}
	}
	return w.b.Value(name)
}

// total sums what has arrived of a value's gradient, once; a zero Value where nothing has.
func (w *walk) total(b *graph.Builder, name string) graph.Value {
	parts := w.parts[name]
	switch len(parts) {
	case 0:
		return graph.Value{}
	case 1:
	case 2:
		w.parts[name] = []graph.Value{b.Add(parts[0], parts[1])}
	default:
		w.parts[name] = []graph.Value{b.Op("Sum", parts)}
	}
	return w.parts[name][0]
}

// finish names the gradients and removes what they do not need.
func (w *walk) finish(wrt []string) (map[string]string, error) {
	b, names, given := w.b.Scope("grad"), map[string]string{}, map[string]string{}
	for _, name := range wrt {
		if names[name] != "" {
			continue
		}
		d := w.total(b, name)
		if d.Name == "" {
			v := w.b.Value(name)
			d = fill(b, v.Type, 0, sizes(v))
		}
		if given[d.Name] != "" || !w.ours(d.Name) {
			d = b.Op("Identity", []graph.Value{d})
		}
		names[name] = w.g.Fresh("grad/" + name)
		given[d.Name] = names[name]
	}
	if err := w.b.Err(); err != nil {
		return nil, err
	}
	w.prune(given)
	for _, n := range w.g.Nodes[len(w.forward):] {
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for i, name := range list {
				if to, ok := given[name]; ok {
					list[i] = to
				}
			}
		}
	}
	return names, nil
}

// ours says whether one of the nodes that the walk wrote makes the value.
func (w *walk) ours(name string) bool {
	return slices.ContainsFunc(w.g.Nodes[len(w.forward):], func(n *graph.Node) bool { return slices.Contains(n.Outputs, name) })
}

// prune removes nodes and constants of ours that the gradients do not need.
func (w *walk) prune(gradients map[string]string) {
	needed := map[string]bool{}
	for name := range gradients {
		needed[name] = true
	}
	var kept []*graph.Node
	for _, n := range slices.Backward(w.g.Nodes[len(w.forward):]) {
		if makes(n, needed) {
			kept = append(kept, n)
			n.Reads(func(name string) { needed[name] = true })
		}
	}
	slices.Reverse(kept)
	w.g.Nodes = append(w.g.Nodes[:len(w.forward)], kept...)
	ours := slices.DeleteFunc(w.g.Initializers[w.constants:], func(c graph.Initializer) bool { return !needed[c.Name] })
	w.g.Initializers = w.g.Initializers[:w.constants+len(ours)]
}

// path tells how a node lies between what was asked for and the loss, "x -> conv1 -> NODE -> fc": the nodes of between are those behind it.
func (w *walk) path(n *graph.Node) string {
	words := []string{label(n)}
	for at := n; at != nil; {
		from := ""
		at.Reads(func(name string) {
			if from == "" && w.flows[name] {
				from = name
			}
		})
		if at = w.makers[from]; w.wrt[from] || at == nil {
			words = append(words, from)
			break
		}
		words = append(words, label(at))
	}
	slices.Reverse(words)
	last := n
	for _, m := range slices.Backward(w.between) {
		if slices.ContainsFunc(m.Inputs, func(name string) bool { return name != "" && slices.Contains(last.Outputs, name) }) {
			words, last = append(words, label(m)), m
		}
	}
	if len(words) > 9 {
		words = slices.Concat(words[:4], []string{fmt.Sprintf("(%d more)", len(words)-8)}, words[len(words)-4:])
	}
	return strings.Join(words, " -> ")
}

// label is a node's short name.
func label(n *graph.Node) string {
	if n.Name == "" {
		return n.Op
	}
	return n.Name
}

// continuous says whether values of the type can have gradients.
func continuous(t tensor.Type) bool {
	return t == tensor.Float32 || t == tensor.Float64 || t == tensor.Float16 || t == tensor.BFloat16
}

// settled reports what keeps a value from having a gradient: its type, or a shape that is not fixed.
func settled(v graph.Value) error {
	if v.Name == "" {
		return nil // the builder has the error
	}
	if v.Type == tensor.Invalid {
		return fmt.Errorf("%q is of unknown type: its operator has no rule of inference", v.Name)
	}
	if !continuous(v.Type) {
		return fmt.Errorf("%q is %s, expected floating-point numbers", v.Name, v.Type)
	}
	if _, ok := v.Sizes(); !ok {
		return fmt.Errorf("the shape %s of %q is not fixed; give its free dimensions sizes (FixDims)", graph.ShapeText(v.Shape), v.Name)
	}
	return nil
}

func describe(v graph.Value) string { return v.Type.String() + " " + graph.ShapeText(v.Shape) }

func quoted(names []string) string {
	return `"` + strings.Join(names, `", "`) + `"`
}
