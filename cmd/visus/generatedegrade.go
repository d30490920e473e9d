package main

import (
	"context"
	"fmt"

	"visus/study/degradation"
)

// generateDegradeCommand writes degraded images.
type generateDegradeCommand struct {
	Images       string   `required:"" help:"Images: as for examine." type:"path"`
	Manipulation []string `required:"" help:"What is done to them: ${manipulations}; all for those of the published experiments." placeholder:"NAME,..."`
	Levels       []string `help:"Levels of a single manipulation; default: those of the published experiment." placeholder:"LEVEL,..."`
	OneLevel     bool     `help:"Show each image at one level only, as in the experiments; the images of a category take the levels in turn."`
	Out          string   `required:"" help:"Folder; files are OUT/MANIPULATION/dnn/session-1/TRIAL_CODE_dnn_LEVEL_CATEGORY_00_IMAGE.png." type:"path"`
	EidolonSize  int      `help:"Long side of the images that eidolons are made of (published: 256); default: as they are."`
	Spectrum     string   `help:"NPY file of amplitudes [height, width] for power equalisation; default: the images' mean." type:"existingfile"`
	Limit        int      `help:"At most so many images, spread evenly over the set."`
	Orient       bool     `help:"Turn photographs upright by their EXIF orientation."`
	Seed         uint64   `help:"Seed of noise, phases and eidolons."`
	Workers      int      `help:"Images made at the same time; default: all cores."`
	Strict       bool     `help:"Exit with 1 when an image could not be read."`
}

// Help adds examples to --help.
func (generateDegradeCommand) Help() string {
	return `Examples:

  visus generate degrade --images photos/ --manipulation eidolonI,phase,highpass --out stimuli/

  # levels of one's own; each image at one of them
  visus generate degrade --images photos/ --manipulation low-pass --levels 0,2,4 --one-level --out stimuli/`
}

// Run writes the degraded images.
func (c *generateDegradeCommand) Run(ctx context.Context, t terminal) error {
	chosen, err := degradation.Choose(c.Manipulation, c.Levels)
	if err != nil {
		return usageError{err}
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "workers": c.Workers, "eidolon-size": c.EidolonSize}); err != nil {
		return usageError{err}
	}
	written, err := degradation.Write(ctx, degradation.Writing{
		Options:       degradation.Options{Images: c.Images, Orient: c.Orient, Seed: c.Seed, EidolonSize: c.EidolonSize, Spectrum: c.Spectrum},
		Manipulations: chosen, OneLevel: c.OneLevel, Out: c.Out, Limit: c.Limit, Workers: c.Workers, Progress: t.meter(),
	})
	for _, l := range written.Lost {
		t.say("skipped: %s", l.Reason)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s written to %s, %d were there already; figures/ holds a sheet of each manipulation to look at\n",
		counted(written.Files, "image"), c.Out, written.Kept)
	if c.Strict && len(written.Lost) > 0 {
		return fmt.Errorf("%s could not be read", counted(len(written.Lost), "image"))
	}
	return nil
}
