package humans

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"visus/measure/bootstrap"
	"visus/report"
	"visus/report/figure"
)

// barRow is a bar chart being filled, one bar after the other.
type barRow struct {
	figure.Bar
	names []string
}

func (b *barRow) add(name string, i Interval) {
	b.names = append(b.names, name)
	b.Values, b.Low, b.High = append(b.Values, i.Value), append(b.Low, i.Low), append(b.High, i.High)
}

func (b *barRow) chart(axis figure.Axis) figure.Bars {
	return figure.Bars{Value: axis, Names: b.names, Series: []figure.Bar{b.Bar}, Width: 320}
}

func (r *run) resamples() int { return cmp.Or(r.Options.Resamples, bootstrap.DefaultResamples) }

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// fileName is a data set's or observer's name as part of a file's.
func fileName(name string) string {
	return strings.Trim(notName.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// metric is one of the four measures of the benchmark.
type metric struct {
	name, file string
	axis       figure.Axis
	of         func(Score) Interval
	falling    bool // the smallest is the best
}

var metrics = []metric{
	{"OOD accuracy", "ood-accuracy", figure.Axis{Label: "OOD accuracy, %", Percent: true}, func(s Score) Interval { return s.Accuracy }, false},
	{"Accuracy difference", "accuracy-difference", figure.Axis{Label: "accuracy difference (squared)"},
		func(s Score) Interval { return s.AccuracyDifference }, true},
	{"Observed consistency", "observed-consistency", figure.Axis{Label: "observed consistency"}, func(s Score) Interval { return s.Observed }, false},
	{"Error consistency", "error-consistency", figure.Axis{Label: "error consistency κ"}, func(s Score) Interval { return s.ErrorConsistency }, false},
}

// benchmarkSection ranks models, and shows the four measures as bars and against each other.
func (r *run) benchmarkSection(f *Findings) report.Section {
	s := report.Section{ID: "benchmark", Title: "Benchmark", Text: []string{
		"Means over data sets, conditions that are not distorted or that people hardly recognise left out. Models are ordered by the mean of " +
			"three ranks: accuracy difference, observed consistency, error consistency."}}
	for i, b := range f.Benchmarks {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("-%d", i+1)
		}
		s.Parts = append(s.Parts, b.table(suffix))
		if i == 0 {
			shown := b.shown(f.Shown)
			s.Parts = append(s.Parts, barCharts(shown), scatters(shown))
		}
	}
	return s
}

func (b Benchmark) table(suffix string) report.Table {
	t := report.Table{Name: "benchmark" + suffix, Title: "Benchmark, " + onSets(b.Datasets),
		Caption: "Data sets: " + strings.Join(b.Datasets, ", ") + ". Below people: how much more people agree among themselves than with the " +
			"model; below the best: than the best model does. p: of there being no such difference.",
		Columns: []report.Column{{Name: "observer"},
			{Name: "OOD accuracy", Kind: report.PercentKind, Decimals: 1}, {Name: "rank", Kind: report.NumberKind, Decimals: 1},
			{Name: "accuracy diff.", Kind: report.NumberKind, Decimals: 3}, {Name: "obs. consistency", Kind: report.NumberKind, Decimals: 3},
			{Name: "error consistency", Kind: report.NumberKind, Decimals: 3}, {Name: "mean rank", Kind: report.NumberKind, Decimals: 2},
			{Name: "below people", Kind: report.NumberKind, Decimals: 3}, {Name: "p", Kind: report.NumberKind, Decimals: 3},
			{Name: "below the best", Kind: report.NumberKind, Decimals: 3}, {Name: "p of that", Kind: report.NumberKind, Decimals: 3}}}
	for _, x := range b.Rows {
		t.Rows = append(t.Rows, []report.Cell{report.Text(x.Name), cell(x.Accuracy), report.Num(x.AccuracyRank), cell(x.AccuracyDifference),
			cell(x.Observed),
			cell(x.ErrorConsistency), report.Num(x.MeanRank), cell(x.Gap.Interval), report.Num(x.Gap.P), cell(x.Best.Interval), report.Num(x.Best.P)})
	}
	return t
}

// cell is a number with its interval, where it has one.
func cell(i Interval) report.Cell {
	if math.IsNaN(i.Low) {
		return report.Num(i.Value)
	}
	return report.NumIn(i.Value, i.Low, i.High)
}

// barCharts are one chart a measure, sorted from the worst to the best as the field's toolbox does.
func barCharts(shown []Row) report.Chart {
	c := report.Chart{Name: "benchmark-bars", Title: "The four measures", Columns: 2,
		Alt:     "Four bar charts of the benchmark's measures, sorted, people included",
		Caption: "Sorted; people among themselves are included. Whiskers: 95 %."}
	for _, m := range metrics {
		rows := slices.Clone(shown)
		slices.SortStableFunc(rows, func(x, y Row) int {
			order := cmp.Compare(m.of(x.Score).Value, m.of(y.Score).Value)
			if m.falling {
				return -order
			}
			return order
		})
		c.Panels = append(c.Panels, figure.Panel{Title: m.name, Chart: barsOf(rows, m.axis, func(x Row) Interval { return m.of(x.Score) })})
	}
	return c
}

// scatters are the six pairs of measures; people come first.
func scatters(shown []Row) report.Chart {
	c := report.Chart{Name: "benchmark-scatter", Title: "The measures against each other", Columns: 3,
		Alt: "Six scatter plots of pairs of the benchmark's measures",
		Caption: "Whiskers: 95 %. Dashed: the observed consistency with people that independent errors of the same accuracy would have; no " +
			"consistency beyond chance."}
	group := shown[0]
	for i, x := range metrics {
		for _, y := range metrics[i+1:] {
			chart := figure.Scatter{X: x.axis, Y: y.axis, Width: 300, Height: 250, Series: []figure.Dots{{Name: "people"}, {Name: "models"}}}
			for _, row := range shown {
				series := &chart.Series[1]
				if row.People {
					series = &chart.Series[0]
				}
				addDot(series, row, x, y)
			}
			if x.file == "ood-accuracy" {
				chart.Lines = reference(y, chart.Series, group.Accuracy.Value)
			}
			c.Panels = append(c.Panels, figure.Panel{Chart: chart})
		}
	}
	return c
}

func addDot(s *figure.Dots, row Row, x, y metric) {
	a, b := x.of(row.Score), y.of(row.Score)
	s.X, s.XLow, s.XHigh = append(s.X, a.Value), append(s.XLow, a.Low), append(s.XHigh, a.High)
	s.Y, s.YLow, s.YHigh = append(s.Y, b.Value), append(s.YLow, b.Low), append(s.YHigh, b.High)
	s.Labels = append(s.Labels, row.Name)
}

// reference is what accuracy alone predicts: acc·H + (1 − acc)(1 − H) for observed consistency, with the accuracy H of people; 0 for κ.
func reference(y metric, dots []figure.Dots, people float64) []figure.Line {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range dots {
		for _, v := range s.X {
			low, high = min(low, v), max(high, v)
		}
	}
	line := figure.Line{X: []float64{low, high}}
	for _, v := range line.X {
		switch y.file {
		case "observed-consistency":
			line.Y = append(line.Y, v*people+(1-v)*(1-people))
		case "error-consistency":
			line.Y = append(line.Y, 0)
		default:
			return nil
		}
	}
	return []figure.Line{line}
}

// levelSection draws accuracy, error consistency and entropy over the levels of each data set that has several.
func (r *run) levelSection(f *Findings) report.Section {
	s := report.Section{ID: "levels", Title: "Over the strength of distortions", Text: []string{
		"Bands: 95 %. The grey band around 0 in the second panel is where κ of two independent observers lies who are as accurate as people; " +
			"people's own band is the ceiling."}}
	for _, d := range f.Datasets {
		if len(d.Levels) > 1 {
			s.Parts = append(s.Parts, r.levelChart(d), r.levelTable(d))
		}
	}
	return s
}

// lines picks whom a figure shows: people, and the models with the largest error consistency, in the order that they have everywhere, so that
// their colours stay the same from one data set to the next.
func (d DatasetFindings) lines() []string {
	scores := d.Scores
	if len(scores) == 0 { // every level is left out of the benchmark
		scores = d.Levels[0].Scores
	}
	chosen := slices.Clone(scores)
	slices.SortStableFunc(chosen, func(a, b Score) int {
		return cmp.Or(btoi(b.People)-btoi(a.People), cmp.Compare(b.ErrorConsistency.Value, a.ErrorConsistency.Value))
	})
	chosen = chosen[:min(len(chosen), most+1)]
	var names []string
	for _, s := range scores {
		if slices.ContainsFunc(chosen, func(c Score) bool { return c.Observer == s.Observer }) {
			names = append(names, s.Observer)
		}
	}
	return names
}

func (r *run) levelChart(d DatasetFindings) report.Chart {
	var labels []string
	var at []float64
	for i, l := range d.Levels {
		labels, at = append(labels, l.Label), append(at, float64(i))
	}
	x := figure.Axis{Label: d.Axis, Names: labels}
	panel := func(title string, y figure.Axis, reference float64, of func(Score) Interval) figure.Panel {
		chart := figure.Curves{X: x, Y: y, Width: 300, Height: 210}
		for _, name := range d.lines() {
			chart.Lines = append(chart.Lines, r.line(d, name, at, of))
		}
		level := make([]float64, len(at))
		for i := range level {
			level[i] = reference
		}
		chart.Lines = append(chart.Lines, figure.Line{X: at, Y: level, Muted: true})
		return figure.Panel{Title: title, Chart: chart}
	}
	consistency := panel("Error consistency with people", figure.Axis{Label: "κ", Min: -0.2, Max: 1}, 0,
		func(s Score) Interval { return s.ErrorConsistency })
	if len(d.Persons) > 0 {
		curves := consistency.Chart.(figure.Curves)
		band := &curves.Lines[len(curves.Lines)-1]
		for _, l := range d.Levels {
			band.Low, band.High = append(band.Low, l.Independent.Low), append(band.High, l.Independent.High)
		}
	}
	return report.Chart{Name: "levels-" + fileName(d.Name), Title: d.Name, Columns: 3,
		Alt: fmt.Sprintf("Accuracy, error consistency with people and response entropy on %s over %s, for %s", d.Name,
			plural(len(labels), "level"), strings.Join(d.lines(), ", ")),
		Panels: []figure.Panel{
			panel("Accuracy", figure.Axis{Label: "accuracy, %", Percent: true, Max: 1}, 1/float64(r.chance(d)),
				func(s Score) Interval { return s.Accuracy }),
			consistency,
			panel("Response entropy", figure.Axis{Label: "bits", Max: 4.2}, 4,
				func(s Score) Interval { return Interval{s.Entropy, math.NaN(), math.NaN()} }),
		}}
}

// chance is the number of categories among which observers choose.
func (r *run) chance(d DatasetFindings) int {
	if len(d.Confusions) == 0 {
		return 16
	}
	return len(d.Confusions[0].Categories)
}

func (r *run) line(d DatasetFindings, name string, at []float64, of func(Score) Interval) figure.Line {
	line := figure.Line{Name: r.Options.display(name), X: at}
	for _, l := range d.Levels {
		i := Interval{math.NaN(), math.NaN(), math.NaN()}
		if k := slices.IndexFunc(l.Scores, func(s Score) bool { return s.Observer == name }); k >= 0 {
			i = of(l.Scores[k])
		}
		line.Y, line.Low, line.High = append(line.Y, i.Value), append(line.Low, i.Low), append(line.High, i.High)
	}
	return line
}

func (r *run) levelTable(d DatasetFindings) report.Table {
	t := report.Table{Name: "levels-" + fileName(d.Name) + "-table", Title: "All numbers of " + d.Name, Folded: true,
		Caption: "Unstable: κ says little, because an accuracy is below 0.1 or almost all agreement is by chance.",
		Columns: []report.Column{{Name: "level"}, {Name: "observer"}, {Name: "images", Kind: report.NumberKind},
			{Name: "accuracy", Kind: report.PercentKind, Decimals: 1},
			{Name: "accuracy diff.", Kind: report.NumberKind, Decimals: 4}, {Name: "obs. consistency", Kind: report.NumberKind, Decimals: 3},
			{Name: "κ", Kind: report.NumberKind, Decimals: 3},
			{Name: "unstable"}, {Name: "entropy", Unit: "bits", Kind: report.NumberKind, Decimals: 2}, {Name: "unanswered", Kind: report.NumberKind}}}
	for _, l := range d.Levels {
		for _, s := range l.Scores {
			unstable := ""
			if s.Unstable {
				unstable = "yes"
			}
			label := l.Label
			if l.LeftOut {
				label += " (left out)"
			}
			t.Rows = append(t.Rows, []report.Cell{report.Text(label), report.Text(r.Options.display(s.Observer)), report.Num(float64(l.Images)),
				cell(s.Accuracy),
				cell(s.AccuracyDifference), cell(s.Observed), cell(s.ErrorConsistency), report.Text(unstable), report.Num(s.Entropy),
				report.Num(float64(s.Unanswered))})
		}
	}
	return t
}

// singleSection shows data sets of one condition: accuracies and κ of all pairs of observers.
func (r *run) singleSection(f *Findings) report.Section {
	s := report.Section{ID: "single", Title: "Sketches, silhouettes, edges and cues in conflict", Text: []string{
		"κ of all pairs of observers: people agree with people, models with models; the rows of models show how far they agree with people."}}
	for _, d := range f.Datasets {
		if len(d.Levels) != 1 || d.Consistency == nil {
			continue
		}
		bars := barRow{}
		for _, score := range d.Levels[0].Scores {
			bars.add(r.Options.display(score.Observer), score.Accuracy)
		}
		s.Parts = append(s.Parts, report.Chart{Name: "accuracy-" + fileName(d.Name), Title: "Accuracy on " + d.Name,
			Alt:    "Bars of accuracy on " + d.Name,
			Panels: []figure.Panel{{Chart: bars.chart(figure.Axis{Label: "accuracy, %", Percent: true, Max: 1})}}, Caption: "Whiskers: 95 %."},
			r.matrix(d))
	}
	return s
}

// matrix orders models by their mean κ with people.
func (r *run) matrix(d DatasetFindings) report.HeatMap {
	c := d.Consistency
	order := make([]int, len(c.Observers))
	for i := range order {
		order[i] = i
	}
	with := func(i int) float64 {
		sum := 0.0
		for k := range c.People {
			sum += c.Kappa[i][k].Value
		}
		return sum
	}
	slices.SortStableFunc(order[c.People:], func(a, b int) int { return cmp.Compare(with(b), with(a)) })
	h := report.HeatMap{Name: "error-consistency-" + fileName(d.Name), Title: "Error consistency on " + d.Name, RowTitle: "observer", Scale: "κ",
		Max: 1, Decimals: 2,
		Alt: fmt.Sprintf("Matrix of error consistency between %d observers on %s", len(order), d.Name),
		Caption: fmt.Sprintf("Means: people among themselves %s, models among themselves %s. Columns are in the order of the rows. Point at a "+
			"cell for its interval. Values below 0 have the colour of 0.",
			figure.Number(c.AmongPeople, false, 3), figure.Number(c.AmongModels, false, 3))}
	panel := report.HeatPanel{}
	for at, i := range order {
		row, column := report.Row{Name: r.Options.display(c.Observers[i]), Group: "people"}, shortName(c.Observers[i])
		if i >= c.People { // models' names are too long for columns
			column = fmt.Sprint(at - c.People + 1)
			row = report.Row{Name: column + " " + row.Name, Group: "models"}
		}
		h.Rows, panel.Columns = append(h.Rows, row), append(panel.Columns, column)
		var values []float64
		var ends [][2]float64
		for _, k := range order {
			values, ends = append(values, c.Kappa[i][k].Value), append(ends, [2]float64{c.Kappa[i][k].Low, c.Kappa[i][k].High})
		}
		panel.Values, panel.Intervals = append(panel.Values, values), append(panel.Intervals, ends)
	}
	h.Panels = []report.HeatPanel{panel}
	return h
}

// shortName lets a column of a matrix be narrow: subject-07 is s07.
func shortName(name string) string {
	if rest, person := strings.CutPrefix(name, "subject-"); person {
		return "s" + rest
	}
	return name
}

// cueSection shows decisions for shape or texture.
func (r *run) cueSection(f *Findings) report.Section {
	s := report.Section{ID: "cues", Title: "Shape or texture?", Text: []string{
		"Images have the shape of one category and the texture of another; shape bias is the share of answers by shape among answers by either. " +
			"Images whose shape and texture are of one category do not count."}}
	for _, d := range f.Datasets {
		if d.Cues != nil {
			s.Parts = append(s.Parts, r.cueMatrix(d), r.cueBoxes(d), r.cueTable(d))
		}
	}
	return s
}

// groups are people together and models, without single persons.
func (c *Cues) groups() []Cue {
	return slices.DeleteFunc(slices.Clone(c.Observers), func(o Cue) bool { return o.Person })
}

func (r *run) cueMatrix(d DatasetFindings) report.Chart {
	categories := d.Confusions[0].Categories
	order := d.Cues.Order
	if len(order) == 0 {
		order = categories
	}
	chart := figure.Scatter{X: figure.Axis{Label: "decisions for texture, %", Percent: true, Max: 1}, Y: figure.Axis{Names: order}, Width: 560,
		Height: 60 + 20*float64(len(order))}
	groups := d.Cues.groups()
	for _, o := range groups[:min(len(groups), most+1)] {
		dots := figure.Dots{Name: r.Options.display(o.Observer), Rule: 1 - o.Bias.Value, Ruled: true}
		for i, category := range order {
			dots.X = append(dots.X, 1-o.Categories[slices.Index(categories, category)])
			dots.Y = append(dots.Y, float64(i))
		}
		chart.Series = append(chart.Series, dots)
	}
	return report.Chart{Name: "shape-bias-" + fileName(d.Name), Title: "Decisions for texture by category, " + d.Name,
		Alt: "For each shape category and observer, the fraction of decisions for the texture, with a vertical line at each observer's " +
			"overall fraction",
		Caption: "Left: all for the shape; right: all for the texture. Vertical lines: all categories together. Categories are ordered by people.",
		Panels:  []figure.Panel{{Chart: chart}}}
}

func (r *run) cueBoxes(d DatasetFindings) report.Chart {
	boxes := figure.Boxes{Value: figure.Axis{Label: "shape bias, %", Percent: true, Max: 1}, Width: 560}
	for _, o := range d.Cues.groups() {
		boxes.Names, boxes.Values = append(boxes.Names, r.Options.display(o.Observer)), append(boxes.Values, o.Box)
	}
	return report.Chart{Name: "shape-bias-boxes-" + fileName(d.Name), Title: "Shape bias over the categories, " + d.Name,
		Alt:     "Box plots of shape bias over shape categories, one box an observer",
		Caption: "Boxes: quartiles over the categories; people are means over persons.", Panels: []figure.Panel{{Chart: boxes}}}
}

func (r *run) cueTable(d DatasetFindings) report.Table {
	t := report.Table{Name: "shape-bias-" + fileName(d.Name) + "-table", Title: "Decisions on " + d.Name,
		Caption: "By shape and by texture: in percent of all images. Intervals: Wilson, 95 %.",
		Columns: []report.Column{{Name: "observer"}, {Name: "shape bias", Kind: report.PercentKind, Decimals: 1},
			{Name: "by shape", Kind: report.PercentKind, Decimals: 1},
			{Name: "by texture", Kind: report.PercentKind, Decimals: 1}, {Name: "shape", Kind: report.NumberKind},
			{Name: "texture", Kind: report.NumberKind}, {Name: "conflicts", Kind: report.NumberKind}}}
	for _, o := range d.Cues.Observers {
		n := float64(o.Stimuli)
		t.Rows = append(t.Rows, []report.Cell{report.Text(r.Options.display(o.Observer)), cell(o.Bias), report.Num(float64(o.Shape) / n),
			report.Num(float64(o.Texture) / n),
			report.Num(float64(o.Shape)), report.Num(float64(o.Texture)), report.Num(float64(o.Conflicts))})
	}
	return t
}

// classSection compares distributions of errors over categories.
func (r *run) classSection(f *Findings) report.Section {
	s := report.Section{ID: "classes", Title: "Errors by category", Text: []string{
		"How alike observers spread their errors over the categories: the Jensen-Shannon divergence in bits, 0 where they err on the same " +
			"categories in the same proportions."}}
	t := report.Table{Name: "class-errors", Title: "Divergence of errors over categories", Caption: "Means over pairs of observers.",
		Columns: []report.Column{{Name: "data set"},
			{Name: "people", Unit: "bits", Kind: report.NumberKind, Decimals: 3}, {Name: "models", Unit: "bits", Kind: report.NumberKind, Decimals: 3},
			{Name: "people and models", Unit: "bits", Kind: report.NumberKind, Decimals: 3}}}
	models := report.Table{Name: "class-errors-models", Title: "Each model's divergence from people", Folded: true,
		Columns: []report.Column{{Name: "data set"}, {Name: "model"},
			{Name: "Jensen-Shannon", Unit: "bits", Kind: report.NumberKind, Decimals: 3}, {Name: "squared distance", Kind: report.NumberKind, Decimals: 4},
			{Name: "H(response | category)", Unit: "bits", Kind: report.NumberKind, Decimals: 2}}}
	for _, d := range f.Datasets {
		if d.ClassErrors == nil {
			continue
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(d.Name), report.Num(d.ClassErrors.AmongPeople), report.Num(d.ClassErrors.AmongModels),
			report.Num(d.ClassErrors.Across)})
		for _, m := range d.ClassErrors.Models {
			k := slices.IndexFunc(d.Confusions, func(c Confusion) bool { return c.Observer == m.Model })
			models.Rows = append(models.Rows, []report.Cell{report.Text(d.Name), report.Text(r.Options.display(m.Model)),
				report.Num(m.JensenShannonBits), report.Num(m.SquaredDistance),
				report.Num(d.Confusions[k].ConditionalEntropy)})
		}
	}
	if len(t.Rows) > 0 {
		s.Parts = append(s.Parts, t)
	}
	if len(models.Rows) > 0 {
		s.Parts = append(s.Parts, models)
	}
	return s
}

