package grad

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// mandatory are the operators of the specification, graph.md section 2, in its order.
const mandatory = `Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool GlobalLpPool LpPool Gemm MatMul Einsum
	BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization LRN LpNormalization
	MeanVarianceNormalization Relu LeakyRelu PRelu ThresholdedRelu Elu Celu Selu Gelu Mish Swish HardSwish HardSigmoid Sigmoid Tanh Softplus
	Softsign Softmax LogSoftmax Hardmax Exp Log Sqrt Reciprocal Pow Abs Neg Sign Floor Ceil Round Erf Sin Cos Tan Asin Acos Atan Sinh Cosh
	Asinh Acosh Atanh Add Sub Mul Div Mod Min Max Sum Mean Where Clip ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
	ReduceSumSquare ReduceLogSum ReduceLogSumExp CumSum TopK ArgMax ArgMin Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice
	Pad Expand Tile Gather GatherElements GatherND ScatterElements ScatterND Trilu DepthToSpace SpaceToDepth Identity Cast Dropout Resize
	GridSample SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss Attention RNN GRU LSTM
	visus.ConvGradInput visus.ConvGradWeight visus.MaxPoolGrad visus.AveragePoolGrad visus.ResizeGrad visus.GridSampleGrad
	visus.BatchNormGrad visus.StopGradient visus.StraightThrough visus.ClipGradientNorm visus.RedirectedRelu
	visus.CustomGradient`

func TestMandatoryOperators(t *testing.T) {
	for _, op := range strings.Fields(mandatory) {
		if _, ok := rules[op]; !ok {
			t.Errorf("%s is in no table", op)
		}
	}
}

func TestFamiliesAreDisjoint(t *testing.T) {
	seen := map[string]bool{}
	for _, family := range families {
		for op := range family {
			if seen[op] {
				t.Errorf("%s is in two tables", op)
			}
			seen[op] = true
		}
	}
}

// build makes a graph with one output "loss" of what the function returns.
func build(t *testing.T, f func(b *graph.Builder) graph.Value) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder("test", graph.CommonOpset)
	b.Output("loss", f(b))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// evaluate appends the gradients of "loss" and returns their numbers for the given inputs.
func evaluate(t *testing.T, g *graph.Graph, inputs map[string]*tensor.Tensor, wrt ...string) []*tensor.Tensor {
	t.Helper()
	names, err := Append(g, "loss", wrt...)
	if err != nil {
		t.Fatal(err)
	}
	var gradients []string
	for _, name := range wrt {
		gradients = append(gradients, names[name])
	}
	return outputsOf(t, g, inputs, gradients...)
}

// outputsOf runs the graph and returns values of it.
func outputsOf(t *testing.T, g *graph.Graph, inputs map[string]*tensor.Tensor, names ...string) []*tensor.Tensor {
	t.Helper()
	facts, err := g.InferShapes()
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = nil
	for _, name := range names {
		g.Outputs = append(g.Outputs, facts[name])
	}
	p, err := compile(runtime(t), g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var given []*tensor.Tensor
	for _, v := range p.Inputs() {
		given = append(given, inputs[v.Name])
	}
	outputs := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), given, outputs); err != nil {
		t.Fatal(err)
	}
	return outputs
}

func all(b *graph.Builder, x graph.Value) graph.Value {
	return b.Op("ReduceSum", []graph.Value{x}, attribute("keepdims", int64(0)))
}

