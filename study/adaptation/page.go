package adaptation

import (
	"fmt"
	"math"
	"strings"

	"visus/report"
	"visus/report/figure"
	"visus/study/result"
)

// page composes the report: the answer first, then what it rests on.
func (r *run) page(f *Findings) report.Page {
	var names []string
	for _, m := range f.Models {
		names = append(names, m.Name)
	}
	p := report.Page{
		Title:    "Adaptation: " + strings.Join(names, ", "),
		Subtitle: fmt.Sprintf("%s under %s (%s)", plural(f.Stimuli, "image"), plural(len(f.Conditions), "condition"), r.Options.Images),
		Summary:  f.summary(),
	}
	for _, m := range f.Models {
		if f.Labelled == 0 {
			continue
		}
		p.Lead = append(p.Lead, report.Key{Label: "Mean error as it is, " + m.Name, Value: percent(m.Ways[0].Mean)})
		for _, s := range m.Suggestions {
			p.Lead = append(p.Lead, report.Key{Label: fmt.Sprintf("Adapted to %d, %s", s.Images, m.Name), Value: percent(s.Error), Detail: fmt.Sprintf("N = %g", s.Best)})
		}
		for _, w := range m.learners() {
			p.Lead = append(p.Lead, report.Key{Label: fmt.Sprintf("Learning (%s), %s", w.Mode, m.Name), Value: percent(w.Mean), Detail: fmt.Sprintf("n = %d", w.Images)})
		}
	}
	if len(f.Warnings) > 0 {
		p.Sections = append(p.Sections, report.Section{ID: "warnings", Title: "Warnings", Parts: []report.Part{report.Note{Tone: report.Warn, Title: "What to doubt", Items: f.Warnings}}})
	}
	for i := range f.Models {
		if !f.Config.Options.Single {
			p.Sections = append(p.Sections, f.Models[i].gridSection(i), f.Models[i].domainSection(i, f.Conditions))
		}
		if len(f.Models[i].learners()) > 0 {
			p.Sections = append(p.Sections, f.Models[i].learningSection(i, f.Conditions))
		}
		if len(f.Models[i].Layers) > 0 {
			p.Sections = append(p.Sections, f.Models[i].shiftSection(i, f.Conditions))
		}
	}
	p.Sections = append(p.Sections, published())
	text := []string{
		"Every condition is a domain of its own, its images in random order; statistics are reset between domains. Batches of n images; the last one of a domain may be smaller, and its λ = N/(N+n) is that of the full batch.",
		"Mean errors are over the conditions with a corruption. Intervals are Wilson's, level 95 %. batch: the batch's own statistics, variance biased; prior: mixed with N source samples, variance unbiased; cumulative: of all batches of the domain so far; calibrated: corrected so that clean images keep theirs. Modes that learn begin every domain with the model's own parameters.",
		"Shift: the squared Wasserstein distance between normal distributions of each channel, in units of the stored variance, mean over channels, in the model as it is; clean images are not at 0 where the stored statistics are those of augmented training images.",
		"The bounds take samples for independent (Schneider et al. 2020, proposition 1), which the pixels of a map are not: read what they suggest beside the errors.",
	}
	facts := []report.Fact{{Name: "visus", Value: f.Visus}, {Name: "engine", Value: f.Engine}, {Name: "images", Value: fmt.Sprintf("%s (%d shown)", r.Options.Images, f.Stimuli)}, {Name: "seed", Value: fmt.Sprint(r.Options.Seed)}}
	p.Sections = append(p.Sections, report.Section{ID: "method", Title: "Method", Text: text, Parts: []report.Part{report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(r.folder)}}})
	return p
}

func percent(v float64) string { return figure.Number(v, true, 1) + " %" }

func (f *Findings) summary() []string {
	var out []string
	for _, m := range f.Models {
		out = append(out, m.learned()...)
		if f.Labelled == 0 || f.Config.Options.Single {
			continue
		}
		source := m.Ways[0].Mean
		best := m.Suggestions[0]
		for _, s := range m.Suggestions {
			if s.Error < best.Error {
				best = s
			}
		}
		first := m.Suggestions[0]
		out = append(out, fmt.Sprintf("`%s` errs on %s of the images as it is. Adapted to %d images at a time it errs on %s (N = %g), to %d on %s (N = %g).",
			m.Name, percent(source), first.Images, percent(first.Error), first.Best, best.Images, percent(best.Error), best.Best))
		if !math.IsNaN(m.Spearman) {
			out = append(out, fmt.Sprintf("The further a condition is from what `%s` knows, the more it errs: Spearman's correlation of shift and error is %.2f, Pearson's %.2f over %d conditions.",
				m.Name, m.Spearman, m.Pearson, len(f.Conditions)))
		}
	}
	return out
}

