package vec

// Bilinear interpolates between pixels of four values. Output pixel i starts at dst[i·step], step ≤ 4, and reads src[index[i]:], four
// values, its right neighbour 4 further and the two a row, stride values, further: with u = fx[i], v = fy[i] it is
// (1−v)((1−u)·a + u·b) + v((1−u)·c + u·d). Only the first step values of a pixel are kept.
func Bilinear(dst []float32, step int, src []float32, stride int, index []int32, fx, fy []float32) {
	n := len(index)
	fx, fy = fx[:n], fy[:n]
	for _, at := range index {
		if at < 0 || int(at)+stride+8 > len(src) {
			panic("vec: Bilinear reads outside its source")
		}
	}
	if step < 1 || step > 4 || stride < 0 || len(dst) < step*n {
		panic("vec: Bilinear writes outside its destination")
	}
	done := bilinearWide(dst, step, src, stride, index, fx, fy)
	bilinearPlain(dst[done*step:], step, src, stride, index[done:], fx[done:], fy[done:])
}

func bilinearPlain(dst []float32, step int, src []float32, stride int, index []int32, fx, fy []float32) {
	for i, at := range index {
		upper, lower := src[at:][:8], src[int(at)+stride:][:8]
		u, v := fx[i], fy[i]
		out := dst[i*step:][:step]
		for c := range out {
			a, b := upper[c&3], lower[c&3]
			a += u * (upper[c&3+4] - a)
			b += u * (lower[c&3+4] - b)
			out[c] = a + v*(b-a)
		}
	}
}