// TestFanIn: y = x·x + x + sin x, four uses of x and of one inner value; with respect to the input, a constant and the inner value at once.
func TestFanIn(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(2)...)
		w := b.Initializer("w", of([]float32{2}, 1))
		h := mul(b, x, w) // "Mul_output_0"
		return all(b, b.Op("Sum", []graph.Value{mul(b, h, h), h, unary(b, "Sin", h)}))
	})
	inner := g.Nodes[0].Outputs[0]
	got := evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{0.5, -1}, 2)}, "x", "w", inner)
	d := func(h float64) float64 { return 2*h + 1 + math.Cos(h) } // h is 1 and -2
	expect(t, "dh", got[2], float32(d(1)), float32(d(-2)))
	expect(t, "dx", got[0], float32(2*d(1)), float32(2*d(-2)))
	expect(t, "dw", got[1], float32(0.5*d(1)-d(-2)))
	sums := 0
	for _, n := range g.Nodes {
		if n.Op == "Sum" && strings.HasPrefix(n.Name, "grad/") {
			sums++
		}
	}
	if sums != 1 {
		t.Errorf("%d sums of gradients, want 1", sums)
	}
}

// TestNames: gradients are called after their values; a second differentiation finds free names and gives the second derivative.
func TestNames(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(3)...)
		return all(b, mul(b, x, mul(b, x, x)))
	})
	first, err := Append(g, "loss", "x")
	if err != nil {
		t.Fatal(err)
	}
	if first["x"] != "grad/x" {
		t.Errorf("the gradient is called %q", first["x"])
	}
	b, err := graph.Extend(g)
	if err != nil {
		t.Fatal(err)
	}
	b.Output("slope", all(b, b.Value(first["x"])))
	if g, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	second, err := Append(g, "slope", "x")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := g.InferShapes()
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = []graph.Value{facts[second["x"]]}
	p, err := compile(runtime(t), g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := make([]*tensor.Tensor, 1)
	if err := p.Run(context.Background(), []*tensor.Tensor{of([]float32{1, 2, -3}, 3)}, got); err != nil {
		t.Fatal(err)
	}
	expect(t, "6x", got[0], 6, 12, -18)
}

