package corrupt

import (
	"math"

	"visus/internal/vec"
	"visus/stimulus/filter"
)

// motionBlur smears the image in one direction, drawn from ±45°.
func motionBlur(j *job) error {
	c := j.set.MotionBlur[j.severity-1]
	angle := j.uniform(-45, 45)
	j.smear(j.pix, j.out, j.pixels(), j.size(), c.Radius, c.Sigma, angle)
	j.bytes = true
	return nil
}

// smear blurs an image of 8-bit values along a line, and returns it as 8 bits. The original's path through
// ImageMagick quantises to 16 bits with rounding and then to 8 by truncation, ⌊⌊257·v + ½⌋/257⌋ = ⌊v + 1/514⌋; the port truncates v.
// Sums that single precision leaves undecided are computed again in double.
func (j *job) smear(dst []uint8, sums, pixels []float32, size filter.Size, radius, sigma, angle float64) {
	b := &j.scratch.blur
	b.line.Set(radius, sigma, angle)
	shift := 1.0 / 514
	if j.set.Port {
		b.line.Cut(size)
		shift = 0
	}
	b.filter.Line(sums, pixels, size, &b.line)
	vec.Clip(sums, 1, float32(shift), 0, 255.5)
	vec.Truncate(dst, sums)
	for _, i := range j.undecided(sums) {
		dst[i] = uint8(math.Floor(b.line.At(pixels, size, int(i)) + shift))
	}
}
