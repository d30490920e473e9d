package jpeg_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/jpeg"
	"visus/tensor"
)

// qualities returns the parameters of jpeg_compression by severity in the named set.
func qualities(t testing.TB, set string) []int {
	t.Helper()
	sets := golden.JSON[map[string]any](t, filepath.Join(golden.Dir(t, "corruptions/tables"), "parameters.json"))
	values, ok := sets[set].(map[string]any)
	if !ok {
		t.Fatalf("parameters.json has no set %s", set)
	}
	var out []int
	for _, v := range values["jpeg_compression"].([]any) {
		out = append(out, int(v.(float64)))
	}
	return out
}

// readPNG returns the RGB pixels of a PNG file.
func readPNG(t testing.TB, path string) (pix []uint8, width, height int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rgb(img)
}

func rgb(img image.Image) (pix []uint8, width, height int) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			pix = append(pix, uint8(r>>8), uint8(g>>8), uint8(bl>>8))
		}
	}
	return pix, b.Dx(), b.Dy()
}

func TestGoldenRoundTrip224(t *testing.T) {
	dir := golden.Dir(t, "corruptions/golden")
	q := qualities(t, "imagenet224")
	files := golden.Files(t, "corruptions/golden", "imagenet224_*/jpeg_compression_*.png")
	var s jpeg.Scratch
	for _, file := range files {
		var severity int
		if _, err := fmt.Sscanf(filepath.Base(file), "jpeg_compression_%d.png", &severity); err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file))[len("imagenet224_"):]
		src, width, height := readPNG(t, filepath.Join(dir, "source_"+name+"_224.png"))
		want, _, _ := readPNG(t, file)
		got := make([]uint8, len(src))
		jpeg.RoundTrip(got, src, width, height, q[severity-1], &s)
		same(t, file, got, want)
	}
	t.Logf("compared %d cases", len(files))
}

func TestGoldenRoundTripSmall(t *testing.T) {
	dir := golden.Dir(t, "corruptions/golden")
	n := 0
	cifar := golden.Arrays(t, filepath.Join(dir, "cifar32.npz"))
	q := qualities(t, "cifar32")
	for name, want := range cifar {
		var severity, image int
		if _, err := fmt.Sscanf(name, "jpeg_compression/%d/%d", &severity, &image); err != nil {
			continue
		}
		src := tensor.Values[uint8](cifar[fmt.Sprintf("input/%d", image)])
		got := make([]uint8, len(src))
		jpeg.RoundTrip(got, src, 32, 32, q[severity-1], nil)
		same(t, name, got, tensor.Values[uint8](want))
		n++
	}
	src, width, height := readPNG(t, filepath.Join(dir, "source_A_64.png"))
	q = qualities(t, "tiny64")
	for name, want := range golden.Arrays(t, filepath.Join(dir, "tiny64.npz")) {
		var severity int
		if _, err := fmt.Sscanf(name, "jpeg_compression/%d", &severity); err != nil {
			continue
		}
		got := make([]uint8, len(src))
		jpeg.RoundTrip(got, src, width, height, q[severity-1], nil)
		same(t, name, got, tensor.Values[uint8](want))
		n++
	}
	if n == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d cases", n)
}

func same(t *testing.T, name string, got, want []uint8) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	wrong, worst := 0, 0
	for i, v := range got {
		if d := max(int(v)-int(want[i]), int(want[i])-int(v)); d > 0 {
			wrong++
			worst = max(worst, d)
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d values differ, by up to %d", name, wrong, len(got), worst)
	}
}

func BenchmarkRoundTrip224(b *testing.B) {
	const side = 224
	src := synthetic(side, side)
	dst := make([]uint8, len(src))
	for _, quality := range []int{25, 10, 85} {
		b.Run(fmt.Sprintf("quality=%d", quality), func(b *testing.B) {
			var s jpeg.Scratch
			b.ReportAllocs()
			for b.Loop() {
				jpeg.RoundTrip(dst, src, side, side, quality, &s)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// synthetic returns a picture with gradients, edges and fine noise.
func synthetic(width, height int) []uint8 {
	pix := make([]uint8, 0, 3*width*height)
	state := uint32(1)
	for y := range height {
		for x := range width {
			state = state*1664525 + 1013904223
			noise := int(state>>28) - 8
			base := 40 + (x*3+y*2)/8%150
			if (x/13+y/17)%3 == 0 {
				base = 200 - base/2
			}
			for c := range 3 {
				pix = append(pix, uint8(min(max(base+noise+c*(x%40), 0), 255)))
			}
		}
	}
	return pix
}
