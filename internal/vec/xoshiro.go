package vec

import (
	"math"
	"math/bits"
)

// Lanes is the number of generators that a Xoshiro interleaves.
const Lanes = 8

// Xoshiro is eight generators xoshiro256++ (Blackman & Vigna 2021) side by side; word i of their stream comes from generator i mod 8.
// Index 0 counts a generator's four words of state, index 1 the generators. No generator's state may be all zero.
type Xoshiro [4][Lanes]uint64

// Fill writes the next words of the stream; the length of dst must be a multiple of Lanes.
func (x *Xoshiro) Fill(dst []uint64) {
	if len(dst)%Lanes != 0 {
		panic("vec: Xoshiro fills multiples of 8 words")
	}
	if x.fillWide(dst) {
		return
	}
	for lane := range Lanes {
		x.fillLane(dst, lane)
	}
}

func (x *Xoshiro) fillLane(dst []uint64, lane int) {
	a, b, c, d := x[0][lane], x[1][lane], x[2][lane], x[3][lane]
	for i := lane; i < len(dst); i += Lanes {
		dst[i] = bits.RotateLeft64(a+d, 23) + a
		shifted := b << 17
		c ^= a
		d ^= b
		b ^= c
		a ^= d
		c ^= shifted
		d = bits.RotateLeft64(d, 45)
	}
	x[0][lane], x[1][lane], x[2][lane], x[3][lane] = a, b, c, d
}

// one is the bit pattern of 1.0; with a random fraction below it, it is a number of [1, 2).
const one = 0x3ff << 52

// Unit maps random words to multiples of 2⁻⁵² in [0, 1) by their upper bits; len(words) = len(dst).
func Unit(dst []float64, words []uint64) {
	words = words[:len(dst)]
	for i := unitWide(dst, words); i < len(dst); i++ {
		dst[i] = math.Float64frombits(words[i]>>12|one) - 1
	}
}

// NotAbove writes 255 where v ≤ limit and 0 elsewhere; len(v) = len(dst).
func NotAbove(dst []uint8, v []float64, limit float64) {
	v = v[:len(dst)]
	for i := range dst {
		var bit uint8
		if v[i] <= limit {
			bit = 1
		}
		dst[i] = -bit // without a branch, which would be unpredictable
	}
}
