package norm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/graph"
	"visus/graph/norm"
	"visus/tensor"
)

// weights draws a constant with a deviation that keeps activations of size 1.
func weights(b *graph.Builder, r *rand.Rand, name string, shape ...int) graph.Value {
	t := tensor.New(tensor.Float32, shape...)
	inputs := max(1, t.Len()/shape[0])
	for i := range tensor.Values[float32](t) {
		tensor.Values[float32](t)[i] = float32(r.NormFloat64() / math.Sqrt(float64(inputs)))
	}
	return b.Initializer(name, t)
}

// positive draws [channels] numbers of about 1.
func positive(b *graph.Builder, r *rand.Rand, name string, channels int) graph.Value {
	t := tensor.New(tensor.Float32, channels)
	for i := range tensor.Values[float32](t) {
		tensor.Values[float32](t)[i] = float32(0.5 + r.Float64())
	}
	return b.Initializer(name, t)
}

// network is a random small graph: blocks of a linear layer, a batch normalisation where folded is false, a rectifier and at times an
// addition, then a classifier. Of rank 2 it is made of Gemm, with tokens of MatMul on [N,T,C], otherwise of Conv.
type network struct {
	rank   int
	folded bool
	tokens bool
	opset  int64
	blocks int
	size   int // of every spatial axis
	seed   uint64
	dead   bool // the first channel of every linear layer is constant
}

func (n network) build(t tester) *graph.Graph {
	r := rand.New(rand.NewPCG(n.seed, 1))
	b := graph.NewBuilder("network", n.opset)
	const channels = 5
	shape := []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: channels}}
	for range n.rank - 2 {
		shape = append(shape, graph.Dim{Size: n.size})
	}
	if n.tokens {
		shape = []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: n.size}, {Size: channels}}
	}
	x := b.Input("x", tensor.Float32, shape...)
	for i := range n.blocks {
		s := b.Scope(fmt.Sprintf("block%d", i))
		y := n.linear(s, r, x, channels)
		if !n.folded {
			y = s.BatchNormalization(y, weights(s, r, "scale", channels), weights(s, r, "bias", channels),
				weights(s, r, "mean", channels), positive(s, r, "variance", channels))
		}
		if r.IntN(2) == 0 {
			y = s.Add(y, x)
		}
		x = s.Relu(y)
	}
	if n.rank > 2 && !n.tokens {
		x = b.GlobalAveragePool(x)
	}
	b.Output("y", b.Gemm(b.Flatten(x, 1), weights(b, r, "head", 3, n.features(channels)), graph.Value{}))
	g := must[*graph.Graph](t)(b.Build())
	if n.dead {
		kill(g)
	}
	return g
}

// kill sets the weights of every linear layer's first channel to 0; they are square, and channels lie last where a matrix stands right.
func kill(g *graph.Graph) {
	for _, n := range g.Nodes {
		c := g.Constant(n.Input(1))
		if c == nil || !strings.HasSuffix(c.Name, ".weight") {
			continue
		}
		v, channels := tensor.Values[float32](c.Tensor), c.Shape()[0]
		last := n.Op == "MatMul" || n.Op == "Gemm" && n.Int("transB", 0) == 0
		for i := range v {
			if last && i%channels == 0 || !last && i < len(v)/channels {
				v[i] = 0
			}
		}
	}
}

func (n network) features(channels int) int {
	if n.tokens {
		return channels * n.size
	}
	return channels
}

