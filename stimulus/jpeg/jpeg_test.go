package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// picture draws an image: smooth, noisy or of few colours.
func picture(t *rapid.T, most int) (pix []uint8, width, height int) {
	width, height = rapid.IntRange(1, most).Draw(t, "width"), rapid.IntRange(1, most).Draw(t, "height")
	pix = make([]uint8, 3*width*height)
	noise := rapid.IntRange(1, 256).Draw(t, "noise")
	state := rapid.Uint32().Draw(t, "seed")
	for i := range pix {
		state = state*1664525 + 1013904223
		pix[i] = uint8(i/3%width*5 + i/3/width*3 + int(state>>16)%noise)
	}
	return pix, width, height
}

// TestEncodeThenDecode: a file holds exactly what RoundTrip computes, so the corruption in memory is the corruption on disk.
func TestEncodeThenDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pix, width, height := picture(t, 50)
		quality := rapid.IntRange(1, 100).Draw(t, "quality")
		want := make([]uint8, len(pix))
		RoundTrip(want, pix, width, height, quality, nil)
		var file bytes.Buffer
		if err := Encode(&file, pix, width, height, quality); err != nil {
			t.Fatal(err)
		}
		got, w, h, err := Decode(append(file.Bytes(), "after the end"...))
		if err != nil {
			t.Fatal(err)
		}
		if w != width || h != height || !bytes.Equal(got, want) {
			t.Fatalf("a file of %d×%d pixels at quality %d decodes to other pixels than RoundTrip's", width, height, quality)
		}
		if _, _, _, err := Decode(file.Bytes()[:file.Len()-3]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("file without its last bytes: error %v", err)
		}
	})
}

// TestInPlace: dst may be src, and a scratch that served another image changes nothing.
func TestInPlace(t *testing.T) {
	var s Scratch
	rapid.Check(t, func(t *rapid.T) {
		pix, width, height := picture(t, 40)
		want := make([]uint8, len(pix))
		RoundTrip(want, pix, width, height, 30, nil)
		RoundTrip(pix, pix, width, height, 30, &s)
		if !bytes.Equal(pix, want) {
			t.Fatal("in place and with a used scratch the result differs")
		}
	})
}

// TestFlatStaysFlat: a grey image survives every quality within the error of its one coefficient, half a step of 16·50/q over 8.
func TestFlatStaysFlat(t *testing.T) {
	const width, height = 19, 11
	for _, quality := range []int{1, 10, 50, 95, 100} {
		step := float64(newQuantiser(0, quality).step[0])
		for v := range 256 {
			pix := bytes.Repeat([]byte{uint8(v)}, 3*width*height)
			RoundTrip(pix, pix, width, height, quality, nil)
			for _, got := range pix {
				if got != pix[0] || math.Abs(float64(got)-float64(v)) > step/16+1 {
					t.Fatalf("quality %d: %d became %d", quality, v, got)
				}
			}
		}
	}
}

// TestTransformsInvert checks the transforms against one another: with steps of 1 samples come back within 1.
func TestTransformsInvert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "samples")
		got := slices.Clone(samples)
		q := newQuantiser(0, 100)
		recodePlain(got, 8, 8, 8, &q)
		for i, v := range got {
			if d := int(v) - int(samples[i]); d < -1 || d > 1 {
				t.Fatalf("sample %d: %d became %d", i, samples[i], v)
			}
		}
	})
}

// TestWideFormsAreExact compares the vector forms, where they are compiled in, with the plain ones.
func TestWideFormsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pix, width, height := picture(t, 70)
		var a, b Scratch
		a.setQuality(rapid.IntRange(1, 100).Draw(t, "quality"))
		wide, plain := a.planes(width, height), b.planes(width, height)
		wide.fromRGB(pix)
		half := plain.stride / 2
		for y := 0; y < height; y += 2 {
			below := min(y+1, height-1)
			convertRowsFrom(0, pix[3*y*width:][:3*width], pix[3*below*width:][:3*width],
				plain.y[y*plain.stride:][:plain.stride], plain.y[(y+1)*plain.stride:][:plain.stride], plain.cb[y/2*half:][:half], plain.cr[y/2*half:][:half])
		}
		rows := height + height&1
		equal(t, "luma", wide.y[:rows*wide.stride], plain.y[:rows*wide.stride])
		equal(t, "chroma", wide.cb[:rows/2*half], plain.cb[:rows/2*half])

		plain.y = slices.Clone(wide.y)
		recode(wide.y, wide.stride, wide.stride, wide.rows, &a.tables[0])
		recodePlain(plain.y, wide.stride, wide.stride, wide.rows, &a.tables[0])
		equal(t, "recoded", wide.y, plain.y)

		near, far := wide.y[:wide.stride], wide.y[wide.stride:][:wide.stride]
		got, want := make([]uint8, 2*len(near)), make([]uint8, 2*len(near))
		widenBetween(got, near, far)
		widenBetweenFrom(0, want, near, far)
		equal(t, "widened", got, want)

		got, want = make([]uint8, 3*len(near)), make([]uint8, 3*len(near))
		toRGB(got, near, far, wide.y[2*wide.stride:])
		toRGBFrom(0, want, near, far, wide.y[2*wide.stride:])
		equal(t, "RGB", got, want)
	})
}

func equal(t *rapid.T, what string, got, want []uint8) {
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: the vector form differs", what)
	}
}