// TestKinks: where mathematics leaves a choice, ours is PyTorch's.
func TestKinks(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := []struct {
		name string
		y    func(b *graph.Builder, x graph.Value) graph.Value
		x    []float32
		want []float32
	}{
		{"abs", func(b *graph.Builder, x graph.Value) graph.Value { return unary(b, "Abs", x) }, []float32{0, -1, 2}, []float32{0, -1, 1}},
		{"relu", func(b *graph.Builder, x graph.Value) graph.Value { return b.Relu(x) }, []float32{0, -1, 2}, []float32{0, 0, 1}},
		{"sign", func(b *graph.Builder, x graph.Value) graph.Value { return unary(b, "Sign", x) }, []float32{0, -1, 2}, []float32{0, 0, 0}},
		{"round", func(b *graph.Builder, x graph.Value) graph.Value { return unary(b, "Round", x) }, []float32{0.5, -1, 2}, []float32{0, 0, 0}},
		{"clip", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Clip", []graph.Value{x, number(b, x, -1), number(b, x, 1)})
		}, []float32{-1, 1, 1.5}, []float32{1, 1, 0}},
		{"ties of max", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("ReduceMax", []graph.Value{x})
		}, []float32{3, 1, 3}, []float32{0.5, 0, 0.5}},
		{"max of two", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Max", []graph.Value{x, number(b, x, 1)})
		}, []float32{0, 1, 2}, []float32{0, 0.5, 1}},
		{"l2 norm at 0", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("ReduceL2", []graph.Value{x})
		}, []float32{0, 0, 0}, []float32{0, 0, 0}},
		{"pow at 0", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Pow", []graph.Value{x, number(b, x, 3)})
		}, []float32{0, -1, 2}, []float32{0, 3, 12}},
		{"pow to 0", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Pow", []graph.Value{x, b.Constant(of([]float32{0, 1, 2}, 3))})
		}, []float32{0, 0, 0}, []float32{0, 1, 0}},
		{"where keeps NaN out", func(b *graph.Builder, x graph.Value) graph.Value {
			return where(b, compare(b, "Less", x, number(b, x, 0)), unary(b, "Neg", x), number(b, x, 5))
		}, []float32{-1, 2, nan}, []float32{-1, 0, 0}},
		{"product with a zero", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("ReduceProd", []graph.Value{x})
		}, []float32{0, 2, 3}, []float32{6, 0, 0}},
		{"product with two zeros", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("ReduceProd", []graph.Value{x})
		}, []float32{0, 2, 0}, []float32{0, 0, 0}},
		{"max over several axes", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("ReduceMax", []graph.Value{reshape(b, x, []int{2, 2, 1}), b.Ints(0, 1)})
		}, []float32{3, 3, 1, 3}, []float32{1. / 3, 1. / 3, 0, 1. / 3}},
		{"min of three", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Min", []graph.Value{x, number(b, x, 1), number(b, x, 1)})
		}, []float32{1, 0, 2}, []float32{1. / 3, 1, 0}},
		{"max with itself", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Max", []graph.Value{x, x})
		}, []float32{1, 0, 2}, []float32{1, 1, 1}},
		{"clip with equal bounds", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Clip", []graph.Value{x, number(b, x, 1), number(b, x, 1)})
		}, []float32{1, 0, 2}, []float32{1, 0, 0}},
		{"first of max-pool", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("MaxPool", []graph.Value{reshape(b, x, []int{1, 1, 4})}, attribute("kernel_shape", []int64{3}))
		}, []float32{1, 2, 2, 2}, []float32{0, 2, 0, 0}},
		{"first of a global max-pool", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("GlobalMaxPool", []graph.Value{reshape(b, x, []int{1, 1, 2, 2})})
		}, []float32{1, 2, 2, 2}, []float32{0, 1, 0, 0}},
		{"max-pool of nothing but -Inf", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("MaxPool", []graph.Value{reshape(b, x, []int{1, 1, 2})}, attribute("kernel_shape", []int64{2}))
		}, []float32{-inf, -inf}, []float32{1, 0}},
		{"leaky relu", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "LeakyRelu", x)
		}, []float32{0, -1, 2}, []float32{0.01, 0.01, 1}},
		{"elu", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("Elu", []graph.Value{x}, attribute("alpha", float32(0.5)))
		}, []float32{0, -200, 200}, []float32{0.5, 0, 1}},
		{"prelu", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("PRelu", []graph.Value{x, b.Constant(of([]float32{0.25}, 1))})
		}, []float32{0, -1, 2}, []float32{0.25, 0.25, 1}},
		{"thresholded relu", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "ThresholdedRelu", x)
		}, []float32{1, -1, 2}, []float32{0, 0, 1}},
		{"hard swish", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "HardSwish", x)
		}, []float32{-3, 0, 3}, []float32{0, 0.5, 1}}, // as PyTorch from 2.8 on
		{"hard sigmoid", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "HardSigmoid", x)
		}, []float32{-2.5, 0, 2.5}, []float32{0, 0.2, 0}},
		{"l1 norm", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "ReduceL1", x)
		}, []float32{0, -1, 2}, []float32{0, -1, 1}},
		{"division by a norm of 0", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("LpNormalization", []graph.Value{x}, attribute("p", int64(2)))
		}, []float32{0, 0, 0}, []float32{0, 0, 0}},
		{"lp-pool of zeros", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Op("LpPool", []graph.Value{reshape(b, x, []int{1, 1, 4})}, attribute("kernel_shape", []int64{2}), attribute("strides", []int64{2}))
		}, []float32{0, 0, 0, 1}, []float32{0, 0, 0, 1}},
		{"global lp-pool of zeros", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "GlobalLpPool", reshape(b, x, []int{1, 1, 3}))
		}, []float32{0, 0, 0}, []float32{0, 0, 0}},
		{"no variance", func(b *graph.Builder, x graph.Value) graph.Value { // scaled: dx is large and its sum 0
			y := b.Op("MeanVarianceNormalization", []graph.Value{reshape(b, x, []int{1, 1, 1, 3})})
			return scale(b, mul(b, y, b.Constant(of([]float32{1, 2, 3}, 3))), 1e-9)
		}, []float32{2, 2, 2}, []float32{-1, 0, 1}},
		{"log-sum-exp of -Inf", func(b *graph.Builder, x graph.Value) graph.Value {
			return unary(b, "ReduceLogSumExp", x)
		}, []float32{-inf, -inf, -inf}, []float32{0, 0, 0}},
		{"softmax of a masked entry", func(b *graph.Builder, x graph.Value) graph.Value {
			return scale(b, square(b, b.Softmax(x, 0)), 2)
		}, []float32{1, 1, -inf}, []float32{0, 0, 0}},
		{"ties of top-k", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Ops("TopK", 2, []graph.Value{x, b.Ints(2)})[0]
		}, []float32{3, 3, 3}, []float32{1, 1, 0}},
		{"floor and ceiling", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Add(unary(b, "Floor", x), b.Add(unary(b, "Ceil", x), unary(b, "Hardmax", x)))
		}, []float32{0.5, -1, 2}, []float32{0, 0, 0}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, func(b *graph.Builder) graph.Value {
				return all(b, c.y(b, b.Input("x", tensor.Float32, graph.Dims(len(c.x))...)))
			})
			got := evaluate(t, g, map[string]*tensor.Tensor{"x": of(c.x, len(c.x))}, "x")
			expect(t, "dx", got[0], c.want...)
		})
	}
}

