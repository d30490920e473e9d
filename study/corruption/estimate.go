package corruption

import (
	"context"
	"time"

	"visus/stimulus/raster"
)

// probe is how many images the estimate looks at.
const probe = 8

// estimate predicts how long this run will take, from a few images under every condition.
func (x *examination) estimate(ctx context.Context, done int) (time.Duration, error) {
	clean := x.conditions[0].source
	var images []*raster.Image
	for _, at := range spread(probe, len(x.stimuli)) {
		if image, err := clean.Image(x.stimuli[at]); err == nil {
			images = append(images, image)
		}
	}
	if len(images) == 0 {
		return 0, nil // the run itself will say what is wrong
	}
	making, err := x.timeMaking(images[0])
	if err != nil {
		return 0, err
	}
	var answering time.Duration
	for i, m := range x.models {
		fitted := make([]*raster.Image, len(images))
		for k, image := range images {
			fitted[k] = x.views[x.viewOf[i]].Fit(image)
		}
		if _, err := m.Answer(ctx, fitted); err != nil { // the first run prepares memory
			return 0, err
		}
		start := time.Now()
		if _, err := m.Answer(ctx, fitted); err != nil {
			return 0, err
		}
		answering += time.Since(start)
	}
	shown := (x.plan.trials() - done) / len(x.models) // stimuli to show, each to every observer
	perStimulus := making/time.Duration(x.workers()) + answering/time.Duration(len(images))
	return time.Duration(shown) * perStimulus, nil
}

// timeMaking returns the mean time that one worker takes to make one stimulus.
func (x *examination) timeMaking(image *raster.Image) (time.Duration, error) {
	maker, err := x.newMaker()
	if err != nil {
		return 0, err
	}
	var made raster.Image
	start := time.Now()
	for _, c := range x.conditions {
		if !c.made {
			continue
		}
		for _, v := range x.views {
			if err := maker.make(&made, v.Fit(image), v, c, 0); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(start) / time.Duration(len(x.conditions)), nil
}
