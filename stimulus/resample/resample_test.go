package resample

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

func read(t testing.TB, path string) *raster.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	out := raster.New(img.Bounds().Dx(), img.Bounds().Dy())
	for i := range out.Width * out.Height {
		r, g, b, _ := img.At(i%out.Width, i/out.Width).RGBA()
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
	}
	return out
}

func fromTensor(x *tensor.Tensor) *raster.Image {
	shape := x.Shape()
	return &raster.Image{Width: shape[1], Height: shape[0], Pix: tensor.Values[uint8](x)}
}

// pixelate reduces and enlarges by box.
func pixelate(src *raster.Image, share float64) *raster.Image {
	small := Resize(src, int(float64(src.Width)*share), int(float64(src.Height)*share), Box)
	return Resize(small, src.Width, src.Height, Box)
}

func TestGoldenBilinear(t *testing.T) {
	arrays := golden.Arrays(t, filepath.Join(golden.Dir(t, "comparison/recognition_gap"), "resize_golden.npz"))
	n := 0
	for name, in := range arrays {
		id, ok := strings.CutSuffix(name, "_input_after_truncation")
		if !ok {
			continue
		}
		want := fromTensor(arrays[id+"_output_uint8"])
		same(t, id, Resize(fromTensor(in), want.Width, want.Height, Bilinear), want)
		n++
	}
	if n == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d cases", n)
}

// shares returns the parameters of pixelate by severity in the named set.
func shares(t testing.TB, set string) []float64 {
	t.Helper()
	sets := golden.JSON[map[string]any](t, filepath.Join(golden.Dir(t, "corruptions/tables"), "parameters.json"))
	values, ok := sets[set].(map[string]any)
	if !ok {
		t.Fatalf("parameters.json has no set %s", set)
	}
	var out []float64
	for _, v := range values["pixelate"].([]any) {
		out = append(out, v.(float64))
	}
	return out
}

func TestGoldenPixelate224(t *testing.T) {
	dir := golden.Dir(t, "corruptions/golden")
	c := shares(t, "imagenet224")
	files := golden.Files(t, "corruptions/golden", "imagenet224_*/pixelate_*.png")
	for _, file := range files {
		var severity int
		if _, err := fmt.Sscanf(filepath.Base(file), "pixelate_%d.png", &severity); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "imagenet224_")
		src := read(t, filepath.Join(dir, "source_"+name+"_224.png"))
		same(t, file, pixelate(src, c[severity-1]), read(t, file))
	}
	t.Logf("compared %d cases", len(files))
}

func TestGoldenPixelateSmall(t *testing.T) {
	dir := golden.Dir(t, "corruptions/golden")
	n := 0
	for _, set := range []struct{ name, file, source string }{{"cifar32", "cifar32.npz", ""}, {"tiny64", "tiny64.npz", "source_A_64.png"}} {
		c := shares(t, set.name)
		arrays := golden.Arrays(t, filepath.Join(dir, set.file))
		for name, want := range arrays {
			var severity, image int
			if found, _ := fmt.Sscanf(name, "pixelate/%d/%d", &severity, &image); found == 0 {
				continue
			}
			var src *raster.Image
			if set.source != "" {
				src = read(t, filepath.Join(dir, set.source))
			} else {
				src = fromTensor(arrays[fmt.Sprintf("input/%d", image)])
			}
			same(t, set.name+"/"+name, pixelate(src, c[severity-1]), fromTensor(want))
			n++
		}
	}
	if n == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d cases", n)
}

func same(t *testing.T, name string, got, want *raster.Image) {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height {
		t.Errorf("%s: %d×%d, want %d×%d", name, got.Width, got.Height, want.Width, want.Height)
		return
	}
	wrong := 0
	for i, v := range got.Pix {
		if v != want.Pix[i] {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d values differ", name, wrong, len(got.Pix))
	}
}

func BenchmarkPixelate224(b *testing.B) {
	src, dst := raster.New(224, 224), raster.New(224, 224)
	for i := range src.Pix {
		src.Pix[i] = uint8(i * i >> 3)
	}
	for _, share := range []float64{0.6, 0.5, 0.4, 0.3, 0.25} {
		b.Run(fmt.Sprintf("share=%v", share), func(b *testing.B) {
			side := int(224 * share)
			small := raster.New(side, side)
			var r Resizer
			b.ReportAllocs()
			for b.Loop() {
				r.Into(small, src, Box)
				r.Into(dst, small, Box)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
