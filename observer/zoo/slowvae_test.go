package zoo

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph/nn"
	"visus/internal/golden"
	"visus/tensor"
)

// TestGoldenSlowVAE trains from the reference's weights: every term of the loss before each step, and the parameters after the last.
func TestGoldenSlowVAE(t *testing.T) { choicetest.Each(t, goldenSlowVAE) }

func goldenSlowVAE(t *testing.T, e engine.Engine) {
	type reference struct {
		Z           int `json:"z_dim"`
		Channels    int `json:"nc"`
		Rows        int
		Beta, Gamma float64
		Rate        float64
		Steps       []struct {
			Recon, H, Total float64
			CENormal        float64 `json:"CE_normal"`
			CELaplace       float64 `json:"CE_laplace"`
		} `json:"adam_lr1e-4_steps_0_to_5"`
		After map[string]float64 `json:"param_abs_sum_after_6_steps"`
	}
	for _, path := range golden.Files(t, "slowvae/net", "*.json") {
		c := golden.JSON[reference](t, path)
		base := strings.TrimSuffix(path, ".json")
		weights, io := golden.Arrays(t, base+"_weights.npz"), golden.Arrays(t, base+"_io.npz")
		network, err := SlowVAE{c.Channels, c.Z, c.Beta, c.Gamma, c.Rate}.Trained(1, c.Rows)
		if err != nil {
			t.Fatal(err)
		}
		if len(weights) != len(network.Parameters) {
			t.Errorf("%d parameters, expected %d", len(network.Parameters), len(weights))
		}
		if err := nn.Assign(network.Graph, weights); err != nil {
			t.Fatal(err)
		}
		step, err := network.Step(Loss, nn.Adam{}, nn.StepOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := compileOn(t, e, step.Graph, engine.Options{State: step.State, Outputs: []string{Reconstruction, Entropy, Normal, Laplace, Loss}})
		x := tensor.New(tensor.Float32, io["x"].Shape()...)
		for i, v := range io["x"].Floats() {
			tensor.Values[float32](x)[i] = float32(v / 255)
		}
		rate := tensor.New(tensor.Float32)
		tensor.Values[float32](rate)[0] = 1e-4
		for k, want := range c.Steps {
			terms := []float64{want.Recon, want.H, want.CENormal, want.CELaplace, want.Total}
			for i, out := range run(t, p, x, io["eps"], rate) {
				near(t, fmt.Sprintf("%s, step %d", p.Outputs()[i].Name, k), out.Floats()[0], terms[i])
			}
		}
		for name, want := range c.After {
			state, err := p.ReadState(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, v := range state.Floats() {
				sum += math.Abs(v)
			}
			near(t, "sum of |"+name+"|", sum, want)
		}
		t.Logf("%s: %d steps, %d parameters", filepath.Base(base), len(c.Steps), len(c.After))
	}
}

// near allows a relative error of 1e-5, float32's over sums of thousands of terms.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-5*math.Abs(want)) {
		t.Errorf("%s: %.8g, expected %.8g", what, got, want)
	}
}

// TestSlowVAEHasItsParameters: 763,285 with one channel and 765,335 with three, as the repository's code has them.
func TestSlowVAEHasItsParameters(t *testing.T) {
	for channels, want := range map[int]int{1: 763285, 3: 765335} {
		v := PublishedSlowVAE
		v.Channels = channels
		network, err := v.Trained(1, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, name := range network.Parameters {
			got += network.Graph.Constant(name).Tensor.Len()
		}
		if got != want {
			t.Errorf("%d channels: %d parameters, expected %d", channels, got, want)
		}
	}
}

func TestSlowVAETakesPairs(t *testing.T) {
	for _, batch := range []int{0, 1, 7} {
		if _, err := PublishedSlowVAE.Trained(1, batch); err == nil || !strings.Contains(err.Error(), "pairs") {
			t.Errorf("batch %d: error %v, expected one about pairs", batch, err)
		}
	}
}

func TestSlowVAEWithoutSettings(t *testing.T) {
	if _, err := (SlowVAE{}).Trained(1, 2); err == nil || !strings.HasPrefix(err.Error(), "zoo: slowvae: ") {
		t.Errorf("error %v, expected one that names the network", err)
	}
}
