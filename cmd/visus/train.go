package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"visus/stimulus"
	"visus/stimulus/corrupt"
	"visus/study/session"
	"visus/study/training"
)

type trainCommand struct {
	Classifier classifierCommand `cmd:"" help:"Train a classifier on labelled images."`
}

type classifierCommand struct {
	engineFlag
	Images  string `required:"" help:"Labelled images: a folder of class folders, a folder with a CSV, .npz, or an IDX file." type:"path"`
	Network string `default:"resnet20" help:"Architecture: ${networks}."`
	Out     string `default:"run" help:"Result folder; an interrupted training goes on from what it holds." type:"path"`

	Epochs       int     `default:"30" help:"Times that every image is shown."`
	Batch        int     `default:"128" help:"Images of a step."`
	Optimiser    string  `default:"sgd" enum:"${optimisers}" help:"${enum}."`
	LearningRate float64 `help:"Highest learning rate of the schedule; default: the optimiser's usual one." placeholder:"RATE"`
	Schedule     string  `default:"one-cycle" enum:"${schedules}" help:"Course of the learning rate: ${enum}."`
	WeightDecay  float64 `default:"0.0005" help:"Weight decay."`
	Smoothing    float64 `help:"Label smoothing, 0 to below 1."`

	Augment    []string `help:"Random changes: ${augmentations}, some with a number (crop=4)." placeholder:"NAME,..."`
	Validation string   `default:"0.1" help:"Share of each class to set aside, or a data set of its own; 0: none; default: 0.1." placeholder:"SHARE|DIR"`
	Patience   int      `help:"Stop after so many epochs without a better validation; default: never."`
	Limit      int      `help:"At most so many images, spread evenly over the set."`
	Size       int      `help:"Side of the network's input; default: the images' own where they agree and have at most 64 pixels, else 32."`

	Examine     string        `help:"Images to examine the trained model on afterwards; the report is OUT/examined/report.html." placeholder:"DIR" type:"path"`
	LabelColumn string        `help:"Column of the CSV that holds the label."`
	Orient      bool          `help:"Turn photographs upright by their EXIF orientation."`
	Seed        uint64        `help:"Seed of parameters, split, shuffling and changes."`
	Threads     int           `help:"Threads of the engine; default: all cores."`
	Workers     int           `help:"Images read at the same time; default: all cores."`
	Every       time.Duration `default:"1m" help:"Least time between checkpoints."`
	Resume      bool          `help:"Fail where there is nothing to go on with, instead of beginning."`
}

// Help adds examples to --help.
func (classifierCommand) Help() string {
	return `Examples:

  # ResNet-20 on a folder of class folders; run/model.onnx is the network, run/report.html how it learnt
  visus train classifier --images cifar/train --network resnet20 --augment crop,flip --out run/

  # a small network on handwritten digits, examined on others afterwards
  visus train classifier --images train-images-idx3-ubyte --network cnn --size 32 --epochs 2 --examine t10k-images-idx3-ubyte --out digits/`
}

// Run trains.
func (c *classifierCommand) Run(ctx context.Context, t terminal) error {
	options, err := c.options()
	if err != nil {
		return usageError{err}
	}
	if c.Resume {
		if _, err := training.ReadConfig(c.Out); err != nil {
			return fmt.Errorf("nothing to go on with: %w", err)
		}
	}
	accept, err := c.examinable()
	if err != nil {
		return err
	}
	if err := trainClassifier(ctx, t, options, c.Engine, c.Out, accept); err != nil {
		return err
	}
	if c.Examine == "" {
		return nil
	}
	return c.examineAfterwards(ctx, t)
}

// examinable opens the images of --examine, so that what is wrong with them is told before the training and not after it. It returns what
// judges the network's input.
func (c *classifierCommand) examinable() (func(training.Decided) error, error) {
	if c.Examine == "" {
		return nil, nil
	}
	set, err := stimulus.Open(c.Examine, stimulus.Options{LabelColumn: c.LabelColumn, Orient: c.Orient})
	if err != nil {
		return nil, fmt.Errorf("--examine: %w", err)
	}
	defer set.Close()
	recorded := len(set.Conditions) > 1 || set.Conditions[0].Name != session.Clean
	return func(d training.Decided) error {
		if recorded || min(d.Width, d.Height) >= corrupt.LeastSide {
			return nil
		}
		return fmt.Errorf("--examine: the network would take %d×%d pixels, and corruptions need %d a side; add --size %[3]d, or leave --examine out",
			d.Width, d.Height, corrupt.LeastSide)
	}, nil
}

// examineAfterwards does what visus examine does with the trained model and nothing but the images told.
func (c *classifierCommand) examineAfterwards(ctx context.Context, t terminal) error {
	var e examineCommand
	parser, err := kong.New(&e, kong.Vars{"engines": engines})
	if err != nil {
		return err
	}
	args := []string{filepath.Join(c.Out, training.ModelFile), "--images", c.Examine, "--out", filepath.Join(c.Out, "examined"), "--engine", c.Engine,
		"--seed", fmt.Sprint(c.Seed), "--threads", fmt.Sprint(c.Threads), "--workers", fmt.Sprint(c.Workers)}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	e.LabelColumn, e.Orient = c.LabelColumn, c.Orient
	return e.Run(ctx, t)
}

func (c *classifierCommand) options() (training.Options, error) {
	o := training.Options{
		Images: c.Images, Validation: c.Validation, LabelColumn: c.LabelColumn, Orient: c.Orient, Limit: c.Limit, Size: c.Size,
		Network: c.Network, Epochs: c.Epochs, Batch: c.Batch, Optimiser: c.Optimiser, LearningRate: c.LearningRate, Schedule: c.Schedule,
		WeightDecay: c.WeightDecay, Smoothing: c.Smoothing, Augment: c.Augment, Patience: c.Patience, Seed: c.Seed, Threads: c.Threads, Workers: c.Workers, Every: c.Every,
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "size": c.Size, "patience": c.Patience, "threads": c.Threads, "workers": c.Workers}); err != nil {
		return o, err
	}
	if err := atLeast(1, map[string]int{"epochs": c.Epochs, "batch": c.Batch}); err != nil {
		return o, err
	}
	var err error
	if o.Validation, err = validationPath(c.Validation); err != nil {
		return o, err
	}
	return o, o.Check()
}

// validationPath makes a path independent of the working directory; a share stays as it is.
func validationPath(text string) (string, error) {
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "" {
		return text, nil
	}
	return filepath.Abs(text)
}

// trainClassifier runs the training, where accept (nil: always) has no objection to what is decided, and says where its results lie.
func trainClassifier(ctx context.Context, t terminal, o training.Options, by, out string, accept func(training.Decided) error) error {
	engine, err := t.openEngine(by)
	if err != nil {
		return err
	}
	study := training.Study{Options: o, Engine: engine, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }, Accept: accept}
	findings, err := study.Run(ctx, out)
	if err != nil {
		return err
	}
	for _, line := range findings.Lines() {
		fmt.Fprintln(t.Out, line)
	}
	fmt.Fprintln(t.Out, "model:", filepath.Join(out, training.ModelFile))
	fmt.Fprintln(t.Out, "report:", filepath.Join(out, training.ReportFile))
	return nil
}
