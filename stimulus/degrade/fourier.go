package degrade

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"

	"visus/stimulus/raster"
)

// fourier2 transforms grey images; plans and buffers serve images of one size after another.
type fourier2 struct {
	rows, columns *fourier.CmplxFFT
	values        []complex128 // [height, width], zero frequency first
	lines         []complex128 // a few columns
}

// plan prepares for images of a size.
func (f *fourier2) plan(width, height int) {
	if f.rows == nil || f.rows.Len() != width {
		f.rows = fourier.NewCmplxFFT(width)
	}
	if f.columns == nil || f.columns.Len() != height {
		f.columns = fourier.NewCmplxFFT(height)
	}
	grow(&f.values, width*height)
}

// forward transforms an image into f.values.
func (f *fourier2) forward(v *Values) {
	f.plan(v.Width, v.Height)
	for i, x := range v.Pix {
		f.values[i] = complex(x, 0)
	}
	f.each((*fourier.CmplxFFT).Coefficients)
}

// inverse transforms f.values back and writes the real part, limited to 0..1.
func (f *fourier2) inverse(v *Values) *Values {
	f.each((*fourier.CmplxFFT).Sequence)
	scale := 1 / float64(len(v.Pix))
	for i := range v.Pix {
		v.Pix[i] = real(f.values[i]) * scale
	}
	return v.clip()
}

// columnsAtOnce columns are copied together, because memory is read in lines that hold four values.
const columnsAtOnce = 8

// each transforms every row, then every column.
func (f *fourier2) each(transform func(*fourier.CmplxFFT, []complex128, []complex128) []complex128) {
	w, h := f.rows.Len(), f.columns.Len()
	for y := range h {
		row := f.values[y*w : (y+1)*w]
		transform(f.rows, row, row)
	}
	lines := grow(&f.lines, columnsAtOnce*h)
	for left := 0; left < w; left += columnsAtOnce {
		n := min(columnsAtOnce, w-left)
		for y := range h {
			for i, v := range f.values[y*w+left:][:n] {
				lines[i*h+y] = v
			}
		}
		for i := range n {
			line := lines[i*h : (i+1)*h]
			transform(f.columns, line, line)
		}
		for y := range h {
			for i := range f.values[y*w+left:][:n] {
				f.values[y*w+left+i] = lines[i*h+y]
			}
		}
	}
}

// phaseNoise w turns the phases by up to ±w degrees. The reference pairs frequencies in stored order, k with k + (n+1)/2, and not each with
// its mirror image: the spectrum loses its symmetry and what becomes imaginary is dropped.
func phaseNoise(j *job) (*Values, error) {
	return j.turnPhases(func(k, centre int) int { return centre + 1 + k })
}

// symmetricPhaseNoise turns the phase of each frequency and, by the opposite, of its mirror image, so that the image stays real.
func symmetricPhaseNoise(j *job) (*Values, error) {
	return j.turnPhases(func(k, centre int) int { return 2*centre - k })
}

// turnPhases adds (u_k − ½)·2w to the phase of each frequency k before the zero frequency and takes it from its partner's. Frequencies count
// row by row with zero in the centre, without the row and the column of an even side that have no mirror image.
func (j *job) turnPhases(partner func(k, centre int) int) (*Values, error) {
	g := j.greyscale(j.src)
	f, width := &j.fourier, 2*j.amount()*math.Pi/180
	f.forward(g)
	across, down := g.Width-(1-g.Width%2), g.Height-(1-g.Height%2) // odd
	place := func(k int) int {
		x, y := k%across-across/2, k/across-down/2
		return (y+g.Height)%g.Height*g.Width + (x+g.Width)%g.Width
	}
	centre := across * down / 2
	for k := range centre {
		turn := cmplx.Rect(1, (j.random.Float64()-0.5)*width)
		f.values[place(k)] *= turn
		f.values[place(partner(k, centre))] *= cmplx.Conj(turn)
	}
	return f.inverse(g), nil
}

// Spectrum is an amplitude spectrum of images of one size: |F| of the grey image's two-dimensional Fourier transform, rows top to bottom,
// zero frequency at row Height/2, column Width/2.
type Spectrum struct {
	Width, Height int
	Amplitude     []float64
}

// powerEqualisation gives the grey image the amplitudes of the Worker's Spectrum and leaves its phases.
func powerEqualisation(j *job) (*Values, error) {
	g := j.greyscale(j.src)
	if j.level == "0" {
		return g, nil
	}
	s := j.Spectrum
	switch {
	case s == nil:
		return nil, errors.New("needs the amplitude spectrum that all images are given")
	case s.Width != g.Width || s.Height != g.Height || len(s.Amplitude) != s.Width*s.Height:
		return nil, fmt.Errorf("the amplitude spectrum is for images of %d×%d pixels, the image has %d×%d", s.Width, s.Height, g.Width, g.Height)
	}
	f := &j.fourier
	f.forward(g)
	for i, v := range f.values {
		_, phase := cmplx.Polar(v)
		f.values[i] = cmplx.Rect(s.Amplitude[s.centred(i)], phase)
	}
	return f.inverse(g), nil
}

// centred returns where the spectrum holds the i-th value of a transform, whose zero frequency comes first.
func (s *Spectrum) centred(i int) int {
	x, y := i%s.Width, i/s.Width
	return (y+s.Height/2)%s.Height*s.Width + (x+s.Width/2)%s.Width
}

// MeanSpectrum is the mean of the amplitude spectra of images of one size, to make a Spectrum of images of one's own. The zero value is ready.
type MeanSpectrum struct {
	worker Worker
	sum    Spectrum
	images int
}

// Add adds an image. It reports an error where its size is not that of the first.
func (m *MeanSpectrum) Add(image *raster.Image) error {
	if m.images == 0 {
		m.sum = Spectrum{image.Width, image.Height, make([]float64, image.Width*image.Height)}
	}
	if image.Width != m.sum.Width || image.Height != m.sum.Height {
		return fmt.Errorf("degrade: a spectrum of images of %d×%d pixels, now one of %d×%d", m.sum.Width, m.sum.Height, image.Width, image.Height)
	}
	f := &m.worker.fourier
	f.forward(m.worker.greyscale(image))
	for i, v := range f.values {
		m.sum.Amplitude[m.sum.centred(i)] += cmplx.Abs(v)
	}
	m.images++
	return nil
}

// Spectrum returns the mean of the images added so far; nil where there are none.
func (m *MeanSpectrum) Spectrum() *Spectrum {
	if m.images == 0 {
		return nil
	}
	mean := Spectrum{m.sum.Width, m.sum.Height, make([]float64, len(m.sum.Amplitude))}
	for i, v := range m.sum.Amplitude {
		mean.Amplitude[i] = v / float64(m.images)
	}
	return &mean
}
