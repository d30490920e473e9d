package degrade

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/floats"

	"visus/stimulus/filter"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
)

// disarray is what an eidolon's level r-c-g says: reach r in pixels, coherence c/10, grain g in pixels.
type disarray struct{ reach, coherence, grain float64 }

// The bounds of levels keep displacements and kernels finite.
const (
	mostReach     = 1e4
	mostGrain     = 1e3
	coherenceUnit = 10
)

func parseEidolon(level string) (d disarray, err error) {
	parts := strings.Split(level, "-")
	if len(parts) != 3 {
		return d, fmt.Errorf("expected reach-coherence-grain, such as 8-3-10")
	}
	for i, bound := range []struct {
		to        *float64
		low, high float64
		name      string
	}{{&d.reach, 0, mostReach, "reach"}, {&d.coherence, 0, coherenceUnit, "coherence"}, {&d.grain, 0.1, mostGrain, "grain"}} {
		v, err := strconv.ParseFloat(parts[i], 64)
		if err != nil || !(v >= bound.low && v <= bound.high) {
			return d, fmt.Errorf("expected a %s in %g..%g, found %q", bound.name, bound.low, bound.high, parts[i])
		}
		*bound.to = v
	}
	d.coherence /= coherenceUnit
	return d, nil
}

func checkEidolon(level string) error {
	_, err := parseEidolon(level)
	return err
}

// flatEidolon smooths as the reference does.
func flatEidolon(j *job) (*Values, error) { return j.disarrange(flat) }

// trueEidolon smooths in two dimensions.
func trueEidolon(j *job) (*Values, error) { return j.disarrange(twoDimensional) }

// disarrange makes a partially coherent disarray: the image is taken apart into bands of spatial frequency, each band's pixels are moved, and
// the bands are put together again (Koenderink, Valsecchi, van Doorn, Wagemans & Gegenfurtner 2017).
func (j *job) disarrange(mode convolution) (*Values, error) {
	d, err := parseEidolon(j.level)
	if err != nil {
		return nil, err
	}
	src := j.src
	if long := max(src.Width, src.Height); j.EidolonSize > 0 && long != j.EidolonSize {
		src = resample.Resize(src, scaled(src.Width, j.EidolonSize, long), scaled(src.Height, j.EidolonSize, long), resample.Lanczos)
	}
	if long := max(src.Width, src.Height); long < leastEidolon || long > mostEidolon {
		return nil, fmt.Errorf("the image is %d×%d; an eidolon needs %d to %d pixels on the long side (a size for eidolons brings images to it)",
			src.Width, src.Height, leastEidolon, mostEidolon)
	}
	e := &j.eidolon
	if e.prepare(src, mode) {
		e.bands()
	}
	e.displace(d, func(plane []float64, _ int) {
		for i := range plane {
			plane[i] = j.random.NormFloat64()
		}
	})
	e.put(d.reach, &j.out)
	floats.Scale(1.0/255, j.out.Pix)
	return j.out.clip(), nil
}

// The long side of an eidolon leaves at least two scales, and a plane of at most 1024², so that all of a Worker stays below a gigabyte.
const leastEidolon, mostEidolon = 8, 682

func scaled(side, to, long int) int { return max(1, (side*to+long/2)/long) }

// convolution says how a plane is smoothed.
type convolution int

const (
	// flat is the reference's: planes and kernels are convolved as flattened arrays, in one dimension, so that what a kernel holds at
	// negative horizontal offsets lands a row lower, and ends of rows meet the next row.
	flat convolution = iota
	twoDimensional
)

// eidolon holds what is made on the way, for images of one size.
type eidolon struct {
	width, height int // of the image
	side          int // of the square plane around it, a power of two
	scales        int
	mode          convolution

	plan      *fourier.CmplxFFT
	fourier   fourier2                 // of the two-dimensional convolution
	kernels   map[float64][]complex128 // transforms, by σ; of one plane size and mode
	plane     []float64                // [side, side]: the image with its mirror images around it, 0..255
	transform []complex128
	work      []complex128
	band      [][]float64 // [scale][side, side]
	rows      [][]float64 // [scale][side, side]: displacements, in units of reach
	columns   [][]float64
	draws     [2][]float64
}

