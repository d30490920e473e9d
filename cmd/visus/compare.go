package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"visus/engine/choice"
	"visus/observer"
	"visus/study/humans"
)

type compareCommand struct {
	Models []string `arg:"" optional:"" name:"model" help:"ONNX models, which answer the stimuli first." type:"path"`
	Trials []string `help:"Trials of people or models: a CSV of the field or of visus, or a folder of such; repeat it. Whoever is called subject-… is a person." placeholder:"DIR" sep:"none" type:"path"`
	Humans []string `help:"The same as --trials." placeholder:"DIR" sep:"none" type:"path"`
	Out    string   `default:"result" help:"Result folder." type:"path"`

	Stimuli       []string `help:"Images that the models answer, one data set each: CATEGORY/IMAGE or session-1/TRIAL_CODE_dnn_CONDITION_CATEGORY_NUMBER_IMAGE; repeat it." placeholder:"DIR" sep:"none" type:"path"`
	Mapping       string   `help:"JSON file {category: [outputs]} that says which outputs answer which category; default: by the names of the model's classes." placeholder:"FILE" type:"existingfile"`
	Rule          string   `default:"mean" enum:"mean,sum,max" help:"How a category's value follows from its outputs: mean, sum or max."`
	Classes       string   `help:"Names of the model's outputs: imagenet, cifar10, digits or a file." placeholder:"NAME|FILE"`
	Preprocessing string   `help:"As for examine." placeholder:"NAME|FILE"`
	Output        string   `help:"Name of the model's output with the class scores."`
	Size          int      `help:"Input size for models that take any; default: that of the first image."`
	Limit         int      `help:"Show at most so many images of each data set, spread evenly over it."`

	Datasets   []string `help:"Compare on these data sets only." placeholder:"NAME,..."`
	Categories []string `help:"Categories of the trials; default: the 16 of the field." placeholder:"NAME,..."`
	Name       []string `help:"How tables name observers; * stands for anything." placeholder:"MODEL=NAME,..."`
	Confusions bool     `help:"Draw every observer's confusion matrices, under each condition too."`
	Resamples  int      `help:"Resamples of the bootstrap; default: 2000."`
	Seed       uint64   `help:"Seed of the bootstrap."`
	Batch      int      `help:"Images shown together; default: 16."`
	Threads    int      `help:"Threads of the engine; default: all cores."`
	Workers    int      `help:"Images read at the same time; default: all cores."`
	Device     string   `default:"cpu" help:"cpu, cuda, cuda:N or coreml, where your ONNX Runtime has it."`
}

// Help adds examples to --help.
func (compareCommand) Help() string {
	return `Examples:

  # recorded trials of people and models; the report is result/report.html
  visus compare --trials humans/ --trials models/ --out result/

  # a model of one's own against people on the same images
  visus compare model.onnx --stimuli cue-conflict/ --humans humans/

  # a model of other classes: which of its outputs is which category?
  visus compare model.onnx --stimuli edge/ --humans humans/ --mapping categories.json`
}

// Run compares.
func (c *compareCommand) Run(ctx context.Context, t terminal) error {
	options, err := c.options()
	if err != nil {
		return usageError{err}
	}
	return compareHumans(ctx, t, options, choice.Auto, c.Out)
}

func (c *compareCommand) options() (humans.Options, error) {
	o := humans.Options{
		Trials: slices.Concat(c.Trials, c.Humans), Datasets: c.Datasets, Categories: c.Categories, Names: c.Name, Resamples: c.Resamples, Seed: c.Seed,
		Confusions: c.Confusions, Showing: humans.Showing{
			Models: c.Models, Stimuli: c.Stimuli, Mapping: c.Mapping, Rule: c.Rule, Preprocessing: c.Preprocessing, Output: c.Output,
			Size: c.Size, Batch: c.Batch, Limit: c.Limit, Device: c.Device, Threads: c.Threads, Workers: c.Workers,
		},
	}
	if len(o.Trials) == 0 && len(o.Models) < 2 {
		return o, errors.New("nothing to compare: give --trials, or a model with --stimuli and --humans")
	}
	for _, m := range o.Models {
		if err := modelFile(m); err != nil {
			return o, err
		}
	}
	err := atLeast(0, map[string]int{"size": c.Size, "limit": c.Limit, "resamples": c.Resamples, "batch": c.Batch, "threads": c.Threads, "workers": c.Workers})
	if err != nil {
		return o, err
	}
	if err := observer.CheckPreprocessing(c.Preprocessing); err != nil {
		return o, err
	}
	if strings.HasSuffix(c.Preprocessing, ".yaml") {
		if o.Preprocessing, err = filepath.Abs(c.Preprocessing); err != nil {
			return o, err
		}
	}
	if o.Classes, err = observer.ClassesPath(c.Classes); err != nil {
		return o, err
	}
	return o, o.Check()
}

// compareHumans runs the study of models and people, and says where the report lies.
func compareHumans(ctx context.Context, t terminal, o humans.Options, by, out string) error {
	study := humans.Study{Options: o, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
	if len(o.Models) > 0 {
		engine, err := t.openEngine(by)
		if err != nil {
			return err
		}
		study.Engine = engine
	}
	findings, err := study.Run(ctx, out)
	if err != nil {
		return err
	}
	for _, line := range findings.Lines() {
		fmt.Fprintln(t.Out, line)
	}
	fmt.Fprintln(t.Out, "report:", filepath.Join(out, humans.ReportFile))
	return nil
}
