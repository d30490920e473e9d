package rescaling

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"visus/engine/choice/choicetest"
	"visus/internal/golden"
	"visus/rescale"
	"visus/stimulus/raster"
	"visus/study/session"
	"visus/tensor"
)

// photos writes smooth pictures, dark ones and light ones, below class folders.
func photos(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		m := raster.New(20+i, 16)
		for k := range m.Pix {
			m.Pix[k] = uint8(127.5 + 127.5*math.Sin(float64(k*(i+1))/50))
		}
		folder := filepath.Join(dir, []string{"cat", "dog"}[i%2])
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := m.WritePNG(filepath.Join(folder, string(rune('a'+i))+".png")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func usual(images string) Options {
	return Options{Options: session.Options{Images: images, Device: "cpu"}, Noise: "gaussian", Share: 0.03, Format: "npy", Gallery: 2}
}

func mustRun(t *testing.T, o Options, folder string) *Findings {
	t.Helper()
	f, err := Study{Options: o}.Run(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWrittenImagesHaveTheirLength measures, in float64, what was written.
func TestWrittenImagesHaveTheirLength(t *testing.T) {
	for _, p := range []float64{1, 1.5, 2, math.Inf(1)} {
		for _, noise := range Noises {
			o, out := usual(photos(t, 3)), filepath.Join(t.TempDir(), "out")
			o.P, o.Noise, o.Share, o.Eps, o.Mean = p, noise, 0.9, []float64{0.05, 0.3}, true
			f := mustRun(t, o, out)
			rows, _, err := readRows(filepath.Join(out, SamplesFile), 2)
			if err != nil || len(rows) != 6 {
				t.Fatalf("%d rows, expected 6; error %v", len(rows), err)
			}
			for _, row := range rows {
				v, err := tensor.ReadFile(filepath.Join(out, imagesFolder, level(row.Eps), strings.Replace(row.Sample, ".png", ".npy", 1)))
				if err != nil {
					t.Fatal(err)
				}
				x, err := raster.ReadFile(filepath.Join(o.Images, row.Sample), raster.Options{})
				if err != nil {
					t.Fatal(err)
				}
				got := lengthOf(v.Floats(), x.Pix, p)
				if !row.Reached || math.Abs(got/row.Eps-1) > 2e-6 || math.Abs(row.Norm/got-1) > 1e-6 {
					t.Errorf("p %v, %s, %s: the length is %v, reported %v; expected %v", p, noise, row.Sample, got, row.Norm, row.Eps)
				}
				if row.NaiveNorm > row.Eps*(1+1e-6) || row.Eta < row.NaiveEta*(1-1e-6) {
					t.Errorf("p %v, %s, %s: naive length %v with factor %v, exact %v", p, noise, row.Sample, row.NaiveNorm, row.NaiveEta, row.Eta)
				}
			}
			if l := f.Levels[1]; noise == "gaussian" && (l.Naive.Loss <= 0.001 || l.Exact.Loss > 1e-6) {
				t.Errorf("p %v: naive scaling loses %v, exact %v", p, l.Naive.Loss, l.Exact.Loss)
			}
		}
	}
}

// lengthOf is the length per element of v - x/255; the largest for p = +Inf.
func lengthOf(v []float64, x []uint8, p float64) float64 {
	total, most := 0.0, 0.0
	for i := range v {
		d := math.Abs(v[i] - float64(float32(x[i])/255))
		total, most = total+math.Pow(d, p), max(most, d)
	}
	if math.IsInf(p, 1) {
		return most
	}
	return math.Pow(total/float64(len(v)), 1/p)
}

// TestResume: a run that was cut off goes on and comes to the same.
func TestResume(t *testing.T) {
	o := usual(photos(t, 5))
	whole, part := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "part")
	mustRun(t, o, whole)
	mustRun(t, o, part)
	want, err := os.ReadFile(filepath.Join(whole, SamplesFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 30, len(want) / 3, len(want) / 2, len(want) - 1, len(want)} {
		if err := os.WriteFile(filepath.Join(part, SamplesFile), want[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		o.Workers = 1 + cut%3
		mustRun(t, o, part)
		got, err := os.ReadFile(filepath.Join(part, SamplesFile))
		if err != nil || string(got) != string(want) {
			t.Errorf("cut at %d of %d bytes the samples differ (error %v)", cut, len(want), err)
		}
	}
	o.Seed = 7
	if _, err := (Study{Options: o}).Run(context.Background(), part); err == nil || !strings.Contains(err.Error(), "seed 0, now 7") {
		t.Errorf("error %v, expected one that names the seeds", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Study{Options: usual(photos(t, 2))}).Run(ctx, filepath.Join(t.TempDir(), "out")); err != session.ErrInterrupted {
		t.Errorf("error %v, expected that it was interrupted", err)
	}
}

func TestRowsSurviveTheFile(t *testing.T) {
	row := Row{Sample: "a, b\n\"c\"", Category: "cat", Eps: 0.1, Eta: 1e-30, Norm: math.Nextafter(0.1, 1), Largest: math.Inf(1), Reached: true,
		Clipped: 1. / 3, Stored: 0.2, NaiveEta: 3, NaiveNorm: 4, NaiveClipped: 5, Answers: [3]Answer{{"cat", true}, {"dog", false}, {"", false}}}
	path := filepath.Join(t.TempDir(), SamplesFile)
	j, err := openJournal(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.add([]Row{row, row}); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	for _, levels := range []int{1, 2} {
		if rows, _, err := readRows(path, levels); err != nil || !reflect.DeepEqual(rows, []Row{row, row}) {
			t.Errorf("rows %+v, error %v", rows, err)
		}
	}
	if rows, _, err := readRows(path, 3); err != nil || len(rows) != 0 {
		t.Errorf("%d rows of samples that are not whole, error %v", len(rows), err)
	}
}

// TestGoldenArrays runs the study on every golden file that holds x and delta, with the lengths, norm and domain in it.
func TestGoldenArrays(t *testing.T) {
	compared := 0
	for _, path := range golden.Files(t, "rescale", "*.npz") {
		want := golden.Arrays(t, path)
		if want["x"] == nil || len(want["x"].Shape()) < 2 || want["effective_norm"] == nil {
			continue
		}
		out := filepath.Join(t.TempDir(), "out")
		mustRun(t, Options{Arrays: path, Noise: "gaussian", Share: 0.03, Format: "npz"}, out)
		got := golden.Arrays(t, filepath.Join(out, imagesFolder, given+".npz"))
		tolerance := 1e-9
		if want["x"].Type() == tensor.Float32 {
			tolerance = 4e-6
		}
		for name, golden := range map[string]string{"eta": "eta", "norm": "effective_norm", "largest": "max_norm", "reached": "reachable"} {
			near(t, path+": "+name, got[name].Floats(), want[golden].Floats(), tolerance)
		}
		if naive := want["norm_naive"]; naive != nil {
			rows, _, err := readRows(filepath.Join(out, SamplesFile), 1)
			if err != nil {
				t.Fatal(err)
			}
			var etas, norms []float64
			for _, row := range rows {
				etas, norms = append(etas, row.NaiveEta), append(norms, row.NaiveNorm)
			}
			near(t, path+": naive factor", etas, want["eta_naive"].Floats(), tolerance)
			near(t, path+": naive length", norms, naive.Floats(), tolerance)
		}
		compared++
	}
	t.Logf("%d golden files compared", compared)
	if compared == 0 {
		t.Error("no golden file was compared")
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, expected %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Abs(want[i])) {
			t.Errorf("%s: sample %d: %v, expected %v", what, i, got[i], want[i])
		}
	}
}

// TestGoldenModel shows noisy images to the supplied networks: what is announced as much noise is answered worse.
func TestGoldenModel(t *testing.T) {
	for _, model := range golden.Files(t, "corruptions/models", "resnet20.onnx") {
		for _, images := range golden.Files(t, "corruptions/cifar", "*.npz") {
			e := choicetest.Open(t, "ort")
			o := usual(images)
			o.Models, o.Preprocessing, o.Limit, o.Format, o.Eps, o.Mean = []string{model}, "imagenet", 100, "none", []float64{0.001, 0.3}, true
			f, err := Study{Options: o, Engine: e}.Run(context.Background(), filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			clean, small, large := f.Accuracy.Value, f.Levels[0].Exact.Accuracy.Value, f.Levels[1].Exact.Accuracy.Value
			if clean < 0.8 || math.Abs(small-clean) > 0.03 || large > 0.4 {
				t.Errorf("accuracy %v as it is, %v with hardly any noise, %v with much", clean, small, large)
			}
		}
	}
}

func TestDistance(t *testing.T) {
	a, b := raster.New(2, 1), raster.New(2, 1)
	copy(a.Pix, []uint8{0, 255, 10, 10, 10, 10})
	copy(b.Pix, []uint8{51, 0, 10, 10, 10, 10})
	for p, want := range map[float64]float64{1: 1.2, 2: math.Sqrt(1.04), math.Inf(1): 1} {
		if got := distance(a, b, p); math.Abs(got-want) > 1e-15 {
			t.Errorf("p %v: the distance is %v, expected %v", p, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		"expected either images or arrays": func(o *Options) { o.Arrays = "a.npz" },
		`noise "pink" is none of`:          func(o *Options) { o.Noise = "pink" },
		"the share of sparse noise is 2":   func(o *Options) { o.Share = 2 },
		"p is -1":                          func(o *Options) { o.P = -1 },
		"p is NaN":                         func(o *Options) { o.P = math.NaN() },
		"bounds and clipping are for":      func(o *Options) { o.Low = -1 },
		"a model answers images":           func(o *Options) { o.Images, o.Arrays, o.Models, o.Format = "", "a.npz", []string{"m"}, "npz" },
		`format "npz"`:                     func(o *Options) { o.Format = "npz" },
		`format "png"`:                     func(o *Options) { o.Images, o.Arrays, o.Format = "", "a.npz", "png" },
		"a length is 0":                    func(o *Options) { o.Eps = []float64{0} },
		"a length is NaN":                  func(o *Options) { o.Eps = []float64{math.NaN()} },
		"expected lengths in rising order": func(o *Options) { o.Eps = []float64{2, 1} },
	} {
		o := usual("photos")
		if change(&o); o.Check() == nil || !strings.Contains(o.Check().Error(), want) {
			t.Errorf("error %v, expected %q", o.Check(), want)
		}
	}
}

// TestBadArrays: errors name file, sample and element, and leave nothing behind.
func TestBadArrays(t *testing.T) {
	dir := t.TempDir()
	array := func(values []float64, shape ...int) *tensor.Tensor {
		a, err := tensor.Of(values, shape...)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	x, delta := array([]float64{0.1, 0.2, 0.3, 0.4}, 2, 2), array([]float64{1, 1, 1, 1}, 2, 2)
	for want, arrays := range map[string][]tensor.Named{
		"expected x [n, ...]":                       {{Name: "y", Array: x}},
		"delta is float64 [4], x float64 [2 2]":     {{Name: "x", Array: x}, {Name: "delta", Array: array([]float64{1, 1, 1, 1}, 4)}},
		"x is float64 [4]":                          {{Name: "x", Array: array([]float64{1, 1, 1, 1}, 4)}},
		"x is int8 [2 2]":                           {{Name: "x", Array: tensor.New(tensor.Int8, 2, 2)}},
		"sample 1, element 0: the image is NaN":     {{Name: "x", Array: array([]float64{0.1, 0.2, math.NaN(), 0.4}, 2, 2)}, {Name: "delta", Array: delta}},
		"sample 0, element 1: the image is 1.5, ou": {{Name: "x", Array: array([]float64{0.1, 1.5, 0.3, 0.4}, 2, 2)}, {Name: "delta", Array: delta}},
		"sample 1: the length is -1":                {{Name: "x", Array: x}, {Name: "eps", Array: array([]float64{1, -1}, 2)}},
		"expected one length or 2, found 3":         {{Name: "x", Array: x}, {Name: "eps", Array: array([]float64{1, 1, 1}, 3)}},
		"p has the shape [2]":                       {{Name: "x", Array: x}, {Name: "p", Array: array([]float64{1, 2}, 2)}},
	} {
		path, out := filepath.Join(dir, "a.npz"), filepath.Join(dir, "out")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tensor.WriteNPZ(f, arrays...); err != nil {
			t.Fatal(err)
		}
		f.Close()
		_, err = Study{Options: Options{Arrays: path, Noise: "gaussian", Share: 0.03, Format: "npz"}}.Run(context.Background(), out)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, expected one of %s with %q", err, path, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q left a folder behind", want)
		}
	}
}

// TestNPY: the arrays may be x alone, and the noise fills the domain that is told.
func TestNPY(t *testing.T) {
	path, out := filepath.Join(t.TempDir(), "x.npy"), filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := tensor.WriteNPY(f, tensor.New(tensor.Float32, 4, 30)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	found := mustRun(t, Options{Arrays: path, Noise: "sign", Share: 0.03, Format: "npz", Low: -10, High: 10}, out)
	for i, l := range found.Levels {
		if want := 20 * DefaultEps[i]; math.Abs(l.Exact.Norm-want) > 1e-5*want || l.Exact.Clipped != 0 {
			t.Errorf("the length is %v with %v clipped, expected %v with nothing", l.Exact.Norm, l.Exact.Clipped, want)
		}
	}
}

// TestNaiveIsWhatItSays: the naive factor of a direction is its length by the announced one.
func TestNaiveIsWhatItSays(t *testing.T) {
	x, delta := []float64{0.5, 0.5, 0.5, 0.5}, []float64{3, 0, -4, 0}
	v, w, o := make([]float64, 4), make([]float64, 4), rescale.Options{P: 2, High: 1}
	factors, err := naiveFactors(x, delta, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	for eps, naive := range map[float64]float64{0.55: 0.55, 0.65: math.Sqrt(0.39*0.39 + 0.25)} {
		out, err := compare(v, w, x, delta, []float64{eps}, factors, o)
		if err != nil {
			t.Fatal(err)
		}
		if o := out[0]; math.Abs(o.naive.Eta-eps/5) > 1e-15 || math.Abs(o.naive.Norm-naive) > 1e-15 || math.Abs(o.exact.Norm-eps) > 1e-15 {
			t.Errorf("%+v, expected the naive factor %v, the naive length %v and the exact one %v", o, eps/5, naive, eps)
		}
	}
}
