// Package adaptation examines how few images are enough for a classifier's normalisers to follow a new world, and how far that world is
// (Schneider et al. 2020).
//
// Method. Every condition is a target domain of its own: its images come in random order, and nothing is kept from one domain to the next.
// The model answers them as it is, and in batches of n images normalised by the batch's statistics, mixed with those of N source samples,
// for every n and N of a grid; cumulatively; where clean images are given, calibrated; and in modes that learn, a step on each batch from the
// answers alone. Every answer is a trial, and what a step did is told with the first trial of its batch. The distance of a
// domain is the normalised squared Wasserstein distance of each layer's statistics in the model as it is.
package adaptation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"visus/adapt"
	"visus/engine"
	"visus/graph/norm"
	"visus/internal/atomicfile"
	"visus/internal/progress"
	"visus/internal/version"
	"visus/observer"
	"visus/report"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/result"
	"visus/study/session"
	"visus/trial"
)

// Name is the study's name in config.yaml, trials and findings.
const Name = "adaptation"

// Options say what to examine.
type Options struct {
	session.Options `yaml:",inline"`

	Sizes  []int     `yaml:"sizes"`  // n: images that are adapted to together; none: 1, 8, 32, 200
	Priors []float64 `yaml:"priors"` // N: source samples; none: 0, 8, 16, 64, 256
	Clean  string    `yaml:"clean"`  // images that calibrate; "": none

	// Learn lists modes that learn (adapt.Learners), on batches of Batch images; none: tent, rpl, eta; NoLearning alone: none.
	Learn  []string `yaml:"learn"`
	Rate   float64  `yaml:"rate"`   // of their steps; 0: each mode's own
	Steps  int      `yaml:"steps"`  // on each batch; 0: 1
	Single bool     `yaml:"single"` // the model as it is, the statistics of batches and Learn, nothing else; images need no labels
}

// NoLearning in the place of modes that learn says that there are none.
const NoLearning = "none"

// usual fills in what the options leave open: the grid and the 15 sets of the reference (ResNet-20, CIFAR-10).
func (o Options) usual() Options {
	if o.Single {
		o.Sizes, o.Priors = []int{max(o.Batch, 1)}, []float64{0}
	}
	if len(o.Learn) == 0 {
		o.Learn = []string{string(adapt.Tent), string(adapt.RPL), string(adapt.ETA)}
	}
	if len(o.Sizes) == 0 {
		o.Sizes = []int{1, 8, 32, 200}
	}
	if len(o.Priors) == 0 {
		o.Priors = []float64{0, 8, 16, 64, 256}
	}
	if o.Batch == 0 {
		o.Batch = 32 // a step needs several images, a domain several steps
	}
	if len(o.Corruptions) == 0 {
		o.Corruptions = []string{"gaussian_noise", "defocus_blur", "fog", "contrast", "jpeg_compression"}
		o.Severities = []int{1, 3, 5}
	}
	if o.Limit == 0 && !o.Single {
		o.Limit = 500 // a domain's images are kept in memory
	}
	return o
}

// Check reports modes that do not learn, and EATA without clean images.
func (o Options) Check() error {
	for _, mode := range o.Learn {
		switch {
		case mode == NoLearning && len(o.Learn) == 1:
		case !isLearner(mode):
			return fmt.Errorf("adaptation: mode %q is none of %v that learn, nor %s alone", mode, adapt.Learners, NoLearning)
		case adapt.Mode(mode) == adapt.EATA && o.Clean == "":
			return fmt.Errorf("adaptation: mode %s needs clean images: --clean DIR", mode)
		}
	}
	return nil
}

// Study is one examination.
type Study struct {
	Options  Options
	Engine   engine.Engine
	Progress progress.Meter // nil: none
	Note     func(string)   // is told what a person should know
	Step     func(string)   // is told what each step of a mode that learns did; nil: nobody is
}

// Config is config.yaml of a result folder.
type Config struct {
	Visus    string                `yaml:"visus"`
	Study    string                `yaml:"study"`
	Engine   string                `yaml:"engine"`
	Options  Options               `yaml:"options"`
	Data     session.DataConfig    `yaml:"data"`
	Models   []session.ModelConfig `yaml:"decided"`
	Warnings []string              `yaml:"warnings,omitempty"`
}

