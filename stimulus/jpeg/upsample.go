package jpeg

import "visus/internal/vec"

// plane holds the samples of one component. Each stands for h·v pixels of the image.
type plane struct {
	pix           []uint8
	stride        int
	width, height int // samples that belong to the image
	h, v          int // horizontal and vertical ratio
}

// row returns the samples of image row y at full width, in buffer or in the plane itself.
// As in libjpeg (turbo 2.1 and later), ratios of 2 are filtered with a triangle, horizontally only in planes wider than 2 samples; other
// ratios repeat samples.
func (p plane) row(y int, buffer []uint8) []uint8 {
	near := p.pix[y/p.v*p.stride:][:p.width]
	switch {
	case p.h == 1 && p.v == 1:
		return near
	case p.h == 1 && p.v == 2:
		blend(buffer, near, p.far(y), 1+int32(y&1))
	case p.h == 2 && p.v == 1 && p.width > 2:
		widen(buffer, near)
	case p.h == 2 && p.v == 2 && p.width > 2:
		widenBetween(buffer, near, p.far(y))
	default:
		repeat(buffer, near, p.h)
	}
	return buffer
}

// far returns the second nearest row of a plane of half height: above for even y, below for odd y; at the edge the edge row itself.
func (p plane) far(y int) []uint8 {
	at := min(max(y/2-1+y&1*2, 0), p.height-1)
	return p.pix[at*p.stride:][:p.width]
}

// repeat writes every sample n times.
func repeat(out, in []uint8, n int) {
	for x, v := range in {
		for i := range n {
			out[x*n+i] = v
		}
	}
}

// blend weighs rows 3:1.
func blend(out, near, far []uint8, bias int32) {
	far, out = far[:len(near)], out[:len(near)]
	for x, v := range near {
		out[x] = uint8((3*int32(v) + int32(far[x]) + bias) >> 2)
	}
}

// widen doubles a row's width: each sample 3:1 with its neighbour on that side.
func widen(out, in []uint8) {
	last := len(in) - 1
	for x, v := range in {
		here := 3 * int32(v)
		out[2*x] = uint8((here + int32(in[max(x-1, 0)]) + 1) >> 2)
		out[2*x+1] = uint8((here + int32(in[min(x+1, last)]) + 2) >> 2)
	}
}

// widenBetween weighs two rows 3:1 and doubles the width of the result, in one rounding.
func widenBetween(out, near, far []uint8) {
	widenBetweenFrom(vec.WidenBetween(out, near, far), out, near, far)
}

// widenBetweenFrom makes the first two samples, and those from 2·(done+1) on.
func widenBetweenFrom(done int, out, near, far []uint8) {
	out, far = out[:2*len(near)], far[:len(near)]
	sum := func(x int) int32 { return 3*int32(near[x]) + int32(far[x]) }
	last := len(near) - 1
	for x := 0; x <= last; x++ {
		if x == 1 {
			x += done
		}
		here := 3 * sum(x)
		out[2*x] = uint8((here + sum(max(x-1, 0)) + 8) >> 4)
		out[2*x+1] = uint8((here + sum(min(x+1, last)) + 7) >> 4)
	}
}
