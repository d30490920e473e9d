package rescaling

import (
	"context"
	"fmt"
	"math"

	"visus/report"
	"visus/report/figure"
	"visus/study/corruption"
	"visus/study/result"
	"visus/study/session"
)

// page composes the report: the answer first, then what it rests on.
func (r *run) page(f *Findings, rows []Row, browser *report.Browser) report.Page {
	worst := f.worst()
	p := report.Page{
		Title:    "Rescaling: noise of the size that its label says",
		Subtitle: fmt.Sprintf("%d samples, %s, %s (%s)", f.Samples, r.direction(), r.unit(), r.Options.Images+r.Options.Arrays),
		Summary:  r.summary(f),
		Lead: []report.Key{
			{Label: "Lost by naive scaling", Value: percent(worst.Naive.Loss), Detail: "of the length, mean, at " + worst.label(), Tone: report.Bad},
			{Label: "Exact scaling is off by", Value: fmt.Sprintf("%.1g", f.off()), Detail: "relative, at most", Tone: report.Good},
			{Label: "Clipped", Value: percent(f.Levels[len(f.Levels)-1].Exact.Clipped), Detail: "of the elements at " + f.Levels[len(f.Levels)-1].label()},
		},
	}
	if f.Model != "" {
		last := f.Levels[len(f.Levels)-1]
		p.Lead = append(p.Lead, report.Key{Label: "Accuracy at " + last.label(), Value: percent(last.Exact.Accuracy.Value),
			Detail: fmt.Sprintf("naive: %s; as it is: %s", percent(last.Naive.Accuracy.Value), percent(f.Accuracy.Value))})
	}
	if len(f.Warnings) > 0 {
		note := report.Note{Tone: report.Warn, Title: "What to doubt", Items: f.Warnings}
		p.Sections = append(p.Sections, report.Section{ID: "warnings", Title: "Warnings", Parts: []report.Part{note}})
	}
	p.Sections = append(p.Sections, r.lengthsSection(f, rows))
	if f.Model != "" {
		p.Sections = append(p.Sections, r.accuracySection(f))
	}
	if browser != nil {
		p.Sections = append(p.Sections, report.Section{ID: "examples", Title: "Examples", Parts: []report.Part{*browser}})
	}
	p.Sections = append(p.Sections, r.samplesSection(rows), r.methodSection(f))
	return p
}

func (l LevelFindings) label() string {
	if l.Name == given {
		return "the given lengths"
	}
	return "length " + l.Name
}

// off is the largest relative difference of an exact length from the announced one.
func (f *Findings) off() (off float64) {
	for _, l := range f.Levels {
		off = max(off, l.Off)
	}
	return off
}

// direction says what is scaled.
func (r *run) direction() string {
	if r.given {
		return "directions of the file"
	}
	if r.Options.Noise == "sparse" {
		return fmt.Sprintf("Gaussian noise on %g %% of the elements", 100*r.Options.Share)
	}
	return r.Options.Noise + " noise"
}

// unit says what lengths are.
func (r *run) unit() string {
	p, name := r.Options.P, fmt.Sprintf("p-norm, p = %g", r.Options.P)
	switch {
	case math.IsInf(p, 1):
		return "largest change of an element"
	case p == 2 && r.Options.Mean:
		return "root mean square"
	case p == 1 && r.Options.Mean:
		return "mean absolute change"
	case p == 2:
		name = "Euclidean norm"
	}
	if r.Options.Mean {
		name += ", per element"
	}
	return name
}

func (r *run) summary(f *Findings) []string {
	worst := f.worst()
	text := fmt.Sprintf("Scaled naively and then clipped, noise of %s is %s shorter on average (up to %s); scaled exactly it has its length "+
		"within %.1g relative. The exact factor is %.2f times the naive one (median).",
		worst.label(), percent(worst.Naive.Loss), percent(worst.Naive.Worst), f.off(), worst.Factor)
	if math.IsNaN(worst.Factor) {
		text = fmt.Sprintf("Scaled naively and then clipped, noise of %s is %s shorter on average (up to %s).",
			worst.label(), percent(worst.Naive.Loss), percent(worst.Naive.Worst))
	}
	if worst.Naive.Worst < 5e-4 {
		text = "At these lengths next to nothing is clipped: naive and exact scaling agree."
	}
	out := []string{text}
	if n := f.unreached(); n > 0 {
		out = append(out, fmt.Sprintf("%d of %d lengths are out of reach: everything that may move is at its bound before. Those samples have the largest "+
			"length that there is room for, in this direction.", n, f.Samples*len(f.Levels)))
	}
	if f.Model != "" {
		out = append(out, f.parting())
	}
	return out
}

