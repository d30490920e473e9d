package vec

import "math"

// The operations of this file read 8-bit images and write values of the 0..255 scale. They compute in float64 and convert toward zero, so
// that a value below an integer stays below it. With and without SIMD the results are the same to the bit.

// AddNoise writes 255·clip(x + scale·z), where x = src/255 and clip limits to [0, 1]; all slices have one length.
func AddNoise(dst []float32, src []uint8, z []float64, scale float64) {
	src, z = src[:len(dst)], z[:len(dst)]
	done := addNoiseBlocks(dst, src, z, scale)
	for i := done; i < len(dst); i++ {
		dst[i] = finish(intensity[src[i]] + float64(scale*z[i]))
	}
}

// ScaleNoise writes 255·clip(x + x·scale·z), where x = src/255 and clip limits to [0, 1]; all slices have one length.
func ScaleNoise(dst []float32, src []uint8, z []float64, scale float64) {
	src, z = src[:len(dst)], z[:len(dst)]
	done := scaleNoiseBlocks(dst, src, z, scale)
	for i := done; i < len(dst); i++ {
		x := float64(src[i]) / 255
		dst[i] = finish(x + float64(x*float64(scale*z[i]))) // the conversions forbid fused multiplications
	}
}

// AddHaze writes 255·clip((x + haze)·num/den), where x = src/255 and clip limits to [0, 1]; all slices have one length.
func AddHaze(dst []float32, src []uint8, haze []float64, num, den float64) {
	src, haze = src[:len(dst)], haze[:len(dst)]
	done := addHazeBlocks(dst, src, haze, num, den)
	for i := done; i < len(dst); i++ {
		dst[i] = finish((intensity[src[i]] + haze[i]) * num / den)
	}
}

// intensity holds v/255.
var intensity = func() (t [256]float64) {
	for v := range t {
		t[v] = float64(v) / 255
	}
	return t
}()

// belowFloat32 are the bits of a float64's fraction that a float32 lacks.
const belowFloat32 = 1<<29 - 1

func finish(v float64) float32 {
	switch { // cheaper than min and max, which look for NaN and −0
	case v >= 1:
		return 255
	case v > 0:
		return float32(math.Float64frombits(math.Float64bits(255*v) &^ belowFloat32))
	}
	return 0
}
