package corruption

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"visus/measure/proportion"
	"visus/report"
	"visus/report/figure"
	"visus/study/session"
)

// Change is what adapting a model does to its answers under one condition.
type Change struct {
	Condition string  `json:"condition"`
	Won       int     `json:"won"`  // images named rightly only when adapted
	Lost      int     `json:"lost"` // only as it is
	P         float64 `json:"p"`    // two-sided, exact McNemar test
}

// significant is the level at which a change is called better or worse; about one condition in twenty is so by chance alone.
const significant = 0.05

// verdict is +1 where adapting helps by more than chance explains, -1 where it hurts, else 0.
func (c Change) verdict() int {
	switch {
	case !(c.P < significant):
		return 0
	case c.Won > c.Lost:
		return 1
	}
	return -1
}

// changes compares an adapted observer with the same model as it is, condition by condition.
func (m *measurement) changes(t *tally) ([]Change, error) {
	out := make([]Change, len(m.conditions))
	for i, c := range m.conditions {
		d := t.discordant[i]
		p, err := proportion.McNemar(d.lost, d.won)
		if err != nil {
			return nil, err
		}
		out[i] = Change{c.Name, d.won, d.lost, p}
	}
	return out, nil
}

// adapted lists the observers that are a model adapted, those of one model where it is named.
func (f *Findings) adapted(model string) []ObserverFindings {
	var out []ObserverFindings
	for _, o := range f.Observers {
		if o.Method != "" && (model == "" || o.Model == model) {
			out = append(out, o)
		}
	}
	return out
}

// asIs lists the models as they are.
func (f *Findings) asIs() []ObserverFindings {
	return slices.DeleteFunc(slices.Clone(f.Observers), func(o ObserverFindings) bool { return o.Method != "" })
}

// comparison finds the difference of two observers, a - b.
func (f *Findings) comparison(a, b string) (Comparison, bool) {
	for _, c := range f.Comparisons {
		if c.A == a && c.B == b {
			return c, true
		}
		if c.A == b && c.B == a {
			c.A, c.B, c.Difference, c.Low, c.High = a, b, -c.Difference, -c.High, -c.Low
			return c, true
		}
	}
	return Comparison{}, false
}

// adaptationVerdicts says for each model how the best way of adapting changes its mean error, where it helps most and where it hurts.
func (f *Findings) adaptationVerdicts() []string {
	var out []string
	for _, source := range f.asIs() {
		methods := f.adapted(source.Name)
		if len(methods) == 0 {
			continue
		}
		if len(source.Corruptions) == 0 {
			out = append(out, f.asRecorded(source, methods)...)
			continue
		}
		best := slices.MinFunc(methods, func(a, b ObserverFindings) int {
			switch d := a.MeanError.Value - b.MeanError.Value; {
			case d < 0:
				return -1
			case d > 0:
				return 1
			}
			return 0
		})
		text := fmt.Sprintf("Adapted to what it is shown (`%s`), `%s` has a mean corruption %s of %s (95 %% interval %s)",
			best.Method, source.Name, f.wrong(), percent(best.MeanError.Value), interval(best.MeanError))
		if c, ok := f.comparison(best.Name, source.Name); ok && !math.IsNaN(c.Difference) {
			text += fmt.Sprintf(", %s points (%s to %s) against the model as it is", signed(c.Difference), signed(c.Low), signed(c.High))
		}
		out = append(out, text+". "+f.whereItHelps(source, best))
	}
	return out
}

// asRecorded compares the answers to images that were shown without a corruption.
func (f *Findings) asRecorded(source ObserverFindings, methods []ObserverFindings) []string {
	var out []string
	for _, m := range methods {
		for _, c := range m.Changes {
			if source.Clean == nil || m.Clean == nil {
				continue
			}
			out = append(out, fmt.Sprintf("Adapted to the images (`%s`), `%s` has an %s of %s against %s as it is: %s gained and %d lost (exact McNemar test, p %s).",
				m.Method, source.Name, f.right(), percent(m.Clean.Accuracy.Value), percent(source.Clean.Accuracy.Value), plural(c.Won, "image"), c.Lost, pValue(c.P)))
		}
	}
	return out
}

