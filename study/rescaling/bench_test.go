package rescaling

import (
	"testing"

	"visus/internal/progress"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/session"
)

// BenchmarkVersions makes an image of the size that ImageNet's networks take at the usual six lengths, both ways.
func BenchmarkVersions(b *testing.B) {
	image := raster.New(224, 224)
	for i := range image.Pix {
		image.Pix[i] = uint8(i * 7)
	}
	x := &pictures{run: &run{Study: Study{Progress: progress.Silent()}}, source: one{image}}
	x.Options = Options{Options: session.Options{}, Noise: "gaussian", Eps: DefaultEps, Mean: true, P: 2, High: 1}
	m := &maker{}
	for b.Loop() {
		if _, err := x.versions(m, image, 0, false); err != nil {
			b.Fatal(err)
		}
	}
}

// one is a set of a single image.
type one struct{ image *raster.Image }

func (one) Len() int                           { return 1 }
func (one) Item(int) stimulus.Item             { return stimulus.Item{ID: "one"} }
func (o one) Image(int) (*raster.Image, error) { return o.image, nil }
