package jpeg

// chroma is a pair of planes with fewer samples than the image: each stands for h·v pixels.
type chroma struct {
	cb, cr        []uint8
	stride        int
	width, height int // samples that belong to the image
	h, v          int // horizontal and vertical ratio, 1, 2 or 4
}

// toRGB upsamples chroma as libjpeg (turbo 2.1 and later) does, row by row, and converts to interleaved RGB. rows are buffers that grow as
// needed: two for one row of each plane's result, two for vertical sums.
func (c chroma) toRGB(dst, luma []uint8, lumaStride, width, height int, rows *[4][]uint8) {
	for i := range rows {
		rows[i] = grow(rows[i], c.width*c.h)
	}
	for y := range height {
		cb, cr := c.row(c.cb, y, rows[0]), c.row(c.cr, y, rows[1])
		toRGB(dst[3*y*width:][:3*width], luma[y*lumaStride:][:width], cb, cr)
	}
}

// row returns the samples of image row y of a plane at full width, in out or in the plane itself.
// libjpeg filters 2:1 in either direction, but horizontally only planes wider than 2 samples; other ratios repeat samples.
func (c chroma) row(plane []uint8, y int, out []uint8) []uint8 {
	near := plane[y/c.v*c.stride:][:c.width]
	far := near
	if c.v == 2 {
		other := y/2 - 1 + y&1*2 // even rows look up, odd rows down; beyond the edge the edge row itself
		other = min(max(other, 0), c.height-1)
		far = plane[other*c.stride:][:c.width]
	}
	switch {
	case c.h == 1 && c.v == 1:
		return near
	case c.h == 1 && c.v == 2:
		blend(out, near, far, 1+int32(y&1))
	case c.h == 2 && c.v == 1 && c.width > 2:
		widen(out, near)
	case c.h == 2 && c.v == 2 && c.width > 2:
		widenBetween(out, near, far)
	default:
		repeat(out, near, c.h)
	}
	return out
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

// widenBetween weighs two rows 3:1 and doubles the width of the result in one rounding.
func widenBetween(out, near, far []uint8) {
	far = far[:len(near)]
	out = out[:2*len(near)]
	here := 3*int32(near[0]) + int32(far[0])
	left := here
	for x := range len(near) - 1 {
		right := 3*int32(near[x+1]) + int32(far[x+1])
		out[2*x] = uint8((3*here + left + 8) >> 4)
		out[2*x+1] = uint8((3*here + right + 7) >> 4)
		left, here = here, right
	}
	x := len(near) - 1
	out[2*x] = uint8((3*here + left + 8) >> 4)
	out[2*x+1] = uint8((4*here + 7) >> 4)
}
