package corrupt

import "visus/internal/vec"

// defocusBlur correlates the image with the disk of a lens out of focus.
func defocusBlur(j *job) error {
	c := j.set.DefocusBlur[j.severity-1]
	j.scratch.blur.filter.Disk(j.out, j.pixels(), j.size(), c.Radius, c.Alias)
	vec.Clip(j.out, 1, 0, 0, 255)
	return nil
}
