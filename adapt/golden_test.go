package adapt_test

import (
	"context"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"visus/adapt"
	"visus/engine/ort"
	"visus/internal/golden"
	"visus/measure/rank"
	"visus/measure/shift"
	"visus/observer"
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
	"visus/tensor"
)

const (
	side         = 32
	stored       = 500 // images of every set in corruptions/adapt
	imagesWithin = 2   // of 500: specification, corruptions, section 16
)

// set is a list of images as adapt.Images.
type set []*raster.Image

func (s set) Len() int                           { return len(s) }
func (s set) Image(i int) (*raster.Image, error) { return s[i], nil }

func openEngine(t testing.TB) *ort.Engine {
	t.Helper()
	e, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	return e
}

func openModel(t testing.TB, path string, o observer.Options) *observer.Model {
	t.Helper()
	m, err := observer.Open(context.Background(), openEngine(t), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// resnet opens a model of corruptions/models with the preprocessing of its README.
func resnet(t testing.TB, file string) *observer.Model {
	t.Helper()
	return openModel(t, golden.Files(t, "corruptions/models", file)[0], observer.Options{Preprocessing: "imagenet"})
}

// lossless returns the images of cifar/*.npz and their classes.
func lossless(t testing.TB) (set, []int) {
	t.Helper()
	arrays := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0])
	pixels := tensor.Values[uint8](arrays["x"])
	var images set
	for p := range slices.Chunk(pixels, 3*side*side) {
		images = append(images, &raster.Image{Width: side, Height: side, Pix: p})
	}
	classes := make([]int, len(images))
	for i, y := range arrays["y"].Floats() {
		classes[i] = int(y)
	}
	return images, classes
}

// mosaic reads the tiles of corruptions/adapt/NAME.png, row by row; nil where the set is not stored.
func mosaic(t testing.TB, name string) set {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.Dir(t, "corruptions/adapt"), name+".png"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	columns := picture.Bounds().Dx() / side
	var images set
	for i := range columns * (picture.Bounds().Dy() / side) {
		tile := raster.New(side, side)
		for k := range side * side {
			r, g, b, _ := picture.At(i%columns*side+k%side, i/columns*side+k/side).RGBA()
			copy(tile.Pix[3*k:], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)})
		}
		images = append(images, tile)
	}
	return images
}

