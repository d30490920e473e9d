package vec

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCloud compares every operation with its definition at lengths around the block sizes, to the bit.
func TestCloud(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for n := 1; n < 70; n++ {
		var v [5][]float64
		for k := range v {
			for range n {
				v[k] = append(v[k], 200*r.Float64()-100)
			}
		}
		bytes := make([]uint8, n)
		for i := range bytes {
			bytes[i] = uint8(r.IntN(200))
		}
		if got, want := MaxByte(bytes), slices.Max(bytes); got != want {
			t.Fatalf("MaxByte of %d values: %d, want %d", n, got, want)
		}
		low, high := Bounds(v[0])
		if low != slices.Min(v[0]) || high != slices.Max(v[0]) {
			t.Fatalf("Bounds of %d values: %v, %v", n, low, high)
		}
		displaced, pairs, standard := make([]float64, n), make([]float64, 2*n), slices.Clone(v[0])
		Displace(displaced, v[0], v[1], v[2], v[3], v[4], 1.7)
		Interleave(pairs, v[0], v[1])
		Standardise(standard, low, 3)
		for i := range n {
			noise := float64(2*1.7*v[4][i]) - 1.7
			if want := ((v[0][i]+v[1][i])+(v[2][i]+v[3][i]))*0.25 + float64(1.7*noise); displaced[i] != want {
				t.Fatalf("Displace, length %d, value %d: %v, want %v", n, i, displaced[i], want)
			}
			if pairs[2*i] != v[0][i] || pairs[2*i+1] != v[1][i] {
				t.Fatalf("Interleave, length %d, pair %d: %v", n, i, pairs[2*i:2*i+2])
			}
			if want := (v[0][i] - low) / 3; standard[i] != want {
				t.Fatalf("Standardise, length %d, value %d: %v, want %v", n, i, standard[i], want)
			}
		}
	}
	if MaxByte(nil) != 0 {
		t.Error("MaxByte of nothing is not 0")
	}
}