func (n network) linear(s *graph.Builder, r *rand.Rand, x graph.Value, channels int) graph.Value {
	switch {
	case n.tokens && r.IntN(2) == 0:
		return s.Op("MatMul", []graph.Value{x, weights(s, r, "weight", channels, channels)})
	case n.tokens:
		return s.Add(weights(s, r, "b", channels), s.Op("MatMul", []graph.Value{x, weights(s, r, "weight", channels, channels)}))
	case n.rank == 2 && r.IntN(2) == 0:
		return s.Op("Gemm", []graph.Value{x, weights(s, r, "weight", channels, channels), weights(s, r, "b", 1)},
			graph.Attribute{Name: "alpha", Value: float32(0.7)}, graph.Attribute{Name: "beta", Value: float32(1.5)})
	case n.rank == 2:
		return s.Gemm(x, weights(s, r, "weight", channels, channels), weights(s, r, "b", channels))
	}
	kernel := []int{channels, channels}
	for range n.rank - 2 {
		kernel = append(kernel, 3)
	}
	bias := graph.Value{}
	if r.IntN(2) == 0 {
		bias = weights(s, r, "b", channels)
	}
	return s.Conv(x, weights(s, r, "weight", kernel...), bias, graph.Window{Pad: 1})
}

// images draws a batch for the network, off the distribution its statistics are of.
func (n network) images(count int, seed uint64) *tensor.Tensor {
	shape := []int{count, 5}
	for range n.rank - 2 {
		shape = append(shape, n.size)
	}
	if n.tokens {
		shape = []int{count, n.size, 5}
	}
	x, r := tensor.New(tensor.Float32, shape...), rand.New(rand.NewPCG(seed, 2))
	for i := range tensor.Values[float32](x) {
		tensor.Values[float32](x)[i] = float32(1 + 2*r.NormFloat64())
	}
	return x
}

func networks(t *rapid.T) network {
	n := network{
		folded: rapid.Bool().Draw(t, "folded"),
		rank:   rapid.IntRange(2, 5).Draw(t, "rank"),
		opset:  rapid.Int64Range(13, 21).Draw(t, "opset"),
		blocks: rapid.IntRange(1, 3).Draw(t, "blocks"),
		size:   rapid.SampledFrom([]int{1, 2, 3, 5}).Draw(t, "size"),
		seed:   rapid.Uint64().Draw(t, "seed"),
		dead:   rapid.Bool().Draw(t, "dead"),
	}
	if n.rank == 4 && rapid.Bool().Draw(t, "wide") {
		n.size = 16
	}
	if n.rank == 3 && n.folded {
		n.tokens = rapid.Bool().Draw(t, "tokens")
	}
	return n
}

func options(t *rapid.T) norm.Options {
	o := norm.Options{
		Unbiased: rapid.Bool().Draw(t, "unbiased"),
		Pooled:   rapid.Bool().Draw(t, "pooled"),
		Only:     rapid.SampledFrom([]norm.Part{norm.Both, norm.Both, norm.MeanOnly, norm.VarianceOnly}).Draw(t, "only"),
	}
	switch rapid.IntRange(0, 3).Draw(t, "lambda") {
	case 1:
		o.Prior = 3
	case 2:
		o.Prior, o.Images = 3, 8
	case 3:
		o.Weight = 0.25
	}
	return o
}

// show makes values of a graph outputs too.
func show(g *graph.Graph, values ...string) *graph.Graph {
	g = g.Clone()
	for _, v := range values {
		g.Outputs = append(g.Outputs, graph.Value{Name: v, Type: tensor.Float32})
	}
	return g
}

// TestBatchIsDeployable: a batch graph on one batch, and the graph with that batch's statistics put in as constants, answer alike.
func TestBatchIsDeployable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, o := networks(rt), options(rt)
		g := n.build(rt)
		layers := norm.Adaptable(layersOf(rt, g))
		if len(layers) != n.blocks {
			rt.Fatalf("%d layers found, expected %d", len(layers), n.blocks)
		}
		if n.folded || rapid.Bool().Draw(rt, "calibrated") {
			o.Clean = measure(rt, g, layers, n.images(12, n.seed+1), 5)
		}
		adapted := must[*graph.Graph](rt)(norm.Batch(g, layers, o))
		x := n.images(rapid.IntRange(2, 6).Draw(rt, "images"), n.seed)
		target := measure(rt, adapted, layers, x, 6)
		deployed := must[*graph.Graph](rt)(norm.Deployable(g, layers, target, o))
		if len(deployed.Nodes) > len(g.Nodes)+n.blocks {
			rt.Errorf("%d nodes of %d were deployed", len(deployed.Nodes), len(g.Nodes))
		}
		a, b := run(rt, compile(rt, adapted), x)[0].Floats(), run(rt, compile(rt, deployed), x)[0].Floats()
		if d := distance(a, b); !(d <= 1e-3*(1+distance(a, make([]float64, len(a))))) {
			rt.Errorf("answers differ by %g: %v and %v", d, a, b)
		}
	})
}

