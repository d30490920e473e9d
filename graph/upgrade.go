package graph

import (
	"fmt"
	"slices"

	"visus/tensor"
)

// CommonOpset is the opset that Upgrade brings older graphs to: the first in which all reductions read their axes from an input, so that
// whoever rewrites graphs knows each operator in one form.
const CommonOpset = 18

// Upgrade brings a graph of an older opset to CommonOpset: operators whose definition changed on the way are written in the new form (ONNX's
// own changelog, "Changelog.md"). Names of values stay. A graph of that opset or a later one is left alone. It reports an error, naming
// the node, where an operator has no equal in the new opset; the graph is then unchanged.
func (g *Graph) Upgrade() error {
	from := g.Opsets[""]
	if from >= CommonOpset || from == 0 {
		return nil
	}
	facts, err := g.infer()
	if err != nil {
		return g.fail(err)
	}
	next := g.Clone()
	u := &upgrade{from: from, facts: facts, names: next.allNames()}
	if err := u.graph(next); err != nil {
		return g.fail(err)
	}
	next.Opsets[""] = CommonOpset
	*g = *next
	return g.Check()
}

// upgrade goes through a graph; what it writes goes to nodes and constants.
type upgrade struct {
	from         int64
	facts        map[string]fact
	names        map[string]bool
	nodes        []*Node
	initializers []Initializer
}

// changed lists, for every operator whose form changed, since which opset the new one holds and how the old one is brought there. Several
// changes of one operator are made in this order.
var changed = map[string][]struct {
	since int64
	to    func(u *upgrade, n *Node) error
}{
	"BatchNormalization": {{9, refuse("spatial", 0)}, {14, (*upgrade).firstOutputOnly}},
	"Clip":               {{11, inputs("min", "max")}},
	"Dropout":            {{12, drop("ratio")}},
	"Hardmax":            {{13, (*upgrade).lastAxis}},
	"LogSoftmax":         {{13, (*upgrade).lastAxis}},
	"Pad":                {{11, inputs("pads", "value")}},
	"ReduceL1":           {{18, inputs("axes")}},
	"ReduceL2":           {{18, inputs("axes")}},
	"ReduceLogSum":       {{18, inputs("axes")}},
	"ReduceLogSumExp":    {{18, inputs("axes")}},
	"ReduceMax":          {{18, inputs("axes")}},
	"ReduceMean":         {{18, inputs("axes")}},
	"ReduceMin":          {{18, inputs("axes")}},
	"ReduceProd":         {{18, inputs("axes")}},
	"ReduceSum":          {{13, inputs("axes")}},
	"ReduceSumSquare":    {{18, inputs("axes")}},
	"Resize":             {{11, (*upgrade).resize}},
	"RoiAlign":           {{16, setDefault("coordinate_transformation_mode", "output_half_pixel")}},
	"Scan":               {{9, refuse("directions", nil)}},
	"Scatter":            {{11, rename("ScatterElements")}},
	"Slice":              {{10, inputs("starts", "ends", "axes")}},
	"Softmax":            {{13, (*upgrade).lastAxis}},
	"Split":              {{13, inputs("split")}, {18, (*upgrade).split}},
	"Squeeze":            {{13, inputs("axes")}},
	"TopK":               {{10, (*upgrade).topK}},
	"Unsqueeze":          {{13, inputs("axes")}},
	"Upsample":           {{9, inputs("scales")}, {10, rename("Resize")}, {11, (*upgrade).resize}},
}

func (u *upgrade) graph(g *Graph) error {
	outer, constants := u.nodes, u.initializers
	u.nodes, u.initializers = nil, nil
	for _, n := range g.Nodes {
		for _, sub := range n.subgraphs() {
			if err := u.graph(sub); err != nil {
				return err
			}
		}
		if err := u.node(n); err != nil {
			return fmt.Errorf("%s: opset %d cannot be brought to %d: %w", n, u.from, CommonOpset, err)
		}
	}
	g.Nodes, g.Initializers = u.nodes, append(g.Initializers, u.initializers...)
	u.nodes, u.initializers = outer, constants
	return nil
}

func (u *upgrade) node(n *Node) error {
	before := len(u.nodes)
	if n.Domain == "" {
		for _, change := range changed[n.Op] {
			if u.from >= change.since {
				continue
			}
			if err := change.to(u, n); err != nil {
				return err
			}
		}
	}
	if len(u.nodes) == before || !slices.Contains(u.nodes, n) {
		u.nodes = append(u.nodes, n)
	}
	return nil
}

// constant adds a small tensor of the graph at hand.
func (u *upgrade) constant(wish string, c *constant) string {
	name := fresh(u.names, wish)
	u.initializers = append(u.initializers, Initializer{Name: name, Tensor: c.tensor()})
	return name
}

// drop takes an attribute away that means nothing any more.
func drop(name string) func(*upgrade, *Node) error {
	return func(_ *upgrade, n *Node) error { n.drop(name); return nil }
}

func (n *Node) drop(name string) {
	n.Attributes = slices.DeleteFunc(n.Attributes, func(a Attribute) bool { return a.Name == name })
}

