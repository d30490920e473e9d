package corruption

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"visus/measure/calibration"
	"visus/measure/proportion"
	"visus/report"
	"visus/report/figure"
)

// page composes the report: the answer first, then what it rests on.
func (x *examination) page(f *Findings, gallery *report.Browser) report.Page {
	var names []string
	for _, o := range f.asIs() {
		names = append(names, o.Name)
	}
	p := report.Page{
		Title:    f.title() + ": " + strings.Join(names, ", "),
		Subtitle: fmt.Sprintf("%s on %d images (%s)", plural(len(names), "model"), f.Stimuli, x.Options.Images),
		Summary:  f.summary(),
		Lead:     f.lead(),
	}
	p.Sections = append(p.Sections, f.costSection())
	if len(f.adapted("")) > 0 {
		p.Sections = append(p.Sections, f.adaptationSection())
	}
	if len(f.Corruptions) > 0 {
		p.Sections = append(p.Sections, f.curveSection())
	}
	if len(f.asIs()) > 1 && len(f.Corruptions) > 0 {
		p.Sections = append(p.Sections, f.comparisonSection())
	}
	p.Sections = append(p.Sections, f.classSection())
	if gallery != nil && len(gallery.Items) > 0 {
		p.Sections = append(p.Sections, report.Section{ID: "images", Title: "The images", Text: []string{"What the models saw. Clean images stand beside corrupted ones, with each model's answer and its confidence."}, Parts: []report.Part{*gallery}})
	}
	p.Sections = append(p.Sections, f.calibrationSection(), f.tableSection(), x.methodSection(f))
	return p
}