// TestConstantExponent: an exponent that is known may be a parameter all the same.
func TestConstantExponent(t *testing.T) {
	for _, exponent := range []float32{1, 2, 3} {
		g := build(t, func(b *graph.Builder) graph.Value {
			return all(b, b.Op("Pow", []graph.Value{b.Input("x", tensor.Float32, graph.Dims(1)...), b.Initializer("e", of([]float32{exponent}, 1))}))
		})
		got := evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{1.5}, 1)}, "x", "e")
		power := math.Pow(1.5, float64(exponent))
		expect(t, "dx", got[0], float32(float64(exponent)*power/1.5))
		expect(t, "de", got[1], float32(power*math.Log(1.5)))
	}
}

// TestNoFlow: integers and steps stop gradients silently: zeros, beside a path that carries one.
func TestNoFlow(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(3)...)
		best := b.Op("ArgMax", []graph.Value{x}, attribute("keepdims", int64(0)))
		whole := b.Op("Cast", []graph.Value{x}, attribute("to", graph.TypeNumber(tensor.Int64)))
		back := b.Op("Cast", []graph.Value{whole}, attribute("to", graph.TypeNumber(tensor.Float32)))
		return all(b, b.Op("Sum", []graph.Value{mul(b, x, x), back, convert(b, best, tensor.Float32)}))
	})
	got := evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{1, 2, 3}, 3)}, "x")
	expect(t, "dx", got[0], 2, 4, 6)
}

// TestHalf: the constants that rules write have the type of the values.
func TestHalf(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float16, graph.Dims(2)...)
		return all(b, mul(b, b.Relu(x), unary(b, "Sigmoid", x)))
	})
	x, err := tensor.Of([]tensor.Half{tensor.HalfOf(0), tensor.HalfOf(-1)}, 2)
	if err != nil {
		t.Fatal(err)
	}
	got := evaluate(t, g, map[string]*tensor.Tensor{"x": x}, "x")
	if got[0].Type() != tensor.Float16 {
		t.Errorf("the gradient is %s", got[0].Type())
	}
	expect(t, "dx", got[0], 0, 0)
}

