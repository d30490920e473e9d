//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import "simd/archsimd"

// fillWide fills all of dst or nothing.
func (x *Xoshiro) fillWide(dst []uint64) bool {
	switch {
	case has512:
		x.fill8(dst)
	case has256:
		x.fill4(dst)
	default:
		return false
	}
	archsimd.ClearAVXUpperBits()
	return true
}

// fill8 runs the eight generators at once.
func (x *Xoshiro) fill8(dst []uint64) {
	a, b := archsimd.LoadUint64x8(&x[0]), archsimd.LoadUint64x8(&x[1])
	c, d := archsimd.LoadUint64x8(&x[2]), archsimd.LoadUint64x8(&x[3])
	for ; len(dst) >= 8; dst = dst[8:] {
		a.Add(d).RotateAllLeft(23).Add(a).StoreSlice(dst)
		shifted := b.ShiftAllLeft(17)
		c, d = c.Xor(a), d.Xor(b)
		b, a = b.Xor(c), a.Xor(d)
		c, d = c.Xor(shifted), d.RotateAllLeft(45)
	}
	a.Store(&x[0])
	b.Store(&x[1])
	c.Store(&x[2])
	d.Store(&x[3])
}

// fill4 runs the generators as two groups of four.
func (x *Xoshiro) fill4(dst []uint64) {
	a, b, c, d := x.load(0)
	e, f, g, h := x.load(4)
	var low, high archsimd.Uint64x4
	for ; len(dst) >= 8; dst = dst[8:] {
		low, a, b, c, d = nextQuad(a, b, c, d)
		high, e, f, g, h = nextQuad(e, f, g, h)
		low.StoreSlice(dst[0:4])
		high.StoreSlice(dst[4:8])
	}
	x.store(0, a, b, c, d)
	x.store(4, e, f, g, h)
}

func (x *Xoshiro) load(lane int) (a, b, c, d archsimd.Uint64x4) {
	return archsimd.LoadUint64x4Slice(x[0][lane:]), archsimd.LoadUint64x4Slice(x[1][lane:]),
		archsimd.LoadUint64x4Slice(x[2][lane:]), archsimd.LoadUint64x4Slice(x[3][lane:])
}

func (x *Xoshiro) store(lane int, a, b, c, d archsimd.Uint64x4) {
	a.StoreSlice(x[0][lane:])
	b.StoreSlice(x[1][lane:])
	c.StoreSlice(x[2][lane:])
	d.StoreSlice(x[3][lane:])
}

// nextQuad is one step of four generators.
func nextQuad(a, b, c, d archsimd.Uint64x4) (word, a1, b1, c1, d1 archsimd.Uint64x4) {
	sum := a.Add(d)
	word = sum.ShiftAllLeft(23).Or(sum.ShiftAllRight(41)).Add(a)
	shifted := b.ShiftAllLeft(17)
	c, d = c.Xor(a), d.Xor(b)
	b, a = b.Xor(c), a.Xor(d)
	return word, a, b, c.Xor(shifted), d.ShiftAllLeft(45).Or(d.ShiftAllRight(19))
}

func unitWide(dst []float64, words []uint64) int {
	if !has256 {
		return 0
	}
	ones, exponent := archsimd.BroadcastFloat64x4(1), archsimd.BroadcastUint64x4(one)
	i := 0
	for ; i+4 <= len(dst) && i+4 <= len(words); i += 4 {
		w := archsimd.LoadUint64x4Slice(words[i : i+4]).ShiftAllRight(12).Or(exponent)
		w.AsFloat64x4().Sub(ones).StoreSlice(dst[i : i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}
