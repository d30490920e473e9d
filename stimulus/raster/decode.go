package raster

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"visus/stimulus/jpeg"
)

// mostPixels is the size from which Pillow refuses an image as a decompression bomb.
const mostPixels = 178_956_970

// Options of ReadFile.
type Options struct {
	Orient bool // turn the image upright by its EXIF tag; torchvision's loaders do not
}

// ReadFile decodes an image file. The errors name the file.
func ReadFile(path string, o Options) (*Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("raster: %w", err)
	}
	img, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("raster: %s: %w", path, err)
	}
	if o.Orient {
		img = img.upright(orientation(data))
	}
	return img, nil
}

// Decode returns the pixels that Pillow's convert("RGB") gives for a PNG, JPEG, WebP, BMP, GIF or TIFF file, known by its content:
// alpha is dropped and the colour below it stays, of several frames the first is taken, CMYK is converted by Pillow's rule, 16-bit colour
// keeps its high byte, 16-bit grey is clipped at 255 (Pillow converts "I;16" so), EXIF rotation is ignored except in TIFF. Bytes after the image
// do not matter.
// A file that is damaged, truncated, no image, too large (Pillow's limit of 178,956,970 pixels), or whose header claims more than the file
// can hold, is an error; it is found before memory is taken.
func Decode(data []byte) (*Image, error) {
	img, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("raster: %w", err)
	}
	return img, nil
}

// format is a kind of image file.
type format struct {
	name    string
	size    func(data []byte) (width, height int, err error)
	decode  func(data []byte) (*Image, error)
	densest int // pixels that one byte of a file can stand for at most
}

// A row of deflate data shrinks at most 1032 times (zlib's documentation), LZW's 12-bit codes stand for at most 4096 bytes; a byte holds at most
// 8 pixels. A progressive JPEG spends a bit on 64 pixels. WebP has no such bound; here it is one 16×16 block for each bit and something.
var formats = map[string]format{
	"PNG":  {"PNG", config(png.DecodeConfig), converted(png.Decode), 8 * 1032},
	"JPEG": {"JPEG", jpegSize, decodeJPEG, 512},
	"WebP": {"WebP", config(webp.DecodeConfig), decodeWebP, 1 << 16},
	"BMP":  {"BMP", config(bmp.DecodeConfig), converted(bmp.Decode), 8},
	"GIF":  {"GIF", config(gif.DecodeConfig), decodeGIF, 4096},
	"TIFF": {"TIFF", config(tiff.DecodeConfig), decodeTIFF, 8 * 4096},
}

// decode finds the format, checks the size and decodes. Decoders of other people may panic on damaged files; that becomes an error here.
func decode(data []byte) (img *Image, err error) {
	name, known := sniff(data)
	f, ok := formats[name]
	if !ok {
		return nil, notAnImage(name, known)
	}
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("%s: the file is damaged (%v)", name, r)
		}
	}()
	width, height, err := f.size(data)
	if err != nil {
		return nil, explain(name, err)
	}
	if width <= 0 || height <= 0 {
		return nil, fmt.Errorf("%s: an image of %d×%d pixels", name, width, height)
	}
	if pixels := width * height; width > mostPixels || height > mostPixels || pixels > mostPixels {
		return nil, fmt.Errorf("%s: %d×%d pixels are more than the limit of %d", name, width, height, mostPixels)
	} else if pixels > 1<<20 && pixels/f.densest > len(data) {
		return nil, fmt.Errorf("%s: the header claims %d×%d pixels, more than %d bytes can hold", name, width, height, len(data))
	}
	img, err = f.decode(data)
	if err != nil {
		return nil, explain(name, err)
	}
	return img, nil
}

// explain says in one way what decoders say in several.
func explain(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, jpeg.ErrTruncated) {
		return fmt.Errorf("%s: the file is truncated", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// config adapts a DecodeConfig function.
func config(read func(io.Reader) (image.Config, error)) func([]byte) (int, int, error) {
	return func(data []byte) (int, int, error) {
		c, err := read(bytes.NewReader(data))
		return c.Width, c.Height, err
	}
}

// converted adapts a Decode function.
func converted(read func(io.Reader) (image.Image, error)) func([]byte) (*Image, error) {
	return func(data []byte) (*Image, error) {
		img, err := read(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return FromImage(img), nil
	}
}

func jpegSize(data []byte) (int, int, error) {
	h, err := jpeg.ReadHeader(data)
	return h.Width, h.Height, err
}

func decodeJPEG(data []byte) (*Image, error) {
	pix, width, height, err := jpeg.Decode(data)
	if err != nil {
		return nil, err
	}
	return &Image{Width: width, Height: height, Pix: pix}, nil
}

func decodeWebP(data []byte) (*Image, error) {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return fromWebP(m), nil
	case *image.NYCbCrA:
		return fromWebP(&m.YCbCr), nil
	}
	return FromImage(img), nil
}

// decodeTIFF turns the image upright always: so does Pillow, in this format alone.
func decodeTIFF(data []byte) (*Image, error) {
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return FromImage(img).upright(tiffOrientation(data)), nil
}
