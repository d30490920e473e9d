package adapt_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"visus/adapt"
	"visus/engine"
	"visus/graph/norm"
	"visus/tensor"
)

// BenchmarkAnswer shows 5,000 images to an observer and, in turns, as many pixels to the bare batch graph that it runs. What has to be at
// least 0.9 is of-graph, the median of the ratios of their speeds.
func BenchmarkAnswer(b *testing.B) {
	const images, n = 5000, 100
	ctx, e := context.Background(), openEngine(b)
	m := resnet(b, "resnet20.onnx")
	clean, classes := lossless(b)
	var shown set
	var labels []int
	for len(shown) < images {
		shown, labels = append(shown, clean[:stored]...), append(labels, classes[:stored]...)
	}
	for _, method := range []adapt.Method{{Mode: adapt.Batch, Images: n}, {Mode: adapt.Prior, Images: n}, {Mode: adapt.Cumulative, Images: n}} {
		b.Run(method.String(), func(b *testing.B) {
			o := adapted(b, m, method)
			program := bare(b, e, method)
			pixels, err := m.Pixels(shown[:n])
			if err != nil {
				b.Fatal(err)
			}
			pixels, err = tensor.Of(slices.Clone(tensor.Values[float32](pixels)), pixels.Shape()...)
			if err != nil {
				b.Fatal(err)
			}
			var ratios, rates []float64
			for range b.N {
				for at := 0; at < images; at += 10 * n {
					start := time.Now()
					for range 10 {
						if err := program.Run(ctx, []*tensor.Tensor{pixels}, make([]*tensor.Tensor, 1)); err != nil {
							b.Fatal(err)
						}
					}
					graph := time.Since(start)
					start = time.Now()
					right(b, o, shown[at:at+10*n], labels[at:at+10*n], n)
					took := time.Since(start)
					ratios, rates = append(ratios, graph.Seconds()/took.Seconds()), append(rates, 10*n/took.Seconds())
				}
			}
			slices.Sort(ratios)
			slices.Sort(rates)
			b.ReportMetric(ratios[len(ratios)/2], "of-graph")
			b.ReportMetric(rates[len(rates)/2], "images/s")
		})
	}
}

// bare compiles the graph that a method's observer runs.
func bare(b *testing.B, e engine.Engine, method adapt.Method) engine.Program {
	b.Helper()
	m := resnet(b, "resnet20.onnx")
	g, err := m.Graph()
	if err != nil {
		b.Fatal(err)
	}
	layers, err := norm.Layers(g)
	if err != nil {
		b.Fatal(err)
	}
	layers, options := norm.OfKind(layers, norm.BatchNorm), m.CompileOptions()
	switch method.Mode {
	case adapt.Batch:
		g, err = norm.Batch(g, layers, norm.Options{})
	case adapt.Prior:
		g, err = norm.Batch(g, layers, norm.Options{Prior: 2 * float64(method.Images), Images: float64(method.Images), Unbiased: true})
	case adapt.Cumulative:
		var state norm.State
		g, state, err = norm.Stateful(g, layers, norm.Options{})
		options.State = []engine.State{{Input: state.Input, Output: state.Output, Initial: state.Initial}}
	}
	if err != nil {
		b.Fatal(err)
	}
	program, err := e.Compile(context.Background(), g, options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { program.Close() })
	return program
}
