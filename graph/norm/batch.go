package norm

import (
	"fmt"
	"math"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// Batch returns a graph whose layers use the statistics of whatever batch they are given, mixed as the options say. Layers are adapted
// in forward order: a layer's statistics are of values that the layers before it have adapted. It runs in any ONNX runtime.
// It reports an error where a layer is not of this graph, cannot be adapted or lacks clean statistics, and ErrNone without layers.
//
// A batch of one image with one value a channel has the variance 0.
func Batch(g *graph.Graph, layers []Layer, o Options) (*graph.Graph, error) {
	r, err := rewrite(g, layers, o)
	if err != nil {
		return nil, err
	}
	if o.dynamic() {
		images := r.images()
		prior := r.number(o.Prior)
		r.share(r.op("lambda", "Div", []string{prior, r.op("total", "Add", []string{prior, images})}))
		r.place(0)
	}
	for _, l := range layers {
		if err := r.batch(l); err != nil {
			return nil, err
		}
	}
	r.g.Prune()
	return r.g, r.g.Check()
}

// State is what a graph made by Stateful carries from one batch to the next.
type State struct {
	Input   string         // the graph's input that is fed with it
	Output  string         // the graph's output that replaces it
	Initial *tensor.Tensor // [Size(layers)]; Unpack reads it, and every later one
}

// Stateful returns a graph whose layers use a cumulative average over all the batches seen, the one at hand included, and the state that
// it needs. Batches count by their images. Unless Prior says that the source counts as so many images from the start, the state begins
// empty. A warm-up is a run whose answers are not looked at. Images and Weight make no sense here and are errors. Variances of the state
// are as Unbiased and Pooled say; what is put into Deployable later must not be made unbiased again.
func Stateful(g *graph.Graph, layers []Layer, o Options) (*graph.Graph, State, error) {
	if o.Images > 0 || o.Weight > 0 {
		return nil, State{}, fmt.Errorf("norm: cumulative statistics weigh batches by their images: no weight (%g) or nominal number of images (%g)",
			o.Weight, o.Images)
	}
	r, err := rewrite(g, layers, o)
	if err != nil {
		return nil, State{}, err
	}
	initial := Statistics{}
	for _, l := range layers {
		w := o.law(l)
		initial[l.Name] = Moments{Mean: w.mean, Variance: w.variance, Images: o.Prior}
	}
	s := State{Input: r.g.Fresh("norm_state"), Output: r.g.Fresh("norm_state_next")}
	if s.Initial, err = Pack(layers, initial); err != nil {
		return nil, State{}, err
	}
	r.state(s.Input, layers)
	r.g.Inputs = append(r.g.Inputs, graph.Value{Name: s.Input, Type: tensor.Float32, Shape: graph.Dims(Size(layers))})
	for _, l := range layers {
		if err := r.batch(l); err != nil {
			return nil, State{}, err
		}
	}
	r.g.Outputs = append(r.g.Outputs, graph.Value{Name: s.Output, Type: tensor.Float32, Shape: graph.Dims(Size(layers))})
	r.g.Nodes = append(r.g.Nodes, &graph.Node{Name: s.Output, Op: "Concat", Inputs: r.next, Outputs: []string{s.Output},
		Attributes: []graph.Attribute{{Name: "axis", Value: int64(0)}}})
	r.g.Prune()
	return r.g, s, r.g.Check()
}

// Probe returns the graph with one more output, whose name is returned too: the statistics of the layers for the batch that is given, as
// a vector that Unpack reads. They are of the values that the graph itself makes: nothing is adapted. Whoever compiles that output alone
// runs no further than the last of the layers. g may also be what Batch, Stateful or Deployable made of the layers' graph: so exact
// statistics of a whole set are measured layer by layer, each in the graph whose earlier layers are adapted already.
func Probe(g *graph.Graph, layers []Layer) (*graph.Graph, string, error) {
	if err := measurable(layers); err != nil {
		return nil, "", err
	}
	g, err := settled(g)
	if err != nil {
		return nil, "", err
	}
	w := newWriter(g, "probe")
	parts := []string{w.images()}
	for _, l := range layers {
		mean, variance := w.moments(l)
		parts = append(parts, w.values(l), mean, variance)
	}
	output := g.Fresh("norm_statistics")
	w.nodes = append(w.nodes, &graph.Node{Name: output, Op: "Concat", Inputs: parts, Outputs: []string{output},
		Attributes: []graph.Attribute{{Name: "axis", Value: int64(0)}}})
	g.Nodes = append(g.Nodes, w.nodes...)
	g.Outputs = append(g.Outputs, graph.Value{Name: output, Type: tensor.Float32, Shape: graph.Dims(Size(layers))})
	return g, output, g.Check()
}

// rewriter makes layers of a graph compute their statistics.
type rewriter struct {
	*writer
	o            Options
	lambda, rest string              // values λ and 1−λ, of shape [1], where λ is not a constant
	before       map[string][]string // values, mean and variance of the state by layer, in place of the source's
	next         []string            // parts of the next state
}

func rewrite(g *graph.Graph, layers []Layer, o Options) (*rewriter, error) {
	if err := o.ready(layers); err != nil {
		return nil, err
	}
	g, err := settled(g)
	if err != nil {
		return nil, err
	}
	if v := g.Opsets[""]; v < 13 {
		return nil, fmt.Errorf("norm: the graph has opset %d, expected 13 or later", v)
	}
	return &rewriter{writer: newWriter(g, "norm"), o: o}, nil
}

// share takes a value as λ.
func (r *rewriter) share(lambda string) {
	r.lambda = lambda
	r.rest = r.op("rest", "Sub", []string{r.number(1), lambda})
}

// place puts what was written into the graph, before node i.
func (r *rewriter) place(i int) {
	r.g.Nodes = slices.Insert(r.g.Nodes, i, r.nodes...)
	r.nodes = nil
}

// state adds nodes that take the state apart. Its images weigh against those of the batch.
func (r *rewriter) state(input string, layers []Layer) {
	sizes := []int{1}
	for _, l := range layers {
		sizes = append(sizes, 1, l.Channels, l.Channels)
	}
	parts := r.split("state", input, sizes...)
	seen, parts := parts[0], parts[1:]
	r.before = map[string][]string{}
	for i, l := range layers {
		r.before[l.Name] = parts[3*i : 3*i+3]
	}
	total := r.op("total", "Add", []string{seen, r.images()})
	r.share(r.op("lambda", "Div", []string{seen, total}))
	r.next = []string{total}
	r.place(0)
}

// batch makes one layer compute its statistics and use them. What comes in the place of its BatchNormalization, or behind a folded
// layer, is what ONNX Runtime is fastest with: see wide.
//
// BatchNormalization's own training mode would measure and normalise in one node. But ONNX Runtime writes the statistics it then gives
// into the memory of those that it was given, and keeps equal constants in one place: a bias that equalled the mean was lost.
func (r *rewriter) batch(l Layer) error {
	w := r.o.law(l)
	y := r.prefix + l.Name + "/corrected"
	at := 0
	if l.Kind == BatchNorm {
		n, i, err := batchNormOf(r.g, l)
		if err != nil {
			return err
		}
		r.g.Nodes = slices.Delete(r.g.Nodes, i, i+1)
		at, y = i, n.Outputs[0]
	}
	scale, bias := r.numbers(l.Name+"/scale", w.scale...), r.numbers(l.Name+"/bias", w.bias...)
	n := &graph.Node{Name: l.Name, Op: "BatchNormalization", Inputs: []string{l.Value, scale, bias}, Outputs: []string{y},
		Attributes: []graph.Attribute{{Name: "epsilon", Value: float32(w.epsilon)}}}
	mean, variance := r.mixture(l, w)
	if wide(l) || l.axis > 1 {
		r.affine(n, l, mean, variance, w.epsilon)
	} else {
		n.Inputs = append(n.Inputs, mean, variance)
	}
	r.nodes = append(r.nodes, n)
	if l.Kind == BatchNorm {
		r.place(at)
		return nil
	}
	n.Name = y
	_, err := r.g.InsertAfter(l.Value, r.nodes...)
	r.nodes = nil
	return err
}

// wide says whether a layer's values are maps of many positions a channel, or of an unknown number. There a convolution of each channel
// is faster than BatchNormalization, since ONNX Runtime joins it with the addition and the activation behind it; on small maps its cost
// for each channel prevails (ResNet-20, batches of 100, 2 threads: 0.23 against 0.37 ms on 32×32, 0.21 against 0.10 ms on 8×8).
func wide(l Layer) bool { return len(l.shape) == 4 && l.axis == 1 && positions(l) >= 256 }

// positions returns how many values a channel has in one image, as far as the shape says; a very large number where it does not.
func positions(l Layer) int {
	product := 1
	for i, d := range l.shape[1:] {
		if !d.Fixed() {
			return math.MaxInt
		}
		if i+1 != l.axis {
			product *= d.Size
		}
	}
	return product
}

// affine makes n compute factor·u + offset: for maps as a convolution of each channel, where channels lie last as it is written.
func (r *rewriter) affine(n *graph.Node, l Layer, mean, variance string, epsilon float64) {
	scale, bias := n.Inputs[1], n.Inputs[2]
	n.Attributes = nil
	deviation := r.op(l.Name+"/deviation", "Sqrt", []string{r.op(l.Name+"/safe_variance", "Add", []string{variance, r.number(epsilon)})})
	factor := r.op(l.Name+"/factor", "Div", []string{scale, deviation})
	offset := r.op(l.Name+"/offset", "Sub", []string{bias, r.op(l.Name+"/moved", "Mul", []string{mean, factor})})
	if l.axis > 1 {
		n.Op, n.Inputs = "Add", []string{r.op(l.Name+"/scaled", "Mul", []string{l.Value, factor}), offset}
		return
	}
	n.Op, n.Inputs = "Conv", []string{l.Value, r.op(l.Name+"/kernel", "Reshape", []string{factor, r.ints(-1, 1, 1, 1)}), offset}
	n.SetAttribute("group", int64(l.Channels))
	n.SetAttribute("kernel_shape", []int64{1, 1})
}

// batchNormOf finds the node of a BatchNorm layer.
func batchNormOf(g *graph.Graph, l Layer) (*graph.Node, int, error) {
	for i, n := range g.Nodes {
		if n.Op == "BatchNormalization" && n.Input(0) == l.Value && (n.Name == l.Name || n.Output(0) == l.Name) {
			return n, i, nil
		}
	}
	return nil, 0, fmt.Errorf("norm: the graph has no batch normalisation %q that reads %q", l.Name, l.Value)
}

// mixture adds nodes for the mean and variance that a layer uses.
func (r *rewriter) mixture(l Layer, w law) (mean, variance string) {
	measure := r.quickMoments
	if positions(l) < 16 {
		measure = r.moments
	}
	target, spread := measure(l)
	if r.o.Unbiased {
		spread = r.unbiased(l, spread)
	}
	source, width := r.source(l, w)
	mean = r.mix(l.Name+"/mixed_mean", target, source)
	variance = r.mix(l.Name+"/mixed_variance", spread, width)
	if r.o.Pooled {
		variance = r.widened(l, variance, target, source)
	}
	if r.before != nil {
		values := r.op(l.Name+"/values_seen", "Add", []string{r.before[l.Name][0], r.values(l)})
		r.next = append(r.next, values, mean, variance)
	}
	if r.o.Only == VarianceOnly {
		mean = r.numbers(l.Name+"/source_mean", w.mean...)
	}
	if r.o.Only == MeanOnly {
		variance = r.numbers(l.Name+"/source_variance", w.variance...)
	}
	if w.dead != nil {
		alive := r.constant(l.Name+"/alive", mask(w.dead))
		mean = r.op(l.Name+"/alive_mean", "Where", []string{alive, mean, r.numbers(l.Name+"/dead_mean", w.mean...)})
		variance = r.op(l.Name+"/alive_variance", "Where", []string{alive, variance, r.numbers(l.Name+"/dead_variance", w.variance...)})
	}
	return mean, variance
}

func mask(dead []bool) *tensor.Tensor {
	t := tensor.New(tensor.Bool, len(dead))
	for c, d := range dead {
		tensor.Values[bool](t)[c] = !d
	}
	return t
}

// unbiased adds nodes that multiply a variance by M/(M−1).
func (r *rewriter) unbiased(l Layer, variance string) string {
	m, one := r.values(l), r.number(1)
	less := r.op(l.Name+"/values_less_one", "Max", []string{r.op(l.Name+"/values_minus_one", "Sub", []string{m, one}), one})
	return r.op(l.Name+"/unbiased", "Mul", []string{variance, r.op(l.Name+"/correction", "Div", []string{m, less})})
}

// source returns the values of what the batch is mixed with: the state's statistics where there is one.
func (r *rewriter) source(l Layer, w law) (mean, variance string) {
	if r.before != nil {
		return r.before[l.Name][1], r.before[l.Name][2]
	}
	return r.numbers(l.Name+"/source_mean", w.mean...), r.numbers(l.Name+"/source_variance", w.variance...)
}

// mix adds nodes for λ·source + (1−λ)·target.
func (r *rewriter) mix(name, target, source string) string {
	if r.lambda == "" && r.o.lambda(1) == 0 {
		return target
	}
	lambda, rest := r.weights()
	kept := r.op(name+"_of_source", "Mul", []string{source, lambda})
	return r.op(name, "Add", []string{kept, r.op(name+"_of_target", "Mul", []string{target, rest})})
}

// widened adds nodes for a variance with λ(1−λ)(μ_s−μ_t)², the spread between the means.
func (r *rewriter) widened(l Layer, variance, target, source string) string {
	delta := r.op(l.Name+"/delta", "Sub", []string{target, source})
	lambda, rest := r.weights()
	weight := r.op(l.Name+"/spread_weight", "Mul", []string{lambda, rest})
	spread := r.op(l.Name+"/spread", "Mul", []string{r.op(l.Name+"/square_delta", "Mul", []string{delta, delta}), weight})
	return r.op(l.Name+"/pooled_variance", "Add", []string{variance, spread})
}

// weights returns values of λ and 1−λ.
func (r *rewriter) weights() (lambda, rest string) {
	if r.lambda != "" {
		return r.lambda, r.rest
	}
	v := r.o.lambda(1)
	return r.number(v), r.number(1 - v)
}
