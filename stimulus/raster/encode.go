package raster

import (
	"fmt"
	"image/png"
	"io"

	"visus/internal/atomicfile"
	"visus/stimulus/jpeg"
)

// WritePNG writes the image as a PNG file; the file is whole or absent.
func (m *Image) WritePNG(path string) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, m) })
	if err != nil {
		return fmt.Errorf("raster: %s: %w", path, err)
	}
	return nil
}

// WriteJPEG writes the image as a 4:2:0 JPEG file of the quality 1..100 as libjpeg does; the file is whole or absent.
func (m *Image) WriteJPEG(path string, quality int) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return jpeg.Encode(w, m.Pix, m.Width, m.Height, quality) })
	if err != nil {
		return fmt.Errorf("raster: %s: %w", path, err)
	}
	return nil
}
