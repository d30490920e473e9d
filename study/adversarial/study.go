// Package adversarial examines how small a push breaks a classifier.
//
// Method. Every model answers the images as they are and as each attack changes them, within every epsilon. Attacks see the pixels in [0, 1],
// the model's preprocessing inside; what they return is clipped to the bounds and to epsilon before the model is asked. An epsilon is told per
// element - the largest for linf, the root mean square for l2, the mean for l1, the share of elements for l0 - so that norms compare; the
// distance itself is that times √n, n and n elements. An image counts as broken within epsilon where its label is not the answer, also
// where it never was. Attacks of a fixed size leave an image as soon as it is broken and close in on the smallest epsilon by bisection.
package adversarial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"visus/attack"
	"visus/eager"
	host "visus/eager/slices"
	"visus/engine"
	"visus/internal/atomicfile"
	"visus/internal/progress"
	"visus/internal/version"
	"visus/report"
	"visus/stimulus/raster"
	"visus/study/result"
	"visus/study/session"
	"visus/tensor"
	"visus/trial"
)

// Name is the study's name in config.yaml, trials and findings.
const Name = "attack"

// Options say what to examine.
type Options struct {
	session.Options `yaml:",inline"`

	Attacks  []string  `yaml:"attacks"`  // names of attack.All; none: Usual
	Epsilons []float64 `yaml:"epsilons"` // per element; none: 0.5, 1, 2, 4 and 8 of 255
	Save     bool      `yaml:"save"`     // keep every adversarial image, as NPZ
}

// Usual are the attacks of a study that names none: gradients of two norms, two that look for the smallest push, and noise to compare with.
var Usual = []string{"pgd-linf", "pgd-l2", "pgd-l2-exact", "ddn", "deepfool", "noise", "noise-linf"}

func (o Options) usual() Options {
	if len(o.Attacks) == 0 {
		o.Attacks = Usual
	}
	if len(o.Epsilons) == 0 {
		o.Epsilons = []float64{0.5 / 255, 1. / 255, 2. / 255, 4. / 255, 8. / 255}
	}
	slices.Sort(o.Epsilons)
	if o.Limit == 0 {
		o.Limit = 200
	}
	if o.Batch == 0 {
		o.Batch = 50 // images of one attack, between which a run can be interrupted
	}
	o.Corruptions = []string{session.Clean}
	return o
}

// Check reports unknown attacks and epsilons that are not above 0.
func (o Options) Check() error {
	for _, e := range o.Epsilons {
		if !(e > 0) || e > 1 {
			return fmt.Errorf("attack: epsilon is %v; expected more than 0 and at most 1: pixels are in [0, 1]", e)
		}
	}
	_, err := attack.Find[*host.Tensor](o.Attacks)
	return err
}

