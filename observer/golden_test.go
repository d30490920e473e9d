package observer

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"visus/engine/ort"
	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

// strangers is the index of real conventions: strangers/models/index.json.
type strangers struct {
	Models []struct {
		File          string
		Note          string
		Preprocessing map[string]any
		Classes       []string
		Accuracy      float64
		Tolerance     float64
		Agreement     float64
	}
}

func openEngine(t testing.TB) *ort.Engine {
	t.Helper()
	engine, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	return engine
}

// cifar reads images and labels that every stranger was shown.
func cifar(t testing.TB, n int) ([]*raster.Image, []string) {
	t.Helper()
	data := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0])
	pixels, labels := tensor.Values[uint8](data["x"]), tensor.Values[uint8](data["y"])
	side := data["x"].Shape()[1]
	var images []*raster.Image
	var categories []string
	for i := range min(n, len(labels)) {
		size := side * side * 3
		images = append(images, &raster.Image{Width: side, Height: side, Pix: pixels[i*size : (i+1)*size]})
		categories = append(categories, strconv.Itoa(int(labels[i])))
	}
	return images, categories
}

// sidecar writes the preprocessing of the index as the sidecar file that a user would write.
func sidecar(t *testing.T, preprocessing map[string]any) string {
	t.Helper()
	text := ""
	for key, value := range preprocessing {
		if key == "dtype" || key == "mean_order" { // the model's own input type; means are in the model's channel order anyway
			continue
		}
		text += fmt.Sprintf("%s: %v\n", key, yamlOf(value))
	}
	path := filepath.Join(t.TempDir(), "model.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func yamlOf(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	text := "["
	for i, v := range list {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(v)
	}
	return text + "]"
}

func TestGoldenStrangersByHand(t *testing.T) {
	folder := golden.Dir(t, "strangers/models")
	index := golden.JSON[strangers](t, filepath.Join(folder, "index.json"))
	want := golden.Arrays(t, filepath.Join(folder, "outputs.npz"))
	engine := openEngine(t)
	compared := 0
	for _, c := range index.Models {
		t.Run(c.File, func(t *testing.T) {
			expected := want[c.File[:len(c.File)-len(".onnx")]]
			images, _ := cifar(t, expected.Shape()[0])
			m, err := Open(context.Background(), engine, filepath.Join(folder, c.File), Options{Preprocessing: sidecar(t, c.Preprocessing)})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			var got []float64
			for at := 0; at < len(images); at += m.Batch() {
				values, classes, err := m.scores(context.Background(), images[at:min(at+m.Batch(), len(images))])
				if err != nil {
					t.Fatal(err)
				}
				if classes != len(c.Classes) {
					t.Fatalf("%d outputs, want %d", classes, len(c.Classes))
				}
				got = append(got, values...)
			}
			worst, same := 0.0, 0
			reference := expected.Floats()
			for i := range reference {
				worst = max(worst, math.Abs(got[i]-reference[i]))
			}
			k := len(c.Classes)
			for i := range images {
				if argmax(got[i*k:(i+1)*k]) == argmax(reference[i*k:(i+1)*k]) {
					same++
				}
			}
			if worst > c.Tolerance || float64(same) < c.Agreement*float64(len(images)) {
				t.Errorf("outputs differ by %g (tolerance %g), %d of %d decisions agree (want %.0f %%)", worst, c.Tolerance, same, len(images), 100*c.Agreement)
			}
			compared++
		})
	}
	t.Logf("compared %d models", compared)
	if compared == 0 {
		t.Error("no model was compared")
	}
}

func TestGoldenStrangersAuto(t *testing.T) {
	folder := golden.Dir(t, "strangers/models")
	index := golden.JSON[strangers](t, filepath.Join(folder, "index.json"))
	engine := openEngine(t)
	images, categories := cifar(t, 96)
	all := slices.Compact(slices.Sorted(slices.Values(categories)))
	for _, c := range index.Models {
		t.Run(c.File, func(t *testing.T) {
			m, err := Open(context.Background(), engine, filepath.Join(folder, c.File), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			choice, err := Choose(context.Background(), m, Sample{Images: images, Categories: categories, All: all})
			if err != nil {
				t.Fatal(err)
			}
			answers, err := m.Answer(context.Background(), images)
			if err != nil {
				t.Fatal(err)
			}
			right := 0
			for i, a := range answers {
				top := a.Top(1)[0]
				if top == choice.Truth[categories[i]] {
					right++
				}
				if want := c.Classes[choice.Truth[categories[i]]]; m.Classes.Name(choice.Truth[categories[i]]) != want {
					t.Fatalf("label %s was read as %q, want %q", categories[i], m.Classes.Name(choice.Truth[categories[i]]), want)
				}
			}
			t.Logf("%s: %d of %d right with %s, labels by %s; warnings %q", c.Note, right, len(images), m.Preprocessing.Name, choice.Labels, choice.Warnings)
			if float64(right) < c.Accuracy*float64(len(images))-2 && len(choice.Warnings) == 0 {
				t.Errorf("%d of %d right, want %.1f", right, len(images), c.Accuracy*float64(len(images)))
			}
		})
	}
}

func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
