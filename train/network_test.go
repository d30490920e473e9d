package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

const side, classes, batchRows = 12, 3, 16

// bars writes a small network with all that a step can hold: convolution, batch normalisation, dropout, and averages of the parameters.
func bars(t testing.TB, training bool) *nn.Network {
	t.Helper()
	n := nn.New("bars", nn.Options{Training: training, Seed: 3})
	rows := graph.Dim{Size: batchRows}
	x := n.Input("images", tensor.Float32, rows, graph.Dim{Size: 1}, graph.Dim{Size: side}, graph.Dim{Size: side})
	x = n.Relu(n.BatchNorm("bn", n.Conv("conv", x, 8, nn.Conv{Kernel: 3, Stride: 2, NoBias: true}), nn.BatchNorm{}))
	logits := n.Linear("fc", n.Dropout("drop", n.Flatten(x, 1), 0.2), classes, nn.Linear{})
	n.Output("logits", logits)
	if training {
		labels := n.Input("labels", tensor.Int64, rows)
		n.Output("loss", n.CrossEntropy(logits, labels, 0))
		n.Output("accuracy", n.Accuracy(logits, labels))
	}
	network, err := n.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return network
}

// barData shows a bright row, a bright column or neither, under noise from the item's stream.
type barData int

func (d barData) Len() int { return int(d) }

func (d barData) Filler() (Filler, error) {
	source := rand.NewPCG(0, 0)
	random := rand.New(source)
	return func(batch []*tensor.Tensor, row, item int, seed uint64) error {
		source.Seed(seed, 0)
		image := tensor.Values[float32](batch[0])[row*side*side:][:side*side]
		kind, at := item%classes, item/classes%side
		for i := range image {
			image[i] = float32(random.NormFloat64()) / 2
			if kind == 0 && i/side == at || kind == 1 && i%side == at {
				image[i] += 2
			}
		}
		if len(batch) > 1 {
			tensor.Values[int64](batch[1])[row] = int64(kind)
		}
		return nil
	}, nil
}

// barRun trains bars with two threads.
func barRun(t testing.TB, folder string) Run {
	t.Helper()
	network := bars(t, true)
	step, err := network.Step("loss", nn.SGD{Momentum: 0.9, WeightDecay: 1e-4}, nn.StepOptions{Average: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	const epochs, items = 6, 300
	return Run{
		Step: StepOf(step, network, "accuracy"), Data: barData(items), Epochs: epochs, Seed: 1, Folder: folder, Threads: 2,
		Schedule: nn.OneCycle(0.1, epochs*(items/batchRows)),
	}
}

// TestNetwork trains until the network knows the classes, twice and once with an interruption: the parameters are the same, bit for bit.
func TestNetwork(t *testing.T) {
	e := open(t)
	want := train(t, barRun(t, ""))
	if last := want.History[len(want.History)-1]; last.Metrics[0] < 0.9 {
		t.Errorf("accuracy %g in the last epoch, loss %g", last.Metrics[0], last.Loss)
	}
	if names := len(want.Network); names != 7 { // conv, bn's four, fc's two
		t.Errorf("%d tensors in the network, want 7", names)
	}
	same(t, "the same run again", train(t, barRun(t, "")).Network, want.Network)

	r := barRun(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	schedule := r.Schedule
	r.Schedule = func(step int) float64 {
		if step == 40 {
			cancel()
		}
		return schedule(step)
	}
	if _, err := r.Train(ctx, e); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.Schedule = schedule
	same(t, "interrupted", train(t, r).Network, want.Network)

	used := bars(t, false)
	if err := nn.Assign(used.Graph, want.Network); err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(context.Background(), used.Graph, engine.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	right := 0
	err = Evaluation{Program: p, Data: barData(200)}.Run(context.Background(), func(first, items int, outputs []*tensor.Tensor) error {
		logits := tensor.Values[float32](outputs[0])
		for i := range items {
			if best(logits[i*classes:][:classes]) == (first+i)%classes {
				right++
			}
		}
		return nil
	})
	if err != nil || right < 190 {
		t.Errorf("the trained network is right on %d of 200 items: %v", right, err)
	}
}

func best(scores []float32) int {
	at, most := 0, math.Inf(-1)
	for i, v := range scores {
		if float64(v) > most {
			at, most = i, float64(v)
		}
	}
	return at
}

// TestNetworkDiverges: the message names a parameter of the network.
func TestNetworkDiverges(t *testing.T) {
	r := barRun(t, "")
	r.Schedule = func(int) float64 { return 1e20 }
	err := refuses(t, r, "loss is", "the largest gradient is that of ")
	var diverged *DivergedError
	if !errors.As(err, &diverged) || bars(t, true).Graph.Constant(diverged.Gradient) == nil {
		t.Errorf("got %v", err)
	}
}

// BenchmarkLoop is a step of the loop with data, which shows what is lost next to BenchmarkProgram, the same step alone.
func BenchmarkLoop(b *testing.B) {
	e := open(b)
	r := barRun(b, "")
	steps := r.Data.Len() / batchRows
	r.Epochs = b.N/steps + 1
	b.ResetTimer()
	if _, err := r.Train(context.Background(), e); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(r.Epochs*steps), "ns/step")
}

func BenchmarkProgram(b *testing.B) {
	e := open(b)
	r := barRun(b, "")
	for _, outputs := range [][]string{r.Step.scalars(), r.Step.outputs()} {
		p, err := e.Compile(context.Background(), r.Step.Graph, engine.Options{Threads: 2, State: r.Step.State, Outputs: outputs})
		if err != nil {
			b.Fatal(err)
		}
		var in []*tensor.Tensor
		for _, v := range p.Inputs() {
			shape, _ := v.Sizes()
			in = append(in, tensor.New(v.Type, shape...))
		}
		out := make([]*tensor.Tensor, len(outputs))
		b.Run(fmt.Sprint(len(outputs), " outputs"), func(b *testing.B) {
			for b.Loop() {
				if err := p.Run(context.Background(), in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
		p.Close()
	}
}