// TestConditionIsFolded: an If with a constant condition is the branch it takes.
func TestConditionIsFolded(t *testing.T) {
	branch := func(name, op string) *graph.Graph {
		return &graph.Graph{Name: name, Outputs: []graph.Value{{Name: name}}, Nodes: []*graph.Node{{Name: name, Op: op, Inputs: []string{"x"}, Outputs: []string{name}}}}
	}
	yes := tensor.New(tensor.Bool)
	yes.Bytes()[0] = 1
	make := func(b *graph.Builder, condition graph.Value) graph.Value {
		b.Input("x", tensor.Float32, graph.Dims(2)...)
		return all(b, b.Op("If", []graph.Value{condition}, attribute("then_branch", branch("then", "Exp")), attribute("else_branch", branch("else", "Neg"))))
	}
	g := build(t, func(b *graph.Builder) graph.Value { return make(b, b.Initializer("yes", yes)) })
	got := evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{0, 1}, 2)}, "x")
	expect(t, "dx", got[0], 1, math.E)

	g = build(t, func(b *graph.Builder) graph.Value { return make(b, b.Input("open", tensor.Bool)) })
	_, err := Append(g, "loss", "x")
	fails(t, err, `node "If" (If) has no gradient rule; it lies on the path x -> If -> ReduceSum`)
}

// TestLoops: what repeats a graph of its own has no gradient, and says so; one that makes whole numbers only is not on the way.
func TestLoops(t *testing.T) {
	scalar := func(name string, kind tensor.Type) graph.Value {
		return graph.Value{Name: name, Type: kind, Shape: []graph.Dim{}}
	}
	node := func(op, out string, in ...string) *graph.Node {
		return &graph.Node{Op: op, Inputs: in, Outputs: []string{out}}
	}
	loop := func(kind tensor.Type, outside string) *graph.Graph {
		state := graph.Value{Name: "state", Type: kind, Shape: graph.Dims(3)}
		return &graph.Graph{
			Name: "body", Inputs: []graph.Value{scalar("i", tensor.Int64), scalar("go", tensor.Bool), state},
			Outputs: []graph.Value{{Name: "on"}, {Name: "next"}},
			Nodes:   []*graph.Node{node("Identity", "on", "go"), node("Add", "next", "state", outside)},
		}
	}
	scan := &graph.Graph{
		Name: "body", Inputs: []graph.Value{scalar("sum", tensor.Float32), scalar("entry", tensor.Float32)},
		Outputs: []graph.Value{{Name: "next"}, {Name: "each"}},
		Nodes:   []*graph.Node{node("Add", "next", "sum", "entry"), node("Identity", "each", "next")},
	}
	g := build(t, func(b *graph.Builder) graph.Value {
		b.Input("x", tensor.Float32, graph.Dims(3)...)
		start := b.Constant(of([]float32{0, 0, 0}, 3))
		return all(b, b.Op("Loop", []graph.Value{b.Ints(2), {}, start}, attribute("body", loop(tensor.Float32, "x"))))
	})
	_, err := Append(g, "loss", "x")
	fails(t, err, `node "Loop" (Loop) has no gradient rule; it lies on the path x -> Loop -> ReduceSum`)

	g = build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(3)...)
		y := b.Ops("Scan", 2, []graph.Value{b.Scalar(tensor.Float32, 0), x}, attribute("body", scan), attribute("num_scan_inputs", int64(1)))
		return all(b, y[1])
	})
	_, err = Append(g, "loss", "x")
	fails(t, err, `node "Scan" (Scan) has no gradient rule; it lies on the path x -> Scan -> ReduceSum`)

	g = build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(3)...)
		whole := b.Op("Cast", []graph.Value{x}, attribute("to", graph.TypeNumber(tensor.Int64)))
		counted := b.Op("Loop", []graph.Value{b.Ints(2), {}, b.Ints(0, 0, 0)}, attribute("body", loop(tensor.Int64, whole.Name)))
		return all(b, mul(b, x, convert(b, counted, tensor.Float32)))
	})
	got := evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{1, 2, 3}, 3)}, "x")
	expect(t, "dx", got[0], 2, 4, 6)
}

