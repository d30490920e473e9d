package grad

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"visus/graph"
	"visus/internal/golden"
	"visus/tensor"
)

// shaped runs y = operator(inputs) and returns y and the gradient of sum dy·y with respect to each input that flows.
func shaped(t *testing.T, op string, values []*tensor.Tensor, dy *tensor.Tensor, wrt []string, attributes ...graph.Attribute) []*tensor.Tensor {
	t.Helper()
	e := runtime(t)
	b := graph.NewBuilder("shaping", graph.CommonOpset)
	var inputs []graph.Value
	for i, v := range values {
		inputs = append(inputs, b.Input(string(rune('a'+i)), v.Type(), graph.Dims(v.Shape()...)...))
	}
	b.Input("dy", dy.Type(), graph.Dims(dy.Shape()...)...)
	b.Output("y", b.Op("visus."+op, inputs, attributes...))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	names, err := VJP(g, []string{"y"}, []string{"dy"}, wrt)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := g.InferShapes()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range wrt {
		g.Outputs = append(g.Outputs, facts[names[name]])
	}
	p, err := compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	outputs := make([]*tensor.Tensor, len(g.Outputs))
	if err := p.Run(context.Background(), append(slices.Clone(values), dy), outputs); err != nil {
		t.Fatal(err)
	}
	return outputs
}

func of(numbers []float32, shape ...int) *tensor.Tensor {
	t, err := tensor.Of(numbers, shape...)
	if err != nil {
		panic(err)
	}
	return t
}

// expect compares numbers with an absolute tolerance of 1e-6: a few float32 roundings of numbers up to 10.
func expect(t *testing.T, what string, got *tensor.Tensor, want ...float32) {
	t.Helper()
	numbers := got.Floats()
	if len(numbers) != len(want) {
		t.Fatalf("%s is %v, want %v", what, numbers, want)
	}
	for i, v := range want {
		if !(math.Abs(numbers[i]-float64(v)) <= 1e-6) {
			t.Errorf("%s is %v, want %v", what, numbers, want)
			return
		}
	}
}

func TestStopGradient(t *testing.T) {
	got := shaped(t, "StopGradient", []*tensor.Tensor{of([]float32{1, -2}, 2)}, of([]float32{3, 4}, 2), []string{"a"})
	expect(t, "y", got[0], 1, -2)
	expect(t, "dx", got[1], 0, 0)
}

func TestStraightThrough(t *testing.T) {
	values := []*tensor.Tensor{of([]float32{0.7, 0.2}, 2), of([]float32{1, 0}, 2)}
	got := shaped(t, "StraightThrough", values, of([]float32{3, 4}, 2), []string{"a", "b"})
	expect(t, "y", got[0], 1, 0)
	expect(t, "dx", got[1], 3, 4)
	expect(t, "df", got[2], 0, 0)
}

// TestAgain: what says when a gradient computes something is the identity.
func TestAgain(t *testing.T) {
	x, other, dy := of([]float32{1, -2}, 2), of([]float32{5, 6}, 2), of([]float32{3, 4}, 2)
	got := shaped(t, "Recompute", []*tensor.Tensor{x}, dy, []string{"a"})
	expect(t, "y", got[0], 1, -2)
	expect(t, "dx", got[1], 3, 4)
	got = shaped(t, "After", []*tensor.Tensor{x, other}, dy, []string{"a", "b"})
	expect(t, "y", got[0], 1, -2)
	expect(t, "dx", got[1], 3, 4)
	expect(t, "dother", got[2], 0, 0)
}

