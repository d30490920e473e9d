package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/filter"
)

// glassBlur smooths the image, copies every pixel from a random neighbour several times over, and smooths again. The reference means
// to swap pixels, but assigns through views, so that it copies; and its scan, from the lower right, copies what it has just copied.
func glassBlur(j *job) error {
	c := j.set.GlassBlur[j.severity-1]
	b := &j.scratch.blur
	pixels, size := j.pixels(), j.size()
	smooth := filter.Gaussian{SigmaX: c.Sigma, SigmaY: c.Sigma}
	b.filter.Gaussian(pixels, pixels, size, smooth)
	bytes := grow(&b.bytes, len(pixels))
	vec.Truncate(bytes, pixels)
	// Where neighbours happen to lie on a line the sum is an integer but for rounding, and a wrong one would spread.
	for _, i := range j.undecided(pixels) {
		bytes[i] = uint8(j.gaussianAt(j.src.Pix, size, smooth, int(i)))
	}
	packed := grow(&b.packed, size.Width*size.Height)
	for i := range packed {
		p := bytes[3*i:][:3]
		packed[i] = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
	}
	for range c.Iterations {
		j.scatter(packed, size, c.Delta)
	}
	for i, v := range packed {
		p := bytes[3*i:][:3]
		p[0], p[1], p[2] = uint8(v), uint8(v>>8), uint8(v>>16)
	}
	vec.FromBytes(pixels, bytes)
	b.filter.Gaussian(j.out, pixels, size, smooth)
	vec.Clip(j.out, 1, 0, 0, 255)
	for _, i := range j.undecided(j.out) {
		j.out[i] = towardZero(j.gaussianAt(bytes, size, smooth, int(i)))
	}
	return nil
}

// gaussianAt computes one value of the Gaussian of an 8-bit image in double precision, as the reference does on values/255.
func (j *job) gaussianAt(pixels []uint8, size filter.Size, g filter.Gaussian, i int) float64 {
	work := &j.scratch.blur.filter
	if level := float64(pixels[i]) / 255; flatAround(pixels, size, i, int(4*g.SigmaX+0.5)) {
		return 255 * min(work.GaussianFlat(level), 1)
	}
	unit := func(i int) float64 { return float64(pixels[i]) / 255 }
	return 255 * min(work.GaussianAt(unit, size, g, i), 1)
}

// flatAround says whether a value equals those a radius away in eight directions. Of an undecided one that means a flat region. Without
// it white backgrounds would take longer than all else.
func flatAround(pixels []uint8, size filter.Size, i, radius int) bool {
	stride := 3 * size.Width
	row, column := i/stride, i%stride/3
	up, down := max(-radius, -row)*stride, min(radius, size.Height-1-row)*stride
	left, right := 3*max(-radius, -column), 3*min(radius, size.Width-1-column)
	for _, at := range [8]int{up + left, up, up + right, left, right, down + left, down, down + right} {
		if pixels[i+at] != pixels[i] {
			return false
		}
	}
	return true
}

// scatter copies to every pixel that is more than delta from the upper left and at least delta from the lower right edge
// one at −delta..delta−1 rows and columns from it: never +delta, as the reference draws.
func (j *job) scatter(pixels []uint32, size filter.Size, delta int) {
	columns := size.Width - 2*delta
	if columns <= 0 {
		return
	}
	draws := grow(&j.scratch.blur.draws, 2*columns)
	for y := size.Height - delta; y > delta; y-- {
		j.random.Integers(draws, -delta, delta)
		at := y*size.Width + size.Width - delta
		for i := 0; i+1 < len(draws); i += 2 {
			pixels[at] = pixels[at+int(draws[i+1])*size.Width+int(draws[i])]
			at--
		}
	}
}
