package degrade

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/stimulus/raster"
)

// picture is a synthetic image: waves of several lengths under a dark disk.
func picture(width, height int) *raster.Image {
	m := raster.New(width, height)
	for y := range height {
		for x := range width {
			wave := math.Sin(float64(x)/3) + math.Cos(float64(x+2*y)/11)
			inside := math.Hypot(float64(x-width/2), float64(y-height/3)) < float64(height)/5
			p := m.Pix[3*(y*width+x):]
			for c := range 3 {
				v := 120 + 40*wave + 20*float64(c)*math.Sin(float64(y)/7)
				if inside {
					v /= 2
				}
				p[c] = uint8(min(255, max(0, v)))
			}
		}
	}
	return m
}

// ready returns a Worker that can do every manipulation of images of this size.
func ready(t testing.TB, image *raster.Image) *Worker {
	var mean MeanSpectrum
	if err := mean.Add(image); err != nil {
		t.Fatal(err)
	}
	return &Worker{Spectrum: mean.Spectrum()}
}

func degraded(t testing.TB, w *Worker, image *raster.Image, m Manipulation, level string) *raster.Image {
	t.Helper()
	var out raster.Image
	if err := w.Degrade(&out, image, m, level, rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Fatal(err)
	}
	return &out
}

// ownFile holds some values of every manipulation at every level of a synthetic image, made by this package when all golden tests passed.
const ownFile = "testdata/own.txt"

