package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"visus/adapt"
	"visus/observer"
	"visus/study/adaptation"
	"visus/study/adversarial"
	"visus/study/corruption"
	"visus/study/session"
)

type examineCommand struct {
	Models []string `arg:"" name:"model" help:"ONNX models, examined side by side." type:"path"`
	engineFlag
	Images string `required:"" help:"Images: a folder of class folders, a folder with a CSV, .npz, IDX, CIFAR-10-C or ImageNet-C folder, or one image." type:"path"`
	Out    string `default:"result" help:"Result folder; an interrupted examination goes on from what it holds." type:"path"`

	Studies     []string `default:"corruption" enum:"corruption,adaptation,attack" help:"Studies to make: corruption; adaptation (how few images are enough to adapt to, how far the world has moved), whose report is OUT/adaptation; attack (how small a push breaks the model), whose report is OUT/attack."`
	Corruption  []string `help:"Corruptions or groups (noise, blur, weather, digital, extra); default all 19." placeholder:"NAME,..."`
	Severity    string   `default:"1-5" help:"Severities: 3, 1-5 or 1,3,5."`
	Parameters  string   `default:"auto" enum:"auto,imagenet224,inception299,tiny64,cifar32,any" help:"Parameter set: auto (by image size), imagenet224, inception299, tiny64, cifar32 or any."`
	AsPublished bool     `help:"Store each corrupted image as JPEG of quality 85, as the published ImageNet-C files were."`
	Frost       string   `help:"Folder with the published frost textures; default: textures of our own." type:"existingdir"`

	Preprocessing string `help:"imagenet, cifar, tf, caffe, clip, none, raw, a .yaml file, or auto: the best on up to 200 labelled images; default: MODEL.yaml beside the model where there is one, else auto." placeholder:"NAME|FILE"`
	Classes       string `help:"Names of the model's outputs: imagenet, cifar10, digits or a file." placeholder:"NAME|FILE"`
	Labels        string `help:"What whole numbers among the labels mean: imagenet, cifar10, digits or a file; default: decided on the images." placeholder:"NAME|FILE"`
	LabelColumn   string `help:"Column of the CSV that holds the label."`
	Output        string `help:"Name of the model's output with the class scores."`
	Size          int    `help:"Input size for models that take any; default: the images' own where they agree, else 224."`

	Adapt []string `help:"How each model is shown the images a second time, its normalisation adapted to each batch of them: batch, prior, calibrated (with --clean), or none; default: batch,prior, and calibrated with --clean." placeholder:"MODE,..."`
	Prior float64  `help:"Source samples N that the mode prior counts; default: twice the batch."`
	Learn []string `help:"Modes of the adaptation study that learn from the answers: tent, rpl, eta, eata (with --clean), sar, cotta, or none; default tent,rpl,eta." placeholder:"MODE,..."`
	Clean string   `help:"Clean images to calibrate adaptation on, labels not needed: as --images." placeholder:"DIR" type:"path"`

	Limit   int    `help:"Show at most so many images, spread evenly over the set."`
	Batch   int    `help:"Images shown together, to which an adapted model adapts; default 32, without adaptation 16." placeholder:"32"`
	Shard   string `help:"Examine part i of n (i/n); put the parts together with visus merge." placeholder:"I/N"`
	Orient  bool   `help:"Turn photographs upright by their EXIF orientation; training pipelines do not."`
	Seed    uint64 `help:"Seed of the corruptions."`
	Threads int    `help:"Threads of the engine; default: all cores."`
	Workers int    `help:"Images made at the same time; default: all cores."`
	Device  string `default:"cpu" help:"cpu, cuda, cuda:N or coreml, where your ONNX Runtime has it."`
	Strict  bool   `help:"Exit with 1 when an image could not be read."`
}

// Help adds examples to --help.
func (examineCommand) Help() string {
	return `Examples:

  # one model, 19 corruptions at five severities; the report is result/report.html
  visus examine resnet20.onnx --images cifar/

  # two models side by side, quickly: 200 images, two groups of corruptions
  visus examine resnet20.onnx resnet56.onnx --images cifar.npz --limit 200 --corruption noise,blur --out compared/

  # adaptation calibrated on clean images; without adaptation, which is faster
  visus examine model.onnx --images photos/ --clean clean-photos/ --out calibrated/
  visus examine model.onnx --images photos/ --adapt none --out plain/

  # how few images are enough to adapt to? result/adaptation/report.html
  visus examine model.onnx --images photos/ --studies adaptation

  # one machine of eight, and then together
  visus examine model.onnx --images photos/ --shard 1/8 --out part1/
  visus merge part1/ part2/ part3/ part4/ part5/ part6/ part7/ part8/ --out whole/`
}

