//go:build goexperiment.simd && amd64 && go1.26 && !go1.27

package vec

import (
	"encoding/binary"
	"simd/archsimd"
)

// The wide forms of package stimulus/jpeg, whose plain forms define what they compute and explain the constants (its dct.go and color.go).
// All are exact: integers do not round.

type ints = archsimd.Int32x8

// constant is a value in every element.
type constant [8]int32

func spread(v int32) constant { return constant{v, v, v, v, v, v, v, v} }

func (c *constant) v() ints { return archsimd.LoadInt32x8((*[8]int32)(c)) }

// Constants in every element: loading one is faster than spreading a scalar anew for every block.
var (
	byteMost   = spread(255)
	byteMean   = spread(128)
	zeros      = spread(0)
	half11     = spread(1 << 10)
	half2      = spread(2)
	half15     = spread(1 << 14)
	k4433      = spread(4433)
	k6270      = spread(6270)
	k15137     = spread(15137)
	k7373      = spread(7373)
	k20995     = spread(20995)
	k9633      = spread(9633)
	k16069     = spread(16069)
	k3196      = spread(3196)
	k12299     = spread(12299)
	k25172     = spread(25172)
	k16819     = spread(16819)
	k2446      = spread(2446)
	half18     = spread(1<<17 + 128<<18)
	k19595     = spread(19595)
	k38470     = spread(38470)
	k7471      = spread(7471)
	half16     = spread(1 << 15)
	chromaBias = spread(128<<16 + 1<<15 - 1)
	k11059     = spread(11059)
	k21709     = spread(21709)
	k27439     = spread(27439)
	k5329      = spread(5329)
	k91881     = spread(91881)
	k22554     = spread(22554)
	k46802     = spread(46802)
	k116130    = spread(116130)
)

// Recode transforms, quantises by steps, dequantises and transforms back every 8×8 block of a plane in place. It reports whether it did.
// reciprocals are ⌈2²⁰/step⌉.
func Recode(plane []uint8, stride, width, height int, steps, reciprocals *[64]int32) bool {
	if !has256 {
		return false
	}
	var v [8]ints
	for y := 0; y < height; y += 8 {
		for x := 0; x < width; x += 8 {
			samples := plane[y*stride+x:]
			loadColumns(&v, samples, stride)
			analyseRows(&v)
			transpose(&v)
			analyseColumns(&v)
			if requantise(&v, steps, reciprocals) {
				flat(samples, stride, v[0].GetLo().GetElem(0))
				continue
			}
			synthesiseColumns(&v)
			transpose(&v)
			synthesiseRows(&v)
			storeColumns(&v, samples, stride)
		}
	}
	return true
}

// loadColumns makes v[x] column x of 8×8 samples, less 128.
func loadColumns(v *[8]ints, samples []uint8, stride int) {
	var rows [8]uint64
	for y := range rows {
		rows[y] = binary.LittleEndian.Uint64(samples[y*stride:])
	}
	halves := archsimd.LoadUint32x8Slice([]uint32{0, 2, 4, 6, 1, 3, 5, 7}) // the left halves of four rows, then the right ones
	top := archsimd.LoadUint64x4Slice(rows[:4]).AsInt32x8().Permute(halves)
	bottom := archsimd.LoadUint64x4Slice(rows[4:]).AsInt32x8().Permute(halves)
	left, right := top.Select128FromPair(0, 2, bottom), top.Select128FromPair(1, 3, bottom)
	low, bias := byteMost.v(), byteMean.v()
	v[0], v[4] = left.And(low).Sub(bias), right.And(low).Sub(bias)
	v[1], v[5] = left.ShiftAllRight(8).And(low).Sub(bias), right.ShiftAllRight(8).And(low).Sub(bias)
	v[2], v[6] = left.ShiftAllRight(16).And(low).Sub(bias), right.ShiftAllRight(16).And(low).Sub(bias)
	v[3], v[7] = left.ShiftAllRight(24).And(low).Sub(bias), right.ShiftAllRight(24).And(low).Sub(bias)
}

