package norm_test

import (
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/ort"
	"visus/graph"
	"visus/graph/norm"
	"visus/internal/golden"
	"visus/tensor"
)

const (
	folder       = "corruptions/adapt"
	pixels       = 3 * 32 * 32
	logitsWithin = 5e-3 // specification, corruptions, section 16
	statsWithin  = 1e-4
	imagesWithin = 2
)

// ResNet-20 was trained on x/255 normalised with these (data, corruptions, README).
var channelMean, channelDeviation = [3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}

// preprocess makes [n,3,32,32] of pixels that at gives.
func preprocess(n int, at func(i, y, x, c int) uint8) *tensor.Tensor {
	t := tensor.New(tensor.Float32, n, 3, 32, 32)
	v := tensor.Values[float32](t)
	for i := range v {
		x, y, c, image := i%32, i/32%32, i/1024%3, i/pixels
		v[i] = (float32(at(image, y, x, c))/255 - channelMean[c]) / channelDeviation[c]
	}
	return t
}

// lossless returns the images of cifar/*.npz, all 600, and their labels.
func lossless(t testing.TB) (*tensor.Tensor, []uint8) {
	arrays := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "*.npz")[0])
	x := tensor.Values[uint8](arrays["x"])
	return preprocess(arrays["x"].Shape()[0], func(i, y, xx, c int) uint8 { return x[((i*32+y)*32+xx)*3+c] }), tensor.Values[uint8](arrays["y"])
}

// sets returns the stored corrupted images by name, and the clean ones as "clean": 500 each.
func sets(t testing.TB) (map[string]*tensor.Tensor, []uint8) {
	clean, labels := lossless(t)
	out := map[string]*tensor.Tensor{"clean": batch(clean, 0, 500)}
	for _, file := range golden.Files(t, folder, "*.png") {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		columns := m.Bounds().Dx() / 32
		out[strings.TrimSuffix(filepath.Base(file), ".png")] = preprocess(500, func(i, y, x, c int) uint8 {
			r, g, b, _ := m.At(i%columns*32+x, i/columns*32+y).RGBA()
			return uint8([3]uint32{r, g, b}[c] >> 8)
		})
	}
	return out, labels[:500]
}

// batch returns images from..to, sharing memory.
func batch(x *tensor.Tensor, from, to int) *tensor.Tensor {
	size := x.Len() / x.Shape()[0]
	out, err := tensor.Of(tensor.Values[float32](x)[from*size:to*size], append([]int{to - from}, x.Shape()[1:]...)...)
	if err != nil {
		panic(err)
	}
	return out
}

// models returns ResNet-20 with its batch normalisation, and the files where it is folded.
func models(t testing.TB) (unfolded *graph.Graph, folded map[string]*graph.Graph) {
	folded = map[string]*graph.Graph{}
	for _, file := range golden.Files(t, "corruptions/models", "resnet20*.onnx") {
		g := load(t, file)
		if len(norm.OfKind(layersOf(t, g), norm.BatchNorm)) > 0 {
			unfolded = g
		} else {
			folded[filepath.Base(file)] = g
		}
	}
	if unfolded == nil || len(folded) == 0 {
		t.Fatal("the models lack an unfolded or a folded ResNet-20")
	}
	return unfolded, folded
}

func load(t testing.TB, file string) *graph.Graph {
	g, err := graph.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func layersOf(t testing.TB, g *graph.Graph) []norm.Layer {
	layers, err := norm.Layers(g)
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

// compile makes a program of a graph, for the length of the test.
func compile(t testing.TB, g *graph.Graph, outputs ...string) engine.Program {
	e, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skip("ONNX Runtime is absent:", err)
	}
	p, err := e.Compile(context.Background(), g, engine.Options{Outputs: outputs, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t testing.TB, p engine.Program, inputs ...*tensor.Tensor) []*tensor.Tensor {
	outputs := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), inputs, outputs); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// inBatches runs batches of n images in order, the last one smaller, and returns all logits.
func inBatches(t testing.TB, p engine.Program, x *tensor.Tensor, n int) []float64 {
	var out []float64
	for i := 0; i < x.Shape()[0]; i += n {
		out = append(out, run(t, p, batch(x, i, min(i+n, x.Shape()[0])))[0].Floats()...)
	}
	return out
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func answers(logits []float64) []int {
	out := make([]int, len(logits)/10)
	for i := range out {
		row := logits[i*10 : i*10+10]
		out[i] = slices.Index(row, slices.Max(row))
	}
	return out
}

func correct(logits []float64, labels []uint8) int {
	n := 0
	for i, a := range answers(logits) {
		if a == int(labels[i]) {
			n++
		}
	}
	return n
}

// distance is the largest difference.
func distance(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range a {
		if d := math.Abs(a[i] - b[i]); d > worst || math.IsNaN(d) {
			worst = d
		}
	}
	return worst
}

// law reads n32_N16 and batchwise_n100: batch size and options.
var lawName = regexp.MustCompile(`^(?:batchwise_n(\d+)|n(\d+)_N(\d+))$`)

func law(t testing.TB, name string) (n int, o norm.Options) {
	m := lawName.FindStringSubmatch(name)
	if m == nil {
		t.Fatalf("cannot read %q", name)
	}
	if m[1] != "" {
		n, _ = strconv.Atoi(m[1])
		return n, norm.Options{}
	}
	n, _ = strconv.Atoi(m[2])
	prior, _ := strconv.Atoi(m[3])
	return n, norm.Options{Prior: float64(prior), Images: float64(n), Unbiased: true}
}

// TestGoldenLogits holds batch graphs to the reference's logits: <set>/<law>/logits, or logits_first64.
func TestGoldenLogits(t *testing.T) {
	images, _ := sets(t)
	g, _ := models(t)
	layers := layersOf(t, g)
	checked, worst := 0, 0.0
	for _, file := range golden.Files(t, folder, "tta_golden.npz") {
		for name, want := range golden.Arrays(t, file) {
			parts := strings.Split(name, "/")
			if len(parts) != 3 || !lawName.MatchString(parts[1]) || !strings.HasPrefix(parts[2], "logits") {
				continue
			}
			n, o := law(t, parts[1])
			p := compile(t, must[*graph.Graph](t)(norm.Batch(g, layers, o)))
			got := inBatches(t, p, batch(images[parts[0]], 0, want.Shape()[0]), n)
			d := distance(got, want.Floats())
			if !(d <= logitsWithin) {
				t.Errorf("%s: logits differ by %g", name, d)
			}
			checked, worst = checked+1, max(worst, d)
		}
	}
	if checked == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d cases, logits differ by at most %.2g", checked, worst)
}
