package degrade

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

const (
	goldenFolder = "humans/degradations"
	// tolerance is that of section 7 of the specification: golden arrays are stored as float32.
	tolerance = 2e-5
	// windowStart is where the stored window of 64×64 begins, along both axes.
	windowStart, windowSide = 80, 64
)

// tape plays given draws.
type tape struct{ draws []float64 }

func (t *tape) Float64() float64 {
	u := t.draws[0]
	t.draws = t.draws[1:]
	return u
}

func (t *tape) NormFloat64() float64 { return t.Float64() }

// goldenLaw says which manipulation a golden array's key names.
var goldenLaws = map[string]string{
	"greyscale": "colour", "contrast": "contrast", "lowpass": "low-pass", "highpass": "high-pass", "uniform_noise": "uniform-noise",
	"salt_pepper": "salt-and-pepper", "phase": "phase-scrambling", "power_equalised": "power-equalisation", "false_colour": "false-colour",
	"rotate90": "rotation", "rotate180": "rotation", "rotate270": "rotation",
}

// goldenLevel writes the level of a golden key, such as lowpass_3, as the manipulation reads it.
func goldenLevel(t *testing.T, law, amount string) string {
	switch law {
	case "greyscale":
		return "bw"
	case "contrast":
		c, err := strconv.ParseFloat(amount, 64)
		if err != nil {
			t.Fatal(err)
		}
		return "c" + strconv.FormatFloat(100*c, 'g', 12, 64)
	case "power_equalised":
		return "pow"
	case "false_colour":
		return "false"
	}
	if angle, ok := strings.CutPrefix(law, "rotate"); ok {
		return angle
	}
	return amount
}

// splitKey parts lowpass_3 into lowpass and 3; the amount is "" where the key has none.
func splitKey(key string) (law, amount string) {
	at := strings.LastIndexByte(key, '_')
	if at >= 0 {
		if _, err := strconv.ParseFloat(key[at+1:], 64); err == nil {
			return key[:at], key[at+1:]
		}
	}
	return key, ""
}

// TestGoldenManipulations compares with every <image>_golden.npz beside which an <image>_input.png lies.
func TestGoldenManipulations(t *testing.T) {
	dir := golden.Dir(t, goldenFolder)
	published, err := tensor.ReadFile(filepath.Join(dir, "mean_power_spectrum_grey_f32.npy"))
	if err != nil {
		t.Fatal(err)
	}
	worker := Worker{Spectrum: &Spectrum{published.Shape()[1], published.Shape()[0], published.Floats()}}
	compared, worst := 0, map[string]float64{}
	for _, input := range golden.Files(t, goldenFolder, "*_input.png") {
		image, err := raster.ReadFile(input, raster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(input), "_input.png")
		arrays := golden.Arrays(t, filepath.Join(dir, name+"_golden.npz"))
		for key, want := range arrays {
			if strings.Contains(key, "unit_draw") {
				continue
			}
			if key == "means" {
				compareMeans(t, &worker, image, want.Floats())
				compared += 2
				continue
			}
			law, amount := splitKey(key)
			m, ok := ByName(goldenLaws[law])
			if !ok {
				t.Errorf("%s: no manipulation is known for %s", name, key)
				continue
			}
			shown, random := image, Random(nil)
			switch draws := drawsFor(arrays, law); {
			case len(draws) == windowSide*windowSide: // of the window alone: pixels do not depend on one another
				if shown, err = image.Crop(windowStart, windowStart, windowSide, windowSide); err != nil {
					t.Fatal(err)
				}
				random = &tape{draws}
			case draws != nil:
				random = &tape{draws}
			}
			got, err := worker.Values(shown, m, goldenLevel(t, law, amount), random)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			differences := windowDifferences(t, got, want)
			worst[law] = max(worst[law], slices.Max(differences))
			compared++
			if law == "false_colour" {
				checkSteps(t, name, differences)
				continue
			}
			if d := slices.Max(differences); d > tolerance {
				t.Errorf("%s: %s differs by up to %g, expected at most %g", name, key, d, tolerance)
			}
		}
	}
	t.Logf("compared %d cases; largest differences %v", compared, worst)
	if compared == 0 {
		t.Error("no case was compared")
	}
}

// drawsFor returns the draws of a manipulation as uniform numbers in [0, 1); nil where it draws none.
func drawsFor(arrays map[string]*tensor.Tensor, law string) []float64 {
	for key, array := range arrays {
		if !strings.HasPrefix(key, law+"_unit_draw") {
			continue
		}
		draws := array.Floats()
		if law == "uniform_noise" { // stored in [−1, 1)
			for i, u := range draws {
				draws[i] = (u + 1) / 2
			}
		}
		return draws
	}
	return nil
}

// windowDifferences returns the distances between the golden window and that of an image, or the whole of an image of the window's size.
func windowDifferences(t *testing.T, got *Values, want *tensor.Tensor) []float64 {
	t.Helper()
	start := windowStart
	if got.Width == windowSide {
		start = 0
	}
	values := want.Floats()
	if len(values) != windowSide*windowSide*got.Channels {
		t.Fatalf("the golden window has %d values, expected %d", len(values), windowSide*windowSide*got.Channels)
	}
	for i, v := range values {
		c, x, y := i%got.Channels, i/got.Channels%windowSide, i/got.Channels/windowSide
		values[i] = math.Abs(got.Pix[((start+y)*got.Width+start+x)*got.Channels+c] - v)
	}
	return values
}