// TestEnds: values at the ends of a path, in several roles, or asked for twice.
func TestEnds(t *testing.T) {
	numbers := map[string]*tensor.Tensor{"x": of([]float32{1, 2, 3}, 3), "dh": of([]float32{1, 0, -1}, 3), "dloss": of([]float32{2})}
	simple := func() *graph.Graph { // h = x², loss = Σ h·x, both outputs
		return build(t, func(b *graph.Builder) graph.Value {
			x := b.Input("x", tensor.Float32, graph.Dims(3)...)
			b.Input("dh", tensor.Float32, graph.Dims(3)...)
			b.Input("dloss", tensor.Float32)
			b.Output("h", square(b, x))
			return all(b, mul(b, b.Value("h"), x))
		})
	}
	run := func(g *graph.Graph, names map[string]string, of ...string) []*tensor.Tensor {
		for i, name := range of {
			of[i] = names[name]
		}
		return outputsOf(t, g, numbers, of...)
	}
	g := simple()
	names, err := Append(g, "loss", "h", "x", "loss", "h") // h is an output too, loss what it is the gradient of
	if err != nil {
		t.Fatal(err)
	}
	got := run(g, names, "h", "x", "loss")
	expect(t, "dh", got[0], 1, 2, 3)
	expect(t, "dx", got[1], 3, 12, 27)
	expect(t, "dloss", got[2], 1)

	g = simple()
	names, err = VJP(g, []string{"h", "loss", "h"}, []string{"dh", "dloss", "dh"}, []string{"x", "h"}) // one output lies behind the other
	if err != nil {
		t.Fatal(err)
	}
	got = run(g, names, "x", "h")
	expect(t, "dh", got[1], 2+2, 4, -2+6) // 2·dh + 2x
	expect(t, "dx", got[0], 4*2+2, 4*4+8, 4*6+18)

	g = simple()
	if names, err = VJP(g, []string{"x"}, []string{"h"}, []string{"x"}); err != nil { // no node between, and a cotangent that is computed
		t.Fatal(err)
	}
	expect(t, "x's own", run(g, names, "x")[0], 1, 4, 9)

	g = build(t, func(b *graph.Builder) graph.Value { return unary(b, "Identity", b.Input("x", tensor.Float32)) })
	expect(t, "identity", evaluate(t, g, map[string]*tensor.Tensor{"x": of([]float32{5})}, "x")[0], 1)
}

// TestRefused: uses of an operator that have no gradient are errors that name the node and the reason, before anything runs.
func TestRefused(t *testing.T) {
	input := func(b *graph.Builder, name string, shape ...int) graph.Value {
		return b.Input(name, tensor.Float32, graph.Dims(shape...)...)
	}
	known := func(b *graph.Builder, v graph.Value, shape ...int) graph.Value { return reshape(b, v, shape) }
	for want, f := range map[string]func(b *graph.Builder) graph.Value{
		`GridSample: no gradient with mode "bicubic", expected linear or nearest`: func(b *graph.Builder) graph.Value {
			grid := b.Constant(tensor.New(tensor.Float32, 1, 1, 1, 2))
			return b.Op("GridSample", []graph.Value{input(b, "x", 1, 1, 2, 2), grid}, attribute("mode", "bicubic"))
		},
		`the shape [?] of "Slice_output_0" is not fixed`: func(b *graph.Builder) graph.Value {
			from := b.Input("from", tensor.Int64, graph.Dims(1)...)
			return known(b, b.Op("Slice", []graph.Value{input(b, "x", 4), from, b.Ints(4)}), 2)
		},
		`the shape [?, ?] of "ReduceSum_output_0" is not fixed`: func(b *graph.Builder) graph.Value {
			return known(b, b.Op("ReduceSum", []graph.Value{input(b, "x", 4, 2), b.Input("axes", tensor.Int64, graph.Dims(1)...)}), 2)
		},
		`node "Dropout" (Dropout): `: func(b *graph.Builder) graph.Value {
			yes := tensor.New(tensor.Bool)
			yes.Bytes()[0] = 1
			return b.Op("Dropout", []graph.Value{input(b, "x", 4), b.Scalar(tensor.Float32, 0.5), b.Constant(yes)})
		},
		`LpNormalization: p is 3, expected 1 or 2`: func(b *graph.Builder) graph.Value {
			return b.Op("LpNormalization", []graph.Value{input(b, "x", 4)}, attribute("p", int64(3)))
		},
		`ScatterND: no gradient with reduction "mul", expected none or add`: func(b *graph.Builder) graph.Value {
			return b.Op("ScatterND", []graph.Value{input(b, "x", 4), known(b, b.Ints(1), 1, 1), input(b, "u", 1)}, attribute("reduction", "mul"))
		},
		`Attention: no gradient with past keys and values`: func(b *graph.Builder) graph.Value {
			x, past := input(b, "x", 1, 1, 2, 2), input(b, "past", 1, 1, 3, 2)
			return b.Op("Attention", []graph.Value{x, x, x, {}, past, past})
		},
	} {
		g := build(t, func(b *graph.Builder) graph.Value { return all(b, f(b)) })
		_, err := Append(g, "loss", "x")
		fails(t, err, want)
		if !strings.Contains(want, "not fixed") {
			fails(t, err, "; it lies on the path x -> ")
		}
	}
}

