package graph

import (
	"cmp"
	"slices"

	"visus/tensor"
)

// Description is what one wants to know of a model before running it.
type Description struct {
	Producer        string
	ProducerVersion string
	Opsets          map[string]int64
	Inputs, Outputs []Value         // outputs with inferred shapes where the file leaves them open
	Operators       []OperatorCount // the most frequent first, equal ones by name; subgraphs count too
	Nodes           int
	Parameters      int     // numbers in constants, but for integers of 64 bits and booleans, which are shapes and indices
	Bytes           int     // of all constants
	MultiplyAdds    int64   // of Conv, ConvTranspose, Gemm and MatMul for one image: a batch of 1
	Uncounted       []*Node // nodes of these kinds whose shapes are not fixed even with a batch of 1
	Normalisers     []Normaliser
}

// OperatorCount is how often an operator occurs.
type OperatorCount struct {
	Operator string // "Conv", with the domain before where it is not ONNX's own
	Count    int
}

// Normaliser is a normalisation layer.
type Normaliser struct {
	Node     *Node
	Channels int // length of its scale, 0 where unknown
}

// normalisers maps the operators to the input that is their scale, -1 where they have none.
var normalisers = map[string]int{
	"BatchNormalization": 1, "InstanceNormalization": 1, "GroupNormalization": 1, "LayerNormalization": 1, "RMSNormalization": 1,
	"LRN": -1, "LpNormalization": -1, "MeanVarianceNormalization": -1,
}

// Describe counts what the graph consists of. A free batch dimension is taken as 1; a fixed one divides the multiply-adds.
func (g *Graph) Describe() (Description, error) {
	d := Description{Producer: g.Producer, ProducerVersion: g.ProducerVersion, Opsets: g.Opsets, Inputs: g.Inputs}
	values, err := g.InferShapes()
	if err != nil {
		return d, err
	}
	for _, v := range g.Outputs {
		if shape := values[v.Name].Shape; shape != nil {
			v.Shape = shape
		}
		d.Outputs = append(d.Outputs, v)
	}
	single, batch := g.singleImage()
	facts, err := single.infer()
	if err != nil {
		return d, g.fail(err)
	}
	counts := map[string]int{}
	d.add(g, facts, counts)
	d.MultiplyAdds /= int64(max(batch, 1))
	for op, n := range counts {
		d.Operators = append(d.Operators, OperatorCount{op, n})
	}
	slices.SortFunc(d.Operators, func(a, b OperatorCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Operator, b.Operator))
	})
	return d, nil
}

// singleImage returns the graph with free batch dimensions set to 1, and the batch size it then has.
func (g *Graph) singleImage() (*Graph, int) {
	out, batch := g.Clone(), 1
	for i, v := range out.Inputs {
		if len(v.Shape) == 0 {
			continue
		}
		d := v.Shape[0]
		switch {
		case d.Fixed() && i == 0:
			batch = d.Size
		case !d.Fixed() && d.Symbol != "":
			out.substitute(d.Symbol, 1)
		case !d.Fixed():
			v.Shape[0] = Dim{Size: 1}
		}
	}
	return out, batch
}

func (d *Description) add(g *Graph, facts map[string]fact, counts map[string]int) {
	for _, c := range g.Initializers {
		d.constant(c.Tensor)
	}
	for _, n := range g.Nodes {
		op := n.Op
		if n.Domain != "" {
			op = n.Domain + "." + op
		}
		counts[op]++
		d.Nodes++
		if t, ok := n.Attribute("value").(*tensor.Tensor); ok && op == "Constant" {
			d.constant(t)
		}
		if scale, ok := normalisers[op]; ok {
			norm := Normaliser{Node: n}
			if scale > 0 {
				for _, dim := range facts[n.Input(scale)].shape {
					norm.Channels = max(norm.Channels, dim.Size)
				}
			}
			d.Normalisers = append(d.Normalisers, norm)
		}
		if work, counted := multiplyAdds(n, facts); counted && work >= 0 {
			d.MultiplyAdds += work
		} else if counted {
			d.Uncounted = append(d.Uncounted, n)
		}
		for _, sub := range n.subgraphs() {
			d.add(sub, facts, counts)
		}
	}
}

func (d *Description) constant(t *tensor.Tensor) {
	if t == nil {
		return
	}
	d.Bytes += len(t.Bytes())
	if t.Type() != tensor.Int64 && t.Type() != tensor.Bool {
		d.Parameters += t.Len()
	}
}

// multiplyAdds returns the work of a node that is counted, negative where shapes are open.
func multiplyAdds(n *Node, facts map[string]fact) (work int64, counted bool) {
	in, out := facts[n.Input(0)].shape, facts[n.Output(0)].shape
	weights := facts[n.Input(1)].shape
	switch n.Op {
	case "Conv", "ConvInteger": // each output element sums over [C/group,...]
		return volume(out, tail(weights)), true
	case "ConvTranspose": // each input element feeds [O/group,...]
		return volume(in, tail(weights)), true
	case "QLinearConv":
		return volume(out, tail(facts[n.Input(3)].shape)), true
	case "Gemm":
		if len(in) == 2 && n.Int("transA", 0) != 0 {
			in = []Dim{in[1], in[0]}
		}
		return volume(out, tail(in)), true
	case "MatMul", "MatMulInteger", "QLinearMatMul":
		if len(in) == 0 {
			return -1, true
		}
		return volume(out, in[len(in)-1:]), true
	}
	return 0, false
}

// tail drops the first dimension; of an unknown shape nothing is left but an unknown size.
func tail(shape []Dim) []Dim {
	if len(shape) == 0 {
		return []Dim{free}
	}
	return shape[1:]
}

// volume multiplies all dimensions, negative where one is free or the shape unknown.
func volume(shape, more []Dim) int64 {
	if shape == nil {
		return -1
	}
	n := Dim{Size: 1}
	for _, d := range slices.Concat(shape, more) {
		if !d.Fixed() || !n.Fixed() {
			return -1
		}
		n = product(n.Size, d.Size)
	}
	return int64(n.Size)
}