// storeColumns is the inverse of loadColumns for values clamped to 0..255, without the 128.
func storeColumns(v *[8]ints, samples []uint8, stride int) {
	zero, most := zeros.v(), byteMost.v()
	for i := range v {
		v[i] = v[i].Max(zero).Min(most)
	}
	left := v[0].Or(v[1].ShiftAllLeft(8)).Or(v[2].ShiftAllLeft(16)).Or(v[3].ShiftAllLeft(24))
	right := v[4].Or(v[5].ShiftAllLeft(8)).Or(v[6].ShiftAllLeft(16)).Or(v[7].ShiftAllLeft(24))
	var a, b [4]uint64 // rows 0 1 4 5 and 2 3 6 7
	left.InterleaveLoGrouped(right).AsUint64x4().Store(&a)
	left.InterleaveHiGrouped(right).AsUint64x4().Store(&b)
	for i, row := range [8]uint64{a[0], a[1], b[0], b[1], a[2], a[3], b[2], b[3]} {
		binary.LittleEndian.PutUint64(samples[i*stride:], row)
	}
}

// transpose exchanges vectors and elements.
func transpose(v *[8]ints) {
	a0, a1 := v[0].InterleaveLoGrouped(v[1]).AsInt64x4(), v[0].InterleaveHiGrouped(v[1]).AsInt64x4()
	a2, a3 := v[2].InterleaveLoGrouped(v[3]).AsInt64x4(), v[2].InterleaveHiGrouped(v[3]).AsInt64x4()
	a4, a5 := v[4].InterleaveLoGrouped(v[5]).AsInt64x4(), v[4].InterleaveHiGrouped(v[5]).AsInt64x4()
	a6, a7 := v[6].InterleaveLoGrouped(v[7]).AsInt64x4(), v[6].InterleaveHiGrouped(v[7]).AsInt64x4()
	b0, b1 := a0.InterleaveLoGrouped(a2).AsInt32x8(), a0.InterleaveHiGrouped(a2).AsInt32x8()
	b2, b3 := a1.InterleaveLoGrouped(a3).AsInt32x8(), a1.InterleaveHiGrouped(a3).AsInt32x8()
	b4, b5 := a4.InterleaveLoGrouped(a6).AsInt32x8(), a4.InterleaveHiGrouped(a6).AsInt32x8()
	b6, b7 := a5.InterleaveLoGrouped(a7).AsInt32x8(), a5.InterleaveHiGrouped(a7).AsInt32x8()
	v[0], v[4] = b0.Select128FromPair(0, 2, b4), b0.Select128FromPair(1, 3, b4)
	v[1], v[5] = b1.Select128FromPair(0, 2, b5), b1.Select128FromPair(1, 3, b5)
	v[2], v[6] = b2.Select128FromPair(0, 2, b6), b2.Select128FromPair(1, 3, b6)
	v[3], v[7] = b3.Select128FromPair(0, 2, b7), b3.Select128FromPair(1, 3, b7)
}

// analyseRows and analyseColumns are the two passes of the forward transform; they differ in scale.
func analyseRows(v *[8]ints) {
	analyse(v)
	v[0], v[4] = v[0].ShiftAllLeft(2), v[4].ShiftAllLeft(2)
	half := half11.v()
	for _, i := range [6]int{1, 2, 3, 5, 6, 7} {
		v[i] = v[i].Add(half).ShiftAllRight(11)
	}
}

func analyseColumns(v *[8]ints) {
	analyse(v)
	v[0], v[4] = v[0].Add(half2.v()).ShiftAllRight(2), v[4].Add(half2.v()).ShiftAllRight(2)
	half := half15.v()
	for _, i := range [6]int{1, 2, 3, 5, 6, 7} {
		v[i] = v[i].Add(half).ShiftAllRight(15)
	}
}

