package main

import (
	"context"
	"fmt"
	"path/filepath"

	"visus/study/experiment"
)

// generateExperimentCommand prepares an experiment with people.
type generateExperimentCommand struct {
	Images     string   `required:"" help:"Folder of images, CATEGORY/IMAGE; or of stimuli in the field's layout (as generate degrade writes them), whose conditions are kept." type:"existingdir"`
	Subjects   int      `default:"5" help:"How many people take part."`
	Out        string   `required:"" help:"Folder; files are OUT/DATASET/subject-01/session-1/TRIAL_CODE_s01_CONDITION_CATEGORY_00_IMAGE, and dnn/session-1 for models." type:"path"`
	Each       int      `help:"Images of each category under each condition; default: as many as the rarest has."`
	Categories []string `help:"Only these categories; default: all." placeholder:"NAME,..."`
	Dataset    string   `help:"Name of the data set; default: that of the folder of images."`
	Code       string   `default:"exp" help:"Code of the data set in file names."`
	Size       int      `help:"Bring images to this size (short side, then the centre); default: files as they are."`
	Seed       uint64   `help:"Seed of the subset and the orders."`
	Workers    int      `help:"Images made at the same time; default: all cores."`
}

// Help adds examples to --help.
func (generateExperimentCommand) Help() string {
	return `Examples:

  # a balanced set for five people, an order for each, and the same images for models
  visus generate experiment --images photos/ --subjects 5 --out experiment/

  # ten images of each of three categories, 224 pixels a side
  visus generate experiment --images photos/ --each 10 --categories cat,dog,bird --size 224 --out experiment/

  # degraded images, each at one level
  visus generate degrade --images photos/ --manipulation contrast --one-level --out stimuli/
  visus generate experiment --images stimuli/contrast/ --code cop --out experiment/`
}

// Run writes the experiment's images.
func (c *generateExperimentCommand) Run(ctx context.Context, t terminal) error {
	if err := atLeast(1, map[string]int{"subjects": c.Subjects}); err != nil {
		return usageError{err}
	}
	if err := atLeast(0, map[string]int{"each": c.Each, "size": c.Size, "workers": c.Workers}); err != nil {
		return usageError{err}
	}
	w, err := experiment.Write(ctx, experiment.Options{Images: c.Images, Dataset: c.Dataset, Code: c.Code, Subjects: c.Subjects, Each: c.Each,
		Categories: c.Categories, Size: c.Size, Seed: c.Seed, Workers: c.Workers}, c.Out, t.meter())
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s of %s × %s for %s and models: %s written to %s, %d were there already\n", counted(w.Images, "image"),
		categories(w.Categories), counted(w.Conditions, "condition"), counted(c.Subjects, "subject"), counted(w.Files, "file"), filepath.Join(c.Out, w.Dataset), w.Kept)
	return nil
}

func categories(n int) string {
	if n == 1 {
		return "1 category"
	}
	return fmt.Sprintf("%d categories", n)
}
