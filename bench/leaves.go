package main

import (
	"math"
	"math/rand/v2"

	"visus/stimulus/raster"
)

// leaves paints a picture with the statistics of photographs: discs that cover each other, their sizes drawn from a power law, so that
// contrasts occur at all scales (the dead leaves model; Lee, Mumford & Huang 2001, "Occlusion models for natural images").
func leaves(seed uint64, width, height int) *raster.Image {
	random := rand.New(rand.NewPCG(seed, 0))
	m := raster.New(width, height)
	side := float64(min(width, height))
	for range 3 * width * height / 100 {
		radius := 0.01 * side / math.Sqrt(1-random.Float64()*(1-0.0025)) // density ~ r⁻³ on 1 to 20 % of the side
		x, y := random.Float64()*float64(width), random.Float64()*float64(height)
		light, tint := 40+170*random.Float64(), [3]float64{30 * random.NormFloat64(), 15 * random.NormFloat64(), 30 * random.NormFloat64()}
		disc(m, x, y, radius, func(p []uint8, shade float64) {
			for c := range p {
				p[c] = uint8(min(max(light*shade+tint[c]+4*random.NormFloat64(), 0), 255))
			}
		})
	}
	return m
}

// disc paints the pixels within radius of (x, y); shade falls from the upper left to the lower right.
func disc(m *raster.Image, x, y, radius float64, paint func(p []uint8, shade float64)) {
	for row := max(0, int(y-radius)); row < min(m.Height, int(y+radius)+1); row++ {
		for column := max(0, int(x-radius)); column < min(m.Width, int(x+radius)+1); column++ {
			dx, dy := float64(column)-x, float64(row)-y
			if dx*dx+dy*dy <= radius*radius {
				at := 3 * (row*m.Width + column)
				paint(m.Pix[at:at+3], 1-0.2*(dx+dy)/radius)
			}
		}
	}
}
