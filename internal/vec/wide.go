//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import (
	"simd/archsimd"
	"unsafe"
)

// What the processor has. The bundle that archsimd calls AVX512 is F, CD, BW, DQ and VL.
var (
	has512 = archsimd.X86.AVX512()
	has256 = archsimd.X86.AVX2() && archsimd.X86.FMA()
)

func at16(p unsafe.Pointer) archsimd.Float32x16 { return archsimd.LoadFloat32x16((*[16]float32)(p)) }

func at8(p unsafe.Pointer) archsimd.Float32x8 { return archsimd.LoadFloat32x8((*[8]float32)(p)) }

func tapsWide(dst, src []float32, offsets []int32, weights []float32) int {
	switch {
	case has512 && len(dst) >= 16:
		taps16(dst, src, offsets, weights)
		return len(dst)
	case has256 && len(dst) >= 8:
		taps8(dst, src, offsets, weights)
		return len(dst)
	}
	return 0
}

// taps16 keeps six sums of 16 lanes in registers while it walks over the taps. Taps has checked that every load stays inside src,
// so the loads go unchecked. A last block overlaps its neighbour and repeats some outputs.
func taps16(dst, src []float32, offsets []int32, weights []float32) {
	weights = weights[:len(offsets)]
	base := unsafe.Pointer(unsafe.SliceData(src))
	i := 0
	for ; i+96 <= len(dst); i += 96 {
		var a, b, c, d, e, f archsimd.Float32x16
		p := unsafe.Add(base, 4*i)
		for k, offset := range offsets {
			w := archsimd.BroadcastFloat32x16(weights[k])
			q := unsafe.Add(p, 4*int(offset))
			a = w.MulAdd(at16(q), a)
			b = w.MulAdd(at16(unsafe.Add(q, 64)), b)
			c = w.MulAdd(at16(unsafe.Add(q, 128)), c)
			d = w.MulAdd(at16(unsafe.Add(q, 192)), d)
			e = w.MulAdd(at16(unsafe.Add(q, 256)), e)
			f = w.MulAdd(at16(unsafe.Add(q, 320)), f)
		}
		o := dst[i : i+96]
		a.StoreSlice(o)
		b.StoreSlice(o[16:])
		c.StoreSlice(o[32:])
		d.StoreSlice(o[48:])
		e.StoreSlice(o[64:])
		f.StoreSlice(o[80:])
	}
	for ; i < len(dst); i += 32 {
		first, second := min(i, len(dst)-16), min(i+16, len(dst)-16)
		var a, b archsimd.Float32x16
		p, q := unsafe.Add(base, 4*first), unsafe.Add(base, 4*second)
		for k, offset := range offsets {
			w := archsimd.BroadcastFloat32x16(weights[k])
			a = w.MulAdd(at16(unsafe.Add(p, 4*int(offset))), a)
			b = w.MulAdd(at16(unsafe.Add(q, 4*int(offset))), b)
		}
		a.StoreSlice(dst[first:])
		b.StoreSlice(dst[second:])
	}
	archsimd.ClearAVXUpperBits()
}

// taps8 is taps16 with 8 lanes.
func taps8(dst, src []float32, offsets []int32, weights []float32) {
	weights = weights[:len(offsets)]
	base := unsafe.Pointer(unsafe.SliceData(src))
	i := 0
	for ; i+48 <= len(dst); i += 48 {
		var a, b, c, d, e, f archsimd.Float32x8
		p := unsafe.Add(base, 4*i)
		for k, offset := range offsets {
			w := archsimd.BroadcastFloat32x8(weights[k])
			q := unsafe.Add(p, 4*int(offset))
			a = w.MulAdd(at8(q), a)
			b = w.MulAdd(at8(unsafe.Add(q, 32)), b)
			c = w.MulAdd(at8(unsafe.Add(q, 64)), c)
			d = w.MulAdd(at8(unsafe.Add(q, 96)), d)
			e = w.MulAdd(at8(unsafe.Add(q, 128)), e)
			f = w.MulAdd(at8(unsafe.Add(q, 160)), f)
		}
		o := dst[i : i+48]
		a.StoreSlice(o)
		b.StoreSlice(o[8:])
		c.StoreSlice(o[16:])
		d.StoreSlice(o[24:])
		e.StoreSlice(o[32:])
		f.StoreSlice(o[40:])
	}
	for ; i < len(dst); i += 8 {
		at := min(i, len(dst)-8)
		var a archsimd.Float32x8
		p := unsafe.Add(base, 4*at)
		for k, offset := range offsets {
			a = archsimd.BroadcastFloat32x8(weights[k]).MulAdd(at8(unsafe.Add(p, 4*int(offset))), a)
		}
		a.StoreSlice(dst[at:])
	}
	archsimd.ClearAVXUpperBits()
}

