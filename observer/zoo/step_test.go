package zoo

import (
	"context"
	"math"
	"testing"
	"time"

	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph/nn"
	"visus/tensor"
)

// TestSteps trains the architectures that visus trains on one batch for some steps: the loss falls far below that of guessing.
func TestSteps(t *testing.T) { choicetest.Each(t, learns) }

func learns(t *testing.T, e engine.Engine) {
	for _, a := range All {
		if a.Name == "resnet50" {
			continue // 25 million weights: its graph is built by the benchmark
		}
		t.Run(a.Name, func(t *testing.T) {
			network, err := a.Trained(Options{}, 1, 8, 0)
			if err != nil {
				t.Fatal(err)
			}
			step, err := network.Step(Loss, nn.Adam{}, nn.StepOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p := compileOn(t, e, step.Graph, engine.Options{State: step.State, Outputs: []string{Loss, nn.Peaks}})
			inputs := map[string]*tensor.Tensor{Images: images(t, 8, 3, 32, 32), Labels: tensor.New(tensor.Int64, 8), nn.Rate: tensor.New(tensor.Float32)}
			for i := range 8 {
				tensor.Values[int64](inputs[Labels])[i] = int64(i)
			}
			tensor.Values[float32](inputs[nn.Rate])[0] = 0.002
			in := make([]*tensor.Tensor, len(p.Inputs()))
			for i, v := range p.Inputs() {
				in[i] = inputs[v.Name]
			}
			first, last := 0.0, 0.0
			for i := range 20 {
				out := run(t, p, in...)
				if last = out[0].Floats()[0]; i == 0 {
					first = last
				}
				if peaks := out[1].Floats(); len(peaks) != len(step.Parameters) || peaks[0] <= 0 {
					t.Fatalf("%d peaks, the first %g; expected %d above 0", len(peaks), peaks[0], len(step.Parameters))
				}
			}
			if !(last < 0.5 && last < first) {
				t.Errorf("the loss went from %g to %g in 20 steps; expected less than 0.5, guessing has %g", first, last, math.Log(10))
			}
		})
	}
}

// BenchmarkResNet50Gradients is the time it takes to build the graph of a training step of ResNet-50 (goal: less than a second), without
// the drawing of its 25 million weights.
func BenchmarkResNet50Gradients(b *testing.B) {
	a, err := ByName("resnet50")
	if err != nil {
		b.Fatal(err)
	}
	network, err := a.Trained(Options{Height: 224, Width: 224, Classes: 1000}, 1, 8, 0)
	if err != nil {
		b.Fatal(err)
	}
	nodes := 0
	for b.Loop() {
		step, err := network.Step(Loss, nn.SGD{Momentum: 0.9}, nn.StepOptions{})
		if err != nil {
			b.Fatal(err)
		}
		nodes = len(step.Graph.Nodes)
	}
	b.ReportMetric(float64(nodes), "nodes")
}

// BenchmarkStep is a training step on ONNX Runtime, of batches of 128.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name string
		o    Options
	}{{"cnn", Options{Channels: 1, Height: 28, Width: 28}}, {"resnet20", Options{}}} {
		b.Run(c.name, func(b *testing.B) {
			a, err := ByName(c.name)
			if err != nil {
				b.Fatal(err)
			}
			network, err := a.Trained(c.o, 1, 128, 0)
			if err != nil {
				b.Fatal(err)
			}
			step, err := network.Step(Loss, nn.SGD{Momentum: 0.9}, nn.StepOptions{})
			if err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			p := compile(b, step.Graph, engine.Options{State: step.State, Outputs: []string{Loss}})
			compiled := time.Since(start).Seconds()
			o := c.o.filled()
			in := make([]*tensor.Tensor, len(p.Inputs()))
			for i, v := range p.Inputs() {
				shape, _ := v.Sizes()
				in[i] = tensor.New(v.Type, shape...)
			}
			in[0] = images(b, 128, o.Channels, o.Height, o.Width)
			out := make([]*tensor.Tensor, 1)
			for b.Loop() {
				if err := p.Run(context.Background(), in, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(compiled, "s/compile")
		})
	}
}