// TestLaw computes a layer in plain Go: from the values that it reads to those it makes, for both forms of batch graphs.
func TestLaw(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, o := networks(rt), options(rt)
		n.folded, n.tokens = false, false
		g := n.build(rt)
		layers := norm.Adaptable(layersOf(rt, g))
		images := rapid.IntRange(1, 6).Draw(rt, "images")
		adapted := must[*graph.Graph](rt)(norm.Batch(g, layers, o))
		l := layers[len(layers)-1]
		y := g.Node(l.Name).Outputs[0]
		out := run(rt, compile(rt, show(adapted, l.Value, y)), n.images(images, n.seed))
		u, got := out[1].Floats(), out[2].Floats()
		positions := len(u) / images / l.Channels
		lambda := 0.0
		switch {
		case o.Weight > 0:
			lambda = o.Weight
		case o.Images > 0:
			lambda = o.Prior / (o.Prior + o.Images)
		case o.Prior > 0:
			lambda = o.Prior / (o.Prior + float64(images))
		}
		for c := range l.Channels {
			var values []int
			for i := range u {
				if i/positions%l.Channels == c {
					values = append(values, i)
				}
			}
			mean, variance := 0.0, 0.0
			for _, i := range values {
				mean += u[i] / float64(len(values))
			}
			for _, i := range values {
				variance += (u[i] - mean) * (u[i] - mean) / float64(len(values))
			}
			if o.Unbiased && len(values) > 1 {
				variance *= float64(len(values)) / float64(len(values)-1)
			}
			lost := 3e-7 * mean * mean // of the variance, where it is the mean square less this
			spread := (mean - l.Mean[c]) * (mean - l.Mean[c])
			mean = lambda*l.Mean[c] + (1-lambda)*mean
			variance = lambda*l.Variance[c] + (1-lambda)*variance
			if o.Pooled {
				variance += lambda * (1 - lambda) * spread
			}
			switch o.Only {
			case norm.MeanOnly:
				variance = l.Variance[c]
			case norm.VarianceOnly:
				mean = l.Mean[c]
			}
			scale := l.Scale[c] / math.Sqrt(variance+l.Epsilon)
			for _, i := range values {
				want := scale*(u[i]-mean) + l.Bias[c]
				within := 1e-4*(1+math.Abs(scale)*(1+math.Abs(u[i]))) + math.Abs(scale*(u[i]-mean))*lost/(variance+l.Epsilon)
				if !(math.Abs(got[i]-want) <= within) {
					rt.Fatalf("channel %d: %g, expected %g", c, got[i], want)
				}
			}
		}
	})
}

