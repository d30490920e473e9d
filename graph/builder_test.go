package graph

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/tensor"
)

// resnet50 writes the network of He et al. 2016 with the stride on the 3x3 convolutions, as torchvision does.
func resnet50(t testing.TB) *Graph {
	b := NewBuilder("resnet50", 17)
	norm := func(b *Builder, x Value) Value {
		c := x.Shape[1].Size
		var p [4]Value
		for i, name := range []string{"weight", "bias", "running_mean", "running_var"} {
			p[i] = b.Initializer(name, tensor.New(tensor.Float32, c))
		}
		return b.BatchNormalization(x, p[0], p[1], p[2], p[3])
	}
	conv := func(b *Builder, x Value, channels, kernel int, w Window) Value {
		weights := b.Initializer("weight", tensor.New(tensor.Float32, channels, x.Shape[1].Size, kernel, kernel))
		return b.Conv(x, weights, Value{}, w)
	}
	x := b.Input("input", tensor.Float32, Dim{Size: -1, Symbol: "batch"}, Dim{Size: 3}, Dim{Size: 224}, Dim{Size: 224})
	x = b.Relu(norm(b.Scope("bn1"), conv(b.Scope("conv1"), x, 64, 7, Window{Stride: 2, Pad: 3})))
	x = b.MaxPool(x, Window{Kernel: 3, Stride: 2, Pad: 1})
	for layer, blocks := range []int{3, 4, 6, 3} {
		width := 64 << layer
		for block := range blocks {
			s := b.Scope(fmt.Sprintf("layer%d.%d", layer+1, block))
			stride := 1
			if layer > 0 && block == 0 {
				stride = 2
			}
			y := s.Relu(norm(s.Scope("bn1"), conv(s.Scope("conv1"), x, width, 1, Window{})))
			y = s.Relu(norm(s.Scope("bn2"), conv(s.Scope("conv2"), y, width, 3, Window{Stride: stride, Pad: 1})))
			y = norm(s.Scope("bn3"), conv(s.Scope("conv3"), y, 4*width, 1, Window{}))
			if block == 0 {
				x = norm(s.Scope("downsample.1"), conv(s.Scope("downsample.0"), x, 4*width, 1, Window{Stride: stride}))
			}
			x = s.Relu(s.Add(x, y))
		}
	}
	fc := b.Scope("fc")
	x = b.Flatten(b.GlobalAveragePool(x), 1)
	x = fc.Gemm(x, fc.Initializer("weight", tensor.New(tensor.Float32, 1000, 2048)), fc.Initializer("bias", tensor.New(tensor.Float32, 1000)))
	b.Output("logits", x)
	b.Output("probabilities", b.Softmax(x, -1))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBuilderResNet50(t *testing.T) {
	g := resnet50(t)
	d, err := g.Describe()
	if err != nil {
		t.Fatal(err)
	}
	// torchvision states 25,557,032 parameters and 4.09 GFLOPs (multiply-adds); the running statistics are 2 x 26,560 numbers more.
	if d.Parameters != 25_557_032+2*26_560 || d.MultiplyAdds/1e7 != 408 {
		t.Errorf("%d parameters, %d multiply-adds", d.Parameters, d.MultiplyAdds)
	}
	if d.Operators[0] != (OperatorCount{"BatchNormalization", 53}) || len(d.Normalisers) != 53 || d.Normalisers[52].Channels != 2048 {
		t.Errorf("operators %v, %d normalisers", d.Operators, len(d.Normalisers))
	}
	if got := fmt.Sprint(d.Outputs[0].Name, d.Outputs[0].Shape, d.Outputs[1].Name, d.Outputs[1].Shape); got != "logits[batch 1000]probabilities[batch 1000]" {
		t.Errorf("outputs are %s", got)
	}
	if g.Node("layer2.0.bn1/BatchNormalization") == nil || g.Constant("layer4.2.conv3.weight") == nil {
		t.Error("names are not those of the scopes")
	}
	path := filepath.Join(t.TempDir(), "resnet50.onnx")
	if err := g.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, path, g, again)
}

func TestBuilderErrors(t *testing.T) {
	cases := map[string]struct {
		write func(b *Builder, x Value)
		want  []string
	}{
		"channels": {func(b *Builder, x Value) {
			b.Output("y", b.Conv(x, b.Initializer("w", tensor.New(tensor.Float32, 8, 4, 3, 3)), Value{}, Window{}))
		}, []string{"builder_test.go:", "Conv", "3 channels", "take 4"}},
		"the first error stays": {func(b *Builder, x Value) {
			b.Add(x, b.Initializer("w", tensor.New(tensor.Float32, 5)))
			b.Gemm(x, x, x)
		}, []string{"builder_test.go:", "Add", "broadcast"}},
		"taken name":     {func(b *Builder, x Value) { b.Input("x", tensor.Float32) }, []string{"Input", `"x"`, "taken"}},
		"foreign value":  {func(b *Builder, x Value) { b.Relu(Value{Name: "q"}) }, []string{"Relu", `"q"`}},
		"no tensor":      {func(b *Builder, x Value) { b.Initializer("w", nil) }, []string{"Initializer", `"w"`}},
		"nothing to see": {func(b *Builder, x Value) { b.Relu(x) }, []string{"output"}},
	}
	for name, c := range cases {
		b := NewBuilder("broken", 17)
		c.write(b, b.Input("x", tensor.Float32, Dims(1, 3, 8, 8)...))
		_, err := b.Build()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; expected it to say %q", name, err, want)
			}
		}
	}
	if _, err := NewBuilder("new", 99).Build(); err == nil || !strings.Contains(err.Error(), "opset 99") {
		t.Errorf("opset 99: %v", err)
	}
}

func TestGoldenDescribe(t *testing.T) {
	compared := 0
	for _, path := range models(t) {
		g, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := g.Describe()
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		total := 0
		for _, o := range d.Operators {
			total += o.Count
		}
		if d.Nodes < len(g.Nodes) || total != d.Nodes || len(d.Inputs) != len(g.Inputs) {
			t.Errorf("%s: %d nodes, operators add up to %d, the graph has %d", path, d.Nodes, total, len(g.Nodes))
		}
		if len(d.Uncounted) > 0 && g.Inputs[0].Shape[len(g.Inputs[0].Shape)-1].Fixed() {
			t.Errorf("%s: the work of %v is not known", path, d.Uncounted[0])
		}
		compared++
	}
	t.Logf("compared %d cases", compared)
	// He et al. 2016, table 6: ResNet-20 has 0.27 million parameters; 41 million multiply-adds follow from its layers.
	for _, path := range golden.Files(t, "corruptions/models", "resnet20.onnx") {
		g, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := g.Describe()
		if err != nil || d.Parameters/10_000 != 27 || d.MultiplyAdds/1e6 < 40 || d.MultiplyAdds/1e6 > 41 {
			t.Errorf("%s: %d parameters, %d multiply-adds (%v)", path, d.Parameters, d.MultiplyAdds, err)
		}
	}
}

func BenchmarkLoadDescribe(b *testing.B) {
	for _, path := range golden.Files(b, "corruptions/models", "resnet20*.onnx") {
		b.Run(filepath.Base(path), func(b *testing.B) {
			for b.Loop() {
				g, err := Load(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := g.Describe(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