// corrupted makes a set.
func corrupted(t testing.TB, images set, c corrupt.Corruption, severity int, seed uint64) set {
	t.Helper()
	frost, err := corrupt.LoadTextures(golden.Dir(t, "corruptions/frost"))
	if err != nil {
		t.Fatal(err)
	}
	worker := corrupt.Worker{Frost: frost}
	out := make(set, len(images))
	for i := range images {
		out[i] = &raster.Image{}
		if err := worker.Corrupt(out[i], images[i], c, severity, corrupt.NewSource(corrupt.Seed(seed, c.Name, severity, i))); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// split reads "gaussian_noise_5" and "gaussian_noise/5".
func split(t testing.TB, name string) (corrupt.Corruption, int) {
	t.Helper()
	at := strings.LastIndexAny(name, "_/")
	severity, err := strconv.Atoi(name[at+1:])
	c, ok := corrupt.ByName(name[:max(at, 0)])
	if err != nil || !ok {
		t.Fatalf("cannot read %q", name)
	}
	return c, severity
}

// answerer is a model or an adapted one.
type answerer interface {
	Answer(context.Context, []*raster.Image) ([]observer.Answer, error)
}

// right counts the right answers to images shown n at a time, in order.
func right(t testing.TB, o answerer, images set, classes []int, n int) int {
	t.Helper()
	count := 0
	for at := 0; at < len(images); at += n {
		answers, err := o.Answer(context.Background(), images[at:min(at+n, len(images))])
		if err != nil {
			t.Fatal(err)
		}
		for k, a := range answers {
			if a.Top(1)[0] == classes[at+k] {
				count++
			}
		}
	}
	return count
}

func adapted(t testing.TB, m *observer.Model, method adapt.Method) *adapt.Observer {
	t.Helper()
	o, err := adapt.New(context.Background(), openEngine(t), m, method)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// law reads the names of accuracy.json and folded_golden.json: n32_N16, batchwise_n100, full_biased.
func law(t testing.TB, name string) adapt.Method {
	t.Helper()
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("cannot read %q", name)
		}
		return n
	}
	if name == "full_biased" {
		return adapt.Method{Mode: adapt.Batch, Images: stored}
	}
	if n, ok := strings.CutPrefix(name, "batchwise_n"); ok {
		return adapt.Method{Mode: adapt.Batch, Images: number(n)}
	}
	n, prior, _ := strings.Cut(strings.TrimPrefix(name, "n"), "_N")
	return adapt.Method{Mode: adapt.Prior, Images: number(n), Prior: float64(number(prior))}
}

// The sets that accuracy.json tells the accuracy of but that are not stored are made here; those that are stored, package norm holds.
func TestGoldenAccuracyOfSetsMadeHere(t *testing.T) {
	if testing.Short() {
		t.Skip("78 passes over 500 images")
	}
	want := golden.JSON[struct {
		Sets map[string]map[string]float64 `json:"sets"`
	}](t, golden.Files(t, "corruptions/adapt", "accuracy.json")[0])
	m := resnet(t, "resnet20.onnx")
	clean, classes := lossless(t)
	observers := map[string]answerer{"source": m}
	compared, worst := 0, 0
	for name, laws := range want.Sets {
		c, severity := split(t, name)
		if c.Random || mosaic(t, name) != nil {
			continue
		}
		images := corrupted(t, clean[:stored], c, severity, 0)
		for key, share := range laws {
			method := law(t, cmpOr(key, "source", "full_biased"))
			if method.Mode == adapt.Prior && method.Prior == 0 {
				continue // the reference's unbiased N = 0 is held by package norm; here N = 0 asks for the usual one
			}
			if observers[key] == nil {
				observers[key] = adapted(t, m, method)
			}
			got := right(t, observers[key], images, classes, method.Images)
			off := got - int(math.Round(share*stored))
			off = max(off, -off)
			if off > imagesWithin {
				t.Errorf("%s, %s: %d of %d right, want %g", name, key, got, stored, share*stored)
			}
			compared, worst = compared+1, max(worst, off)
		}
	}
	if compared == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d accuracies; at most %d of %d images differ", compared, worst, stored)
}

// cmpOr replaces a name.
func cmpOr(name, from, to string) string {
	if name == from {
		return to
	}
	return name
}

// TestGoldenCalibrated calibrates on the clean images that the reference took, 500 to 599, and holds the accuracies of every network,
// folded or not: section 14 of the specification says that they are the same.
func TestGoldenCalibrated(t *testing.T) {
	want := golden.JSON[map[string]map[string]any](t, golden.Files(t, "corruptions/adapt", "folded_golden.json")[0])
	clean, classes := lossless(t)
	const first, kind = 500, "plain100"
	compared, worst := 0, 0
	for _, file := range golden.Files(t, "corruptions/models", "resnet20*.onnx") {
		m := openModel(t, file, observer.Options{Preprocessing: "imagenet"})
		statistics, err := adapt.Calibrate(context.Background(), openEngine(t), m, clean[first:first+100])
		if err != nil {
			t.Fatal(err)
		}
		for key, row := range want {
			name, key, _ := strings.Cut(key, "/")
			images := clean[:stored]
			if name != "clean" {
				images = mosaic(t, name)
			}
			method := law(t, key)
			method.Mode, method.Clean = adapt.Calibrated, statistics
			share := row[kind].(map[string]any)["acc"].(float64)
			got := right(t, adapted(t, m, method), images, classes, method.Images)
			off := got - int(math.Round(share*stored))
			off = max(off, -off)
			if off > imagesWithin {
				t.Errorf("%s, %s, %s: %d of %d right, want %g", filepath.Base(file), name, key, got, stored, share*stored)
			}
			compared, worst = compared+1, max(worst, off)
		}
	}
	if compared == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d accuracies; at most %d of %d images differ", compared, worst, stored)
}

// TestGoldenOneClass shows batches of one class, and shuffled ones, to observers that cannot tell them apart by their own answers.
func TestGoldenOneClass(t *testing.T) {
	m := resnet(t, "resnet20.onnx")
	clean, classes := lossless(t)
	o := adapted(t, m, adapt.Method{Mode: adapt.Batch})
	warns := func(images set) int {
		if err := o.Reset(); err != nil {
			t.Fatal(err)
		}
		answer(t, o, images)
		return len(o.Warnings())
	}
	const n = 32
	for _, name := range []string{"clean", "fog_3", "contrast_5", "gaussian_noise_5"} {
		images := mosaic(t, name)
		if name == "clean" {
			images = clean[:stored]
		}
		if images == nil {
			continue
		}
		shuffled, wrongly, single, found := 0, 0, 0, 0
		byClass := map[int]set{}
		for i, image := range images {
			byClass[classes[i]] = append(byClass[classes[i]], image)
		}
		for at := 0; at+n <= len(images); at += n {
			shuffled++
			wrongly += warns(images[at : at+n])
		}
		for _, images := range byClass {
			for at := 0; at+n <= len(images); at += n {
				single++
				found += warns(images[at : at+n])
			}
		}
		t.Logf("%s: warned of %d of %d batches of one class, of %d of %d shuffled ones", name, found, single, wrongly, shuffled)
		if wrongly > 0 || 2*found < single { // where noise leaves half of all answers wrong, half of the batches
			t.Errorf("%s: warned of %d of %d batches of one class, of %d of %d shuffled ones", name, found, single, wrongly, shuffled)
		}
	}
}

// lab is tables/cifar_lab_MODEL.json.
type lab struct {
	Layers []string
	Clean  labSet
	Sets   map[string]labSet
}

type labSet struct {
	Source  float64
	Adapted float64   `json:"bn_n100"`
	Shift   []float64 `json:"wasserstein2_norm"` // by layer
}

// The table's images were corrupted once, with draws of their own; ours scatter about the same expectation. Over six seeds the standard
// deviation of a cell was at most 2.5 % of the network's shift, 7.7 % of a layer's, and 3.2 points of error (1.8 in the mean over cells), and as
// much has to be granted to the table. Cells without draws differ by rounding alone.
var (
	undrawn = tolerances{layer: 0.01, network: 0.005, points: 1./300 + 1e-5}
	drawn   = tolerances{layer: 0.15, network: 0.05, points: 0.07}
)

type tolerances struct{ layer, network, points float64 }

// TestGoldenShift holds the shift of every layer, its mean over layers, and the error with batch statistics, under corruptions made here, to
// the reference's.
func TestGoldenShift(t *testing.T) {
	if testing.Short() {
		t.Skip("95 conditions")
	}
	const images, seeds = 300, 3
	ctx, e := context.Background(), openEngine(t)
	clean, classes := lossless(t)
	for _, file := range golden.Files(t, "corruptions/tables", "cifar_lab_*.json") {
		want := golden.JSON[lab](t, file)
		m := resnet(t, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "cifar_lab_"), ".json")+".onnx")
		batch := adapted(t, m, adapt.Method{Mode: adapt.Batch, Images: 100})
		want.Sets["clean/0"] = want.Clean
		var shifts, sourceErrors, differences []float64
		near := 0
		for _, name := range slices.Sorted(maps.Keys(want.Sets)) {
			w, shown, allowed, n := want.Sets[name], clean[:images], undrawn, 1
			made := func(int) set { return shown }
			if name != "clean/0" {
				c, severity := split(t, name)
				made = func(seed int) set { return corrupted(t, shown, c, severity, uint64(seed)) }
				if c.Random {
					allowed, n = drawn, seeds
				}
			}
			wrong := 0.0
			for seed := range n {
				wrong += 1 - float64(right(t, batch, made(seed), classes, 100))/images
			}
			found, err := adapt.Measure(ctx, e, m, made(0), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != len(want.Layers) {
				t.Fatalf("%d layers, want %d", len(found), len(want.Layers))
			}
			layers := make([]float64, len(found))
			for i, s := range found {
				layers[i] = shift.Layer(s.Channels)
				if s.Layer != want.Layers[i] || math.Abs(layers[i]/w.Shift[i]-1) > allowed.layer {
					t.Errorf("%s: layer %s has the shift %.4g, want %.4g of %s", name, s.Layer, layers[i], w.Shift[i], want.Layers[i])
				}
			}
			if got, want := shift.Network(layers), shift.Network(w.Shift); math.Abs(got/want-1) > allowed.network {
				t.Errorf("%s: the network has the shift %.4g, want %.4g", name, got, want)
			}
			difference := wrong/float64(n) - w.Adapted
			if math.Abs(difference) > allowed.points {
				t.Errorf("%s: error %.3f with batch statistics, want %.3f", name, wrong/float64(n), w.Adapted)
			}
			if math.Abs(difference) <= 0.03 { // section 16
				near++
			}
			if name != "clean/0" {
				shifts, sourceErrors = append(shifts, shift.Network(layers)), append(sourceErrors, w.Source)
			}
			differences = append(differences, difference)
		}
		bias := stat.Mean(differences, nil)
		if math.Abs(bias) > 0.01 || near < len(differences)*9/10 {
			t.Errorf("errors differ by %.4f in the mean, and %d of %d by more than 3 points", bias, len(differences)-near, len(differences))
		}
		spearman, err := rank.Spearman(shifts, sourceErrors)
		if err != nil {
			t.Fatal(err)
		}
		pearson := stat.Correlation(shifts, sourceErrors, nil)
		if math.Abs(spearman-0.73) > 0.02 || math.Abs(pearson-0.76) > 0.02 { // section 14
			t.Errorf("shift and error correlate with %.3f (Spearman) and %.3f (Pearson), want 0.73 and 0.76", spearman, pearson)
		}
		t.Logf("compared %d conditions: errors differ by %.4f in the mean, %d by at most 3 points; Spearman %.3f, Pearson %.3f",
			len(differences), bias, near, spearman, pearson)
	}
}
