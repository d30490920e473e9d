package augment

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/stimulus/hsv"
)

var bytes01 = [3]Affine{{Gain: 255}, {Gain: 255}, {Gain: 255}} // 0..255 come out as they are

func worker(t interface {
	Helper()
	Fatal(...any)
}, p Policy, l Layout, feed [3]Affine) *Worker {
	t.Helper()
	w, err := NewWorker(p, l, feed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func picture(l Layout, seed uint64) []uint8 {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]uint8, l.Len())
	for i := range out {
		out[i] = uint8(1 + random.IntN(255)) // 0 is the padding
	}
	return out
}

func near(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }

// TestPlain compares with the definition, pixel by pixel.
func TestPlain(t *testing.T) {
	l := Layout{5, 3, 3}
	feed := [3]Affine{{2, -1}, {3, 0}, {4, 1}}
	image, got := picture(l, 1), make([]float32, l.Len())
	worker(t, Policy{Pad: 2, Flip: 1, Hue: .5}, l, feed).Plain(got, image)
	for c := range 3 {
		for i := range 15 {
			if want := feed[c].Gain*float32(image[3*i+c])/255 + feed[c].Offset; !near(got[15*c+i], want) {
				t.Fatalf("channel %d, pixel %d is %v, want %v", c, i, got[15*c+i], want)
			}
		}
	}
}

// TestCropAndFlip finds, for every image that comes out, the place and the direction that make it of the padded one; all of them turn up
// equally often.
func TestCropAndFlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{rapid.IntRange(1, 7).Draw(t, "width"), rapid.IntRange(1, 7).Draw(t, "height"), rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")}
		pad := rapid.IntRange(0, 9).Draw(t, "pad")
		image, got := picture(l, rapid.Uint64().Draw(t, "image")), make([]float32, l.Len())
		worker(t, Policy{Pad: pad, Flip: .5}, l, bytes01).Augment(got, image, rapid.Uint64().Draw(t, "seed"))
		if !slices.ContainsFunc(windows(l, pad), func(at [3]int) bool { return same(got, image, l, at) }) {
			t.Fatalf("%v is no window of %v", got, image)
		}
	})
	l, pad, count := Layout{4, 4, 1}, 1, map[[3]int]int{}
	w, image, got := worker(t, Policy{Pad: pad, Flip: .5}, l, bytes01), picture(l, 3), make([]float32, l.Len())
	const draws = 18000
	for seed := range uint64(draws) {
		w.Augment(got, image, seed)
		for _, at := range windows(l, pad) {
			if same(got, image, l, at) {
				count[at]++
			}
		}
	}
	for _, at := range windows(l, pad) { // 18 of them, 1,000 ± 31 each
		if n := count[at]; n < 850 || n > 1150 {
			t.Errorf("window %v was drawn %d times of %d, expected about %d", at, n, draws, draws/18)
		}
	}
}

// windows lists x, y and mirrored (0, 1).
func windows(l Layout, pad int) (out [][3]int) {
	for x := -pad; x <= pad; x++ {
		for y := -pad; y <= pad; y++ {
			out = append(out, [3]int{x, y, 0}, [3]int{x, y, 1})
		}
	}
	return out
}

func same(got []float32, image []uint8, l Layout, at [3]int) bool {
	for c := range l.Channels {
		for y := range l.Height {
			for x := range l.Width {
				column, row := x, y+at[1]
				if at[2] == 1 {
					column = l.Width - 1 - x
				}
				column += at[0]
				want := float32(0)
				if column >= 0 && column < l.Width && row >= 0 && row < l.Height {
					want = float32(image[(row*l.Width+column)*l.Channels+c])
				}
				if !near(got[(c*l.Height+y)*l.Width+x], want) {
					return false
				}
			}
		}
	}
	return true
}

// TestJitter compares each change alone with its definition, for the factor that the first pixel betrays, and the factors' range.
func TestJitter(t *testing.T) {
	l := Layout{6, 5, 3}
	image := make([]uint8, l.Len())
	for i := range image {
		image[i] = uint8(60 + 5*((i*7)%13)) // 60..120: nothing is cut
	}
	n := l.Width * l.Height
	source := make([]float32, l.Len())
	worker(t, Policy{}, l, [3]Affine{{1, 0}, {1, 0}, {1, 0}}).Plain(source, image)
	at := func(v []float32, i int) (r, g, b float32) { return v[i], v[n+i], v[2*n+i] }
	mean := float32(0)
	for i := range n {
		r, g, b := at(source, i)
		mean += (0.2989*r + 0.587*g + 0.114*b) / float32(n)
	}
	grey := func(int) float32 { return mean }
	for _, c := range []struct {
		name   string
		policy Policy
		other  func(pixel int) float32
	}{
		{"brightness", Policy{Brightness: .3}, func(int) float32 { return 0 }},
		{"contrast", Policy{Contrast: .3}, grey},
		{"saturation", Policy{Saturation: .3}, func(i int) float32 { r, g, b := at(source, i); return 0.2989*r + 0.587*g + 0.114*b }},
	} {
		w, got := worker(t, c.policy, l, [3]Affine{{1, 0}, {1, 0}, {1, 0}}), make([]float32, l.Len())
		low, high := float32(9), float32(-9)
		for seed := range uint64(300) {
			w.Augment(got, image, seed)
			f := (got[0] - c.other(0)) / (source[0] - c.other(0))
			low, high = min(low, f), max(high, f)
			for i := range got {
				if want := f*source[i] + (1-f)*c.other(i%n); !near(got[i], want) {
					t.Fatalf("%s by %v: value %d is %v, want %v", c.name, f, i, got[i], want)
				}
			}
		}
		if low < .7-1e-3 || low > .72 || high > 1.3+1e-3 || high < 1.28 {
			t.Errorf("%s: factors lie in %v..%v, want 0.7..1.3", c.name, low, high)
		}
	}
}

