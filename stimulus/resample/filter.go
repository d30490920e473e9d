package resample

import (
	"fmt"
	"math"
)

// Filter says how pixels are weighed.
type Filter int

// The filters of Pillow under their Pillow names.
const (
	Nearest  Filter = iota // the pixel under the centre, without antialiasing
	Box                    // equal weights over the pixels that an output pixel covers
	Bilinear               // triangle of half-width 1
	Hamming                // sinc under a Hamming window of half-width 1
	Bicubic                // Keys' cubic with a = -0.5, half-width 2
	Lanczos                // sinc under a sinc window of half-width 3
)

var filterNames = [...]string{"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if f < 0 || int(f) >= len(filterNames) {
		return fmt.Sprintf("Filter(%d)", int(f))
	}
	return filterNames[f]
}

// ParseFilter is the inverse of String.
func ParseFilter(name string) (Filter, error) {
	for i, n := range filterNames {
		if n == name {
			return Filter(i), nil
		}
	}
	return 0, fmt.Errorf("resample: no filter is called %q; there are %v", name, filterNames)
}

// support returns the half-width of the filter at scale 1.
func (f Filter) support() float64 {
	switch f {
	case Box:
		return 0.5
	case Bicubic:
		return 2
	case Lanczos:
		return 3
	}
	return 1
}

// weight evaluates the filter at distance x.
func (f Filter) weight(x float64) float64 {
	if f == Box { // half open: of two pixels at equal distance one counts
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	}
	x = math.Abs(x)
	switch {
	case x >= f.support():
		return 0
	case f == Hamming:
		return sinc(x) * (float64(float32(0.54)) + float64(float32(0.46))*math.Cos(math.Pi*x)) // Pillow's constants are single
	case f == Bicubic && x < 1:
		return (1.5*x-2.5)*x*x + 1
	case f == Bicubic:
		return (((x-5)*x+8)*x - 4) * -0.5
	case f == Lanczos:
		return sinc(x) * sinc(x/3)
	}
	return 1 - x
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}