// TestDropoutInTraining: what the mask keeps is scaled, and so is its gradient; where training is only decided when the graph runs, both hold.
func TestDropoutInTraining(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(64)...)
		y := b.Ops("Dropout", 2, []graph.Value{x, b.Scalar(tensor.Float32, 0.25), b.Input("training", tensor.Bool)}, attribute("seed", int64(1)))
		b.Output("y", y[0])
		b.Output("mask", y[1])
		return all(b, y[0])
	})
	names, err := Append(g, "loss", "x")
	if err != nil {
		t.Fatal(err)
	}
	ones := of(slices.Repeat([]float32{1}, 64), 64)
	for _, training := range []byte{0, 1} {
		flag := tensor.New(tensor.Bool)
		flag.Bytes()[0] = training
		got := outputsOf(t, g.Clone(), map[string]*tensor.Tensor{"x": ones, "training": flag}, names["x"], "y")
		var want []float32
		for _, v := range got[1].Floats() { // x is 1, so y is its factor
			want = append(want, float32(v))
		}
		if training == 1 && !slices.Contains(want, 0) {
			t.Error("nothing was dropped")
		}
		expect(t, "dx", got[0], want...)
	}
}

// TestOneOutput: of a node with several outputs those count that are used.
func TestOneOutput(t *testing.T) {
	x := map[string]*tensor.Tensor{"x": of([]float32{1, 2, 3}, 3)}
	input := func(b *graph.Builder) graph.Value { return b.Input("x", tensor.Float32, graph.Dims(3)...) }
	g := build(t, func(b *graph.Builder) graph.Value {
		return all(b, square(b, b.Ops("Split", 3, []graph.Value{input(b), b.Ints(1, 1, 1)}, attribute("axis", int64(0)))[1]))
	})
	expect(t, "Split", evaluate(t, g, x, "x")[0], 0, 4, 0)
	g = build(t, func(b *graph.Builder) graph.Value { // indices alone: what they say has no gradient, what they take has
		v := input(b)
		at := b.Ops("TopK", 2, []graph.Value{v, b.Ints(2)})[1]
		return all(b, mul(b, convert(b, at, tensor.Float32), b.Op("Gather", []graph.Value{v, at})))
	})
	expect(t, "TopK", evaluate(t, g, x, "x")[0], 0, 1, 2)
	g = build(t, func(b *graph.Builder) graph.Value { // of labels all of which are ignored a sum is 0
		labels := b.Constant(whole(t, 7))
		inputs := []graph.Value{reshape(b, input(b), []int{1, 3}), labels}
		return b.Op("SoftmaxCrossEntropyLoss", inputs, attribute("ignore_index", int64(7)), attribute("reduction", "sum"))
	})
	expect(t, "ignored", evaluate(t, g, x, "x")[0], 0, 0, 0)
}

