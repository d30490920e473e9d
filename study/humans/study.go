// Package humans compares models with people who saw the same images (Geirhos et al. 2021, "Partial success in closing the gap between human
// and machine vision", arXiv 2106.07411, and 2020, "On the surprising similarities between supervised and self-supervised models", arXiv 2010.08377).
//
// Method. The trials of people and models are joined by image and condition, and compared on the images that all observers of a data set saw.
// Three questions are asked of each model: how accurate is it where images leave what it was trained on; does it err on the same images
// as people, beyond what the accuracies explain; and does it decide by shape, as people do, or by texture. People among themselves are the ceiling
// to which a model is held. Every number has an interval: Wilson's for accuracies of one observer, else the percentile bootstrap over images, and
// over persons
// where people are a group.
package humans

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"visus/engine"
	"visus/internal/atomicfile"
	"visus/internal/progress"
	"visus/internal/version"
	"visus/observer/decision"
	"visus/report"
	"visus/study/result"
	"visus/study/session"
)

// Name is the study's name in config.yaml and findings.
const Name = "humans"

// The files of a result folder, besides figures and tables.
const (
	FindingsFile = "findings.json"
	ReportFile   = "report.html"
)

// Options say who is compared. Studies record them in config.yaml.
type Options struct {
	Trials     []string `yaml:"trials" json:"-"`                        // files and folders of trials
	Datasets   []string `yaml:"datasets" json:"datasets,omitempty"`     // only these; none: all
	Categories []string `yaml:"categories" json:"categories,omitempty"` // none: the 16 of the field
	Names      []string `yaml:"names" json:"names,omitempty"`           // model=name as tables show it; * in model stands for anything
	Resamples  int      `yaml:"resamples" json:"resamples"`             // of the bootstrap; 0: bootstrap.DefaultResamples
	Seed       uint64   `yaml:"seed" json:"seed"`                       // of resamples
	Confusions bool     `yaml:"confusions" json:"all_confusions"`       // draw each observer's confusion matrices, under each condition too

	Showing `yaml:",inline" json:"-"`
}

// Check reports options that mean nothing.
func (o Options) Check() error {
	for _, name := range o.Names {
		if pattern, shown, ok := strings.Cut(name, "="); !ok || pattern == "" || shown == "" {
			return fmt.Errorf("humans: name %q: expected MODEL=NAME", name)
		} else if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("humans: name %q: %w", name, err)
		}
	}
	if o.Resamples < 0 {
		return fmt.Errorf("humans: %d resamples; expected 0 (the default) or more", o.Resamples)
	}
	return o.Showing.check()
}

// display is how tables and figures name an observer.
func (o Options) display(observer string) string {
	for _, name := range o.Names {
		pattern, shown, _ := strings.Cut(name, "=")
		if ok, _ := filepath.Match(pattern, observer); ok {
			return shown
		}
	}
	return observer
}

// categories are those of all trials.
func (o Options) categories() ([]string, error) {
	if len(o.Categories) > 0 {
		return slices.Sorted(slices.Values(o.Categories)), nil
	}
	if o.Mapping != "" {
		m, err := decision.ReadMapping(o.Mapping)
		if err != nil {
			return nil, err
		}
		return m.Categories(), nil
	}
	return decision.Sixteen().Categories(), nil
}

// Study is one comparison.
type Study struct {
	Options  Options
	Engine   engine.Engine  // of models that are shown stimuli; nil where there are none
	Progress progress.Meter // nil: none
	Note     func(string)   // is told what a person should know
}

// Config is config.yaml of a result folder.
type Config struct {
	Visus    string   `yaml:"visus"`
	Study    string   `yaml:"study"`
	Engine   string   `yaml:"engine,omitempty"`
	Options  Options  `yaml:"options"`
	Models   []Shown  `yaml:"decided,omitempty"`
	Warnings []string `yaml:"warnings,omitempty"`
}

// run is a study under way.
type run struct {
	Study
	folder string
	config Config
	images map[string]map[string]string // by data set and image: the file that was shown
}

// Run shows the stimuli to the models, where there are any, compares, and writes config.yaml, findings.json, figures, tables and report.html to the
// folder. Where the folder holds the beginning of the same comparison it goes on from there. It returns session.ErrInterrupted where its context ends.
func (s Study) Run(ctx context.Context, folder string) (*Findings, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	r := &run{Study: s, folder: folder, images: map[string]map[string]string{}}
	findings, err := r.run(ctx)
	if ctx.Err() != nil {
		return nil, session.ErrInterrupted
	}
	return findings, err
}

func (r *run) run(ctx context.Context) (*Findings, error) {
	if err := r.Options.Check(); err != nil {
		return nil, err
	}
	categories, err := r.Options.categories()
	if err != nil {
		return nil, err
	}
	rows, err := gather(r.Options.Trials)
	if err != nil {
		return nil, err
	}
	if err := r.begin(); err != nil {
		return nil, err
	}
	if len(r.Options.Models) > 0 {
		if rows, err = r.show(ctx, rows); err != nil {
			return nil, err
		}
	}
	if rows, err = r.chosen(rows); err != nil {
		return nil, err
	}
	all, err := r.measureAll(ctx, rows, categories)
	if err != nil {
		return nil, err
	}
	findings, err := r.conclude(all)
	if err != nil {
		return nil, err
	}
	return findings, r.write(findings, all)
}

