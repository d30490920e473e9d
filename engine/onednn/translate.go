package onednn

import (
	"fmt"
	"runtime"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// translator turns the nodes of a graph into values.
type translator struct {
	*writer
	facts map[string]graph.Value
	names map[string]*value
}

// translation is a graph's way into values.
type translation struct {
	values  []*value
	wishes  []*value          // the writer's
	inputs  map[string]*value // of the graph
	outputs map[string]*value
}

// operator makes the values of a node; what it reports is why the engine does not take the node.
type operator func(t *translator, n *node) ([]*value, error)

// node is a node with its operands.
type node struct {
	*graph.Node
	in    []*value // nil where left out
	shape [][]int  // of the outputs
	kind  []tensor.Type
}

// families are the operators that the engine takes, by domain and name, one table a file.
var families = []map[string]operator{elementwise, reductions, shaping, norms, matrices, windows, indexing, resampling, losses}

var operators = func() map[string]operator {
	all := map[string]operator{}
	for _, family := range families {
		for op, o := range family {
			all[op] = o
		}
	}
	return all
}()

// translate turns a graph without free shapes and constant shape arithmetic into values. Its error is an *engine.Unsupported.
func translate(g *graph.Graph) (*translation, error) {
	facts, err := g.InferShapes()
	if err != nil {
		return nil, err
	}
	t := &translator{writer: newWriter(), facts: facts, names: map[string]*value{}}
	out := &translation{inputs: map[string]*value{}, outputs: map[string]*value{}}
	for _, v := range g.Inputs {
		shape, fixed := v.Sizes()
		if !fixed {
			return nil, &engine.Unsupported{About: fmt.Sprintf("input %q", v.Name), Reason: "its shape " + graph.ShapeText(v.Shape) + " is not fixed"}
		}
		if err := t.held(v.Type, shape); err != nil {
			return nil, &engine.Unsupported{About: fmt.Sprintf("input %q", v.Name), Reason: err.Error()}
		}
		t.names[v.Name] = t.leaf(v.Name, v.Type, shape, nil)
		out.inputs[v.Name] = t.names[v.Name]
	}
	for _, c := range g.Initializers {
		if c.Tensor != nil {
			t.names[c.Name] = t.leaf(c.Name, c.Type(), c.Shape(), c.Tensor)
		}
	}
	for _, n := range g.Nodes {
		if err := t.node(n); err != nil {
			return nil, &engine.Unsupported{About: n.String(), Operator: name(n), Reason: err.Error()}
		}
	}
	for _, v := range g.Outputs {
		made := t.names[v.Name]
		if made == nil {
			return nil, fmt.Errorf("nothing makes output %q", v.Name)
		}
		if err := t.held(made.kind, made.shape); err != nil {
			return nil, &engine.Unsupported{About: fmt.Sprintf("output %q", v.Name), Reason: err.Error()}
		}
		out.outputs[v.Name] = made
	}
	out.values, out.wishes = t.values, t.wishes
	return out, nil
}

// few is how many elements of float64 are computed, one by one: those that an optimiser counts with.
const few = 64

// held reports which tensors the engine's loops cannot load or store.
func (t *translator) held(kind tensor.Type, shape []int) error {
	switch kind {
	case tensor.Float32, tensor.Int64, tensor.Int32, tensor.Bool:
	case tensor.Float64:
		if size(shape) > few {
			return fmt.Errorf("more than %d elements of %s", few, kind)
		}
	default:
		return fmt.Errorf("elements of %s", kind)
	}
	if slices.Contains(shape, 0) {
		return fmt.Errorf("shape %v has no elements", shape)
	}
	return nil
}

func name(n *graph.Node) string {
	if n.Domain == "" {
		return n.Op
	}
	return n.Domain + "." + n.Op
}

func (t *translator) node(g *graph.Node) error {
	take := operators[name(g)]
	if take == nil {
		return fmt.Errorf("there is no such operator here")
	}
	n := &node{Node: g}
	for _, input := range g.Inputs {
		v := t.names[input]
		if v == nil && input != "" {
			return fmt.Errorf("input %q is no tensor of numbers", input)
		}
		if v != nil && g.Op == "Resize" && size(v.shape) == 0 {
			v = nil // its way to leave an input out
		}
		if v != nil && v.kind != tensor.Int64 { // constants of integers are read at once
			if err := t.held(v.kind, v.shape); err != nil {
				return fmt.Errorf("input %q: %w", input, err)
			}
		}
		n.in = append(n.in, v)
	}
	for _, output := range g.Outputs {
		fact := t.facts[output]
		shape, fixed := fact.Sizes()
		if output != "" && !fixed {
			return fmt.Errorf("the shape of output %q is not known before it runs", output)
		}
		n.shape = append(n.shape, shape)
		n.kind = append(n.kind, fact.Type)
	}
	made, err := take.safely(t, n)
	if err != nil {
		return err
	}
	for i, output := range g.Outputs {
		if output == "" {
			continue
		}
		if i >= len(made) || made[i] == nil {
			return fmt.Errorf("its output %q", output)
		}
		if !slices.Equal(made[i].shape, n.shape[i]) {
			return fmt.Errorf("output %q was made as %v, inferred as %v", output, made[i].shape, n.shape[i])
		}
		t.names[output] = made[i]
	}
	return nil
}

// safely translates a node. One that lacks inputs, or whose shapes make no sense, passes a graph's check; what is then out of range is an error.
func (o operator) safely(t *translator, n *node) (made []*value, err error) {
	defer func() {
		r := recover()
		if broken, ok := r.(runtime.Error); ok {
			err = fmt.Errorf("inputs or attributes that it cannot have: %w", broken)
		} else if r != nil {
			panic(r)
		}
	}()
	return o(t, n)
}

// arg is the i-th operand, nil where it is left out.
func (n *node) arg(i int) *value {
	if i < len(n.in) {
		return n.in[i]
	}
	return nil
}

// constants returns the i-th operand's integers, where they are constant. ok is true, and the list nil, where it is left out.
func (n *node) constants(i int) (list []int, ok bool) {
	v := n.arg(i)
	if v == nil {
		return nil, true
	}
	l, isLeaf := v.maker.(*leaf)
	if !isLeaf || l.constant == nil {
		return nil, false
	}
	list = []int{}
	for _, f := range l.constant.Floats() {
		list = append(list, int(f))
	}
	return list, true
}

// axes are the dimensions that an operator names in an attribute or its i-th input, counted from 0; nil where it names none.
func (n *node) axes(i int) ([]int, error) {
	var list []int
	for _, a := range n.Ints("axes") {
		list = append(list, int(a))
	}
	if list == nil {
		var ok bool
		if list, ok = n.constants(i); !ok {
			return nil, fmt.Errorf("axes that are not constant")
		}
	}
	for k := range list {
		list[k] = from0(list[k], len(n.in[0].shape))
	}
	return list, nil
}

// axis is an attribute that names a dimension of the first operand.
func (n *node) axis(name string, otherwise int64) int {
	return from0(int(n.Int(name, otherwise)), len(n.in[0].shape))
}

func from0(d, rank int) int {
	if d < 0 {
		return d + rank
	}
	return d
}

func all(rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = i
	}
	return out
}
