package degradation

import (
	"context"
	"fmt"
	"slices"

	"visus/stimulus/degrade"
	"visus/stimulus/raster"
	"visus/tensor"
)

// size is that of an image.
type size struct{ width, height int }

// spectra are the amplitudes that power equalisation gives: one published spectrum, or the mean of the images of each size.
type spectra struct {
	published *degrade.Spectrum
	mean      map[size]*degrade.Spectrum
}

// of returns the amplitudes for an image; nil where none are known.
func (s *spectra) of(image *raster.Image) *degrade.Spectrum {
	if s.published != nil {
		return s.published
	}
	return s.mean[size{image.Width, image.Height}]
}

// openSpectra reads the spectrum or, where power equalisation is asked for, takes the mean over all images, whatever the limit.
func (x *writer) openSpectra(ctx context.Context) (*spectra, error) {
	equalised := slices.ContainsFunc(x.Manipulations, func(m degrade.Manipulation) bool {
		return m.Name == "power-equalisation" && slices.Contains(m.Levels, "pow")
	})
	switch {
	case !equalised:
		return &spectra{}, nil
	case x.Spectrum != "":
		published, err := readSpectrum(x.Spectrum)
		return &spectra{published: published}, err
	}
	x.Progress.Begin("mean amplitude spectrum", 0, x.source.Len())
	defer x.Progress.End()
	sums := map[size]*degrade.MeanSpectrum{}
	for i := range x.source.Len() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x.Progress.Add(1)
		image, err := x.source.Image(i)
		if err != nil {
			continue // it is listed when its turn comes
		}
		key := size{image.Width, image.Height}
		if sums[key] == nil {
			sums[key] = &degrade.MeanSpectrum{}
		}
		if err := sums[key].Add(image); err != nil {
			return nil, err
		}
	}
	s := &spectra{mean: map[size]*degrade.Spectrum{}}
	for key, sum := range sums {
		s.mean[key] = sum.Spectrum()
	}
	return s, nil
}

func readSpectrum(file string) (*degrade.Spectrum, error) {
	array, err := tensor.ReadFile(file)
	if err != nil {
		return nil, err
	}
	shape := array.Shape()
	if len(shape) != 2 {
		return nil, fmt.Errorf("degradation: %s: an array of shape %v; expected amplitudes [height, width]", file, shape)
	}
	return &degrade.Spectrum{Width: shape[1], Height: shape[0], Amplitude: array.Floats()}, nil
}