// title says what was examined.
func (f *Findings) title() string {
	switch {
	case len(f.Corruptions) > 0:
		return "Common corruptions"
	case len(f.adapted("")) > 0:
		return "Adaptation"
	}
	return "Clean images"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// right is the word for what is counted.
func (f *Findings) right() string {
	if f.Basis == Agreement {
		return "agreement"
	}
	return "accuracy"
}

// wrong is its opposite.
func (f *Findings) wrong() string {
	if f.Basis == Agreement {
		return "disagreement"
	}
	return "error"
}

// ranked lists the models as they are, lowest mean corruption error first.
func (f *Findings) ranked() []ObserverFindings {
	all := f.asIs()
	sort.SliceStable(all, func(a, b int) bool { return all[a].MeanError.Value < all[b].MeanError.Value })
	return all
}

// hardest returns the corruption with the largest and the smallest mean error.
func (o *ObserverFindings) hardest() (worst, best CorruptionScore) {
	for i, c := range o.Corruptions {
		if i == 0 || c.MeanError.Value > worst.MeanError.Value {
			worst = c
		}
		if i == 0 || c.MeanError.Value < best.MeanError.Value {
			best = c
		}
	}
	return worst, best
}

func percent(v float64) string { return figure.Number(v, true, 1) + " %" }

func interval(e proportion.Estimate) string {
	if math.IsNaN(e.Low) {
		return "too few images for an interval"
	}
	return figure.Number(e.Low, true, 1) + " to " + figure.Number(e.High, true, 1) + " %"
}

// summary answers in sentences: which model is the more robust and is it more than noise; what costs most.
func (f *Findings) summary() []string {
	var out []string
	for i, o := range f.ranked() {
		if len(o.Corruptions) == 0 {
			if o.Clean != nil && f.Basis == Accuracy {
				out = append(out, fmt.Sprintf("`%s` names %s of the clean images rightly (95 %% interval %s). No corruption was shown.", o.Name, percent(o.Clean.Accuracy.Value), interval(o.Clean.Accuracy)))
			}
			continue
		}
		worst, best := o.hardest()
		clean := ""
		if o.Clean != nil && f.Basis == Accuracy {
			clean = fmt.Sprintf("names %s of the clean images rightly and ", percent(o.Clean.Accuracy.Value))
		}
		text := fmt.Sprintf("`%s` %shas a mean corruption %s of %s (95 %% interval %s). `%s` costs it most (%s wrong), `%s` least (%s).",
			o.Name, clean, f.wrong(), percent(o.MeanError.Value), interval(o.MeanError), worst.Corruption, percent(worst.MeanError.Value), best.Corruption, percent(best.MeanError.Value))
		if f.Basis == Agreement {
			text = fmt.Sprintf("`%s` changes its answer to %s of the corrupted images (95 %% interval %s). `%s` changes most (%s), `%s` least (%s).",
				o.Name, percent(o.MeanError.Value), interval(o.MeanError), worst.Corruption, percent(worst.MeanError.Value), best.Corruption, percent(best.MeanError.Value))
		}
		if len(o.Corruptions) == 1 {
			text, _, _ = strings.Cut(text, "). ")
			text += ")."
		}
		if i < 3 {
			out = append(out, text)
		}
	}
	return append(append(out, f.verdicts()...), f.adaptationVerdicts()...)
}

// verdicts says of the best observer and its rivals whether the difference is more than noise.
func (f *Findings) verdicts() []string {
	ranked := f.ranked()
	if len(ranked) < 2 {
		return nil
	}
	best := ranked[0].Name
	var out []string
	for _, c := range f.comparisons() {
		if c.A != best && c.B != best || math.IsNaN(c.Difference) {
			continue
		}
		other, difference, low, high := c.B, -c.Difference, -c.High, -c.Low
		if c.B == best {
			other, difference, low, high = c.A, c.Difference, c.Low, c.High
		}
		verdict := "more than the choice of images explains"
		if low <= 0 {
			verdict = "which the choice of images alone may explain"
		}
		out = append(out, fmt.Sprintf("`%s` is %s points more robust than `%s` (95 %% interval %s to %s; p %s), %s.",
			best, figure.Number(difference, true, 1), other, figure.Number(low, true, 1), figure.Number(high, true, 1), pValue(c.P), verdict))
	}
	return out
}

// comparisons lists the differences between models as they are.
func (f *Findings) comparisons() []Comparison {
	adapted := f.adapted("")
	isAdapted := func(name string) bool {
		return slices.ContainsFunc(adapted, func(o ObserverFindings) bool { return o.Name == name })
	}
	return slices.DeleteFunc(slices.Clone(f.Comparisons), func(c Comparison) bool { return isAdapted(c.A) || isAdapted(c.B) })
}

func pValue(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("= %.3f", p)
}

// lead gives the numbers at a glance.
func (f *Findings) lead() []report.Key {
	var keys []report.Key
	for _, o := range f.Observers {
		if len(keys) >= 8 {
			break
		}
		if o.Clean != nil && f.Basis == Accuracy {
			keys = append(keys, report.Key{Label: "Clean accuracy, " + o.Name, Value: percent(o.Clean.Accuracy.Value), Detail: interval(o.Clean.Accuracy)})
		}
		if len(o.Corruptions) > 0 {
			keys = append(keys, report.Key{Label: "Mean corruption " + f.wrong() + ", " + o.Name, Value: percent(o.MeanError.Value), Detail: interval(o.MeanError), Tone: report.Warn})
		}
		if o.MCE != nil {
			keys = append(keys, report.Key{Label: "mCE, " + o.Name, Value: fmt.Sprintf("%.1f", *o.MCE), Detail: "AlexNet = 100"})
		}
	}
	condition, observer, score := f.worst()
	if condition != "" {
		keys = append(keys, report.Key{Label: "Worst condition", Value: percent(score.Accuracy.Value), Detail: fmt.Sprintf("%s of %s under %s", f.right(), observer, condition), Tone: report.Bad})
	}
	return keys
}

func (f *Findings) worst() (condition, observer string, worst Score) {
	for _, o := range f.Observers {
		for _, c := range o.Conditions {
			if c.Severity > 0 && c.Images > 0 && (condition == "" || c.Accuracy.Value < worst.Accuracy.Value) {
				condition, observer, worst = c.Condition, o.Name, c.Score
			}
		}
	}
	return condition, observer, worst
}

// rows of the heat map and curves, in groups.
func (f *Findings) rows() []report.Row {
	rows := make([]report.Row, len(f.Corruptions))
	for i, c := range f.Corruptions {
		rows[i] = report.Row{Name: c, Group: groupOf(c)}
	}
	return rows
}

// cell finds the score of one observer; ok is false where it was not measured.
func (o *ObserverFindings) cell(corruption string, severity int) (Score, bool) {
	for _, c := range o.Conditions {
		if c.Corruption == corruption && c.Severity == severity && c.Images > 0 {
			return c.Score, true
		}
	}
	return Score{}, false
}

func (f *Findings) costSection() report.Section {
	heat := report.HeatMap{
		Name: "errors", Title: title(f.wrong()) + " by corruption and severity", RowTitle: "corruption", Rows: f.rows(), Scale: f.wrong() + ", %", Max: 1, Percent: true,
		Alt:     fmt.Sprintf("Heat map of the %s of %s under %d corruptions at severities %v, with the clean images first where they were shown", f.wrong(), plural(len(f.Observers), "model"), len(f.Corruptions), f.Severities),
		Caption: "Each cell is the share of the same images answered wrongly, in percent. Point at a cell for its 95 % interval.",
	}
	for _, o := range f.Observers {
		panel := report.HeatPanel{Title: o.Name}
		if o.Clean != nil {
			panel.Columns = append(panel.Columns, "0")
		}
		for _, s := range f.Severities {
			panel.Columns = append(panel.Columns, fmt.Sprint(s))
		}
		for _, c := range f.Corruptions {
			var values []float64
			var ends [][2]float64
			add := func(s Score, ok bool) {
				if !ok {
					s.Accuracy = proportion.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
				}
				values, ends = append(values, s.Error()), append(ends, [2]float64{1 - s.Accuracy.High, 1 - s.Accuracy.Low})
			}
			if o.Clean != nil {
				add(*o.Clean, true)
			}
			for _, s := range f.Severities {
				add(o.cell(c, s))
			}
			panel.Values, panel.Intervals = append(panel.Values, values), append(panel.Intervals, ends)
		}
		heat.Panels = append(heat.Panels, panel)
	}
	bars := figure.Bars{Value: figure.Axis{Label: "mean " + f.wrong() + " over severities, %", Percent: true}, Names: f.Corruptions}
	for _, o := range f.Observers {
		bar := figure.Bar{Name: o.Name}
		for _, name := range f.Corruptions {
			e := proportion.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
			for _, c := range o.Corruptions {
				if c.Corruption == name {
					e = c.MeanError
				}
			}
			bar.Values, bar.Low, bar.High = append(bar.Values, e.Value), append(bar.Low, e.Low), append(bar.High, e.High)
		}
		bars.Series = append(bars.Series, bar)
	}
	parts := []report.Part{}
	if len(f.Lost) > 0 {
		parts = append(parts, f.lostNote())
	}
	for _, w := range f.Warnings {
		parts = append(parts, report.Note{Tone: report.Warn, Title: "Check this", Text: []string{w}})
	}
	if len(f.Corruptions) == 0 {
		return report.Section{ID: "cost", Title: "Clean images", Parts: append(parts, f.scoreTable())}
	}
	parts = append(parts, heat, f.scoreTable(), report.Chart{
		Name: "mean-errors", Title: "Mean " + f.wrong() + " by corruption", Panels: []figure.Panel{{Chart: bars}},
		Alt: "Bars of every model's mean " + f.wrong() + " under each corruption",
	})
	text := []string{"Severity 0 is the clean image."}
	if f.Basis == Agreement {
		text = append(text, "The images have no labels, so an answer counts as wrong where it differs from the same model's answer to the clean image.")
	}
	return report.Section{ID: "cost", Title: "What each corruption costs", Text: text, Parts: parts}
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (f *Findings) lostNote() report.Note {
	const most = 20
	note := report.Note{Tone: report.Warn, Title: fmt.Sprintf("%s could not be shown", plural(len(f.Lost), "image")), Text: []string{"They count in no score; trials.csv lists each with its reason."}}
	for _, l := range f.Lost[:min(most, len(f.Lost))] {
		note.Items = append(note.Items, l.Stimulus+": "+l.Reason)
	}
	if len(f.Lost) > most {
		note.Items = append(note.Items, fmt.Sprintf("and %d more", len(f.Lost)-most))
	}
	return note
}

// scoreTable has one row a model: clean, corrupted, by group, and the scores of the field.
func (f *Findings) scoreTable() report.Table {
	t := report.Table{Name: "scores", Title: "Scores", Columns: []report.Column{{Name: "model"}},
		Caption: "Errors. Corrupted: the mean corruption " + f.wrong() + ", the mean over corruptions (the benchmark's 15, without the extras) of the mean over severities; its interval is a bootstrap over images. Best values in bold."}
	withClean, withMCE := f.Basis == Accuracy, false
	for _, o := range f.Observers {
		withClean = withClean && o.Clean != nil
		withMCE = withMCE || o.MCE != nil
	}
	lowest := report.Column{Kind: report.PercentKind, Decimals: 1, Best: report.Lowest}
	named := func(c report.Column, name string) report.Column { c.Name = name; return c }
	if withClean {
		t.Columns = append(t.Columns, named(lowest, "clean error"))
	}
	t.Columns = append(t.Columns, named(lowest, "corrupted"))
	for _, g := range f.Observers[0].Groups {
		t.Columns = append(t.Columns, named(lowest, g.Group))
	}
	if withMCE {
		t.Columns = append(t.Columns, report.Column{Name: "mCE", Kind: report.NumberKind, Decimals: 1, Best: report.Lowest}, report.Column{Name: "relative mCE", Kind: report.NumberKind, Decimals: 1, Best: report.Lowest})
	}
	for _, o := range f.Observers {
		row := []report.Cell{report.Text(o.Name)}
		if withClean {
			a := o.Clean.Accuracy
			row = append(row, report.NumIn(1-a.Value, 1-a.High, 1-a.Low))
		}
		row = append(row, report.NumIn(o.MeanError.Value, o.MeanError.Low, o.MeanError.High))
		for _, g := range o.Groups {
			row = append(row, report.Num(g.MeanError))
		}
		if withMCE {
			row = append(row, report.Num(orNaN(o.MCE)), report.Num(orNaN(o.RelativeMCE)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func (f *Findings) curveSection() report.Section {
	chart := report.Chart{Name: "severity", Title: title(f.right()) + " by severity", Caption: "Bands are 95 % Wilson intervals.",
		Alt: fmt.Sprintf("%d panels, one a corruption: %s falling with severity, one curve a model", len(f.Corruptions), f.right())}
	for _, name := range f.Corruptions {
		curves := figure.Curves{X: figure.Axis{Label: "severity", Min: 0, Max: 5}, Y: figure.Axis{Label: f.right() + ", %", Max: 1, Percent: true}}
		for _, o := range f.Observers {
			line := figure.Line{Name: o.Name}
			add := func(severity int, s Score) {
				line.X, line.Y = append(line.X, float64(severity)), append(line.Y, s.Accuracy.Value)
				line.Low, line.High = append(line.Low, s.Accuracy.Low), append(line.High, s.Accuracy.High)
			}
			if o.Clean != nil {
				add(0, *o.Clean)
			}
			for _, s := range f.Severities {
				if score, ok := o.cell(name, s); ok {
					add(s, score)
				}
			}
			curves.Lines = append(curves.Lines, line)
		}
		if f.Basis == Accuracy && f.Classes > 1 {
			chance := 1 / float64(f.Classes)
			curves.Lines = append(curves.Lines, figure.Line{Name: "chance", X: []float64{0, 5}, Y: []float64{chance, chance}, Muted: true})
		}
		chart.Panels = append(chart.Panels, figure.Panel{Title: name, Chart: curves})
	}
	return report.Section{ID: "severity", Title: "How it falls with severity", Parts: []report.Part{chart}}
}

func (f *Findings) comparisonSection() report.Section {
	t := report.Table{Name: "comparisons", Title: "Pairs of models", Columns: []report.Column{{Name: "A"}, {Name: "B"},
		{Name: "A − B, mean corruption " + f.wrong(), Kind: report.PercentKind, Decimals: 1, Unit: "points"},
		{Name: "p", Kind: report.NumberKind, Decimals: 3}, {Name: "p on clean images", Kind: report.NumberKind, Decimals: 3}, {Name: "rank correlation", Kind: report.NumberKind, Decimals: 2}},
		Caption: "Differences with 95 % intervals and two-sided p values from a bootstrap that resamples images, both models together; negative: A is the more robust. p on clean images: exact McNemar test. Rank correlation: Spearman over the conditions - near 1, both find the same conditions hard."}
	for _, c := range f.comparisons() {
		t.Rows = append(t.Rows, []report.Cell{report.Text(c.A), report.Text(c.B), report.NumIn(c.Difference, c.Low, c.High), report.Num(c.P), report.Num(c.CleanP), report.Num(c.Rank)})
	}
	return report.Section{ID: "models", Title: "Which model is the more robust", Text: f.verdicts(), Parts: []report.Part{t}}
}

func (f *Findings) classSection() report.Section {
	section := report.Section{ID: "classes", Title: "Which classes break"}
	for i, o := range f.Observers {
		t := report.Table{Name: fmt.Sprintf("classes-%d", i+1), Title: "Classes, " + o.Name, Folded: i > 0,
			Caption: "Accuracy of each class, sorted by what corruption costs, most first; then the corruption it suffers most from, the class it is most often taken for under corruption, and its accuracy by group of corruptions.",
			Columns: []report.Column{{Name: "class"}, {Name: "images", Kind: report.NumberKind}, {Name: "clean", Kind: report.PercentKind, Decimals: 1}, {Name: "corrupted", Kind: report.PercentKind, Decimals: 1}, {Name: "loss", Kind: report.PercentKind, Decimals: 1, Unit: "points"},
				{Name: "worst corruption"}, {Name: "taken for"}}}
		for _, g := range o.Groups {
			t.Columns = append(t.Columns, report.Column{Name: g.Group, Kind: report.PercentKind, Decimals: 0})
		}
		for _, c := range o.Classes {
			clean := report.Num(math.NaN())
			if c.Clean != nil {
				clean = report.NumIn(c.Clean.Value, c.Clean.Low, c.Clean.High)
			}
			row := []report.Cell{report.Text(c.Class), report.Num(float64(c.Images)), clean, report.NumIn(c.Corrupted.Value, c.Corrupted.Low, c.Corrupted.High), report.Num(c.Drop()), report.Text(c.Worst), report.Text(c.TakenFor)}
			for _, g := range o.Groups {
				v, ok := c.ByGroup[g.Group]
				if !ok {
					v = math.NaN()
				}
				row = append(row, report.Num(v))
			}
			t.Rows = append(t.Rows, row)
		}
		section.Parts = append(section.Parts, t, f.confusionMatrix(i, o))
	}
	return section
}

func (f *Findings) confusionMatrix(i int, o ObserverFindings) report.Matrix {
	m := report.Matrix{Name: fmt.Sprintf("confusion-%d", i+1), Title: "Confusions under corruption, " + o.Name, Folded: i > 0,
		Alt: "Confusion matrix of " + o.Name + " over all corrupted images", Classes: o.matrix.Classes()}
	for k := range m.Classes {
		m.Counts = append(m.Counts, o.matrix.Row(k))
	}
	return m
}

func (f *Findings) calibrationSection() report.Section {
	chart := report.Chart{Name: "calibration", Title: "Reliability", Caption: "Bars: accuracy of the answers in 15 bins of confidence; fuller bins are more opaque. On the diagonal, confidence is deserved.", Alt: "Reliability diagrams of each model on clean and corrupted images"}
	for _, o := range f.Observers {
		if o.Clean != nil && f.Basis == Accuracy {
			chart.Panels = append(chart.Panels, figure.Panel{Title: o.Name + ", clean", Chart: figure.Reliability{Bins: bins(o.CleanReliability)}})
		}
		chart.Panels = append(chart.Panels, figure.Panel{Title: o.Name + ", corrupted", Chart: figure.Reliability{Bins: bins(o.CorruptReliability)}})
	}
	return report.Section{ID: "calibration", Title: "Does it know when it is wrong?", Parts: []report.Part{chart}}
}

func bins(all []calibration.Bin) []figure.Bin {
	out := make([]figure.Bin, len(all))
	for i, b := range all {
		out[i] = figure.Bin(b)
	}
	return out
}

// tableSection is the table of everything: one row a model and condition.
func (f *Findings) tableSection() report.Section {
	t := report.Table{Name: "conditions", Title: "Every condition", Folded: true, Columns: []report.Column{{Name: "model"}, {Name: "condition"}, {Name: "images", Kind: report.NumberKind},
		{Name: f.right(), Kind: report.PercentKind, Decimals: 1}, {Name: "top-5", Kind: report.PercentKind, Decimals: 1}, {Name: "cross-entropy", Unit: "nats", Kind: report.NumberKind, Decimals: 3},
		{Name: "ECE", Kind: report.PercentKind, Decimals: 1}, {Name: "mean confidence", Kind: report.PercentKind, Decimals: 1}}}
	for _, o := range f.Observers {
		for _, c := range o.Conditions {
			t.Rows = append(t.Rows, []report.Cell{report.Text(o.Name), report.Text(c.Condition), report.Num(float64(c.Images)),
				report.NumIn(c.Accuracy.Value, c.Accuracy.Low, c.Accuracy.High), report.Num(c.Top5), report.Num(c.CrossEntropy), report.Num(c.ECE), report.Num(c.Confidence)})
		}
	}
	return report.Section{ID: "everything", Title: "All numbers", Parts: []report.Part{t}}
}
