// Package raster holds 8-bit RGB images, and reads and writes them as files.
package raster

import (
	"fmt"
	"image"
	"image/color"
)

// Image is an 8-bit RGB image: Pix holds rows top to bottom, R, G, B interleaved, 3·Width·Height bytes.
type Image struct {
	Width, Height int
	Pix           []uint8
}

// New returns a black image.
func New(width, height int) *Image {
	return &Image{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
}

// Clone returns a copy that shares nothing.
func (m *Image) Clone() *Image {
	return &Image{Width: m.Width, Height: m.Height, Pix: append([]uint8(nil), m.Pix...)}
}

// Crop returns a copy of the rectangle whose upper left corner is (x, y). It reports an error where the rectangle leaves the image.
func (m *Image) Crop(x, y, width, height int) (*Image, error) {
	if x < 0 || y < 0 || width <= 0 || height <= 0 || x+width > m.Width || y+height > m.Height {
		return nil, fmt.Errorf("raster: crop of %d×%d at (%d, %d) leaves an image of %d×%d", width, height, x, y, m.Width, m.Height)
	}
	out := New(width, height)
	for row := range height {
		from := 3 * ((y+row)*m.Width + x)
		copy(out.Pix[3*row*width:3*(row+1)*width], m.Pix[from:])
	}
	return out, nil
}

// ColorModel, Bounds and At make an Image an image.Image, so that Go's encoders write it.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns the rectangle from (0, 0) to (Width, Height).
func (m *Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.Width, m.Height) }

// At returns the opaque color of one pixel.
func (m *Image) At(x, y int) color.Color { return m.RGBAAt(x, y) }

// RGBAAt returns the opaque color of one pixel.
func (m *Image) RGBAAt(x, y int) color.RGBA {
	p := m.Pix[3*(y*m.Width+x):]
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}

// Opaque says that no pixel is transparent; encoders then write RGB.
func (m *Image) Opaque() bool { return true }

// Luma returns the grey level that Pillow's convert("L") gives for a color: (19595 R + 38470 G + 7471 B + 2¹⁵) >> 16. Grey keeps its level.
func Luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
