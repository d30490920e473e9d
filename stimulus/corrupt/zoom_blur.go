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
	for _, i := range j.undecided(j.out) {
		if level := j.src.Pix[i]; j.out[i] > float32(level)-0.5 && j.out[i] < float32(level)+0.5 {
			j.out[i] = zoomedFlat(level, len(factors))
		}
	}
	return nil
}

// zoomedFlat is what the reference makes of a flat region: it adds the enlargements in single precision on the 0..1 scale, so that
// many levels come out a little too low and truncate to the one below.
func zoomedFlat(level uint8, copies int) float32 {
	unit, sum := float32(level)/255, float32(0)
	for range copies {
		sum += unit
	}
	return 255 * min((unit+sum)/float32(copies+1), 1)
}
