// Package degrade makes the parametric stimuli on which people and models were compared: less contrast, less of a spatial frequency, noise,
// scrambled phases, equalised spectra, rotations, false colours, eidolons.
//
// A manipulation is a law of one image and one level. Laws are those of Geirhos et al. (2018), Generalisation in humans and deep neural
// networks, arXiv 1808.08750, and of Koenderink et al. (2017) for eidolons; levels carry the names they have in the published trials.
//
//	var worker degrade.Worker
//	phase, _ := degrade.ByName("phase-scrambling")
//	err := worker.Degrade(&out, image, phase, "90", rand.New(rand.NewPCG(seed, index)))
package degrade

import (
	"fmt"

	"visus/stimulus/raster"
)

// Random supplies random numbers: uniform in [0, 1), and standard normal. A *rand.Rand of math/rand/v2 is one.
type Random interface {
	Float64() float64
	NormFloat64() float64
}

// Values is an image in float64: rows top to bottom, channels interleaved, intensities 0..1. Channels is 1 (grey) or 3 (RGB).
type Values struct {
	Width, Height, Channels int
	Pix                     []float64
}

// shape gives the values a size; their contents are arbitrary.
func (v *Values) shape(width, height, channels int) {
	v.Width, v.Height, v.Channels = width, height, channels
	grow(&v.Pix, width*height*channels)
}

// Worker degrades images one after the other and keeps buffers, kernels and plans of Fourier transforms between them. The zero Worker is
// ready. One goroutine may use it at a time.
type Worker struct {
	// Spectrum is the amplitude that power equalisation gives to every image; images of another size are an error.
	Spectrum *Spectrum
	// EidolonSize is the long side, in pixels, to which images are resized before an eidolon is made of them; 0: they keep their size.
	// Stimuli of the published experiments were made at 256.
	EidolonSize int

	grey, out Values
	fourier   fourier2
	smooth    smoother
	eidolon   eidolon
}

// job is one manipulation of one image.
type job struct {
	*Worker
	src    *raster.Image
	level  string
	random Random
}

// Degrade writes the degraded src into dst, which may be an empty image but not src itself. dst takes src's size, but for rotations by a
// quarter and for eidolons of another size. Values are truncated to 8 bits, not rounded, as those of the published stimuli were.
// Random supplies the draws; manipulations that draw nothing accept nil. It reports an error for an unknown manipulation or level, a damaged
// image, and an image that does not fit the Worker's Spectrum.
func (w *Worker) Degrade(dst, src *raster.Image, m Manipulation, level string, random Random) error {
	if dst == nil || dst == src {
		return fmt.Errorf("degrade: %s: needs a source image and another one for the result", m.Name)
	}
	v, err := w.Values(src, m, level, random)
	if err != nil {
		return err
	}
	v.truncate(dst)
	return nil
}

// Values returns the degraded image before it is truncated to 8 bits. The result belongs to the Worker and lives until its next call.
func (w *Worker) Values(src *raster.Image, m Manipulation, level string, random Random) (*Values, error) {
	switch {
	case m.law == nil:
		return nil, fmt.Errorf("degrade: %q is not one of the manipulations of All", m.Name)
	case src == nil:
		return nil, fmt.Errorf("degrade: %s: no image", m.Name)
	case src.Width < 1 || src.Height < 1 || len(src.Pix) != 3*src.Width*src.Height:
		return nil, fmt.Errorf("degrade: %s: %d bytes are not an RGB image of %d×%d pixels", m.Name, len(src.Pix), src.Width, src.Height)
	case random == nil && m.Random:
		return nil, fmt.Errorf("degrade: %s: draws random numbers, but no source was given", m.Name)
	}
	if err := m.Check(level); err != nil {
		return nil, err
	}
	out, err := m.law(&job{w, src, level, random})
	if err != nil {
		return nil, fmt.Errorf("degrade: %s: level %s: %w", m.Name, level, err)
	}
	return out, nil
}

// truncate writes ⌊255·v⌋ as RGB.
func (v *Values) truncate(dst *raster.Image) {
	dst.Width, dst.Height = v.Width, v.Height
	grow(&dst.Pix, 3*v.Width*v.Height)
	if v.Channels == 3 {
		for i, x := range v.Pix {
			dst.Pix[i] = uint8(255 * x)
		}
		return
	}
	for i, x := range v.Pix {
		level := uint8(255 * x)
		dst.Pix[3*i], dst.Pix[3*i+1], dst.Pix[3*i+2] = level, level, level
	}
}

// greyscale returns the luminance 0.2125 R + 0.7154 G + 0.0721 B (scikit-image's rgb2gray). It lives in w.grey.
func (w *Worker) greyscale(src *raster.Image) *Values {
	w.grey.shape(src.Width, src.Height, 1)
	for i := range w.grey.Pix {
		p := src.Pix[3*i : 3*i+3]
		w.grey.Pix[i] = 0.2125*unit[p[0]] + 0.7154*unit[p[1]] + 0.0721*unit[p[2]]
	}
	return &w.grey
}

// unit holds v/255.
var unit = func() (t [256]float64) {
	for v := range t {
		t[v] = float64(v) / 255
	}
	return t
}()

// clip limits values to 0..1.
func (v *Values) clip() *Values {
	for i, x := range v.Pix {
		v.Pix[i] = min(1, max(0, x))
	}
	return v
}

// grow returns n elements of the buffer, enlarged if need be; their contents are arbitrary.
func grow[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}
