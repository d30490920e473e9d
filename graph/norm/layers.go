package norm

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// ErrNone says that a graph has no layer of the kind that is needed.
var ErrNone = errors.New("norm: no layer to adapt")

// Kind says what can be done with a layer.
type Kind int

// The kinds of layers.
const (
	BatchNorm Kind = iota // BatchNormalization with statistics of training: other ones can be put in
	Folded                // Conv, Gemm or MatMul that no batch normalisation follows: can be corrected with clean statistics (Options.Clean)
	Fixed                 // normalises each image by itself, or by the batch already: nothing to adapt, affine only
)

// String returns "batch normalisation", "folded" or "fixed".
func (k Kind) String() string { return [...]string{"batch normalisation", "folded", "fixed"}[k] }

// Layer is a place of a graph where statistics matter, as Layers finds it. Slices have one number a channel.
type Layer struct {
	Name     string // the node's name, "layer2.0.bn1"; the value it makes where the node has no name of its own
	Operator string // "BatchNormalization", "Conv"
	Kind     Kind
	Channels int    // 0 where unknown, of Fixed layers only
	Value    string // the value whose statistics matter: what a BatchNorm layer reads, what a Folded one makes (after its bias)

	// What a BatchNorm layer holds; empty in others.
	Mean, Variance, Scale, Bias []float64
	Epsilon                     float64

	kind  tensor.Type // of the values
	shape []graph.Dim // of the value
	axis  int         // the channels' one
}

// fixed lists the normalisers that use no statistics of training, with the input that is their scale.
var fixed = map[string]int{
	"InstanceNormalization": 1, "GroupNormalization": 1, "LayerNormalization": 1, "RMSNormalization": 1, "SimplifiedLayerNormalization": 1,
	"LRN": -1, "LpNormalization": -1, "MeanVarianceNormalization": -1,
}

// Layers lists the normalisers of a graph and what may hide one, in forward order. A linear layer (Conv, Gemm, MatMul) behind which no
// further one comes makes the network's answer and is not listed as Folded. Subgraphs are not looked into. It reports an error where
// shapes contradict each other or a BatchNormalization's constants do not fit.
func Layers(g *graph.Graph) ([]Layer, error) {
	g, err := settled(g)
	if err != nil {
		return nil, err
	}
	return find(g)
}

// Adaptable returns the layers that statistics can be put into: the BatchNorm ones where there are any, otherwise the Folded ones.
func Adaptable(layers []Layer) []Layer {
	if batch := OfKind(layers, BatchNorm); len(batch) > 0 {
		return batch
	}
	return OfKind(layers, Folded)
}

// OfKind returns the layers of a kind.
func OfKind(layers []Layer, kind Kind) []Layer {
	var out []Layer
	for _, l := range layers {
		if l.Kind == kind {
			out = append(out, l)
		}
	}
	return out
}

// Select returns the layers that any pattern names, in the order of layers. A pattern is a layer's name; the beginning of one up to a dot
// or slash, which is a stage ("layer2" means "layer2.0.bn1" and its like); or has wildcards as in path.Match, which do not cross slashes
// ("layer?.*.bn1"). "stem" is what comes before the first stage. A pattern with "!" before it takes layers away; where all are such, from
// all. A slash at the beginning of names does not count. It reports an error for a pattern that names nothing, with the names there are.
func Select(layers []Layer, patterns ...string) ([]Layer, error) {
	chosen := make([]bool, len(layers))
	if !slices.ContainsFunc(patterns, func(p string) bool { return !strings.HasPrefix(p, "!") }) {
		for i := range chosen {
			chosen[i] = true
		}
	}
	for _, p := range patterns {
		pattern, without := strings.CutPrefix(p, "!")
		found := false
		for i := range layers {
			hit, err := named(layers, i, pattern)
			if err != nil {
				return nil, fmt.Errorf("norm: pattern %q: %w", p, err)
			}
			if hit {
				found, chosen[i] = true, !without
			}
		}
		if !found {
			return nil, fmt.Errorf("norm: no layer is named %q; there are %s", pattern, names(layers))
		}
	}
	var out []Layer
	for i, l := range layers {
		if chosen[i] {
			out = append(out, l)
		}
	}
	return out, nil
}

