package jpeg

// The transforms of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in libjpeg's 13-bit fixed point ("islow"): constants are
// trunc(8192·x + 0.5) of the number in the name.
const (
	c0_298631336 = 2446
	c0_390180644 = 3196
	c0_541196100 = 4433
	c0_765366865 = 6270
	c0_899976223 = 7373
	c1_175875602 = 9633
	c1_501321110 = 12299
	c1_847759065 = 15137
	c1_961570560 = 16069
	c2_053119869 = 16819
	c2_562915447 = 20995
	c3_072711026 = 25172
)

// forward replaces samples (minus 128) by their cosine transform scaled by 8.
func forward(b *[64]int32) {
	for i := 0; i < 64; i += 8 {
		r := b[i : i+8 : i+8]
		even0, even1, even2, even3, odd1, odd3, odd5, odd7 := analyse(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		const half = 1 << 10
		r[0], r[4] = even0<<2, even1<<2
		r[2], r[6] = (even2+half)>>11, (even3+half)>>11
		r[1], r[3], r[5], r[7] = (odd1+half)>>11, (odd3+half)>>11, (odd5+half)>>11, (odd7+half)>>11
	}
	for i := range 8 {
		c := b[i : i+57 : i+57]
		even0, even1, even2, even3, odd1, odd3, odd5, odd7 := analyse(c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56])
		const half = 1 << 14
		c[0], c[32] = (even0+2)>>2, (even1+2)>>2
		c[16], c[48] = (even2+half)>>15, (even3+half)>>15
		c[8], c[24], c[40], c[56] = (odd1+half)>>15, (odd3+half)>>15, (odd5+half)>>15, (odd7+half)>>15
	}
}

// analyse is one 8-point transform: outputs 0 and 4 without scale, outputs 2, 6, 1, 3, 5, 7 scaled by 2¹³.
func analyse(d0, d1, d2, d3, d4, d5, d6, d7 int32) (o0, o4, o2, o6, o1, o3, o5, o7 int32) {
	s0, s7 := d0+d7, d0-d7
	s1, s6 := d1+d6, d1-d6
	s2, s5 := d2+d5, d2-d5
	s3, s4 := d3+d4, d3-d4
	a, e, b, c := s0+s3, s0-s3, s1+s2, s1-s2
	z := (c + e) * c0_541196100
	z1, z2, z3, z4 := s4+s7, s5+s6, s4+s6, s5+s7
	z5 := (z3 + z4) * c1_175875602
	z1 *= -c0_899976223
	z2 *= -c2_562915447
	z3 = z5 - z3*c1_961570560
	z4 = z5 - z4*c0_390180644
	return a + b, a - b, z + e*c0_765366865, z - c*c1_847759065,
		s7*c1_501321110 + z1 + z4, s6*c3_072711026 + z2 + z3, s5*c2_053119869 + z2 + z4, s4*c0_298631336 + z1 + z3
}

// inverse turns dequantised coefficients into samples plus 128, clamped to 0..255, written as 8 rows of dst.
// used has bit j set where column j has a coefficient other than its first that is not zero: other columns take a short cut with the same result.
func inverse(b *[64]int32, used uint8, dst []uint8, stride int) {
	if used == 0 && b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] == 0 {
		flat(clamp((b[0]<<2+16)>>5+128), dst, stride)
		return
	}
	for i := range 8 {
		c := b[i : i+57 : i+57]
		if used>>i&1 == 0 {
			v := c[0] << 2
			c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v, v
			continue
		}
		const half = 1 << 10
		u0, u1, u2, u3, t0, t1, t2, t3 := synthesise(c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56], half)
		c[0], c[56] = (u0+t3)>>11, (u0-t3)>>11
		c[8], c[48] = (u1+t2)>>11, (u1-t2)>>11
		c[16], c[40] = (u2+t1)>>11, (u2-t1)>>11
		c[24], c[32] = (u3+t0)>>11, (u3-t0)>>11
	}
	for i := range 8 {
		r := b[8*i : 8*i+8 : 8*i+8]
		out := dst[i*stride:][:8:8]
		const half = 1<<17 + 128<<18 // rounding, and the 128 that was subtracted before coding
		u0, u1, u2, u3, t0, t1, t2, t3 := synthesise(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], half)
		out[0], out[7] = clamp((u0+t3)>>18), clamp((u0-t3)>>18)
		out[1], out[6] = clamp((u1+t2)>>18), clamp((u1-t2)>>18)
		out[2], out[5] = clamp((u2+t1)>>18), clamp((u2-t1)>>18)
		out[3], out[4] = clamp((u3+t0)>>18), clamp((u3-t0)>>18)
	}
}

// synthesise is one 8-point inverse transform short of its last butterflies: outputs i and 7-i are u_i ± t_(3-i), scaled by 2¹³.
// bias is added to every output.
func synthesise(i0, i1, i2, i3, i4, i5, i6, i7, bias int32) (u0, u1, u2, u3, t0, t1, t2, t3 int32) {
	z := (i2 + i6) * c0_541196100
	e2, e3 := z-i6*c1_847759065, z+i2*c0_765366865
	e0, e1 := (i0+i4)<<13+bias, (i0-i4)<<13+bias
	z1, z2, z3, z4 := i7+i1, i5+i3, i7+i3, i5+i1
	z5 := (z3 + z4) * c1_175875602
	z1 *= -c0_899976223
	z2 *= -c2_562915447
	z3 = z5 - z3*c1_961570560
	z4 = z5 - z4*c0_390180644
	return e0 + e3, e1 + e2, e1 - e2, e0 - e3,
		i7*c0_298631336 + z1 + z3, i5*c2_053119869 + z2 + z4, i3*c3_072711026 + z2 + z3, i1*c1_501321110 + z1 + z4
}

// flat writes one value to 8×8 samples.
func flat(v uint8, dst []uint8, stride int) {
	for y := range 8 {
		row := dst[y*stride:][:8:8]
		for x := range row {
			row[x] = v
		}
	}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		v = ^v >> 31 // 0 below, -1 (so 255) above
	}
	return uint8(v)
}
