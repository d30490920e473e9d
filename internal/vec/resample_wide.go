//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import (
	"encoding/binary"
	"simd/archsimd"
)

// The wide forms of package stimulus/resample, whose plain forms define what they compute. All are exact: integers do not round.

// weightBits are the fraction bits of weights: precision in stimulus/resample/axis.go.
const weightBits = 22

func all(v int32) ints { return archsimd.BroadcastInt32x8(v) }

// gatherLow brings the lowest bytes of four elements together.
var gatherLow = [16]int8{0, 4, 8, 12, none, none, none, none, none, none, none, none, none, none, none, none}

// WeighPixels makes the leading RGB pixels of a row: pixel i of dst is the sum of the pixels from first[i] on in src, weighed by
// weights[start[i]:start[i+1]]. src goes on behind the row as far as it may be read. It returns the number of pixels made.
func WeighPixels(dst, src []uint8, first, start, weights []int32) int {
	if !has256 {
		return 0
	}
	half := archsimd.BroadcastInt32x4(1 << (weightBits - 1))
	zero, most := archsimd.BroadcastInt32x4(0), archsimd.BroadcastInt32x4(255)
	order := archsimd.LoadInt8x16(&gatherLow)
	for i, from := range first {
		w := weights[start[i]:start[i+1]]
		in := src[3*from:]
		if 3*len(w)+13 > len(in) || 3*i+4 > len(dst) {
			return i
		}
		sum := half
		for k, weight := range w {
			pixel := archsimd.LoadUint8x16Slice(in[3*k:]).ExtendLo4ToUint32().AsInt32x4()
			sum = sum.Add(pixel.Mul(archsimd.BroadcastInt32x4(weight)))
		}
		sum = sum.ShiftAllRight(weightBits).Max(zero).Min(most)
		pixel := sum.AsInt8x16().PermuteOrZero(order).AsUint32x4().GetElem(0)
		binary.LittleEndian.PutUint32(dst[3*i:], pixel) // its fourth byte is the next pixel's first, written next
	}
	return len(first)
}

// WeighRows makes the leading values of a row, 32 at a time: value i of dst is the sum of src[i+k·stride] weighed by weights[k].
// It returns their number.
func WeighRows(dst, src []uint8, stride int, weights []int32) int {
	if !has256 {
		return 0
	}
	half := all(1 << (weightBits - 1))
	zero, most := all(0), all(255)
	x := 0
	for ; x+32 <= len(dst); x += 32 {
		a, b, c, d := half, half, half, half
		for k, weight := range weights {
			row := archsimd.LoadUint8x32Slice(src[x+k*stride:])
			w := all(weight)
			low, high := row.GetLo(), row.GetHi()
			a = a.Add(low.ExtendLo8ToUint32().AsInt32x8().Mul(w))
			b = b.Add(upper(low).ExtendLo8ToUint32().AsInt32x8().Mul(w))
			c = c.Add(high.ExtendLo8ToUint32().AsInt32x8().Mul(w))
			d = d.Add(upper(high).ExtendLo8ToUint32().AsInt32x8().Mul(w))
		}
		a, b = a.ShiftAllRight(weightBits).Max(zero).Min(most), b.ShiftAllRight(weightBits).Max(zero).Min(most)
		c, d = c.ShiftAllRight(weightBits).Max(zero).Min(most), d.ShiftAllRight(weightBits).Max(zero).Min(most)
		ordered(a.Or(b.ShiftAllLeft(8)).Or(c.ShiftAllLeft(16)).Or(d.ShiftAllLeft(24))).AsUint8x32().StoreSlice(dst[x:])
	}
	return x
}

// upper returns the upper eight bytes in the lower place.
func upper(v archsimd.Uint8x16) archsimd.Uint8x16 { return v.ConcatShiftBytesRight(8, v) }