// TestStateful: batches of any sizes leave the state of all of them together, when the variance is pooled and layers do not depend on
// each other; the first batch alone is answered as by Batch.
func TestStateful(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := networks(rt)
		n.blocks = 1
		g := n.build(rt)
		layers := norm.Adaptable(layersOf(rt, g))
		o := norm.Options{Pooled: true}
		if n.folded {
			o.Clean = measure(rt, g, layers, n.images(12, n.seed+1), 5)
		}
		stateful, state, err := norm.Stateful(g, layers, o)
		if err != nil {
			rt.Fatal(err)
		}
		p := compile(rt, stateful)
		x, value := n.images(9, n.seed), state.Initial
		first := run(rt, p, batch(x, 0, 4), value)[0].Floats()
		alone := run(rt, compile(rt, must[*graph.Graph](rt)(norm.Batch(g, layers, o))), batch(x, 0, 4))[0].Floats()
		if d := distance(first, alone); !(d <= 1e-3*(1+distance(alone, make([]float64, len(alone))))) {
			rt.Errorf("the first batch: answers differ by %g", d)
		}
		for _, cut := range [][2]int{{0, 4}, {4, 5}, {5, 9}} {
			value = run(rt, p, batch(x, cut[0], cut[1]), value)[1]
		}
		got, want := must[norm.Statistics](rt)(norm.Unpack(layers, value))[layers[0].Name], measure(rt, g, layers, x, 9)[layers[0].Name]
		if got.Images != want.Images || got.Values != want.Values {
			rt.Errorf("%g images and %g values, expected %g and %g", got.Images, got.Values, want.Images, want.Values)
		}
		for c := range want.Mean {
			if math.Abs(got.Mean[c]-want.Mean[c]) > 1e-4*(1+math.Abs(want.Mean[c])) || math.Abs(got.Variance[c]-want.Variance[c]) > 1e-3*(1+want.Variance[c]) {
				rt.Errorf("channel %d: mean %g and variance %g, expected %g and %g", c, got.Mean[c], got.Variance[c], want.Mean[c], want.Variance[c])
			}
		}
	})
}

// TestStatefulPrior: a state that begins with N images of the source answers its first batch as Batch does with that prior.
func TestStatefulPrior(t *testing.T) {
	n := network{rank: 4, size: 4, blocks: 2, opset: 17, seed: 3}
	g := n.build(t)
	layers := layersOf(t, g)
	stateful, state, err := norm.Stateful(g, norm.Adaptable(layers), norm.Options{Prior: 3})
	if err != nil {
		t.Fatal(err)
	}
	x := n.images(5, 1)
	a := run(t, compile(t, stateful), x, state.Initial)[0].Floats()
	b := run(t, compile(t, must[*graph.Graph](t)(norm.Batch(g, norm.Adaptable(layers), norm.Options{Prior: 3}))), x)[0].Floats()
	if d := distance(a, b); d > 1e-5 {
		t.Errorf("answers differ by %g", d)
	}
}

// TestAccumulator: moments of parts pool to those of the whole, in any order, and far from zero too.
func TestAccumulator(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		offset := rapid.SampledFrom([]float64{0, 1e6}).Draw(rt, "offset")
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 9), 1, 6).Draw(rt, "parts")
		moments := func(values []float64) norm.Moments {
			m := norm.Moments{Mean: []float64{0}, Variance: []float64{0}, Values: float64(len(values)), Images: 1}
			for _, v := range values {
				m.Mean[0] += (v + offset) / m.Values
			}
			for _, v := range values {
				m.Variance[0] += (v + offset - m.Mean[0]) * (v + offset - m.Mean[0]) / m.Values
			}
			return m
		}
		var all []float64
		var a norm.Accumulator
		for _, p := range parts {
			all = append(all, p...)
			if err := a.Add(norm.Statistics{"bn": moments(p)}); err != nil {
				rt.Fatal(err)
			}
		}
		got, want := a.Statistics()["bn"], moments(all)
		if got.Values != want.Values || got.Images != float64(len(parts)) || math.Abs(got.Mean[0]-want.Mean[0]) > 1e-9 || math.Abs(got.Variance[0]-want.Variance[0]) > 1e-8 {
			rt.Errorf("%+v, expected %+v", got, want)
		}
	})
}

func TestSelect(t *testing.T) {
	var layers []norm.Layer
	for _, name := range []string{"bn1", "layer1.0.bn1", "layer1.0.bn2", "layer2.0.bn1", "layer2.10.bn1"} {
		layers = append(layers, norm.Layer{Name: name})
	}
	for _, c := range []struct{ patterns, want string }{
		{"stem", "bn1"},
		{"layer1", "layer1.0.bn1 layer1.0.bn2"},
		{"layer2.1", ""},
		{"layer?.0.bn1", "layer1.0.bn1 layer2.0.bn1"},
		{"layer2 bn1", "bn1 layer2.0.bn1 layer2.10.bn1"},
		{"!layer1", "bn1 layer2.0.bn1 layer2.10.bn1"},
		{"layer1 !*bn2", "layer1.0.bn1"},
		{"[", ""},
	} {
		chosen, err := norm.Select(layers, strings.Fields(c.patterns)...)
		var names []string
		for _, l := range chosen {
			names = append(names, l.Name)
		}
		if got := strings.Join(names, " "); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q (%v), expected %q", c.patterns, got, err, c.want)
		}
	}
	_, err := norm.Select(layers, "layer9")
	if want := `norm: no layer is named "layer9"; there are bn1, layer1.0.bn1, layer1.0.bn2, layer2.0.bn1, layer2.10.bn1`; err == nil || err.Error() != want {
		t.Errorf("%v, expected %s", err, want)
	}
}

