package humans

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"visus/internal/atomicfile"
	"visus/observer"
	"visus/observer/decision"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/result"
	"visus/study/session"
	"visus/trial"
)

// Showing says which models are shown which stimuli.
type Showing struct {
	Models        []string `yaml:"models"`
	Stimuli       []string `yaml:"stimuli"` // folders, one data set each
	Mapping       string   `yaml:"mapping"` // file from categories to outputs; "": by the names of the classes
	Rule          string   `yaml:"rule"`    // of decision.Rules; "": mean
	Preprocessing string   `yaml:"preprocessing"`
	Classes       string   `yaml:"classes"`
	Output        string   `yaml:"output"`
	Size          int      `yaml:"size"`
	Batch         int      `yaml:"batch"` // 0: 16
	Limit         int      `yaml:"limit"` // at most so many images of a data set, spread evenly; 0: all
	Device        string   `yaml:"device"`

	Threads int `yaml:"-"` // does not change results
	Workers int `yaml:"-"`
}

func (s Showing) check() error {
	switch {
	case len(s.Models) > 0 && len(s.Stimuli) == 0:
		return errors.New("humans: a model needs images to answer: give the folders of stimuli")
	case len(s.Models) == 0 && len(s.Stimuli) > 0:
		return errors.New("humans: stimuli are shown to models: give one, or leave the stimuli out")
	case s.Rule != "" && !slices.Contains(decision.Rules(), s.Rule):
		return fmt.Errorf("humans: rule %q is none of %s", s.Rule, strings.Join(decision.Rules(), ", "))
	}
	return nil
}

// Shown is what was decided for a model.
type Shown struct {
	session.ModelConfig `yaml:",inline"`
	Mapping             string   `yaml:"mapping"`
	Answerable          []string `yaml:"answerable"`
}

// fingerprints identifies the models' files before anything is decided.
func fingerprints(models []string) ([]Shown, error) {
	var list []Shown
	for _, path := range models {
		sum, err := result.Sum(path)
		if err != nil {
			return nil, err
		}
		list = append(list, Shown{ModelConfig: session.ModelConfig{Name: observer.ModelName(path), SHA256: sum}})
	}
	return list, nil
}

func sums(models []Shown) []string {
	list := []string{}
	for _, m := range models {
		list = append(list, m.SHA256)
	}
	return list
}

// stimuli are one data set's images.
type stimuli struct {
	dataset string
	root    string
	source  stimulus.Source
	close   func() error
	items   []shownItem
}

// shownItem is one image with what its place says.
type shownItem struct {
	trial.StimulusName
	at int // in the source
	id string
}

// show lets every model answer every data set, and returns the trials of all observers on these.
func (r *run) show(ctx context.Context, rows map[string][]located) (map[string][]located, error) {
	var sets []*stimuli
	for _, root := range r.Options.Stimuli {
		s, err := openStimuli(root, rows)
		if err != nil {
			return nil, err
		}
		defer s.close()
		if slices.ContainsFunc(sets, func(t *stimuli) bool { return t.dataset == s.dataset }) {
			return nil, fmt.Errorf("humans: %s are images of the data set %s, as are those of another folder; compare them one after the other",
				root, s.dataset)
		}
		sets = append(sets, s)
		r.keepImages(s)
	}
	for i, file := range r.Options.Models {
		if err := r.examine(ctx, &r.config.Models[i], file, sets, rows); err != nil {
			return nil, err
		}
	}
	answered, err := gather([]string{r.path("trials")})
	if err != nil {
		return nil, err
	}
	together := map[string][]located{}
	for _, s := range sets {
		together[s.dataset] = slices.Concat(rows[s.dataset], answered[s.dataset])
	}
	return together, nil
}

// openStimuli opens a folder of images and finds the data set of the trials that it belongs to.
func openStimuli(root string, rows map[string][]located) (*stimuli, error) {
	set, err := stimulus.Open(root, stimulus.Options{})
	if err != nil {
		return nil, err
	}
	s := &stimuli{root: root, source: set.Conditions[0].Source, close: set.Close}
	inside := filepath.Base(root)
	for i := range s.source.Len() {
		id := s.source.Item(i).ID
		name, err := trial.ParseStimulus(path.Join(inside, id))
		if err != nil {
			set.Close()
			return nil, err
		}
		s.items = append(s.items, shownItem{name, i, id})
	}
	if s.dataset, err = s.match(rows); err != nil {
		set.Close()
		return nil, err
	}
	return s, nil
}

