package corruption

import (
	"context"
	"fmt"

	"visus/adapt"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/session"
)

// subject is one observer that takes part: a model as it is, or adapted to each block that it is shown.
type subject struct {
	name   string
	model  int    // index in the session's models
	method string // how it is adapted; "" where it is not
	answerer
}

// answerer answers a block of images of its model's size.
type answerer interface {
	Answer(ctx context.Context, images []*raster.Image) ([]observer.Answer, error)
	Close() error
}

// adapts says whether models are shown the blocks a second time, adapted.
func (x *examination) adapts() bool { return len(x.Options.Adapt) > 0 }

// Adaptations are the modes that a model can be shown a block in: those that know nothing of other blocks, so that an examination can stop
// and be cut into shards anywhere.
var Adaptations = []adapt.Mode{adapt.Batch, adapt.Prior, adapt.Calibrated}

// seat lists the observers: every model as it is, followed by its adapted versions. A model that cannot be adapted is shown as it is alone,
// and a warning says why.
func (x *examination) seat(ctx context.Context) error {
	for i, m := range x.Models {
		x.subjects = append(x.subjects, subject{name: m.Name(), model: i, answerer: m})
		if !x.adapts() {
			continue
		}
		clean, err := x.calibration(ctx, m)
		if err != nil {
			return err
		}
		for _, mode := range x.Options.Adapt {
			method := adapt.Method{Mode: adapt.Mode(mode), Images: x.blockSize(), Prior: x.Options.Prior, Clean: clean}
			if method.Mode != adapt.Prior {
				method.Prior = 0
			}
			adapted, err := adapt.New(ctx, x.Engine, m, method)
			if ctx.Err() != nil {
				return session.ErrInterrupted
			}
			if err != nil {
				x.Warn(fmt.Sprintf("%s is shown as it is alone: %v", m.Name(), err))
				break
			}
			x.subjects = append(x.subjects, subject{adapted.Name(), i, method.String(), adapted})
		}
	}
	return nil
}

// calibrationImages are enough: statistics of 100 images of 32×32 pixels already make the calibrated mode the best (ResNet-20, CIFAR-10).
const calibrationImages = 500

// calibration measures the model on clean images, where there are some.
func (x *examination) calibration(ctx context.Context, m *observer.Model) (norm.Statistics, error) {
	if x.Options.Clean == "" {
		return nil, nil
	}
	set, err := stimulus.Open(x.Options.Clean, stimulus.Options{Orient: x.Options.Orient})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	return adapt.Calibrate(ctx, x.Engine, m, sample{set.Conditions[0].Source, session.Spread(calibrationImages, set.Conditions[0].Len())})
}

// sample is a part of a set.
type sample struct {
	stimulus.Source
	items []int
}

func (s sample) Len() int                           { return len(s.items) }
func (s sample) Image(i int) (*raster.Image, error) { return s.Source.Image(s.items[i]) }

// seats counts the observers for a person.
func (x *examination) seats() string {
	models := plural(len(x.Models), "model")
	if len(x.subjects) == len(x.Models) {
		return models
	}
	return plural(len(x.subjects), "observer") + " (" + models + ", as they are and adapted)"
}
