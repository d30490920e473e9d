package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/warp"
)

// zoomBlur averages the image with enlargements of its middle. Factor 1 is in every list, so the image itself counts twice.
func zoomBlur(j *job) error {
	factors := j.set.ZoomBlur[j.severity-1]
	pixels, size := j.pixels(), j.size()
	copy(j.out, pixels)
	for _, factor := range factors {
		y, x := warp.Centre(size.Height, factor), warp.Centre(size.Width, factor)
		if j.set.Port {
			y, x = warp.Corner(size.Height, factor), warp.Corner(size.Width, factor)
		}
		j.scratch.blur.zoom.Add(j.out, 3*size.Width, pixels, size, y, x)
	}
	vec.Clip(j.out, 1/float32(len(factors)+1), 0, 0, 255)
	return nil
}