// match finds the data set by the folder's name, else by the longest name with which it begins, else by the images themselves. Without trials it is the
// folder's name.
func (s *stimuli) match(rows map[string][]located) (string, error) {
	name := strings.ReplaceAll(filepath.Base(s.root), "_", "-")
	if len(rows) == 0 || rows[name] != nil {
		return name, nil
	}
	best := ""
	for dataset := range rows {
		if strings.HasPrefix(name, dataset) && len(dataset) > len(best) {
			best = dataset
		}
	}
	if best != "" {
		return best, nil
	}
	shown := map[string]bool{}
	for _, item := range s.items {
		shown[trial.ImageKey(item.id)] = true
	}
	most := 0
	for _, dataset := range slices.Sorted(maps.Keys(rows)) {
		common := map[string]bool{}
		for _, row := range rows[dataset] {
			if k := trial.ImageKey(row.Stimulus); shown[k] {
				common[k] = true
			}
		}
		if len(common) > most {
			best, most = dataset, len(common)
		}
	}
	if best == "" {
		return "", fmt.Errorf("humans: no image of %s (such as %s) is among the trials, which are of %s; images are joined by their names "+
			"without extension",
			s.root, s.items[0].id, list(slices.Sorted(maps.Keys(rows))))
	}
	return best, nil
}

// keepImages remembers the files for the reader.
func (r *run) keepImages(s *stimuli) {
	files := map[string]string{}
	for _, item := range s.items {
		files[trial.ImageKey(item.id)] = filepath.Join(s.root, filepath.FromSlash(item.id))
	}
	r.images[s.dataset] = files
}

// candidate is a model with its way to categories.
type candidate struct {
	*observer.Model
	mapping *decision.Mapping
	rule    decision.Rule
	warning string // of what was guessed; "": nothing
}

// examine opens a model, settles what it leaves open, and lets it answer what it can.
func (r *run) examine(ctx context.Context, shown *Shown, file string, sets []*stimuli, rows map[string][]located) error {
	o := r.Options
	name := r.unused(shown.Name, rows)
	size := o.Size
	if size == 0 {
		first, err := sets[0].source.Image(sets[0].items[0].at)
		if err != nil {
			return err
		}
		size = min(first.Width, first.Height)
	}
	m, err := observer.Open(ctx, r.Engine, file, observer.Options{Name: name, Preprocessing: o.Preprocessing, Output: o.Output, Classes: o.Classes,
		Size: size, Batch: o.Batch, Threads: o.Threads, Device: o.Device})
	if err != nil {
		return err
	}
	defer m.Close()
	c := candidate{Model: m, rule: decision.Rule(o.Rule)}
	if err := c.settle(ctx, o, sets); err != nil {
		return err
	}
	choice, err := c.choose(ctx, sets)
	if err != nil {
		return err
	}
	for _, w := range choice.Warnings {
		r.warn(m.Name() + ": " + w)
	}
	if c.warning != "" {
		r.warn(c.warning)
	}
	c.record(shown, choice)
	if lacking := c.mapping.Unanswerable(); len(lacking) > 0 {
		r.warn(fmt.Sprintf("%s can answer %d of %d categories (%s), and was shown images of these only; it has no outputs for %s", m.Name(),
			len(c.mapping.Answerable()), len(c.mapping.Categories()), strings.Join(c.mapping.Answerable(), ", "), strings.Join(lacking, ", ")))
	}
	for _, s := range sets {
		if err := r.answer(ctx, c, s); err != nil {
			return err
		}
	}
	return nil
}

// unused keeps a model apart from a recorded observer of the same name.
func (r *run) unused(name string, rows map[string][]located) string {
	for _, answers := range rows {
		for _, row := range answers {
			if trial.ObserverKey(row.Observer) == trial.ObserverKey(name) {
				return name + ".onnx"
			}
		}
	}
	return name
}

// settle finds the way from the model's outputs to categories: the file given, else the names of its classes, which one image may have to tell.
func (c *candidate) settle(ctx context.Context, o Options, sets []*stimuli) (err error) {
	if o.Mapping != "" {
		c.mapping, err = decision.ReadMapping(o.Mapping)
		return err
	}
	if c.Classes == nil {
		image, err := sets[0].source.Image(sets[0].items[0].at)
		if err != nil {
			return err
		}
		sample := observer.Sample{Images: []*raster.Image{c.Geometry().Fit(image)}, Categories: []string{""}}
		if _, err := observer.Choose(ctx, c.Model, sample); err != nil {
			return err
		}
		c.warning = fmt.Sprintf("%s: nothing names its outputs; by their number they are taken for %s's; settle it with --classes", c.Name(),
			c.Classes.Origin)
	}
	c.mapping, err = decision.For(c.Classes)
	return err
}

// choose settles preprocessing and scores on a sample. Where each category is one class, the images' categories tell which preprocessing is the
// right one.
func (c *candidate) choose(ctx context.Context, sets []*stimuli) (observer.Choice, error) {
	const most = 200
	var sample observer.Sample
	labelled := c.Classes != nil
	for _, category := range c.mapping.Answerable() {
		labelled = labelled && len(c.mapping.Outputs(category)) == 1
	}
	items := c.answerable(sets[0])
	for _, at := range session.Spread(most, len(items)) {
		image, err := sets[0].source.Image(items[at].at)
		if err != nil {
			return observer.Choice{}, err
		}
		class := ""
		if labelled {
			class = c.Classes.Name(c.mapping.Outputs(items[at].Category)[0])
			if !slices.Contains(sample.All, class) {
				sample.All = append(sample.All, class)
			}
		}
		sample.Images, sample.Categories = append(sample.Images, c.Geometry().Fit(image)), append(sample.Categories, class)
	}
	if len(items) == 0 {
		return observer.Choice{}, fmt.Errorf("humans: %s can answer none of the images of %s: its categories are %s", c.Path, sets[0].root,
			strings.Join(c.mapping.Answerable(), ", "))
	}
	return observer.Choose(ctx, c.Model, sample)
}

