package resample

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"visus/stimulus/raster"
)

// formula is a picture of any size; the checksums in testdata are of what Pillow 12 makes of it.
func formula(width, height int) *raster.Image {
	m := raster.New(width, height)
	for i := range m.Pix {
		x, y, c := i/3%width, i/3/width, i%3
		m.Pix[i] = uint8(x*7*(c+1) + y*5 + (x*x+y*y*3)/(9-2*c))
	}
	return m
}

func TestResizeAsPillow(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "pillow.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Resizes []struct {
			Width, Height int
			ToWidth       int `json:"to_width"`
			ToHeight      int `json:"to_height"`
			Filter        string
			CRC32         uint32
		}
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Resizes) == 0 {
		t.Fatal("testdata/pillow.json holds no cases")
	}
	var r Resizer
	for _, c := range index.Resizes {
		f, err := ParseFilter(c.Filter)
		if err != nil {
			t.Fatal(err)
		}
		got := raster.New(c.ToWidth, c.ToHeight)
		r.Into(got, formula(c.Width, c.Height), f)
		if crc32.ChecksumIEEE(got.Pix) != c.CRC32 {
			t.Errorf("%v from %d×%d to %d×%d: other pixels than Pillow's", f, c.Width, c.Height, c.ToWidth, c.ToHeight)
		}
	}
}

// TestConstantStaysConstant: weights sum to one at every position, at the edges too.
func TestConstantStaysConstant(t *testing.T) {
	side := rapid.IntRange(1, 40)
	rapid.Check(t, func(t *rapid.T) {
		src := raster.New(side.Draw(t, "width"), side.Draw(t, "height"))
		v := rapid.Byte().Draw(t, "value")
		for i := range src.Pix {
			src.Pix[i] = v
		}
		f := Filter(rapid.IntRange(0, len(filterNames)-1).Draw(t, "filter"))
		for i, got := range Resize(src, side.Draw(t, "to width"), side.Draw(t, "to height"), f).Pix {
			if got != v {
				t.Fatalf("%v: value %d of the result is %d, want %d", f, i, got, v)
			}
		}
	})
}

// TestMirror: left and right may be exchanged, except with nearest and box, which break ties to one side.
func TestMirror(t *testing.T) {
	side := rapid.IntRange(1, 30)
	rapid.Check(t, func(t *rapid.T) {
		src := formula(side.Draw(t, "width"), side.Draw(t, "height"))
		width, height := side.Draw(t, "to width"), side.Draw(t, "to height")
		f := rapid.SampledFrom([]Filter{Bilinear, Hamming, Bicubic, Lanczos}).Draw(t, "filter")
		a, b := mirror(Resize(src, width, height, f)), Resize(mirror(src), width, height, f)
		for i, v := range a.Pix {
			if d := int(v) - int(b.Pix[i]); d < -1 || d > 1 { // weights round the other way round
				t.Fatalf("%v: value %d is %d, mirrored %d", f, i, v, b.Pix[i])
			}
		}
	})
}

func mirror(m *raster.Image) *raster.Image {
	out := raster.New(m.Width, m.Height)
	for y := range m.Height {
		for x := range m.Width {
			copy(out.Pix[3*(y*m.Width+x):][:3], m.Pix[3*(y*m.Width+m.Width-1-x):])
		}
	}
	return out
}

func TestShortSide(t *testing.T) {
	for _, c := range []struct{ width, height, size, wantWidth, wantHeight int }{
		{500, 375, 256, 341, 256}, // int(256·500/375) = int(341.33)
		{375, 500, 256, 256, 341},
		{300, 300, 224, 224, 224},
		{1, 1000, 8, 8, 8000},
	} {
		got := ShortSide(raster.New(c.width, c.height), c.size, Nearest)
		if got.Width != c.wantWidth || got.Height != c.wantHeight {
			t.Errorf("%d×%d to %d: %d×%d, want %d×%d", c.width, c.height, c.size, got.Width, got.Height, c.wantWidth, c.wantHeight)
		}
	}
}

// TestCenterCrop: torchvision's int(round((have-want)/2)) in Python, which rounds half to even, and its padding with black.
func TestCenterCrop(t *testing.T) {
	for _, c := range []struct{ have, want, from int }{{341, 224, 58}, {256, 224, 16}, {7, 4, 2}, {9, 4, 2}, {11, 4, 4}, {4, 4, 0}} {
		src := formula(c.have, c.have)
		want, err := src.Crop(c.from, c.from, c.want, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := CenterCrop(src, c.want, c.want); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%d of %d does not start at %d", c.want, c.have, c.from)
		}
	}
	src := formula(3, 9)
	got := CenterCrop(src, 6, 4)
	for y := range 4 {
		for x := range 6 {
			want := [3]uint8{}
			if x >= 1 && x < 4 {
				p := src.RGBAAt(x-1, y+2)
				want = [3]uint8{p.R, p.G, p.B}
			}
			if p := got.RGBAAt(x, y); [3]uint8{p.R, p.G, p.B} != want {
				t.Errorf("padded pixel (%d, %d) is %v, want %v", x, y, p, want)
			}
		}
	}
}

func TestFilterNames(t *testing.T) {
	for f := range Filter(len(filterNames)) {
		if got, err := ParseFilter(f.String()); err != nil || got != f {
			t.Errorf("%v parses as %v, %v", f, got, err)
		}
	}
	if _, err := ParseFilter("cubic"); err == nil || err.Error() != `resample: no filter is called "cubic"; there are [nearest box bilinear hamming bicubic lanczos]` {
		t.Errorf("error %v", err)
	}
}

func BenchmarkResize(b *testing.B) {
	src := formula(500, 375)
	dst := raster.New(341, 256)
	for _, f := range []Filter{Bilinear, Bicubic, Lanczos} {
		b.Run(f.String()+"/500x375-341x256", func(b *testing.B) {
			var r Resizer
			b.ReportAllocs()
			for b.Loop() {
				r.Into(dst, src, f)
			}
		})
	}
}
