package adversarial

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"visus/eager"
	"visus/measure/proportion"
	"visus/trial"
)

// Findings are what the study found.
type Findings struct {
	Study    string          `json:"study"`
	Visus    string          `json:"visus"`
	Engine   string          `json:"engine"`
	Config   Config          `json:"config"`
	Images   int             `json:"images"`
	Epsilons []float64       `json:"epsilons"` // per element
	Models   []ModelFindings `json:"models"`
	Warnings []string        `json:"warnings,omitempty"`
}

// ModelFindings are a model's.
type ModelFindings struct {
	Name    string              `json:"name"`
	Clean   proportion.Estimate `json:"clean"` // accuracy on the images as they are
	Attacks []AttackFindings    `json:"attacks"`
}

// AttackFindings are an attack's on a model.
type AttackFindings struct {
	Name     string                `json:"name"`
	Norm     string                `json:"norm"`
	Gradient bool                  `json:"gradient"`
	Accuracy []proportion.Estimate `json:"accuracy"` // within each epsilon
	Smallest float64               `json:"smallest"` // median, over all images, of the smallest distance that broke one, per element; +Inf where most resist
	Spent    []float64             `json:"spent"`    // mean share of epsilon that the pushes took
	Cost     cost                  `json:"cost"`
	Seconds  float64               `json:"seconds"`
}

const level = 0.95

// measure reads the trials.
func (r *run) measure() (*Findings, error) {
	f := &Findings{Study: Name, Visus: r.config.Visus, Engine: r.config.Engine, Config: r.config, Images: len(r.Stimuli), Epsilons: r.Options.Epsilons, Warnings: r.config.Warnings}
	sums := make([][]tally, len(r.Models))
	for m := range sums {
		sums[m] = make([]tally, len(r.attacks))
		for a := range sums[m] {
			sums[m][a] = tally{right: make([]int, 1+len(f.Epsilons)), spent: make([]float64, len(f.Epsilons)), smallest: make([]float64, len(r.Stimuli))}
			for i := range sums[m][a].smallest {
				sums[m][a].smallest[i] = math.Inf(1)
			}
		}
	}
	jobs := r.jobs()
	job, at := 0, 0
	for row, err := range trial.ReadFile(r.path(trial.TableFile)) {
		if err != nil {
			return nil, err
		}
		if job == len(jobs) {
			return nil, fmt.Errorf("attack: %s has more trials than the study", r.path(trial.TableFile))
		}
		j := jobs[job]
		if err := sums[j.model][j.attack].add(row, j.first+at%j.count, at/j.count); err != nil {
			return nil, err
		}
		if at++; at == r.rows(j) {
			job, at = job+1, 0
		}
	}
	if job < len(jobs) {
		return nil, fmt.Errorf("attack: %s has fewer trials than the study", r.path(trial.TableFile))
	}
	for m := range r.Models {
		found, err := r.model(m, sums[m])
		if err != nil {
			return nil, err
		}
		f.Models = append(f.Models, found)
		f.Warnings = append(f.Warnings, found.doubts(f.Epsilons)...)
	}
	return f, nil
}

// tally counts the rows of an attack on a model.
type tally struct {
	right    []int // as they are, then within each epsilon
	spent    []float64
	smallest []float64 // of each image
	cost     cost
}

func (s *tally) add(row trial.Trial, image, stage int) error {
	if row.Correct {
		s.right[stage]++
	} else if stage == 0 {
		s.smallest[image] = 0
	}
	if text, ok := row.Extras.Other[costColumn]; ok {
		var c cost
		raw, err := json.Marshal(text)
		if err == nil {
			err = json.Unmarshal(raw, &c)
		}
		if err != nil {
			return fmt.Errorf("attack: the cost of %s: %w", row.Condition, err)
		}
		s.cost = cost{s.cost.Answers + c.Answers, s.cost.Gradients + c.Gradients, s.cost.Flat + c.Flat}
	}
	if stage == 0 {
		return nil
	}
	for column, keep := range map[string]func(v float64){
		spentColumn:    func(v float64) { s.spent[stage-1] += v },
		distanceColumn: func(v float64) { s.smallest[image] = min(s.smallest[image], v) },
	} {
		if number, ok := row.Extras.Other[column].(json.Number); ok {
			v, err := number.Float64()
			if err != nil {
				return fmt.Errorf("attack: the %s of %s: %w", column, row.Condition, err)
			}
			keep(v)
		}
	}
	return nil
}