func named(layers []Layer, i int, pattern string) (bool, error) {
	name := strings.TrimPrefix(layers[i].Name, "/")
	if pattern == "stem" {
		return i < firstStage(layers), nil
	}
	if rest, ok := strings.CutPrefix(name, pattern); ok && (rest == "" || rest[0] == '.' || rest[0] == '/') {
		return true, nil
	}
	return path.Match(pattern, name)
}

// firstStage returns the place of the first layer that shares the beginning of its name with another one, 0 where none does.
func firstStage(layers []Layer) int {
	stage := func(l Layer) string {
		name := strings.TrimPrefix(l.Name, "/")
		if end := strings.IndexAny(name, "./"); end >= 0 {
			return name[:end]
		}
		return name
	}
	count := map[string]int{}
	for _, l := range layers {
		count[stage(l)]++
	}
	return max(0, slices.IndexFunc(layers, func(l Layer) bool { return count[stage(l)] > 1 }))
}

// names lists layers for messages, at most ten.
func names(layers []Layer) string {
	var list []string
	for i, l := range layers {
		if i == 10 {
			list = append(list, fmt.Sprintf("%d more", len(layers)-i))
			break
		}
		list = append(list, l.Name)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// settled returns a copy of the graph with its constants folded, so that exporters' shape arithmetic and Identity nodes hide nothing.
func settled(g *graph.Graph) (*graph.Graph, error) {
	g = g.Clone()
	if err := g.FoldConstants(); err != nil {
		return nil, err
	}
	return g, nil
}

// finder holds what find needs of a settled graph.
type finder struct {
	g       *graph.Graph
	values  map[string]graph.Value
	readers map[string][]*graph.Node
	names   map[string]int // how often nodes have a name
}

func find(g *graph.Graph) ([]Layer, error) {
	values, err := g.InferShapes()
	if err != nil {
		return nil, err
	}
	f := finder{g: g, values: values, readers: map[string][]*graph.Node{}, names: map[string]int{}}
	for _, n := range g.Nodes {
		f.names[n.Name]++
		for _, in := range n.Inputs {
			f.readers[in] = append(f.readers[in], n)
		}
	}
	linearAfter := f.linearAfter()
	var layers []Layer
	for _, n := range g.Nodes {
		if n.Domain != "" && n.Domain != "com.microsoft" {
			continue
		}
		_, isFixed := fixed[n.Op]
		switch {
		case n.Op == "BatchNormalization":
			l, err := f.batchNorm(n)
			if err != nil {
				return nil, err
			}
			layers = append(layers, l)
		case isFixed:
			layers = append(layers, f.fixed(n))
		case linear(n) && linearAfter[n.Output(0)]:
			if l, ok := f.folded(n); ok {
				layers = append(layers, l)
			}
		}
	}
	return layers, nil
}

func linear(n *graph.Node) bool {
	return n.Domain == "" && (n.Op == "Conv" || n.Op == "Gemm" || n.Op == "MatMul")
}

// linearAfter says for each value whether a linear layer with constant weights comes behind it.
func (f finder) linearAfter() map[string]bool {
	after := map[string]bool{}
	for _, n := range slices.Backward(f.g.Nodes) {
		behind := linear(n) && f.g.Constant(n.Input(1)) != nil
		for _, out := range n.Outputs {
			behind = behind || after[out]
		}
		for _, in := range n.Inputs {
			after[in] = after[in] || behind
		}
	}
	return after
}

func (f finder) name(n *graph.Node) string {
	if n.Name == "" || f.names[n.Name] > 1 {
		return n.Output(0)
	}
	return n.Name
}

// batchNorm reads a BatchNormalization node. One that already uses the batch's statistics, or whose statistics are computed, is Fixed.
func (f finder) batchNorm(n *graph.Node) (Layer, error) {
	if n.Int("training_mode", 0) != 0 || len(n.Outputs) > 1 || f.g.Constant(n.Input(3)) == nil || f.g.Constant(n.Input(4)) == nil {
		return f.fixed(n), nil
	}
	l := Layer{Name: f.name(n), Operator: n.Op, Value: n.Input(0), Epsilon: float64(n.Float("epsilon", 1e-5)), axis: 1}
	l.kind, l.shape = f.values[l.Value].Type, f.values[l.Value].Shape
	for i, to := range []*[]float64{&l.Scale, &l.Bias, &l.Mean, &l.Variance} {
		c := f.g.Constant(n.Input(i + 1))
		if c == nil || c.Tensor == nil {
			return l, fmt.Errorf("norm: %s: input %d, %q, is not a constant", n, i+1, n.Input(i+1))
		}
		*to = c.Floats()
		if len(*to) != len(l.Scale) {
			return l, fmt.Errorf("norm: %s: %q has %d numbers, the scale has %d", n, c.Name, len(*to), len(l.Scale))
		}
	}
	l.Channels = len(l.Scale)
	if len(l.shape) < 2 {
		return l, fmt.Errorf("norm: %s: the shape of its input %q is not known", n, n.Input(0))
	}
	return l, nil
}

func (f finder) fixed(n *graph.Node) Layer {
	l := Layer{Name: f.name(n), Operator: n.Op, Kind: Fixed, Value: n.Input(0)}
	at, known := fixed[n.Op]
	if !known {
		at = 1
	}
	if at < 0 {
		return l
	}
	for _, d := range f.values[n.Input(at)].Shape {
		l.Channels = max(l.Channels, d.Size)
	}
	return l
}

// folded reads a linear layer with constant weights, and says whether it may hide a normaliser: no batch normalisation follows.
func (f finder) folded(n *graph.Node) (Layer, bool) {
	l := Layer{Name: f.name(n), Operator: n.Op, Kind: Folded, Value: n.Output(0)}
	w := f.g.Constant(n.Input(1))
	if w == nil || w.Tensor == nil || len(w.Shape()) < 2 {
		return l, false
	}
	switch {
	case n.Op == "Conv", n.Op == "Gemm" && n.Int("transB", 0) != 0:
		l.Channels = w.Shape()[0]
	case n.Op == "Gemm", len(w.Shape()) == 2:
		l.Channels = w.Shape()[1]
	default:
		return l, false // MatMul with a stack of matrices
	}
	if n.Op == "MatMul" {
		if add := f.bias(n, l.Channels); add != nil {
			l.Value = add.Output(0)
		}
	}
	l.kind, l.shape = w.Type(), f.values[n.Output(0)].Shape
	l.axis = 1
	if n.Op == "MatMul" {
		l.axis = len(l.shape) - 1
	}
	if len(l.shape) < 2 || l.kind != tensor.Float32 {
		return l, false
	}
	return l, !slices.ContainsFunc(f.readers[l.Value], func(r *graph.Node) bool { return r.Op == "BatchNormalization" })
}

// bias returns the only reader of a MatMul where it adds one constant a channel, nil otherwise.
func (f finder) bias(n *graph.Node, channels int) *graph.Node {
	readers := f.readers[n.Output(0)]
	if len(readers) != 1 || readers[0].Op != "Add" {
		return nil
	}
	for _, in := range readers[0].Inputs {
		if c := f.g.Constant(in); c != nil && c.Tensor != nil && c.Len() == channels && c.Shape()[len(c.Shape())-1] == channels {
			return readers[0]
		}
	}
	return nil
}
