package raster

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pattern returns an image whose pixels all differ from their neighbours.
func pattern(width, height int) *Image {
	m := New(width, height)
	for i := range m.Pix {
		m.Pix[i] = uint8(i*37 + i/7)
	}
	return m
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPNGRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := New(rapid.IntRange(1, 20).Draw(rt, "width"), rapid.IntRange(1, 20).Draw(rt, "height"))
		copy(m.Pix, rapid.SliceOfN(rapid.Byte(), len(m.Pix), len(m.Pix)).Draw(rt, "pixels"))
		got, err := Decode(append(encodePNG(t, m), "bytes after the end"...))
		if err != nil {
			rt.Fatal(err)
		}
		if got.Width != m.Width || got.Height != m.Height || !bytes.Equal(got.Pix, m.Pix) {
			rt.Fatal("a PNG file changed the pixels")
		}
	})
}

func TestFilesAreWholeAndReadable(t *testing.T) {
	m := pattern(33, 21)
	dir := t.TempDir()
	if err := m.WritePNG(filepath.Join(dir, "a.png")); err != nil {
		t.Fatal(err)
	}
	if err := m.WriteJPEG(filepath.Join(dir, "a.jpg"), 90); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.png", "a.jpg"} {
		got, err := ReadFile(filepath.Join(dir, name), Options{})
		if err != nil || got.Width != m.Width || got.Height != m.Height {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if err := m.WritePNG(filepath.Join(dir, "absent", "a.png")); err == nil || !strings.HasPrefix(err.Error(), "raster: ") {
		t.Errorf("error %v for an absent folder", err)
	}
}

// TestAlphaIsDropped covers the types that decoders give: colours stay as they are below alpha.
func TestAlphaIsDropped(t *testing.T) {
	want := [3]uint8{200, 100, 50}
	straight := color.NRGBA{want[0], want[1], want[2], 10}
	at := image.Rect(0, 0, 1, 1)
	nrgba, nrgba64, paletted := image.NewNRGBA(at), image.NewNRGBA64(at), image.NewPaletted(at, color.Palette{straight})
	nrgba.SetNRGBA(0, 0, straight)
	nrgba64.SetNRGBA64(0, 0, color.NRGBA64{200<<8 | 7, 100<<8 | 200, 50 << 8, 9})
	for _, img := range []image.Image{nrgba, nrgba64, paletted} {
		if got := FromImage(img).Pix; [3]uint8(got) != want {
			t.Errorf("%T: %v, want %v", img, got, want)
		}
	}
}

// TestGrey16IsClipped: Pillow 13's convert("RGB") of mode "I;16".
func TestGrey16IsClipped(t *testing.T) {
	img := image.NewGray16(image.Rect(0, 0, 4, 1))
	for x, v := range []uint16{0, 200, 255, 256} {
		img.SetGray16(x, 0, color.Gray16{v})
	}
	got, err := Decode(encodePNG(t, img))
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range []uint8{0, 200, 255, 255} {
		if got.Pix[3*x] != want {
			t.Errorf("pixel %d is %d, want %d", x, got.Pix[3*x], want)
		}
	}
}

// TestGIF: the first frame on a larger canvas, around it the transparent colour, whose own value stays.
func TestGIF(t *testing.T) {
	frame := image.NewPaletted(image.Rect(2, 1, 4, 3), color.Palette{color.RGBA{9, 8, 7, 255}, color.RGBA{}, color.RGBA{1, 2, 3, 255}, color.RGBA{255, 0, 0, 255}})
	frame.Pix = []uint8{0, 2, 3, 1}
	var b bytes.Buffer
	err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}, Config: image.Config{Width: 5, Height: 4}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Width != 5 || got.Height != 4 {
		t.Fatalf("%d×%d, want the canvas of 5×4", got.Width, got.Height)
	}
	if p := got.RGBAAt(3, 1); p != (color.RGBA{1, 2, 3, 255}) {
		t.Errorf("frame pixel %v", p)
	}
	if a, b := got.RGBAAt(0, 0), got.RGBAAt(3, 2); a != b {
		t.Errorf("outside the frame %v, transparent pixel %v; want the same", a, b)
	}
}