// TestErrors: what cannot be done is said, with the name of the layer.
func TestErrors(t *testing.T) {
	n := network{rank: 4, size: 4, blocks: 2, opset: 17, seed: 3}
	g := n.build(t)
	layers := layersOf(t, g)
	n.folded = true
	f := n.build(t)
	folded := layersOf(t, f)
	n.opset = 12
	old := n.build(t)
	wrong := norm.Source(layers)
	wrong[layers[0].Name] = norm.Moments{Mean: []float64{1}, Variance: []float64{1}}
	more := norm.Source(layers)
	more["block7"] = more[layers[0].Name]
	nan := norm.Source(layers)
	nan[layers[1].Name] = norm.Moments{Mean: make([]float64, 5), Variance: []float64{1, 1, math.NaN(), 1, 1}}
	batch := func(g *graph.Graph, l []norm.Layer, o norm.Options) error { _, err := norm.Batch(g, l, o); return err }
	deploy := func(s norm.Statistics, o norm.Options) error { _, err := norm.Deployable(g, layers, s, o); return err }
	stateful := func(o norm.Options) error { _, _, err := norm.Stateful(g, layers, o); return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{batch(g, nil, norm.Options{}), "norm: no layer to adapt"},
		{batch(f, folded, norm.Options{}), `norm: layer "block0/Conv" (Conv) needs clean statistics to be corrected with`},
		{batch(f, layers, norm.Options{}), `norm: the graph has no batch normalisation "block0/BatchNormalization" that reads "block0/Conv_output_0"`},
		{batch(old, folded, norm.Options{Clean: measure(t, f, folded, n.images(3, 1), 3)}), "norm: the graph has opset 12, expected 13 or later"},
		{batch(g, layers, norm.Options{Prior: -1}), "norm: options: the prior is -1, expected 0 or more"},
		{batch(g, layers, norm.Options{Weight: 2}), "norm: options: the weight of the source is 2, expected at most 1"},
		{batch(g, layers, norm.Options{Weight: 1, Prior: 1}), "norm: options: both a weight (1) and a prior (1)"},
		{batch(g, layers, norm.Options{Only: 3}), "norm: options: no part 3"},
		{deploy(wrong, norm.Options{}), `norm: target statistics: layer "block0/BatchNormalization" has 5 channels, found 1 means and 1 variances`},
		{deploy(more, norm.Options{}), `norm: target statistics: no layer is named "block7"; there are block0/BatchNormalization, block1/BatchNormalization`},
		{deploy(norm.Statistics{}, norm.Options{}), `norm: target statistics: layer "block0/BatchNormalization" has none`},
		{deploy(nan, norm.Options{}), `norm: target statistics: layer "block1/BatchNormalization", channel 2: mean 0 and variance NaN`},
		{deploy(norm.Source(layers), norm.Options{Prior: 1}), `norm: layer "block0/BatchNormalization": the options need the number of images (0) and of values (0) behind its statistics`},
		{stateful(norm.Options{Weight: 1}), "norm: cumulative statistics weigh batches by their images: no weight (1) or nominal number of images (0)"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%v, expected %s", c.err, c.want)
		}
	}
	if err := batch(g, nil, norm.Options{}); !errors.Is(err, norm.ErrNone) {
		t.Errorf("%v is not ErrNone", err)
	}
}

