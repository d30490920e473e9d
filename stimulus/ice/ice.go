// Package ice grows textures of frost: needles of ice with side branches, as on a window pane, over clouded glass.
package ice

import (
	"math"
	"math/rand/v2"

	"visus/stimulus/raster"
)

// Look says how a texture turns out.
type Look struct {
	Width, Height   int
	Mean, Deviation [3]float64 // of the R, G, B values
	Length          float64    // mean length of the needles in pixels
	Cloud           float64    // share of slow variation, 0..1; needles and grain make up the rest
}

// Grow returns the texture of a seed. The same seed and look give the same texture.
func Grow(seed uint64, look Look) *raster.Image {
	r := rand.New(rand.NewPCG(seed, 0x1ce))
	p := &pane{width: look.Width, height: look.Height, field: make([]float64, look.Width*look.Height)}
	// Four needles cross every pixel on average: frost leaves little glass bare.
	const density = 4.0
	for area := density * float64(len(p.field)); area > 0; {
		area -= p.cluster(r, look.Length)
	}
	p.grain(r)
	normalise(p.field)
	slow := clouds(r, look.Width, look.Height)
	normalise(slow)
	a, b := math.Sqrt(1-look.Cloud), math.Sqrt(look.Cloud)
	for i, v := range slow {
		p.field[i] = a*p.field[i] + b*v
	}
	normalise(p.field)
	m := raster.New(look.Width, look.Height)
	for i, v := range p.field {
		for c := range 3 {
			m.Pix[3*i+c] = uint8(min(max(look.Mean[c]+look.Deviation[c]*v+0.5, 0), 255))
		}
	}
	return m
}

// pane is the height of the ice.
type pane struct {
	width, height int
	field         []float64
}

// cluster grows needles that fan out from one germ and returns the area they cover.
func (p *pane) cluster(r *rand.Rand, length float64) float64 {
	x, y := r.Float64()*float64(p.width), r.Float64()*float64(p.height)
	direction := 2 * math.Pi * r.Float64()
	area := 0.0
	for range 3 + r.IntN(6) {
		area += p.needle(r, x+6*r.NormFloat64(), y+6*r.NormFloat64(), direction+0.3*r.NormFloat64(), length*(0.3+r.ExpFloat64()), 2)
	}
	return area
}

// needle draws a tapering ridge, lit from one side, and its branches: ice branches at 60°.
func (p *pane) needle(r *rand.Rand, x, y, direction, length float64, order int) float64 {
	dy, dx := math.Sincos(direction)
	half := 0.8 + 0.02*length
	height := 0.5 + r.Float64()
	area := 0.0
	next := 4 + 6*r.Float64()
	for s := 0.0; s < length; s += 0.7 {
		taper := 1 - s/length
		w := half*taper + 0.5
		for d := -w; d <= w; d += 0.7 {
			// The crest is bright, one flank lit, the other in shade.
			light := height * taper * (1 - math.Abs(d)/w + 0.9*d/w)
			p.add(x+s*dx-d*dy, y+s*dy+d*dx, light)
		}
		area += 2 * w * 0.7
		if order > 0 && s > next {
			next = s + 4 + 8*r.Float64()
			side := math.Pi / 3
			if r.IntN(2) == 0 {
				side = -side
			}
			area += p.needle(r, x+s*dx, y+s*dy, direction+side+0.1*r.NormFloat64(), 0.35*length*taper, order-2)
		}
	}
	return area
}

// add puts height on one pixel. What has grown before shrinks a little, so that late needles lie on top.
func (p *pane) add(x, y, height float64) {
	column, row := int(math.Floor(x)), int(math.Floor(y))
	if column < 0 || row < 0 || column >= p.width || row >= p.height {
		return
	}
	at := &p.field[row*p.width+column]
	*at += 0.35 * (height - *at)
}

// grain roughens the surface.
func (p *pane) grain(r *rand.Rand) {
	for i := range p.field {
		p.field[i] += 0.08 * r.NormFloat64()
	}
}

// clouds returns noise of five octaves from a quarter of the image down, each of half the amplitude of the one before.
func clouds(r *rand.Rand, width, height int) []float64 {
	out := make([]float64, width*height)
	cell, amplitude := float64(max(width, height))/4, 1.0
	for range 5 {
		columns, rows := int(float64(width)/cell)+2, int(float64(height)/cell)+2
		lattice := make([]float64, columns*rows)
		for i := range lattice {
			lattice[i] = amplitude * r.NormFloat64()
		}
		for y := range height {
			j, v := split(float64(y) / cell)
			for x := range width {
				i, u := split(float64(x) / cell)
				at := lattice[j*columns+i:]
				upper := at[0] + u*(at[1]-at[0])
				lower := at[columns] + u*(at[columns+1]-at[columns])
				out[y*width+x] += upper + v*(lower-upper)
			}
		}
		cell, amplitude = cell/2, amplitude/2
	}
	return out
}

// split returns the lattice point before v and a smooth weight of the one after it.
func split(v float64) (int, float64) {
	i := int(v)
	t := v - float64(i)
	return i, t * t * (3 - 2*t)
}

// normalise gives mean 0 and deviation 1.
func normalise(field []float64) {
	var sum, squares float64
	for _, v := range field {
		sum += v
	}
	mean := sum / float64(len(field))
	for _, v := range field {
		squares += (v - mean) * (v - mean)
	}
	deviation := math.Sqrt(squares / float64(len(field)))
	if deviation == 0 {
		deviation = 1
	}
	for i, v := range field {
		field[i] = (v - mean) / deviation
	}
}