// TestOwn compares with this package's own earlier results; VISUS_REWRITE=1 writes them anew. Values may differ by 1, since compilers may
// fuse products and sums.
func TestOwn(t *testing.T) {
	image := picture(48, 40)
	w := ready(t, image)
	w.Spectrum.Amplitude[40*48/2+24] *= 0.9 // darker, so that equalisation does something
	var lines []string
	for _, m := range All {
		for _, level := range m.Levels {
			out := degraded(t, w, image, m, level)
			line := m.Name + "/" + level
			for i := range 16 {
				line += fmt.Sprintf(" %d", out.Pix[(i*len(out.Pix)+len(out.Pix)/2)/16])
			}
			lines = append(lines, line)
		}
	}
	if os.Getenv("VISUS_REWRITE") != "" {
		if err := os.WriteFile(ownFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(ownFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(stored)), "\n")
	if len(want) != len(lines) {
		t.Fatalf("%s has %d lines, want %d", ownFile, len(want), len(lines))
	}
	for i := range lines {
		if !near(strings.Fields(lines[i]), strings.Fields(want[i])) {
			t.Errorf("got  %s\nwant %s", lines[i], want[i])
		}
	}
}

// near compares a name and the numbers after it, which may differ by 1.
func near(got, want []string) bool {
	if len(got) != len(want) || got[0] != want[0] {
		return false
	}
	for i := range got[1:] {
		var a, b int
		if _, err := fmt.Sscan(got[i+1]+" "+want[i+1], &a, &b); err != nil || a-b > 1 || b-a > 1 {
			return false
		}
	}
	return true
}

// TestProperties holds for images of every size: values stay in 0..1, sizes are kept, and the same draws give the same image in a fresh
// Worker as in one that made other images before.
func TestProperties(t *testing.T) {
	used := &Worker{}
	rapid.Check(t, func(r *rapid.T) {
		image := picture(rapid.IntRange(8, 40).Draw(r, "width"), rapid.IntRange(8, 40).Draw(r, "height"))
		m := rapid.SampledFrom(All).Draw(r, "manipulation")
		level := rapid.SampledFrom(m.Levels).Draw(r, "level")
		seed := rapid.Uint64().Draw(r, "seed")
		fresh := ready(t, image)
		used.Spectrum = fresh.Spectrum
		before := image.Clone()
		v, err := fresh.Values(image, m, level, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			r.Fatal(err)
		}
		if slices.Min(v.Pix) < 0 || slices.Max(v.Pix) > 1 {
			r.Fatalf("values lie in %g..%g", slices.Min(v.Pix), slices.Max(v.Pix))
		}
		w, h := image.Width, image.Height
		if m.Name == "rotation" && (level == "90" || level == "270") {
			w, h = h, w
		}
		if v.Width != w || v.Height != h || len(v.Pix) != w*h*v.Channels {
			r.Fatalf("%d×%d became %d×%d", image.Width, image.Height, v.Width, v.Height)
		}
		again, err := used.Values(image, m, level, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			r.Fatal(err)
		}
		if !slices.Equal(v.Pix, again.Pix) {
			r.Fatal("a Worker that made other images makes another image")
		}
		if !slices.Equal(image.Pix, before.Pix) {
			r.Fatal("the source was changed")
		}
	})
}

// TestUndistorted: the levels without a distortion are the grey image, but for the noises' contrast and the eidolons.
func TestUndistorted(t *testing.T) {
	image := picture(30, 44)
	w := ready(t, image)
	grey := slices.Clone(w.greyscale(image).Pix)
	checked := 0
	for name, level := range map[string]string{"contrast": "c100", "high-pass": "inf", "low-pass": "0", "phase-scrambling": "0",
		"phase-symmetric": "0", "power-equalisation": "0", "rotation": "0", "colour": "bw"} {
		m, _ := ByName(name)
		v, err := w.Values(image, m, level, rand.New(rand.NewPCG(0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range grey {
			if math.Abs(v.Pix[i]-grey[i]) > 1e-12 {
				t.Errorf("%s %s: pixel %d is %g, want %g", name, level, i, v.Pix[i], grey[i])
				break
			}
		}
		checked++
	}
	for name, level := range map[string]string{"colour": "cr", "false-colour": "true"} {
		m, _ := ByName(name)
		if out := degraded(t, w, image, m, level); !nearBytes(out.Pix, image.Pix) {
			t.Errorf("%s %s changed the image", name, level)
		}
		checked++
	}
	if checked != 10 {
		t.Errorf("checked %d levels, expected 10", checked)
	}
}

// nearBytes allows what 255·(v/255) loses when it is truncated.
func nearBytes(got, want []uint8) bool {
	for i := range want {
		if d := int(want[i]) - int(got[i]); d < 0 || d > 1 {
			return false
		}
	}
	return len(got) == len(want)
}

// TestMeans: contrast moves the mean towards ½, high-pass brings it to meanGrey, phase noise keeps it.
func TestMeans(t *testing.T) {
	image := picture(64, 50)
	w := ready(t, image)
	grey := mean(w.greyscale(image).Pix)
	for _, c := range []struct {
		name, level     string
		want, tolerance float64
	}{
		{"contrast", "c30", 0.35 + 0.3*grey, 1e-12},
		{"high-pass", "3", meanGrey, 1e-3}, // what is cut off at 0 and 1
		{"phase-symmetric", "30", grey, 1e-3},
		{"low-pass", "1", grey, 5e-3}, // what lies outside is meanGrey
		{"rotation", "90", grey, 1e-12},
	} {
		m, _ := ByName(c.name)
		v, err := w.Values(image, m, c.level, rand.New(rand.NewPCG(3, 4)))
		if err != nil {
			t.Fatal(err)
		}
		if got := mean(v.Pix); math.Abs(got-c.want) > c.tolerance {
			t.Errorf("%s %s: mean %g, want %g", c.name, c.level, got, c.want)
		}
	}
}

// TestSymmetric: the symmetric phase noise leaves nothing imaginary to drop, so that the amplitudes stay; the reference's does not.
func TestSymmetric(t *testing.T) {
	image := picture(32, 27)
	for name, kept := range map[string]bool{"phase-symmetric": true, "phase-scrambling": false} {
		w := &Worker{}
		j := &job{Worker: w, src: image, level: "120", random: rand.New(rand.NewPCG(5, 6))}
		m, _ := ByName(name)
		if _, err := m.law(j); err != nil {
			t.Fatal(err)
		}
		imaginary := 0.0
		for _, v := range w.fourier.values {
			imaginary = max(imaginary, math.Abs(imag(v)))
		}
		if (imaginary < 1e-9) != kept {
			t.Errorf("%s: the largest imaginary part is %g", name, imaginary/float64(32*27))
		}
	}
}

// TestBands: the bands sum to the first blur, and without reach the eidolon is that blur.
func TestBands(t *testing.T) {
	image := picture(40, 25)
	for _, mode := range []convolution{flat, twoDimensional} {
		var e eidolon
		e.prepare(image, mode)
		e.bands()
		e.displace(disarray{0, 1, 10}, func(plane []float64, _ int) { plane[0] = 1 })
		var out Values
		e.put(0, &out)
		for i, k := range e.kernel(sigma(0)) {
			e.work[i] = e.transform[i] * k
		}
		e.inverse(e.work)
		left, top := e.corner()
		for i, v := range out.Pix {
			want := real(e.work[(top+i/40)*e.side+left+i%40])
			if math.Abs(v-want) > 1e-9 {
				t.Fatalf("mode %d: pixel %d is %g, want %g", mode, i, v, want)
			}
		}
	}
}

// TestEidolonSize: images are brought to the size asked for.
func TestEidolonSize(t *testing.T) {
	m, _ := ByName("eidolonI")
	out := degraded(t, &Worker{EidolonSize: 32}, picture(60, 45), m, "2-10-10")
	if out.Width != 32 || out.Height != 24 {
		t.Errorf("60×45 became %d×%d, want 32×24", out.Width, out.Height)
	}
}

func TestErrors(t *testing.T) {
	image := picture(20, 16)
	random := rand.New(rand.NewPCG(0, 0))
	for _, c := range []struct{ manipulation, level, want string }{
		{"contrast", "30", `degrade: contrast: level "30": expected c and a percentage, such as c30`},
		{"low-pass", "-1", `degrade: low-pass: level "-1": expected a number in 0..1000`},
		{"low-pass", "NaN", `degrade: low-pass: level "NaN": expected a number in 0..1000`},
		{"high-pass", "0", `degrade: high-pass: level "0": expected inf or a number above 0, at most 1000`},
		{"rotation", "45", `degrade: rotation: level "45": expected 0 or 90 or 180 or 270`},
		{"eidolonI", "8", `degrade: eidolonI: level "8": expected reach-coherence-grain, such as 8-3-10`},
		{"eidolonI", "8-11-10", `degrade: eidolonI: level "8-11-10": expected a coherence in 0..10, found "11"`},
		{"power-equalisation", "pow", "degrade: power-equalisation: level pow: needs the amplitude spectrum that all images are given"},
	} {
		m, _ := ByName(c.manipulation)
		var worker Worker
		if err := worker.Degrade(raster.New(1, 1), image, m, c.level, random); err == nil || err.Error() != c.want {
			t.Errorf("%s %s: got %v\nwant %s", c.manipulation, c.level, err, c.want)
		}
	}
	worker := ready(t, image)
	m, _ := ByName("power-equalisation")
	err := worker.Degrade(raster.New(1, 1), picture(20, 17), m, "pow", nil)
	want := "degrade: power-equalisation: level pow: the amplitude spectrum is for images of 20×16 pixels, the image has 20×17"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := worker.Degrade(image, image, m, "0", nil); err == nil {
		t.Error("an image was degraded into itself")
	}
}

// TestTable: names and short names are distinct, published levels are valid.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All {
		for _, name := range []string{m.Name, m.Short} {
			if name != "" && seen[name] {
				t.Errorf("%s is the name of two manipulations", name)
			}
			seen[name] = true
		}
		for _, level := range m.Levels {
			if err := m.Check(level); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.IsSorted(monitor[:]) {
		t.Error("the monitor's light does not grow with intensity")
	}
}

// FuzzCheck: whatever the level, a manipulation takes it or gives an error.
func FuzzCheck(f *testing.F) {
	for _, m := range All {
		f.Add(m.Name, m.Levels[len(m.Levels)-1])
	}
	image := picture(9, 12)
	w := ready(f, image)
	f.Fuzz(func(t *testing.T, name, level string) {
		m, ok := ByName(name)
		if !ok {
			return
		}
		checked := m.Check(level)
		v, err := w.Values(image, m, level, rand.New(rand.NewPCG(0, 0)))
		if (checked == nil) != (err == nil) {
			t.Fatalf("Check says %v, Values %v", checked, err)
		}
		if err == nil && slices.ContainsFunc(v.Pix, func(x float64) bool { return !(x >= 0 && x <= 1) }) {
			t.Fatal("a value outside 0..1")
		}
	})
}

// TestBandsAreKept: an image shown again at another level, or in another mode, is what a fresh Worker makes of it.
func TestBandsAreKept(t *testing.T) {
	var kept Worker
	images := []*raster.Image{picture(20, 33), picture(20, 33), picture(33, 20), picture(20, 32)}
	images[1].Pix[300] ^= 255
	checked := 0
	for _, image := range []*raster.Image{images[0], images[0], images[1], images[2], images[3], images[0]} {
		for _, name := range []string{"eidolonI", "eidolonII", "eidolonI-2d", "eidolonIII-2d", "eidolonII"} {
			m, _ := ByName(name)
			got := degraded(t, &kept, image, m, m.Levels[3])
			if want := degraded(t, &Worker{}, image, m, m.Levels[3]); !slices.Equal(got.Pix, want.Pix) {
				t.Errorf("%s of %d×%d differs from a fresh Worker's", name, image.Width, image.Height)
			}
			checked++
		}
	}
	if checked != 30 {
		t.Errorf("checked %d eidolons, expected 30", checked)
	}
}

// BenchmarkDegrade times every manipulation at its hardest level, of an image of 224×224; eidolons of 256×256.
func BenchmarkDegrade(b *testing.B) {
	image := picture(224, 224)
	for _, m := range All {
		level := m.Levels[len(m.Levels)-1]
		b.Run(m.Name+"/"+level, func(b *testing.B) {
			w := ready(b, image)
			w.EidolonSize = 256
			var out raster.Image
			random := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for b.Loop() {
				image.Pix[0]++ // another image each time
				if err := w.Degrade(&out, image, m, level, random); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