// checkSteps allows a step of the table in one of a thousand values.
func checkSteps(t *testing.T, name string, differences []float64) {
	t.Helper()
	steps := 0
	for _, d := range differences {
		if d > 1.0/255+tolerance {
			t.Errorf("%s: false colour differs by %g, more than one step of 1/255", name, d)
			return
		}
		if d > tolerance {
			steps++
		}
	}
	if steps*1000 >= len(differences) {
		t.Errorf("%s: %d of %d values of false colour are a step off, expected less than 0.1%%", name, steps, len(differences))
	}
}

// compareMeans compares the means of the whole grey image and of high-pass σ = 1.
func compareMeans(t *testing.T, worker *Worker, image *raster.Image, want []float64) {
	t.Helper()
	for i, c := range []struct{ name, level string }{{"colour", "bw"}, {"high-pass", "1"}} {
		m, _ := ByName(c.name)
		v, err := worker.Values(image, m, c.level, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := mean(v.Pix); math.Abs(got-want[i]) > tolerance {
			t.Errorf("%s %s: mean %g, want %g", c.name, c.level, got, want[i])
		}
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// TestGoldenFalseColour compares with whole images <image>_false_colour.png, truncated to 8 bits.
func TestGoldenFalseColour(t *testing.T) {
	m, _ := ByName("false-colour")
	compared := 0
	for _, file := range golden.Files(t, goldenFolder, "*_false_colour.png") {
		var images [2]*raster.Image
		for i, path := range []string{strings.Replace(file, "_false_colour", "_input", 1), file} {
			var err error
			if images[i], err = raster.ReadFile(path, raster.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		var worker Worker
		var got raster.Image
		if err := worker.Degrade(&got, images[0], m, "false", nil); err != nil {
			t.Fatal(err)
		}
		differences := make([]float64, len(got.Pix))
		for i, v := range got.Pix {
			differences[i] = math.Abs(float64(v)-float64(images[1].Pix[i])) / 255
		}
		checkSteps(t, filepath.Base(file), differences)
		t.Logf("%s: largest difference %g of 255", filepath.Base(file), 255*slices.Max(differences))
		compared++
	}
	t.Logf("compared %d images", compared)
}

// TestGoldenEidolon compares with every *eidolon*.npz: the plane, a blur, the bands, and eidolons before and after truncation.
func TestGoldenEidolon(t *testing.T) {
	for _, file := range golden.Files(t, goldenFolder, "*eidolon*.npz") {
		arrays := golden.Arrays(t, file)
		grey := arrays["input_grey_uint8"]
		image := raster.New(grey.Shape()[1], grey.Shape()[0])
		for i, v := range grey.Floats() {
			image.Pix[3*i], image.Pix[3*i+1], image.Pix[3*i+2] = uint8(v), uint8(v), uint8(v)
		}
		var e eidolon
		e.prepare(image, flat)
		e.bands()
		compareAll(t, "plane", e.plane, arrays["fat_plane_uint8"].Floats(), 0)
		compareAll(t, "bands", slices.Concat(e.band[:e.scales]...), arrays["dog_stack"].Floats(), tolerance)
		for i, k := range e.kernel(2) {
			e.work[i] = e.transform[i] * k
		}
		e.inverse(e.work)
		blurred := make([]float64, len(e.work))
		for i, v := range e.work {
			blurred[i] = real(v)
		}
		compareAll(t, "blur", blurred, arrays["conv_sigma2"].Floats(), tolerance)
		draws := arrays["draws"].Floats()
		n, compared := len(e.plane), 3
		for key, want := range arrays {
			rest, ok := strings.CutPrefix(strings.TrimPrefix(key, "float_"), "reach")
			if !ok {
				continue
			}
			reach, coherence, _ := strings.Cut(rest, "_coh")
			d, err := parseEidolon(reach + "-" + coherence + "-10")
			if err != nil {
				t.Fatal(err)
			}
			d.coherence *= coherenceUnit // the key gives the share itself
			e.displace(d, func(plane []float64, index int) { copy(plane, draws[index*n:(index+1)*n]) })
			var got Values
			e.put(d.reach, &got)
			allowed := tolerance * 255
			if !strings.HasPrefix(key, "float_") {
				allowed = 1
				for i, v := range got.Pix {
					got.Pix[i] = math.Floor(min(255, max(0, v)))
				}
			}
			compareMost(t, key, got.Pix, want.Floats(), allowed)
			compared++
		}
		t.Logf("%s: compared %d cases", filepath.Base(file), compared)
	}
}

// compareAll compares values on the scale of 0..255 with a tolerance on that of 0..1.
func compareAll(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	worst := 0.0
	for i := range want {
		worst = max(worst, math.Abs(got[i]-want[i])/255)
	}
	t.Logf("%s: largest difference %.3g", name, worst)
	if len(got) != len(want) || worst > tolerance {
		t.Errorf("%s: %d values differ by up to %g, expected %d and at most %g", name, len(got), worst, len(want), tolerance)
	}
}

// compareMost allows less than 0.5 % of the pixels beyond the tolerance: displacements are truncated, and draws were stored as float32.
func compareMost(t *testing.T, name string, got, want []float64, allowed float64) {
	t.Helper()
	beyond, different := 0, 0
	for i := range want {
		d := math.Abs(got[i] - want[i])
		if d > allowed {
			beyond++
		}
		if d > 0.001 {
			different++
		}
	}
	t.Logf("%s: %d of %d pixels differ", name, different, len(want))
	if len(got) != len(want) || beyond*200 >= len(want) {
		t.Errorf("%s: %d of %d pixels differ by more than %g, expected less than 0.5%%", name, beyond, len(want), allowed)
	}
}