func analyse(v *[8]ints) {
	s0, s7 := v[0].Add(v[7]), v[0].Sub(v[7])
	s1, s6 := v[1].Add(v[6]), v[1].Sub(v[6])
	s2, s5 := v[2].Add(v[5]), v[2].Sub(v[5])
	s3, s4 := v[3].Add(v[4]), v[3].Sub(v[4])
	a, e, b, c := s0.Add(s3), s0.Sub(s3), s1.Add(s2), s1.Sub(s2)
	z := c.Add(e).Mul(k4433.v())
	v[0], v[4] = a.Add(b), a.Sub(b)
	v[2], v[6] = z.Add(e.Mul(k6270.v())), z.Sub(c.Mul(k15137.v()))
	z1, z2, z3, z4 := s4.Add(s7).Mul(k7373.v()), s5.Add(s6).Mul(k20995.v()), s4.Add(s6), s5.Add(s7)
	z5 := z3.Add(z4).Mul(k9633.v())
	z3, z4 = z5.Sub(z3.Mul(k16069.v())), z5.Sub(z4.Mul(k3196.v()))
	v[1] = s7.Mul(k12299.v()).Sub(z1).Add(z4)
	v[3] = s6.Mul(k25172.v()).Sub(z2).Add(z3)
	v[5] = s5.Mul(k16819.v()).Sub(z2).Add(z4)
	v[7] = s4.Mul(k2446.v()).Sub(z1).Add(z3)
}

// requantise rounds each coefficient (scaled by 8) to a multiple of its step. It reports whether the first is all that is left.
func requantise(v *[8]ints, steps, reciprocals *[64]int32) (constant bool) {
	var rest ints
	for i := range v {
		step := archsimd.LoadInt32x8Slice(steps[8*i:])
		n := v[i].Abs().Add(step.ShiftAllLeft(2)).ShiftAllRight(3)
		level := n.Mul(archsimd.LoadInt32x8Slice(reciprocals[8*i:])).ShiftAllRight(20)
		v[i] = level.Mul(step).CopySign(v[i])
		if i > 0 {
			rest = rest.Or(v[i])
		}
	}
	return rest.Or(v[0].And(archsimd.LoadInt32x8(&allButFirst))).IsZero()
}

var allButFirst = [8]int32{0, -1, -1, -1, -1, -1, -1, -1}

// flat writes the 8×8 samples of a block that has only its first coefficient.
func flat(samples []uint8, stride int, first int32) {
	v := min(max((first<<2+16)>>5+128, 0), 255)
	row := uint64(v) * 0x0101010101010101
	for y := range 8 {
		binary.LittleEndian.PutUint64(samples[y*stride:], row)
	}
}

// synthesiseColumns and synthesiseRows are the two passes of the inverse transform.
func synthesiseColumns(v *[8]ints) {
	synthesise(v, half11.v())
	for i := range v {
		v[i] = v[i].ShiftAllRight(11)
	}
}

func synthesiseRows(v *[8]ints) {
	synthesise(v, half18.v())
	for i := range v {
		v[i] = v[i].ShiftAllRight(18)
	}
}

func synthesise(v *[8]ints, bias ints) {
	z := v[2].Add(v[6]).Mul(k4433.v())
	e2, e3 := z.Sub(v[6].Mul(k15137.v())), z.Add(v[2].Mul(k6270.v()))
	e0, e1 := v[0].Add(v[4]).ShiftAllLeft(13).Add(bias), v[0].Sub(v[4]).ShiftAllLeft(13).Add(bias)
	u0, u3, u1, u2 := e0.Add(e3), e0.Sub(e3), e1.Add(e2), e1.Sub(e2)
	z1, z2, z3, z4 := v[7].Add(v[1]).Mul(k7373.v()), v[5].Add(v[3]).Mul(k20995.v()), v[7].Add(v[3]), v[5].Add(v[1])
	z5 := z3.Add(z4).Mul(k9633.v())
	z3, z4 = z5.Sub(z3.Mul(k16069.v())), z5.Sub(z4.Mul(k3196.v()))
	t0 := v[7].Mul(k2446.v()).Sub(z1).Add(z3)
	t1 := v[5].Mul(k16819.v()).Sub(z2).Add(z4)
	t2 := v[3].Mul(k25172.v()).Sub(z2).Add(z3)
	t3 := v[1].Mul(k12299.v()).Sub(z1).Add(z4)
	v[0], v[7] = u0.Add(t3), u0.Sub(t3)
	v[1], v[6] = u1.Add(t2), u1.Sub(t2)
	v[2], v[5] = u2.Add(t1), u2.Sub(t1)
	v[3], v[4] = u3.Add(t0), u3.Sub(t0)
}

