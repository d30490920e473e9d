package lower_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/lower"
	"visus/tensor"
)

// runtime opens ONNX Runtime, and skips the test where there is none.
func runtime(t testing.TB) engine.Engine {
	t.Helper()
	return choicetest.Open(t, choice.ORT)
}

func attribute(name string, value any) graph.Attribute {
	return graph.Attribute{Name: name, Value: value}
}

// array is a tensor that the references read: numbers by index.
type array struct {
	shape  []int
	values []float64
}

func newArray(shape ...int) array {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return array{shape, make([]float64, n)}
}

func drawn(r *rand.Rand, shape ...int) array {
	a := newArray(shape...)
	for i := range a.values {
		a.values[i] = r.Float64()*2 - 1
	}
	return a
}

func (a array) at(index ...int) *float64 {
	place := 0
	for i, size := range a.shape {
		place = place*size + index[i]
	}
	return &a.values[place]
}

func (a array) tensor() *tensor.Tensor {
	t := tensor.New(tensor.Float32, a.shape...)
	for i, v := range a.values {
		tensor.Values[float32](t)[i] = float32(v)
	}
	return t
}

// one runs a graph of one node of ours, lowered, and checks that lowering left nothing of ours and kept the names.
func one(e engine.Engine, op string, outputs int, inputs []array, attributes ...graph.Attribute) ([]*tensor.Tensor, error) {
	b := graph.NewBuilder("one", 18)
	var values []graph.Value
	var given []*tensor.Tensor
	for i, a := range inputs {
		values = append(values, b.Input(fmt.Sprint("in", i), tensor.Float32, graph.Dims(a.shape...)...))
		given = append(given, a.tensor())
	}
	for i, v := range b.Ops(op, outputs, values, attributes...) {
		b.Output(fmt.Sprint("out", i), v)
	}
	g, err := b.Build()
	if err != nil {
		return nil, err
	}
	if err := lower.Lower(g); err != nil {
		return nil, err
	}
	for _, n := range g.Nodes {
		if n.Domain != "" {
			return nil, fmt.Errorf("%s is left", n)
		}
	}
	p, err := e.Compile(context.Background(), g, engine.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	out := make([]*tensor.Tensor, outputs)
	return out, p.Run(context.Background(), given, out)
}

func near(got *tensor.Tensor, want array) error {
	if !slices.Equal(got.Shape(), want.shape) {
		return fmt.Errorf("shape %v, want %v", got.Shape(), want.shape)
	}
	for i, v := range got.Floats() {
		if !(math.Abs(v-want.values[i]) <= 3e-5*max(1, math.Abs(want.values[i]))) { // float32, sums of some hundred products
			return fmt.Errorf("element %d is %g, want %g", i, v, want.values[i])
		}
	}
	return nil
}

// plane is a drawn convolution of rank 2, written out as the definition says.
type plane struct {
	samples, group, in, out                int // channels of one group
	size, kernel, stride, dilation, places [2]int
	begin, end                             [2]int
}

func drawPlane(r *rapid.T) plane {
	number := func(name string, low, high int) int { return rapid.IntRange(low, high).Draw(r, name) }
	p := plane{samples: number("samples", 1, 3), group: number("group", 1, 2), in: number("in", 1, 3), out: number("out", 1, 3)}
	for i := range 2 {
		p.kernel[i], p.stride[i], p.dilation[i] = number("kernel", 1, 4), number("stride", 1, 3), number("dilation", 1, 3)
		p.begin[i], p.end[i] = number("begin", 0, 3), number("end", 0, 3)
		reach := (p.kernel[i]-1)*p.dilation[i] + 1
		p.size[i] = max(1, reach-p.begin[i]-p.end[i]) + number("more", 0, 5)
		p.places[i] = (p.size[i]+p.begin[i]+p.end[i]-reach)/p.stride[i] + 1
	}
	return p
}

func (p plane) attributes() []graph.Attribute {
	pair := func(a [2]int) []int64 { return []int64{int64(a[0]), int64(a[1])} }
	return []graph.Attribute{
		attribute("strides", pair(p.stride)), attribute("dilations", pair(p.dilation)), attribute("group", int64(p.group)),
		attribute("pads", slices.Concat(pair(p.begin), pair(p.end))),
		attribute("shape", pair(p.size)), attribute("kernel_shape", pair(p.kernel)),
	}
}

// walk visits every product of the convolution: y[n,o,j] has the term W[o,c,k]·x[n,channel,i].
func (p plane) walk(visit func(n, o, c, channel int, j, k, i [2]int)) {
	for n := range p.samples {
		for o := range p.group * p.out {
			for c := range p.in {
				channel := o/p.out*p.in + c
				for at := range p.places[0] * p.places[1] * p.kernel[0] * p.kernel[1] {
					j, k := [2]int{at % p.places[0], at / p.places[0] % p.places[1]}, [2]int{}
					rest := at / (p.places[0] * p.places[1])
					k[0], k[1] = rest%p.kernel[0], rest/p.kernel[0]
					var i [2]int
					inside := true
					for axis := range 2 {
						i[axis] = j[axis]*p.stride[axis] + k[axis]*p.dilation[axis] - p.begin[axis]
						inside = inside && i[axis] >= 0 && i[axis] < p.size[axis]
					}
					if inside {
						visit(n, o, c, channel, j, k, i)
					}
				}
			}
		}
	}
}

func TestConvGradients(t *testing.T) {
	e := runtime(t)
	compared := 0
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlane(r)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		x := drawn(random, p.samples, p.group*p.in, p.size[0], p.size[1])
		weights := drawn(random, p.group*p.out, p.in, p.kernel[0], p.kernel[1])
		dy := drawn(random, p.samples, p.group*p.out, p.places[0], p.places[1])
		dx, dw := newArray(x.shape...), newArray(weights.shape...)
		p.walk(func(n, o, c, channel int, j, k, i [2]int) {
			d := *dy.at(n, o, j[0], j[1])
			*dx.at(n, channel, i[0], i[1]) += d * *weights.at(o, c, k[0], k[1])
			*dw.at(o, c, k[0], k[1]) += d * *x.at(n, channel, i[0], i[1])
		})
		got, err := one(e, "visus.ConvGradInput", 1, []array{dy, weights}, p.attributes()...)
		if err == nil {
			err = near(got[0], dx)
		}
		if err != nil {
			r.Fatalf("ConvGradInput: %v", err)
		}
		got, err = one(e, "visus.ConvGradWeight", 1, []array{x, dy}, p.attributes()...)
		if err == nil {
			err = near(got[0], dw)
		}
		if err != nil {
			r.Fatalf("ConvGradWeight: %v", err)
		}
		compared++
	})
	t.Logf("%d convolutions agree with the definition", compared)
}

