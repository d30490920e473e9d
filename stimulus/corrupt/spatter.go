package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/edge"
	"visus/stimulus/filter"
)

// spatterScratch is what spatter reuses.
type spatterScratch struct {
	edge                  edge.Detector
	draws                 []float64
	layer, plane, mask    []float32
	liquid, edges, relief []uint8
	units, whole          [256]float32 // v/255, and that times 255
}

// The colours of what splashes on the lens, R, G, B.
var (
	water = [3]float32{175. / 255, 238. / 255, 238. / 255}
	mud   = [3]float32{63. / 255, 42. / 255, 20. / 255}
)

// spatter splashes water, which glitters along its rims, or mud, which covers what is behind it.
func spatter(j *job) error {
	c := j.set.Spatter[j.severity-1]
	layer := j.splashes(c)
	s := &j.scratch.spatter
	for v := range s.units {
		s.units[v] = float32(v) / 255
		s.whole[v] = 255 * s.units[v]
	}
	if c.Mud {
		j.paint(j.mudMask(layer, c), mud, true)
	} else {
		j.paint(j.waterMask(layer, c), water, false)
	}
	return nil
}

// splashes draws a smooth layer of noise, on the 0..255 scale, and empties it below the threshold. Where single precision does not tell
// on which side of the threshold or of a whole level a value lies, it is computed again in double: one wrong pixel would move an edge.
func (j *job) splashes(c Spatter) []float32 {
	s := &j.scratch.spatter
	size := j.size()
	size.Channels = 1
	draws := grow(&s.draws, size.Width*size.Height)
	j.random.Normal(draws)
	layer := grow(&s.layer, len(draws))
	for i, z := range draws {
		layer[i] = float32(255 * (c.Mean + c.Deviation*z))
	}
	smooth := filter.Gaussian{SigmaX: c.Sigma, SigmaY: c.Sigma}
	j.scratch.blur.filter.Gaussian(layer, layer, size, smooth)
	noise := func(i int) float64 { return c.Mean + c.Deviation*draws[i] }
	threshold := float32(255 * c.Threshold)
	again := func(i int) {
		v := j.scratch.blur.filter.GaussianAt(noise, size, smooth, i)
		if layer[i] = towardZero(255 * v); v < c.Threshold {
			layer[i] = 0
		}
	}
	for i, v := range layer {
		if d := v - threshold; d < filter.Undecided && d > -filter.Undecided {
			again(i)
		}
	}
	vec.Threshold(layer, threshold-filter.Undecided/2)
	if c.Mud {
		return layer
	}
	for _, i := range j.undecided(layer) {
		if layer[i] != 0 {
			again(int(i))
		}
	}
	return layer
}

var (
	ones   = [9]float32{1, 1, 1, 1, 1, 1, 1, 1, 1}
	emboss = [9]float32{-2, -1, 0, -1, 1, 1, 0, 1, 2}
)

// waterMask makes the water's brightness: the layer times an embossed map of the distance to its edges. Where there is no water at
// all it is 0 (the reference divides by 0).
func (j *job) waterMask(layer []float32, c Spatter) []float32 {
	s := &j.scratch.spatter
	liquid := grow(&s.liquid, len(layer))
	for i, v := range layer {
		liquid[i] = uint8(int32(v)) // wraps, as the reference's cast does
	}
	mask, relief := grow(&s.mask, len(layer)), j.relief(liquid)
	most := int32(0)
	for i, v := range liquid {
		m := int32(v) * int32(relief[i])
		mask[i] = float32(m)
		most = max(most, m)
	}
	brightest, strength := float32(most), float32(c.Strength)
	for i, m := range mask {
		if m != 0 {
			mask[i] = m / brightest * strength
		}
	}
	return mask
}

// relief embosses the distance to the edges of the liquid.
func (j *job) relief(liquid []uint8) []uint8 {
	s := &j.scratch.spatter
	work := &j.scratch.blur.filter
	size := j.size()
	size.Channels = 1
	plane, edges, relief := grow(&s.plane, len(liquid)), grow(&s.edges, len(liquid)), grow(&s.relief, len(liquid))
	vec.FromBytes(plane, liquid)
	s.edge.Canny(edges, plane, size.Width, size.Height, 50, 150)
	s.edge.Distance(plane, edges, size.Width, size.Height, 20)
	work.Square(plane, plane, size, ones, filter.Reflect101)
	vec.Clip(plane, 1./9, 0, 0, 255)
	vec.Truncate(relief, plane)
	edge.Equalise(relief)
	vec.FromBytes(plane, relief)
	work.Square(plane, plane, size, emboss, filter.Reflect101)
	vec.Clip(plane, 1, 0, 0, 255)
	work.Square(plane, plane, size, ones, filter.Reflect101)
	vec.Clip(plane, 1./9, 0.5, 0, 255) // a ninth of an integer is never half-way
	vec.Truncate(relief, plane)
	return relief
}

// mudMask makes blots with soft rims.
func (j *job) mudMask(layer []float32, c Spatter) []float32 {
	mask := grow(&j.scratch.spatter.mask, len(layer))
	copy(mask, layer)
	vec.Clip(mask, 1, 0, 0, 1) // what is left of the layer is well above 1
	size := j.size()
	size.Channels = 1
	j.scratch.blur.filter.Gaussian(mask, mask, size, filter.Gaussian{SigmaX: c.Strength, SigmaY: c.Strength})
	vec.Threshold(mask, 0.8)
	return mask
}

// paint adds the colour, weighted by the mask, to the image or, where it covers, mixes it in. Each step rounds to single precision as
// the reference's do: that decides whether an untouched v/255·255 truncates to v.
func (j *job) paint(mask []float32, colour [3]float32, covers bool) {
	units, whole := &j.scratch.spatter.units, &j.scratch.spatter.whole
	for i, m := range mask {
		p, out := j.src.Pix[3*i:][:3], j.out[3*i:][:3]
		if m == 0 {
			out[0], out[1], out[2] = whole[p[0]], whole[p[1]], whole[p[2]]
			continue
		}
		keep := float32(1)
		if covers {
			keep = 1 - m
		}
		for c, v := range p {
			x := float32(units[v]*keep) + float32(colour[c]*m)
			out[c] = 255 * min(x, 1)
		}
	}
}
