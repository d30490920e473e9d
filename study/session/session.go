// Package session sets models before stimuli: it opens data and models, settles what these leave open, and makes stimuli under conditions.
package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"visus/engine"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
	"visus/study/result"
)

// ErrInterrupted is what studies return when their context ends: what was done is kept, and the same call goes on from there.
var ErrInterrupted = errors.New("interrupted")

// Options say which models are shown which images. Studies record them in config.yaml.
type Options struct {
	Models        []string `yaml:"models"`
	Images        string   `yaml:"images"`
	Corruptions   []string `yaml:"corruptions"` // names; none: all 19
	Severities    []int    `yaml:"severities"`  // 1..5; none: all
	Parameters    string   `yaml:"parameters"`  // a parameter set's name, or auto: by image size
	AsPublished   bool     `yaml:"as_published"`
	Frost         string   `yaml:"frost"` // folder with the published textures; "": our own
	Preprocessing string   `yaml:"preprocessing"`
	Classes       string   `yaml:"classes"`
	Labels        string   `yaml:"labels"` // what whole numbers among the labels mean: a built-in list or a file; "": decided on a sample
	LabelColumn   string   `yaml:"label_column"`
	Output        string   `yaml:"output"`
	Size          int      `yaml:"size"`
	Limit         int      `yaml:"limit"`  // at most so many images, spread evenly over the set; 0: all
	Batch         int      `yaml:"batch"`  // images shown together; 0: the study's choice
	Orient        bool     `yaml:"orient"` // obey EXIF rotation
	Seed          uint64   `yaml:"seed"`

	Threads int    `yaml:"-"` // does not change results
	Workers int    `yaml:"-"`
	Device  string `yaml:"device"`
}

// Session is data and models that are open, with all choices made.
type Session struct {
	Set        *stimulus.Collection
	Conditions []Condition
	Stimuli    []int // indices into each condition's source, in random order
	Models     []*observer.Model
	Choices    []observer.Choice // of each model
	Views      []View            // distinct geometries of the models
	ViewOf     []int             // of each model
	Data       DataConfig
	Decided    []ModelConfig // of each model; fingerprints alone before OpenModels
	Warnings   []string

	options    Options
	categories []string
	note       func(format string, args ...any)
}

// View is one way to bring images to size, shared by the models that take the same.
type View struct {
	observer.Geometry
	Parameters *corrupt.Parameters // of corruptions; nil: by the size of each image
}