// parting says where naive and exact noise make most of a difference to the model, and whether chance explains it.
func (f *Findings) parting() string {
	most := f.Levels[0]
	for _, l := range f.Levels {
		if l.gap() > most.gap() {
			most = l
		}
	}
	text := fmt.Sprintf("`%s` is right on %s of the images as they are. At %s, where the two kinds of noise differ most, it is right on %s with exact "+
		"noise and on %s with naive noise", f.Model, percent(f.Accuracy.Value), most.label(), percent(most.Exact.Accuracy.Value), percent(most.Naive.Accuracy.Value))
	p := min(1, *most.P*float64(len(f.Levels)))
	if p > 0.05 {
		return text + fmt.Sprintf(": no more than chance explains (McNemar's test over %d lengths: p = %.2g).", len(f.Levels), p)
	}
	text += fmt.Sprintf(" (McNemar's test over %d lengths: p = %.2g)", len(f.Levels), p)
	if most.Naive.Accuracy.Value > most.Exact.Accuracy.Value {
		text += ": the label promised noise that the images lacked"
	}
	return text + "."
}

// gap is how far the accuracies with both kinds of noise are apart.
func (l LevelFindings) gap() float64 {
	return math.Abs(l.Exact.Accuracy.Value - l.Naive.Accuracy.Value)
}

// lengthsSection has the figure naive against exact, and the numbers.
func (r *run) lengthsSection(f *Findings, rows []Row) report.Section {
	chart := report.Chart{
		Name: "lengths", Title: "What is left of the announced length", Alt: "Length after clipping over announced length, for naive and exact scaling",
		Caption: "Left: mean length after clipping; the band holds all samples. Middle: mean share that is missing of the announced length, or of the " +
			"largest possible one where that is less. Right: mean share of the elements that sit at a bound.",
		Panels: r.curves(f), Columns: 3,
	}
	if len(f.Levels) == 1 {
		chart.Panels, chart.Columns = scatter(rows), 2
		chart.Caption = "Left: a point for each sample. Right: the share that is missing of its announced length, or of the largest possible one where that " +
			"is less."
	}
	number := func(name string, decimals int) report.Column {
		return report.Column{Name: name, Kind: report.NumberKind, Decimals: decimals}
	}
	share := func(name string) report.Column {
		return report.Column{Name: name, Kind: report.PercentKind, Decimals: 1}
	}
	t := report.Table{
		Name: "lengths-table", Title: "Lengths after clipping",
		Columns: []report.Column{{Name: "announced"}, number("naive", 4), share("lost"), share("worst"), number("exact", 4),
			number("factor", 3), share("clipped"), share("naively")},
		Caption: "Means over the samples, of the factor the median. Lost: the missing share of the announced length, or of the largest possible one where " +
			"that is less; worst: that of the sample that lacks most. Factor: the exact one in units of the naive one. Clipped: share of the elements, " +
			"exactly and naively scaled. Off by: the largest relative difference of an exact length from the announced one, where that can be reached.",
	}
	stored, short := r.Options.Format == "png" && r.Options.Images != "", f.unreached() > 0
	if short {
		t.Columns = append(t.Columns, number("out of reach", 0))
	}
	if stored {
		t.Columns = append(t.Columns, number("8 bits", 4))
		t.Caption += " 8 bits: the exact length once rounded to the levels of a PNG file, which is noise too."
	}
	t.Columns = append(t.Columns, report.Column{Name: "off by"})
	for _, l := range f.Levels {
		row := []report.Cell{report.Text(l.Name), report.Num(l.Naive.Norm), report.Num(l.Naive.Loss), report.Num(l.Naive.Worst), report.Num(l.Exact.Norm),
			report.Num(l.Factor), report.Num(l.Exact.Clipped), report.Num(l.Naive.Clipped)}
		if short {
			row = append(row, report.Num(float64(l.Unreached)))
		}
		if stored {
			row = append(row, report.Num(l.Stored))
		}
		t.Rows = append(t.Rows, append(row, report.Text(fmt.Sprintf("%.1g", l.Off))))
	}
	return report.Section{ID: "lengths", Title: "Naive against exact", Parts: []report.Part{chart, t}}
}

