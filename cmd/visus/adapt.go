package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"visus/adapt"
	"visus/engine"
	"visus/graph"
	"visus/graph/norm"
	"visus/measure/shift"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/adaptation"
	"visus/study/corruption"
	"visus/study/session"
)

type adaptCommand struct {
	engineFlag
	Model  string `arg:"" name:"model" help:"ONNX model." type:"path"`
	Images string `required:"" help:"Images of the world as it is now, labels not needed: as of visus examine." type:"path"`
	Out    string `default:"result" help:"FILE.onnx: the adapted model, deployable as it is. Else a result folder: the model as it is and adapted, on these images."`

	Mode   string   `default:"" enum:",batch,prior,full,calibrated,tent,rpl,eta,eata,sar,cotta" help:"Statistics: batch (of the images alone), prior (mixed with the stored ones), full (of all images, exactly, layer by layer; for FILE.onnx), calibrated (with --clean). Learning from the answers: tent, rpl, eta, eata (with --clean), sar, cotta. Default: batch, with --clean calibrated."`
	Prior  float64  `help:"Source samples N that the stored statistics count as; default: none, of mode prior twice the batch."`
	Layers []string `help:"Layers to adapt in FILE.onnx: names, stages (layer2, stem) or patterns; ! before one leaves it out; default: all." placeholder:"NAME,..."`
	Only   string   `default:"both" enum:"both,mean,variance" help:"What of the statistics follows the images, in FILE.onnx."`
	Pooled bool     `help:"The variance of mixed statistics includes the distance of their means, in FILE.onnx."`
	Clean  string   `help:"Clean images to calibrate on, or for eata to learn from what matters to them; labels not needed." placeholder:"DIR" type:"path"`
	Rate   float64  `help:"Learning rate of the modes that learn; default 0.001, of sar 0.00025."`
	Steps  int      `help:"Steps on each batch, of the modes that learn; default 1."`

	Preprocessing string `help:"As of visus examine." placeholder:"NAME|FILE"`
	Classes       string `help:"As of visus examine." placeholder:"NAME|FILE"`
	Labels        string `help:"As of visus examine." placeholder:"NAME|FILE"`
	LabelColumn   string `help:"Column of the CSV that holds the label."`
	Output        string `help:"Name of the model's output with the class scores."`
	Size          int    `help:"Input size for models that take any."`
	Limit         int    `help:"Use at most so many images, spread evenly over the set."`
	Batch         int    `help:"Images that are adapted to together; default 32, for FILE.onnx 128, of modes that learn 64."`
	Orient        bool   `help:"Turn photographs upright by their EXIF orientation."`
	Seed          uint64 `help:"Seed of the order of the images."`
	Threads       int    `help:"Threads of the engine; default: all cores."`
	Workers       int    `help:"Images read at the same time; default: all cores."`
}

// Help adds examples to --help.
func (adaptCommand) Help() string {
	return `Examples:

  # an ordinary ONNX model whose batch normalisation knows today's images
  visus adapt model.onnx --images today/ --out adapted.onnx

  # is it worth it? the model as it is and adapted to batches of 8, mixed with 16 source samples; result/report.html
  visus adapt model.onnx --images today/ --mode prior --prior 16 --batch 8

  # learn from the answers (Tent), batch by batch: does it help? result/report.html
  visus adapt model.onnx --images today/ --mode tent

  # an ordinary ONNX model with the parameters as they are after the last batch
  # and the statistics that all the images have in it, measured afterwards
  visus adapt model.onnx --images today/ --mode tent --out learnt.onnx`
}

// Run adapts.
func (c *adaptCommand) Run(ctx context.Context, t terminal) error {
	if err := c.check(); err != nil {
		return usageError{err}
	}
	shown, err := c.world()
	if err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(c.Out), ".onnx") {
		err := c.deploy(ctx, t)
		if err != nil && ctx.Err() != nil {
			return errNothingKept
		}
		return err
	}
	if c.learns() {
		return c.study(ctx, t, shown)
	}
	if c.mode() == adapt.Full || len(c.Layers) > 0 || c.Only != "both" || c.Pooled {
		return usageError{errors.New("--mode full, --layers, --only and --pooled are for --out FILE.onnx")}
	}
	// The data as they are, each block shown to the model as it is and adapted: the corruption study without a corruption.
	o := corruption.Options{Options: c.options(), Adapt: []string{string(c.mode())}, Prior: c.Prior, Clean: c.Clean}
	o.Corruptions = shown
	_, err = examine(ctx, t, o, c.Engine, c.Out)
	return err
}

