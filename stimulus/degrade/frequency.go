package degrade

import (
	"gonum.org/v1/gonum/floats"

	"visus/stimulus/filter"
)

// meanGrey is the mean intensity of the images of the published experiments: what lies outside an image that is smoothed, and the mean that
// a high-pass image is given.
const meanGrey = 0.4423

// lowPass σ smooths the grey image by a Gaussian.
func lowPass(j *job) (*Values, error) {
	g := j.greyscale(j.src)
	if sigma := j.amount(); sigma > 0 {
		j.smooth.gaussian(g, sigma)
	}
	return g.clip(), nil
}

// highPass σ takes the low-pass image away, which makes the mean that of the experiments; inf leaves the grey image as it is.
func highPass(j *job) (*Values, error) {
	g := j.greyscale(j.src)
	if j.level == "inf" {
		return g, nil
	}
	j.out.shape(g.Width, g.Height, 1)
	copy(j.out.Pix, g.Pix)
	j.smooth.gaussian(g, j.amount())
	floats.Sub(j.out.Pix, g.Pix)
	floats.AddConst(meanGrey-floats.Sum(j.out.Pix)/float64(len(j.out.Pix)), j.out.Pix)
	return j.out.clip(), nil
}

// smoother filters grey images by Gaussians in float64, so that truncation to 8 bits falls as the reference's does.
type smoother struct{ middle []float64 }

// gaussian smooths v in place: kernel radius ⌊4σ + ½⌋, outside the image meanGrey. With that taken away, what lies outside is zero and has
// no part in the sums.
func (s *smoother) gaussian(v *Values, sigma float64) {
	weights := filter.GaussianWeights(sigma, 4)
	radius, w, h := len(weights)/2, v.Width, v.Height
	floats.AddConst(-meanGrey, v.Pix)
	middle := grow(&s.middle, w*h)
	clear(middle)
	for y := range h {
		for from := max(0, y-radius); from <= min(h-1, y+radius); from++ {
			floats.AddScaled(middle[y*w:(y+1)*w], weights[from-y+radius], v.Pix[from*w:(from+1)*w])
		}
	}
	for i := range v.Pix {
		v.Pix[i] = meanGrey
	}
	for y := range h {
		to, from := v.Pix[y*w:(y+1)*w], middle[y*w:(y+1)*w]
		for step := -min(radius, w-1); step <= min(radius, w-1); step++ {
			low, high := max(0, -step), min(w, w-step)
			floats.AddScaled(to[low:high], weights[step+radius], from[low+step:high+step])
		}
	}
}