func rename(op string) func(*upgrade, *Node) error {
	return func(_ *upgrade, n *Node) error { n.Op = op; return nil }
}

func setDefault(name, value string) func(*upgrade, *Node) error {
	return func(_ *upgrade, n *Node) error {
		if n.Attribute(name) == nil {
			n.SetAttribute(name, value)
		}
		return nil
	}
}

// refuse says that a node has no equal where an attribute has a value, or for nil whatever it has.
func refuse(name string, value any) func(*upgrade, *Node) error {
	return func(_ *upgrade, n *Node) error {
		if given := n.Attribute(name); value == nil || given == int64(0) && value == 0 {
			return fmt.Errorf("attribute %s %v is not supported", name, given)
		}
		n.drop(name)
		return nil
	}
}

// inputs moves attributes to inputs, in this order from the second input on; one that is missing leaves its place empty.
func inputs(names ...string) func(*upgrade, *Node) error {
	return func(u *upgrade, n *Node) error {
		n.Inputs = n.Inputs[:1:1]
		for _, name := range names {
			input := ""
			switch v := n.Attribute(name).(type) {
			case []int64:
				input = u.constant(n.Name+"/"+name, vector(v...))
			case []float32:
				c := &constant{kind: tensor.Float32, shape: []int{len(v)}}
				for _, x := range v {
					c.floats = append(c.floats, float64(x))
				}
				input = u.constant(n.Name+"/"+name, c)
			case float32:
				input = u.constant(n.Name+"/"+name, &constant{kind: u.floatKind(n), shape: []int{}, floats: []float64{float64(v)}})
			}
			n.drop(name)
			n.Inputs = append(n.Inputs, input)
		}
		for len(n.Inputs) > 1 && n.Inputs[len(n.Inputs)-1] == "" {
			n.Inputs = n.Inputs[:len(n.Inputs)-1]
		}
		return nil
	}
}

// floatKind is the type of a number that joins the node's first input.
func (u *upgrade) floatKind(n *Node) tensor.Type {
	if kind := u.facts[n.Input(0)].kind; isFloat(kind) {
		return kind
	}
	return tensor.Float32
}

// firstOutputOnly drops outputs that hold running statistics: what inference reads is the first. One that is read is another operator.
func (u *upgrade) firstOutputOnly(n *Node) error {
	if len(n.Outputs) > 1 {
		return fmt.Errorf("it is written for training (%d outputs)", len(n.Outputs))
	}
	n.drop("momentum")
	return nil
}

// lastAxis: before opset 13 softmax made a matrix of its input, cut at axis (default 1), and worked along its rows.
func (u *upgrade) lastAxis(n *Node) error {
	axis := n.Int("axis", 1)
	n.SetAttribute("axis", int64(-1))
	if rank, ok := u.facts[n.Input(0)].rank(); ok && (axis == int64(rank)-1 || axis == -1) {
		return nil
	}
	in, out := n.Inputs[0], n.Outputs[0]
	shape, flat, soft := fresh(u.names, n.Name+"/shape"), fresh(u.names, n.Name+"/flat"), fresh(u.names, n.Name+"/soft")
	n.Inputs, n.Outputs = []string{flat}, []string{soft}
	u.nodes = append(u.nodes,
		&Node{Name: shape, Op: "Shape", Inputs: []string{in}, Outputs: []string{shape}},
		&Node{Name: flat, Op: "Flatten", Inputs: []string{in}, Outputs: []string{flat}, Attributes: []Attribute{{Name: "axis", Value: axis}}},
		n,
		&Node{Name: fresh(u.names, n.Name+"/Reshape"), Op: "Reshape", Inputs: []string{soft, shape}, Outputs: []string{out}})
	return nil
}

// resize: before opset 11 positions were the plain multiples, and the nearest the one below (above where a picture shrinks, as ONNX Runtime
// reads opset 10).
func (u *upgrade) resize(n *Node) error {
	scales := u.facts[n.Input(1)].value
	if n.Input(1) == "" || len(n.Inputs) != 2 {
		return fmt.Errorf("it has %d inputs, expected an image and scales", len(n.Inputs))
	}
	nearest := "floor"
	if scales.known() && slices.ContainsFunc(scales.floats, func(s float64) bool { return s < 1 }) {
		nearest = "ceil"
	}
	n.Inputs = []string{n.Inputs[0], "", n.Inputs[1]}
	n.SetAttribute("coordinate_transformation_mode", "asymmetric")
	n.SetAttribute("nearest_mode", nearest)
	return nil
}

// split: opset 18 wants the number of equal parts where their sizes are not given.
func (u *upgrade) split(n *Node) error {
	if n.Input(1) == "" {
		n.SetAttribute("num_outputs", int64(len(n.Outputs)))
	}
	return nil
}

func (u *upgrade) topK(n *Node) error {
	k := n.Int("k", 0)
	n.drop("k")
	n.Inputs = []string{n.Inputs[0], u.constant(n.Name+"/k", vector(k))}
	return nil
}
