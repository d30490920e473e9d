// Package rescaling examines by how much noise is smaller than its label says once images have been clipped to their domain, and makes noise
// that is not (Rauber & Bethge 2020, "Fast differentiable clipping-aware normalization and rescaling", arXiv 2007.07677).
//
// Method. Each image gets one direction of noise, which depends on the seed and its place in the set alone. For every announced length the
// direction is scaled in two ways: naively, so that it has that length before the image is clipped, and exactly, so that it has it
// afterwards. What is left of either is measured. Where a model is given it answers the image as it is and both noisy versions, rounded to
// 8 bits as files hold them: what the naive scaling loses shows as accuracy that is too good for its label.
package rescaling

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"visus/engine"
	"visus/internal/progress"
	"visus/internal/version"
	"visus/rescale"
	"visus/study/result"
	"visus/study/session"
)

// Name is the study's name in config.yaml and findings.
const Name = "rescaling"

// The files of a result folder, besides figures, tables and the perturbed images.
const (
	SamplesFile  = "samples.csv"
	FindingsFile = "findings.json"
	ReportFile   = "report.html"
	imagesFolder = "perturbed"
)

// Options say what is perturbed, and how. Either Images or Arrays is given. Studies record them in config.yaml.
type Options struct {
	session.Options `yaml:",inline"` // of Models at most one

	Arrays string `yaml:"arrays"` // NPZ file with x [n, ...] and, in the place of noise, delta; or an NPY file of x

	Noise   string    `yaml:"noise"`
	Share   float64   `yaml:"share"`    // of elements that sparse noise moves
	Eps     []float64 `yaml:"eps"`      // announced lengths; none: those of the arrays' file, else DefaultEps with Mean
	P       float64   `yaml:"p"`        // of the norm; 0: that of the arrays' file, else 2
	Mean    bool      `yaml:"mean"`     // lengths are in units of one element: the root mean square where P is 2
	Low     float64   `yaml:"low"`      // of the arrays' domain; both 0: that of their file, else [0, 1]. Images always live in [0, 1]
	High    float64   `yaml:"high"`     //
	Clip    bool      `yaml:"clip"`     // arrays outside their domain are clipped first; otherwise they are an error
	AtMost  bool      `yaml:"at_most"`  // lengths do not exceed the announced one by rounding
	Format  string    `yaml:"format"`   // of perturbed images: PNG (8 bits), NPY (exact) or none; arrays are NPZ or none
	Gallery int       `yaml:"examples"` // images in the page; 0: 8
}

// DefaultEps are lengths in units of one element, on a domain of length 1.
var DefaultEps = []float64{0.02, 0.05, 0.1, 0.2, 0.3, 0.4}

// Formats are those of perturbed images.
var Formats = []string{"png", "npy", "npz", "none"}

// Check reports options that mean nothing.
func (o Options) Check() error {
	images := o.Images != ""
	switch {
	case images == (o.Arrays != ""):
		return errors.New("rescaling: expected either images or arrays")
	case !slices.Contains(Noises, o.Noise):
		return fmt.Errorf("rescaling: noise %q is none of %v", o.Noise, Noises)
	case !(o.Share > 0 && o.Share <= 1):
		return fmt.Errorf("rescaling: the share of sparse noise is %v; expected more than 0, at most 1", o.Share)
	case !(o.P >= 0):
		return fmt.Errorf("rescaling: p is %v; expected a number above 0, or inf", o.P)
	case images && (o.Low != 0 || o.High != 0 && o.High != 1 || o.Clip):
		return errors.New("rescaling: images live in [0, 1]; bounds and clipping are for arrays")
	case !images && len(o.Models) > 0:
		return errors.New("rescaling: a model answers images, not arrays")
	case len(o.Models) > 1:
		return fmt.Errorf("rescaling: expected at most one model, found %d", len(o.Models))
	case !slices.Contains(Formats, o.Format), images && o.Format == "npz", !images && (o.Format == "png" || o.Format == "npy"):
		return fmt.Errorf("rescaling: format %q; expected png, npy or none for images, npz or none for arrays", o.Format)
	}
	for i, eps := range o.Eps {
		if !(eps > 0) || math.IsInf(eps, 1) {
			return fmt.Errorf("rescaling: a length is %v; expected a number above 0", eps)
		}
		if i > 0 && eps <= o.Eps[i-1] {
			return fmt.Errorf("rescaling: expected lengths in rising order, found %v after %v", eps, o.Eps[i-1])
		}
	}
	return nil
}

// rescale is what package rescale is told.
func (o Options) rescale() rescale.Options {
	return rescale.Options{P: o.P, Low: o.Low, High: o.High, Mean: o.Mean, Clip: o.Clip, AtMost: o.AtMost}
}

// Study is one run.
type Study struct {
	Options  Options
	Engine   engine.Engine  // of the model; nil without one
	Progress progress.Meter // nil: none
	Note     func(string)   // is told what a person should know
}

