package corruption

import (
	"context"
	"fmt"

	"visus/adapt"
	"visus/observer"
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
		clean, err := x.Options.Calibrate(ctx, x.Engine, m, x.Options.Clean)
		if err != nil {
			return err
		}
		for at, mode := range x.Options.Adapt {
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
			if at > 0 {
				continue
			}
			if err := x.WarnOfBalance(ctx, x.Engine, m, method); err != nil {
				return err
			}
		}
	}
	return nil
}

// seats counts the observers for a person.
func (x *examination) seats() string {
	models := plural(len(x.Models), "model")
	if len(x.subjects) == len(x.Models) {
		return models
	}
	return plural(len(x.subjects), "observer") + " (" + models + ", as they are and adapted)"
}
