package corruption

import (
	"context"
	"time"

	"visus/stimulus/raster"
	"visus/study/session"
)

// rehearse makes an image under every condition and shows a few to every observer, to know how long a stimulus takes. What cannot work,
// such as images too small for a corruption, fails here, before anything is written.
func (x *examination) rehearse(ctx context.Context) error {
	clean := x.Conditions[0].Source
	var images []*raster.Image
	for _, at := range session.Spread(x.plan.block, len(x.Stimuli)) {
		if image, err := clean.Image(x.Stimuli[at]); err == nil {
			images = append(images, image)
		}
	}
	if len(images) == 0 {
		return nil // the trials will say what is wrong with the images
	}
	making, err := x.timeMaking(ctx, images[0])
	if err != nil {
		return err
	}
	var answering time.Duration
	for _, m := range x.subjects {
		fitted := make([]*raster.Image, len(images))
		for k, image := range images {
			fitted[k] = x.Views[x.ViewOf[m.model]].Fit(image)
		}
		if _, err := m.Answer(ctx, fitted); err != nil { // the first run prepares memory
			return err
		}
		start := time.Now()
		if _, err := m.Answer(ctx, fitted); err != nil {
			return err
		}
		answering += time.Since(start)
	}
	x.perStimulus = making/time.Duration(x.Options.WorkerCount()) + answering/time.Duration(len(images))
	return nil
}

// timeMaking returns the mean time that one worker takes to make one stimulus.
func (x *examination) timeMaking(ctx context.Context, image *raster.Image) (time.Duration, error) {
	maker, err := x.NewMaker()
	if err != nil {
		return 0, err
	}
	var made raster.Image
	start := time.Now()
	for _, c := range x.Conditions {
		if !c.Made {
			continue
		}
		if ctx.Err() != nil {
			return 0, session.ErrInterrupted
		}
		for _, v := range x.Views {
			if err := maker.Make(&made, v.Fit(image), v, c, 0); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(start) / time.Duration(len(x.Conditions)), nil
}
