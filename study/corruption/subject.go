package corruption

import (
	"context"

	"visus/observer"
	"visus/stimulus/raster"
)

// subject is one observer that takes part: a model as it is, or adapted to each block that it is shown.
type subject struct {
	name   string
	model  int    // index in examination.models
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

// seat lists the observers: every model as it is, followed by its adapted versions.
func (x *examination) seat(ctx context.Context) error {
	for i, m := range x.Models {
		x.subjects = append(x.subjects, subject{name: m.Name(), model: i, answerer: m})
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
