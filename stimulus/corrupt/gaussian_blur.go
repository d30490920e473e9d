package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/filter"
)

// gaussianBlur smooths the image.
func gaussianBlur(j *job) error {
	sigma := j.set.GaussianBlur[j.severity-1]
	j.scratch.blur.filter.Gaussian(j.out, j.pixels(), j.size(), filter.Gaussian{SigmaX: sigma, SigmaY: sigma})
	vec.Clip(j.out, 1, 0, 0, 255)
	return nil
}
