package session

import (
	"context"

	"visus/adapt"
	"visus/engine"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/raster"
)

// calibrationImages are enough: statistics of 100 images of 32×32 pixels already make the calibrated mode the best (ResNet-20, CIFAR-10).
const calibrationImages = 500

// Calibrate measures the model on clean images, which need no labels; nil where there are none.
func (o Options) Calibrate(ctx context.Context, e engine.Engine, m *observer.Model, clean string) (norm.Statistics, error) {
	set, err := o.OpenClean(clean)
	if set == nil || err != nil {
		return nil, err
	}
	defer set.Close()
	source := set.Conditions[0].Source
	return adapt.Calibrate(ctx, e, m, part{source, Spread(calibrationImages, source.Len())})
}

// OpenClean opens clean images, which need no labels; nil where there are none.
func (o Options) OpenClean(clean string) (*stimulus.Collection, error) {
	if clean == "" {
		return nil, nil
	}
	return stimulus.Open(clean, stimulus.Options{Orient: o.Orient})
}

// balanceImages are enough to see how a set is mixed.
const balanceImages = 200

// WarnOfBalance warns where the images seem to hold few classes, to which a model would adapt instead of to the condition.
func (s *Session) WarnOfBalance(ctx context.Context, e engine.Engine, m *observer.Model, method adapt.Method) error {
	images, _, err := s.sample(ctx, m, balanceImages)
	if err != nil {
		return err
	}
	doubts, err := adapt.Balance(ctx, e, m, Held(images), method, s.options.Seed)
	if err != nil {
		return err
	}
	for _, d := range doubts {
		s.Warn(m.Name() + ": " + d.Text)
	}
	return nil
}

// Held is a set of images in memory.
type Held []*raster.Image

// Len returns the number of images.
func (h Held) Len() int { return len(h) }

// Image returns an image.
func (h Held) Image(i int) (*raster.Image, error) { return h[i], nil }

// Source is the session's stimuli under a condition that the data were recorded in, in the session's order.
func (s *Session) Source(c Condition) stimulus.Source { return part{c.Source, s.Stimuli} }

// part is a part of a source.
type part struct {
	stimulus.Source
	items []int
}

func (p part) Len() int                           { return len(p.items) }
func (p part) Item(i int) stimulus.Item           { return p.Source.Item(p.items[i]) }
func (p part) Image(i int) (*raster.Image, error) { return p.Source.Image(p.items[i]) }
