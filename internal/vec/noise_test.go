package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestNoise compares every operation with its formula at lengths around the block sizes, to the bit.
func TestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 3, 4, 15, 16, 17, 19, 20, 64, 301} {
		src, z := make([]uint8, n), make([]float64, n)
		for i := range n {
			src[i], z[i] = uint8(r.Uint32()), r.NormFloat64()
		}
		got := make([]float32, n)
		compare := func(name string, want func(x, z float64) float64) {
			t.Helper()
			bytes := make([]uint8, n)
			Truncate(bytes, got)
			for i := range n {
				exact := 255 * math.Min(1, math.Max(0, want(float64(src[i])/255, z[i])))
				if float64(got[i]) > exact || exact-float64(got[i]) > 2e-5 {
					t.Fatalf("%s, length %d, value %d: got %v, want %v or just below", name, n, i, got[i], exact)
				}
				if got[i] != finish(want(float64(src[i])/255, z[i])) {
					t.Fatalf("%s, length %d, value %d: got %v, want %v", name, n, i, got[i], finish(want(float64(src[i])/255, z[i])))
				}
				if bytes[i] != uint8(math.Floor(exact)) {
					t.Fatalf("Truncate, length %d: %v became %d", n, exact, bytes[i])
				}
			}
		}
		AddNoise(got, src, z, 0.3)
		compare("AddNoise", func(x, z float64) float64 { return x + float64(0.3*z) })
		ScaleNoise(got, src, z, 0.3)
		compare("ScaleNoise", func(x, z float64) float64 { return x + float64(x*float64(0.3*z)) })
		AddHaze(got, src, z, 0.7, 2.2)
		compare("AddHaze", func(x, z float64) float64 { return (x + z) * 0.7 / 2.2 })
	}
}