// way is one way to show a domain to a model: one column of the trials.
type way struct {
	name   string
	model  int
	method adapt.Method // without a mode: the model as it is
	n      int          // images shown together
	images answerer
}

type answerer interface {
	Answer(ctx context.Context, images []*raster.Image) ([]observer.Answer, error)
}

// run is a study under way.
type run struct {
	Study
	*session.Session
	folder string
	config Config
	ways   []way
	clean  []norm.Statistics    // of each model; nil without clean images
	known  *stimulus.Collection // the clean images; nil without
}

// Run examines and writes config.yaml, trials.csv, findings.json, figures and report.html to the folder. Where the folder holds the beginning
// of the same examination it goes on from there. It returns session.ErrInterrupted where its context ends.
func (s Study) Run(ctx context.Context, folder string) (*Findings, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	s.Options = s.Options.usual()
	if err := errors.Join(s.Options.Check(), s.Options.CheckFolder(folder)); err != nil {
		return nil, err
	}
	r := &run{Study: s, folder: folder}
	err := r.open(ctx)
	defer r.close()
	if err == nil {
		err = r.show(ctx)
	}
	if ctx.Err() != nil {
		return nil, session.ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	return r.conclude(ctx)
}

func (r *run) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

func (r *run) open(ctx context.Context) (err error) {
	if r.Session, err = session.Open(r.Options.Options, r.note); err != nil {
		return err
	}
	if r.Data.Labels < r.Data.Stimuli && !r.Options.Single {
		return fmt.Errorf("adaptation: %d of %d images of %s have no label; the study counts errors", r.Data.Stimuli-r.Data.Labels, r.Data.Stimuli, r.Options.Images)
	}
	r.config = Config{Visus: version.String(), Study: Name, Engine: r.Engine.Name(), Options: r.Options, Data: r.Data, Models: slices.Clone(r.Decided)}
	before, err := result.Earlier(r.folder, Name, func(before Config) []string {
		var d result.Differences
		d.Add("visus", before.Visus, r.config.Visus)
		d.Add("engine", before.Engine, r.config.Engine)
		d.AddFields(before.Options, r.config.Options)
		return append(d, session.Differences(before.Options.Options, r.config.Options.Options, before.Data, r.config.Data, before.Models, r.config.Models)...)
	})
	if err != nil {
		return err
	}
	var decided []session.ModelConfig
	if before != nil {
		decided = before.Models
	}
	if err := r.LeaveOutUnreadable(ctx); err != nil {
		return err
	}
	if err := r.OpenModels(ctx, r.Engine, 32, decided); err != nil {
		return err
	}
	if err := r.calibrate(ctx); err != nil {
		return err
	}
	if err := r.plan(ctx); err != nil {
		return err
	}
	r.config.Models, r.config.Warnings = r.Decided, r.Warnings
	if before != nil {
		r.config.Warnings = before.Warnings
		return nil
	}
	return result.Begin(r.folder, r.config)
}

func (r *run) calibrate(ctx context.Context) error {
	r.clean = make([]norm.Statistics, len(r.Models))
	var err error
	if r.known, err = r.Options.OpenClean(r.Options.Clean); err != nil {
		return err
	}
	for i, m := range r.Models {
		if r.clean[i], err = r.Options.Calibrate(ctx, r.Engine, m, r.Options.Clean); err != nil {
			return err
		}
		if err = r.WarnOfBalance(ctx, r.Engine, m, adapt.Method{Mode: adapt.Batch, Clean: r.clean[i]}); err != nil {
			return err
		}
	}
	return nil
}

// plan lists the ways. Sizes beyond the number of images become that number.
func (r *run) plan(ctx context.Context) error {
	var sizes []int
	for _, n := range r.Options.Sizes {
		if n = min(n, len(r.Stimuli)); !slices.Contains(sizes, n) {
			sizes = append(sizes, n)
		}
	}
	largest := slices.Max(sizes)
	batch := min(r.Options.Batch, len(r.Stimuli))
	for i, m := range r.Models {
		r.ways = append(r.ways, way{name: m.Name(), model: i, n: 32, images: m})
		add := func(method adapt.Method, n int) error {
			method.Clean = r.clean[i]
			o, err := adapt.New(ctx, r.Engine, m, method)
			if err != nil {
				return err
			}
			r.ways = append(r.ways, way{fmt.Sprintf("%s · %s n=%d", m.Name(), method, n), i, method, n, o})
			return nil
		}
		for _, n := range sizes {
			for _, prior := range r.Options.Priors {
				method := adapt.Method{Mode: adapt.Prior, Images: n, Prior: prior}
				if prior == 0 {
					method.Mode = adapt.Batch
				}
				if err := add(method, n); err != nil {
					return err
				}
			}
			if r.clean[i] != nil {
				if err := add(adapt.Method{Mode: adapt.Calibrated}, n); err != nil {
					return err
				}
			}
		}
		if !r.Options.Single {
			if err := add(adapt.Method{Mode: adapt.Cumulative}, largest); err != nil {
				return err
			}
		}
		if err := r.planLearning(ctx, i, batch); err != nil {
			return err
		}
	}
	return nil
}

// planLearning adds the ways that learn. A model that has no gradients is shown without them, and a warning says why.
func (r *run) planLearning(ctx context.Context, model, n int) error {
	m := r.Models[model]
	for _, mode := range r.Options.Learn {
		if mode == NoLearning {
			continue
		}
		method := adapt.Method{Mode: adapt.Mode(mode)}
		method.Learning = adapt.Learning{Rate: r.Options.Rate, Steps: r.Options.Steps, Seed: r.Options.Seed}
		if r.known != nil {
			method.Learning.Clean = r.known.Conditions[0].Source
		}
		o, err := adapt.New(ctx, r.Engine, m, method)
		if err == nil {
			err = rehearse(ctx, m, o, n)
		}
		if ctx.Err() != nil {
			return session.ErrInterrupted
		}
		if err != nil && r.Options.Single {
			return err
		}
		if err != nil {
			r.Warn(fmt.Sprintf("%s does not learn: %v", m.Name(), err))
			continue
		}
		if n == 1 {
			r.Warn(fmt.Sprintf("%s · %s learns from single images: their statistics alone destroy the accuracy of most networks", m.Name(), mode))
		}
		r.ways = append(r.ways, way{fmt.Sprintf("%s · %s n=%d", m.Name(), method, n), model, method, n, o})
	}
	return nil
}

// rehearse makes a step on black images and forgets it: whether a graph has gradients and an engine runs them shows then.
func rehearse(ctx context.Context, m *observer.Model, o *adapt.Observer, n int) error {
	images := make([]*raster.Image, n)
	for i := range images {
		images[i] = raster.New(m.Geometry().Width, m.Geometry().Height)
	}
	if _, err := o.Answer(ctx, images); err != nil {
		return errors.Join(err, o.Close())
	}
	return o.Reset()
}

func (r *run) close() {
	for _, w := range r.ways {
		if o, ok := w.images.(*adapt.Observer); ok {
			o.Close()
		}
	}
	if r.known != nil {
		r.known.Close()
	}
	if r.Session != nil {
		r.Session.Close()
	}
}

func (r *run) path(name string) string { return filepath.Join(r.folder, name) }

// show answers what the journal does not hold yet: domain by domain, way by way.
func (r *run) show(ctx context.Context) error {
	if _, err := os.Stat(r.path(trial.TableFile)); err == nil {
		return nil
	}
	blocks := len(r.Conditions) * len(r.ways)
	journal, err := trial.OpenJournal(r.folder, func(block int) int {
		if block >= blocks {
			return 0
		}
		return len(r.Stimuli)
	})
	if err != nil {
		return err
	}
	defer journal.Close()
	r.note("%s × %s × %s to adapt = %s, %d done", plural(len(r.Stimuli), "image"), plural(len(r.Conditions), "condition"), plural(len(r.ways), "way"),
		plural(len(r.Stimuli)*blocks, "trial"), journal.Rows())
	r.Progress.Begin("adapting", journal.Rows(), len(r.Stimuli)*blocks)
	defer r.Progress.End()
	held, views := -1, [][]*raster.Image(nil)
	for block := journal.Blocks(); block < blocks; block++ {
		at := block / len(r.ways)
		if at != held {
			if views, err = r.domain(ctx, r.Conditions[at]); err != nil {
				return err
			}
			held = at
		}
		w := r.ways[block%len(r.ways)]
		if err := r.answer(ctx, journal, r.Conditions[at], w, views[r.ViewOf[w.model]]); err != nil {
			return err
		}
	}
	return journal.Finish()
}

// domain makes the images of a condition at every model's size.
func (r *run) domain(ctx context.Context, c session.Condition) ([][]*raster.Image, error) {
	makers := make([]*session.Maker, r.Options.WorkerCount())
	for i := range makers {
		var err error
		if makers[i], err = r.NewMaker(); err != nil {
			return nil, err
		}
	}
	views := make([][]*raster.Image, len(r.Views))
	for v := range views {
		views[v] = make([]*raster.Image, len(r.Stimuli))
	}
	return views, session.Parallel(ctx, len(makers), len(r.Stimuli), func(worker, k int) error {
		image, err := c.Source.Image(r.Stimuli[k])
		if err != nil {
			return err
		}
		for v, view := range r.Views {
			views[v][k] = view.Fit(image)
			if !c.Made {
				continue
			}
			made := &raster.Image{}
			if err := makers[worker].Make(made, views[v][k], view, c, r.Stimuli[k]); err != nil {
				return fmt.Errorf("%s: %w", c.Source.Item(r.Stimuli[k]).ID, err)
			}
			views[v][k] = made
		}
		return nil
	})
}

// answer shows one domain in batches.
func (r *run) answer(ctx context.Context, journal *trial.Journal, c session.Condition, w way, images []*raster.Image) error {
	adapted, _ := w.images.(*adapt.Observer)
	if adapted != nil {
		if err := adapted.Reset(); err != nil {
			return err
		}
	}
	for at := 0; at < len(images); at += w.n {
		batch := images[at:min(at+w.n, len(images))]
		answers, err := w.images.Answer(ctx, batch)
		if err != nil {
			return err
		}
		for k, a := range answers {
			row, err := r.trial(c, w, at+k, a)
			if err != nil {
				return err
			}
			if k == 0 && w.learns() {
				steps := adapted.Steps()
				row.Extras.Other = map[string]any{stepColumn: recorded(steps[len(steps)-1])}
				r.tell(w, c, len(steps), (len(images)+w.n-1)/w.n, steps[len(steps)-1])
			}
			if err := journal.Write(&row); err != nil {
				return err
			}
		}
		r.Progress.Add(len(batch))
	}
	return nil
}

// trial is one answer as a row; at is the stimulus's place.
func (r *run) trial(c session.Condition, w way, at int, a observer.Answer) (trial.Trial, error) {
	item, best, classes := c.Source.Item(r.Stimuli[at]), a.Top(1)[0], r.Models[w.model].Classes
	row := trial.Trial{
		Study: Name, Session: 1, Trial: at + 1, Observer: w.name, ObserverKind: trial.Model, Stimulus: item.ID, Condition: c.Name,
		Response: classes.Name(best), RT: math.NaN(), Confidence: float64(a.Probabilities[best]),
	}
	if item.Category == "" {
		return row, nil
	}
	truth, ok := r.Choices[w.model].Truth[item.Category]
	if !ok {
		return row, fmt.Errorf("adaptation: %s: the label %q of %s is no class of the model", r.Models[w.model].Name(), item.Category, item.ID)
	}
	row.Category, row.Correct = classes.Name(truth), truth == best
	return row, nil
}

// conclude measures trials and shift, and writes the report.
func (r *run) conclude(ctx context.Context) (*Findings, error) {
	if err := result.Sweep(r.folder); err != nil {
		return nil, err
	}
	f, err := r.measure()
	if err != nil {
		return nil, err
	}
	if err := r.measureShift(ctx, f); err != nil {
		if ctx.Err() != nil {
			return nil, session.ErrInterrupted
		}
		return nil, err
	}
	f.Visus, f.Engine, f.Config, f.Warnings = r.config.Visus, r.config.Engine, r.config, slices.Concat(r.config.Warnings, f.collapses())
	if err := atomicfile.Write(r.path("findings.json"), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return nil, err
	}
	return f, r.page(f).Save(r.folder)
}

var errOther = errors.New("adaptation: the trials are not of this examination")