// TestMaxPoolGradTies: of equal maxima the first gets the gradient, in each of the windows that overlap.
func TestMaxPoolGradTies(t *testing.T) {
	x := array{[]int{1, 2, 4}, []float64{0, 0, 0, 1, 2, 2, 2, 2}}
	dy := array{[]int{1, 2, 3}, []float64{1, 2, 4, 8, 16, 32}}
	got, err := one(runtime(t), "visus.MaxPoolGrad", 1, []array{x, dy}, attribute("kernel_shape", []int64{2}))
	if err != nil {
		t.Fatal(err)
	}
	if err := near(got[0], array{x.shape, []float64{1, 2, 0, 4, 8, 16, 32, 0}}); err != nil {
		t.Error(err)
	}
}

// TestAveragePoolGrad by hand: windows of 3 by steps of 2 over 4 entries, one of padding on either side.
func TestAveragePoolGrad(t *testing.T) {
	dy := array{[]int{1, 1, 2}, []float64{6, 12}}
	for include, want := range [][]float64{{3, 3 + 4, 4, 4}, {2, 2 + 4, 4, 4}} {
		got, err := one(runtime(t), "visus.AveragePoolGrad", 1, []array{dy}, attribute("kernel_shape", []int64{3}), attribute("strides", []int64{2}),
			attribute("pads", []int64{1, 1}), attribute("count_include_pad", int64(include)), attribute("shape", []int64{4}))
		if err != nil {
			t.Fatal(err)
		}
		if err := near(got[0], array{[]int{1, 1, 4}, want}); err != nil {
			t.Errorf("count_include_pad %d: %v", include, err)
		}
	}
}

// TestForward: operators that shape gradients are ordinary functions forward.
func TestForward(t *testing.T) {
	x, f := array{[]int{2, 2}, []float64{-1, 2, 7, -3}}, array{[]int{2, 2}, []float64{1, 2, 3, 4}}
	for _, c := range []struct {
		op         string
		inputs     []array
		attributes []graph.Attribute
		want       []float64
	}{
		{"visus.StopGradient", []array{x}, nil, x.values},
		{"visus.StraightThrough", []array{x, f}, nil, f.values},
		{"visus.ClipGradientNorm", []array{x}, []graph.Attribute{attribute("max_norm", float32(1))}, x.values},
		{"visus.CustomGradient", []array{x, f}, nil, x.values},
		{"visus.RedirectedRelu", []array{x}, nil, []float64{0, 2, 7, 0}},
		{"visus.RedirectedRelu", []array{x}, []graph.Attribute{attribute("max", float32(6))}, []float64{0, 2, 6, 0}},
	} {
		got, err := one(runtime(t), c.op, 1, c.inputs, c.attributes...)
		if err == nil {
			err = near(got[0], array{x.shape, c.want})
		}
		if err != nil {
			t.Errorf("%s: %v", c.op, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for want, g := range map[string]*graph.Graph{
		`the domain "visus" has no such operator`: wrong(t, &graph.Node{Op: "Sharpen", Inputs: []string{"x"}}),
		`it has 1 inputs, expected 2`:             wrong(t, &graph.Node{Op: "MaxPoolGrad", Inputs: []string{"x"}}),
		`the shape [batch, 3, 8] of "x" is not fixed`: wrong(t, &graph.Node{
			Op: "MaxPoolGrad", Inputs: []string{"x", "x"}, Attributes: []graph.Attribute{attribute("kernel_shape", []int64{2})},
		}),
	} {
		before := g.Clone()
		err := lower.Lower(g)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `node "ours"`) {
			t.Errorf("error %v, want one that names the node and says %s", err, want)
		}
		if len(g.Nodes) != len(before.Nodes) || g.Nodes[0].Op != before.Nodes[0].Op {
			t.Errorf("%s: the graph was changed", want)
		}
	}
}

// wrong is a graph of one node of ours.
func wrong(t *testing.T, n *graph.Node) *graph.Graph {
	t.Helper()
	n.Name, n.Domain, n.Outputs = "ours", graph.OwnDomain, []string{"y"}
	x := graph.Value{Name: "x", Type: tensor.Float32, Shape: []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: 3}, {Size: 8}}}
	g := &graph.Graph{
		Name: "wrong", Opsets: map[string]int64{"": 18, graph.OwnDomain: 1}, Nodes: []*graph.Node{n},
		Inputs: []graph.Value{x}, Outputs: []graph.Value{{Name: "y", Type: tensor.Float32}},
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}
