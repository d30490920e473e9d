package lower_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// layers are the convolutions of graph.md's table (section 3), and those of ResNet-20 at batch 128: samples, channels, height and width, channels of
// the output, kernel, stride, padding.
var layers = []struct{ n, c, h, o, k, s, p int }{
	{64, 32, 32, 32, 4, 2, 1}, {64, 32, 16, 64, 4, 2, 1}, {64, 64, 56, 64, 3, 1, 1}, {32, 32, 64, 32, 3, 1, 1}, {32, 32, 64, 32, 5, 1, 2},
	{128, 16, 32, 16, 3, 1, 1}, {128, 32, 16, 32, 3, 1, 1}, {128, 64, 8, 64, 3, 1, 1}, {128, 16, 32, 32, 3, 2, 1}, {128, 3, 32, 16, 3, 1, 1}, {128, 16, 32, 32, 1, 2, 0},
}

// BenchmarkConvGradients runs a convolution and its gradients on ONNX Runtime with 2 threads, and reports GFLOP/s.
func BenchmarkConvGradients(b *testing.B) {
	e := runtime(b)
	for _, l := range layers {
		places := (l.h+2*l.p-l.k)/l.s + 1
		flops := 2 * float64(l.n*l.o*places*places*l.c*l.k*l.k)
		pair := func(v int) []int64 { return []int64{int64(v), int64(v)} }
		window := []graph.Attribute{attribute("strides", pair(l.s)), attribute("pads", append(pair(l.p), pair(l.p)...))}
		x, weights, dy := []int{l.n, l.c, l.h, l.h}, []int{l.o, l.c, l.k, l.k}, []int{l.n, l.o, places, places}
		for _, work := range []struct {
			op         string
			inputs     [][]int
			attributes []graph.Attribute
		}{
			{"Conv", [][]int{x, weights}, window},
			{"visus.ConvGradInput", [][]int{dy, weights}, append(window, attribute("shape", pair(l.h)))},
			{"visus.ConvGradWeight", [][]int{x, dy}, append(window, attribute("kernel_shape", pair(l.k)))},
		} {
			name := fmt.Sprintf("%dx%dx%d-%d-k%d-s%d/%s", l.n, l.c, l.h, l.o, l.k, l.s, work.op)
			b.Run(name, func(b *testing.B) { measure(b, e, work.op, work.inputs, work.attributes, flops) })
		}
	}
}

// BenchmarkNormAndPool runs gradients that move memory rather than multiply, at 128x16x32x32.
func BenchmarkNormAndPool(b *testing.B) {
	e := runtime(b)
	x, half, channels := []int{128, 16, 32, 32}, []int{128, 16, 16, 16}, []int{16}
	pool := []graph.Attribute{attribute("kernel_shape", []int64{2, 2}), attribute("strides", []int64{2, 2})}
	wide := []graph.Attribute{attribute("kernel_shape", []int64{3, 3}), attribute("strides", []int64{2, 2}), attribute("pads", []int64{1, 1, 1, 1})}
	b.Run("BatchNormGrad", func(b *testing.B) { measure(b, e, "visus.BatchNormGrad", [][]int{x, channels, x}, nil, 0) })
	b.Run("MaxPool-k2-s2", func(b *testing.B) { measure(b, e, "MaxPool", [][]int{x}, pool, 0) })
	b.Run("MaxPoolGrad-k2-s2", func(b *testing.B) { measure(b, e, "visus.MaxPoolGrad", [][]int{x, half}, pool, 0) })
	b.Run("MaxPoolGrad-k3-s2", func(b *testing.B) { measure(b, e, "visus.MaxPoolGrad", [][]int{x, half}, wide, 0) })
	b.Run("AveragePoolGrad-k2-s2", func(b *testing.B) {
		measure(b, e, "visus.AveragePoolGrad", [][]int{half}, append(pool, attribute("shape", []int64{32, 32})), 0)
	})
}

// measure runs one node on random numbers.
func measure(b *testing.B, e engine.Engine, op string, shapes [][]int, attributes []graph.Attribute, flops float64) {
	w := graph.NewBuilder("benchmark", 18)
	random := rand.New(rand.NewPCG(1, 2))
	var values []graph.Value
	var inputs []*tensor.Tensor
	for i, shape := range shapes {
		values = append(values, w.Input(fmt.Sprint("in", i), tensor.Float32, graph.Dims(shape...)...))
		inputs = append(inputs, drawn(random, shape...).tensor())
	}
	w.Output("out", w.Op(op, values, attributes...))
	g, err := w.Build()
	if err != nil {
		b.Fatal(err)
	}
	p, err := e.Compile(context.Background(), g, engine.Options{Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	outputs := make([]*tensor.Tensor, 1)
	for b.Loop() {
		if err := p.Run(context.Background(), inputs, outputs); err != nil {
			b.Fatal(err)
		}
	}
	if flops > 0 {
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
	}
}
