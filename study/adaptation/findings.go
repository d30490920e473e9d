package adaptation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"visus/adapt"
	"visus/measure/proportion"
	"visus/measure/rank"
	"visus/measure/shift"
	"visus/study/session"
	"visus/trial"
)

// Findings are what the study found: findings.json. Errors are fractions of the images.
type Findings struct {
	Study      string          `json:"study"`
	Visus      string          `json:"visus"`
	Engine     string          `json:"engine"`
	Stimuli    int             `json:"stimuli"`
	Labelled   int             `json:"labelled"` // of the stimuli; errors are counted on these
	Conditions []string        `json:"conditions"`
	Models     []ModelFindings `json:"models"`
	Warnings   []string        `json:"warnings"`
	Config     Config          `json:"config"`
}

// ModelFindings are one model's results.
type ModelFindings struct {
	Name string `json:"name"`
	Ways []Way  `json:"ways"` // the model as it is first

	Layers      []string    `json:"layers"`                   // that hold statistics, or were calibrated
	Shift       [][]float64 `json:"shift"`                    // [condition][layer]: normalised squared Wasserstein distance
	Network     []float64   `json:"network_shift"`            // [condition]: mean over layers
	Pearson     float64     `json:"shift_error_pearson"`      // over conditions, with the error of the model as it is
	Spearman    float64     `json:"shift_error_spearman"`     //
	Suggestions []Suggested `json:"suggested_source_samples"` // by n
}

// Way is one way to show the domains to a model.
type Way struct {
	Name   string                `json:"name"`
	Mode   string                `json:"mode"` // "" for the model as it is
	Images int                   `json:"n"`
	Prior  float64               `json:"prior"`
	Errors []proportion.Estimate `json:"errors"`     // by condition
	Mean   float64               `json:"mean_error"` // over the conditions with a corruption, where there are some
	Steps  [][]adapt.Step        `json:"steps"`      // [condition][batch], of modes that learn
}

// Suggested is how many source samples the bounds of Schneider et al. 2020 suggest, beside what the errors say.
type Suggested struct {
	Images int     `json:"n"`
	Bounds int     `json:"by_bounds"`     // minimises the mean of lower and upper bound, averaged over layers, in the median condition
	Best   float64 `json:"by_error"`      // of those tried
	Error  float64 `json:"error_of_best"` // mean over the corrupted conditions
}

// measure counts the trials, which lie in the order of conditions, ways, stimuli.
func (r *run) measure() (*Findings, error) {
	f := &Findings{Study: Name, Stimuli: len(r.Stimuli)}
	wrong, steps := make([]int, len(r.Conditions)*len(r.ways)), make([][]adapt.Step, len(r.Conditions)*len(r.ways))
	at := 0
	for row, err := range trial.ReadFile(r.path(trial.TableFile)) {
		if err != nil {
			return nil, err
		}
		block := at / len(r.Stimuli)
		if block >= len(wrong) || row.Observer != r.ways[block%len(r.ways)].name || row.Condition != r.Conditions[block/len(r.ways)].Name {
			return nil, errOther
		}
		if row.Category != "" && !row.Correct {
			wrong[block]++
		}
		if row.Category != "" && block == 0 {
			f.Labelled++
		}
		step, ok, err := stepOf(&row)
		if err != nil {
			return nil, err
		}
		if ok {
			steps[block] = append(steps[block], step)
		}
		at++
	}
	if at != len(wrong)*len(r.Stimuli) {
		return nil, errOther
	}
	for _, c := range r.Conditions {
		f.Conditions = append(f.Conditions, c.Name)
	}
	corrupted := slices.ContainsFunc(r.Conditions, func(c session.Condition) bool { return c.Severity > 0 })
	for i, m := range r.Models {
		found := ModelFindings{Name: m.Name()}
		for k, w := range r.ways {
			if w.model != i {
				continue
			}
			out := Way{Name: w.name, Mode: string(w.method.Mode), Images: w.n, Prior: w.method.Prior}
			sum, counted := 0., 0
			for c, condition := range r.Conditions {
				e, err := proportion.Wilson(wrong[c*len(r.ways)+k], f.Labelled, 0)
				if err != nil {
					return nil, err
				}
				if w.learns() {
					out.Steps = append(out.Steps, steps[c*len(r.ways)+k])
				}
				out.Errors = append(out.Errors, e)
				if condition.Severity > 0 || !corrupted {
					sum, counted = sum+e.Value, counted+1
				}
			}
			out.Mean = sum / float64(counted)
			found.Ways = append(found.Ways, out)
		}
		f.Models = append(f.Models, found)
	}
	return f, nil
}

