package adaptation

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"visus/adapt"
	"visus/report"
	"visus/report/figure"
	"visus/study/session"
	"visus/trial"
)

// stepColumn is the extra column that tells, with the first trial of a batch, what the step on it did.
const stepColumn = "step"

func (w way) learns() bool { return w.images != nil && isLearner(string(w.method.Mode)) }

func isLearner(mode string) bool { return slices.Contains(adapt.Learners, adapt.Mode(mode)) }

// recorded is a step as JSON, null for what is no number.
func recorded(s adapt.Step) map[string]any {
	number := func(v float64) any {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	}
	return map[string]any{"loss": number(s.Loss), "entropy": number(s.Entropy), "kept": number(s.Kept), "histogram": s.Histogram,
		"collapsed": s.Collapsed, "reset": s.Reset, "skipped": s.Skipped}
}

// stepOf reads what recorded wrote; ok is false where a trial has no step.
func stepOf(t *trial.Trial) (s adapt.Step, ok bool, err error) {
	value, ok := t.Extras.Other[stepColumn]
	if !ok {
		return s, false, nil
	}
	text, err := json.Marshal(value)
	if err == nil {
		s.Loss, s.Entropy, s.Kept = math.NaN(), math.NaN(), math.NaN()
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, false, fmt.Errorf("adaptation: trial %d of %s under %s: step: %w", t.Trial, t.Observer, t.Condition, err)
	}
	return s, true, nil
}

// tell tells a step to who listens.
func (r *run) tell(w way, c session.Condition, at, of int, s adapt.Step) {
	if r.Step != nil {
		r.Step(fmt.Sprintf("%s, %s, batch %d of %d: %s", w.name, c.Name, at, of, Describe(s)))
	}
}

// Describe writes a step for a terminal.
func Describe(s adapt.Step) string {
	text := fmt.Sprintf("loss %.4g, entropy %.3f, kept %.0f %%", s.Loss, s.Entropy, 100*s.Kept)
	switch {
	case s.Collapsed:
		text += ", collapsed: begun anew"
	case s.Reset:
		text += ", put back"
	case s.Skipped:
		text += ", skipped: no finite number"
	}
	return text
}

