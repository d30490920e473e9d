package zoo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/nn"
	"visus/internal/golden"
	"visus/tensor"
)

// runtime opens ONNX Runtime, and skips the test where there is none.
func runtime(t testing.TB) engine.Engine {
	t.Helper()
	return choicetest.Open(t, choice.ORT)
}

func compile(t testing.TB, g *graph.Graph, o engine.Options) engine.Program {
	t.Helper()
	return compileOn(t, runtime(t), g, o)
}

func compileOn(t testing.TB, e engine.Engine, g *graph.Graph, o engine.Options) engine.Program {
	t.Helper()
	p, err := e.Compile(context.Background(), g, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t testing.TB, p engine.Program, inputs ...*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	out := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), inputs, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func images(t testing.TB, shape ...int) *tensor.Tensor {
	t.Helper()
	x := tensor.New(tensor.Float32, shape...)
	nn.Normal(1)(rand.New(rand.NewPCG(1, 2)), tensor.Values[float32](x), shape)
	return x
}

// TestGoldenResNets gives our networks the parameters of the files of the same name: nodes have the same names, and logits agree.
func TestGoldenResNets(t *testing.T) {
	compared := 0
	for _, path := range golden.Files(t, "corruptions/models", "resnet??.onnx") {
		want, err := graph.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ByName(strings.TrimSuffix(filepath.Base(path), ".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		network, err := a.Classifier(Options{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]*tensor.Tensor{}
		for _, c := range want.Initializers {
			if !strings.Contains(c.Name, ".sc.") { // constants of the shortcuts
				values[c.Name] = c.Tensor
			}
		}
		if err := nn.Assign(network.Graph, values); err != nil {
			t.Fatal(err)
		}
		names := func(g *graph.Graph) (out []string) {
			for _, n := range g.Nodes {
				out = append(out, n.Name+" "+n.Op)
			}
			slices.Sort(out)
			return out
		}
		if ours, theirs := names(network.Graph), names(want); !slices.Equal(ours, theirs) {
			t.Errorf("%s: nodes\n%v\nexpected\n%v", a.Name, ours, theirs)
		}
		x := images(t, 8, 3, 32, 32)
		got := run(t, compile(t, network.Graph, engine.Options{}), x)[0].Floats()
		for i, v := range run(t, compile(t, want, engine.Options{}), x)[0].Floats() {
			if d := math.Abs(got[i] - v); !(d <= 1e-4) {
				t.Fatalf("%s: logit %d is %g, expected %g", a.Name, i, got[i], v)
			}
			compared++
		}
	}
	t.Logf("compared %d logits", compared)
}

// TestAllRun: every architecture runs and has a finite loss near that of guessing, for colour and for grey images.
func TestAllRun(t *testing.T) {
	for _, a := range All {
		for _, o := range []Options{{}, {Channels: 1, Height: 28, Width: 28, Classes: 3}} {
			used, err := a.Classifier(o, 1)
			if err != nil {
				t.Fatal(err)
			}
			trained, err := a.Trained(o, 1, 4, 0.1)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(used.Parameters, trained.Parameters) {
				t.Errorf("%s: parameters %v, trained %v", a.Name, used.Parameters, trained.Parameters)
			}
			o = o.filled()
			x, labels := images(t, 4, o.Channels, o.Height, o.Width), tensor.New(tensor.Int64, 4)
			if got := run(t, compile(t, used.Graph, engine.Options{}), x)[0].Shape(); !slices.Equal(got, []int{4, o.Classes}) {
				t.Errorf("%s: logits %v", a.Name, got)
			}
			out := run(t, compile(t, trained.Graph, engine.Options{Outputs: []string{Loss, Accuracy}}), x, labels)
			if loss := out[0].Floats()[0]; !(loss > 0 && loss < 3*math.Log(float64(o.Classes))) {
				t.Errorf("%s: the loss is %g, guessing has %g", a.Name, loss, math.Log(float64(o.Classes)))
			}
			if right := out[1].Floats()[0]; right != math.Trunc(4*right)/4 || right < 0 || right > 1 {
				t.Errorf("%s: the accuracy on 4 images is %g", a.Name, right)
			}
		}
	}
}

// TestParameters compares with the papers' counts.
func TestParameters(t *testing.T) {
	for _, c := range []struct {
		name    string
		classes int
		want    float64 // millions
		within  float64
	}{
		{"resnet20", 10, 0.27, 0.005}, // He et al. 2016, table 6
		{"resnet56", 10, 0.85, 0.01},
		{"resnet50", 1000, 25.557, 0.001}, // torchvision
	} {
		a, err := ByName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		network, err := a.Classifier(Options{Height: 64, Width: 64, Classes: c.classes}, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range network.Parameters {
			n += network.Graph.Constant(name).Len()
		}
		if got := float64(n) / 1e6; math.Abs(got-c.want) > c.within {
			t.Errorf("%s has %g million parameters, expected %g", c.name, got, c.want)
		}
	}
}

// TestLeast: every network can be written for its smallest images, and says what is too small.
func TestLeast(t *testing.T) {
	for _, a := range All {
		for side := 1; side <= 8; side++ {
			_, err := a.Trained(Options{Height: side, Width: 9}, 1, 2, 0)
			if small := side < a.Least; small != (err != nil) {
				t.Errorf("%s: %d×9 pixels: %v", a.Name, side, err)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("zoo: %s: it takes images of %d×%[2]d pixels or larger, not of 9×%d", a.Name, a.Least, side)) {
				t.Error(err)
			}
		}
	}
}

func TestByNameListsWhatThereIs(t *testing.T) {
	_, err := ByName("resnet21")
	if want := `zoo: no network "resnet21"; there are mlp, cnn, resnet20`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v; expected %s...", err, want)
	}
	a, err := ByName("cnn")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Classifier(Options{Height: 1, Width: 1}, 0); err == nil || !strings.HasPrefix(err.Error(), "zoo: cnn: ") {
		t.Errorf("images of 1 × 1: %v; expected an error that names the network", err)
	}
}

func ExampleArchitecture_Classifier() {
	a, err := ByName("resnet20")
	if err != nil {
		fmt.Println(err)
		return
	}
	network, err := a.Classifier(Options{Channels: 1, Classes: 7}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(network.Graph.Inputs[0].Name, graph.ShapeText(network.Graph.Inputs[0].Shape), len(network.Parameters), "parameters")
	// Output: input [batch, 1, 32, 32] 59 parameters
}