// measureShift measures how far each condition is, and what the bounds make of it.
func (r *run) measureShift(ctx context.Context, f *Findings) error {
	channels := make([][][][]shift.Channel, len(r.Models)) // [model][condition][layer]
	for _, c := range r.Conditions {
		views, err := r.domain(ctx, c)
		if err != nil {
			return err
		}
		for i, m := range r.Models {
			moved, err := adapt.Measure(ctx, r.Engine, m, session.Held(views[r.ViewOf[i]]), r.clean[i])
			if errors.Is(err, adapt.ErrNothing) {
				continue
			}
			if err != nil {
				return err
			}
			var layers []float64
			var all [][]shift.Channel
			f.Models[i].Layers = nil
			for _, l := range moved {
				f.Models[i].Layers = append(f.Models[i].Layers, l.Layer)
				layers, all = append(layers, shift.Layer(l.Channels)), append(all, l.Channels)
			}
			f.Models[i].Shift, f.Models[i].Network = append(f.Models[i].Shift, layers), append(f.Models[i].Network, shift.Network(layers))
			channels[i] = append(channels[i], all)
		}
	}
	for i := range f.Models {
		if err := f.Models[i].relate(r.Conditions, channels[i]); err != nil {
			return err
		}
	}
	return nil
}

// relate correlates shift with error, and compares the N that the bounds suggest with the one that errs least.
func (m *ModelFindings) relate(conditions []session.Condition, channels [][][]shift.Channel) (err error) {
	m.Pearson, m.Spearman = math.NaN(), math.NaN()
	if len(m.Network) >= 3 {
		errors := make([]float64, len(m.Network))
		for i, e := range m.Ways[0].Errors {
			errors[i] = e.Value
		}
		m.Pearson = stat.Correlation(m.Network, errors, nil)
		if m.Spearman, err = rank.Spearman(m.Network, errors); err != nil {
			return err
		}
	}
	for _, n := range m.sizes() {
		best := m.best(n)
		s := Suggested{Images: n, Best: best.Prior, Error: best.Mean}
		if len(channels) > 0 {
			if s.Bounds, err = shift.SuggestNetwork(channels[m.median(conditions)], float64(n), 0.05, shift.Middle); err != nil {
				return fmt.Errorf("adaptation: %s: %w", m.Name, err)
			}
		}
		m.Suggestions = append(m.Suggestions, s)
	}
	return nil
}

// median returns the corrupted condition of median shift.
func (m *ModelFindings) median(conditions []session.Condition) int {
	var corrupted []int
	for i, c := range conditions {
		if c.Severity > 0 {
			corrupted = append(corrupted, i)
		}
	}
	if len(corrupted) == 0 {
		return 0
	}
	for _, i := range corrupted {
		below := 0
		for _, k := range corrupted {
			if m.Network[k] < m.Network[i] {
				below++
			}
		}
		if below == len(corrupted)/2 {
			return i
		}
	}
	return corrupted[0]
}

// sizes lists the batch sizes of the grid.
func (m *ModelFindings) sizes() []int {
	var out []int
	for _, w := range m.grid(-1) {
		if len(out) == 0 || out[len(out)-1] != w.Images {
			out = append(out, w.Images)
		}
	}
	return out
}

// grid lists the ways that mix n images with N source samples; n < 0: of every n.
func (m *ModelFindings) grid(n int) []Way {
	var out []Way
	for _, w := range m.Ways {
		if (w.Mode == string(adapt.Batch) || w.Mode == string(adapt.Prior)) && (n < 0 || w.Images == n) {
			out = append(out, w)
		}
	}
	return out
}

// best is the way of n images that errs least.
func (m *ModelFindings) best(n int) Way {
	all := m.grid(n)
	best := all[0]
	for _, w := range all {
		if w.Mean < best.Mean {
			best = w
		}
	}
	return best
}

// Lines are the findings for a terminal.
func (f *Findings) Lines() []string {
	var lines []string
	for _, m := range f.Models {
		if f.Labelled > 0 {
			lines = append(lines, fmt.Sprintf("%s: mean error %s as it is", m.Name, percent(m.Ways[0].Mean)))
		}
		for _, s := range m.Suggestions {
			switch {
			case f.Labelled == 0:
			case f.Config.Options.Single:
				lines = append(lines, fmt.Sprintf("%s: %s with the statistics of batches of %d", m.Name, percent(s.Error), s.Images))
			default:
				lines = append(lines, fmt.Sprintf("%s: %s adapted to %d images with N=%g (best of those tried; the bounds suggest %d)", m.Name, percent(s.Error), s.Images, s.Best, s.Bounds))
			}
		}
		for _, w := range m.learners() {
			lines = append(lines, w.line(m.Name))
		}
	}
	return lines
}

// line tells what a way that learns did.
func (w Way) line(model string) string {
	first, last, batches := 0., 0., 0
	for _, steps := range w.Steps {
		first += steps[0].Entropy / float64(len(w.Steps))
		last += steps[len(steps)-1].Entropy / float64(len(w.Steps))
		batches += len(steps)
	}
	text := fmt.Sprintf("entropy %.3f nats in the first batches, %.3f in the last (%d batches of %d)", first, last, batches, w.Images)
	if !math.IsNaN(w.Mean) {
		text = percent(w.Mean) + " learning; " + text
	}
	return fmt.Sprintf("%s · %s: %s", model, w.Mode, text)
}
