package hsv

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestCorners(t *testing.T) {
	for _, c := range []struct{ r, g, b, h, s, v float64 }{
		{0, 0, 0, 0, 0, 0}, {1, 1, 1, 0, 0, 1}, {0.5, 0.5, 0.5, 0, 0, 0.5},
		{1, 0, 0, 0, 1, 1}, {0, 1, 0, 2. / 6, 1, 1}, {0, 0, 1, 4. / 6, 1, 1},
		{1, 1, 0, 1. / 6, 1, 1}, {0, 1, 1, 3. / 6, 1, 1}, {1, 0, 1, 5. / 6, 1, 1},
	} {
		h, s, v := FromRGB(c.r, c.g, c.b)
		if h != c.h || s != c.s || v != c.v {
			t.Errorf("FromRGB(%v, %v, %v) = %v, %v, %v, want %v, %v, %v", c.r, c.g, c.b, h, s, v, c.h, c.s, c.v)
		}
	}
}

func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channel := rapid.Float64Range(0, 1)
		r, g, b := channel.Draw(t, "r"), channel.Draw(t, "g"), channel.Draw(t, "b")
		h, s, v := FromRGB(r, g, b)
		if !(h >= 0 && h < 1 && s >= 0 && s <= 1 && v == max(r, g, b)) {
			t.Fatalf("FromRGB(%v, %v, %v) = %v, %v, %v", r, g, b, h, s, v)
		}
		r2, g2, b2 := ToRGB(h, s, v)
		if math.Abs(r-r2) > 1e-12 || math.Abs(g-g2) > 1e-12 || math.Abs(b-b2) > 1e-12 {
			t.Fatalf("%v, %v, %v came back as %v, %v, %v", r, g, b, r2, g2, b2)
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	sum := 0.0
	for b.Loop() {
		h, s, v := FromRGB(0.3, 0.5, 0.2)
		x, y, z := ToRGB(h, s, v)
		sum += x + y + z
	}
	_ = sum
}