// incidents counts the batches of a domain that went wrong.
func incidents(steps []adapt.Step) (collapsed, reset, skipped int) {
	for _, s := range steps {
		collapsed, reset, skipped = collapsed+one(s.Collapsed), reset+one(s.Reset), skipped+one(s.Skipped)
	}
	return collapsed, reset, skipped
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// collapses are the warnings that the steps give cause for.
func (f *Findings) collapses() []string {
	var out []string
	for _, m := range f.Models {
		for _, w := range m.Ways {
			for c, steps := range w.Steps {
				collapsed, reset, skipped := incidents(steps)
				if collapsed+reset+skipped > 0 {
					out = append(out, fmt.Sprintf("%s under %s, %d batches: "+
						"%d answered with few classes, where the model as it came names more (begun anew), "+
						"%d after which a small loss put everything back, %d skipped because a number was not finite",
						w.Name, f.Conditions[c], len(steps), collapsed, reset, skipped))
				}
			}
		}
	}
	return out
}

// learners lists the ways that learn.
func (m *ModelFindings) learners() []Way {
	var out []Way
	for _, w := range m.Ways {
		if isLearner(w.Mode) {
			out = append(out, w)
		}
	}
	return out
}

// beside is the way with the statistics of batches as large as those of a way that learns.
func (m *ModelFindings) beside(learner Way) (Way, bool) {
	for _, w := range m.grid(learner.Images) {
		if w.Mode == string(adapt.Batch) {
			return w, true
		}
	}
	return Way{}, false
}

// learningSection shows what learning from the answers adds to the statistics of the batch, and what every step did.
func (m *ModelFindings) learningSection(i int, conditions []string) report.Section {
	s := report.Section{ID: fmt.Sprintf("learning-%d", i+1), Title: "What learning adds for " + m.Name, Text: []string{
		"A mode that learns normalises by the batch's statistics and makes a step of an optimiser on each batch; its answers are those before the step. " +
			"Kept: the share of images that the loss is made of. " +
			"A falling entropy with answers of fewer and fewer classes is a collapse: the histogram shows it.",
	}}
	if !math.IsNaN(m.Ways[0].Mean) {
		s.Parts = append(s.Parts, m.learningTable(i, conditions))
	}
	for k, w := range m.learners() {
		place := fmt.Sprintf("%d-%d", i+1, k+1)
		s.Parts = append(s.Parts, w.stepsChart("steps-"+place, conditions), w.answersMap("answers-"+place, conditions))
	}
	return s
}

func (m *ModelFindings) learningTable(i int, conditions []string) report.Table {
	t := report.Table{
		Name: fmt.Sprintf("learning-%d", i+1), Title: "Errors with and without learning", Columns: []report.Column{{Name: "condition"}},
		Folded: len(conditions) > 40,
		Caption: "Error on the same images. batch: the same batches with their statistics alone, so that the difference is what the steps do; " +
			"prior: the best N of those tried.",
	}
	ways, names := []Way{m.Ways[0]}, []string{"as it is"}
	learners := m.learners()
	if w, ok := m.beside(learners[0]); ok {
		ways, names = append(ways, w), append(names, fmt.Sprintf("batch, n=%d", w.Images))
		if best := m.best(w.Images); best.Prior > 0 {
			ways, names = append(ways, best), append(names, fmt.Sprintf("prior N=%g, n=%d", best.Prior, best.Images))
		}
	}
	for _, w := range learners {
		ways, names = append(ways, w), append(names, fmt.Sprintf("%s, n=%d", w.Mode, w.Images))
	}
	mean := []report.Cell{report.Text("mean")}
	for k, w := range ways {
		t.Columns = append(t.Columns, report.Column{Name: names[k], Kind: report.PercentKind, Decimals: 1})
		mean = append(mean, report.Num(w.Mean))
	}
	for c, name := range conditions {
		row := []report.Cell{report.Text(name)}
		for _, w := range ways {
			e := w.Errors[c]
			row = append(row, report.NumIn(e.Value, e.Low, e.High))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(conditions) > 1 {
		t.Rows = append(t.Rows, mean)
	}
	return t
}

// mostLines is how many conditions have a curve of their own.
const mostLines = 4

// stepsChart shows entropy and kept share over the batches: a line a condition, of many their mean within their range.
func (w Way) stepsChart(name string, conditions []string) report.Chart {
	entropy := func(s adapt.Step) float64 { return s.Entropy }
	kept := func(s adapt.Step) float64 { return s.Kept }
	batches := figure.Axis{Label: "batch"}
	chart := report.Chart{Name: name, Title: w.Mode + ": entropy and images kept, batch by batch", Columns: 2,
		Alt: "Curves of the mean entropy and of the share of images kept over the batches",
		Panels: []figure.Panel{
			{Title: "entropy", Chart: figure.Curves{X: batches, Y: figure.Axis{Label: "mean entropy, nats"}, Lines: w.lines(conditions, entropy)}},
			{Title: "kept", Chart: figure.Curves{X: batches, Y: figure.Axis{Label: "images kept, %", Percent: true, Min: 0, Max: 1}, Lines: w.lines(conditions, kept)}},
		}}
	if len(conditions) > mostLines {
		chart.Caption = fmt.Sprintf("The mean over the %d conditions, and the range from the lowest to the highest of them.", len(conditions))
	}
	return chart
}

// lines are a number of each step over the batches.
func (w Way) lines(conditions []string, of func(adapt.Step) float64) []figure.Line {
	var lines []figure.Line
	for c, condition := range conditions {
		line := figure.Line{Name: condition}
		for k, s := range w.Steps[c] {
			line.X, line.Y = append(line.X, float64(k+1)), append(line.Y, of(s))
		}
		lines = append(lines, line)
	}
	if len(lines) <= mostLines {
		return lines
	}
	all := figure.Line{Name: "all conditions", X: lines[0].X}
	for k := range all.X {
		low, high, sum := math.Inf(1), math.Inf(-1), 0.
		for _, line := range lines {
			low, high, sum = min(low, line.Y[k]), max(high, line.Y[k]), sum+line.Y[k]
		}
		all.Y, all.Low, all.High = append(all.Y, sum/float64(len(lines))), append(all.Low, low), append(all.High, high)
	}
	return []figure.Line{all}
}

// answersMap shows how the answers of each batch are spread over the classes, under the condition with the most uneven full batch.
func (w Way) answersMap(name string, conditions []string) report.HeatMap {
	worst, most := 0, 0.
	for c, steps := range w.Steps {
		for k, s := range steps {
			if share := largestShare(s.Histogram); share > most && (k == 0 || k < len(steps)-1) { // the last one may be small
				worst, most = c, share
			}
		}
	}
	steps := w.Steps[worst]
	columns := make([]string, len(steps[0].Histogram))
	for k := range columns {
		columns[k] = fmt.Sprint(k)
	}
	heat := report.HeatMap{Name: name, Title: w.Mode + ": classes answered under " + conditions[worst], RowTitle: "batch", Scale: "answers, %", Percent: true,
		Caption: "Share of each class, by its number, among the answers of each batch; the condition with the most uneven full batch.",
		Alt:     "Heat map of the share of each class among the answers of each batch"}
	panel := report.HeatPanel{}
	shown := busiest(steps, mostColumns)
	for _, class := range shown {
		panel.Columns = append(panel.Columns, columns[class])
	}
	for k, s := range steps {
		heat.Rows = append(heat.Rows, report.Row{Name: fmt.Sprint(k + 1)})
		total := 0
		for _, n := range s.Histogram {
			total += n
		}
		row := make([]float64, len(shown))
		for j, class := range shown {
			row[j] = float64(s.Histogram[class]) / float64(max(total, 1))
		}
		panel.Values = append(panel.Values, row)
	}
	heat.Panels = []report.HeatPanel{panel}
	return heat
}

// mostColumns is how many classes a histogram shows: those answered most.
const mostColumns = 20

// busiest lists the classes answered most, in their own order.
func busiest(steps []adapt.Step, most int) []int {
	count := make([]int, len(steps[0].Histogram))
	for _, s := range steps {
		for k, n := range s.Histogram {
			count[k] += n
		}
	}
	classes := make([]int, len(count))
	for k := range classes {
		classes[k] = k
	}
	slices.SortStableFunc(classes, func(a, b int) int { return count[b] - count[a] })
	classes = classes[:min(most, len(classes))]
	slices.Sort(classes)
	return classes
}

func largestShare(histogram []int) float64 {
	total := 0
	for _, n := range histogram {
		total += n
	}
	return float64(slices.Max(histogram)) / float64(max(total, 1))
}