// world returns what of session.Options.Corruptions shows the images as they are and nothing else. A model follows one world: images under
// several conditions are an error.
func (c *adaptCommand) world() ([]string, error) {
	set, err := stimulus.Open(c.Images, stimulus.Options{LabelColumn: c.LabelColumn, Orient: c.Orient})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	if n := len(set.Conditions); n > 1 {
		return nil, fmt.Errorf("%s holds images under %d conditions (%s, %s and so on), and a model adapts to one: give the images of one, or compare all with visus examine",
			c.Images, n, set.Conditions[0].Name, set.Conditions[1].Name)
	}
	if set.Conditions[0].Name != session.Clean {
		return nil, nil // corrupted on disk: shown as they are
	}
	return []string{session.Clean}, nil
}

// study shows the images to the model as it is, with the statistics of their batches, and learning.
func (c *adaptCommand) study(ctx context.Context, t terminal, shown []string) error {
	if len(c.Layers) > 0 {
		return usageError{errors.New("--layers is for --out FILE.onnx")}
	}
	o := adaptation.Options{Options: c.options(), Clean: c.Clean, Learn: []string{string(c.mode())}, Rate: c.Rate, Steps: c.Steps, Single: true}
	o.Batch, o.Corruptions = c.batch(), shown
	return examineAdaptation(ctx, t, o, c.Engine, c.Out)
}

func (c *adaptCommand) learns() bool { return slices.Contains(adapt.Learners, c.mode()) }

// batch is how many images are learnt from together.
func (c *adaptCommand) batch() int {
	if c.Batch == 0 && c.learns() {
		return 64
	}
	return c.Batch
}

func (c *adaptCommand) mode() adapt.Mode {
	switch {
	case c.Mode != "":
		return adapt.Mode(c.Mode)
	case c.Clean != "":
		return adapt.Calibrated
	}
	return adapt.Batch
}

func (c *adaptCommand) check() error {
	if err := modelFile(c.Model); err != nil {
		return err
	}
	if same(c.Model, c.Out) {
		return fmt.Errorf("--out %s is the model itself; expected another file", c.Out)
	}
	if c.mode() == adapt.Calibrated && c.Clean == "" {
		return errors.New("--mode calibrated needs clean images: --clean DIR")
	}
	if c.mode() == adapt.EATA && c.Clean == "" {
		return errors.New("--mode eata needs clean images: --clean DIR")
	}
	if c.learns() && c.mode() != adapt.EATA && c.Clean != "" {
		return fmt.Errorf("--clean is of no use to --mode %s", c.mode())
	}
	if c.learns() && (c.Prior != 0 || c.Only != "both" || c.Pooled) {
		return fmt.Errorf("--prior, --only and --pooled are of no use to --mode %s, which takes the statistics of the batch", c.mode())
	}
	if !c.learns() && (c.Rate != 0 || c.Steps != 0) {
		return fmt.Errorf("--rate and --steps are for the modes that learn: %s", strings.Trim(fmt.Sprint(adapt.Learners), "[]"))
	}
	if !(c.Rate >= 0) || math.IsInf(c.Rate, 1) {
		return fmt.Errorf("--rate is %g; expected a finite number above 0", c.Rate)
	}
	if !(c.Prior >= 0) || math.IsInf(c.Prior, 1) {
		return fmt.Errorf("--prior is %g; expected a finite number, 0 or more", c.Prior)
	}
	if err := atLeast(0, map[string]int{"limit": c.Limit, "batch": c.Batch, "steps": c.Steps, "size": c.Size, "threads": c.Threads, "workers": c.Workers}); err != nil {
		return err
	}
	return observer.CheckPreprocessing(c.Preprocessing)
}

func (c *adaptCommand) options() session.Options {
	return session.Options{
		Models: []string{c.Model}, Images: c.Images, Preprocessing: c.Preprocessing, Classes: c.Classes, Labels: c.Labels, LabelColumn: c.LabelColumn,
		Output: c.Output, Size: c.Size, Limit: c.Limit, Batch: c.Batch, Orient: c.Orient, Seed: c.Seed, Threads: c.Threads, Workers: c.Workers,
	}
}

