package raster_test

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

type stranger struct {
	File, Format, Mode string
	OK                 bool
	Width, Height      int
	Pillow             string
}

// TestGoldenStrangers compares with Pillow: lossless formats and JPEG exactly (its transforms are libjpeg's), lossy WebP 1 grey level on the mean.
func TestGoldenStrangers(t *testing.T) {
	dir := golden.Dir(t, "strangers/images")
	index := golden.JSON[struct{ Files []stranger }](t, filepath.Join(dir, "index.json"))
	expected := golden.Arrays(t, filepath.Join(dir, "expected.npz"))
	good, bad := 0, 0
	for i, s := range index.Files {
		path := filepath.Join(dir, s.File)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := raster.ReadFile(path, raster.Options{})
		runtime.ReadMemStats(&after)
		if !s.OK {
			bad++
			if err == nil || !strings.Contains(err.Error(), s.File) {
				t.Errorf("%s: error %v, want one that names the file (Pillow: %s)", s.File, err, s.Pillow)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 4<<20 {
				t.Errorf("%s: %d bytes allocated before the error", s.File, taken)
			}
			t.Logf("%v", err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", s.File, err)
			continue
		}
		good++
		want := expected[fmt.Sprintf("rgb/%d", i)]
		if shape := want.Shape(); got.Width != shape[1] || got.Height != shape[0] {
			t.Errorf("%s: %d×%d pixels, want %v", s.File, got.Width, got.Height, shape)
			continue
		}
		compare(t, s, got.Pix, tensor.Values[uint8](want))
	}
	if good == 0 || bad == 0 {
		t.Fatalf("found %d good files and %d bad ones", good, bad)
	}
	t.Logf("compared %d cases: %d images, %d files that are none", good+bad, good, bad)
}

func compare(t *testing.T, s stranger, got, want []uint8) {
	t.Helper()
	wrong, worst, sum := 0, 0, 0
	for i, v := range got {
		if d := max(int(v)-int(want[i]), int(want[i])-int(v)); d > 0 {
			wrong++
			sum += d
			worst = max(worst, d)
		}
	}
	if s.Format == "WEBP" && wrong > 0 {
		if mean := float64(sum) / float64(len(got)); mean > 1 || math.IsNaN(mean) {
			t.Errorf("%s: mean difference %.3f", s.File, mean)
		}
		return
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d values differ, by up to %d", s.File, wrong, len(got), worst)
	}
}

// TestGoldenMosaic decodes CIFAR images stored as JPEG and compares with their tiles in a lossless mosaic of 40 columns:
// tile i shows file 200 + i/10 of class i%10, classes in alphabetical order (README of the data).
func TestGoldenMosaic(t *testing.T) {
	dir := golden.Dir(t, "corruptions/cifar")
	mosaic, err := raster.ReadFile(filepath.Join(dir, "jpeg1000.png"), raster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	classes, err := filepath.Glob(filepath.Join(dir, "jpeg_folder", "*"))
	if err != nil || len(classes) == 0 {
		t.Fatalf("no classes: %v", err)
	}
	n := 0
	for class, folder := range classes {
		files, _ := filepath.Glob(filepath.Join(folder, "*.jpg"))
		for _, file := range files {
			var number int
			if _, err := fmt.Sscanf(filepath.Base(file), "%d.jpg", &number); err != nil {
				t.Fatal(err)
			}
			got, err := raster.ReadFile(file, raster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			i := (number-200)*len(classes) + class
			want, err := mosaic.Crop(32*(i%40), 32*(i/40), 32, 32)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, stranger{File: file, Format: "JPEG"}, got.Pix, want.Pix)
			n++
		}
	}
	if n == 0 {
		t.Fatal("no case found")
	}
	t.Logf("compared %d cases", n)
}