// curves are lengths, losses and clipped shares over the announced length.
func (r *run) curves(f *Findings) []figure.Panel {
	line := func(name string, of func(l LevelFindings) float64) figure.Line {
		l := figure.Line{Name: name}
		for _, level := range f.Levels {
			l.X, l.Y = append(l.X, level.Eps), append(l.Y, of(level))
		}
		return l
	}
	pair := func(naive, exact func(l LevelFindings) float64) []figure.Line {
		return []figure.Line{line("exact", exact), line("naive", naive)}
	}
	lengths := pair(func(l LevelFindings) float64 { return l.Naive.Norm }, func(l LevelFindings) float64 { return l.Exact.Norm })
	lengths[0].Low = line("", func(l LevelFindings) float64 { return l.Exact.Least }).Y
	lengths[0].High = line("", func(l LevelFindings) float64 { return l.Exact.Most }).Y
	lengths[1].Low = line("", func(l LevelFindings) float64 { return l.Naive.Least }).Y
	lengths[1].High = line("", func(l LevelFindings) float64 { return l.Naive.Most }).Y
	announced := figure.Axis{Label: "announced length"}
	return []figure.Panel{
		{Title: "Length", Chart: figure.Curves{X: announced, Y: figure.Axis{Label: r.unit()}, Lines: lengths}},
		{Title: "Lost", Chart: figure.Curves{X: announced, Y: figure.Axis{Label: "missing, %", Percent: true},
			Lines: pair(func(l LevelFindings) float64 { return l.Naive.Loss }, func(l LevelFindings) float64 { return l.Exact.Loss })}},
		{Title: "Clipped", Chart: figure.Curves{X: announced, Y: figure.Axis{Label: "elements at a bound, %", Percent: true},
			Lines: pair(func(l LevelFindings) float64 { return l.Naive.Clipped }, func(l LevelFindings) float64 { return l.Exact.Clipped })}},
	}
}

// scatter shows single samples, each with a length of its own.
func scatter(rows []Row) []figure.Panel {
	series := func(name string, of func(Row) float64) figure.Dots {
		d := figure.Dots{Name: name}
		for _, row := range rows {
			d.X, d.Y = append(d.X, row.Eps), append(d.Y, of(row))
		}
		return d
	}
	announced := figure.Axis{Label: "announced length"}
	return []figure.Panel{
		{Title: "Length", Chart: figure.Scatter{X: announced, Y: figure.Axis{Label: "length after clipping"}, Series: []figure.Dots{
			series("exact", func(r Row) float64 { return r.Norm }), series("naive", func(r Row) float64 { return r.NaiveNorm })}}},
		{Title: "Lost", Chart: figure.Scatter{X: announced, Y: figure.Axis{Label: "missing, %", Percent: true}, Series: []figure.Dots{
			series("exact", func(r Row) float64 { return r.missing(r.Norm) }), series("naive", func(r Row) float64 { return r.missing(r.NaiveNorm) })}}},
	}
}