// Study is one examination.
type Study struct {
	Options  Options
	Engine   engine.Engine
	Progress progress.Meter // nil: none
	Note     func(string)   // is told what a person should know
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

// run is a study under way.
type run struct {
	Study
	*session.Session
	folder   string
	config   Config
	attacks  []attack.Known[*host.Tensor]
	networks []*attack.Network
	images   [][]*raster.Image  // at the size of each model
	times    map[string]float64 // seconds of each job: beside the trials, which a rerun repeats to the byte
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
	r := &run{Study: s, folder: folder, times: map[string]float64{}}
	if text, err := os.ReadFile(r.path(timesFile)); err == nil {
		if err := json.Unmarshal(text, &r.times); err != nil {
			return nil, fmt.Errorf("attack: %s: %w", r.path(timesFile), err)
		}
	}
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
	return r.conclude()
}

func (r *run) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

func (r *run) path(name string) string { return filepath.Join(r.folder, name) }

func (r *run) open(ctx context.Context) (err error) {
	if r.attacks, err = attack.Find[*host.Tensor](r.Options.Attacks); err != nil {
		return err
	}
	if r.Session, err = session.Open(r.Options.Options, r.note); err != nil {
		return err
	}
	if r.Data.Labels < r.Data.Stimuli {
		return fmt.Errorf("attack: %d of %d images of %s have no label; expected one for each", r.Data.Stimuli-r.Data.Labels, r.Data.Stimuli, r.Options.Images)
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
	for _, m := range r.Models {
		n, err := attack.NewNetwork(r.Engine, m, 0)
		if err != nil {
			return err
		}
		r.networks = append(r.networks, n)
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	r.config.Models, r.config.Warnings = r.Decided, r.Warnings
	if before != nil {
		r.config.Warnings = before.Warnings
		return nil
	}
	return result.Begin(r.folder, r.config)
}

// load reads the images at every model's size.
func (r *run) load(ctx context.Context) error {
	r.images = make([][]*raster.Image, len(r.Views))
	for v := range r.images {
		r.images[v] = make([]*raster.Image, len(r.Stimuli))
	}
	source := r.Source(r.Conditions[0])
	return session.Parallel(ctx, r.Options.WorkerCount(), len(r.Stimuli), func(_, k int) error {
		image, err := source.Image(k)
		for v := range r.images {
			if err == nil {
				r.images[v][k] = r.Views[v].Fit(image)
			}
		}
		return err
	})
}

func (r *run) close() {
	for _, n := range r.networks {
		n.Close()
	}
	if r.Session != nil {
		r.Session.Close()
	}
}

// timesFile holds the seconds of each job.
const timesFile = "times.json"

// job is what is done between two places where a run can be interrupted: an attack on some images of a model.
type job struct{ model, attack, first, count int }

func (r *run) jobs() (out []job) {
	for m := range r.Models {
		for a := range r.attacks {
			for first := 0; first < len(r.Stimuli); first += r.Options.Batch {
				out = append(out, job{m, a, first, min(r.Options.Batch, len(r.Stimuli)-first)})
			}
		}
	}
	return out
}

// rows of a job: each image as it is, and within each epsilon.
func (r *run) rows(j job) int { return j.count * (1 + len(r.Options.Epsilons)) }

// show makes what the journal does not hold yet, job by job.
func (r *run) show(ctx context.Context) error {
	if _, err := os.Stat(r.path(trial.TableFile)); err == nil {
		return nil
	}
	jobs := r.jobs()
	journal, err := trial.OpenJournal(r.folder, func(block int) int {
		if block >= len(jobs) {
			return 0
		}
		return r.rows(jobs[block])
	})
	if err != nil {
		return err
	}
	defer journal.Close()
	done, total := 0, 0
	for i, j := range jobs {
		total += j.count
		if i < journal.Blocks() {
			done += j.count
		}
	}
	r.note("%d images × %d attacks × %d models, %d epsilons; %d of %d done", len(r.Stimuli), len(r.attacks), len(r.Models), len(r.Options.Epsilons), done, total)
	r.Progress.Begin("attacking", done, total)
	defer r.Progress.End()
	for _, j := range jobs[min(journal.Blocks(), len(jobs)):] {
		if err := r.push(ctx, journal, j); err != nil {
			return err
		}
		r.Progress.Add(j.count)
	}
	return journal.Finish()
}

// push runs one job and writes its rows.
func (r *run) push(ctx context.Context, journal *trial.Journal, j job) error {
	network, known := r.networks[j.model], r.attacks[j.attack]
	x, err := network.Images(r.images[r.ViewOf[j.model]][j.first : j.first+j.count])
	if err != nil {
		return err
	}
	labels := make([]int64, j.count)
	for i := range labels {
		label, err := r.label(j.model, j.first+i)
		if err != nil {
			return err
		}
		labels[i] = int64(label)
	}
	task := attack.Task[*host.Tensor]{Model: network, Images: x, Goal: attack.Misclassified[*host.Tensor]{Labels: host.Wrap(labels, j.count)},
		Random: rand.New(rand.NewPCG(r.Options.Seed, uint64(j.attack)<<32|uint64(j.first))), Early: true}
	norm, each := known.Attack.Norm(), eager.Size(x.Shape())/j.count
	epsilons := make([]float64, len(r.Options.Epsilons))
	for i, e := range r.Options.Epsilons {
		epsilons[i] = whole(norm, e, each)
	}
	start := time.Now()
	found, err := attack.Run(ctx, known.Attack, task, epsilons...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", r.Models[j.model].Name(), known.Name, err)
	}
	r.times[fmt.Sprintf("%s %s %d", r.Models[j.model].Name(), known.Name, j.first)] = time.Since(start).Seconds()
	if err := atomicfile.Write(r.path(timesFile), func(w io.Writer) error { return report.WriteJSON(w, r.times) }); err != nil {
		return err
	}
	cost := cost{Answers: found.Queries.Answers, Gradients: found.Queries.Gradients}
	if known.Gradient {
		if cost.Flat, err = flat(network, x, host.Wrap(labels, j.count)); err != nil {
			return err
		}
	}
	if err := r.keep(j, x, found); err != nil {
		return err
	}
	return r.write(journal, j, x, found, cost)
}

// whole is the distance of an epsilon per element.
func whole(n attack.Norm, epsilon float64, elements int) float64 {
	switch n {
	case attack.LInf:
		return epsilon
	case attack.L2:
		return epsilon * math.Sqrt(float64(elements))
	}
	return epsilon * float64(elements)
}

// perElement undoes whole.
func perElement(n attack.Norm, distance float64, elements int) float64 {
	return distance / whole(n, 1, elements)
}

// flat counts the images at which the loss has no slope, to float32.
func flat(network *attack.Network, x, labels *host.Tensor) (int, error) {
	_, gradient := network.Gradient(attack.CrossEntropy, x, labels)
	sizes, err := eager.LInf(eager.Flatten(gradient, 1, -1), false, 1).Floats()
	count := 0
	for _, s := range sizes {
		if s < 1e-12 {
			count++
		}
	}
	return count, err
}

// cost is what an attack on some images took.
type cost struct {
	Answers   int `json:"answers"`   // images that the model was asked about
	Gradients int `json:"gradients"` // and its derivative
	Flat      int `json:"flat"`      // images at which the loss has no slope
}

func (r *run) label(model, k int) (int, error) {
	item := r.Source(r.Conditions[0]).Item(k)
	label, ok := r.Choices[model].Truth[item.Category]
	if !ok {
		return 0, fmt.Errorf("attack: %s: the label %q of %s is no class of the model", r.Models[model].Name(), item.Category, item.ID)
	}
	return label, nil
}

// The columns beside the field's, in the rows of an attack.
const (
	distanceColumn = "distance" // from the image, in the attack's norm, of what broke it; absent where nothing did
	spentColumn    = "spent"    // the distance of what was tried, by epsilon
	costColumn     = "cost"     // of the job, in its first row
)

// write makes the rows of a job: for each image the answer as it is, and within each epsilon.
func (r *run) write(journal *trial.Journal, j job, x *host.Tensor, found attack.Result[*host.Tensor], c cost) error {
	network, norm := r.networks[j.model], r.attacks[j.attack].Attack.Norm()
	stages := append([]*host.Tensor{x}, found.Within...)
	for k, stage := range stages {
		probabilities, err := eager.Softmax(network.Logits(stage), 1).Floats()
		if err != nil {
			return err
		}
		moved, err := attack.Distance(norm, x, stage).Floats()
		if err != nil {
			return err
		}
		classes := len(probabilities) / j.count
		for i := range j.count {
			row, err := r.trial(j, i, k, probabilities[i*classes:(i+1)*classes])
			if err != nil {
				return err
			}
			row.Extras.Other = map[string]any{}
			if k > 0 {
				row.Extras.Other[spentColumn] = float32(moved[i] / found.Epsilons[k-1])
				if !row.Correct {
					row.Extras.Other[distanceColumn] = float32(min(moved[i], found.Distance[k-1][i]))
				}
			}
			if k == 0 && i == 0 {
				row.Extras.Other[costColumn] = c
			}
			if err := journal.Write(&row); err != nil {
				return err
			}
		}
	}
	return nil
}

// trial is one answer as a row; stage 0 is the image as it is.
func (r *run) trial(j job, i, stage int, probabilities []float64) (trial.Trial, error) {
	item, classes := r.Source(r.Conditions[0]).Item(j.first+i), r.Models[j.model].Classes
	label, err := r.label(j.model, j.first+i)
	best := 0
	for c, p := range probabilities {
		if p > probabilities[best] {
			best = c
		}
	}
	condition := session.Clean
	if stage > 0 {
		condition = fmt.Sprintf("%s-%s", r.attacks[j.attack].Name, fraction(r.Options.Epsilons[stage-1]))
	}
	return trial.Trial{
		Study: Name, Session: 1 + j.attack, Trial: 1 + (j.first+i)*(1+len(r.Options.Epsilons)) + stage, Observer: r.Models[j.model].Name(), ObserverKind: trial.Model,
		Stimulus: item.ID, Condition: condition, Category: classes.Name(label), Response: classes.Name(best), Correct: best == label,
		RT: math.NaN(), Confidence: probabilities[best],
	}, err
}

// fraction writes an epsilon as people in the field do: 2/255.
func fraction(e float64) string {
	short := strconv.FormatFloat(e, 'g', 4, 64)
	if v, err := strconv.ParseFloat(short, 64); err == nil && v == e {
		return short
	}
	if n := e * 255; math.Abs(n-math.Round(4*n)/4) < 1e-9 {
		return fmt.Sprintf("%g/255", math.Round(4*n)/4)
	}
	return short
}

// shown is how many images of a job's attack are kept to look at.
const shown = 6

// keep stores what the report shows, of the first job of an attack, and with Save everything.
func (r *run) keep(j job, x *host.Tensor, found attack.Result[*host.Tensor]) error {
	folder := r.path("adversarial")
	if j.first > 0 && !r.Options.Save {
		return nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	count := j.count
	if !r.Options.Save {
		count = min(shown, count)
	}
	for k, stage := range append([]*host.Tensor{x}, found.Within...) {
		part, err := eager.Index(stage, eager.To(count)).Raw()
		if err != nil {
			return err
		}
		err = atomicfile.Write(filepath.Join(folder, r.stored(j, k)), func(w io.Writer) error { return tensor.WriteNPY(w, part) })
		if err != nil {
			return err
		}
	}
	return nil
}

// stored is the file of a job's images within an epsilon, or, at stage 0, as they are.
func (r *run) stored(j job, stage int) string {
	return fmt.Sprintf("%s-%s-%05d-%d.npy", r.Models[j.model].Name(), r.attacks[j.attack].Name, j.first, stage)
}

// conclude measures the trials and writes the report.
func (r *run) conclude() (*Findings, error) {
	if err := result.Sweep(r.folder); err != nil {
		return nil, err
	}
	f, err := r.measure()
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(r.path("findings.json"), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return nil, err
	}
	page, err := r.page(f)
	if err != nil {
		return nil, err
	}
	return f, page.Save(r.folder)
}
