package main

import (
	"context"
	"fmt"
	"path/filepath"

	"visus/engine/choice"
	"visus/observer"
	"visus/study/rescaling"
	"visus/study/session"
)

type rescaleCommand struct {
	Images string `xor:"input" required:"" help:"Images: as for examine. Their values are taken as 0 to 1." type:"path"`
	Arrays string `xor:"input" required:"" help:"NPZ file with x [n, ...] and, in the place of noise, delta; eps, p, a and b (the domain) in it are the defaults of the flags. Or an NPY file of x." placeholder:"FILE" type:"existingfile"`
	Out    string `default:"result" help:"Result folder; images are OUT/perturbed/LENGTH/NAME, arrays OUT/perturbed/LENGTH.npz. An interrupted run goes on from what it holds." type:"path"`

	Noise  string    `default:"gaussian" enum:"gaussian,uniform,sign,sparse" help:"Direction: gaussian, uniform, sign (of each element, at random) or sparse (Gaussian, few elements)."`
	Share  float64   `default:"0.03" help:"Share of the elements that sparse noise moves."`
	Eps    []float64 `help:"Lengths, rising; default: 0.02, 0.05, 0.1, 0.2, 0.3, 0.4 of the domain's width, with --mean." placeholder:"LENGTH,..."`
	P      float64   `help:"The norm: above 0, inf for the largest change; default: 2." placeholder:"2"`
	Mean   bool      `help:"Lengths are of one element: the root mean square where p is 2."`
	AtMost bool      `help:"Lengths do not exceed the announced one, not even by rounding."`
	Low    float64   `help:"Lower end of the arrays' domain; default: 0." placeholder:"0"`
	High   float64   `help:"Upper end of the arrays' domain; default: 1." placeholder:"1"`
	Clip   bool      `help:"Clip arrays to their domain first; otherwise values outside are an error."`
	Format string    `default:"" enum:",png,npy,npz,none" help:"What is written: of images png (rounded to 8 bits, which is noise too; the default) or npy (exact, [height, width, 3]), of arrays npz; or none, the report alone."`

	Model         string `help:"ONNX model that answers the images with both kinds of noise; they need labels." type:"path"`
	Preprocessing string `help:"As for examine." placeholder:"NAME|FILE"`
	Classes       string `help:"As for examine." placeholder:"NAME|FILE"`
	Labels        string `help:"As for examine." placeholder:"NAME|FILE"`
	LabelColumn   string `help:"Column of the CSV that holds the label."`
	Output        string `help:"Name of the model's output with the class scores."`
	Size          int    `help:"Input size for models that take any."`

	Limit    int    `help:"At most so many images, spread evenly over the set."`
	Examples int    `default:"8" help:"Images that the page shows."`
	Orient   bool   `help:"Turn photographs upright by their EXIF orientation."`
	Seed     uint64 `help:"Seed of the noise."`
	Threads  int    `help:"Threads of the engine; default: all cores."`
	Workers  int    `help:"Images made at the same time; default: all cores."`
	Device   string `default:"cpu" help:"cpu, cuda, cuda:N or coreml, where your ONNX Runtime has it."`
	Strict   bool   `help:"Exit with 1 when an image could not be read."`
}

// Help adds examples to --help.
func (rescaleCommand) Help() string {
	return `Examples:

  # how much noise does clipping take away? result/report.html, and noisy images of exactly the announced size
  visus rescale --images photos/

  # Euclidean lengths, as numbers; uniform noise of which no element moves by more than 8/255
  visus rescale --images photos/ --eps 5,10,20 --format npy --out noisy/
  visus rescale --images photos/ --noise uniform --p inf --eps 0.031372549 --out small/

  # what does a model make of it?
  visus rescale --images photos/ --model model.onnx --format none

  # perturbations of one's own, x and delta in a file, made as long as they should be
  visus rescale --arrays attack.npz --eps 1.5 --out rescaled/`
}

// Run perturbs.
func (c *rescaleCommand) Run(ctx context.Context, t terminal) error {
	options, err := c.options()
	if err != nil {
		return usageError{err}
	}
	return rescaleSamples(ctx, t, options, choice.Auto, c.Out, c.Strict)
}

func (c *rescaleCommand) options() (rescaling.Options, error) {
	o := rescaling.Options{
		Options: session.Options{
			Images: c.Images, Preprocessing: c.Preprocessing, Classes: c.Classes, Labels: c.Labels, LabelColumn: c.LabelColumn, Output: c.Output,
			Size: c.Size, Limit: c.Limit, Orient: c.Orient, Seed: c.Seed, Threads: c.Threads, Workers: c.Workers, Device: c.Device,
		},
		Arrays: c.Arrays, Noise: c.Noise, Share: c.Share, Eps: c.Eps, P: c.P, Mean: c.Mean, Low: c.Low, High: c.High, Clip: c.Clip, AtMost: c.AtMost,
		Format: c.Format, Gallery: c.Examples,
	}
	if c.Format == "" {
		o.Format = "png"
		if c.Arrays != "" {
			o.Format = "npz"
		}
	}
	if c.Model != "" {
		if err := modelFile(c.Model); err != nil {
			return o, err
		}
		o.Models = []string{c.Model}
	}
	err := atLeast(0, map[string]int{"size": c.Size, "limit": c.Limit, "threads": c.Threads, "workers": c.Workers})
	if err == nil {
		err = atLeast(1, map[string]int{"examples": c.Examples})
	}
	if err != nil {
		return o, err
	}
	if err := observer.CheckPreprocessing(c.Preprocessing); err != nil {
		return o, err
	}
	if o.Classes, err = observer.ClassesPath(c.Classes); err != nil {
		return o, err
	}
	if o.Labels, err = observer.ClassesPath(c.Labels); err != nil {
		return o, err
	}
	return o, o.Check()
}

// rescaleSamples runs the study of rescaling, and says where the report lies.
func rescaleSamples(ctx context.Context, t terminal, o rescaling.Options, by, out string, strict bool) error {
	study := rescaling.Study{Options: o, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
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
	fmt.Fprintln(t.Out, "report:", filepath.Join(out, rescaling.ReportFile))
	if strict && findings.Lost > 0 {
		return fmt.Errorf("%s could not be read", counted(findings.Lost, "image"))
	}
	return nil
}