func (c *candidate) record(shown *Shown, choice observer.Choice) {
	geometry := c.Geometry()
	shown.Name, shown.Preprocessing, shown.Labels, shown.Output, shown.Scores = c.Name(), c.Preprocessing.Name, choice.Labels, c.Output, c.Scores
	shown.Width, shown.Height, shown.Tried = geometry.Width, geometry.Height, choice.Tried
	if c.Classes != nil {
		shown.Classes = c.Classes.Origin
	}
	shown.Mapping, shown.Answerable = c.mapping.Origin(), c.mapping.Answerable()
}

// answerable lists the images whose category, and whose texture where cues are in conflict, the model can answer.
func (c *candidate) answerable(s *stimuli) []shownItem {
	can := c.mapping.Answerable()
	var items []shownItem
	for _, item := range s.items {
		if !slices.Contains(can, item.Category) || hasCues(s.dataset) && !slices.Contains(can, trial.TextureCategory(item.id)) {
			continue
		}
		items = append(items, item)
	}
	return items
}

// answer writes the model's trials on one data set as the field does, unless they are there.
func (r *run) answer(ctx context.Context, c candidate, s *stimuli) error {
	file := r.path(filepath.Join("trials", s.dataset, trial.FileName(s.dataset, c.Name(), 1)))
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	known := c.mapping.Categories()
	for _, item := range s.items {
		if !slices.Contains(known, item.Category) {
			return fmt.Errorf("humans: %s of %s has the category %q, which is none of %s", item.id, s.root, item.Category, strings.Join(known, ", "))
		}
	}
	items := c.answerable(s)
	if len(items) == 0 {
		return fmt.Errorf("humans: %s can answer none of the images of %s", c.Path, s.root)
	}
	chosen := session.Spread(r.Options.Limit, len(items))
	r.note("%s: %d of %d images of %s", c.Name(), len(chosen), len(s.items), s.dataset)
	r.Progress.Begin(c.Name()+" answers "+s.dataset, 0, len(chosen))
	defer r.Progress.End()
	var trials []trial.Trial
	for batch := range slices.Chunk(chosen, c.Batch()) {
		rows, err := r.answerBatch(ctx, c, s, items, batch, len(trials))
		if err != nil {
			return err
		}
		trials = append(trials, rows...)
		r.Progress.Add(len(batch))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return errors.Join(r.performance(c.Name(), s.dataset, trials), atomicfile.Write(file, func(w io.Writer) error { return writeField(w, trials) }))
}

func writeField(w io.Writer, trials []trial.Trial) error {
	out := trial.NewFieldWriter(w)
	for i := range trials {
		if err := out.Write(&trials[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (r *run) answerBatch(ctx context.Context, c candidate, s *stimuli, items []shownItem, batch []int, before int) ([]trial.Trial, error) {
	images := make([]*raster.Image, len(batch))
	workers := session.Options{Workers: r.Options.Workers}.WorkerCount()
	err := session.Parallel(ctx, workers, len(batch), func(_, i int) error {
		image, err := s.source.Image(items[batch[i]].at)
		if err == nil {
			images[i] = c.Geometry().Fit(image)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	answers, err := c.Answer(ctx, images)
	if err != nil {
		return nil, err
	}
	rows := make([]trial.Trial, len(batch))
	for i, a := range answers {
		d, err := c.mapping.Decide(a.Probabilities, c.rule)
		if err != nil {
			return nil, fmt.Errorf("humans: %s: %s: %w", c.Path, items[batch[i]].id, err)
		}
		item := items[batch[i]]
		rows[i] = trial.Trial{Study: s.dataset, Session: item.Session, Trial: before + i + 1, Observer: c.Name(), ObserverKind: trial.Model,
			Stimulus: path.Base(item.id), Category: item.Category, Condition: item.Condition, Response: d.Response(),
			Correct: d.Response() == item.Category, RT: math.NaN(), Confidence: math.NaN()}
	}
	return rows, nil
}

// performance notes the accuracy in the toolbox's table of the model.
func (r *run) performance(model, dataset string, trials []trial.Trial) error {
	right := 0
	for _, t := range trials {
		if t.Correct {
			right++
		}
	}
	file := r.path(filepath.Join("trials", "performances", model+".csv"))
	var list []trial.Performance
	if f, err := os.Open(file); err == nil {
		list, err = trial.ReadPerformances(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	list = trial.SetPerformance(list, trial.Performance{Observer: model, Dataset: dataset, Metric: "16-class-accuracy",
		Value: float64(right) / float64(len(trials))})
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(file, func(w io.Writer) error { return trial.WritePerformances(w, list) })
}