// accuracySection compares accuracies over the announced and over the true length.
func (r *run) accuracySection(f *Findings) report.Section {
	line := func(name string, x func(l LevelFindings) float64, of func(l LevelFindings) Scaled) figure.Line {
		l := figure.Line{Name: name, X: []float64{0}, Y: []float64{f.Accuracy.Value}, Low: []float64{f.Accuracy.Low}, High: []float64{f.Accuracy.High}}
		for _, level := range f.Levels {
			a := of(level).Accuracy
			l.X, l.Y, l.Low, l.High = append(l.X, x(level)), append(l.Y, a.Value), append(l.Low, a.Low), append(l.High, a.High)
		}
		return l
	}
	exact, naive := func(l LevelFindings) Scaled { return l.Exact }, func(l LevelFindings) Scaled { return l.Naive }
	announced := func(l LevelFindings) float64 { return l.Eps }
	exactNorm, naiveNorm := func(l LevelFindings) float64 { return l.Exact.Norm }, func(l LevelFindings) float64 { return l.Naive.Norm }
	accuracy := figure.Axis{Label: "accuracy, %", Percent: true}
	chart := report.Chart{
		Name: "accuracy", Title: "Accuracy of " + f.Model, Columns: 2,
		Alt: "Accuracy over the length of the noise, announced and true, for naive and exact scaling",
		Caption: "Left: over the announced length. Right: over the mean length after clipping. Bands: Wilson's intervals, level 95 %. Where the curves " +
			"part on the left and meet on the right, the difference is one of size alone.",
		Panels: []figure.Panel{
			{Title: "By its label", Chart: figure.Curves{X: figure.Axis{Label: "announced length"}, Y: accuracy, Lines: []figure.Line{
				line("exact", announced, exact), line("naive", announced, naive)}}},
			{Title: "By its true length", Chart: figure.Curves{X: figure.Axis{Label: "length after clipping"}, Y: accuracy, Lines: []figure.Line{
				line("exact", exactNorm, exact), line("naive", naiveNorm, naive)}}},
		},
	}
	share := func(name string) report.Column {
		return report.Column{Name: name, Kind: report.PercentKind, Decimals: 1}
	}
	t := report.Table{
		Name: "accuracy-table", Title: "Accuracy",
		Columns: []report.Column{{Name: "announced"}, share("exact"), share("naive"), {Name: "p", Kind: report.NumberKind, Decimals: 3}},
		Caption: "With Wilson's intervals, level 95 %; p by McNemar's test of the difference. As they are: " + percent(f.Accuracy.Value) + ".",
	}
	for _, l := range f.Levels {
		e, n := l.Exact.Accuracy, l.Naive.Accuracy
		t.Rows = append(t.Rows, []report.Cell{report.Text(l.Name), report.NumIn(e.Value, e.Low, e.High), report.NumIn(n.Value, n.Low, n.High),
			report.Num(*l.P)})
	}
	return report.Section{ID: "accuracy", Title: "What a model makes of it", Parts: []report.Part{chart, t}}
}

// mostRows is how many rows of samples a page has.
const mostRows = 300

// samplesSection lists what became of single samples.
func (r *run) samplesSection(rows []Row) report.Section {
	t := report.Table{Title: "Every sample", Folded: true, Caption: "Columns as in " + SamplesFile + "."}
	for i, name := range []string{"sample", "announced", "factor", "naive factor", "exact", "naive", "largest", "clipped", "reached"} {
		kind := report.NumberKind
		if i == 0 || name == "reached" {
			kind = report.TextKind
		}
		if name == "clipped" {
			kind = report.PercentKind
		}
		t.Columns = append(t.Columns, report.Column{Name: name, Kind: kind, Decimals: 4})
	}
	if len(rows) > mostRows {
		t.Caption = fmt.Sprintf("The first %d of %d rows of %s.", mostRows, len(rows), SamplesFile)
		rows = rows[:mostRows]
	}
	for _, row := range rows {
		reached := "yes"
		if !row.Reached {
			reached = "no"
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(row.Sample), report.Num(row.Eps), report.Num(row.Eta), report.Num(row.NaiveEta),
			report.Num(row.Norm), report.Num(row.NaiveNorm), report.Num(row.Largest), report.Num(row.Clipped), report.Text(reached)})
	}
	return report.Section{ID: "samples", Title: "Samples", Parts: []report.Part{t}}
}