// TestReciprocals: the fast quotient is the quotient, for every step and every value that a transform can give.
func TestReciprocals(t *testing.T) {
	for step := int32(1); step <= 255; step++ {
		q := quantiser{}
		q.step[0], q.reciprocal[0] = step, (1<<20+step-1)/step
		for f := int32(-11000); f <= 11000; f++ {
			magnitude := (max(f, -f) + 4*step) / (8 * step)
			want := magnitude
			if f < 0 {
				want = -magnitude
			}
			if got := q.quantise(0, f); got != want {
				t.Fatalf("%d in steps of %d is %d, want %d", f, step, got, want)
			}
		}
	}
}

// TestUpsampling: the triangle's weights by hand, at edges and within, and what libjpeg does for narrow planes and other ratios.
func TestUpsampling(t *testing.T) {
	pix := []uint8{0, 100, 200, 40, 80, 160}
	for name, c := range map[string]struct {
		p    plane
		y    int
		want []uint8
	}{
		"1:1":             {plane{pix: pix, stride: 3, width: 3, height: 2, h: 1, v: 1}, 1, []uint8{40, 80, 160}},
		"2:1 across":      {plane{pix: pix, stride: 3, width: 3, height: 2, h: 2, v: 1}, 0, []uint8{0, 25, 75, 125, 175, 200}},
		"2:1 down, above": {plane{pix: pix, stride: 3, width: 3, height: 2, h: 1, v: 2}, 2, []uint8{30, 85, 170}},
		"2:1 down, below": {plane{pix: pix, stride: 3, width: 3, height: 2, h: 1, v: 2}, 1, []uint8{10, 95, 190}},
		"2:1 both, edge":  {plane{pix: pix, stride: 3, width: 3, height: 2, h: 2, v: 2}, 0, []uint8{0, 25, 75, 125, 175, 200}},
		"2:1 both":        {plane{pix: pix, stride: 3, width: 3, height: 2, h: 2, v: 2}, 1, []uint8{10, 31, 74, 119, 166, 190}},
		"narrow":          {plane{pix: pix, stride: 3, width: 2, height: 2, h: 2, v: 2}, 1, []uint8{0, 0, 100, 100}},
		"4:1 across":      {plane{pix: pix, stride: 3, width: 2, height: 2, h: 4, v: 1}, 1, []uint8{40, 40, 40, 40, 80, 80, 80, 80}},
	} {
		if got := c.p.row(c.y, make([]uint8, c.p.width*c.p.h)); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	var file bytes.Buffer
	if err := Encode(&file, make([]uint8, 3*16*16), 16, 16, 75); err != nil {
		t.Fatal(err)
	}
	good := file.Bytes()
	change := func(at int, to ...uint8) []byte {
		b := bytes.Clone(good)
		copy(b[at:], to)
		return b
	}
	frame, scan := bytes.Index(good, []byte{0xff, 0xc0}), bytes.Index(good, []byte{0xff, 0xda})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no JPEG":    {[]byte("text"), "jpeg: no JPEG: the file does not start with FF D8"},
		"no image":   {[]byte{0xff, 0xd8, 0xff, 0xd9}, "jpeg: the file holds no image"},
		"lossless":   {change(frame, 0xff, 0xc3), "jpeg: frames of type 3 (lossless, hierarchical or arithmetic coding) are not supported"},
		"12 bits":    {change(frame+4, 12), "jpeg: samples of 12 bits; only 8 are supported"},
		"no height":  {change(frame+5, 0, 0), "jpeg: an image of 16×0 pixels"},
		"huge":       {change(frame+5, 0xff, 0xff, 0xff, 0xff), "jpeg: the header claims 65535×65535 pixels, more than"},
		"no scan":    {append(bytes.Clone(good[:frame+19]), 0xff, 0xd9), "jpeg: a component of the image has no data"},
		"bad tables": {change(frame+19+4, 0x77), "jpeg: a malformed Huffman table"},
		"many scans": {append(bytes.Clone(good[:len(good)-2]), bytes.Repeat(good[scan:len(good)-2], mostScans)...), "jpeg: more than 500 scans"},
		"truncated":  {good[:frame+10], "jpeg: the file is truncated"},
	} {
		if _, _, _, err := Decode(c.data); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if err := Encode(&file, nil, 70000, 1, 75); err == nil {
		t.Error("an image wider than the format allows was written")
	}
}

func FuzzDecode(f *testing.F) {
	for _, side := range []int{1, 17} {
		var file bytes.Buffer
		if err := Encode(&file, make([]uint8, 3*side*side), side, side, 75); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	for _, c := range readPillow(f).Files {
		data, err := os.ReadFile(filepath.Join("testdata", c.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pix, width, height, err := Decode(data)
		if err == nil && (len(pix) != 3*width*height || width < 1 || height < 1) {
			t.Fatalf("%d×%d pixels in %d bytes", width, height, len(pix))
		}
	})
}

func BenchmarkDecode256(b *testing.B) {
	const side = 256
	pix := make([]uint8, 3*side*side)
	state := uint32(1)
	for i := range pix {
		state = state*1664525 + 1013904223
		x, y := i/3%side, i/3/side
		pix[i] = uint8(128 + int(90*math.Sin(float64(x*x+y*3)/900+float64(i%3))) + int(state>>28))
	}
	for _, quality := range []int{75, 90} {
		var file bytes.Buffer
		if err := Encode(&file, pix, side, side, quality); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("quality=%d", quality), func(b *testing.B) {
			b.SetBytes(int64(file.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := Decode(file.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
