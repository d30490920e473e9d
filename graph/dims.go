package graph

import (
	"fmt"
	"maps"
	"slices"

	"visus/tensor"
)

// FixDims gives sizes to free dimensions. A key of sizes is a symbol ("batch") with one size, or the name of an input with one size for
// each of its dimensions, -1 leaving one as it is. Symbols are replaced wherever they stand, and the outputs' shapes are inferred anew.
// It reports an error, and changes nothing, for a key that is neither, a wrong number of sizes, and a size that contradicts a fixed one.
func (g *Graph) FixDims(sizes map[string][]int) error {
	edited := g.Clone()
	for _, key := range slices.Sorted(maps.Keys(sizes)) {
		if err := edited.fix(key, sizes[key]); err != nil {
			return g.fail(fmt.Errorf("fix dimensions: %w", err))
		}
	}
	values, err := edited.InferShapes()
	if err != nil {
		return err
	}
	for i, v := range edited.Outputs {
		if shape := values[v.Name].Shape; shape != nil {
			edited.Outputs[i].Shape = slices.Clone(shape)
		}
	}
	*g = *edited
	return nil
}

func (g *Graph) fix(key string, sizes []int) error {
	at := slices.IndexFunc(g.Inputs, func(v Value) bool { return v.Name == key })
	if at < 0 {
		if len(sizes) != 1 || sizes[0] < 0 {
			return fmt.Errorf("symbol %q takes one size, found %v", key, sizes)
		}
		if !g.substitute(key, sizes[0]) {
			return fmt.Errorf("no input and no dimension of an input is called %q", key)
		}
		return nil
	}
	in := &g.Inputs[at]
	if in.Shape == nil {
		in.Shape = unknownDims(len(sizes))
	}
	if len(sizes) != len(in.Shape) {
		return fmt.Errorf("input %q has %d dimensions %v, found %d sizes", key, len(in.Shape), in.Shape, len(sizes))
	}
	for i, size := range sizes {
		d := in.Shape[i]
		switch {
		case size < 0:
		case d.Fixed() && d.Size != size:
			return fmt.Errorf("dimension %d of input %q is %d, cannot be %d", i, key, d.Size, size)
		case !d.Fixed() && d.Symbol != "":
			g.substitute(d.Symbol, size)
		default:
			in.Shape[i] = Dim{Size: size}
		}
	}
	return nil
}

// substitute replaces a symbol everywhere; it says whether an input has it.
func (g *Graph) substitute(symbol string, size int) (found bool) {
	for i, list := range [][]Value{g.Inputs, g.Outputs, g.Known} {
		for _, v := range list {
			for k, d := range v.Shape {
				if d == (Dim{Size: -1, Symbol: symbol}) {
					v.Shape[k] = Dim{Size: size}
					found = found || i == 0
				}
			}
		}
	}
	return found
}

// FreeBatch makes a batch dimension that was fixed at export free again, under the given symbol: the first dimension of every input that
// has the first input's batch size. Reshape, Expand and (from opset 18) Resize to constant shapes that begin with the old size keep the
// dimension instead.
// It reports an error, and changes nothing, where the operators' rules do not carry the symbol to every output; it names a node that
// holds on to the old size.
func (g *Graph) FreeBatch(symbol string) error {
	if len(g.Inputs) == 0 || len(g.Inputs[0].Shape) == 0 || symbol == "" {
		return g.fail(fmt.Errorf("free batch: the first input has no dimension to call %q", symbol))
	}
	old := g.Inputs[0].Shape[0]
	if !old.Fixed() {
		return nil
	}
	before, err := g.InferShapes()
	if err != nil {
		return err
	}
	edited, batch := g.Clone(), Dim{Size: -1, Symbol: symbol}
	for _, v := range edited.Inputs {
		if len(v.Shape) > 0 && v.Shape[0] == old {
			v.Shape[0] = batch
		}
	}
	edited.Known = nil
	for i := range edited.Outputs {
		edited.Outputs[i].Shape = nil
	}
	facts, err := edited.loosen(batch, old.Size)
	if err != nil {
		return g.fail(fmt.Errorf("free batch: %w", err))
	}
	for i, v := range g.Outputs {
		shape, was := facts[v.Name].shape, before[v.Name].Shape
		if len(was) > 0 && was[0] == old && (len(shape) == 0 || shape[0] != batch) {
			return g.fail(fmt.Errorf("free batch: output %q stays at %d: %s", v.Name, old.Size, edited.stuck(facts, batch)))
		}
		edited.Outputs[i].Shape = slices.Clone(shape)
	}
	*g = *edited
	return nil
}

// loosen rewrites, one after the other, the constant shapes that begin with the old size.
func (g *Graph) loosen(batch Dim, old int) (map[string]fact, error) {
	for {
		facts, err := g.infer()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(g.Nodes, func(n *Node) bool {
			s := facts[n.Input(0)].shape
			return n.Domain == "" && len(s) > 0 && s[0] == batch && g.loosenNode(n, facts, old)
		}) {
			return facts, nil
		}
	}
}

// loosenNode makes a node that reads the batch keep it, where a constant input says the old size; it says whether it did.
func (g *Graph) loosenNode(n *Node, facts map[string]fact, old int) bool {
	begins := func(i int) ([]int64, bool) {
		list, ok := facts[n.Input(i)].value.list()
		return list, ok && len(list) > 0 && int(list[0]) == old
	}
	switch n.Op {
	case "Reshape": // 0 copies the dimension, unless the node says that zeros are zeros
		list, ok := begins(1)
		if !ok || slices.Contains(list, 0) {
			return false
		}
		if n.Attribute("allowzero") != nil {
			n.SetAttribute("allowzero", int64(0))
		}
		g.giveInts(n, 1, append([]int64{0}, list[1:]...))
		return true
	case "Expand": // 1 broadcasts to the dimension
		list, ok := begins(1)
		if !ok || old == 1 || len(list) != len(facts[n.Input(0)].shape) {
			return false
		}
		g.giveInts(n, 1, append([]int64{1}, list[1:]...))
		return true
	case "Resize": // sizes of the other axes only, as opset 18 allows
		list, ok := begins(3)
		if !ok || g.Opsets[""] < 18 || n.Attribute("axes") != nil {
			return false
		}
		axes := make([]int64, len(list)-1)
		for i := range axes {
			axes[i] = int64(i + 1)
		}
		n.Attributes = append(n.Attributes, Attribute{Name: "axes", Value: axes})
		g.giveInts(n, 3, slices.Clone(list[1:]))
		return true
	}
	return false
}

// giveInts makes the node's i-th input a new constant.
func (g *Graph) giveInts(n *Node, i int, values []int64) {
	t := tensor.New(tensor.Int64, len(values))
	copy(tensor.Values[int64](t), values)
	n.Inputs[i] = g.Fresh(n.Inputs[i] + "/free")
	g.Initializers = append(g.Initializers, Initializer{Name: n.Inputs[i], Tensor: t})
}

// stuck names the first node that reads the free dimension and gives a fixed one.
func (g *Graph) stuck(facts map[string]fact, batch Dim) string {
	for _, n := range g.Nodes {
		reads := slices.ContainsFunc(n.Inputs, func(name string) bool {
			s := facts[name].shape
			return len(s) > 0 && s[0] == batch
		})
		if s := facts[n.Output(0)].shape; reads && n.Op != "Shape" && (len(s) == 0 || s[0] != batch) {
			return fmt.Sprintf("%s does not carry the batch on", n)
		}
	}
	return "it does not depend on the batch"
}
