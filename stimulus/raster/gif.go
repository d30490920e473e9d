package raster

import (
	"bytes"
	"image"
	"image/gif"
	"slices"
)

// decodeGIF returns the first frame on its canvas. As in Pillow, what the frame leaves free has the transparent colour, or colour 0, and
// transparent pixels keep the colour of their palette.
func decodeGIF(data []byte) (*Image, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	data, transparent := withoutTransparency(data)
	frame, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if frame.Bounds() == image.Rect(0, 0, config.Width, config.Height) {
		return FromImage(frame), nil
	}
	canvas := New(config.Width, config.Height)
	if p, ok := frame.(*image.Paletted); ok {
		fill := straightPalette(p.Palette)[transparent]
		for i := range canvas.Pix {
			canvas.Pix[i] = fill[i%3]
		}
	}
	picture, at := FromImage(frame), frame.Bounds().Min
	for y := range picture.Height {
		copy(canvas.Pix[3*((at.Y+y)*canvas.Width+at.X):], picture.Pix[3*y*picture.Width:][:3*picture.Width])
	}
	return canvas, nil
}

// withoutTransparency returns a GIF whose first frame has no transparent colour, and the index that was it. Go's decoder would make that
// colour black.
func withoutTransparency(data []byte) ([]byte, uint8) {
	at := 13
	if len(data) > at && data[10]&0x80 != 0 {
		at += 3 << (data[10]&7 + 1) // the global colour table
	}
	for at+7 < len(data) && data[at] == 0x21 { // extensions before the first frame
		if data[at+1] == 0xf9 && data[at+2] == 4 && data[at+3]&1 != 0 {
			opaque := slices.Clone(data)
			opaque[at+3] &^= 1
			return opaque, data[at+6]
		}
		at += 2
		for at < len(data) && data[at] != 0 {
			at += 1 + int(data[at])
		}
		at++
	}
	return data, 0
}