func (r *run) model(m int, sums []tally) (ModelFindings, error) {
	out := ModelFindings{Name: r.Models[m].Name()}
	n := len(r.Stimuli)
	var err error
	if out.Clean, err = proportion.Wilson(sums[0].right[0], n, level); err != nil {
		return out, err
	}
	x, err := r.networks[m].Images(r.images[r.ViewOf[m]][:1])
	if err != nil {
		return out, err
	}
	elements := eager.Size(x.Shape())
	for a, s := range sums {
		known := r.attacks[a]
		norm := known.Attack.Norm()
		seconds := 0.0
		for _, j := range r.jobs() {
			if j.model == m && j.attack == a {
				seconds += r.times[fmt.Sprintf("%s %s %d", out.Name, known.Name, j.first)]
			}
		}
		found := AttackFindings{Seconds: seconds, Name: known.Name, Norm: norm.String(), Gradient: known.Gradient, Cost: s.cost}
		for k := range r.Options.Epsilons {
			e, err := proportion.Wilson(s.right[k+1], n, level)
			if err != nil {
				return out, err
			}
			found.Accuracy, found.Spent = append(found.Accuracy, e), append(found.Spent, s.spent[k]/float64(n))
		}
		slices.Sort(s.smallest)
		found.Smallest = perElement(norm, s.smallest[(n-1)/2], elements)
		out.Attacks = append(out.Attacks, found)
	}
	return out, nil
}

// doubts are the signs that gradients are masked (Athalye, Carlini & Wagner 2018; Carlini et al. 2019), and so that the attacks say little.
func (m ModelFindings) doubts(epsilons []float64) (out []string) {
	last := len(epsilons) - 1
	if i := slices.IndexFunc(m.Attacks, func(a AttackFindings) bool { return a.Cost.Flat > 0 }); i >= 0 {
		out = append(out, fmt.Sprintf("%s: the loss has no slope at %d images: gradients are masked or the scores saturate; attacks that follow them say little.", m.Name, m.Attacks[i].Cost.Flat))
	}
	for _, a := range m.Attacks {
		if !a.Gradient {
			continue
		}
		for _, b := range m.Attacks {
			for k := range epsilons {
				if !b.Gradient && b.Norm == a.Norm && b.Accuracy[k].High < a.Accuracy[k].Low {
					out = append(out, fmt.Sprintf("%s: %s breaks more images than %s within %s: a sign of masked gradients.", m.Name, b.Name, a.Name, fraction(epsilons[k])))
					break
				}
			}
		}
		if epsilons[last] >= 0.25 && a.Accuracy[last].Value > 0.05 {
			out = append(out, fmt.Sprintf("%s: %s leaves %.0f %% right within %s, where almost any change is allowed: the attack, not the model, is at its limit.",
				m.Name, a.Name, 100*a.Accuracy[last].Value, fraction(epsilons[last])))
		}
		for k := 1; k < len(epsilons); k++ {
			if a.Accuracy[k].Low > a.Accuracy[k-1].High {
				out = append(out, fmt.Sprintf("%s: %s breaks fewer images within %s than within %s.", m.Name, a.Name, fraction(epsilons[k]), fraction(epsilons[k-1])))
			}
		}
	}
	return out
}

// Lines are the findings in a terminal.
func (f *Findings) Lines() []string {
	var out []string
	for _, m := range f.Models {
		out = append(out, fmt.Sprintf("%s: %.1f %% right on %d images as they are", m.Name, 100*m.Clean.Value, f.Images))
		for _, a := range m.Attacks {
			line := fmt.Sprintf("  %-14s", a.Name)
			for k, e := range f.Epsilons {
				line += fmt.Sprintf("  %s: %5.1f %%", fraction(e), 100*a.Accuracy[k].Value)
			}
			out = append(out, line)
		}
	}
	return append(out, f.Warnings...)
}
