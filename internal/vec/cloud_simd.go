//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import "simd/archsimd"

func displaceWide(dst, a, b, c, d, u []float64, amplitude float64) int {
	if !has256 {
		return 0
	}
	size, twice := archsimd.BroadcastFloat64x4(amplitude), archsimd.BroadcastFloat64x4(2*amplitude)
	quarter := archsimd.BroadcastFloat64x4(0.25)
	i := 0
	for ; i+4 <= len(dst) && i+4 <= len(a) && i+4 <= len(b) && i+4 <= len(c) && i+4 <= len(d) && i+4 <= len(u); i += 4 {
		first := archsimd.LoadFloat64x4Slice(a[i : i+4]).Add(archsimd.LoadFloat64x4Slice(b[i : i+4]))
		second := archsimd.LoadFloat64x4Slice(c[i : i+4]).Add(archsimd.LoadFloat64x4Slice(d[i : i+4]))
		noise := archsimd.LoadFloat64x4Slice(u[i : i+4]).Mul(twice).Sub(size)
		first.Add(second).Mul(quarter).Add(noise.Mul(size)).StoreSlice(dst[i : i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func interleaveWide(dst, a, b []float64) int {
	if !has256 {
		return 0
	}
	i := 0
	for ; i+4 <= len(a) && i+4 <= len(b) && 2*i+8 <= len(dst); i += 4 {
		x := archsimd.LoadFloat64x4Slice(a[i : i+4]).AsUint64x4()
		y := archsimd.LoadFloat64x4Slice(b[i : i+4]).AsUint64x4()
		low, high := x.InterleaveLoGrouped(y), x.InterleaveHiGrouped(y)
		low.Select128FromPair(0, 2, high).AsFloat64x4().StoreSlice(dst[2*i : 2*i+4])
		low.Select128FromPair(1, 3, high).AsFloat64x4().StoreSlice(dst[2*i+4 : 2*i+8])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func boundsWide(v []float64) (done int, low, high float64) {
	if !has256 || len(v) < 4 {
		return 0, v[0], v[0]
	}
	least := archsimd.LoadFloat64x4Slice(v)
	most := least
	i := 4
	for ; i+4 <= len(v); i += 4 {
		x := archsimd.LoadFloat64x4Slice(v[i : i+4])
		least, most = least.Min(x), most.Max(x)
	}
	var lows, highs [4]float64
	least.Store(&lows)
	most.Store(&highs)
	archsimd.ClearAVXUpperBits()
	return i, min(lows[0], lows[1], lows[2], lows[3]), max(highs[0], highs[1], highs[2], highs[3])
}

func standardiseWide(v []float64, low, width float64) int {
	if !has256 {
		return 0
	}
	from, by := archsimd.BroadcastFloat64x4(low), archsimd.BroadcastFloat64x4(width)
	i := 0
	for ; i+4 <= len(v); i += 4 {
		archsimd.LoadFloat64x4Slice(v[i : i+4]).Sub(from).Div(by).StoreSlice(v[i : i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func maxByteWide(v []uint8) (done int, high uint8) {
	if !has256 {
		return 0, 0
	}
	var most archsimd.Uint8x32
	i := 0
	for ; i+32 <= len(v); i += 32 {
		most = most.Max(archsimd.LoadUint8x32Slice(v[i : i+32]))
	}
	var lanes [32]uint8
	most.Store(&lanes)
	archsimd.ClearAVXUpperBits()
	for _, x := range lanes {
		high = max(high, x)
	}
	return i, high
}