func (r *run) methodSection(f *Findings) report.Section {
	domain := fmt.Sprintf("[%g, %g]", r.Options.Low, r.Options.High)
	text := []string{
		"A perturbation δ is multiplied by a factor η and added to the image x, which is then clipped to its domain " + domain + ". Naive: η such that ηδ " +
			"has the announced length. Exact: the smallest η such that the clipped image differs from x by the announced length, or, where there is no room " +
			"for it, by the largest possible one. Both scale the same direction; a sample has one direction for all lengths.",
		"Exact factors solve Σ min(η|δ|, s)^p = ε^p, where s is the room between an element and its bound, by Newton's method and selection in float64 " +
			"(Rauber & Bethge 2020, p = 2; other p by the same equation). Lengths are measured on the images as they are stored, float32 or float64.",
	}
	if f.Model != "" {
		text = append(text, "The model sees images rounded to 8 bits, as files hold them.")
	}
	facts := []report.Fact{{Name: "visus", Value: f.Visus}}
	if f.Engine != "" {
		facts = append(facts, report.Fact{Name: "engine", Value: f.Engine}, report.Fact{Name: "model", Value: f.Model})
	}
	facts = append(facts, report.Fact{Name: "samples", Value: fmt.Sprintf("%s%s (%d)", r.Options.Images, r.Options.Arrays, f.Samples)},
		report.Fact{Name: "direction", Value: r.direction()}, report.Fact{Name: "length", Value: r.unit()}, report.Fact{Name: "domain", Value: domain},
		report.Fact{Name: "seed", Value: fmt.Sprint(r.Options.Seed)})
	details := report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(r.folder)}
	return report.Section{ID: "method", Title: "Method", Text: text, Parts: []report.Part{details}}
}

// gallery makes the image browser: a few images, spread over the set, with all their noise.
func (x *pictures) gallery(ctx context.Context, rows []Row) (*report.Browser, error) {
	byID := map[string][]Row{}
	for _, row := range rows {
		byID[row.Sample] = append(byID[row.Sample], row)
	}
	b := &report.Browser{Title: "Naive and exact noise side by side", GroupName: "scaling", LevelName: "length",
		Caption: "The same direction at each length, numbered from the smallest; rounded to 8 bits.", Conditions: []report.Condition{{Name: "as it is"}}}
	for _, way := range []string{"exact", "naive"} {
		for k, name := range x.levels {
			b.Conditions = append(b.Conditions, report.Condition{Name: way + ", " + name, Group: way, Level: k + 1})
		}
	}
	b.Observers = []string{"length"}
	if len(x.Models) > 0 {
		b.Observers = []string{x.Models[0].Name()}
	}
	for _, at := range session.Spread(x.Options.Gallery, len(x.Stimuli)) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rows, ok := byID[x.source.Item(x.Stimuli[at]).ID]
		if !ok {
			continue
		}
		item, err := x.example(x.Stimuli[at], rows)
		if err != nil {
			return nil, err
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

// example makes the versions of an image again, with what the model says to them or, without a model, their lengths.
func (x *pictures) example(stimulus int, rows []Row) (report.Item, error) {
	item := report.Item{Stimulus: rows[0].Sample}
	if len(x.Models) > 0 {
		item.Category = rows[0].Category
	}
	image, err := x.image(stimulus)
	if err != nil {
		return item, err
	}
	s, err := x.versions(&maker{}, image, stimulus, false)
	if err != nil {
		return item, err
	}
	levels := len(rows)
	for c := range 1 + 2*levels {
		picture, answer, length := s.clean, rows[0].Answers[asItIs], 0.0
		switch {
		case c > levels:
			k := c - levels - 1
			picture, answer, length = s.naive[k], rows[k].Answers[naively], rows[k].NaiveNorm
		case c > 0:
			picture, answer, length = s.exact[c-1], rows[c-1].Answers[exactly], rows[c-1].Norm
		}
		if len(x.Models) == 0 {
			answer = Answer{Response: fmt.Sprintf("%.4g", length)}
		}
		view := report.View{Condition: c}
		if view.Image, err = corruption.EncodeThumbnail(picture); err != nil {
			return item, err
		}
		view.Answers = []report.Answer{{Response: answer.Response, Confidence: math.NaN(), Correct: answer.Correct}}
		item.Views = append(item.Views, view)
	}
	return item, nil
}
