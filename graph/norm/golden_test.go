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

	"pgregory.net/rapid"

	"visus/engine"
	"visus/engine/choice/choicetest"
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

// tester is a test, a benchmark or one case of a property.
type tester interface {
	rapid.TB
	Cleanup(func())
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

func load(t tester, file string) *graph.Graph {
	g, err := graph.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func layersOf(t tester, g *graph.Graph) []norm.Layer {
	layers, err := norm.Layers(g)
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

// compile makes a program of a graph on ONNX Runtime, for the length of the test.
func compile(t tester, g *graph.Graph, outputs ...string) engine.Program {
	e, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skip("ONNX Runtime is absent:", err)
	}
	return compileOn(t, e, g, outputs...)
}

func compileOn(t tester, e engine.Engine, g *graph.Graph, outputs ...string) engine.Program {
	p, err := e.Compile(context.Background(), g, engine.Options{Outputs: outputs, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t tester, p engine.Program, inputs ...*tensor.Tensor) []*tensor.Tensor {
	outputs := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), inputs, outputs); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// inBatches runs batches of n images in order, the last one smaller, and returns all logits.
func inBatches(t tester, p engine.Program, x *tensor.Tensor, n int) []float64 {
	var out []float64
	for i := 0; i < x.Shape()[0]; i += n {
		out = append(out, run(t, p, batch(x, i, min(i+n, x.Shape()[0])))[0].Floats()...)
	}
	return out
}

func must[T any](t tester) func(T, error) T {
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

// TestGoldenLogits holds batch graphs, on either engine, to the reference's logits: <set>/<law>/logits, or logits_first64.
func TestGoldenLogits(t *testing.T) { choicetest.Each(t, goldenLogits) }

func goldenLogits(t *testing.T, e engine.Engine) {
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
			p := compileOn(t, e, must[*graph.Graph](t)(norm.Batch(g, layers, o)))
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

// TestGoldenStatistics holds a layer's statistics in a batch graph to the reference's:
// <set>/stats_<law>/<layer>/{target_mean,target_var,mixed_mean,mixed_var} of the first batch.
func TestGoldenStatistics(t *testing.T) {
	images, _ := sets(t)
	g, _ := models(t)
	layers := layersOf(t, g)
	checked, worst := 0, 0.0
	for _, file := range golden.Files(t, folder, "tta_golden.npz") {
		arrays := golden.Arrays(t, file)
		found := map[string]norm.Statistics{} // of the values in the adapted graph, by set and law
		for name := range arrays {
			parts := strings.Split(name, "/")
			if len(parts) != 4 || !strings.HasPrefix(parts[1], "stats_") || parts[3] != "target_mean" {
				continue
			}
			n, o := law(t, strings.TrimPrefix(parts[1], "stats_"))
			key := parts[0] + "/" + parts[1]
			if found[key] == nil {
				probed, output, err := norm.Probe(must[*graph.Graph](t)(norm.Batch(g, layers, o)), layers)
				if err != nil {
					t.Fatal(err)
				}
				vector := run(t, compile(t, probed, output), batch(images[parts[0]], 0, n))[0]
				found[key] = must[norm.Statistics](t)(norm.Unpack(layers, vector))
			}
			i := slices.IndexFunc(layers, func(l norm.Layer) bool { return l.Name == parts[2] })
			if i < 0 {
				t.Fatalf("%s: no such layer", name)
			}
			l, m := layers[i], found[key][parts[2]]
			lambda := o.Prior / (o.Prior + o.Images)
			for c := range l.Channels {
				variance := m.Variance[c] * m.Values / (m.Values - 1)
				for what, got := range map[string]float64{"target_mean": m.Mean[c], "target_var": variance,
					"mixed_mean": lambda*l.Mean[c] + (1-lambda)*m.Mean[c], "mixed_var": lambda*l.Variance[c] + (1-lambda)*variance} {
					want := arrays[strings.Join(parts[:3], "/")+"/"+what].Floats()[c]
					scale := math.Abs(want)
					if strings.HasSuffix(what, "mean") {
						scale = math.Sqrt(m.Variance[c]) // a mean near 0 is known to a share of the deviation
					}
					d := math.Abs(got-want) / scale
					if !(d <= statsWithin) {
						t.Errorf("%s/%s, channel %d: %g, expected %g", key, what, c, got, want)
					}
					checked, worst = checked+1, max(worst, d)
				}
			}
		}
	}
	if checked == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d numbers, relative difference at most %.2g", checked, worst)
}

// TestGoldenAccuracy holds the number of right answers to adapt/accuracy.json for every law and stored set.
func TestGoldenAccuracy(t *testing.T) {
	type table struct {
		Sets  map[string]map[string]float64 `json:"sets"`
		Clean map[string]float64            `json:"clean_bn"`
		All   int                           `json:"n_images"`
	}
	want := golden.JSON[table](t, golden.Files(t, folder, "accuracy.json")[0])
	want.Sets["clean"] = map[string]float64{}
	for key, v := range want.Clean {
		n, prior, _ := strings.Cut(key, ",")
		want.Sets["clean"]["n"+n+"_N"+prior] = v
	}
	if testing.Short() {
		t.Skip("324 passes over 500 images")
	}
	images, labels := sets(t)
	g, _ := models(t)
	layers := layersOf(t, g)
	source := compile(t, g)
	programs := map[string]engine.Program{}
	checked, worst, exact := 0, 0, 0
	for set, laws := range want.Sets {
		x := images[set]
		if x == nil {
			continue // not stored; made from the clean images by package corrupt, a floor apart
		}
		for name, share := range laws {
			p, n := source, 500
			switch name {
			case "source":
			case "full_biased":
				name = "batchwise_n500"
				fallthrough
			default:
				var o norm.Options
				n, o = law(t, name)
				if programs[name] == nil {
					programs[name] = compile(t, must[*graph.Graph](t)(norm.Batch(g, layers, o)))
				}
				p = programs[name]
			}
			got := correct(inBatches(t, p, x, n), labels)
			off := got - int(math.Round(share*float64(want.All)))
			if off = max(off, -off); off > imagesWithin {
				t.Errorf("%s, %s: %d of %d right, expected %g", set, name, got, want.All, share*float64(want.All))
			}
			if off == 0 {
				exact++
			}
			checked, worst = checked+1, max(worst, off)
		}
	}
	if checked == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d accuracies, %d of them exactly, the others within %d of %d images", checked, exact, worst, want.All)
}

// TestGoldenCumulative holds a stateful graph to <set>/ema_n100, and what its state says to the running sums of batches.
func TestGoldenCumulative(t *testing.T) {
	images, _ := sets(t)
	g, _ := models(t)
	layers := layersOf(t, g)
	stateful, state, err := norm.Stateful(g, layers, norm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, stateful)
	checked, worst := 0, 0.0
	for _, file := range golden.Files(t, folder, "tta_golden.npz") {
		for name, want := range golden.Arrays(t, file) {
			if !strings.HasSuffix(name, "/ema_n100/logits") {
				continue
			}
			x, value := images[strings.Split(name, "/")[0]], state.Initial
			var got []float64
			for i := 0; i < 500; i += 100 {
				out := run(t, p, batch(x, i, i+100), value)
				got, value = append(got, out[0].Floats()...), out[1]
			}
			d := distance(got, want.Floats())
			if !(d <= logitsWithin) {
				t.Errorf("%s: logits differ by %g", name, d)
			}
			checked, worst = checked+1, max(worst, d)
			for _, m := range must[norm.Statistics](t)(norm.Unpack(layers, value)) {
				if m.Images != 500 || m.Values < 500 {
					t.Fatalf("the state has seen %g images and %g values, expected 500 and more", m.Images, m.Values)
				}
			}
		}
	}
	if checked == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d sets, logits differ by at most %.2g", checked, worst)
}

// calibration reads calib_<kind>/<conv>/{mean,var}.
func calibration(arrays map[string]*tensor.Tensor, layers []norm.Layer) map[string]norm.Statistics {
	out := map[string]norm.Statistics{}
	for name, mean := range arrays {
		parts := strings.Split(name, "/")
		if len(parts) != 3 || !strings.HasPrefix(parts[0], "calib_") || parts[2] != "mean" {
			continue
		}
		kind := strings.TrimPrefix(parts[0], "calib_")
		if out[kind] == nil {
			out[kind] = norm.Statistics{}
		}
		out[kind][parts[1]] = norm.Moments{Mean: mean.Floats(), Variance: arrays[parts[0]+"/"+parts[1]+"/var"].Floats()}
	}
	return out
}

// measure probes a graph on images, pooled over batches.
func measure(t tester, g *graph.Graph, layers []norm.Layer, x *tensor.Tensor, n int) norm.Statistics {
	probed, output, err := norm.Probe(g, layers)
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, probed, output)
	var all norm.Accumulator
	for i := 0; i < x.Shape()[0]; i += n {
		vector := run(t, p, batch(x, i, min(i+n, x.Shape()[0])))[0]
		if err := all.Add(must[norm.Statistics](t)(norm.Unpack(layers, vector))); err != nil {
			t.Fatal(err)
		}
	}
	return all.Statistics()
}

// TestGoldenFolded corrects the folded ResNet-20s, as assembled and as PyTorch's exporter writes it, with every stored calibration:
// logits, accuracies and agreement with the unfolded network. Layers are matched by their place, as exporters name them anew.
func TestGoldenFolded(t *testing.T) {
	images, labels := sets(t)
	unfolded, folded := models(t)
	arrays := golden.Arrays(t, golden.Files(t, folder, "folded_golden.npz")[0])
	numbers := golden.JSON[map[string]map[string]any](t, golden.Files(t, folder, "folded_golden.json")[0])
	reference := map[string][]float64{}
	logits, shares, worst := 0, 0, 0.0
	for file, g := range folded {
		layers := norm.Adaptable(layersOf(t, g))
		stored := layers // names of the file that has the stored ones
		for _, other := range folded {
			if l := norm.Adaptable(layersOf(t, other)); arrays["calib_analytic/"+l[0].Name+"/mean"] != nil {
				stored = l
			}
		}
		if len(layers) != len(stored) {
			t.Fatalf("%s: %d folded layers, expected %d", file, len(layers), len(stored))
		}
		for kind, byName := range calibration(arrays, stored) {
			clean := norm.Statistics{}
			for i, l := range layers {
				clean[l.Name] = byName[stored[i].Name]
			}
			if kind == "plain100" {
				all, _ := lossless(t)
				compareMoments(t, file, measure(t, g, layers, batch(all, 500, 600), 40), clean)
			}
			for key, row := range numbers {
				set, name, _ := strings.Cut(key, "/")
				n, o := law(t, name)
				o.Unbiased, o.Clean = false, clean
				if reference[key] == nil {
					ref := o
					ref.Clean = nil
					reference[key] = inBatches(t, compile(t, must[*graph.Graph](t)(norm.Batch(unfolded, layersOf(t, unfolded), ref))), images[set], n)
				}
				got := inBatches(t, compile(t, must[*graph.Graph](t)(norm.Batch(g, layers, o))), images[set], n)
				if want := arrays[key+"/"+kind+"/logits"]; want != nil {
					d := distance(got[:want.Len()], want.Floats())
					if logits, worst = logits+1, max(worst, d); !(d <= logitsWithin) {
						t.Errorf("%s, %s, %s: logits differ by %g", file, key, kind, d)
					}
				}
				same := 0
				for i, a := range answers(reference[key]) {
					if a == answers(got)[i] {
						same++
					}
				}
				want := row[kind].(map[string]any)
				for what, n := range map[string]int{"acc": correct(got, labels), "agreement": same} {
					if shares++; math.Abs(float64(n)-500*want[what].(float64)) > imagesWithin {
						t.Errorf("%s, %s, %s, %s: %d of 500, expected %g", file, key, kind, what, n, 500*want[what].(float64))
					}
				}
			}
		}
	}
	if logits == 0 || shares == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d arrays of logits differ by at most %.2g; %d accuracies and agreements within %d of 500", logits, worst, shares, imagesWithin)
}

func compareMoments(t tester, what string, got, want norm.Statistics) {
	for name, w := range want {
		for c := range w.Mean {
			deviation := math.Sqrt(w.Variance[c])
			if math.Abs(got[name].Mean[c]-w.Mean[c]) > statsWithin*deviation+1e-7 || math.Abs(got[name].Variance[c]-w.Variance[c]) > statsWithin*w.Variance[c]+1e-9 {
				t.Errorf("%s: %s, channel %d: mean %g and variance %g, expected %g and %g", what, name, c, got[name].Mean[c], got[name].Variance[c], w.Mean[c], w.Variance[c])
			}
		}
	}
}
