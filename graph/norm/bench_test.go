package norm_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/norm"
	"visus/internal/golden"
	"visus/tensor"
)

// BenchmarkBatchGraph times batch graphs, on either engine, and their source on ONNX Runtime in turns, two threads each, and reports the median of
// the ratios: what has to be at most 1.3. ResNet-50 is the one that `make bench` has drawn, where it has.
func BenchmarkBatchGraph(b *testing.B) {
	models := map[string]struct {
		file        string
		batch, size int
	}{
		"ResNet-20/100": {golden.Files(b, "corruptions/models", "resnet20.onnx")[0], 100, 32},
		"ResNet-50/8":   {filepath.Join("..", "..", ".cache", "bench", "resnet50.onnx"), 8, 224},
	}
	laws := map[string]norm.Options{
		"batch":             {},
		"prior":             {Prior: 16, Images: 100, Unbiased: true},
		"prior of own size": {Prior: 16, Unbiased: true},
	}
	for name, m := range models {
		if _, err := os.Stat(m.file); err != nil {
			b.Log(name, "is not there")
			continue
		}
		g := load(b, m.file)
		source := compile(b, g)
		x := noise(m.batch, 3, m.size, m.size)
		for law, o := range laws {
			adapted := must[*graph.Graph](b)(norm.Batch(g, layersOf(b, g), o))
			for _, by := range []string{choice.ORT, choice.OneDNN} {
				b.Run(name+"/"+law+"/"+by, func(b *testing.B) {
					p, err := choicetest.Open(b, by).Compile(context.Background(), adapted, engine.Options{Threads: 2})
					if err != nil {
						b.Fatal(err)
					}
					defer p.Close()
					inTurns(b, source, p, x, m.batch)
				})
			}
		}
	}
}

// inTurns reports the time of a program by that of its source, and images a second.
func inTurns(b *testing.B, source, adapted engine.Program, x *tensor.Tensor, batch int) {
	var ratios, seconds []float64
	for range b.N {
		for range 5 {
			before := timed(b, source, x)
			after := timed(b, adapted, x)
			ratios, seconds = append(ratios, after/before), append(seconds, after)
		}
	}
	slices.Sort(ratios)
	slices.Sort(seconds)
	b.ReportMetric(ratios[len(ratios)/2], "of-source")
	b.ReportMetric(float64(batch)/seconds[len(seconds)/2], "images/s")
}

func timed(b *testing.B, p engine.Program, x *tensor.Tensor) float64 {
	start := time.Now()
	if err := p.Run(context.Background(), []*tensor.Tensor{x}, make([]*tensor.Tensor, len(p.Outputs()))); err != nil {
		b.Fatal(err)
	}
	return time.Since(start).Seconds()
}

func noise(shape ...int) *tensor.Tensor {
	x, r := tensor.New(tensor.Float32, shape...), rand.New(rand.NewPCG(1, 2))
	for i := range tensor.Values[float32](x) {
		tensor.Values[float32](x)[i] = float32(r.NormFloat64())
	}
	return x
}