// learned says what the modes that learn did.
func (m *ModelFindings) learned() []string {
	var out []string
	for _, w := range m.learners() {
		text := fmt.Sprintf("`%s`, learning with `%s` from batches of %d, ", m.Name, w.Mode, w.Images)
		if batch, ok := m.beside(w); ok && !math.IsNaN(w.Mean) {
			out = append(out, text+fmt.Sprintf("errs on %s of the images, with the statistics of the batches alone on %s, as it is on %s.", percent(w.Mean), percent(batch.Mean), percent(m.Ways[0].Mean)))
			continue
		}
		if !math.IsNaN(w.Mean) {
			out = append(out, text+fmt.Sprintf("errs on %s of the images, as it is on %s.", percent(w.Mean), percent(m.Ways[0].Mean)))
			continue
		}
		first, last := w.Steps[0][0], w.Steps[0][len(w.Steps[0])-1]
		out = append(out, text+fmt.Sprintf("has a mean entropy of %.3f nats in the first batch and %.3f in the last. The images have no labels: errors cannot be counted.", first.Entropy, last.Entropy))
	}
	return out
}

// gridSection shows the mean error for every n and N.
func (m *ModelFindings) gridSection(i int) report.Section {
	curves := figure.Curves{X: figure.Axis{Label: "images n adapted to together"}, Y: figure.Axis{Label: "mean error, %", Percent: true}}
	lines := map[float64]*figure.Line{}
	var order []float64
	t := report.Table{Name: fmt.Sprintf("grid-%d", i+1), Title: "Mean error of " + m.Name, Columns: []report.Column{{Name: "N"}},
		Caption: "Rows: source samples N; columns: images n. The lowest of each column in bold; as it is: " + percent(m.Ways[0].Mean) + "."}
	rows := map[float64][]report.Cell{}
	for _, n := range m.sizes() {
		t.Columns = append(t.Columns, report.Column{Name: fmt.Sprintf("n=%d", n), Kind: report.PercentKind, Decimals: 1, Best: report.Lowest})
		for _, w := range m.grid(n) {
			if lines[w.Prior] == nil {
				lines[w.Prior] = &figure.Line{Name: fmt.Sprintf("N = %g", w.Prior)}
				rows[w.Prior] = []report.Cell{report.Text(fmt.Sprintf("%g", w.Prior))}
				order = append(order, w.Prior)
			}
			lines[w.Prior].X, lines[w.Prior].Y = append(lines[w.Prior].X, float64(n)), append(lines[w.Prior].Y, w.Mean)
			rows[w.Prior] = append(rows[w.Prior], report.Num(w.Mean))
		}
	}
	for _, prior := range order {
		curves.Lines = append(curves.Lines, *lines[prior])
		t.Rows = append(t.Rows, rows[prior])
	}
	first, last := lines[order[0]].X[0], lines[order[0]].X[len(lines[order[0]].X)-1]
	curves.Lines = append(curves.Lines, figure.Line{Name: "as it is", X: []float64{first, last}, Y: []float64{m.Ways[0].Mean, m.Ways[0].Mean}, Muted: true})
	suggested := report.Table{Name: fmt.Sprintf("suggested-%d", i+1), Title: "How many source samples?", Columns: []report.Column{{Name: "n"}, {Name: "N with the lowest error", Kind: report.NumberKind}, {Name: "its mean error", Kind: report.PercentKind, Decimals: 1}, {Name: "N by the bounds", Kind: report.NumberKind}},
		Caption: "By the bounds: what minimises the middle of the lower and the upper bound of the expected distance, averaged over layers, under the corrupted condition of median shift."}
	for _, s := range m.Suggestions {
		bounds := math.NaN()
		if len(m.Layers) > 0 {
			bounds = float64(s.Bounds)
		}
		suggested.Rows = append(suggested.Rows, []report.Cell{report.Text(fmt.Sprint(s.Images)), report.Num(s.Best), report.Num(s.Error), report.Num(bounds)})
	}
	return report.Section{ID: fmt.Sprintf("grid-%d", i+1), Title: "How few images are enough for " + m.Name + "?", Parts: []report.Part{
		report.Chart{Name: fmt.Sprintf("sizes-%d", i+1), Title: "Mean error by number of images", Panels: []figure.Panel{{Chart: curves}}, Alt: "Curves of the mean error over the number of images, one for each number of source samples"},
		t, suggested,
	}}
}

