package degrade

import (
	"strconv"
	"strings"
)

// colour: cr leaves the image as it is, bw takes its colours.
func colour(j *job) (*Values, error) {
	if j.level == "bw" {
		return j.greyscale(j.src), nil
	}
	return j.inColour(), nil
}

// inColour returns the image as it is.
func (j *job) inColour() *Values {
	j.out.shape(j.src.Width, j.src.Height, 3)
	for i, p := range j.src.Pix {
		j.out.Pix[i] = unit[p]
	}
	return &j.out
}

// contrast c: (1−c)/2 + c·g of the grey image g.
func contrast(j *job) (*Values, error) {
	percent, err := strconv.ParseFloat(strings.TrimPrefix(j.level, "c"), 64)
	if err != nil {
		return nil, err
	}
	return j.lowContrast(percent / 100), nil
}

func (j *job) lowContrast(c float64) *Values {
	g := j.greyscale(j.src)
	for i, v := range g.Pix {
		g.Pix[i] = (1-c)/2 + c*v
	}
	return g
}

// noiseContrast is the contrast of every image that noise is added to, so that little of it is cut off.
const noiseContrast = 0.3

// uniformNoise w adds U[−w, w) to each pixel.
func uniformNoise(j *job) (*Values, error) {
	w, g := j.amount(), j.lowContrast(noiseContrast)
	for i := range g.Pix {
		g.Pix[i] += w * (2*j.random.Float64() - 1)
	}
	return g.clip(), nil
}

// saltAndPepper p makes a share p/2 of the pixels white and another black.
func saltAndPepper(j *job) (*Values, error) {
	p, g := j.amount(), j.lowContrast(noiseContrast)
	for i := range g.Pix {
		switch u := j.random.Float64(); {
		case u >= 1-p/2:
			g.Pix[i]++
		case u < p/2:
			g.Pix[i]--
		}
	}
	return g.clip(), nil
}

// rotation turns the grey image counter-clockwise.
func rotation(j *job) (*Values, error) {
	g := j.greyscale(j.src)
	w, h := g.Width, g.Height
	switch j.level {
	case "90":
		j.out.shape(h, w, 1)
		for i := range j.out.Pix {
			j.out.Pix[i] = g.Pix[i%h*w+w-1-i/h]
		}
	case "180":
		j.out.shape(w, h, 1)
		for i := range j.out.Pix {
			j.out.Pix[i] = g.Pix[w*h-1-i]
		}
	case "270":
		j.out.shape(h, w, 1)
		for i := range j.out.Pix {
			j.out.Pix[i] = g.Pix[(h-1-i%h)*w+i/h]
		}
	default:
		return g, nil
	}
	return &j.out, nil
}
