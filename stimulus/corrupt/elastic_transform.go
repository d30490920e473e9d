package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/filter"
	"visus/stimulus/warp"
)

// elasticScratch is what elasticTransform reuses.
type elasticScratch struct {
	sampler warp.Sampler
	draws   []float64
	dx, dy  []float32
}

// elasticTransform moves the image by a random affine map and then by a smooth random displacement (Simard et al. 2003). The port has
// no affine map, and measures its displacements in the image's height.
func elasticTransform(j *job) error {
	c := j.set.ElasticTransform[j.severity-1]
	e := &j.scratch.elastic
	pixels, size := j.pixels(), j.size()
	smooth := filter.Gaussian{SigmaX: c.Sigma, SigmaY: c.Sigma, Truncate: 3, Border: filter.HalfSample}
	reach := 1.0
	if j.set.Port {
		smooth.SigmaX, smooth.SigmaY = c.Sigma*float64(size.Width), c.Sigma*float64(size.Height)
		reach = c.Affine * float64(size.Height)
	} else {
		m, err := warp.Through(j.corners(size, c.Affine))
		if err != nil {
			return err
		}
		e.sampler.Affine(pixels, pixels, size, m)
	}
	dx, dy := grow(&e.dx, size.Width*size.Height), grow(&e.dy, size.Width*size.Height)
	j.displacement(dx, size, smooth, reach, c.Alpha)
	j.displacement(dy, size, smooth, reach, c.Alpha)
	e.sampler.Displace(j.out, pixels, size, dx, dy)
	vec.Clip(j.out, 1, 0, 0, 255)
	return nil
}

// corners draws an affine map: three corners of a square in the image's middle, and places up to reach pixels away where they go.
func (j *job) corners(size filter.Size, reach float64) (from, to [3][2]float64) {
	// The reference builds the points from (height, width) and reads them as (x, y).
	y, x, side := float64(size.Height/2), float64(size.Width/2), float64(min(size.Width, size.Height)/3)
	from = [3][2]float64{{y + side, x + side}, {y + side, x - side}, {y - side, x - side}}
	for i := range from {
		for axis := range from[i] {
			to[i][axis] = float64(float32(from[i][axis] + j.uniform(-reach, reach)))
		}
	}
	return from, to
}

// displacement draws one axis of a displacement field: uniform numbers of ±reach, smoothed, times alpha.
func (j *job) displacement(field []float32, size filter.Size, smooth filter.Gaussian, reach, alpha float64) {
	draws := grow(&j.scratch.elastic.draws, len(field))
	j.random.Uniform(draws)
	for i, u := range draws {
		field[i] = float32(reach * (2*u - 1))
	}
	size.Channels = 1
	j.scratch.blur.filter.Gaussian(field, field, size, smooth)
	vec.Clip(field, float32(alpha), 0, -1e6, 1e6)
}
