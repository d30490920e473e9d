package rescaling

import (
	"fmt"
	"io"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"visus/internal/atomicfile"
	"visus/measure/proportion"
	"visus/report"
	"visus/report/figure"
	"visus/study/result"
)

// Findings are what the study found: findings.json.
type Findings struct {
	Study    string               `json:"study"`
	Visus    string               `json:"visus"`
	Engine   string               `json:"engine,omitempty"`
	Samples  int                  `json:"samples"`
	Lost     int                  `json:"lost"` // images that could not be read
	Model    string               `json:"model,omitempty"`
	Accuracy *proportion.Estimate `json:"accuracy,omitempty"` // of the model, on the images as they are
	Levels   []LevelFindings      `json:"levels"`
	Warnings []string             `json:"warnings"`
	Config   Config               `json:"config"`
}

// LevelFindings are what became of an announced length. Lengths are in its unit.
type LevelFindings struct {
	Name      string  `json:"name"`
	Eps       float64 `json:"eps"` // mean over the samples
	Naive     Scaled  `json:"naive"`
	Exact     Scaled  `json:"exact"`
	Factor    float64 `json:"factor"`    // median over the samples of the exact factor by the naive one; of those that reach the length
	Off       float64 `json:"off"`       // largest relative difference from the announced length, of those that reach it
	Unreached int     `json:"unreached"` // samples in which there is no room for the length
	Stored    float64 `json:"stored"`    // mean length of the exact ones once rounded to 8 bits; NaN for arrays
	// P is of McNemar's test that the model is right as often with both kinds of noise.
	P *float64 `json:"p,omitempty"`
}

// Scaled is what one way of scaling comes to.
type Scaled struct {
	Norm     float64              `json:"norm"`    // mean of what is left of the length
	Least    float64              `json:"least"`   // of it
	Most     float64              `json:"most"`    //
	Loss     float64              `json:"loss"`    // mean share that is missing of the announced length, or of the largest possible one if less
	Worst    float64              `json:"worst"`   // largest such share
	Clipped  float64              `json:"clipped"` // mean share of elements
	Accuracy *proportion.Estimate `json:"accuracy,omitempty"`
}

// missing is the share of a row's length that is not there.
func (r Row) missing(norm float64) float64 {
	if possible := min(r.Eps, r.Largest); possible > 0 {
		return max(1-norm/possible, 0)
	}
	return 0
}

// add counts one of n samples.
func (s *Scaled) add(norm, loss, clipped float64, n int) {
	s.Norm, s.Loss, s.Clipped = s.Norm+norm/float64(n), s.Loss+loss/float64(n), s.Clipped+clipped/float64(n)
	s.Least, s.Most, s.Worst = min(s.Least, norm), max(s.Most, norm), max(s.Worst, loss)
}

// measure sums up the rows, which go through the lengths sample by sample.
func (r *run) measure(rows []Row) (*Findings, error) {
	levels := len(r.levels)
	f := &Findings{Study: Name, Samples: len(rows) / levels}
	for k, name := range r.levels {
		l := LevelFindings{Name: name, Naive: Scaled{Least: math.Inf(1)}, Exact: Scaled{Least: math.Inf(1)}}
		var factors []float64
		for at := k; at < len(rows); at += levels {
			row := rows[at]
			l.Eps, l.Stored = l.Eps+row.Eps/float64(f.Samples), l.Stored+row.Stored/float64(f.Samples)
			l.Naive.add(row.NaiveNorm, row.missing(row.NaiveNorm), row.NaiveClipped, f.Samples)
			l.Exact.add(row.Norm, row.missing(row.Norm), row.Clipped, f.Samples)
			if !row.Reached {
				l.Unreached++
				continue
			}
			if row.Eps > 0 && row.NaiveEta > 0 {
				factors = append(factors, row.Eta/row.NaiveEta)
				l.Off = max(l.Off, math.Abs(row.Norm/row.Eps-1))
			}
		}
		l.Factor = median(factors)
		f.Levels = append(f.Levels, l)
	}
	if len(r.config.Models) == 0 {
		return f, nil
	}
	f.Model = r.config.Models[0].Name
	return f, f.count(rows)
}

