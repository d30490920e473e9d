package edge

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/internal/golden"
	"visus/internal/vec"
	"visus/tensor"
)

// TestGoldenSteps follows every stored chain liquid → canny → distance → its mean → equalised, each step from the stored one before.
func TestGoldenSteps(t *testing.T) {
	compared := 0
	for _, file := range golden.Files(t, "corruptions/golden", "steps*.npz") {
		arrays := golden.Arrays(t, file)
		for key, liquid := range arrays {
			prefix, ok := strings.CutSuffix(key, "liquid_u8")
			if !ok {
				continue
			}
			var d Detector
			height, width := liquid.Shape()[0], liquid.Shape()[1]
			floats := make([]float32, width*height)
			vec.FromBytes(floats, tensor.Values[uint8](liquid))
			edges := make([]uint8, len(floats))
			d.Canny(edges, floats, width, height, 50, 150)
			want := tensor.Values[uint8](arrays[prefix+"canny"])
			if !bytes.Equal(edges, want) {
				t.Errorf("%scanny differs", prefix)
			}
			d.Distance(floats, want, width, height, 20)
			for i, v := range tensor.Values[float32](arrays[prefix+"distance"]) {
				if floats[i] != min(v, 20) {
					t.Errorf("%sdistance at (%d, %d) is %v, want %v", prefix, i%width, i/width, floats[i], v)
					break
				}
			}
			equalised := append([]uint8(nil), tensor.Values[uint8](arrays[prefix+"dist_blur_u8"])...)
			Equalise(equalised)
			if !bytes.Equal(equalised, tensor.Values[uint8](arrays[prefix+"equalized"])) {
				t.Errorf("%sequalized differs", prefix)
			}
			compared += 3
		}
	}
	t.Logf("compared %d cases", compared)
	if compared == 0 {
		t.Error("no case was compared")
	}
}

// disk draws a bright disk on black.
func disk(width, height int, x, y, radius float64) []float32 {
	out := make([]float32, width*height)
	for i := range out {
		if math.Hypot(float64(i%width)-x, float64(i/width)-y) < radius {
			out[i] = 200
		}
	}
	return out
}

func TestCannyOutlinesADisk(t *testing.T) {
	const side, radius = 40, 12
	var d Detector
	edges := make([]uint8, side*side)
	d.Canny(edges, disk(side, side, 20, 20, radius), side, side, 50, 150)
	found := 0
	for i, e := range edges {
		if e == 0 {
			continue
		}
		found++
		if r := math.Hypot(float64(i%side)-20, float64(i/side)-20); math.Abs(r-radius) > 2 {
			t.Errorf("edge at distance %.1f from the centre", r)
		}
	}
	if found < 60 || found > 110 { // 2π·12 = 75
		t.Errorf("%d edge pixels around a disk of radius 12", found)
	}
}

func TestCannyConnects(t *testing.T) {
	// Weak edges (step 20: magnitude 80) count only below the strong part (step 60: 240) they touch.
	const width, height = 20, 12
	src := make([]float32, width*height)
	for y := range height {
		for x := 10; x < width; x++ {
			src[y*width+x] = 20
			if y < 4 {
				src[y*width+x] = 60
			}
		}
	}
	var d Detector
	edges := make([]uint8, len(src))
	d.Canny(edges, src, width, height, 50, 150)
	last := edges[(height-1)*width:]
	if bytes.IndexByte(last, 255) < 0 {
		t.Error("a weak edge that is connected to a strong one is lost")
	}
	for i := range src {
		src[i] = min(src[i], 20)
	}
	d.Canny(edges, src, width, height, 50, 150)
	if bytes.IndexByte(edges, 255) >= 0 {
		t.Error("a weak edge without a strong one was kept")
	}
}

func TestDistance(t *testing.T) {
	var d Detector
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 45).Draw(t, "width"), rapid.IntRange(1, 45).Draw(t, "height")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		edges := make([]uint8, width*height)
		for range r.IntN(4) {
			edges[r.IntN(len(edges))] = 255
		}
		got := make([]float32, len(edges))
		const limit = 20
		d.Distance(got, edges, width, height, limit)
		for i, v := range got {
			nearest := math.Inf(1)
			for k, e := range edges {
				if e != 0 {
					nearest = min(nearest, math.Hypot(float64(i%width-k%width), float64(i/width-k/width)))
				}
			}
			// The 5×5 mask's distance is within 2 % of the Euclidean one (Borgefors 1986).
			if want := min(nearest, limit); math.Abs(float64(v)-want) > 0.021*want+1e-6 {
				t.Fatalf("distance of (%d, %d) is %v, Euclidean %v", i%width, i/width, v, nearest)
			}
		}
	})
}

func TestEqualise(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"one level", "\x07\x07\x07", "\x07\x07\x07"},
		{"two levels", "\x07\x09\x09", "\x00\xff\xff"},
		{"three levels", "\x0a\x0a\x14\x1e", "\x00\x00\x80\xff"}, // 127.5 rounds to even
	} {
		pixels := []byte(c.in)
		if Equalise(pixels); string(pixels) != c.want {
			t.Errorf("%s: %v, want %v", c.name, pixels, []byte(c.want))
		}
	}
}

func BenchmarkEdge(b *testing.B) {
	const side = 224
	src := disk(side, side, 110, 110, 60)
	edges, out := make([]uint8, len(src)), make([]float32, len(src))
	var d Detector
	b.Run("Canny", func(b *testing.B) {
		for b.Loop() {
			d.Canny(edges, src, side, side, 50, 150)
		}
	})
	b.Run("Distance", func(b *testing.B) {
		for b.Loop() {
			d.Distance(out, edges, side, side, 20)
		}
	})
}
