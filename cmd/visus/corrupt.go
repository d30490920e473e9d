package main

import (
	"context"
	"fmt"

	"visus/study/corruption"
	"visus/study/session"
)

type corruptCommand struct {
	Images      string   `required:"" help:"Images: as for examine." type:"path"`
	Out         string   `required:"" help:"Folder; files are OUT/corruption/severity/NAME." type:"path"`
	Corruption  []string `help:"Corruptions or groups (noise, blur, weather, digital, extra); default all 19." placeholder:"NAME,..."`
	Severity    string   `default:"1-5" help:"Severities: 3, 1-5 or 1,3,5."`
	Parameters  string   `default:"auto" enum:"auto,imagenet224,inception299,tiny64,cifar32,any" help:"Parameter set: auto (by image size), imagenet224, inception299, tiny64, cifar32 or any."`
	AsPublished bool     `help:"Store each corrupted image as JPEG of quality 85 on the way, as the published ImageNet-C files were."`
	Frost       string   `help:"Folder with the published frost textures; default: textures of our own." type:"existingdir"`
	Format      string   `default:"png" enum:"png,jpeg" help:"png or jpeg."`
	Quality     int      `default:"85" help:"Quality of jpeg."`
	Limit       int      `help:"At most so many images, spread evenly over the set."`
	Orient      bool     `help:"Turn photographs upright by their EXIF orientation."`
	Seed        uint64   `help:"Seed of the corruptions."`
	Workers     int      `help:"Images made at the same time; default: all cores."`
	Strict      bool     `help:"Exit with 1 when an image could not be read."`
}

// Help adds an example to --help.
func (corruptCommand) Help() string {
	return `Example:

  visus corrupt --images photos/ --corruption fog,snow --severity 1-5 --out corrupted/`
}

// Run writes the corrupted images.
func (c *corruptCommand) Run(ctx context.Context, t terminal) error {
	severities, err := session.ParseSeverities(c.Severity)
	if err != nil {
		return usageError{err}
	}
	if _, err := session.Corruptions(c.Corruption); err != nil {
		return usageError{err}
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "workers": c.Workers}); err != nil {
		return usageError{err}
	}
	if c.Quality < 1 || c.Quality > 100 {
		return usageError{fmt.Errorf("--quality is %d; expected 1..100", c.Quality)}
	}
	written, err := corruption.Write(ctx, corruption.Writing{
		Options: corruption.Options{Options: session.Options{Images: c.Images, Corruptions: c.Corruption, Severities: severities, Parameters: c.Parameters,
			AsPublished: c.AsPublished, Frost: c.Frost, Limit: c.Limit, Orient: c.Orient, Seed: c.Seed, Workers: c.Workers}},
		Out: c.Out, Format: c.Format, Quality: c.Quality, Progress: t.meter(),
	})
	for _, l := range written.Lost {
		t.say("skipped: %s", l.Reason)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s written to %s, %d were there already\n", counted(written.Files, "image"), c.Out, written.Kept)
	if c.Strict && len(written.Lost) > 0 {
		return fmt.Errorf("%s could not be read", counted(len(written.Lost), "image"))
	}
	return nil
}
