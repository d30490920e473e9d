package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"visus/attack"
	host "visus/eager/slices"
	"visus/observer"
	"visus/study/adversarial"
	"visus/study/corruption"
	"visus/study/session"
)

type attackCommand struct {
	engineFlag
	Models []string `arg:"" name:"model" help:"ONNX models, attacked side by side." type:"path"`
	Images string   `required:"" help:"Labelled images: as of visus examine." type:"path"`
	Out    string   `default:"result" help:"Result folder; an interrupted study goes on from what it holds." type:"path"`

	Attacks []string `help:"Attacks: ${attacks}. Default: ${usual}." placeholder:"NAME,..."`
	Eps     []string `help:"Sizes per element of pixels in [0, 1]: the largest change for linf, the root mean square for l2, the mean for l1, the share of elements for l0; fractions are fine. Default: 0.5/255,1/255,2/255,4/255,8/255." placeholder:"1/255,..."`
	Save    bool     `help:"Keep every adversarial image, as OUT/adversarial/*.npy."`

	Preprocessing string `help:"As of visus examine." placeholder:"NAME|FILE"`
	Classes       string `help:"As of visus examine." placeholder:"NAME|FILE"`
	Labels        string `help:"As of visus examine." placeholder:"NAME|FILE"`
	LabelColumn   string `help:"Column of the CSV that holds the label."`
	Output        string `help:"Name of the model's output with the class scores."`
	Size          int    `help:"Input size for models that take any."`
	Limit         int    `help:"Attack at most so many images, spread evenly over the set; default 200."`
	Batch         int    `help:"Images that are attacked together, between which the study can be interrupted; default 50."`
	Orient        bool   `help:"Turn photographs upright by their EXIF orientation."`
	Seed          uint64 `help:"Seed of random starts and noise."`
	Threads       int    `help:"Threads of the engine; default: all cores."`
	Workers       int    `help:"Images read at the same time; default: all cores."`
}

// Help adds examples to --help.
func (attackCommand) Help() string {
	return `Examples:

  # accuracy against epsilon, the smallest pushes and the images; the report is result/report.html
  visus attack model.onnx --images photos/

  # chosen attacks and sizes
  visus attack model.onnx --images cifar.npz --attacks pgd-linf,pgd-l2,ddn,deepfool,noise --eps 0.5/255,1/255,2/255,4/255`
}

// Run attacks.
func (c *attackCommand) Run(ctx context.Context, t terminal) error {
	for _, m := range c.Models {
		if err := modelFile(m); err != nil {
			return usageError{err}
		}
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "batch": c.Batch, "size": c.Size, "threads": c.Threads, "workers": c.Workers}); err != nil {
		return usageError{err}
	}
	if err := observer.CheckPreprocessing(c.Preprocessing); err != nil {
		return usageError{err}
	}
	epsilons, err := sizes(c.Eps)
	if err != nil {
		return usageError{err}
	}
	o := adversarial.Options{Attacks: c.Attacks, Epsilons: epsilons, Save: c.Save, Options: session.Options{
		Models: c.Models, Images: c.Images, Preprocessing: c.Preprocessing, Classes: c.Classes, Labels: c.Labels, LabelColumn: c.LabelColumn,
		Output: c.Output, Size: c.Size, Limit: c.Limit, Batch: c.Batch, Orient: c.Orient, Seed: c.Seed, Threads: c.Threads, Workers: c.Workers,
	}}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	return examineAttacks(ctx, t, o, c.Engine, c.Out)
}

// sizes reads numbers that may be fractions, 2/255.
func sizes(texts []string) (out []float64, err error) {
	for _, text := range texts {
		above, below, isFraction := strings.Cut(text, "/")
		v, err := strconv.ParseFloat(above, 64)
		if err == nil && isFraction {
			var d float64
			d, err = strconv.ParseFloat(below, 64)
			v /= d
		}
		if err != nil {
			return nil, fmt.Errorf("--eps has %q; expected a number or a fraction such as 2/255", text)
		}
		out = append(out, v)
	}
	return out, nil
}

// examineAttacks runs the study and says where the report lies.
func examineAttacks(ctx context.Context, t terminal, o adversarial.Options, by, out string) error {
	engine, err := t.openEngine(by)
	if err != nil {
		return err
	}
	study := adversarial.Study{Options: o, Engine: engine, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
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

// attackNames lists what --attacks takes.
func attackNames() (out []string) {
	for _, k := range attack.All[*host.Tensor]() {
		out = append(out, k.Name)
	}
	return out
}
