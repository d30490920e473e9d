package observer

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/graph"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
	"visus/tensor"
)

// model is a classifier of ten outputs, k times the mean of the fed values for output k, so that answers follow from the preprocessing alone.
type model struct {
	kind     tensor.Type // of the input; 0: float32
	shape    []graph.Dim // of the input; nil: [batch, 3, 4, 4]
	last     bool        // channels last
	square   bool        // output [batch, 10, 1, 1]
	softmax  string      // Softmax or LogSoftmax
	outputs  int         // 0: 10
	second   bool        // a second output, "features"
	name     string      // of the output; "": "y"
	metadata map[string]string
}

func (m model) save(t testing.TB) string {
	t.Helper()
	if m.kind == 0 {
		m.kind = tensor.Float32
	}
	if m.shape == nil {
		m.shape = []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: 3}, {Size: 4}, {Size: 4}}
	}
	if m.outputs == 0 {
		m.outputs = 10
	}
	if m.name == "" {
		m.name = "y"
	}
	b := graph.NewBuilder("test", 17)
	x := b.Input("x", m.kind, m.shape...)
	if m.kind != tensor.Float32 {
		x = b.Op("Cast", []graph.Value{x}, graph.Attribute{Name: "to", Value: int64(1)}) // float32
	}
	if m.last {
		x = b.Op("Transpose", []graph.Value{x}, graph.Attribute{Name: "perm", Value: []int64{0, 3, 1, 2}})
	}
	if len(m.shape) == 2 {
		x = b.Op("Reshape", []graph.Value{x, b.Ints(-1, 3, 4, 4)})
	}
	mean := b.Op("ReduceMean", []graph.Value{x}, graph.Attribute{Name: "axes", Value: []int64{1, 2, 3}}) // [batch, 1, 1, 1]
	weights := tensor.New(tensor.Float32, m.outputs, 1, 1, 1)
	for i := range m.outputs {
		tensor.Values[float32](weights)[i] = float32(i)
	}
	y := b.Conv(mean, b.Initializer("k", weights), graph.Value{}, graph.Window{})
	if !m.square {
		y = b.Flatten(y, 1)
	}
	if m.softmax != "" {
		y = b.Op(m.softmax, []graph.Value{y}, graph.Attribute{Name: "axis", Value: int64(1)})
	}
	b.Output(m.name, y)
	if m.second {
		b.Output("features", mean)
	}
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	g.Metadata = m.metadata
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := g.Save(path, graph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// beside writes a sidecar beside a model.
func beside(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(strings.TrimSuffix(path, ".onnx")+".yaml", []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// grey16 returns images of 4×4 pixels of these levels.
func grey16(levels ...uint8) []*raster.Image {
	var all []*raster.Image
	for _, level := range levels {
		m := raster.New(4, 4)
		for i := range m.Pix {
			m.Pix[i] = level
		}
		all = append(all, m)
	}
	return all
}

// expect is softmax(k·x) over the outputs for the mean x of the fed values.
func expect(x float64, outputs int) []float64 {
	p, sum := make([]float64, outputs), 0.0
	for k := range p {
		p[k] = math.Exp(float64(k) * x)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

func TestAnswersOfEveryKindOfModel(t *testing.T) {
	engine := openEngine(t)
	batch := graph.Dim{Size: -1, Symbol: "batch"}
	for _, c := range []struct {
		name    string
		model   model
		sidecar string
		options Options
		fed     func(level float64) float64
	}{
		{name: "free batch", options: Options{Preprocessing: "none"}},
		{name: "a fixed batch larger than the number of images", model: model{shape: graph.Dims(7, 3, 4, 4)}, options: Options{Preprocessing: "none"}},
		{name: "a fixed batch of one", model: model{shape: graph.Dims(1, 3, 4, 4)}, options: Options{Preprocessing: "none"}},
		{name: "free channels", model: model{shape: []graph.Dim{batch, {Size: -1, Symbol: "c"}, {Size: 4}, {Size: 4}}}, options: Options{Preprocessing: "none"}},
		{name: "free sides", model: model{shape: []graph.Dim{batch, {Size: 3}, {Size: -1}, {Size: -1}}}, options: Options{Preprocessing: "none", Size: 4}},
		{name: "grey", model: model{shape: []graph.Dim{batch, {Size: 1}, {Size: 4}, {Size: 4}}}, options: Options{Preprocessing: "none"}},
		{name: "all free, layout told", model: model{shape: []graph.Dim{batch, {Size: -1}, {Size: -1}, {Size: -1}}}, sidecar: "layout: nchw\npreprocessing: none\n", options: Options{Size: 4}},
		{name: "channels last", model: model{shape: []graph.Dim{batch, {Size: 4}, {Size: 4}, {Size: 3}}, last: true}, options: Options{Preprocessing: "none"}},
		{name: "free channels, last", model: model{shape: []graph.Dim{batch, {Size: 4}, {Size: 4}, {Size: -1}}, last: true}, options: Options{Preprocessing: "none"}},
		{name: "output of four dimensions", model: model{square: true}, options: Options{Preprocessing: "none"}},
		{name: "probabilities", model: model{softmax: "Softmax"}, options: Options{Preprocessing: "none"}},
		{name: "log-probabilities", model: model{softmax: "LogSoftmax"}, options: Options{Preprocessing: "none"}},
		{name: "two outputs, one with a usual name", model: model{second: true, name: "logits"}, options: Options{Preprocessing: "none"}},
		{name: "two outputs, one named", model: model{second: true}, options: Options{Preprocessing: "none", Output: "y"}},
		{name: "two outputs, one as wide as there are classes", model: model{second: true}, options: Options{Preprocessing: "none", Classes: "cifar10"}},
		{name: "float16", model: model{kind: tensor.Float16}, options: Options{Preprocessing: "none"}},
		{name: "float64", model: model{kind: tensor.Float64}, options: Options{Preprocessing: "none"}},
		{name: "bytes", model: model{kind: tensor.Uint8}, fed: func(v float64) float64 { return v }},
		{name: "tf", options: Options{Preprocessing: "tf"}, fed: func(v float64) float64 { return v/127.5 - 1 }},
		{name: "sidecar", sidecar: "scale: 1/255\nshift: 0.25\nmean: 0.5\nstd: [2]\n", fed: func(v float64) float64 { return (v/255 + .25 - .5) / 2 }},
		{name: "sidecar that changes a usual one", sidecar: "preprocessing: none\nmean: [0.25, 0.25, 0.25]\n", fed: func(v float64) float64 { return v/255 - .25 }},
		{name: "an option overrules the sidecar", sidecar: "preprocessing: none\nmean: 0.25\n", options: Options{Preprocessing: "none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.model.save(t)
			if c.sidecar != "" {
				beside(t, path, c.sidecar)
			}
			m, err := Open(context.Background(), engine, path, c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			levels := []uint8{0, 3, 100, 255}
			answers, err := m.Answer(context.Background(), grey16(levels...))
			if err != nil {
				t.Fatal(err)
			}
			if len(answers) != len(levels) {
				t.Fatalf("%d answers to %d images", len(answers), len(levels))
			}
			fed := c.fed
			if fed == nil {
				fed = func(v float64) float64 { return v / 255 }
			}
			for i, a := range answers {
				for k, want := range expect(fed(float64(levels[i])), 10) {
					if math.Abs(float64(a.Probabilities[k])-want) > 1e-3 { // half floats keep 11 bits
						t.Fatalf("level %d, class %d: probability %g, want %g", levels[i], k, a.Probabilities[k], want)
					}
				}
			}
		})
	}
}

// Somebody else's program over the model's graph answers as the model does: any batch, also where the model fixes one.
func TestPixelsAndRead(t *testing.T) {
	engine := openEngine(t)
	ctx := context.Background()
	for name, c := range map[string]model{"free batch": {}, "fixed batch": {shape: graph.Dims(7, 3, 4, 4)}, "log-probabilities": {softmax: "LogSoftmax"}} {
		t.Run(name, func(t *testing.T) {
			m, err := Open(ctx, engine, c.save(t), Options{Preprocessing: "none"})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			g, err := m.Graph()
			if err != nil {
				t.Fatal(err)
			}
			if m.Input().Shape[0].Fixed() {
				if err := g.FreeBatch("batch"); err != nil {
					t.Fatal(err)
				}
			}
			program, err := engine.Compile(ctx, g, m.CompileOptions())
			if err != nil {
				t.Fatal(err)
			}
			defer program.Close()
			for _, images := range [][]*raster.Image{grey16(0, 3, 100, 255, 7), grey16(9), grey16(80, 20)} {
				pixels, err := m.Pixels(images)
				if err != nil {
					t.Fatal(err)
				}
				outputs := make([]*tensor.Tensor, 1)
				if err := program.Run(ctx, []*tensor.Tensor{pixels}, outputs); err != nil {
					t.Fatal(err)
				}
				got, err := m.Read(outputs[0], len(images))
				if err != nil {
					t.Fatal(err)
				}
				want, err := m.Answer(ctx, images)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					for k, p := range want[i].Probabilities {
						if math.Abs(float64(got[i].Probabilities[k]-p)) > 1e-6 {
							t.Fatalf("image %d of %d, class %d: %g, want %g", i, len(images), k, got[i].Probabilities[k], p)
						}
					}
				}
			}
			if _, err := m.Pixels(nil); err == nil || !strings.Contains(err.Error(), "a batch without images") {
				t.Errorf("no images: %v", err)
			}
			if _, err := m.Read(tensor.New(tensor.Float32, 2, 3), 4); err == nil || !strings.Contains(err.Error(), "expected [4, classes]") {
				t.Errorf("too few rows: %v", err)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	engine := openEngine(t)
	batch := graph.Dim{Size: -1, Symbol: "batch"}
	for _, c := range []struct {
		name    string
		model   model
		sidecar string
		options Options
		want    string
	}{
		{"a flat input", model{shape: []graph.Dim{batch, {Size: 48}}}, "", Options{},
			`input "x" has shape [batch, 48], expected four dimensions: batch, channels, height, width (in this order or channels last)`},
		{"two channels", model{shape: []graph.Dim{batch, {Size: 2}, {Size: 4}, {Size: 4}}}, "", Options{},
			`input "x" has shape [batch, 2, 4, 4], expected 1 or 3 channels at position 2 or 4`},
		{"two channels, layout told", model{shape: []graph.Dim{batch, {Size: 2}, {Size: 4}, {Size: 4}}}, "layout: nchw", Options{},
			`input "x" has 2 channels, expected 3 (RGB) or 1 (grey)`},
		{"all free", model{shape: []graph.Dim{batch, {Size: -1}, {Size: -1, Symbol: "h"}, {Size: -1}}}, "", Options{},
			`input "x" has shape [batch, ?, h, ?], which does not tell where the channels are; say layout: nchw or nhwc in the sidecar file`},
		{"integers", model{kind: tensor.Int64}, "", Options{}, `input "x" takes int64, expected float32, float16, float64 or uint8`},
		{"too few classes", model{}, "classes: [cat, dog]", Options{}, `2 class names (SIDECAR) for 10 outputs`},
		{"classes of another kind", model{}, "classes: 7", Options{}, `SIDECAR: classes is neither a list nor a name`},
		{"classes in metadata", model{metadata: map[string]string{"names": "{0: 'cat', 2: 'dog'}"}}, "", Options{}, `metadata "names" of the model: no class names: index 1 of 0..1 is missing`},
		{"no such output", model{second: true}, "output: scores", Options{}, `the model has no output "scores"; its outputs are y, features`},
		{"two outputs", model{second: true}, "", Options{}, `the model has 2 outputs (y, features); say which holds the class scores with --output`},
		{"no such preprocessing", model{}, "", Options{Preprocessing: "imagnet"}, `preprocessing "imagnet" is none of imagenet, none, tf, caffe, cifar, clip, raw, auto, or a .yaml file`},
		{"no such preprocessing in the sidecar", model{}, "preprocessing: imagnet", Options{}, `preprocessing "imagnet" is none of imagenet, none, tf, caffe, cifar, clip, raw, auto, or a .yaml file (in SIDECAR)`},
		{"no such scores", model{}, "scores: odds", Options{}, `scores "odds" are none of logits, probabilities, log-probabilities`},
		{"no such layout", model{}, "layout: hwcn", Options{}, `layout "hwcn" is neither nchw nor nhwc`},
		{"no such channels", model{}, "channels: grb", Options{}, `SIDECAR: channels "grb" is neither rgb nor bgr`},
		{"no such filter", model{}, "interpolation: best", Options{}, `SIDECAR: `},
		{"no number", model{}, "scale: 1/0", Options{}, `"1/0" is not a number such as 0.5 or 1/255`},
		{"two means", model{}, "mean: [1, 2]", Options{}, `is neither one number nor a list of three`},
		{"a misspelt field", model{}, "meen: 0.5", Options{}, `unknown field "meen"`},
		{"no sidecar", model{}, "", Options{Preprocessing: "absent.yaml"}, `observer: sidecar: open absent.yaml: no such file or directory`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.model.save(t)
			if c.sidecar != "" {
				beside(t, path, c.sidecar+"\n")
			}
			m, err := Open(context.Background(), engine, path, c.options)
			if err == nil {
				m.Close()
				t.Fatal("no error")
			}
			want := strings.ReplaceAll(c.want, "SIDECAR", strings.TrimSuffix(path, ".onnx")+".yaml")
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q\nlacks %q", err, want)
			}
		})
	}
}

func TestSidecarWithEveryField(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "net.yaml")
	text := `preprocessing: imagenet
channels: bgr
scale: 1/127.5
shift: -1
mean: [0.1, 0.2, 0.3]
std: 0.5
resize: 40
crop: 32
interpolation: bicubic
layout: nhwc
output: scores
scores: log-probabilities
classes: names.txt
`
	for name, data := range map[string]string{path: text, filepath.Join(folder, "names.txt"): "cat\ndog\n"} {
		if err := os.WriteFile(name, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ReadSidecar(path)
	if err != nil {
		t.Fatal(err)
	}
	p, told, err := s.preprocessing(path)
	if err != nil || !told {
		t.Fatalf("told %t, %v", told, err)
	}
	want := Preprocessing{Name: path, BGR: true, Scale: 1 / 127.5, Shift: -1, Mean: [3]float64{.1, .2, .3}, Std: [3]float64{.5, .5, .5}, Resize: 40, Crop: 32, Filter: resample.Bicubic}
	if p != want {
		t.Errorf("found %+v\nwant  %+v", p, want)
	}
	if s.Layout != "nhwc" || s.Output != "scores" || s.Scores != "log-probabilities" {
		t.Errorf("found %+v", s)
	}
	classes, err := modelClasses(&graph.Graph{}, s, path, "")
	if err != nil || !slices.Equal(classes.Names(), []string{"cat", "dog"}) {
		t.Errorf("classes %v, %v", classes, err)
	}
}

// What a sidecar says of sizes holds whatever decides on the pixels.
func TestSidecarGeometry(t *testing.T) {
	engine := openEngine(t)
	path := model{}.save(t)
	beside(t, path, "resize: 6\ninterpolation: lanczos\n")
	for _, option := range []string{"", "auto", "tf"} {
		m, err := Open(context.Background(), engine, path, Options{Preprocessing: option})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Choose(context.Background(), m, Sample{Images: grey16(10, 20), Categories: []string{"0", "1"}, All: []string{"0", "1"}}); err != nil {
			t.Fatal(err)
		}
		if got, want := m.Geometry(), (Geometry{Width: 4, Height: 4, Resize: 6, Filter: resample.Lanczos}); got != want {
			t.Errorf("preprocessing %q: geometry %+v, want %+v", option, got, want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestChooseWithoutLabels(t *testing.T) {
	engine := openEngine(t)
	for option, warned := range map[string]bool{"auto": true, "": true, "tf": false} {
		m, err := Open(context.Background(), engine, model{}.save(t), Options{Preprocessing: option})
		if err != nil {
			t.Fatal(err)
		}
		choice, err := Choose(context.Background(), m, Sample{Images: grey16(10), Categories: []string{""}})
		if err != nil {
			t.Fatal(err)
		}
		want := `without labels the preprocessing cannot be checked: "imagenet" is assumed; name another with --preprocessing`
		if got := strings.Join(choice.Warnings, "; "); (got == want) != warned || (got == "") == warned {
			t.Errorf("preprocessing %q: warnings %q", option, got)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMatchLabels(t *testing.T) {
	crane, ok := ImageNet().Output("n02012849")
	if !ok {
		t.Fatal("n02012849 is not known")
	}
	shifted := ImageNet().withBackground()
	for _, c := range []struct {
		label          string
		classes, order *Classes
		want           int
	}{
		{"tench", ImageNet(), nil, 0},
		{"Tinca tinca", ImageNet(), nil, 0},
		{"n01440764", ImageNet(), nil, 0},
		{"0", ImageNet(), nil, 0},
		{"999", ImageNet(), nil, 999},
		{"great_white_shark", ImageNet(), nil, 2},
		{"Great-White Shark", ImageNet(), nil, 2},
		{"crane (n02012849)", ImageNet(), nil, crane}, // two classes have that name
		{"tench", shifted, nil, 1},
		{"0", shifted, nil, 1}, // numbers do not count the background
		{"truck", CIFAR10(), nil, 9},
		{"7", Digits(), nil, 7},
		{"9", NewClasses("file", []string{"truck", "ship", "cat"}), CIFAR10(), 0},
	} {
		truth, err := MatchLabels([]string{c.label}, c.classes, c.order)
		if err != nil || truth[c.label] != c.want {
			t.Errorf("%q is output %d of %s (%v), want %d", c.label, truth[c.label], c.classes.Origin, err, c.want)
		}
	}
	_, err := MatchLabels([]string{"cat", "unicorn", "", "10", "-1"}, CIFAR10(), nil)
	want := `observer: 3 of 4 categories of the data are not among the 10 classes of the model: "-1", "10", "unicorn"; the classes (cifar10) are "airplane", `
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprint("thing", i))
	}
	if _, err = MatchLabels(many, CIFAR10(), nil); err == nil || !strings.Contains(err.Error(), "and 20 more") {
		t.Errorf("error %v does not cut its list", err)
	}
}