// prepare puts the grey image into the middle of its plane. It says whether this is another plane than before: one image is often shown at
// several levels, which have the same bands.
func (e *eidolon) prepare(src *raster.Image, mode convolution) (changed bool) {
	long := max(src.Width, src.Height)
	side := 1 << bits.Len(uint((3*long+1)/2-1)) // the next power of two from 1.5·long on
	if side != e.side || mode != e.mode {
		e.kernels, e.mode, e.side = map[float64][]complex128{}, mode, side
		e.plan, changed = nil, true
	}
	changed = changed || e.width != src.Width || e.height != src.Height
	e.width, e.height, e.scales = src.Width, src.Height, int(math.Ceil(2*math.Log2(float64(long)/4)))
	n := side * side
	if e.plan == nil {
		e.plan = fourier.NewCmplxFFT(e.length())
	}
	grow(&e.plane, n)
	grow(&e.transform, n)
	grow(&e.work, n)
	for i := range e.draws {
		grow(&e.draws[i], n)
	}
	for _, stack := range []*[][]float64{&e.band, &e.rows, &e.columns} {
		for len(*stack) < e.scales {
			*stack = append(*stack, nil)
		}
		for k := range e.scales {
			grow(&(*stack)[k], n)
		}
	}
	left, top := e.corner()
	for y := range side {
		row := filter.HalfSample.Index(y-top, src.Height) * src.Width
		for x := range side {
			p := src.Pix[3*(row+filter.HalfSample.Index(x-left, src.Width)):]
			grey, old := float64(raster.Luma(p[0], p[1], p[2])), &e.plane[y*side+x]
			changed = changed || grey != *old
			*old = grey
		}
	}
	return changed
}

// length is that of the one-dimensional transforms.
func (e *eidolon) length() int {
	if e.mode == flat {
		return e.side * e.side
	}
	return e.side
}

// corner is where the image begins in its plane.
func (e *eidolon) corner() (left, top int) { return (e.side - e.width) / 2, (e.side - e.height) / 2 }

// sigma is the scale of band k: 2^(−1/2)·2^(k/2) pixels.
func sigma(k int) float64 { return math.Pow(2, float64(k-1)/2) }

// forward transforms the values in place.
func (e *eidolon) forward(values []complex128) {
	e.each(values, (*fourier.CmplxFFT).Coefficients)
}

// inverse transforms back and divides by the number of values.
func (e *eidolon) inverse(values []complex128) {
	e.each(values, (*fourier.CmplxFFT).Sequence)
	scale := complex(1/float64(len(values)), 0)
	for i := range values {
		values[i] *= scale
	}
}

func (e *eidolon) each(values []complex128, transform func(*fourier.CmplxFFT, []complex128, []complex128) []complex128) {
	if e.mode == flat {
		transform(e.plan, values, values)
		return
	}
	e.fourier.rows, e.fourier.columns, e.fourier.values = e.plan, e.plan, values
	e.fourier.each(transform)
}

// kernel returns the transform of a Gaussian, sampled over the whole plane with wrap-around and not normalised.
func (e *eidolon) kernel(sigma float64) []complex128 {
	if k, ok := e.kernels[sigma]; ok {
		return k
	}
	line := make([]float64, e.side)
	for i := range line {
		x := float64(min(i, e.side-i))
		line[i] = math.Exp(-x*x/(2*sigma*sigma)) / (math.Sqrt(2*math.Pi) * sigma)
	}
	k := make([]complex128, e.side*e.side)
	for i := range k {
		k[i] = complex(line[i/e.side]*line[i%e.side], 0)
	}
	e.forward(k)
	e.kernels[sigma] = k
	return k
}