// spread and gather are byte orders within 16 bytes: from four RGB pixels to one channel in 32-bit elements, and back from four elements
// that hold R, G, B, 0; gather4 turns four elements of four bytes round.
const none = -1

var (
	spreadRed   = [32]int8{0, none, none, none, 3, none, none, none, 6, none, none, none, 9, none, none, none, 4, none, none, none, 7, none, none, none, 10, none, none, none, 13, none, none, none}
	spreadGreen = shifted(spreadRed, 1)
	spreadBlue  = shifted(spreadRed, 2)
	gather      = [32]int8{0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, none, none, none, none, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, none, none, none, none}
	gather4     = [32]int8{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}
	joinHalves  = [8]uint32{0, 4, 1, 5, 2, 6, 3, 7}
	pairsInRow  = [8]uint32{0, 1, 4, 5, 2, 3, 6, 7}
	pairBias    = [8]int32{1, 2, 1, 2, 1, 2, 1, 2}
)

func shifted(order [32]int8, by int8) [32]int8 {
	for i := range order {
		if order[i] != none {
			order[i] += by
		}
	}
	return order
}

// ToYCC converts the leading pixels of two rows, 16 at a time, to luma and to chroma averaged over 2×2. It returns their number.
func ToYCC(top, bottom, yTop, yBottom, cb, cr []uint8) int {
	if !has256 {
		return 0
	}
	x := 0
	for ; 3*(x+16) <= len(top); x += 16 {
		y0, b0, r0 := ycc8(top[3*x:])
		y1, b1, r1 := ycc8(top[3*x+24:])
		y2, b2, r2 := ycc8(bottom[3*x:])
		y3, b3, r3 := ycc8(bottom[3*x+24:])
		luma := y0.Or(y1.ShiftAllLeft(8)).Or(y2.ShiftAllLeft(16)).Or(y3.ShiftAllLeft(24))
		luma = ordered(luma)
		luma.AsUint8x32().GetLo().StoreSlice(yTop[x:])
		luma.AsUint8x32().GetHi().StoreSlice(yBottom[x:])
		blue := quarter(b0.Add(b2), b1.Add(b3))
		red := quarter(r0.Add(r2), r1.Add(r3))
		var chroma [4]uint64
		ordered(blue.Or(red.ShiftAllLeft(8))).AsUint64x4().Store(&chroma)
		binary.LittleEndian.PutUint64(cb[x/2:], chroma[0])
		binary.LittleEndian.PutUint64(cr[x/2:], chroma[1])
	}
	return x
}

// ordered sorts the bytes of elements: all lowest bytes first.
func ordered(v ints) ints {
	return v.AsInt8x32().PermuteOrZeroGrouped(archsimd.LoadInt8x32(&gather4)).AsInt32x8().Permute(archsimd.LoadUint32x8(&joinHalves))
}

// quarter averages over pairs of elements of column sums: (sum + 1 or 2) / 4.
func quarter(a, b ints) ints {
	pairs := a.AddPairsGrouped(b).Permute(archsimd.LoadUint32x8(&pairsInRow))
	return pairs.Add(archsimd.LoadInt32x8(&pairBias)).ShiftAllRight(2)
}

