package nn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/tensor"
)

// segmented is a network of blocks with batch norm, dropout, a mask of truths and paths across segments; where marked, each block is one.
func segmented(t testing.TB, blocks, size int, marked bool) *Network {
	n := New("segmented", Options{Training: true, Seed: 3})
	x := n.Input("x", tensor.Float32, graph.Dims(4, 3, size, size)...)
	y := n.Conv("stem", x, 16, Conv{Kernel: 3, Pad: 1})
	first := y
	for i := range blocks {
		l := n.In(fmt.Sprint("block", i))
		y = l.Residual(y, func(y graph.Value) graph.Value {
			y = l.Relu(l.BatchNorm("bn1", l.Conv("conv1", y, 16, Conv{Kernel: 3, Pad: 1}), BatchNorm{}))
			return l.Dropout("drop", l.Op("Tanh", []graph.Value{l.Conv("conv2", y, 16, Conv{Kernel: 3, Pad: 1})}), 0.2)
		})
		y = l.Op("Where", []graph.Value{l.Op("Greater", []graph.Value{y, first}), y, l.Op("Mul", []graph.Value{y, first})})
		if marked {
			y = l.Recompute(y)
		}
	}
	n.Output("loss", n.Mean(n.Op("Softplus", []graph.Value{y})))
	network, err := n.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return network
}

// TestRecompute: marked segments are computed again, by copies of their nodes, and training comes to the same states and losses.
func TestRecompute(t *testing.T) {
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		var results [2][]*tensor.Tensor
		var nodes [2]map[string]int
		for i, marked := range []bool{false, true} {
			network := segmented(t, 3, 8, marked)
			step, err := network.Step("loss", Adam{}, StepOptions{})
			if err != nil {
				t.Fatal(err)
			}
			nodes[i] = map[string]int{}
			for _, n := range step.Graph.Nodes {
				nodes[i][n.Op]++
			}
			results[i] = trained(t, e, network, step)
		}
		for op, more := range map[string]int{"Conv": 7, "BatchNormalization": 3, "Tanh": 3} { // the stem is one of the first segment
			if got := nodes[1][op] - nodes[0][op]; got != more {
				t.Errorf("%d more %s than without marks, expected %d", got, op, more)
			}
		}
		for i, want := range results[0] {
			near(t, fmt.Sprint("result ", i), results[1][i].Floats(), want.Floats(), 1e-5)
		}
	})
}

// trained is the losses of three steps and all states after them.
func trained(t *testing.T, e engine.Engine, n *Network, s *StepGraph) []*tensor.Tensor {
	p, err := e.Compile(context.Background(), s.Graph, engine.Options{State: s.State, Outputs: []string{"loss"}, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var out []*tensor.Tensor
	for range 3 {
		var in []*tensor.Tensor
		for _, v := range p.Inputs() {
			shape, _ := v.Sizes()
			switch v.Name {
			case Rate:
				in = append(in, floats(t, []float64{0.01}))
			case "x":
				in = append(in, normal(r, shape...))
			default:
				mask := tensor.New(tensor.Float32, shape...)
				for _, m := range n.Masks {
					if m.Input.Name == v.Name {
						if err := m.Draw(r, mask); err != nil {
							t.Fatal(err)
						}
					}
				}
				in = append(in, mask)
			}
		}
		loss := make([]*tensor.Tensor, 1)
		if err := p.Run(context.Background(), in, loss); err != nil {
			t.Fatal(err)
		}
		out = append(out, loss[0])
	}
	for _, state := range s.State {
		held, err := p.ReadState(state.Input, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, held)
	}
	return out
}