// median is NaN where there are no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return stat.Quantile(0.5, stat.LinInterp, values, nil)
}

// count counts the right answers.
func (f *Findings) count(rows []Row) error {
	levels := len(f.Levels)
	accuracy := func(place, k int) (*proportion.Estimate, error) {
		right := 0
		for at := k; at < len(rows); at += levels {
			if rows[at].Answers[place].Correct {
				right++
			}
		}
		e, err := proportion.Wilson(right, f.Samples, 0)
		return &e, err
	}
	var err error
	if f.Accuracy, err = accuracy(asItIs, 0); err != nil {
		return err
	}
	for k := range f.Levels {
		l := &f.Levels[k]
		if l.Naive.Accuracy, err = accuracy(naively, k); err != nil {
			return err
		}
		if l.Exact.Accuracy, err = accuracy(exactly, k); err != nil {
			return err
		}
		onlyExact, onlyNaive := 0, 0
		for at := k; at < len(rows); at += levels {
			switch exact, naive := rows[at].Answers[exactly].Correct, rows[at].Answers[naively].Correct; {
			case exact && !naive:
				onlyExact++
			case naive && !exact:
				onlyNaive++
			}
		}
		p, err := proportion.McNemar(onlyExact, onlyNaive)
		if err != nil {
			return err
		}
		l.P = &p
	}
	return nil
}

// conclude measures the rows and writes findings and report. browse makes the examples, nil where there are none.
func (r *run) conclude(rows []Row, browse func() (*report.Browser, error)) (*Findings, error) {
	f, err := r.measure(rows)
	if err != nil {
		return nil, err
	}
	f.Visus, f.Engine, f.Config = r.config.Visus, r.config.Engine, r.config
	f.Lost, f.Warnings = len(r.lost), append(r.config.Warnings, r.lost...)
	var browser *report.Browser
	if browse != nil {
		if browser, err = browse(); err != nil {
			return nil, err
		}
	}
	if err := result.Sweep(r.folder); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(r.path(FindingsFile), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return nil, err
	}
	return f, r.page(f, rows, browser).Save(r.folder)
}

// worst is the length of which the naive scaling loses most.
func (f *Findings) worst() LevelFindings {
	worst := f.Levels[0]
	for _, l := range f.Levels {
		if l.Naive.Loss > worst.Naive.Loss {
			worst = l
		}
	}
	return worst
}

// unreached counts images, over all lengths, in which there is no room for them.
func (f *Findings) unreached() (n int) {
	for _, l := range f.Levels {
		n += l.Unreached
	}
	return n
}

// Lines are the findings for a terminal.
func (f *Findings) Lines() []string {
	var lines []string
	for _, l := range f.Levels {
		name := fmt.Sprintf("length %s", l.Name)
		if l.Name == given {
			name = fmt.Sprintf("lengths as given, mean %.4g", l.Eps)
		}
		line := fmt.Sprintf("%s: exact %.4g, naive %.4g (%s lost), %s of the elements clipped", name, l.Exact.Norm, l.Naive.Norm,
			percent(l.Naive.Loss), percent(l.Exact.Clipped))
		if l.Unreached > 0 {
			line += fmt.Sprintf(", out of reach for %d of %d", l.Unreached, f.Samples)
		}
		if a := l.Exact.Accuracy; a != nil {
			line += fmt.Sprintf("; accuracy %s, naive %s", percent(a.Value), percent(l.Naive.Accuracy.Value))
		}
		lines = append(lines, line)
	}
	return lines
}

func percent(v float64) string { return figure.Number(v, true, 1) + " %" }
