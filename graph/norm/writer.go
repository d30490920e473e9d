package norm

import (
	"fmt"
	"slices"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// writer collects nodes that go into a graph together, and puts their constants there.
type writer struct {
	g      *graph.Graph
	prefix string // nothing in the graph has a name that begins with it
	nodes  []*graph.Node
	seen   map[string]string // values by what they hold
}

func newWriter(g *graph.Graph, wish string) *writer {
	taken := func(prefix string) bool {
		begins := func(name string) bool { return strings.HasPrefix(name, prefix) }
		for _, n := range g.Nodes {
			if begins(n.Name) || slices.ContainsFunc(n.Outputs, begins) {
				return true
			}
		}
		return slices.ContainsFunc(g.Initializers, func(c graph.Initializer) bool { return begins(c.Name) }) ||
			slices.ContainsFunc(g.Inputs, func(v graph.Value) bool { return begins(v.Name) })
	}
	prefix := wish + "/"
	for i := 2; taken(prefix); i++ {
		prefix = fmt.Sprintf("%s%d/", wish, i)
	}
	return &writer{g: g, prefix: prefix, seen: map[string]string{}}
}

// op adds a node that makes one value, and returns the value's name. The name is unique among those of the writer.
func (w *writer) op(name, op string, inputs []string, attributes ...graph.Attribute) string {
	name = w.prefix + name
	w.nodes = append(w.nodes, &graph.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
	return name
}

// numbers adds a constant vector, once for each name.
func (w *writer) numbers(name string, values ...float64) string {
	if _, ok := w.seen[name]; !ok {
		w.seen[name] = w.constant(name, floats(values, len(values)))
	}
	return w.seen[name]
}

// number adds a constant vector of one element, once for each value.
func (w *writer) number(value float64) string { return w.numbers(fmt.Sprint("constant", value), value) }

// ints adds a constant list of integers, once for each list.
func (w *writer) ints(values ...int64) string {
	name := strings.Trim(fmt.Sprint("ints", values), "]")
	if _, ok := w.seen[name]; !ok {
		t, _ := tensor.Of(values, len(values)) // as many as the shape says
		w.seen[name] = w.constant(name, t)
	}
	return w.seen[name]
}

func (w *writer) constant(name string, t *tensor.Tensor) string {
	name = w.prefix + name
	w.g.Initializers = append(w.g.Initializers, graph.Initializer{Name: name, Tensor: t})
	return name
}

// floats makes a tensor of float32 numbers.
func floats(values []float64, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	to := tensor.Values[float32](t)
	for i, v := range values {
		to[i] = float32(v)
	}
	return t
}

// mean adds nodes that average over axes and drop them. From opset 18 on axes are an input.
func (w *writer) mean(name, value string, axes ...int64) string {
	drop := graph.Attribute{Name: "keepdims", Value: int64(0)}
	if w.g.Opsets[""] < 18 {
		return w.op(name, "ReduceMean", []string{value}, graph.Attribute{Name: "axes", Value: axes}, drop)
	}
	return w.op(name, "ReduceMean", []string{value, w.ints(axes...)}, drop)
}

// pooled adds a node that averages a layer's values over their positions, where there are some behind the channels: [N,C,...] to
// [N,C,1,...]. ONNX Runtime has GlobalAveragePool for the layout that its convolutions use.
func (w *writer) pooled(name string, l Layer, value string) string {
	if l.axis != 1 || len(l.shape) == 2 {
		return value
	}
	return w.op(name, "GlobalAveragePool", []string{value})
}

// average adds nodes that average a layer's values over all axes but the channels': to [C].
func (w *writer) average(name string, l Layer, value string) string {
	var axes []int64
	for i := range l.shape {
		if i != l.axis {
			axes = append(axes, int64(i))
		}
	}
	return w.mean(name, value, axes...)
}

// moments adds nodes for the mean and the biased variance of a layer's values, about the mean.
func (w *writer) moments(l Layer) (mean, variance string) {
	mean = w.average(l.Name+"/mean", l, w.pooled(l.Name+"/means", l, l.Value))
	centre := mean
	if behind := len(l.shape) - 1 - l.axis; behind > 0 {
		centre = w.op(l.Name+"/centre", "Reshape", []string{mean, w.ints(append([]int64{-1}, slices.Repeat([]int64{1}, behind)...)...)})
	}
	centred := w.op(l.Name+"/centred", "Sub", []string{l.Value, centre})
	squares := w.op(l.Name+"/squares", "Mul", []string{centred, centred})
	return mean, w.average(l.Name+"/variance", l, w.pooled(l.Name+"/mean_squares", l, squares))
}

// quickMoments measures as moments does, by the mean square, in fewer passes. The variance loses digits where it is far below the
// square of the mean, which it may be of a few values but is not of whole maps behind a convolution. Both averages over the batch are one.
func (w *writer) quickMoments(l Layer) (mean, variance string) {
	squares := w.op(l.Name+"/squares", "Mul", []string{l.Value, l.Value})
	both := []string{w.pooled(l.Name+"/means", l, l.Value), w.pooled(l.Name+"/mean_squares", l, squares)}
	joined := w.op(l.Name+"/both", "Concat", both, graph.Attribute{Name: "axis", Value: int64(l.axis)})
	halves := w.split(l.Name+"/half", w.average(l.Name+"/average", l, joined), l.Channels, l.Channels)
	difference := w.op(l.Name+"/difference", "Sub", []string{halves[1], w.op(l.Name+"/square_mean", "Mul", []string{halves[0], halves[0]})})
	return halves[0], w.op(l.Name+"/variance", "Relu", []string{difference}) // rounding may leave less than 0
}

// split adds a node that takes a vector apart, and returns the parts' names.
func (w *writer) split(name, value string, sizes ...int) []string {
	lengths, parts := make([]int64, len(sizes)), make([]string, len(sizes))
	for i, size := range sizes {
		lengths[i], parts[i] = int64(size), fmt.Sprint(w.prefix, name, i)
	}
	w.nodes = append(w.nodes, &graph.Node{Name: w.prefix + name, Op: "Split", Inputs: []string{value, w.ints(lengths...)}, Outputs: parts,
		Attributes: []graph.Attribute{{Name: "axis", Value: int64(0)}}})
	return parts
}

var toFloat = graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)}

// values adds nodes for the number M of a layer's values a channel, of shape [1], once for each layer.
func (w *writer) values(l Layer) string {
	key := l.Name + "/values"
	if w.seen[key] == "" {
		size := w.op(l.Name+"/size", "Size", []string{l.Value})
		all := w.op(l.Name+"/size_float", "Cast", []string{size}, toFloat)
		w.seen[key] = w.op(key, "Div", []string{all, w.number(float64(l.Channels))})
	}
	return w.seen[key]
}

// images adds nodes for the number of images: the first dimension of the graph's first input, of shape [1].
func (w *writer) images() string {
	shape := w.op("shape", "Shape", []string{w.g.Inputs[0].Name})
	first := w.op("batch", "Gather", []string{shape, w.ints(0)})
	return w.op("images", "Cast", []string{first}, toFloat)
}
