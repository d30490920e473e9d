package training

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"visus/graph/nn"
	"visus/internal/atomicfile"
	"visus/internal/progress"
	"visus/observer"
	"visus/report"
	"visus/stimulus/augment"
	"visus/stimulus/raster"
	"visus/study/result"
	"visus/study/session"
	"visus/tensor"
	"visus/train"
)

// Run trains and writes config.yaml, metrics.csv, checkpoints, the model, findings.json, figures and report.html to the folder. Where the
// folder holds the beginning of the same training it goes on from there, to the same parameters bit for bit; another run is an error.
// It returns the context's error once the context is done.
func (s Study) Run(ctx context.Context, folder string) (*Findings, error) {
	r, err := s.prepare(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := result.Begin(folder, r.config); err != nil {
		return nil, err
	}
	trained, err := r.training().Train(ctx, r.Engine)
	if err != nil {
		return nil, err
	}
	if err := result.Sweep(folder); err != nil {
		return nil, err
	}
	return r.conclude(ctx, trained)
}

// run is a study that has been set up.
type run struct {
	Study
	folder     string
	config     Config
	images     *labelled
	apart      *labelled // validation images of their own; nil: a share of the others
	classes    []string
	train      shown
	validation *shown // nil: none
	used       *nn.Network
	step       train.Step
}

func (r *run) close() {
	for _, d := range []*labelled{r.images, r.apart} {
		if d != nil {
			d.set.Close()
		}
	}
}

// prepare sets a training up. Nothing is written, so that a wrong use leaves nothing behind.
func (s Study) prepare(ctx context.Context, folder string) (*run, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	r := &run{Study: s, folder: folder}
	for _, step := range []func(context.Context) error{r.open, r.read, r.rehearse} {
		if err := step(ctx); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// open opens the data and looks at what the folder holds.
func (r *run) open(context.Context) (err error) {
	o := r.Options
	if err := o.Check(); err != nil {
		return err
	}
	if result.Inside(r.folder, o.Images) {
		return fmt.Errorf("the output folder %s lies in the folder of the images, where it would be taken for images; choose another --out", r.folder)
	}
	if r.images, r.classes, err = openLabelled(o.Images, o, o.Limit, nil); err != nil {
		return err
	}
	if err := r.images.complete(r.classes); err != nil {
		return err
	}
	if _, path, _ := share(o.Validation); path != "" {
		if r.apart, _, err = openLabelled(path, o, 0, r.classes); err != nil {
			return err
		}
	}
	r.config = r.newConfig()
	_, err = result.Earlier(r.folder, Name, func(before Config) []string { return differences(before, r.config) })
	return err
}

// read reads the pictures and settles what depends on them.
func (r *run) read(ctx context.Context) error {
	o, d := r.Options, r.images
	l, err := look(d.source, d.items, o.Size)
	if err != nil {
		return err
	}
	policy, err := augment.Parse(o.Augment, l.Width)
	if err != nil {
		return err
	}
	part, _, _ := share(o.Validation)
	if r.apart != nil {
		part = 0
	}
	trained, aside := split(d.labels, len(r.classes), part, o.Seed)
	items, labels := d.pick(trained)
	pictures, levels, err := read(ctx, "reading images", d.source, items, labels, l, workers(o.Workers), r.Progress)
	if err != nil {
		return err
	}
	mean, std := levels.moments(l.Channels)
	r.train = shown{pictures, policy, feed(mean, std)}
	for class, n := range counts(pictures.labels, len(r.classes)) {
		if n == 0 {
			return fmt.Errorf("training: no image of class %q is left to train on; %d could not be read", r.classes[class], len(pictures.lost))
		}
	}
	if err := r.readValidation(ctx, aside, l); err != nil {
		return err
	}
	r.config.Decided = Decided{Width: l.Width, Height: l.Height, Channels: l.Channels, Mean: mean, Std: std, LearningRate: o.rate(), Classes: r.classes}
	r.tell()
	if r.Accept == nil {
		return nil
	}
	return r.Accept(r.config.Decided)
}

func (r *run) readValidation(ctx context.Context, aside []int, l augment.Layout) error {
	d := r.images
	if r.apart != nil {
		d, aside = r.apart, session.Spread(0, len(r.apart.items))
	}
	if len(aside) == 0 {
		return nil
	}
	items, labels := d.pick(aside)
	pictures, _, err := read(ctx, "reading validation images", d.source, items, labels, l, workers(r.Options.Workers), r.Progress)
	if err != nil {
		return err
	}
	r.validation = &shown{pictures, augment.Policy{}, r.train.feed}
	return nil
}

// tell says what was decided about the data.
func (r *run) tell() {
	d := r.config.Decided
	colours := "colour"
	if d.Channels == 1 {
		colours = "grey"
	}
	aside := 0
	if r.validation != nil {
		aside = r.validation.Len()
	}
	r.note("%s of %d classes to train on, %d to validate on, %d×%d in %s", plural(r.train.Len(), "image"), len(r.classes), aside, d.Width, d.Height, colours)
	if n := r.images.leftOut; n > 0 {
		r.note("warning: %s without a label had no part", plural(n, "image"))
	}
	for _, err := range r.lost() {
		r.note("skipped: %s", err)
	}
	if r.batch() < r.Options.Batch {
		r.note("all %d images fit in one batch", r.batch())
	}
}

// lost says which images could not be read.
func (r *run) lost() []string {
	var texts []string
	for _, s := range []*shown{&r.train, r.validation} {
		if s == nil {
			continue
		}
		for _, err := range s.lost {
			texts = append(texts, err.Error())
		}
	}
	return texts
}

// rehearse builds the training step and takes a few on the first images, so that what cannot work fails before anything is written, and to
// know how long the training will take.
func (r *run) rehearse(ctx context.Context) error {
	if err := r.build(); err != nil {
		return err
	}
	few := r.training()
	few.Folder, few.Validate, few.Patience, few.Progress, few.Epochs = "", nil, 0, nil, 3
	few.Data = first{r.train, r.batch()}
	var began []time.Time // of each step: the schedule is asked right before
	few.Schedule = func(step int) float64 {
		if step == len(began) {
			began = append(began, time.Now())
		}
		return 0
	}
	if _, err := few.Train(ctx, r.Engine); err != nil {
		return err
	}
	took := began[2].Sub(began[1])
	steps := r.train.Len() / r.batch()
	perEpoch := float64(steps) // in steps
	if r.validation != nil {
		perEpoch += float64(r.validation.Len()) / float64(3*r.batch()) // a step without its way back
	}
	whole := min(perEpoch*float64(took)*float64(r.Options.Epochs), float64(math.MaxInt64/2)) // a Duration ends after 292 years
	r.note("%s of %s of %d images, about %s", plural(r.Options.Epochs, "epoch"), plural(steps, "step"), r.batch(), progress.Round(time.Duration(whole)))
	return nil
}

// first are the first pictures of a set.
type first struct {
	shown
	n int
}

// Len implements train.Data.
func (f first) Len() int { return f.n }

// training is the loop.
func (r *run) training() train.Run {
	o := r.Options
	steps := o.Epochs * (r.train.Len() / r.batch())
	t := train.Run{
		Step: r.step, Data: r.train, Epochs: o.Epochs, Schedule: schedules[o.Schedule](o.rate(), steps), Seed: o.Seed,
		Folder: r.folder, Every: o.Every, Threads: o.Threads, Workers: o.Workers, Progress: r.Progress,
	}
	if r.validation != nil {
		t.Patience = o.Patience
		t.Validate = &train.Validation{Names: []string{"validation_accuracy", "validation_loss"}, Measure: r.validate}
	}
	return t
}

// validate measures the network with these parameters on the validation images.
func (r *run) validate(ctx context.Context, parameters map[string]*tensor.Tensor) ([]float64, error) {
	g, err := r.with(parameters)
	if err != nil {
		return nil, err
	}
	accuracy, loss, err := r.measure(ctx, g, *r.validation)
	return []float64{accuracy, loss}, err
}

// conclude writes the model, asks it about the validation images, and reports.
func (r *run) conclude(ctx context.Context, trained *train.Result) (*Findings, error) {
	g, err := r.with(trained.Network)
	if err != nil {
		return nil, err
	}
	if err := r.export(g); err != nil {
		return nil, err
	}
	f := &Findings{Study: Name, Visus: r.config.Visus, Engine: r.config.Engine, Config: &r.config, Images: r.train.Len(), Best: trained.Best, Lost: r.lost()}
	for _, name := range r.used.Parameters {
		f.Parameters += r.used.Graph.Constant(name).Len()
	}
	for i, e := range trained.History {
		epoch := Epoch{Epoch: i + 1, LearningRate: e.Rate, Loss: e.Loss, Accuracy: e.Metrics[0]}
		if r.validation != nil {
			epoch.ValidationAccuracy, epoch.ValidationLoss = &e.Validation[0], &e.Validation[1]
		}
		f.Epochs = append(f.Epochs, epoch)
	}
	if trained.Stopped {
		f.Ended = fmt.Sprintf("it ended after epoch %d of %d, since the validation had not improved for %d", len(f.Epochs), r.Options.Epochs, r.Options.Patience)
	}
	if r.validation != nil {
		if f.Validation, err = r.examine(ctx); err != nil {
			return nil, err
		}
	}
	if err := atomicfile.Write(r.path(FindingsFile), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return nil, err
	}
	return f, r.page(f).Save(r.folder)
}

// examine opens the written model as any other and shows it the validation images.
func (r *run) examine(ctx context.Context) (*Validation, error) {
	m, err := observer.Open(ctx, r.Engine, r.path(ModelFile), observer.Options{Batch: validationBatch, Threads: r.Options.Threads})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	v := r.validation
	answers := make([]int, 0, v.Len())
	for from := 0; from < v.Len(); from += validationBatch {
		var images []*raster.Image
		for i := from; i < min(from+validationBatch, v.Len()); i++ {
			image, err := v.image(i)
			if err != nil {
				return nil, err
			}
			images = append(images, image)
		}
		said, err := m.Answer(ctx, images)
		if err != nil {
			return nil, err
		}
		for _, a := range said {
			answers = append(answers, a.Top(1)[0])
		}
	}
	return newValidation(r.classes, counts(r.train.labels, len(r.classes)), v.labels, answers)
}