// Open opens the data and takes the fingerprints of the models. note is told what a person should know.
func Open(o Options, note func(format string, args ...any)) (*Session, error) {
	s := &Session{options: o, note: note}
	if err := s.openData(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes data and models.
func (s *Session) Close() {
	for _, m := range s.Models {
		m.Close()
	}
	if s.Set != nil {
		s.Set.Close()
	}
}

// CheckFolder reports an error where a result folder lies among the images.
func (o Options) CheckFolder(folder string) error {
	if result.Inside(folder, o.Images) {
		return fmt.Errorf("the output folder %s lies in the folder of the images, where it would be taken for images; choose another --out", folder)
	}
	return nil
}

func (s *Session) openData() (err error) {
	s.Set, err = stimulus.Open(s.options.Images, stimulus.Options{LabelColumn: s.options.LabelColumn, Orient: s.options.Orient})
	if err != nil {
		return err
	}
	if s.Conditions, err = conditions(s.Set, s.options); err != nil {
		return err
	}
	source := s.Conditions[0].Source
	s.Stimuli = Spread(s.options.Limit, source.Len())
	s.shuffle()
	distinct := map[string]bool{}
	for _, i := range s.Stimuli {
		if c := source.Item(i).Category; c != "" && !distinct[c] {
			distinct[c] = true
			s.categories = append(s.categories, c)
		}
	}
	sort.Strings(s.categories)
	return s.fingerprint()
}

// LeaveOutUnreadable reads every stimulus once and leaves out those that cannot be read, with a warning that names the first of them. It is for studies
// that hold all images at once; it reports an error where none is left.
func (s *Session) LeaveOutUnreadable(ctx context.Context) error {
	source := s.Conditions[0].Source
	reasons := make([]error, len(s.Stimuli))
	if err := Parallel(ctx, s.options.WorkerCount(), len(s.Stimuli), func(_, k int) error {
		_, reasons[k] = source.Image(s.Stimuli[k])
		return nil
	}); err != nil {
		return ErrInterrupted
	}
	var kept []int
	for k, i := range s.Stimuli {
		if reasons[k] == nil {
			kept = append(kept, i)
		}
	}
	if len(kept) == len(s.Stimuli) {
		return nil
	}
	const most = 5
	lost := slices.DeleteFunc(reasons, func(err error) bool { return err == nil })
	if len(kept) == 0 {
		return fmt.Errorf("session: no image of %s can be read: %w", s.Set.Path, lost[0])
	}
	text := fmt.Sprintf("%d of %d images cannot be read and are left out: %v", len(lost), len(s.Stimuli), lost[0])
	for _, reason := range lost[1:min(len(lost), most)] {
		text += "; " + reason.Error()
	}
	if len(lost) > most {
		text += "; ..."
	}
	s.Stimuli = kept
	s.Warn(text)
	return nil
}

// shuffle puts the stimuli in random order, so that each block is a fair sample of the categories: one of a single category would adapt a
// model to that category.
func (s *Session) shuffle() {
	random := rand.New(rand.NewPCG(s.options.Seed, uint64(len(s.Stimuli))))
	random.Shuffle(len(s.Stimuli), func(i, k int) { s.Stimuli[i], s.Stimuli[k] = s.Stimuli[k], s.Stimuli[i] })
}

// OpenModels compiles the models for batches of the given size and settles what they leave open on a sample of the images. before is what an
// earlier run of the same study decided, nil where there is none.
func (s *Session) OpenModels(ctx context.Context, e engine.Engine, batch int, before []ModelConfig) error {
	names, err := modelNames(s.options.Models)
	if err != nil {
		return err
	}
	order, err := labelOrder(s.options.Labels)
	if err != nil {
		return err
	}
	size, err := s.freeSize()
	if err != nil {
		return err
	}
	for i, path := range s.options.Models {
		options := observer.Options{
			Name: names[i], Preprocessing: s.options.Preprocessing, Output: s.options.Output, Classes: s.options.Classes,
			Size: size, Batch: batch, Threads: s.options.Threads, Device: s.options.Device,
		}
		again := i < len(before)
		if again && !strings.HasSuffix(before[i].Preprocessing, ".yaml") {
			options.Preprocessing = before[i].Preprocessing
		}
		m, err := observer.Open(ctx, e, path, options)
		if err != nil {
			return err
		}
		s.Models = append(s.Models, m)
		choice, err := s.decide(ctx, m, order)
		if err != nil {
			return err
		}
		if again {
			choice.Tried = before[i].Tried
		}
		s.Choices = append(s.Choices, choice)
		s.record(i, m, choice)
	}
	return s.chooseViews()
}

// sampleSize is how many labelled images decide on preprocessing.
const sampleSize = 200

// decide looks at a sample of the images to settle what the model leaves open.
func (s *Session) decide(ctx context.Context, m *observer.Model, order *observer.Classes) (observer.Choice, error) {
	sample := observer.Sample{All: s.categories, Order: order}
	var err error
	if sample.Images, sample.Categories, err = s.sample(ctx, m, sampleSize); err != nil {
		return observer.Choice{}, err
	}
	return observer.Choose(ctx, m, sample)
}

// sample reads up to n images, spread over the set, at the model's size. Those that cannot be read are left out: they are listed when their
// turn comes, and what matters here is that some can.
func (s *Session) sample(ctx context.Context, m *observer.Model, n int) (images []*raster.Image, categories []string, err error) {
	source := s.Conditions[0].Source
	var lost error
	for _, at := range Spread(n, len(s.Stimuli)) {
		if ctx.Err() != nil {
			return nil, nil, ErrInterrupted
		}
		i := s.Stimuli[at]
		image, err := source.Image(i)
		if err != nil {
			lost = err
			continue
		}
		images, categories = append(images, m.Geometry().Fit(image)), append(categories, source.Item(i).Category)
	}
	if len(images) == 0 {
		return nil, nil, fmt.Errorf("session: no image of %s can be read: %w", s.Set.Path, lost)
	}
	return images, categories, nil
}

func (s *Session) record(i int, m *observer.Model, c observer.Choice) {
	for _, t := range c.Tried {
		s.note("%s: tried %s", m.Name(), t)
	}
	geometry := m.Geometry()
	s.note("%s: preprocessing %s, labels by %s, classes from %s", m.Name(), m.Preprocessing.Name, c.Labels, m.Classes.Origin)
	for _, w := range c.Warnings {
		s.Warn(m.Name() + ": " + w)
	}
	decided := &s.Decided[i]
	decided.Name, decided.Preprocessing, decided.Labels = m.Name(), m.Preprocessing.Name, c.Labels
	decided.Classes, decided.Output, decided.Scores = m.Classes.Origin, m.Output, m.Scores
	decided.Width, decided.Height, decided.Tried = geometry.Width, geometry.Height, c.Tried
}

// Warn keeps a warning for the report and tells it.
func (s *Session) Warn(text string) {
	s.note("warning: %s", text)
	s.Warnings = append(s.Warnings, text)
}

// modelNames returns the files' names without extension, and the paths where these are not distinct.
func modelNames(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, errors.New("session: no model to examine")
	}
	names := make([]string, len(paths))
	count := map[string]int{}
	for i, path := range paths {
		names[i] = observer.ModelName(path)
		count[names[i]]++
	}
	seen := map[string]bool{}
	for i, path := range paths {
		if count[names[i]] > 1 {
			names[i] = path
		}
		if seen[names[i]] {
			return nil, fmt.Errorf("session: the model %s is named twice", path)
		}
		seen[names[i]] = true
	}
	return names, nil
}

func labelOrder(name string) (*observer.Classes, error) {
	if name == "" {
		return nil, nil
	}
	return observer.OpenClasses(name)
}

// freeSize is the input size for models that take any: the images' own where the first ones agree, else 224.
func (s *Session) freeSize() (int, error) {
	if s.options.Size != 0 {
		return s.options.Size, nil
	}
	var first *raster.Image
	source := s.Conditions[0].Source
	for _, i := range Spread(16, len(s.Stimuli)) {
		image, err := source.Image(s.Stimuli[i])
		if err != nil {
			continue
		}
		if first == nil {
			first = image
		}
		if image.Width != first.Width || image.Height != first.Height || image.Width != image.Height || image.Width > 512 {
			return 224, nil
		}
	}
	if first == nil {
		return 224, nil
	}
	return first.Width, nil
}

// chooseViews groups the models by the size of image they take, and picks the corruptions' parameters for each.
func (s *Session) chooseViews() error {
	for _, m := range s.Models {
		geometry := m.Geometry()
		v := View{geometry, corrupt.ParametersFor(geometry.Width, geometry.Height)}
		if err := s.options.NameParameters(&v); err != nil {
			return err
		}
		at := slices.Index(s.Views, v)
		if at < 0 {
			at = len(s.Views)
			s.Views = append(s.Views, v)
		}
		s.ViewOf = append(s.ViewOf, at)
	}
	return nil
}

// NameParameters sets the parameters that the options name; auto leaves them as they are.
func (o Options) NameParameters(v *View) error {
	name := o.Parameters
	if name == "" || name == "auto" {
		return nil
	}
	named, ok := corrupt.ParametersByName(name)
	if !ok {
		return fmt.Errorf("session: parameters %q are none of auto, imagenet224, inception299, tiny64, cifar32, any", name)
	}
	v.Parameters = named
	return nil
}

// WorkerCount returns how many images are made at a time.
func (o Options) WorkerCount() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Spread returns n of 0..total-1, evenly spaced, all of them where n is 0 or too large.
func Spread(n, total int) []int {
	if n <= 0 || n > total {
		n = total
	}
	out := make([]int, n)
	for i := range out {
		out[i] = i * total / n
	}
	return out
}

// Parallel calls do for 0..n-1 on a few workers; do is told which worker it runs on. It returns the first error.
func Parallel(ctx context.Context, workers, n int, do func(worker, i int) error) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	failures := make([]error, workers)
	for w := range min(workers, n) {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(w, i); err != nil {
					failures[w] = err
					return
				}
			}
		})
	}
	wait.Wait()
	for _, err := range failures {
		if err != nil {
			return err // one is enough for a person to read
		}
	}
	return ctx.Err()
}