// deploy writes the model with the statistics of the images.
func (c *adaptCommand) deploy(ctx context.Context, t terminal) error {
	engine, err := t.openEngine(c.Engine)
	if err != nil {
		return err
	}
	s, err := session.Open(c.options(), t.say)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.OpenModels(ctx, engine, 0, nil); err != nil {
		return err
	}
	if err := s.LeaveOutUnreadable(ctx); err != nil {
		return err
	}
	model, images := s.Models[0], s.Source(s.Conditions[0])
	method := adapt.Method{Mode: c.mode(), Images: c.batch(), Prior: c.Prior, Layers: c.Layers, Only: parts[c.Only], Pooled: c.Pooled}
	if !c.learns() {
		if method.Clean, err = c.options().Calibrate(ctx, engine, model, c.Clean); err != nil {
			return err
		}
	}
	if images.Len() < max(c.Batch, 1) {
		t.say("warning: there are %s where a batch of %d was asked for", counted(images.Len(), "image"), c.Batch)
	}
	if single(method, images.Len()) {
		t.say("warning: statistics of a single image destroy the accuracy of most networks; use --prior, or more images")
	}
	t.say("adapting to %s", counted(images.Len(), "image"))
	doubts, err := adapt.Balance(ctx, engine, model, images, method, c.Seed)
	if err != nil {
		return err
	}
	for _, d := range doubts {
		t.say("warning: %s", d.Text)
	}
	if c.learns() {
		if method, err = c.learn(ctx, t, engine, s, method); err != nil {
			return err
		}
	}
	statistics, err := adapt.Estimate(ctx, engine, model, images, method, c.Seed)
	if err != nil {
		return err
	}
	g, err := adapt.Deployable(model, statistics, method)
	if err != nil {
		return err
	}
	if err := save(g, c.Model, c.Out); err != nil {
		return err
	}
	if err := c.tellShift(ctx, t, engine, model, images, method.Clean); err != nil {
		return err
	}
	adapted, err := adapt.Deployed(ctx, engine, model, statistics, method)
	if err != nil {
		return err
	}
	defer adapted.Close()
	if err := tellAnswers(ctx, t, s, adapted); err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s: %s of %s follow %s\n", c.Out, counted(len(statistics), "layer"), model.Name(), counted(images.Len(), "image"))
	return nil
}

// single says whether layers are normalised by one image and nothing else. Full pools its batches before it uses them.
func single(m adapt.Method, images int) bool {
	alone := images == 1 || m.Images == 1 && m.Mode != adapt.Full
	return alone && m.Mode != adapt.Prior && m.Prior == 0
}

// learn shows the images to a model that learns. It returns the method that puts in what was learnt, with the statistics of the images.
func (c *adaptCommand) learn(ctx context.Context, t terminal, e engine.Engine, s *session.Session, method adapt.Method) (adapt.Method, error) {
	model, images := s.Models[0], s.Source(s.Conditions[0])
	known, err := c.options().OpenClean(c.Clean)
	if err != nil {
		return method, err
	}
	method.Learning = adapt.Learning{Rate: c.Rate, Steps: c.Steps, Seed: c.Seed}
	if known != nil {
		defer known.Close()
		method.Learning.Clean = known.Conditions[0].Source
	}
	o, err := adapt.New(ctx, e, model, method)
	if err != nil {
		return method, err
	}
	defer o.Close()
	tally, batches := score{truth: s.Choices[0].Truth}, (images.Len()+method.Images-1)/method.Images
	err = inBatches(ctx, images, model, method.Images, func(first int, batch []*raster.Image) error {
		answers, err := o.Answer(ctx, batch)
		if err != nil {
			return err
		}
		tally.count(images, first, answers)
		steps := o.Steps()
		t.say("batch %d of %d: %s", len(steps), batches, adaptation.Describe(steps[len(steps)-1]))
		return nil
	})
	if err != nil {
		return method, err
	}
	for _, w := range o.Warnings() {
		t.say("warning: %s", w.Text)
	}
	if tally.labelled > 0 {
		fmt.Fprintf(t.Out, "accuracy while learning: %s\n", tally)
	}
	learnt := adapt.Method{Mode: adapt.Batch, Images: method.Images, Layers: c.Layers}
	learnt.Parameters, err = o.Parameters()
	return learnt, err
}

