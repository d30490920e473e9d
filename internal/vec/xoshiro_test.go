package vec

import (
	"slices"
	"testing"
)

// TestXoshiro compares with the authors' example state 1, 2, 3, 4, whose first words the rand_xoshiro crate lists, and the wide form with
// the lanes run one by one.
func TestXoshiro(t *testing.T) {
	var x Xoshiro
	for lane := range Lanes {
		for word := range x {
			x[word][lane] = uint64(word+1) + uint64(lane)*0x9e3779b97f4a7c15
		}
	}
	y := x
	got, want := make([]uint64, 8*33), make([]uint64, 8*33)
	x.Fill(got[:8*20])
	x.Fill(got[8*20:])
	for lane := range Lanes {
		y.fillLane(want, lane)
	}
	if !slices.Equal(got, want) || x != y {
		t.Error("the generators side by side differ from the generators one by one")
	}
	for i, word := range []uint64{41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205} {
		if got[8*i] != word {
			t.Errorf("word %d is %d, want %d", i, got[8*i], word)
		}
	}
}

func TestUnit(t *testing.T) {
	words := []uint64{0, ^uint64(0), 1 << 63, 1 << 12, 1<<12 - 1, 3 << 62, 1, 5 << 61, 1 << 13}
	want := []float64{0, 1 - 0x1p-52, 0.5, 0x1p-52, 0, 0.75, 0, 0.625, 0x1p-51}
	got := make([]float64, len(words))
	for n := range words {
		clear(got)
		if Unit(got[:n], words[:n]); !slices.Equal(got[:n], want[:n]) {
			t.Errorf("%d words gave %v, want %v", n, got[:n], want[:n])
		}
	}
}

func BenchmarkXoshiro(b *testing.B) {
	x := Xoshiro{{1, 2, 3, 4, 5, 6, 7, 8}}
	dst := make([]uint64, 512)
	b.SetBytes(512) // MB/s are millions of words a second
	for b.Loop() {
		x.Fill(dst)
	}
}