// ycc8 converts eight pixels.
func ycc8(p []uint8) (y, cb, cr ints) {
	var both archsimd.Uint8x32
	both = both.SetLo(archsimd.LoadUint8x16Slice(p)).SetHi(archsimd.LoadUint8x16Slice(p[8:]))
	r := both.PermuteOrZeroGrouped(archsimd.LoadInt8x32(&spreadRed)).AsInt32x8()
	g := both.PermuteOrZeroGrouped(archsimd.LoadInt8x32(&spreadGreen)).AsInt32x8()
	b := both.PermuteOrZeroGrouped(archsimd.LoadInt8x32(&spreadBlue)).AsInt32x8()
	y = r.Mul(k19595.v()).Add(g.Mul(k38470.v())).Add(b.Mul(k7471.v())).Add(half16.v()).ShiftAllRight(16)
	bias := chromaBias.v()
	cb = b.ShiftAllLeft(15).Sub(r.Mul(k11059.v())).Sub(g.Mul(k21709.v())).Add(bias).ShiftAllRight(16)
	cr = r.ShiftAllLeft(15).Sub(g.Mul(k27439.v())).Sub(b.Mul(k5329.v())).Add(bias).ShiftAllRight(16)
	return y, cb, cr
}

// WidenBetween makes the samples 2 ... 2n+1 of out from the samples 0 ... n+1 of near and far, n a multiple of 16. It returns n.
func WidenBetween(out, near, far []uint8) int {
	if !has256 {
		return 0
	}
	x := 1
	for ; x+17 <= len(near); x += 16 {
		left, here, right := column(near[x-1:], far[x-1:]), column(near[x:], far[x:]), column(near[x+1:], far[x+1:])
		here = here.Add(here).Add(here)
		even := here.Add(left).Add(archsimd.BroadcastUint16x16(8)).ShiftAllRight(4)
		odd := here.Add(right).Add(archsimd.BroadcastUint16x16(7)).ShiftAllRight(4)
		even.Or(odd.ShiftAllLeft(8)).AsUint8x32().StoreSlice(out[2*x:])
	}
	return x - 1
}

// column weighs sixteen samples of two rows 3:1.
func column(near, far []uint8) archsimd.Uint16x16 {
	n := archsimd.LoadUint8x16Slice(near).ExtendToUint16()
	return n.Add(n).Add(n).Add(archsimd.LoadUint8x16Slice(far).ExtendToUint16())
}

// ToRGB converts the leading pixels of a row, 8 at a time, while dst has room for 28 bytes. It returns their number.
func ToRGB(dst, luma, cb, cr []uint8) int {
	if !has256 {
		return 0
	}
	zero, most, half, mean := zeros.v(), byteMost.v(), half16.v(), byteMean.v()
	x := 0
	for ; x+16 <= len(luma) && 3*x+28 <= len(dst); x += 8 {
		y := archsimd.LoadUint8x16Slice(luma[x:]).ExtendLo8ToUint32().AsInt32x8()
		u := archsimd.LoadUint8x16Slice(cb[x:]).ExtendLo8ToUint32().AsInt32x8().Sub(mean)
		v := archsimd.LoadUint8x16Slice(cr[x:]).ExtendLo8ToUint32().AsInt32x8().Sub(mean)
		r := y.Add(v.Mul(k91881.v()).Add(half).ShiftAllRight(16)).Max(zero).Min(most)
		g := y.Add(half.Sub(u.Mul(k22554.v())).Sub(v.Mul(k46802.v())).ShiftAllRight(16)).Max(zero).Min(most)
		b := y.Add(u.Mul(k116130.v()).Add(half).ShiftAllRight(16)).Max(zero).Min(most)
		pixels := r.Or(g.ShiftAllLeft(8)).Or(b.ShiftAllLeft(16)).AsUint8x32().PermuteOrZeroGrouped(archsimd.LoadInt8x32(&gather))
		pixels.GetLo().StoreSlice(dst[3*x:])
		pixels.GetHi().StoreSlice(dst[3*x+12:])
	}
	return x
}