// confusionSection shows what is taken for what: people on every data set, all observers where asked, and where models differ from people.
func (r *run) confusionSection(f *Findings, all []*measurement) report.Section {
	s := report.Section{ID: "confusions", Title: "What is taken for what"}
	cells := report.Table{Name: "confusion-differences", Title: "Answers that models give more or less often than people", Folded: true,
		Caption: "Percentage points of the category shown. Stars: 0.05, 0.01, 0.001 over 16·17·9 tests; the ten largest of each model and data set.",
		Columns: []report.Column{{Name: "data set"}, {Name: "model"}, {Name: "shown"}, {Name: "answer"},
			{Name: "points", Kind: report.NumberKind, Decimals: 1}, {Name: "stars"}}}
	for _, d := range f.Datasets {
		for _, c := range d.Confusions {
			if c.Observer == people || r.Options.Confusions {
				s.Parts = append(s.Parts, r.confusionMatrix(d, c))
			}
			for _, cell := range c.Differences[:min(len(c.Differences), 10)] {
				cells.Rows = append(cells.Rows, []report.Cell{report.Text(d.Name), report.Text(r.Options.display(c.Observer)), report.Text(cell.Shown),
					report.Text(cmp.Or(cell.Response, "no answer")), report.Num(cell.Percent), report.Text(strings.Repeat("*", cell.Stars))})
			}
		}
	}
	if len(cells.Rows) > 0 {
		s.Parts = append([]report.Part{cells}, s.Parts...)
	}
	for _, m := range all {
		if r.Options.Confusions && len(m.Levels) > 1 {
			s.Parts = append(s.Parts, r.levelConfusions(m)...)
		}
	}
	return s
}

