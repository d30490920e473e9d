package corrupt

import (
	"math"

	"visus/internal/vec"
	"visus/stimulus/filter"
	"visus/stimulus/warp"
)

// snowScratch is what snow reuses.
type snowScratch struct {
	draws         []float64
	noise, flakes []float32
	bytes         []uint8
	fallen        []float32
}

// snow whitens the image and lets flakes fall over it: noise enlarged, cut off from below, smeared downwards, and added twice, once
// turned by half a circle.
func snow(j *job) error {
	c := j.set.Snow[j.severity-1]
	s := &j.scratch.snow
	size := j.size()
	size.Channels = 1
	draws := grow(&s.draws, size.Width*size.Height)
	j.random.Normal(draws)
	noise := grow(&s.noise, len(draws))
	for i, z := range draws {
		noise[i] = float32(c.Mean + c.Deviation*z)
	}
	flakes, large := j.flakes(noise, size, c)
	angle := j.uniform(-135, -45)
	layer := j.fall(flakes, large, c, angle)
	j.whiten(c.Mix)
	j.cover(layer, size, large)
	return nil
}

// flakes enlarges a layer of noise and cuts it off: values below the threshold are no snow. The result is on the 0..255 scale. The
// port keeps the whole enlargement, which its border may make larger or smaller than the image.
func (j *job) flakes(noise []float32, size filter.Size, c Snow) ([]float32, filter.Size) {
	y, x := warp.Centre(size.Height, c.Zoom), warp.Centre(size.Width, c.Zoom)
	if j.set.Port {
		y, x = warp.Corner(size.Height, c.Zoom), warp.Corner(size.Width, c.Zoom)
		y.Keep, x.Keep = y.To, x.To
	}
	large := filter.Size{Width: x.Keep, Height: y.Keep, Channels: 1}
	flakes := grow(&j.scratch.snow.flakes, large.Width*large.Height)
	clear(flakes)
	j.scratch.blur.zoom.Add(flakes, large.Width, noise, size, y, x)
	vec.Threshold(flakes, float32(c.Threshold))
	vec.Clip(flakes, 255, 0, 0, 255)
	return flakes, large
}

// fall smears the flakes in their direction and returns the layer as 8 bits: through 8 bits before the smear in the original, rounded
// after it in the port.
func (j *job) fall(flakes []float32, size filter.Size, c Snow, angle float64) []uint8 {
	s := &j.scratch.snow
	bytes, sums := grow(&s.bytes, len(flakes)), grow(&s.fallen, len(flakes))
	if !j.set.Port {
		vec.Truncate(bytes, flakes)
		vec.FromBytes(flakes, bytes)
		j.smear(bytes, sums, flakes, size, c.Radius, c.Sigma, angle)
		return bytes
	}
	line := &j.scratch.blur.line
	line.Set(c.Radius, c.Sigma, angle)
	line.Cut(size)
	j.scratch.blur.filter.Line(sums, flakes, size, line)
	for i, v := range sums {
		bytes[i] = uint8(math.RoundToEven(float64(min(v, 255))))
	}
	return bytes
}

// whiten mixes the image with a bleached one, max(x, 1.5·grey + ½).
func (j *job) whiten(mix float64) {
	keep, bleach := float32(mix), float32(1-mix)
	pixels := j.pixels()
	for i := 0; i+3 <= len(pixels); i += 3 {
		p, out := pixels[i:][:3], j.out[i:][:3]
		white := 1.5*(0.299*p[0]+0.587*p[1]+0.114*p[2]) + 127.5
		out[0] = keep*p[0] + bleach*max(p[0], white)
		out[1] = keep*p[1] + bleach*max(p[1], white)
		out[2] = keep*p[2] + bleach*max(p[2], white)
	}
}

// cover adds the layer and its half turn to the output, where the layer reaches.
func (j *job) cover(layer []uint8, size, large filter.Size) {
	width, height := min(size.Width, large.Width), min(size.Height, large.Height)
	for y := range height {
		out := j.out[3*y*size.Width:][:3*width]
		down, up := layer[y*large.Width:][:width], layer[(height-1-y)*large.Width:][:width]
		for x, v := range down {
			fallen := float32(int(v) + int(up[width-1-x]))
			p := out[3*x:][:3]
			p[0] += fallen
			p[1] += fallen
			p[2] += fallen
		}
	}
	vec.Clip(j.out, 1, 0, 0, 255)
}
