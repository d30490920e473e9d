package corrupt

import (
	"testing"

	"visus/stimulus/filter"
	"visus/stimulus/raster"
)

// flatImage is of one level.
func flatImage(width, height int, level uint8) *raster.Image {
	m := raster.New(width, height)
	for i := range m.Pix {
		m.Pix[i] = level
	}
	return m
}

// TestSmoothKeepsFlatLevels holds the result of every level to what double precision in the reference's order truncates to.
func TestSmoothKeepsFlatLevels(t *testing.T) {
	var w Worker
	gaussian, _ := ByName("gaussian_blur")
	for level := range 256 {
		src := flatImage(20, 12, uint8(level))
		for severity := 1; severity <= Severities; severity++ {
			var dst raster.Image
			w.Parameters = &cifar32
			if err := w.Corrupt(&dst, src, gaussian, severity, nil); err != nil {
				t.Fatal(err)
			}
			sigma := cifar32.GaussianBlur[severity-1]
			g := filter.Gaussian{SigmaX: sigma, SigmaY: sigma}
			var work filter.Workspace
			for _, i := range []int{0, 100, len(src.Pix) - 1} {
				unit := func(int) float64 { return float64(level) / 255 }
				want := uint8(255 * min(work.GaussianAt(unit, filter.Size{Width: 20, Height: 12, Channels: 3}, g, i), 1))
				if dst.Pix[i] != want {
					t.Fatalf("level %d, severity %d: value %d is %d, want %d", level, severity, i, dst.Pix[i], want)
				}
			}
		}
	}
}

// TestFlatImagesStayNearlyFlat: no blur or warp may change an image of one level by more than truncation does, which glass blur does
// twice.
func TestFlatImagesStayNearlyFlat(t *testing.T) {
	for _, set := range []*Parameters{&imagenet224, &cifar32, &anySize} {
		for _, name := range []string{"gaussian_blur", "glass_blur", "motion_blur", "zoom_blur", "elastic_transform"} {
			c, _ := ByName(name)
			w := Worker{Parameters: set}
			for _, level := range []uint8{0, 1, 77, 254, 255} {
				for severity := 1; severity <= Severities; severity++ {
					var dst raster.Image
					if err := w.Corrupt(&dst, flatImage(45, 40, level), c, severity, NewSource(1)); err != nil {
						t.Fatal(err)
					}
					for i, v := range dst.Pix {
						if v != level && v+1 != level && (name != "glass_blur" || v+2 != level) {
							t.Fatalf("%s, %s, severity %d: value %d of a flat %d is %d", name, set.Name, severity, i, level, v)
						}
					}
				}
			}
		}
	}
}

// TestDefocusOfFlatImages: the float32 weights do not sum to 1, and the sum decides every level.
func TestDefocusOfFlatImages(t *testing.T) {
	c, _ := ByName("defocus_blur")
	for _, set := range []*Parameters{&imagenet224, &inception299, &tiny64, &cifar32} {
		w := Worker{Parameters: set}
		for severity := 1; severity <= Severities; severity++ {
			kernel, _ := filter.DiskKernel(set.DefocusBlur[severity-1].Radius, set.DefocusBlur[severity-1].Alias)
			sum := 0.0
			for _, v := range kernel {
				sum += float64(v)
			}
			for level := range 256 {
				var dst raster.Image
				if err := w.Corrupt(&dst, flatImage(10, 9, uint8(level)), c, severity, nil); err != nil {
					t.Fatal(err)
				}
				if want := uint8(min(float64(level)*sum, 255)); dst.Pix[40] != want {
					t.Errorf("%s, severity %d: a flat %d is %d, want %d", set.Name, severity, level, dst.Pix[40], want)
				}
			}
		}
	}
}

// TestSmallImages: every law answers an image of any size with an image or an error, never with a panic.
func TestSmallImages(t *testing.T) {
	for _, c := range All {
		for _, size := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {2, 2}, {3, 5}, {33, 32}} {
			for _, set := range []*Parameters{&imagenet224, &cifar32, &anySize} {
				w := Worker{Parameters: set}
				for severity := 1; severity <= Severities; severity++ {
					var dst raster.Image
					err := w.Corrupt(&dst, flatImage(size[0], size[1], 100), c, severity, NewSource(2))
					if err == nil && len(dst.Pix) != 3*size[0]*size[1] {
						t.Errorf("%s of %v: %d values", c.Name, size, len(dst.Pix))
					}
				}
			}
		}
	}
}