func fromBytesWide(dst []float32, src []uint8) int {
	if !has512 {
		return 0
	}
	i := 0
	for ; i+16 <= len(src); i += 16 {
		archsimd.LoadUint8x16Slice(src[i:]).ExtendToUint32().ConvertToFloat32().StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func truncateWide(dst []uint8, src []float32) int {
	if !has512 {
		return 0
	}
	low, high := archsimd.BroadcastFloat32x16(0), archsimd.BroadcastFloat32x16(255)
	i := 0
	for ; i+16 <= len(src); i += 16 {
		v := archsimd.LoadFloat32x16Slice(src[i:])
		v = v.Masked(v.Greater(low)).Min(high) // the comparison is false for NaN
		v.ConvertToInt32().TruncateToInt8().AsUint8x16().StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func addWide(dst, a, b []float32) int {
	if !has256 {
		return 0
	}
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		archsimd.LoadFloat32x8Slice(a[i:]).Add(archsimd.LoadFloat32x8Slice(b[i:])).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func lerpWide(dst, a, b []float32, t float32) int {
	if !has256 {
		return 0
	}
	weight := archsimd.BroadcastFloat32x8(t)
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		v := archsimd.LoadFloat32x8Slice(a[i:])
		weight.MulAdd(archsimd.LoadFloat32x8Slice(b[i:]).Sub(v), v).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func clipWide(dst []float32, scale, offset, low, high float32) int {
	if !has256 {
		return 0
	}
	factor, shift := archsimd.BroadcastFloat32x8(scale), archsimd.BroadcastFloat32x8(offset)
	bottom, top := archsimd.BroadcastFloat32x8(low), archsimd.BroadcastFloat32x8(high)
	i := 0
	for ; i+8 <= len(dst); i += 8 {
		v := archsimd.LoadFloat32x8Slice(dst[i:]).MulAdd(factor, shift)
		v.Max(bottom).Min(top).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func thresholdWide(dst []float32, low float32) int {
	if !has512 {
		return 0
	}
	bottom := archsimd.BroadcastFloat32x16(low)
	i := 0
	for ; i+16 <= len(dst); i += 16 {
		v := archsimd.LoadFloat32x16Slice(dst[i:])
		v.Masked(v.GreaterEqual(bottom)).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

func nearIntegerWide(found []int32, x []float32, tolerance float32) ([]int32, int) {
	if !has512 {
		return found, 0
	}
	low, high := archsimd.BroadcastFloat32x16(-tolerance), archsimd.BroadcastFloat32x16(tolerance)
	i := 0
	for ; i+16 <= len(x); i += 16 {
		v := archsimd.LoadFloat32x16Slice(x[i:])
		rest := v.Sub(v.RoundToEvenScaled(0))
		bits := rest.Greater(low).And(rest.Less(high)).ToBits()
		for k := int32(i); bits != 0; k, bits = k+1, bits>>1 {
			if bits&1 != 0 {
				found = append(found, k)
			}
		}
	}
	archsimd.ClearAVXUpperBits()
	return found, i
}

func (s *Stretch) wide(dst, src []float32) int {
	if !has512 {
		return 0
	}
	for block, base := range s.base {
		i := 16 * block
		if base < 0 || int(base)+32 > len(src) {
			s.plain(dst[:i+16], src, i)
			continue
		}
		low, high := archsimd.LoadFloat32x16Slice(src[base:]), archsimd.LoadFloat32x16Slice(src[base+16:])
		a := low.ConcatPermute(high, archsimd.LoadUint32x16Slice(s.left[i:]))
		b := low.ConcatPermute(high, archsimd.LoadUint32x16Slice(s.right[i:]))
		v := archsimd.LoadFloat32x16Slice(s.t[i:]).MulAdd(b.Sub(a), a)
		archsimd.LoadFloat32x16Slice(dst[i:]).Add(v).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return 16 * len(s.base)
}

// bilinearWide takes one pixel at a time, four lanes. It writes four values a pixel, so the last ones are left to the plain form.
func bilinearWide(dst []float32, step int, src []float32, stride int, index []int32, fx, fy []float32) int {
	n := min(len(index), (len(dst)-4)/step)
	if !has256 || n <= 0 {
		return 0
	}
	base, out := unsafe.Pointer(unsafe.SliceData(src)), unsafe.Pointer(unsafe.SliceData(dst))
	fx, fy = fx[:n], fy[:n]
	for i, at := range index[:n] {
		upper := unsafe.Add(base, 4*int(at))
		lower := unsafe.Add(upper, 4*stride)
		u, v := archsimd.BroadcastFloat32x4(fx[i]), archsimd.BroadcastFloat32x4(fy[i])
		a, b := at4(upper), at4(lower)
		a = u.MulAdd(at4(unsafe.Add(upper, 16)).Sub(a), a)
		b = u.MulAdd(at4(unsafe.Add(lower, 16)).Sub(b), b)
		v.MulAdd(b.Sub(a), a).Store((*[4]float32)(unsafe.Add(out, 4*i*step)))
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func at4(p unsafe.Pointer) archsimd.Float32x4 { return archsimd.LoadFloat32x4((*[4]float32)(p)) }

func minTapsWide(dst, src []int32, offsets, costs []int32) int {
	if !has256 {
		return 0
	}
	costs = costs[:len(offsets)]
	base := unsafe.Pointer(unsafe.SliceData(src))
	i := 0
	for ; i+32 <= len(dst); i += 32 {
		a := archsimd.BroadcastInt32x8(1<<31 - 1)
		b, c, d := a, a, a
		p := unsafe.Add(base, 4*i)
		for k, offset := range offsets {
			cost := archsimd.BroadcastInt32x8(costs[k])
			q := (*[32]int32)(unsafe.Add(p, 4*int(offset)))
			a = a.Min(archsimd.LoadInt32x8Slice(q[:]).Add(cost))
			b = b.Min(archsimd.LoadInt32x8Slice(q[8:]).Add(cost))
			c = c.Min(archsimd.LoadInt32x8Slice(q[16:]).Add(cost))
			d = d.Min(archsimd.LoadInt32x8Slice(q[24:]).Add(cost))
		}
		a.StoreSlice(dst[i:])
		b.StoreSlice(dst[i+8:])
		c.StoreSlice(dst[i+16:])
		d.StoreSlice(dst[i+24:])
	}
	archsimd.ClearAVXUpperBits()
	return i
}

// Level names the vectors in use.
func Level() string {
	switch {
	case has512:
		return "AVX-512"
	case has256:
		return "AVX2"
	}
	return "none (the processor has no AVX2)"
}
