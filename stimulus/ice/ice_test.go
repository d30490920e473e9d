package ice

import (
	"bytes"
	"math"
	"testing"
)

var look = Look{Width: 300, Height: 200, Mean: [3]float64{78, 149, 166}, Deviation: [3]float64{27, 16, 15}, Length: 30, Cloud: 0.3}

func TestGrowHasTheLook(t *testing.T) {
	m := Grow(1, look)
	if m.Width != look.Width || m.Height != look.Height {
		t.Fatalf("size %d×%d", m.Width, m.Height)
	}
	for c := range 3 {
		var sum, squares float64
		n := float64(len(m.Pix) / 3)
		for i := c; i < len(m.Pix); i += 3 {
			sum += float64(m.Pix[i])
			squares += float64(m.Pix[i]) * float64(m.Pix[i])
		}
		mean := sum / n
		deviation := math.Sqrt(squares/n - mean*mean)
		if math.Abs(mean-look.Mean[c]) > 2 || math.Abs(deviation-look.Deviation[c]) > 2 {
			t.Errorf("channel %d: %.1f ± %.1f, want %v ± %v", c, mean, deviation, look.Mean[c], look.Deviation[c])
		}
	}
}

func TestGrowIsDecidedByTheSeed(t *testing.T) {
	a, b, other := Grow(1, look), Grow(1, look), Grow(2, look)
	if !bytes.Equal(a.Pix, b.Pix) {
		t.Error("one seed gave two textures")
	}
	if bytes.Equal(a.Pix, other.Pix) {
		t.Error("two seeds gave one texture")
	}
}

func TestGrowSmall(t *testing.T) {
	small := look
	small.Width, small.Height = 1, 1
	if m := Grow(1, small); len(m.Pix) != 3 {
		t.Errorf("one pixel has %d values", len(m.Pix))
	}
}

func BenchmarkGrow(b *testing.B) {
	large := look
	large.Width, large.Height = 900, 600
	for b.Loop() {
		Grow(1, large)
	}
}
