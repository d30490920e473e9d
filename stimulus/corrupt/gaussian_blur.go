package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/filter"
)

// gaussianBlur smooths the image. In flat regions the sum is the level itself but for the rounding of the weights, which decides
// whether a whole white sky truncates to 255 or 254: there the double-precision sum counts.
func gaussianBlur(j *job) error {
	sigma := j.set.GaussianBlur[j.severity-1]
	work := &j.scratch.blur.filter
	pixels := j.pixels()
	work.Gaussian(j.out, pixels, j.size(), filter.Gaussian{SigmaX: sigma, SigmaY: sigma})
	vec.Clip(j.out, 1, 0, 0, 255)
	var flat [256]float32 // 0: not yet known
	for _, i := range j.undecided(j.out) {
		level := uint8(j.out[i] + 0.5)
		if pixels[i] != float32(level) {
			continue // not flat
		}
		if flat[level] == 0 {
			flat[level] = towardZero(255 * min(work.GaussianFlat(float64(level)/255), 1))
		}
		j.out[i] = flat[level]
	}
	return nil
}
