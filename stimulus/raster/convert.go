package raster

import (
	"image"
	"image/color"
)

// FromImage returns an image's colours without their alpha, as Pillow's convert("RGB") does.
func FromImage(img image.Image) *Image {
	b := img.Bounds()
	out := New(b.Dx(), b.Dy())
	for y := range out.Height {
		row := out.Pix[3*y*out.Width:][:3*out.Width]
		switch m := img.(type) {
		case *Image:
			copy(row, m.Pix[3*y*m.Width:])
		case *image.NRGBA:
			dropFourth(row, m.Pix[y*m.Stride:])
		case *image.RGBA:
			unmultiply(row, m.Pix[y*m.Stride:])
		case *image.Gray:
			triple(row, m.Pix[y*m.Stride:])
		case *image.Gray16:
			clip16(row, m.Pix[y*m.Stride:])
		case *image.NRGBA64:
			highBytes(row, m.Pix[y*m.Stride:])
		case *image.Paletted:
			look(row, m.Pix[y*m.Stride:], straightPalette(m.Palette))
		default:
			general(row, img, b.Min.X, b.Min.Y+y)
		}
	}
	return out
}

func dropFourth(row, in []uint8) {
	for len(row) >= 3 {
		row[0], row[1], row[2] = in[0], in[1], in[2]
		row, in = row[3:], in[4:]
	}
}

// unmultiply takes premultiplied colours: of an opaque pixel, or of a TIFF file with associated alpha.
func unmultiply(row, in []uint8) {
	for len(row) >= 3 {
		a := int(in[3])
		if a == 255 || a == 0 {
			row[0], row[1], row[2] = in[0], in[1], in[2]
		} else {
			for c := range 3 {
				row[c] = uint8(min(int(in[c])*255/a, 255))
			}
		}
		row, in = row[3:], in[4:]
	}
}

func triple(row, in []uint8) {
	for len(row) >= 3 {
		row[0], row[1], row[2] = in[0], in[0], in[0]
		row, in = row[3:], in[1:]
	}
}

// clip16 limits 16-bit grey to 255 instead of scaling it: so does Pillow.
func clip16(row, in []uint8) {
	for len(row) >= 3 {
		v := in[1]
		if in[0] != 0 {
			v = 255
		}
		row[0], row[1], row[2] = v, v, v
		row, in = row[3:], in[2:]
	}
}

func highBytes(row, in []uint8) {
	for len(row) >= 3 {
		row[0], row[1], row[2] = in[0], in[2], in[4]
		row, in = row[3:], in[8:]
	}
}

func look(row, in []uint8, palette *[256][3]uint8) {
	for len(row) >= 3 {
		copy(row, palette[in[0]][:])
		row, in = row[3:], in[1:]
	}
}

// straightPalette returns a palette's colours without alpha; indices beyond it are black.
func straightPalette(p color.Palette) *[256][3]uint8 {
	var out [256][3]uint8
	for i, c := range p[:min(len(p), 256)] {
		out[i] = straight(c)
	}
	return &out
}

// straight returns a colour's values before alpha was multiplied in.
func straight(c color.Color) [3]uint8 {
	n, ok := c.(color.NRGBA)
	if !ok {
		n = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return [3]uint8{n.R, n.G, n.B}
}

// general serves the types that files rarely give.
func general(row []uint8, img image.Image, x, y int) {
	for len(row) >= 3 {
		c := straight(img.At(x, y))
		copy(row, c[:])
		row = row[3:]
		x++
	}
}