// levelConfusions are the confusion matrices under each condition, of people together and each model.
func (r *run) levelConfusions(m *measurement) []report.Part {
	var parts []report.Part
	for _, l := range m.Levels {
		table := m.level(l)
		add := func(name string, observers ...int) {
			matrix, err := table.Confusion(observers...)
			if err != nil || len(observers) == 0 {
				return // the whole table's matrix was made before, so that there is no error
			}
			part := report.Matrix{Name: "confusion-" + fileName(m.Name) + "-" + fileName(l.Label) + "-" + fileName(name), Classes: matrix.Classes(),
				Title: fmt.Sprintf("%s on %s, %s", r.Options.display(name), m.Name, l.Label), Folded: true,
				Alt: fmt.Sprintf("Confusion matrix of %s on %s at the level %s", name, m.Name, l.Label)}
			for i := range part.Classes {
				part.Counts = append(part.Counts, matrix.Row(i))
			}
			parts = append(parts, part)
		}
		add(people, m.people...)
		for _, o := range m.models {
			add(m.Observers[o], o)
		}
	}
	return parts
}

func (r *run) confusionMatrix(d DatasetFindings, c Confusion) report.Matrix {
	name := r.Options.display(c.Observer)
	return report.Matrix{Name: "confusion-" + fileName(d.Name) + "-" + fileName(c.Observer), Title: name + " on " + d.Name, Classes: c.Categories,
		Counts: c.counts, Folded: true,
		Alt:     fmt.Sprintf("Confusion matrix of %s on %s", name, d.Name),
		Caption: "All conditions together. Trials without an answer are in findings.json."}
}

// apartSection lists accuracies of people who saw other images than everybody else.
func (r *run) apartSection(f *Findings) report.Section {
	s := report.Section{ID: "apart", Title: "People who saw different images",
		Text: []string{"Here every person saw images of their own, so that only accuracies can be compared."}}
	t := report.Table{Name: "apart", Title: "Accuracy of people", Caption: "All of a condition's trials together. Intervals: Wilson, 95 %.",
		Columns: []report.Column{{Name: "data set"}, {Name: "level"},
			{Name: "trials", Kind: report.NumberKind}, {Name: "accuracy", Kind: report.PercentKind, Decimals: 1}}}
	for _, d := range f.Datasets {
		for _, a := range d.Apart {
			if a.Observer == people {
				t.Rows = append(t.Rows, []report.Cell{report.Text(d.Name), report.Text(a.Condition), report.Num(float64(a.Trials)), cell(a.Accuracy)})
			}
		}
	}
	if len(t.Rows) > 0 {
		s.Parts = append(s.Parts, t)
	}
	return s
}
