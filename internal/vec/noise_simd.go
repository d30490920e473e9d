//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import "simd/archsimd"

// Each function below treats a first part of its slices and returns the length of that part.

func addNoiseBlocks(dst []float32, src []uint8, z []float64, scale float64) int {
	if !has256 {
		return 0
	}
	k, c := newFinisher(), archsimd.BroadcastFloat64x4(scale)
	i := 0
	for ; i+16 <= len(src) && i+4 <= len(dst) && i+4 <= len(z); i += 4 {
		x := k.intensity(src[i : i+16])
		k.finish(x.Add(archsimd.LoadFloat64x4Slice(z[i:i+4]).Mul(c)), dst[i:i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func scaleNoiseBlocks(dst []float32, src []uint8, z []float64, scale float64) int {
	if !has256 {
		return 0
	}
	k, c := newFinisher(), archsimd.BroadcastFloat64x4(scale)
	i := 0
	for ; i+16 <= len(src) && i+4 <= len(dst) && i+4 <= len(z); i += 4 {
		x := k.intensity(src[i : i+16])
		k.finish(x.Add(x.Mul(archsimd.LoadFloat64x4Slice(z[i:i+4]).Mul(c))), dst[i:i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func addHazeBlocks(dst []float32, src []uint8, haze []float64, num, den float64) int {
	if !has256 {
		return 0
	}
	k, n, d := newFinisher(), archsimd.BroadcastFloat64x4(num), archsimd.BroadcastFloat64x4(den)
	i := 0
	for ; i+16 <= len(src) && i+4 <= len(dst) && i+4 <= len(haze); i += 4 {
		x := k.intensity(src[i : i+16])
		k.finish(x.Add(archsimd.LoadFloat64x4Slice(haze[i:i+4])).Mul(n).Div(d), dst[i:i+4])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

// finisher holds the constants of finish.
type finisher struct {
	zero, one, scale archsimd.Float64x4
	mask             archsimd.Int64x4
}

func newFinisher() finisher {
	return finisher{
		one: archsimd.BroadcastFloat64x4(1), scale: archsimd.BroadcastFloat64x4(255),
		mask: archsimd.BroadcastInt64x4(belowFloat32),
	}
}

// intensity returns the first 4 of 16 values, of 1.
func (k *finisher) intensity(src []uint8) archsimd.Float64x4 {
	return archsimd.LoadUint8x16Slice(src).ExtendLo4ToUint32().AsInt32x4().ConvertToFloat64().Div(k.scale)
}

func (k *finisher) finish(v archsimd.Float64x4, dst []float32) {
	v = v.Max(k.zero).Min(k.one).Mul(k.scale)
	v.AsInt64x4().AndNot(k.mask).AsFloat64x4().ConvertToFloat32().StoreSlice(dst)
}
