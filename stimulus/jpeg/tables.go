package jpeg

// Annex K of the JPEG standard (ITU-T T.81), tables K.1 and K.2, in natural order (row = vertical frequency).
var annexK = [2][64]uint8{
	{
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	},
	{
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	},
}

// zigzag[i] is the natural position of the i-th coefficient of a scan (T.81, figure 5).
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// quantiser holds one quantisation table and what makes dividing by it fast.
type quantiser struct {
	step       [64]int32 // Q, 1..255
	reciprocal [64]int32 // ceil(2²⁰/Q): floor(n/Q) = n·reciprocal>>20 is exact for n < 2¹², because n·(Q-1) < 2²⁰
}

// newQuantiser scales an Annex K table (0 luminance, 1 chrominance) to a quality as libjpeg does: 50 is the table itself, 100 all ones.
// Qualities outside 1..100 are clamped, as in libjpeg.
func newQuantiser(table, quality int) quantiser {
	quality = min(max(quality, 1), 100)
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	var q quantiser
	for i, base := range annexK[table] {
		step := min(max((int32(base)*int32(scale)+50)/100, 1), 255)
		q.step[i] = step
		q.reciprocal[i] = (1<<20 + step - 1) / step
	}
	return q
}

// quantise returns the quantised coefficient i, sign·floor((|f|+4Q)/(8Q)), of a transform's output f (which is scaled by 8).
func (q *quantiser) quantise(i int, f int32) int32 {
	sign := f >> 31
	n := ((f ^ sign) - sign + 4*q.step[i]) >> 3 & 0xfff // floor(floor(x/8)/Q) = floor(x/8Q); |f| ≤ 2¹⁴ keeps n below 2¹²
	level := n * q.reciprocal[i] >> 20
	return (level ^ sign) - sign
}