// begin makes the result folder, or finds there the beginning of the same comparison.
func (r *run) begin() error {
	r.config = Config{Visus: version.String(), Study: Name, Options: r.Options}
	if r.Engine != nil {
		r.config.Engine = r.Engine.Name()
	}
	for _, root := range append(slices.Clone(r.Options.Trials), r.Options.Stimuli...) {
		if result.Inside(r.folder, root) {
			return fmt.Errorf("the output folder %s lies in %s, where it would be taken for trials or images; choose another --out", r.folder, root)
		}
	}
	var err error
	if r.config.Models, err = fingerprints(r.Options.Models); err != nil {
		return err
	}
	before, err := result.Earlier(r.folder, Name, func(before Config) []string {
		var d result.Differences
		d.Add("visus", before.Visus, r.config.Visus)
		d.Add("engine", before.Engine, r.config.Engine)
		d.AddFields(before.Options, r.config.Options)
		d.Add("models", sums(before.Models), sums(r.config.Models))
		return d
	})
	if err != nil || before != nil {
		return err
	}
	return result.Begin(r.folder, r.config)
}

func (r *run) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

func (r *run) path(name string) string { return filepath.Join(r.folder, name) }

// warn keeps a warning for the report and tells it.
func (r *run) warn(text string) {
	r.note("warning: %s", text)
	r.config.Warnings = append(r.config.Warnings, text)
}

// chosen drops data sets that were not asked for.
func (r *run) chosen(rows map[string][]located) (map[string][]located, error) {
	if len(r.Options.Datasets) == 0 {
		return rows, nil
	}
	kept := map[string][]located{}
	for _, name := range r.Options.Datasets {
		if rows[name] == nil {
			return nil, fmt.Errorf("humans: there are no trials of a data set %s; there are some of %s", name,
				strings.Join(slices.Sorted(maps.Keys(rows)), ", "))
		}
		kept[name] = rows[name]
	}
	return kept, nil
}

// measureAll loads and measures the data sets side by side, in the order in which they are shown.
func (r *run) measureAll(ctx context.Context, rows map[string][]located, categories []string) ([]*measurement, error) {
	names := slices.Sorted(maps.Keys(rows))
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	observers := map[string]bool{}
	for _, answers := range rows {
		for _, row := range answers {
			observers[row.Observer] = true
		}
	}
	if len(observers) < 2 {
		return nil, fmt.Errorf("humans: comparing needs at least two observers; the trials are all of %s", list(slices.Sorted(maps.Keys(observers))))
	}
	all := make([]*measurement, len(names))
	r.Progress.Begin("comparing", 0, len(names))
	defer r.Progress.End()
	err := session.Parallel(ctx, runtime.GOMAXPROCS(0), len(names), func(_, i int) error {
		s, err := load(names[i], rows[names[i]], categories)
		if err != nil {
			return err
		}
		if all[i], err = s.measure(r.Options); err != nil {
			return err
		}
		r.Progress.Add(1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		for _, text := range m.notes {
			r.warn(text)
		}
	}
	return all, nil
}

// conclude puts the data sets together.
func (r *run) conclude(all []*measurement) (*Findings, error) {
	f := &Findings{Visus: r.config.Visus, Study: Name, Options: r.Options, Verdicts: []Verdict{}}
	for _, m := range all {
		f.Datasets = append(f.Datasets, m.findings)
	}
	var err error
	if f.Benchmarks, err = benchmarks(all, r.Options); err != nil {
		return nil, err
	}
	for _, m := range r.config.Models {
		f.Shown = append(f.Shown, r.Options.display(m.Name))
	}
	f.Verdicts = append(f.Verdicts, verdicts(f.Benchmarks)...)
	f.Warnings = r.config.Warnings
	return f, nil
}

// write writes everything but the trials.
func (r *run) write(f *Findings, all []*measurement) error {
	if err := result.Sweep(r.folder); err != nil {
		return err
	}
	if err := result.Write(r.folder, r.config); err != nil {
		return err
	}
	if err := atomicfile.Write(r.path(FindingsFile), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return err
	}
	if err := r.page(f, all).Save(r.folder); err != nil {
		return err
	}
	return errors.Join(r.latex(f)...)
}

// latex writes the largest benchmark's tables as the field's toolbox names them.
func (r *run) latex(f *Findings) []error {
	if len(f.Benchmarks) == 0 {
		return nil
	}
	var errs []error
	for name, text := range map[string]string{
		"benchmark_table_humanlike.tex": f.Benchmarks[0].HumanLikeLaTeX(),
		"benchmark_table_accuracy.tex":  f.Benchmarks[0].AccuracyLaTeX(),
	} {
		path := r.path(filepath.Join("tables", name))
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o777), atomicfile.Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}))
	}
	return errs
}