// domainSection has one row a condition: as it is, partial, full, and the ways beside the grid.
func (m *ModelFindings) domainSection(i int, conditions []string) report.Section {
	t := report.Table{Name: fmt.Sprintf("domains-%d", i+1), Title: "Every condition", Columns: []report.Column{{Name: "condition"}}, Folded: len(conditions) > 40,
		Caption: "Error on the same images; the lowest of each row is what to compare. Full: the largest n with N=0."}
	ways := []Way{m.Ways[0]}
	t.Columns = append(t.Columns, report.Column{Name: "as it is", Kind: report.PercentKind, Decimals: 1})
	largest := 0
	for _, n := range m.sizes() {
		ways = append(ways, m.best(n))
		t.Columns = append(t.Columns, report.Column{Name: fmt.Sprintf("n=%d, N=%g", n, m.best(n).Prior), Kind: report.PercentKind, Decimals: 1})
		largest = max(largest, n)
	}
	for _, w := range m.Ways[1:] {
		full := w.Mode == "batch" && w.Images == largest && m.best(largest).Prior != 0
		if full || w.Mode == "cumulative" || w.Mode == "calibrated" && w.Images == largest {
			ways = append(ways, w)
			name := fmt.Sprintf("%s, n=%d", w.Mode, w.Images)
			if full {
				name = fmt.Sprintf("full: n=%d, N=0", w.Images)
			}
			t.Columns = append(t.Columns, report.Column{Name: name, Kind: report.PercentKind, Decimals: 1})
		}
	}
	for c, name := range conditions {
		row := []report.Cell{report.Text(name)}
		for _, w := range ways {
			e := w.Errors[c]
			row = append(row, report.NumIn(e.Value, e.Low, e.High))
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Section{ID: fmt.Sprintf("domains-%d", i+1), Title: "Where adaptation helps and hurts", Parts: []report.Part{t}}
}

// shiftSection shows how far each layer has moved under each condition.
func (m *ModelFindings) shiftSection(i int, conditions []string) report.Section {
	heat := report.HeatMap{Name: fmt.Sprintf("layers-%d", i+1), Title: "Shift of every layer", RowTitle: "layer", Scale: "normalised squared Wasserstein distance, %", Percent: true,
		Alt: "Heat map of the shift of every layer under every condition", Panels: []report.HeatPanel{{Columns: conditions}}}
	for l, name := range m.Layers {
		heat.Rows = append(heat.Rows, report.Row{Name: name})
		var values []float64
		for c := range conditions {
			values = append(values, m.Shift[c][l])
			heat.Max = max(heat.Max, m.Shift[c][l])
		}
		heat.Panels[0].Values = append(heat.Panels[0].Values, values)
	}
	t := report.Table{Name: fmt.Sprintf("shift-%d", i+1), Title: "Shift and error", Columns: []report.Column{{Name: "condition"}, {Name: "shift", Kind: report.NumberKind, Decimals: 3}, {Name: "error as it is", Kind: report.PercentKind, Decimals: 1}},
		Caption: "Shift: mean over layers."}
	if !math.IsNaN(m.Spearman) {
		t.Caption += fmt.Sprintf(" Over the conditions its correlation with the error is %.2f (Spearman), %.2f (Pearson).", m.Spearman, m.Pearson)
	}
	for c, name := range conditions {
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Num(m.Network[c]), report.Num(m.Ways[0].Errors[c].Value)})
	}
	return report.Section{ID: fmt.Sprintf("shift-%d", i+1), Title: "How far the world has moved for " + m.Name, Parts: []report.Part{heat, t}}
}

// publishedMCE are scores of ResNet-50 variants on ImageNet-C from the repository of Schneider et al. 2020 (bethgelab/robustness); NaN: not given.
var publishedMCE = []struct {
	model               string
	none, partial, full float64
}{
	{"ResNet-50", 76.7, 65.0, 62.2}, {"SIN", 69.3, 61.5, 59.5}, {"ANT", 63.4, 56.1, 53.6}, {"ANT+SIN", 60.7, 55.3, 53.6}, {"AugMix", 65.3, 55.4, 51.0},
	{"AssembleNet", 52.3, math.NaN(), 50.1}, {"DeepAugment", 60.4, 52.3, 49.4}, {"DeepAugment+AugMix", 53.6, 48.4, 45.4}, {"DeepAugment+AugMix, ResNeXt-101", 44.5, 40.7, 38.0},
}

func published() report.Section {
	number := report.Column{Kind: report.NumberKind, Decimals: 1}
	named := func(name string) report.Column { c := number; c.Name = name; return c }
	t := report.Table{Name: "published", Title: "Published: mCE on ImageNet-C", Columns: []report.Column{{Name: "model"}, named("no adaptation"), named("partial"), named("full")},
		Caption: "Not computed here: Schneider et al. 2020 and the repository bethgelab/robustness. Partial: n = 8 with a tuned N; full: n = 512, N = 0. Everything else on this page was computed here."}
	for _, p := range publishedMCE {
		t.Rows = append(t.Rows, []report.Cell{report.Text(p.model), report.Num(p.none), report.Num(p.partial), report.Num(p.full)})
	}
	return report.Section{ID: "published", Title: "Published results", Parts: []report.Part{t}}
}

// plural writes "1 image", "2 images".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
