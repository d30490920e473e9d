package lower_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// TestBatchNormGrad compares with the formulas, on channels whose mean and variance are far from 0 and 1, in several runs of one program:
// ONNX Runtime writes running statistics over the tensors that they follow.
func TestBatchNormGrad(t *testing.T) {
	e := runtime(t)
	const n, channels, space, epsilon = 6, 3, 4, 1e-5
	b := graph.NewBuilder("grad", 18)
	shape := graph.Dims(n, channels, space)
	out := b.Ops("visus.BatchNormGrad", 3, []graph.Value{b.Input("x", tensor.Float32, shape...), b.Input("scale", tensor.Float32, graph.Dims(channels)...), b.Input("dy", tensor.Float32, shape...)},
		graph.Attribute{Name: "epsilon", Value: float32(epsilon)})
	for i, name := range []string{"dx", "dscale", "dbias"} {
		b.Output(name, out[i])
	}
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	program, err := e.Compile(context.Background(), g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for run := range 3 {
		x, scale, dy := tensor.New(tensor.Float32, n, channels, space), tensor.New(tensor.Float32, channels), tensor.New(tensor.Float32, n, channels, space)
		for i := range tensor.Values[float32](x) {
			c := float64(i / space % channels)
			tensor.Values[float32](x)[i], tensor.Values[float32](dy)[i] = float32(7+5*c+12*random.NormFloat64()), float32(random.NormFloat64())
		}
		for c := range channels {
			tensor.Values[float32](scale)[c] = float32(1 + c)
		}
		outputs := make([]*tensor.Tensor, 3)
		if err := program.Run(context.Background(), []*tensor.Tensor{x, scale, dy}, outputs); err != nil {
			t.Fatal(err)
		}
		dx, dscale, dbias := batchNormGrad(x.Floats(), scale.Floats(), dy.Floats(), n, channels, space, epsilon)
		for i, want := range [][]float64{dx, dscale, dbias} {
			for k, got := range outputs[i].Floats() {
				if math.Abs(got-want[k]) > 1e-4 {
					t.Fatalf("run %d: output %d, element %d is %v, want %v", run, i, k, got, want[k])
				}
			}
		}
	}
}

// batchNormGrad is dx = scale·r·(dy - mean dy - x̂·mean(dy·x̂)), dscale = Σ dy·x̂, dbias = Σ dy with r = 1/√(variance + ε).
func batchNormGrad(x, scale, dy []float64, n, channels, space int, epsilon float64) (dx, dscale, dbias []float64) {
	dx, dscale, dbias = make([]float64, len(x)), make([]float64, channels), make([]float64, channels)
	count := float64(n * space)
	for c := range channels {
		each := func(do func(i int)) {
			for k := range n * space {
				do((k/space*channels+c)*space + k%space)
			}
		}
		var mean, variance float64
		each(func(i int) { mean += x[i] / count })
		each(func(i int) { variance += (x[i] - mean) * (x[i] - mean) / count })
		r := 1 / math.Sqrt(variance+epsilon)
		each(func(i int) { dscale[c] += dy[i] * (x[i] - mean) * r; dbias[c] += dy[i] })
		each(func(i int) { dx[i] = scale[c] * r * (dy[i] - dbias[c]/count - (x[i]-mean)*r*dscale[c]/count) })
	}
	return dx, dscale, dbias
}
