package norm

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// Deployable returns the graph with statistics of the target put in as constants, mixed as the options say: the graph that Batch makes
// of the same options answers alike on a batch that has these statistics. Its operators are those of g: a BatchNorm layer's
// constants change, and the correction of a Folded one goes into its weights and bias (behind a MatMul without one comes an Add).
// target has moments for each of the layers and no others; with a Prior and no nominal Images they need Images, with Unbiased they need
// Values. It reports an error where that does not hold, where a layer is not of this graph, cannot be adapted or lacks clean statistics,
// and ErrNone without layers.
func Deployable(g *graph.Graph, layers []Layer, target Statistics, o Options) (*graph.Graph, error) {
	if err := o.ready(layers); err != nil {
		return nil, err
	}
	if err := target.check(layers, "target"); err != nil {
		return nil, err
	}
	g, err := settled(g)
	if err != nil {
		return nil, err
	}
	d := deployer{g}
	for _, l := range layers {
		m := target[l.Name]
		if o.dynamic() && m.Images <= 0 || o.Unbiased && m.Values <= 0 {
			return nil, fmt.Errorf("norm: layer %q: the options need the number of images (%g) and of values (%g) behind its statistics",
				l.Name, m.Images, m.Values)
		}
		w := o.law(l)
		mean, variance := o.mix(w, m)
		if err := d.deploy(l, w, mean, variance); err != nil {
			return nil, err
		}
	}
	g.Prune()
	return g, g.Check()
}

// deployer puts constants into a graph of its own.
type deployer struct{ g *graph.Graph }

func (d deployer) deploy(l Layer, w law, mean, variance []float64) error {
	if l.Kind == Folded {
		return d.correct(l, w, mean, variance)
	}
	n, _, err := batchNormOf(d.g, l)
	if err != nil {
		return err
	}
	for i, values := range [][]float64{w.scale, w.bias, mean, variance} {
		d.replace(n, i+1, floats(values, len(values)))
	}
	return nil
}

// correct puts y' = factor·y + offset into the weights and the bias of the layer that makes y.
func (d deployer) correct(l Layer, w law, mean, variance []float64) error {
	factor, offset := w.affine(mean, variance)
	n := d.g.Producing(l.Value)
	switch {
	case n != nil && n.Op == "Conv":
		d.scale(n, factor, 0)
		d.shift(n, 2, factor, offset)
	case n != nil && n.Op == "Gemm":
		axis := 1 - int(n.Int("transB", 0))
		d.scale(n, factor, axis)
		beta := float64(n.Float("beta", 1))
		scaled := make([]float64, len(factor))
		for c := range factor {
			scaled[c] = factor[c] * beta
		}
		n.SetAttribute("beta", float32(1))
		d.shift(n, 2, scaled, offset)
	case n != nil && n.Op == "MatMul":
		d.scale(n, factor, 1)
		name := d.g.Fresh(l.Name + "/bias")
		d.g.Initializers = append(d.g.Initializers, graph.Initializer{Name: name, Tensor: floats(offset, len(offset))})
		sum := d.g.Fresh(l.Name + "/corrected")
		_, err := d.g.InsertAfter(l.Value, &graph.Node{Name: sum, Op: "Add", Inputs: []string{l.Value, name}, Outputs: []string{sum}})
		return err
	case n != nil && n.Op == "Add":
		constant := slices.IndexFunc(n.Inputs, func(in string) bool { return d.g.Constant(in) != nil })
		if constant < 0 || d.g.Producing(n.Inputs[1-constant]) == nil {
			return fmt.Errorf("norm: layer %q: %s does not add a bias", l.Name, n)
		}
		d.scale(d.g.Producing(n.Inputs[1-constant]), factor, 1)
		d.shift(n, constant, factor, offset)
	default:
		return fmt.Errorf("norm: the graph has no layer %q that makes %q", l.Name, l.Value)
	}
	return nil
}

// scale multiplies a node's weights, its second input, by a factor a channel; channels lie on the given axis.
func (d deployer) scale(n *graph.Node, factor []float64, axis int) {
	old := d.g.Constant(n.Inputs[1])
	values, inner := old.Floats(), 1
	for _, size := range old.Shape()[axis+1:] {
		inner *= size
	}
	for i := range values {
		values[i] *= factor[i/inner%len(factor)]
	}
	d.replace(n, 1, floats(values, old.Shape()...))
}

// shift makes input i of a node, its bias, factor·bias + offset; one left out, or a single number, counts for every channel.
func (d deployer) shift(n *graph.Node, i int, factor, offset []float64) {
	old := []float64{0}
	if c := d.g.Constant(n.Input(i)); c != nil {
		old = c.Floats()
	}
	values := make([]float64, len(offset))
	for c := range values {
		values[c] = factor[c]*old[c%len(old)] + offset[c]
	}
	d.replace(n, i, floats(values, len(values)))
}

// replace gives a node another constant as input i, under the old one's name where nobody else reads that.
func (d deployer) replace(n *graph.Node, i int, t *tensor.Tensor) {
	for len(n.Inputs) <= i {
		n.Inputs = append(n.Inputs, "")
	}
	old := n.Inputs[i]
	at := slices.IndexFunc(d.g.Initializers, func(c graph.Initializer) bool { return c.Name == old })
	if at >= 0 && d.uses(old) == 1 {
		d.g.Initializers[at] = graph.Initializer{Name: old, Tensor: t}
		return
	}
	if old == "" {
		old = n.Output(0) + "/bias"
	}
	n.Inputs[i] = d.g.Fresh(old)
	d.g.Initializers = append(d.g.Initializers, graph.Initializer{Name: n.Inputs[i], Tensor: t})
}

// uses counts the nodes' inputs and the graph's outputs that read a value. One in a subgraph counts as two, so that its constant stays.
func (d deployer) uses(value string) int {
	count := 0
	for _, n := range d.g.Nodes {
		for _, in := range n.Inputs {
			if in == value {
				count++
			}
		}
		for _, a := range n.Attributes {
			if _, ok := a.Value.(*graph.Graph); ok {
				count += 2
			}
		}
	}
	for _, v := range d.g.Outputs {
		if v.Name == value {
			count++
		}
	}
	return count
}
