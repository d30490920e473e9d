// Package corrupt degrades images by the 19 common corruptions at five severities.
//
// A corruption is a law: a short function over the operators of filter, plasma, hsv, jpeg and resample that reads one image, its
// parameters and a source of random numbers, and writes the corrupted values before they are truncated to 8 bits.
// Laws, parameters and the order of random draws are those of Hendrycks & Dietterich (2019) and of their any-size port.
//
//	var worker corrupt.Worker
//	fog, _ := corrupt.ByName("fog")
//	source := corrupt.NewSource(corrupt.Seed(seed, fog.Name, severity, index))
//	err := worker.Corrupt(&out, image, fog, severity, source)
package corrupt

import (
	"fmt"
	"math"

	"visus/internal/vec"
	"visus/stimulus/jpeg"
	"visus/stimulus/raster"
)

// Severities is the number of severities of every corruption; they count from 1.
const Severities = 5

// publishedQuality is the JPEG quality in which the files of ImageNet-C are stored.
const publishedQuality = 85

// LeastSide is the smallest side, in pixels, of images that the any-size port accepts.
const LeastSide = 32

// job is one corruption of one image: what a law may read and where it writes.
type job struct {
	src      *raster.Image
	out      []float32 // [height, width, channel] on the 0..255 scale, before truncation; never rounded up across an integer
	pix      []uint8   // [height, width, channel]: a law whose result is already 8 bits writes here instead and sets bytes
	bytes    bool
	set      *Parameters
	severity int // 1..5
	random   Random
	frost    *Textures
	scratch  *scratch // buffers reused between images
}

// law computes one corruption.
type law func(j *job) error

// Worker corrupts images one after the other and keeps the buffers between them, so that after the first images nothing is allocated.
// The zero Worker is ready. One goroutine may use it at a time; parallel work takes one Worker each.
type Worker struct {
	Parameters  *Parameters // nil: ParametersFor the image's size
	Frost       *Textures   // nil: textures of this package's own; LoadTextures reads the published ones
	AsPublished bool        // store and reload the result as JPEG of quality 85, as the published files of ImageNet-C were

	job     job
	scratch scratch
}

// Corrupt writes the corrupted src into dst, which takes src's size and may be an empty image but not src itself.
// Severity is 1..5. Random supplies the draws; laws that draw nothing accept nil.
// It reports an error for an unknown corruption, a severity outside 1..5, a damaged image, and an image that the parameter set cannot serve.
func (w *Worker) Corrupt(dst, src *raster.Image, c Corruption, severity int, random Random) error {
	set := w.Parameters
	if set == nil && src != nil {
		set = ParametersFor(src.Width, src.Height)
	}
	if err := check(dst, src, c, severity, set, random); err != nil {
		return err
	}
	n := len(src.Pix)
	dst.Width, dst.Height, dst.Pix = src.Width, src.Height, grow(&dst.Pix, n)
	w.job = job{
		src: src, out: grow(&w.scratch.out, n), pix: dst.Pix,
		set: set, severity: severity, random: random, frost: w.Frost, scratch: &w.scratch,
	}
	if w.Frost == nil {
		w.job.frost = grownTextures()
	}
	if err := c.law(&w.job); err != nil {
		return fmt.Errorf("corrupt: %s: severity %d: %w", c.Name, severity, err)
	}
	if !w.job.bytes {
		vec.Truncate(dst.Pix, w.job.out)
	}
	if w.AsPublished {
		jpeg.RoundTrip(dst.Pix, dst.Pix, dst.Width, dst.Height, publishedQuality, &w.scratch.jpeg)
	}
	return nil
}

func check(dst, src *raster.Image, c Corruption, severity int, set *Parameters, random Random) error {
	switch {
	case c.law == nil:
		return fmt.Errorf("corrupt: %q is not one of the corruptions of All", c.Name)
	case severity < 1 || severity > Severities:
		return fmt.Errorf("corrupt: %s: severity %d is outside 1..%d", c.Name, severity, Severities)
	case src == nil || dst == nil || src == dst:
		return fmt.Errorf("corrupt: %s: needs a source image and another one for the result", c.Name)
	case src.Width < 1 || src.Height < 1 || len(src.Pix) != 3*src.Width*src.Height:
		return fmt.Errorf("corrupt: %s: %d bytes are not an RGB image of %d×%d pixels", c.Name, len(src.Pix), src.Width, src.Height)
	case set.Port && min(src.Width, src.Height) < LeastSide:
		return fmt.Errorf("corrupt: %s: the image is %d×%d, parameters %q need at least %d pixels a side", c.Name, src.Width, src.Height, set.Name, LeastSide)
	case random == nil && c.Random:
		return fmt.Errorf("corrupt: %s: draws random numbers, but no source was given", c.Name)
	}
	return nil
}

// towardZero converts without ever rounding up in size: 84.99999999 must not become 85 before it is truncated.
func towardZero(v float64) float32 {
	const below = 1<<29 - 1 // the bits of a float64's fraction that a float32 lacks
	return float32(math.Float64frombits(math.Float64bits(v) &^ below))
}