// Run examines.
func (c *examineCommand) Run(ctx context.Context, t terminal) error {
	options, err := c.options()
	if err != nil {
		return usageError{err}
	}
	if slices.Contains(c.Studies, adaptation.Name) {
		if c.Shard != "" {
			return usageError{errors.New("--shard is for the corruption study alone")}
		}
		o := adaptation.Options{Options: options.Options, Clean: options.Clean, Learn: c.Learn}
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		if err := examineAdaptation(ctx, t, o, c.Engine, filepath.Join(c.Out, adaptation.Name)); err != nil || len(c.Studies) == 1 {
			return err
		}
	}
	if slices.Contains(c.Studies, adversarial.Name) {
		if c.Shard != "" {
			return usageError{errors.New("--shard is for the corruption study alone")}
		}
		o := adversarial.Options{Options: options.Options}
		if err := examineAttacks(ctx, t, o, c.Engine, filepath.Join(c.Out, adversarial.Name)); err != nil || !slices.Contains(c.Studies, corruption.Name) {
			return err
		}
	}
	findings, err := examine(ctx, t, options, c.Engine, c.Out)
	if err != nil {
		return err
	}
	if c.Strict && len(findings.Lost) > 0 {
		return fmt.Errorf("%s could not be read; the report lists them", counted(len(findings.Lost), "image"))
	}
	return nil
}

// examineAdaptation runs the adaptation study; without a choice of corruptions, on its usual ones.
func examineAdaptation(ctx context.Context, t terminal, o adaptation.Options, by, out string) error {
	engine, err := t.openEngine(by)
	if err != nil {
		return err
	}
	study := adaptation.Study{Options: o, Engine: engine, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
	if o.Single {
		study.Step = study.Note
	}
	findings, err := study.Run(ctx, out)
	if err != nil {
		return err
	}
	for _, line := range findings.Lines() {
		fmt.Fprintln(t.Out, line)
	}
	fmt.Fprintln(t.Out, "report:", filepath.Join(out, corruption.ReportFile))
	return nil
}

func (c *examineCommand) options() (corruption.Options, error) {
	o := corruption.Options{Options: session.Options{
		Models: c.Models, Images: c.Images, Corruptions: c.Corruption, Parameters: c.Parameters, AsPublished: c.AsPublished, Frost: c.Frost,
		Preprocessing: c.Preprocessing, Classes: c.Classes, Labels: c.Labels, LabelColumn: c.LabelColumn, Output: c.Output, Size: c.Size,
		Limit: c.Limit, Batch: c.Batch, Orient: c.Orient, Seed: c.Seed, Threads: c.Threads, Workers: c.Workers, Device: c.Device,
	}}
	for _, m := range o.Models {
		if err := modelFile(m); err != nil {
			return o, err
		}
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "batch": c.Batch, "size": c.Size, "threads": c.Threads, "workers": c.Workers}); err != nil {
		return o, err
	}
	if err := observer.CheckPreprocessing(c.Preprocessing); err != nil {
		return o, err
	}
	var err error
	if o.Classes, err = observer.ClassesPath(c.Classes); err != nil {
		return o, err
	}
	if o.Labels, err = observer.ClassesPath(c.Labels); err != nil {
		return o, err
	}
	if strings.HasSuffix(c.Preprocessing, ".yaml") {
		if o.Preprocessing, err = filepath.Abs(c.Preprocessing); err != nil {
			return o, err
		}
	}
	if o.Severities, err = session.ParseSeverities(c.Severity); err != nil {
		return o, err
	}
	if _, err = session.Corruptions(c.Corruption); err != nil {
		return o, err
	}
	if o.Adapt, err = c.adaptations(); err != nil {
		return o, err
	}
	o.Prior, o.Clean = c.Prior, c.Clean
	o.Shard, err = corruption.ParseShard(c.Shard)
	return o, err
}

// adaptations reads --adapt.
func (c *examineCommand) adaptations() ([]string, error) {
	modes := []string{}
	if c.Prior < 0 {
		return nil, fmt.Errorf("--prior is %g; expected 0 or more", c.Prior)
	}
	if len(c.Adapt) == 0 {
		modes = append(modes, string(adapt.Batch), string(adapt.Prior))
		if c.Clean != "" {
			modes = append(modes, string(adapt.Calibrated))
		}
		return modes, nil
	}
	for _, name := range c.Adapt {
		switch {
		case name == "none" && len(c.Adapt) == 1:
			return modes, nil
		case !slices.Contains(corruption.Adaptations, adapt.Mode(name)):
			return nil, fmt.Errorf("--adapt %s is none of batch, prior, calibrated, nor none alone", name)
		case name == string(adapt.Calibrated) && c.Clean == "":
			return nil, fmt.Errorf("--adapt calibrated needs clean images: --clean DIR")
		case !slices.Contains(modes, name):
			modes = append(modes, name)
		}
	}
	return modes, nil
}

// modelFile says in words what a path to a model is instead of a file.
func modelFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s; expected an ONNX model", path)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder; expected an ONNX model", path)
	}
	return nil
}

// atLeast checks the values of flags.
func atLeast(least int, flags map[string]int) error {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if flags[name] < least {
			return fmt.Errorf("--%s is %d; expected %d or more", name, flags[name], least)
		}
	}
	return nil
}

// counted writes "1 image" and "2 images".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// examine runs the corruption study and says where the report lies.
func examine(ctx context.Context, t terminal, o corruption.Options, by, out string) (*corruption.Findings, error) {
	engine, err := t.openEngine(by)
	if err != nil {
		return nil, err
	}
	study := corruption.Study{Options: o, Engine: engine, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
	findings, err := study.Run(ctx, out)
	if err != nil {
		return nil, err
	}
	for _, line := range findings.Lines() {
		fmt.Fprintln(t.Out, line)
	}
	fmt.Fprintln(t.Out, "report:", filepath.Join(out, corruption.ReportFile))
	return findings, nil
}
