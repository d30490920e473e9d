//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package rescale

import (
	"math/bits"
	"simd/archsimd"
	"unsafe"
)

var has512 = archsimd.X86.AVX512()

// vectors says whether passes are made with vectors: without them selection is as fast.
func vectors() bool { return has512 }

func load(p unsafe.Pointer, i int) archsimd.Float32x16 {
	return archsimd.LoadFloat32x16((*[16]float32)(unsafe.Add(p, 4*i)))
}

func sum16(v archsimd.Float32x16) (total float64) {
	var lanes [16]float32
	v.Store(&lanes)
	for _, lane := range lanes {
		total += float64(lane)
	}
	return total
}

// surveyWide returns the largest magnitude of delta and whether everything is finite and within bounds, of the first done elements.
func surveyWide(x, delta []float32, low, high float32) (done int, largest float32, ok bool) {
	if !has512 || len(delta) != len(x) {
		return 0, 0, true
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat32x16(low), archsimd.BroadcastFloat32x16(high)
	var zero, peak archsimd.Float32x16
	all := least.Equal(least).ToInt32x16()
	for ; done+16 <= len(x); done += 16 {
		v, d := load(px, done), load(pd, done)
		within := v.GreaterEqual(least).And(v.LessEqual(most)).And(d.Sub(d).Equal(zero))
		all = all.And(within.ToInt32x16())
		peak = peak.Max(d.Max(zero.Sub(d)))
	}
	var lanes [16]float32
	var flags [16]int32
	peak.Store(&lanes)
	all.Store(&flags)
	archsimd.ClearAVXUpperBits()
	ok = true
	for i := range lanes {
		largest = max(largest, lanes[i])
		ok = ok && flags[i] != 0
	}
	return done, largest, ok
}

// splitWide is split for the first done elements.
func splitWide(x, delta []float32, low, high, eta, unit, scale float32, square bool) (done int, clipped, free float64) {
	if !has512 || len(delta) != len(x) {
		return 0, 0, 0
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat32x16(low), archsimd.BroadcastFloat32x16(high)
	factor, units, scales := archsimd.BroadcastFloat32x16(eta), archsimd.BroadcastFloat32x16(unit), archsimd.BroadcastFloat32x16(scale)
	var zero archsimd.Float32x16
	for done+16 <= len(x) {
		stop := min(done+blocks, len(x)&^15)
		var total, part archsimd.Float32x16 // of the free, and of the clipped ones
		for ; done < stop; done += 16 {
			v, d := load(px, done), load(pd, done)
			room := most.Sub(v).Merge(v.Sub(least), d.GreaterEqual(zero)).Mul(scales)
			size := d.Max(zero.Sub(d)).Mul(units)
			over := size.Mul(factor).GreaterEqual(room)
			if square {
				room, size = room.Mul(room), size.Mul(size)
			}
			part = part.Add(room.Masked(over))
			total = total.Add(zero.Merge(size, over))
		}
		clipped += sum16(part)
		free += sum16(total)
	}
	archsimd.ClearAVXUpperBits()
	return done, clipped, free
}

// exactlyWide is exactly for the first done elements.
func exactlyWide(x, delta []float32, low, high, eta, unit, scale float64, square bool) (done int, clipped, free float64) {
	if !has512 || len(delta) != len(x) {
		return 0, 0, 0
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat64x8(low), archsimd.BroadcastFloat64x8(high)
	factor, units, scales := archsimd.BroadcastFloat64x8(eta), archsimd.BroadcastFloat64x8(unit), archsimd.BroadcastFloat64x8(scale)
	var zero, total, part archsimd.Float64x8
	for ; done+8 <= len(x); done += 8 {
		v := archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(px, 4*done))).ConvertToFloat64()
		d := archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(pd, 4*done))).ConvertToFloat64()
		room := most.Sub(v).Merge(v.Sub(least), d.GreaterEqual(zero)).Mul(scales)
		size := d.Max(zero.Sub(d)).Mul(units)
		over := size.Mul(factor).GreaterEqual(room)
		if square {
			room, size = room.Mul(room), size.Mul(size)
		}
		part = part.Add(room.Masked(over))
		total = total.Add(zero.Merge(size, over))
	}
	var parts, totals [8]float64
	part.Store(&parts)
	total.Store(&totals)
	archsimd.ClearAVXUpperBits()
	for i := range parts {
		clipped += parts[i]
		free += totals[i]
	}
	return done, clipped, free
}

// applyWide writes clip(x + eta delta) and sums, in float64, (|v - x| scale)^p and (s scale)^p over what delta moves.
func applyWide(v, x, delta []float32, low, high, eta, scale float64, square bool) (total sums, done int) {
	if !has512 || len(delta) != len(x) || len(v) != len(x) {
		return sums{}, 0
	}
	px, pd, pv := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta)), unsafe.Pointer(unsafe.SliceData(v))
	least, most := archsimd.BroadcastFloat64x8(low), archsimd.BroadcastFloat64x8(high)
	factor, scales := archsimd.BroadcastFloat64x8(eta), archsimd.BroadcastFloat64x8(scale)
	var zero, norm, rooms archsimd.Float64x8
	for ; done+8 <= len(x); done += 8 {
		before := archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(px, 4*done))).ConvertToFloat64().Max(least).Min(most)
		d := archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(pd, 4*done))).ConvertToFloat64()
		after := before.Add(d.Mul(factor)).Max(least).Min(most).ConvertToFloat32()
		after.Store((*[8]float32)(unsafe.Add(pv, 4*done)))
		moves := d.NotEqual(zero)
		room := most.Sub(before).Merge(before.Sub(least), d.GreaterEqual(zero)).Masked(moves)
		moved := after.ConvertToFloat64().Sub(before).Masked(moves).Mul(scales)
		size := d.Max(zero.Sub(d)).Mul(factor)
		total.clipped += bits.OnesCount8(size.GreaterEqual(room).And(moves).ToBits())
		room = room.Mul(scales)
		if square {
			norm, rooms = norm.Add(moved.Mul(moved)), rooms.Add(room.Mul(room))
		} else {
			norm, rooms = norm.Add(moved.Max(zero.Sub(moved))), rooms.Add(room)
		}
	}
	var a, b [8]float64
	norm.Store(&a)
	rooms.Store(&b)
	archsimd.ClearAVXUpperBits()
	for i := range a {
		total.norm += a[i]
		total.most += b[i]
	}
	return total, done
}