// bands takes the plane apart: differences of successive blurs, and the last blur. They sum to the first blur. Two blurs are made at a time,
// as real and imaginary part.
func (e *eidolon) bands() {
	for i, v := range e.plane {
		e.transform[i] = complex(v, 0)
	}
	e.forward(e.transform)
	for k := 0; k < e.scales; k += 2 {
		first := e.kernel(sigma(k))
		second := first
		if k+1 < e.scales {
			second = e.kernel(sigma(k + 1))
		}
		for i, v := range e.transform {
			e.work[i] = v * (first[i] + 1i*second[i])
		}
		e.inverse(e.work)
		for i, v := range e.work {
			e.band[k][i] = real(v)
			if k+1 < e.scales {
				e.band[k+1][i] = imag(v)
			}
		}
	}
	for k := range e.scales - 1 {
		floats.Sub(e.band[k], e.band[k+1])
	}
}

// displace makes the displacements of each band: (1−d)·I + d·C, where C is shared between scales and I is each band's own. normal fills a
// plane with standard normal numbers; it is told which of the reference's planes this is: those of C along y, then along x, then for each
// scale that of I along y and along x.
func (e *eidolon) displace(d disarray, normal func(plane []float64, index int)) {
	for k := range e.scales {
		clear(e.rows[k])
		clear(e.columns[k])
	}
	for k := range e.scales {
		if d.coherence == 0 {
			break
		}
		normal(e.draws[0], k)
		normal(e.draws[1], e.scales+k)
		e.noise(sigma(k))
		e.add(k, d.coherence*sigma(k)/(float64(max(e.width, e.height))/4))
	}
	for k := e.scales - 2; k >= 0; k-- {
		floats.Add(e.rows[k], e.rows[k+1])
		floats.Add(e.columns[k], e.columns[k+1])
	}
	for k := range e.scales {
		if d.coherence == 1 {
			break
		}
		normal(e.draws[0], 2*e.scales+2*k)
		normal(e.draws[1], 2*e.scales+2*k+1)
		e.noise(d.grain)
		e.add(k, 1-d.coherence)
	}
}

// add adds the two planes of noise to the displacements of a band.
func (e *eidolon) add(k int, weight float64) {
	floats.AddScaled(e.rows[k], weight, e.draws[0])
	floats.AddScaled(e.columns[k], weight, e.draws[1])
}

// noise turns two planes of normal numbers into smooth ones, at once as real and imaginary part. The mean over the standard deviation that
// is taken away does almost nothing; it is the reference's formula.
func (e *eidolon) noise(sigma float64) {
	for _, draws := range e.draws {
		scale := 127.5 / max(floats.Max(draws), -floats.Min(draws))
		for i, v := range draws {
			draws[i] = min(127, max(-127, v*scale))
		}
	}
	for i := range e.work {
		e.work[i] = complex(e.draws[0][i], e.draws[1][i])
	}
	e.forward(e.work)
	for i, k := range e.kernel(sigma) {
		e.work[i] *= k
	}
	e.inverse(e.work)
	for i, v := range e.work {
		e.draws[0][i], e.draws[1][i] = real(v), imag(v)
	}
	for _, draws := range e.draws {
		n := float64(len(draws))
		mean, square := floats.Sum(draws)/n, 0.0
		for _, v := range draws {
			square += (v - mean) * (v - mean)
		}
		if square > 0 {
			floats.AddConst(-mean/math.Sqrt(square/n), draws)
		}
	}
}

// put moves the pixels of each band and sums the bands into out, 0..255 and beyond.
func (e *eidolon) put(reach float64, out *Values) {
	out.shape(e.width, e.height, 1)
	left, top := e.corner()
	last := float64(e.side - 1)
	for y := range e.height {
		for x := range e.width {
			at, sum := (top+y)*e.side+left+x, 0.0
			for k, band := range e.band[:e.scales] {
				row := int(min(last, max(0, float64(top+y)+reach*e.rows[k][at])))
				column := int(min(last, max(0, float64(left+x)+reach*e.columns[k][at])))
				sum += band[row*e.side+column]
			}
			out.Pix[y*e.width+x] = sum
		}
	}
}