// whereItHelps names the corruption that adapting helps most, and the conditions that it hurts.
func (f *Findings) whereItHelps(source, adapted ObserverFindings) string {
	most, gain := "", math.Inf(-1)
	for i, c := range source.Corruptions {
		if g := c.MeanError.Value - adapted.Corruptions[i].MeanError.Value; g > gain {
			most, gain = c.Corruption, g
		}
	}
	var worse []string
	for _, c := range adapted.Changes {
		if c.verdict() < 0 {
			worse = append(worse, c.Condition)
		}
	}
	text := fmt.Sprintf("It helps most under `%s` (%s points)", most, signed(-gain))
	if gain <= 0 {
		text = "It helps under no corruption"
	}
	if len(worse) == 0 {
		return text + " and hurts nowhere by more than chance explains."
	}
	const named = 4
	list := strings.Join(worse[:min(named, len(worse))], ", ")
	if len(worse) > named {
		list += fmt.Sprintf(" and %d more", len(worse)-named)
	}
	return text + fmt.Sprintf(" and hurts by more than chance explains under %s (%s).", plural(len(worse), "condition"), list)
}

// signed writes a difference of shares in points, with its sign.
func signed(v float64) string {
	text := figure.Number(v, true, 1)
	if v > 0 {
		return "+" + text
	}
	return text
}

// adaptationSection sets every corruption's error side by side, as the model is and adapted.
func (f *Findings) adaptationSection() report.Section {
	section := report.Section{ID: "adaptation", Title: "With and without adaptation", Text: append(f.adaptationVerdicts(),
		"An adapted model normalises each block of images by that block's own statistics: `batch` by these alone, `prior` mixed with the stored ones, `calibrated` so that clean images keep the statistics that they had.")}
	for i, source := range f.asIs() {
		if methods := f.adapted(source.Name); len(methods) > 0 {
			section.Parts = append(section.Parts, f.adaptationTable(i, source, methods))
		}
	}
	return section
}

func (f *Findings) adaptationTable(i int, source ObserverFindings, methods []ObserverFindings) report.Table {
	t := report.Table{Name: fmt.Sprintf("adaptation-%d", i+1), Title: title(f.wrong()) + " of " + source.Name + " as it is and adapted", Columns: []report.Column{{Name: "corruption"}},
		Caption: "Mean over severities; best in bold. Better and worse: severities at which adapting changes the answers to the same images by more than chance explains (exact McNemar test, p < 0.05)."}
	errors := report.Column{Kind: report.PercentKind, Decimals: 1, Best: report.Lowest}
	errors.Name = "as it is"
	t.Columns = append(t.Columns, errors)
	for _, m := range methods {
		errors.Name = m.Method
		t.Columns = append(t.Columns, errors)
	}
	for _, m := range methods {
		t.Columns = append(t.Columns, report.Column{Name: m.Method + ": better, worse"})
	}
	if source.Clean != nil {
		row := []report.Cell{report.Text(session.Clean), report.Num(source.Clean.Error())}
		for _, m := range methods {
			row = append(row, report.Num(m.Clean.Error()))
		}
		t.Rows = append(t.Rows, append(row, tallied(methods, func(condition string) bool { return condition == session.Clean })...))
	}
	for k, c := range source.Corruptions {
		row := []report.Cell{report.Text(c.Corruption), report.NumIn(c.MeanError.Value, c.MeanError.Low, c.MeanError.High)}
		for _, m := range methods {
			e := m.Corruptions[k].MeanError
			row = append(row, report.NumIn(e.Value, e.Low, e.High))
		}
		of := func(condition string) bool { name, _ := session.SplitCondition(condition); return name == c.Corruption }
		t.Rows = append(t.Rows, append(row, tallied(methods, of)...))
	}
	return t
}

// tallied counts the conditions under which each method is better and worse.
func tallied(methods []ObserverFindings, of func(condition string) bool) []report.Cell {
	var cells []report.Cell
	for _, m := range methods {
		better, worse := 0, 0
		for _, c := range m.Changes {
			if !of(c.Condition) {
				continue
			}
			switch c.verdict() {
			case 1:
				better++
			case -1:
				worse++
			}
		}
		cells = append(cells, report.Text(fmt.Sprintf("%d, %d", better, worse)))
	}
	return cells
}
