//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package rescale

import (
	"math/bits"
	"simd/archsimd"
	"unsafe"
)

var has256 = archsimd.X86.AVX2()

func load(p unsafe.Pointer, i int) archsimd.Float32x8 {
	return archsimd.LoadFloat32x8((*[8]float32)(unsafe.Add(p, 4*i)))
}

func sum8(v archsimd.Float32x8) (total float64) {
	var lanes [8]float32
	v.Store(&lanes)
	for _, lane := range lanes {
		total += float64(lane)
	}
	return total
}

// surveyWide returns the largest magnitude of delta and whether everything is finite and within bounds, of the first done elements.
func surveyWide(x, delta []float32, low, high float32) (done int, largest float32, ok bool) {
	if !has256 || len(delta) != len(x) {
		return 0, 0, true
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat32x8(low), archsimd.BroadcastFloat32x8(high)
	var zero, peak archsimd.Float32x8
	all := least.Equal(least).ToInt32x8()
	for ; done+8 <= len(x); done += 8 {
		v, d := load(px, done), load(pd, done)
		within := v.GreaterEqual(least).And(v.LessEqual(most)).And(d.Sub(d).Equal(zero))
		all = all.And(within.ToInt32x8())
		peak = peak.Max(d.Max(zero.Sub(d)))
	}
	var lanes [8]float32
	var flags [8]int32
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
	if !has256 || len(delta) != len(x) {
		return 0, 0, 0
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat32x8(low), archsimd.BroadcastFloat32x8(high)
	factor, units, scales := archsimd.BroadcastFloat32x8(eta), archsimd.BroadcastFloat32x8(unit), archsimd.BroadcastFloat32x8(scale)
	var zero archsimd.Float32x8
	if square {
		factor = factor.Mul(factor)
	}
	for done+8 <= len(x) {
		stop := min(done+blocks, len(x)&^7)
		var total, part archsimd.Float32x8 // of the free, and of the clipped ones
		for ; done < stop; done += 8 {
			d := load(pd, done)
			room := most.Merge(least, d.GreaterEqual(zero)).Sub(load(px, done)).Mul(scales) // with delta's sign
			size := d.Mul(units)
			if square {
				room, size = room.Mul(room), size.Mul(size)
			} else {
				room, size = room.Max(zero.Sub(room)), size.Max(zero.Sub(size))
			}
			over := size.Mul(factor).GreaterEqual(room)
			part = part.Add(room.Masked(over))
			total = total.Add(zero.Merge(size, over))
		}
		clipped += sum8(part)
		free += sum8(total)
	}
	archsimd.ClearAVXUpperBits()
	return done, clipped, free
}

// exactlyWide is exactly for the first done elements.
func exactlyWide(x, delta []float32, low, high, eta, larger, unit, scale float64, square bool) (done int, clipped, free float64, between int) {
	if !has256 || len(delta) != len(x) {
		return 0, 0, 0, 0
	}
	px, pd := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta))
	least, most := archsimd.BroadcastFloat64x4(low), archsimd.BroadcastFloat64x4(high)
	factor, factor2 := archsimd.BroadcastFloat64x4(eta), archsimd.BroadcastFloat64x4(larger)
	units, scales := archsimd.BroadcastFloat64x4(unit), archsimd.BroadcastFloat64x4(scale)
	var zero, total, part archsimd.Float64x4
	for ; done+4 <= len(x); done += 4 {
		v := archsimd.LoadFloat32x4((*[4]float32)(unsafe.Add(px, 4*done))).ConvertToFloat64()
		d := archsimd.LoadFloat32x4((*[4]float32)(unsafe.Add(pd, 4*done))).ConvertToFloat64()
		room := most.Sub(v).Merge(v.Sub(least), d.GreaterEqual(zero)).Mul(scales)
		size := d.Max(zero.Sub(d)).Mul(units)
		over := size.Mul(factor).GreaterEqual(room)
		between += bits.OnesCount8(size.Mul(factor2).GreaterEqual(room).ToBits() &^ over.ToBits())
		if square {
			room, size = room.Mul(room), size.Mul(size)
		}
		part = part.Add(room.Masked(over))
		total = total.Add(zero.Merge(size, over))
	}
	var parts, totals [4]float64
	part.Store(&parts)
	total.Store(&totals)
	archsimd.ClearAVXUpperBits()
	for i := range parts {
		clipped += parts[i]
		free += totals[i]
	}
	return done, clipped, free, between
}

// applyWide writes clip(x + eta delta) and sums, in float64, (|v - x| scale)^p and (s scale)^p over what delta moves.
func applyWide(v, x, delta []float32, low, high, eta, scale float64, square bool) (total sums, done int) {
	if !has256 || len(delta) != len(x) || len(v) != len(x) {
		return sums{}, 0
	}
	px, pd, pv := unsafe.Pointer(unsafe.SliceData(x)), unsafe.Pointer(unsafe.SliceData(delta)), unsafe.Pointer(unsafe.SliceData(v))
	least, most := archsimd.BroadcastFloat64x4(low), archsimd.BroadcastFloat64x4(high)
	factor, scales := archsimd.BroadcastFloat64x4(eta), archsimd.BroadcastFloat64x4(scale)
	var zero, norm, rooms archsimd.Float64x4
	for ; done+4 <= len(x); done += 4 {
		before := archsimd.LoadFloat32x4((*[4]float32)(unsafe.Add(px, 4*done))).ConvertToFloat64().Max(least).Min(most)
		d := archsimd.LoadFloat32x4((*[4]float32)(unsafe.Add(pd, 4*done))).ConvertToFloat64()
		after := before.Add(d.Mul(factor)).Max(least).Min(most).ConvertToFloat32()
		after.Store((*[4]float32)(unsafe.Add(pv, 4*done)))
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
	var a, b [4]float64
	norm.Store(&a)
	rooms.Store(&b)
	archsimd.ClearAVXUpperBits()
	for i := range a {
		total.norm += a[i]
		total.most += b[i]
	}
	return total, done
}