// Config is config.yaml of a result folder.
type Config struct {
	Visus    string                `yaml:"visus"`
	Study    string                `yaml:"study"`
	Engine   string                `yaml:"engine,omitempty"`
	Options  Options               `yaml:"options"`
	Data     session.DataConfig    `yaml:"data"`
	Models   []session.ModelConfig `yaml:"decided,omitempty"`
	Warnings []string              `yaml:"warnings,omitempty"`
}

// run is a study under way.
type run struct {
	Study
	folder  string
	config  Config
	resumes bool
	levels  []string // names of the announced lengths
	given   bool     // whether directions are those of the arrays' file
	lost    []string // why images could not be read
}

// Run perturbs and writes config.yaml, samples.csv, findings.json, perturbed images, figures and report.html to the folder. Where the folder
// holds the beginning of the same run it goes on from there. It returns session.ErrInterrupted where its context ends.
func (s Study) Run(ctx context.Context, folder string) (*Findings, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	if s.Options.Share == 0 {
		s.Options.Share = 0.03
	}
	r := &run{Study: s, folder: folder}
	if err := r.Options.Check(); err != nil {
		return nil, err
	}
	perturb := r.images
	if r.Options.Arrays != "" {
		perturb = r.arrays
	} else if err := r.Options.CheckFolder(folder); err != nil {
		return nil, err
	}
	findings, err := perturb(ctx)
	if ctx.Err() != nil {
		return nil, session.ErrInterrupted
	}
	return findings, err
}

func (r *run) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

// begin makes the result folder, or finds the same run begun in it. It returns what that run decided about models.
func (r *run) begin(data session.DataConfig, models []session.ModelConfig) ([]session.ModelConfig, error) {
	r.config = Config{Visus: version.String(), Study: Name, Options: r.Options, Data: data, Models: models}
	if r.Engine != nil && len(models) > 0 {
		r.config.Engine = r.Engine.Name()
	}
	before, err := result.Earlier(r.folder, Name, func(before Config) []string {
		var d result.Differences
		d.Add("visus", before.Visus, r.config.Visus)
		d.Add("engine", before.Engine, r.config.Engine)
		d.AddFields(before.Options, r.config.Options)
		return append(d, session.Differences(before.Options.Options, r.config.Options.Options, before.Data, data, before.Models, models)...)
	})
	if err != nil || before == nil {
		return nil, err
	}
	r.resumes = true
	return before.Models, result.Sweep(r.folder)
}

// keep writes the configuration of a run that is new, once all is decided.
func (r *run) keep() error {
	if r.resumes {
		return nil
	}
	return result.Begin(r.folder, r.config)
}

func (r *run) path(name ...string) string {
	return filepath.Join(append([]string{r.folder}, name...)...)
}

// level is the name of an announced length.
func level(eps float64) string { return fmt.Sprintf("%g", eps) }

// outcome is what one perturbation became, scaled both ways.
type outcome struct {
	exact, naive rescale.Report
}

// naiveFactors are those by which rows of delta have the length 1 before clipping.
func naiveFactors[E float32 | float64](x, delta []E, rows int, o rescale.Options) ([]float64, error) {
	o.Low, o.High, o.AtMost = math.Inf(-1), math.Inf(1), false
	eta := make([]float64, rows)
	return eta, rescale.EtaRows(eta, x, delta, []float64{1}, o)
}

// compare scales rows exactly and by the naive factors, and writes the clipped images. eps has one element, or one for each row.
func compare[E float32 | float64](exact, naive, x, delta []E, eps, factors []float64, o rescale.Options) ([]outcome, error) {
	reports, err := rescale.PerturbRows(exact, x, delta, eps, len(factors), o)
	if err != nil {
		return nil, err
	}
	eta := make([]float64, len(factors))
	for i, factor := range factors {
		eta[i] = factor * eps[min(i, len(eps)-1)]
	}
	plain, err := rescale.ApplyRows(naive, x, delta, eta, o)
	if err != nil {
		return nil, err
	}
	out := make([]outcome, len(factors))
	for i := range out {
		out[i] = outcome{reports[i], plain[i]}
	}
	return out, nil
}

// unit is the length that announced lengths are multiples of, for images of n elements.
func unit(n int, o Options) float64 {
	if !o.Mean || math.IsInf(o.P, 1) {
		return 1
	}
	return math.Pow(float64(n), 1/o.P)
}

// row tells what became of a sample.
func (o outcome) row(sample, category string, eps, unit float64) Row {
	return Row{
		Sample: sample, Category: category, Eps: eps, Stored: math.NaN(),
		Eta: o.exact.Eta, Norm: o.exact.Norm / unit, Largest: o.exact.Largest / unit, Reached: o.exact.Reached, Clipped: o.exact.Clipped,
		NaiveEta: o.naive.Eta, NaiveNorm: o.naive.Norm / unit, NaiveClipped: o.naive.Clipped,
	}
}
