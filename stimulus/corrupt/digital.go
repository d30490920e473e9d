package corrupt

import (
	"visus/stimulus/jpeg"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
)

// pixelateScratch holds what resizing needs, the small image and the header of the result.
type pixelateScratch struct {
	resizer     resample.Resizer
	small, full raster.Image
}

// pixelate reduces by averages over boxes and enlarges again: by boxes in the original, by the nearest pixel in the any-size port.
func pixelate(j *job) error {
	c, s := j.set.Pixelate[j.severity-1], &j.scratch.pixelate
	small := &s.small
	small.Width, small.Height = max(1, int(float64(j.src.Width)*c)), max(1, int(float64(j.src.Height)*c))
	small.Pix = grow(&small.Pix, 3*small.Width*small.Height)
	s.resizer.Into(small, j.src, resample.Box)
	enlarge := resample.Box
	if j.set.Port {
		enlarge = resample.Nearest
	}
	s.full = raster.Image{Width: j.src.Width, Height: j.src.Height, Pix: j.pix}
	s.resizer.Into(&s.full, small, enlarge)
	j.bytes = true
	return nil
}

// jpegCompression stores the image as a JPEG file and reads it again.
func jpegCompression(j *job) error {
	jpeg.RoundTrip(j.pix, j.src.Pix, j.src.Width, j.src.Height, j.set.JPEGCompression[j.severity-1], &j.scratch.jpeg)
	j.bytes = true
	return nil
}
