// Package vec computes over float32 slices several elements at a time.
//
// Each primitive has a plain Go form, which is its definition, and where the standard library's vectors are compiled in
// (GOEXPERIMENT=simd, amd64) a wide form that does as many leading elements as it can; the plain form does the rest. Wide forms fuse
// multiplications and additions, so sums differ in the last bits. Slices of wrong lengths are programming errors and panic.
package vec

import "math"

// Taps computes dst[i] = Σ_k weights[k]·src[i+offsets[k]]: one primitive for correlations along rows (offsets k·channels),
// along columns (offsets k·stride) and along lines, and for products with a matrix (offsets k·columns). dst must not overlap src.
func Taps(dst, src []float32, offsets []int32, weights []float32) {
	if len(dst) == 0 {
		return
	}
	low, high := int32(0), int32(0)
	for _, offset := range offsets {
		low, high = min(low, offset), max(high, offset)
	}
	if low < 0 || int(high)+len(dst) > len(src) || len(weights) != len(offsets) {
		panic("vec: Taps reads outside its source")
	}
	if done := tapsWide(dst, src, offsets, weights); done < len(dst) {
		tapsPlain(dst[done:], src[done:], offsets, weights)
	}
}

func tapsPlain(dst, src []float32, offsets []int32, weights []float32) {
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		var a, b, c, d, e, f, g, h float32
		for k, offset := range offsets {
			s, w := src[i+int(offset):][:8], weights[k]
			a += w * s[0]
			b += w * s[1]
			c += w * s[2]
			d += w * s[3]
			e += w * s[4]
			f += w * s[5]
			g += w * s[6]
			h += w * s[7]
		}
		o := dst[i:][:8]
		o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7] = a, b, c, d, e, f, g, h
	}
	for ; i < len(dst); i++ {
		var sum float32
		for k, offset := range offsets {
			sum += weights[k] * src[i+int(offset)]
		}
		dst[i] = sum
	}
}

// FromBytes converts: dst[i] = src[i].
func FromBytes(dst []float32, src []uint8) {
	dst = dst[:len(src)]
	for i := fromBytesWide(dst, src); i < len(dst); i++ {
		dst[i] = float32(src[i])
	}
}

// Truncate clips to 0..255 and truncates: dst[i] = ⌊min(255, max(0, src[i]))⌋. NaN gives 0.
func Truncate(dst []uint8, src []float32) {
	dst = dst[:len(src)]
	for i := truncateWide(dst, src); i < len(dst); i++ {
		v := src[i]
		if !(v > 0) {
			v = 0
		}
		dst[i] = uint8(min(v, 255))
	}
}

// Add computes dst[i] = a[i] + b[i]; dst may be a or b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := addWide(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] + b[i]
	}
}

// Lerp computes dst[i] = a[i] + t·(b[i] − a[i]).
func Lerp(dst, a, b []float32, t float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := lerpWide(dst, a, b, t); i < len(dst); i++ {
		dst[i] = a[i] + t*(b[i]-a[i])
	}
}

// Clip computes dst[i] = min(high, max(low, scale·dst[i] + offset)).
func Clip(dst []float32, scale, offset, low, high float32) {
	for i := clipWide(dst, scale, offset, low, high); i < len(dst); i++ {
		dst[i] = min(high, max(low, scale*dst[i]+offset))
	}
}

// Threshold sets dst[i] to 0 where it is below low.
func Threshold(dst []float32, low float32) {
	for i := thresholdWide(dst, low); i < len(dst); i++ {
		if dst[i] < low {
			dst[i] = 0
		}
	}
}

// NearInteger appends to found the indices at which x lies within tolerance of an integer.
func NearInteger(found []int32, x []float32, tolerance float32) []int32 {
	found, i := nearIntegerWide(found, x, tolerance)
	for ; i < len(x); i++ {
		if v := float64(x[i]); math.Abs(v-math.RoundToEven(v)) < float64(tolerance) {
			found = append(found, int32(i))
		}
	}
	return found
}