// score counts right answers to labelled images.
type score struct {
	truth           map[string]int
	right, labelled int
}

func (s *score) count(images stimulus.Source, first int, answers []observer.Answer) {
	for k, a := range answers {
		if class, ok := s.truth[images.Item(first+k).Category]; ok {
			s.labelled++
			s.right += count(a.Top(1)[0] == class)
		}
	}
}

// String is the accuracy.
func (s score) String() string {
	return fmt.Sprintf("%.1f %%", 100*float64(s.right)/float64(max(s.labelled, 1)))
}

// inBatches loads images and shows them, size at a time, at the model's size.
func inBatches(ctx context.Context, images stimulus.Source, m *observer.Model, size int, show func(first int, batch []*raster.Image) error) error {
	for first := 0; first < images.Len(); first += size {
		batch := make([]*raster.Image, min(size, images.Len()-first))
		err := session.Parallel(ctx, runtime.GOMAXPROCS(0), len(batch), func(_, k int) error {
			image, err := images.Image(first + k)
			if err == nil {
				batch[k] = m.Geometry().Fit(image)
			}
			return err
		})
		if err == nil {
			err = show(first, batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var parts = map[string]norm.Part{"both": norm.Both, "mean": norm.MeanOnly, "variance": norm.VarianceOnly}

// tellShift says how far the images are from those that the model knows.
func (c *adaptCommand) tellShift(ctx context.Context, t terminal, e engine.Engine, m *observer.Model, images adapt.Images, clean norm.Statistics) error {
	moved, err := adapt.Measure(ctx, e, m, images, clean)
	if errors.Is(err, adapt.ErrNothing) {
		return nil // nothing is stored that one could compare with
	}
	if err != nil {
		return err
	}
	farthest, most := "", 0.
	distances := make([]float64, len(moved))
	for i, l := range moved {
		distances[i] = shift.Layer(l.Channels)
		if distances[i] > most {
			farthest, most = l.Layer, distances[i]
		}
	}
	fmt.Fprintf(t.Out, "shift (normalised squared Wasserstein distance, mean over layers): %.3f; largest in %s: %.3f\n", shift.Network(distances), farthest, most)
	return nil
}

// answerBatch is how many images are answered at a time.
const answerBatch = 128

// tellAnswers shows the images to the adapted model, and the labelled ones to the model as it was: it tells the accuracy of both where there
// are labels.
func tellAnswers(ctx context.Context, t terminal, s *session.Session, adapted *adapt.Observer) error {
	model, images, truth := s.Models[0], s.Source(s.Conditions[0]), s.Choices[0].Truth
	if len(truth) == 0 {
		return nil
	}
	before, after := score{truth: truth}, score{truth: truth}
	err := inBatches(ctx, images, model, answerBatch, func(first int, batch []*raster.Image) error {
		now, err := adapted.Answer(ctx, batch)
		if err != nil {
			return err
		}
		then, err := model.Answer(ctx, batch)
		before.count(images, first, then)
		after.count(images, first, now)
		return err
	})
	if err == nil && before.labelled > 0 {
		fmt.Fprintf(t.Out, "accuracy on the %s: %s as it was, %s adapted\n", counted(before.labelled, "labelled image"), before, after)
	}
	return err
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// same says whether two paths lead to one file.
func same(a, b string) bool {
	one, err := os.Stat(a)
	other, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(one, other)
}

// save writes the adapted model, into a new folder where there is none, and beside it what lies beside the model: how to use it.
func save(g *graph.Graph, model, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return err
	}
	if err := g.Save(out, graph.SaveOptions{}); err != nil {
		return err
	}
	sidecar, ok := observer.SidecarFile(model, "")
	if !ok {
		return nil
	}
	text, err := os.ReadFile(sidecar)
	if err != nil {
		return err
	}
	beside := strings.TrimSuffix(out, filepath.Ext(out)) + ".yaml"
	if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
		return err // the user's own
	}
	return os.WriteFile(beside, text, 0o666)
}