func TestBadFiles(t *testing.T) {
	good := encodePNG(t, pattern(40, 30))
	bomb := bytes.Clone(good)
	binary.BigEndian.PutUint32(bomb[16:], 12000)
	binary.BigEndian.PutUint32(bomb[20:], 12000)
	binary.BigEndian.PutUint32(bomb[29:], crc(bomb[12:29]))
	huge := bytes.Clone(good)
	binary.BigEndian.PutUint32(huge[16:], 60000)
	binary.BigEndian.PutUint32(huge[20:], 60000)
	binary.BigEndian.PutUint32(huge[29:], crc(huge[12:29]))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "raster: the file is empty"},
		"text":      {[]byte("no picture at all\n"), "raster: no image: expected PNG, JPEG, WebP, BMP, GIF or TIFF, found text"},
		"svg":       {[]byte("<svg xmlns='x'/>"), "raster: SVG files cannot be read; convert it to PNG, JPEG, WebP, BMP, GIF or TIFF"},
		"heic":      {[]byte("\x00\x00\x00\x18ftypheic"), "raster: HEIC files cannot be read; convert it to PNG, JPEG, WebP, BMP, GIF or TIFF"},
		"truncated": {good[:len(good)/2], "raster: PNG: "},
		"header":    {good[:20], "raster: PNG: the file is truncated"},
		"bomb":      {bomb, "raster: PNG: the header claims 12000×12000 pixels, more than "},
		"huge":      {huge, "raster: PNG: 60000×60000 pixels are more than the limit of 178956970"},
		"jpeg":      {[]byte("\xff\xd8\xff"), "raster: JPEG: the file is truncated"},
	} {
		img, err := Decode(c.data)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, error %v; want %q", name, img, err, c.want)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "absent.png"), Options{}); !os.IsNotExist(unwrap(err)) {
		t.Errorf("absent file: %v", err)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

// crc is PNG's checksum (ISO 3309).
func crc(data []byte) uint32 {
	c := ^uint32(0)
	for _, b := range data {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0xedb88320&-(c&1)
		}
	}
	return ^c
}

// TestUpright: every orientation, stored as its definition says, gives the same upright picture.
func TestUpright(t *testing.T) {
	m := &Image{Width: 3, Height: 2, Pix: pattern(3, 2).Pix}
	at := func(p *Image, x, y int) color.RGBA { return p.RGBAAt(x, y) }
	// Where the upright pixel (x, y) of a 3×2 picture lies in the stored one (EXIF 2.32, section 4.6.4, tag 274).
	stored := map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return 2 - x, y },
		3: func(x, y int) (int, int) { return 2 - x, 1 - y },
		4: func(x, y int) (int, int) { return x, 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, 2 - x },
		7: func(x, y int) (int, int) { return 1 - y, 2 - x },
		8: func(x, y int) (int, int) { return 1 - y, x },
	}
	for o, place := range stored {
		p := New(3, 2)
		if o >= 5 {
			p = New(2, 3)
		}
		for y := range 2 {
			for x := range 3 {
				sx, sy := place(x, y)
				c := at(m, x, y)
				copy(p.Pix[3*(sy*p.Width+sx):], []uint8{c.R, c.G, c.B})
			}
		}
		if got := p.upright(o); got.Width != 3 || !bytes.Equal(got.Pix, m.Pix) {
			t.Errorf("orientation %d is not undone", o)
		}
	}
}

func TestOrientationOfFiles(t *testing.T) {
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	segment := append([]byte{0xff, 0xe1, 0, uint8(len(exif) + 2)}, exif...)
	jpegFile := append(append([]byte{0xff, 0xd8}, segment...), 0xff, 0xda)
	if got := orientation(jpegFile); got != 6 {
		t.Errorf("JPEG: orientation %d, want 6", got)
	}
	for n := range jpegFile {
		orientation(jpegFile[:n]) // no length makes it panic
	}
	if got := orientation(encodePNG(t, pattern(2, 2))); got != 1 {
		t.Errorf("PNG without EXIF: orientation %d, want 1", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encodePNG(f, pattern(5, 4)))
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x10JFIF"))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00"))
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPVP8 "))
	f.Add([]byte("BM\x00\x00"))
	files, err := filepath.Glob(filepath.Join("testdata", "*.*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := Decode(data)
		if err == nil && (img.Width <= 0 || img.Height <= 0 || len(img.Pix) != 3*img.Width*img.Height) {
			t.Fatalf("%d×%d pixels in %d bytes", img.Width, img.Height, len(img.Pix))
		}
		orientation(data)
	})
}

func BenchmarkReadPNG256(b *testing.B) {
	data := encodePNG(b, pattern(256, 256))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
