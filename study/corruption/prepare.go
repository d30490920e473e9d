package corruption

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strings"

	"visus/internal/progress"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
	"visus/study/result"
)

// sampleSize is how many labelled images decide on preprocessing.
const sampleSize = 200

// view is one way to bring images to size, shared by the models that take the same.
type view struct {
	observer.Geometry
	parameters *corrupt.Parameters // nil: by the size of each image
}

// prepare sets an examination up: it opens the data, compiles the models, and decides what is open.
// Nothing is written, so that a wrong use leaves nothing behind.
func (s Study) prepare(ctx context.Context, folder string) (*examination, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	x := &examination{Study: s, folder: folder}
	if err := x.setUp(ctx); err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

func (x *examination) setUp(ctx context.Context) (err error) {
	if err := x.openData(); err != nil {
		return err
	}
	if x.config, err = x.newConfig(); err != nil {
		return err
	}
	before, err := earlier(x.folder, x.config)
	if err != nil {
		return err
	}
	if err := x.openModels(ctx, before); err != nil {
		return err
	}
	if err := x.chooseViews(); err != nil {
		return err
	}
	if err := x.seat(ctx); err != nil {
		return err
	}
	x.plan = plan{stimuli: len(x.stimuli), conditions: len(x.conditions), observers: len(x.subjects), block: x.blockSize(), shard: x.Options.Shard}
	if x.plan.trials() == 0 {
		return fmt.Errorf("corruption: shard %s of %d images in blocks of %d has nothing to show: make fewer shards, or smaller blocks with --batch",
			x.Options.Shard, len(x.stimuli), x.plan.block)
	}
	return nil
}

// begin makes the result folder with its config.yaml.
func (x *examination) begin() error { return result.Begin(x.folder, x.config) }

// largestBlock bounds the images in memory where a model fixes its batch.
const largestBlock = 256

// blockSize is the largest batch of a model, within reason, so that each condition of a block is one run of it. Where models adapt to blocks
// these are made nearly equal, none larger, since a small rest would be a poor sample.
func (x *examination) blockSize() int {
	size := x.batch()
	for _, m := range x.models {
		if m.Batch() <= largestBlock {
			size = max(size, m.Batch())
		}
	}
	if !x.adapts() {
		return size
	}
	blocks := (len(x.stimuli) + size - 1) / size
	return (len(x.stimuli) + blocks - 1) / blocks
}

func (x *examination) batch() int {
	if x.Options.Batch > 0 {
		return x.Options.Batch
	}
	if x.adapts() {
		return 32 // "32 samples are enough" (Schneider et al. 2020)
	}
	return 16 // larger ones gain nothing on CPUs and cost memory
}

// shuffle puts the stimuli in random order, so that each block is a fair sample of the categories: one of a single category would adapt a
// model to that category.
func (x *examination) shuffle() {
	random := rand.New(rand.NewPCG(x.Options.Seed, uint64(len(x.stimuli))))
	random.Shuffle(len(x.stimuli), func(i, k int) { x.stimuli[i], x.stimuli[k] = x.stimuli[k], x.stimuli[i] })
}

func (x *examination) openData() (err error) {
	if result.Inside(x.folder, x.Options.Images) {
		return fmt.Errorf("the output folder %s lies in the folder of the images, where it would be taken for images; choose another --out", x.folder)
	}
	x.set, err = stimulus.Open(x.Options.Images, stimulus.Options{LabelColumn: x.Options.LabelColumn, Orient: x.Options.Orient})
	if err != nil {
		return err
	}
	if x.conditions, err = conditions(x.set, x.Options); err != nil {
		return err
	}
	source := x.conditions[0].source
	x.stimuli = spread(x.Options.Limit, source.Len())
	x.shuffle()
	distinct := map[string]bool{}
	for _, i := range x.stimuli {
		if c := source.Item(i).Category; c != "" {
			distinct[c] = true
		}
	}
	for c := range distinct {
		x.categories = append(x.categories, c)
	}
	sort.Strings(x.categories)
	return nil
}

func (x *examination) openModels(ctx context.Context, before *Config) error {
	names, err := modelNames(x.Options.Models)
	if err != nil {
		return err
	}
	order, err := labelOrder(x.Options.Labels)
	if err != nil {
		return err
	}
	size, err := x.freeSize()
	if err != nil {
		return err
	}
	for i, path := range x.Options.Models {
		options := observer.Options{
			Name: names[i], Preprocessing: x.Options.Preprocessing, Output: x.Options.Output, Classes: x.Options.Classes,
			Size: size, Batch: x.batch(), Threads: x.Options.Threads, Device: x.Options.Device,
		}
		settled, again := before.decided(i)
		if again && !strings.HasSuffix(settled.Preprocessing, ".yaml") {
			options.Preprocessing = settled.Preprocessing
		}
		m, err := observer.Open(ctx, x.Engine, path, options)
		if err != nil {
			return err
		}
		x.models = append(x.models, m)
		choice, err := x.decide(ctx, m, order)
		if err != nil {
			return err
		}
		if again {
			choice.Tried = settled.Tried
		}
		x.choices = append(x.choices, choice)
		x.record(i, m, choice)
	}
	if before != nil {
		x.config.Warnings = before.Warnings
	}
	return nil
}

// decide looks at a sample of the images to settle what the model leaves open.
func (x *examination) decide(ctx context.Context, m *observer.Model, order *observer.Classes) (observer.Choice, error) {
	sample := observer.Sample{All: x.categories, Order: order}
	source := x.conditions[0].source
	var lost error
	for _, at := range spread(sampleSize, len(x.stimuli)) {
		i := x.stimuli[at]
		image, err := source.Image(i)
		if err != nil {
			lost = err // listed when its turn comes; what matters here is that some can be read
			continue
		}
		sample.Images = append(sample.Images, m.Geometry().Fit(image))
		sample.Categories = append(sample.Categories, source.Item(i).Category)
		if err := ctx.Err(); err != nil {
			return observer.Choice{}, ErrInterrupted
		}
	}
	if len(sample.Images) == 0 {
		return observer.Choice{}, fmt.Errorf("corruption: no image of %s can be read: %w", x.set.Path, lost)
	}
	return observer.Choose(ctx, m, sample)
}

func (x *examination) record(i int, m *observer.Model, c observer.Choice) {
	for _, t := range c.Tried {
		x.note("%s: tried %s", m.Name(), t)
	}
	geometry := m.Geometry()
	x.note("%s: preprocessing %s, labels by %s, classes from %s", m.Name(), m.Preprocessing.Name, c.Labels, m.Classes.Origin)
	for _, w := range c.Warnings {
		warning := m.Name() + ": " + w
		x.note("warning: %s", warning)
		x.config.Warnings = append(x.config.Warnings, warning)
	}
	decided := &x.config.Models[i]
	decided.Name, decided.Preprocessing, decided.Labels = m.Name(), m.Preprocessing.Name, c.Labels
	decided.Classes, decided.Output, decided.Scores = m.Classes.Origin, m.Output, m.Scores
	decided.Width, decided.Height, decided.Tried = geometry.Width, geometry.Height, c.Tried
}

// modelNames returns the files' names without extension, and the paths where these are not distinct.
func modelNames(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("corruption: no model to examine")
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
			return nil, fmt.Errorf("corruption: the model %s is named twice", path)
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
func (x *examination) freeSize() (int, error) {
	if x.Options.Size != 0 {
		return x.Options.Size, nil
	}
	var first *raster.Image
	source := x.conditions[0].source
	for _, i := range spread(16, len(x.stimuli)) {
		image, err := source.Image(x.stimuli[i])
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
func (x *examination) chooseViews() error {
	for _, m := range x.models {
		geometry := m.Geometry()
		v := view{geometry, corrupt.ParametersFor(geometry.Width, geometry.Height)}
		if err := x.nameParameters(&v); err != nil {
			return err
		}
		at := slices.Index(x.views, v)
		if at < 0 {
			at = len(x.views)
			x.views = append(x.views, v)
		}
		x.viewOf = append(x.viewOf, at)
	}
	return nil
}

// nameParameters sets the parameters that the options name; auto leaves them as they are.
func (x *examination) nameParameters(v *view) error {
	name := x.Options.Parameters
	if name == "" || name == "auto" {
		return nil
	}
	named, ok := corrupt.ParametersByName(name)
	if !ok {
		return fmt.Errorf("corruption: parameters %q are none of auto, imagenet224, inception299, tiny64, cifar32, any", name)
	}
	v.parameters = named
	return nil
}

func (x *examination) workers() int {
	if x.Options.Workers > 0 {
		return x.Options.Workers
	}
	return runtime.GOMAXPROCS(0)
}
