package grad

import (
	"math"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// TestRecompute: two segments, of which the second reads an inner value of the first, an input and a constant; first and second derivatives with
// respect to the input and an inner value are those of the same graph without marks.
func TestRecompute(t *testing.T) {
	sketch := func(mark string) *graph.Graph {
		return build(t, func(b *graph.Builder) graph.Value {
			x := b.Input("x", tensor.Float32, graph.Dims(5)...)
			op := func(op string, inputs ...graph.Value) graph.Value { return b.Op(op, inputs) }
			inner := op("Sin", x)
			first := op(mark, op("Exp", inner))
			second := op(mark, op("Mul", op("Tanh", op("Add", first, inner)), op("Mul", x, b.Scalar(tensor.Float32, 3))))
			return all(b, op("Mul", op("Cos", second), first))
		})
	}
	inputs := map[string]*tensor.Tensor{"x": floats(tensor.Float32, []float64{-1, -0.3, 0.1, 0.8, 2}, 5)}
	var results [][]*tensor.Tensor
	for _, mark := range []string{"Identity", "visus.Recompute"} {
		g := sketch(mark)
		inner := g.Nodes[0].Outputs[0]
		got := evaluate(t, g.Clone(), inputs, "x", inner)
		names, err := Append(g, "loss", "x")
		if err != nil {
			t.Fatal(err)
		}
		b, err := graph.Extend(g)
		if err != nil {
			t.Fatal(err)
		}
		slope := all(b, b.Value(names["x"]))
		if again, err := Append(g, slope.Name, "x"); err != nil {
			t.Fatal(err)
		} else if copies := count(g, "Tanh"); copies != map[string]int{"Identity": 1, "visus.Recompute": 3}[mark] {
			t.Errorf("%s: %d Tanh", mark, copies)
		} else {
			got = append(got, outputsOf(t, g, inputs, again["x"])...)
		}
		results = append(results, got)
	}
	for i, want := range results[0] {
		for k, w := range want.Floats() {
			if g := results[1][i].Floats()[k]; math.Abs(g-w) > 1e-5*(1+math.Abs(w)) {
				t.Errorf("gradient %d: %g, without marks %g", i, g, w)
			}
		}
	}
}

// TestRecomputeKeeps: what would not come out the same again is kept: random numbers, and integers, which say where things are.
func TestRecomputeKeeps(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.Value {
		x := b.Input("x", tensor.Float32, graph.Dims(5)...)
		noise := b.Op("RandomUniformLike", []graph.Value{x})
		picked := b.Op("GatherElements", []graph.Value{b.Op("Exp", []graph.Value{x}), b.Op("ArgMax", []graph.Value{x}, attribute("axis", int64(0)))})
		return all(b, b.Op("visus.Recompute", []graph.Value{mul(b, mul(b, noise, x), picked)}))
	})
	if _, err := Append(g, "loss", "x"); err != nil {
		t.Fatal(err)
	}
	for op, want := range map[string]int{"RandomUniformLike": 1, "ArgMax": 1, "Exp": 2} {
		if got := count(g, op); got != want {
			t.Errorf("%d %s, expected %d", got, op, want)
		}
	}
}

func count(g *graph.Graph, op string) int {
	n := 0
	for _, node := range g.Nodes {
		if node.Op == op {
			n++
		}
	}
	return n
}
