package onednn

import (
	"context"
	"fmt"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

// TestRecomputeSavesMemory: of 16 blocks in four segments, the step keeps the values of one segment and the ends of all.
func TestRecomputeSavesMemory(t *testing.T) {
	var bytes [2]int
	for i, marked := range []bool{false, true} {
		n := nn.New("deep", nn.Options{Training: true})
		x := n.Input("x", tensor.Float32, graph.Dims(2, 16, 32, 32)...)
		for k := range 16 {
			block := fmt.Sprint(k)
			x = n.Op("Tanh", []graph.Value{n.BatchNorm(block+".bn", n.Conv(block+".conv", x, 16, nn.Conv{Kernel: 3, Pad: 1}), nn.BatchNorm{})})
			if marked && k%4 == 3 {
				x = n.Recompute(x)
			}
		}
		n.Output("loss", n.Mean(x))
		network, err := n.Finish()
		if err != nil {
			t.Fatal(err)
		}
		step, err := network.Step("loss", nn.SGD{}, nn.StepOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(t).Compile(context.Background(), step.Graph, engine.Options{State: step.State, Outputs: []string{"loss"}})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		bytes[i] = p.(*Program).memory.bytes
	}
	t.Logf("%d bytes, %d with marks", bytes[0], bytes[1])
	if bytes[1]*2 > bytes[0] {
		t.Errorf("%d bytes with marks, %d without, expected less than half", bytes[1], bytes[0])
	}
}