func whole(t *testing.T, numbers ...int64) *tensor.Tensor {
	t.Helper()
	v, err := tensor.Of(numbers, len(numbers))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func fails(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}

func TestErrors(t *testing.T) {
	simple := func() *graph.Graph {
		return build(t, func(b *graph.Builder) graph.Value {
			x := b.Input("x", tensor.Float32, graph.Dims(3)...)
			b.Input("z", tensor.Float32, graph.Dims(3)...)
			b.Input("n", tensor.Int64, graph.Dims(3)...)
			b.Input("free", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"})
			odd := b.Op("NonZero", []graph.Value{x})
			b.Output("odd", odd)
			b.Output("many", b.Relu(x))
			b.Output("strange", all(b, b.Relu(b.Op("RotaryEmbedding", []graph.Value{b.Relu(x)}))))
			b.Output("untyped", b.Relu(unary(b, "BlackmanWindow", x)))
			return all(b, x)
		})
	}
	cases := []struct {
		loss string
		wrt  string
		want string
	}{
		{"many", "x", `the loss "many" is [3], expected one element; VJP takes several`},
		{"odd", "x", `node "NonZero" (NonZero) has no gradient rule; it lies on the path x -> NonZero`},
		{"loss", "z", `"loss" does not depend on "z"`},
		{"loss", "n", `"n" is int64, expected floating-point numbers`},
		{"loss", "free", `the shape [batch] of "free" is not fixed`},
		{"loss", "y", `the graph has no value "y"`},
		{"untyped", "x", `node "BlackmanWindow" (BlackmanWindow) has no gradient rule; it lies on the path x -> BlackmanWindow -> Relu`},
		{"nowhere", "x", `does not depend on "x"`},
		{"strange", "x", `node "RotaryEmbedding" (RotaryEmbedding) has no gradient rule; it lies on the path x -> Relu_2 -> RotaryEmbedding -> Relu_3 -> ReduceSum`},
	}
	for _, c := range cases {
		g := simple()
		before := fmt.Sprint(len(g.Nodes), len(g.Initializers), g.Opsets)
		_, err := Append(g, c.loss, c.wrt)
		fails(t, err, c.want)
		if after := fmt.Sprint(len(g.Nodes), len(g.Initializers), g.Opsets); after != before {
			t.Errorf("after %v the graph is %s, was %s", err, after, before)
		}
	}
	g := simple()
	_, err := VJP(g, []string{"many"}, []string{"free"}, []string{"x"})
	fails(t, err, `cotangent "free" is float32 [batch], its output "many" is float32 [3]`)
	_, err = VJP(g, []string{"many"}, nil, []string{"x"})
	fails(t, err, `1 outputs with 0 cotangents`)
}

// TestNothingElse: what does not lie between wrt and the loss is not differentiated, and what the gradients do not need is not there.
func TestNothingElse(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x, w := b.Input("x", tensor.Float32, graph.Dims(2, 2)...), b.Input("w", tensor.Float32, graph.Dims(2, 2)...)
		return all(b, b.Op("Div", []graph.Value{unary(b, "RotaryEmbedding", w), b.Relu(x)})) // the first has no rule and is not asked for
	})
	forward := len(g.Nodes)
	names, err := Append(g, "loss", "x")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{names["x"]: true}
	for _, n := range slices.Backward(g.Nodes[forward:]) {
		if !slices.ContainsFunc(n.Outputs, func(name string) bool { return used[name] }) {
			t.Errorf("%s is of no use", n)
		}
		n.Reads(func(name string) { used[name] = true })
	}
	if err := g.Check(); err != nil {
		t.Error(err)
	}
}
