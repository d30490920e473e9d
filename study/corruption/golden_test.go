package corruption

import (
	"archive/zip"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"visus/engine/ort"
	"visus/internal/golden"
	"visus/internal/progress"
	"visus/stimulus/corrupt"
	"visus/study/session"
	"visus/tensor"
)

func openEngine(t testing.TB) *ort.Engine {
	t.Helper()
	engine, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	return engine
}

// firstImages writes the first n images and labels of an NPZ file as another one.
func firstImages(t testing.TB, path string, n int) string {
	t.Helper()
	data := golden.Arrays(t, path)
	out := filepath.Join(t.TempDir(), "first.npz")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, name := range []string{"x", "y"} {
		shape := append([]int{n}, data[name].Shape()[1:]...)
		size, err := tensor.Elements(shape)
		if err != nil {
			t.Fatal(err)
		}
		part, err := tensor.Of(tensor.Values[uint8](data[name])[:size], shape...)
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		if err := tensor.WriteNPY(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// lab is tables/cifar_lab_MODEL.json: errors of a network on the first images of the lossless set.
type lab struct {
	Clean struct{ Source float64 }
	Sets  map[string]struct{ Source float64 }
}

const (
	labImages = 300 // "lossless index 0..299"
	oneImage  = 1./labImages + 1e-4
	points    = 0.03 // of a cell, section 16 of the specification
)

// errorsOf examines a network and returns its error under every condition, by the names of the table.
func errorsOf(t *testing.T, model, images string, seed int, corruptions []string, severities []int) map[string]float64 {
	t.Helper()
	study := Study{Engine: openEngine(t), Progress: progress.Silent(), Options: Options{Options: session.Options{
		Models: []string{model}, Images: images, Frost: golden.Dir(t, "corruptions/frost"), Preprocessing: "imagenet",
		Seed: uint64(seed), Corruptions: corruptions, Severities: severities,
	}}}
	findings, err := study.Run(context.Background(), filepath.Join(t.TempDir(), "result"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, c := range findings.Observers[0].Conditions {
		out[strings.Replace(c.Condition, "-", "/", 1)] = c.Error()
	}
	return out
}

// Corruptions made here, answered by ONNX Runtime, cost a network what the reference code's corruptions cost it: 3 points a cell, 1 point on
// the mean, and one image where nothing is drawn. The error of one seed on 300 images scatters by 1 to 3 points about its expectation, so
// that cells with random draws are averaged over few seeds and, where that average is not within 3 points, over many.
func TestGoldenEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("whole examinations")
	}
	const few, many = 3, 30
	compared := 0
	for _, table := range golden.Files(t, "corruptions/tables", "cifar_lab_*.json") {
		want := golden.JSON[lab](t, table)
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(table), "cifar_lab_"), ".json")
		model := filepath.Join(golden.Dir(t, "corruptions/models"), name+".onnx")
		images := firstImages(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0], labImages)
		cells := map[string][]float64{}
		show := func(from, to int, corruptions []string, severities []int) {
			for seed := from; seed < to; seed++ {
				for cell, e := range errorsOf(t, model, images, seed, corruptions, severities) {
					cells[cell] = append(cells[cell], e)
				}
			}
		}
		show(0, 1, nil, nil)
		show(1, few, drawing(), nil)
		for cell := range want.Sets {
			corruption, severity := session.SplitCondition(strings.Replace(cell, "/", "-", 1))
			if slices.Contains(drawing(), corruption) && math.Abs(stat.Mean(cells[cell], nil)-want.Sets[cell].Source) > points {
				show(few, many, []string{corruption}, []int{severity})
			}
		}
		if d := cells[session.Clean][0] - want.Clean.Source; math.Abs(d) > oneImage {
			t.Errorf("%s, clean: error %.4f, want %.4f", name, cells[session.Clean][0], want.Clean.Source)
		}
		mean, worst := 0.0, 0.0
		for cell, set := range want.Sets {
			corruption, _, _ := strings.Cut(cell, "/")
			got, allowed := stat.Mean(cells[cell], nil), oneImage
			if slices.Contains(drawing(), corruption) {
				allowed = points
			}
			mean += (got - set.Source) / float64(len(want.Sets))
			worst = max(worst, math.Abs(got-set.Source))
			compared++
			if math.Abs(got-set.Source) > allowed {
				t.Errorf("%s, %s: error %.3f over %d seeds, want %.3f within %.3f", name, cell, got, len(cells[cell]), set.Source, allowed)
			}
		}
		if math.Abs(mean) > 0.01 {
			t.Errorf("%s: the mean error differs by %.4f, want within 1 point", name, mean)
		}
		t.Logf("%s: largest difference of a cell %.4f, of the mean %.4f", name, worst, mean)
	}
	t.Logf("compared %d cells", compared)
	if compared == 0 {
		t.Error("no cell was compared")
	}
}

// drawing lists the corruptions that draw random numbers.
func drawing() []string {
	var names []string
	for _, c := range corrupt.All {
		if c.Random {
			names = append(names, c.Name)
		}
	}
	return names
}