// TestFull: measured layer by layer, each in the graph whose earlier layers are adapted already, the statistics of one batch are those
// that a batch graph uses.
func TestFull(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := networks(rt)
		g := n.build(rt)
		layers := norm.Adaptable(layersOf(rt, g))
		x, o := n.images(6, n.seed), norm.Options{}
		if n.folded {
			o.Clean = measure(rt, g, layers, n.images(12, n.seed+1), 5)
		}
		full, deployed := norm.Statistics{}, g
		for i, l := range layers {
			full[l.Name] = measure(rt, deployed, layers[i:i+1], x, 4)[l.Name]
			so := o
			if n.folded {
				so.Clean = o.Clean.Of(layers[:i+1])
			}
			deployed = must[*graph.Graph](rt)(norm.Deployable(g, layers[:i+1], full.Of(layers[:i+1]), so))
		}
		a := run(rt, compile(rt, must[*graph.Graph](rt)(norm.Batch(g, layers, o))), x)[0].Floats()
		b := run(rt, compile(rt, deployed), x)[0].Floats()
		if d := distance(a, b); !(d <= 2e-3*(1+distance(a, make([]float64, len(a))))) {
			rt.Errorf("answers differ by %g: %v and %v", d, a, b)
		}
	})
}

// TestLayers: what is a layer, of which kind, and what is not.
func TestLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	b := graph.NewBuilder("kinds", 18)
	x := b.Input("x", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"}, graph.Dim{Size: 4}, graph.Dim{Size: 8}, graph.Dim{Size: 8})
	four := func(name string) graph.Value { return positive(b, r, name, 4) }
	y := b.Scope("first").Conv(x, weights(b, r, "w1", 4, 4, 3, 3), graph.Value{}, graph.Window{Pad: 1})
	y = b.Scope("first").BatchNormalization(y, four("scale1"), four("bias1"), four("mean1"), four("variance1"))
	y = b.Scope("second").Conv(y, weights(b, r, "w2", 4, 4, 1, 1), four("b2"), graph.Window{})
	y = b.Op("InstanceNormalization", []graph.Value{y, four("scale2"), four("bias2")})
	y = b.Op("LRN", []graph.Value{y}, graph.Attribute{Name: "size", Value: int64(3)})
	y = b.Flatten(b.GlobalAveragePool(y), 1)
	computed := b.Op("Exp", []graph.Value{b.Op("ReduceMean", []graph.Value{y, b.Ints(0)}, graph.Attribute{Name: "keepdims", Value: int64(0)})})
	y = b.Scope("computed").BatchNormalization(y, four("scale3"), four("bias3"), four("mean3"), computed)
	b.Output("y", b.Scope("head").Gemm(y, weights(b, r, "w3", 3, 4), graph.Value{}))
	g := must[*graph.Graph](t)(b.Build())
	var got []string
	for _, l := range layersOf(t, g) {
		got = append(got, fmt.Sprintf("%s %s %d %s", l.Name, l.Kind, l.Channels, l.Value))
	}
	want := []string{
		"first/BatchNormalization batch normalisation 4 first/Conv_output_0",
		"second/Conv folded 4 second/Conv_output_0",
		"InstanceNormalization fixed 4 second/Conv_output_0",
		"LRN fixed 0 InstanceNormalization_output_0",
		"computed/BatchNormalization fixed 4 Flatten_output_0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, _, err := norm.Probe(g, norm.OfKind(layersOf(t, g), norm.Fixed)); err == nil || !strings.Contains(err.Error(), "cannot be adapted") {
		t.Errorf("probing a fixed layer: %v", err)
	}
	for _, n := range g.Nodes { // without names, or with one name for all, values name the layers
		n.Name = "node"
	}
	if l := layersOf(t, g)[0]; l.Name != "first/BatchNormalization_output_0" {
		t.Errorf("a layer without a name of its own is called %q", l.Name)
	}
	if adapted, err := norm.Batch(g, layersOf(t, g)[:1], norm.Options{}); err != nil || adapted.Producing("y") == nil {
		t.Errorf("adapting a layer without a name: %v", err)
	}
}
