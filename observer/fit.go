package observer

import (
	"math"

	"visus/stimulus/raster"
	"visus/stimulus/resample"
)

// Geometry says how images of any size become images of the size that a model takes.
type Geometry struct {
	Width, Height int // of the result; 0: the image's own size
	Resize        int // short side before the centre crop
	Filter        resample.Filter
}

// geometry combines the input size of a model (0 where free) with its preprocessing.
func (p Preprocessing) geometry(width, height int) Geometry {
	if p.Crop > 0 && (width == 0 || height == 0) {
		width, height = p.Crop, p.Crop
	}
	g := Geometry{Width: width, Height: height, Resize: p.Resize, Filter: p.Filter}
	if g.Resize == 0 && width > 0 {
		short := min(width, height)
		g.Resize = short
		if short >= 128 { // torchvision's 256 for 224, and the same share for other sizes
			g.Resize = int(math.Round(float64(short) / 0.875))
		}
	}
	return g
}

// Fit returns the image at the model's size: untouched where it has that size already (files of ImageNet-C are not resized twice),
// otherwise resized with antialiasing and cropped at the centre, as torchvision's Resize and CenterCrop do on PIL images.
func (g Geometry) Fit(m *raster.Image) *raster.Image {
	if g.Width == 0 || m.Width == g.Width && m.Height == g.Height {
		return m
	}
	short := max(g.Resize, g.Width, g.Height) // never smaller than the crop
	return resample.CenterCrop(resample.ShortSide(m, short, g.Filter), g.Width, g.Height)
}