// TestCustomGradient: y is 7a·b, say its values, and its gradients are what the node's own graph makes of a, b, y and dy.
func TestCustomGradient(t *testing.T) {
	inner := graph.NewBuilder("gradient", 20)
	var in []graph.Value
	for _, name := range []string{"a", "b", "y", "dy"} {
		in = append(in, inner.Input(name, tensor.Float32, graph.Dims(2)...))
	}
	inner.Output("da", inner.Op("Mul", []graph.Value{in[3], in[2]}))
	inner.Output("db", inner.Op("Sub", []graph.Value{in[3], in[0]}))
	own, err := inner.Build()
	if err != nil {
		t.Fatal(err)
	}
	own.Opsets, own.Metadata = nil, nil
	values := []*tensor.Tensor{of([]float32{14, 21}, 2), of([]float32{1, 1}, 2), of([]float32{2, 3}, 2)}
	got := shaped(t, "CustomGradient", values, of([]float32{3, 4}, 2), []string{"b", "c"}, attribute("gradient", own))
	expect(t, "y", got[0], 14, 21)
	expect(t, "da", got[1], 42, 84)
	expect(t, "db", got[2], 2, 3)
}

func TestClipGradientNorm(t *testing.T) {
	values := []*tensor.Tensor{of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)}
	got := shaped(t, "ClipGradientNorm", values, of([]float32{3, 4, 0.3, 0.4, 0, 0}, 3, 2), []string{"a"}, attribute("max_norm", float32(1)))
	expect(t, "y", got[0], 1, 2, 3, 4, 5, 6)
	expect(t, "dx", got[1], 0.6, 0.8, 0.3, 0.4, 0, 0) // lengths 5, 0.5 and 0
}

// TestGoldenRedirectedRelu holds both forms, and both positions of the switch, to Lucid's override.
func TestGoldenRedirectedRelu(t *testing.T) {
	for _, path := range golden.Files(t, "featurevis/optim", "redirected_relu*.json") {
		c := golden.JSON[struct {
			X          [][]float32
			Dy         [][]float32 `json:"grad_out"`
			Plain      [][]float32
			Redirected [][]float32
			X6         [][]float32 `json:"x_relu6"`
			Redirect6  [][]float32 `json:"redirected_relu6"`
		}](t, path)
		rows, columns := len(c.X), len(c.X[0])
		flat := func(m [][]float32) *tensor.Tensor { return of(slices.Concat(m...), rows, columns) }
		on, off := tensor.New(tensor.Bool), tensor.New(tensor.Bool)
		on.Bytes()[0] = 1
		x, dy := flat(c.X), flat(c.Dy)
		expect(t, "redirected", shaped(t, "RedirectedRelu", []*tensor.Tensor{x}, dy, []string{"a"})[1], slices.Concat(c.Redirected...)...)
		expect(t, "switched on", shaped(t, "RedirectedRelu", []*tensor.Tensor{x, on}, dy, []string{"a"})[1], slices.Concat(c.Redirected...)...)
		expect(t, "switched off", shaped(t, "RedirectedRelu", []*tensor.Tensor{x, off}, dy, []string{"a"})[1], slices.Concat(c.Plain...)...)
		six := shaped(t, "RedirectedRelu", []*tensor.Tensor{flat(c.X6)}, dy, []string{"a"}, attribute("max", float32(6)))
		expect(t, "redirected at 6", six[1], slices.Concat(c.Redirect6...)...)
		for i, v := range six[0].Floats() {
			if want := min(max(float64(slices.Concat(c.X6...)[i]), 0), 6); v != want {
				t.Errorf("forward at 6: element %d is %g, want %g", i, v, want)
			}
		}
		t.Logf("%s: %d numbers compared", filepath.Base(path), 5*rows*columns)
	}
}

// TestShapingComplete: every operator that shapes gradients has its test above.
func TestShapingComplete(t *testing.T) {
	tested := []string{"visus.After", "visus.ClipGradientNorm", "visus.CustomGradient", "visus.Recompute", "visus.RedirectedRelu",
		"visus.StopGradient", "visus.StraightThrough"}
	for op := range shaping {
		if !slices.Contains(tested, op) {
			t.Errorf("%s has no test", op)
		}
	}
}