// TestHue checks that saturation and value stay, and that the whole image turns by one angle within the range.
func TestHue(t *testing.T) {
	l := Layout{8, 4, 3}
	image, got, plain := picture(l, 9), make([]float32, l.Len()), make([]float32, l.Len())
	identity := [3]Affine{{1, 0}, {1, 0}, {1, 0}}
	w := worker(t, Policy{Hue: .2}, l, identity)
	w.Plain(plain, image)
	n, widest := l.Width*l.Height, 0.
	for seed := range uint64(200) {
		w.Augment(got, image, seed)
		turn := math.NaN()
		for i := range n {
			h, s, v := hsv.FromRGB(float64(plain[i]), float64(plain[n+i]), float64(plain[2*n+i]))
			h2, s2, v2 := hsv.FromRGB(float64(got[i]), float64(got[n+i]), float64(got[2*n+i]))
			if math.Abs(s-s2) > 1e-5 || math.Abs(v-v2) > 1e-5 {
				t.Fatalf("saturation %v became %v, value %v became %v", s, s2, v, v2)
			}
			if s < .1 {
				continue // the hue of what is almost grey is lost in rounding
			}
			by := math.Mod(h2-h+1.5, 1) - .5
			if math.IsNaN(turn) {
				turn = by
			}
			if math.Abs(by-turn) > 1e-4 {
				t.Fatalf("pixel %d turned by %v, another by %v", i, by, turn)
			}
		}
		widest = max(widest, math.Abs(turn))
	}
	if widest > .2+1e-4 || widest < .19 {
		t.Errorf("hues turned by up to %v, want 0.2", widest)
	}
}

// TestRange holds what comes out to 0..1, and to the seed alone.
func TestRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{rapid.IntRange(1, 6).Draw(t, "width"), rapid.IntRange(1, 6).Draw(t, "height"), rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")}
		amount := rapid.Float64Range(0, 3)
		p := Policy{Pad: 1, Flip: .5, Brightness: amount.Draw(t, "brightness"), Contrast: amount.Draw(t, "contrast"), Saturation: amount.Draw(t, "saturation"), Hue: rapid.Float64Range(0, .5).Draw(t, "hue")}
		identity := [3]Affine{{1, 0}, {1, 0}, {1, 0}}
		image, seed := picture(l, rapid.Uint64().Draw(t, "image")), rapid.Uint64().Draw(t, "seed")
		first, again := make([]float32, l.Len()), make([]float32, l.Len())
		w := worker(t, p, l, identity)
		w.Augment(first, image, seed)
		w.Augment(again, image, seed+1)
		worker(t, p, l, identity).Augment(again, image, seed)
		for i, v := range first {
			if !(v >= 0 && v <= 1) || v != again[i] {
				t.Fatalf("value %d is %v, and %v by another worker", i, v, again[i])
			}
		}
	})
}

func TestParse(t *testing.T) {
	p, err := Parse([]string{"crop", "flip", "jitter", "hue=0.05"}, 32)
	if want := (Policy{Pad: 4, Flip: .5, Brightness: .4, Contrast: .4, Saturation: .4, Hue: .05}); err != nil || p != want {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
	if p, err := Parse(nil, 32); err != nil || p != (Policy{}) {
		t.Errorf("nothing is %+v, %v", p, err)
	}
	for text, want := range map[string]string{
		"rotate":   `"rotate" is none of brightness, contrast, crop, flip, hue, jitter, saturation`,
		"hue=x":    `"hue=x": expected a number behind hue=`,
		"crop=1.5": "whole number of pixels",
		"crop=-1":  "padding -1, expected 0 pixels or more",
		"flip=2":   "flip: probability 2, expected 0..1",
		"hue=0.6":  "hue: range 0.6, expected 0..0.5",
		"flip=NaN": "flip: probability NaN, expected 0..1",
	} {
		if _, err := Parse([]string{text}, 32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := NewWorker(Policy{}, Layout{1, 1, 2}, bytes01); err == nil {
		t.Error("two channels were taken")
	}
}

func TestNoAllocations(t *testing.T) {
	l := Layout{32, 32, 3}
	w, image, got := worker(t, Policy{Pad: 4, Flip: .5, Brightness: .4, Contrast: .4, Saturation: .4, Hue: .1}, l, bytes01), picture(l, 1), make([]float32, l.Len())
	if n := testing.AllocsPerRun(20, func() { w.Augment(got, image, 7) }); n != 0 {
		t.Errorf("%v allocations an image", n)
	}
}

func BenchmarkAugment(b *testing.B) {
	l := Layout{32, 32, 3}
	for name, p := range map[string]Policy{"plain": {}, "crop,flip": {Pad: 4, Flip: .5}, "jitter": {Pad: 4, Flip: .5, Brightness: .4, Contrast: .4, Saturation: .4, Hue: .1}} {
		b.Run(name, func(b *testing.B) {
			w, image, got := worker(b, p, l, bytes01), picture(l, 1), make([]float32, l.Len())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.Augment(got, image, uint64(i))
			}
		})
	}
}
