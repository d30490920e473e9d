package humans

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"visus/report"
	"visus/report/figure"
	"visus/study/result"
)

// most is how many models a figure shows at the same time; tables show all.
const most = 7

// page composes the report: whether models err like people, then what it rests on.
func (r *run) page(f *Findings, all []*measurement) report.Page {
	p := report.Page{Title: "Models and people", Subtitle: f.subtitle(), Summary: f.summary(), Lead: r.lead(f)}
	add := func(s report.Section) {
		if len(s.Parts) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	add(r.glance(f))
	if len(f.Warnings) > 0 {
		add(report.Section{ID: "limits", Title: "What the comparison is limited to",
			Parts: []report.Part{report.Note{Tone: report.Warn, Items: f.Warnings}}})
	}
	add(r.benchmarkSection(f))
	add(r.levelSection(f))
	add(r.singleSection(f))
	add(r.cueSection(f))
	add(r.classSection(f))
	add(r.confusionSection(f, all))
	add(r.apartSection(f))
	add(r.answerSection(all))
	add(r.methodSection(f))
	return p
}

// subtitle counts who was compared on what.
func (f *Findings) subtitle() string {
	models := map[string]bool{}
	people, images := 0, 0
	for _, d := range f.Datasets {
		people += len(d.Persons)
		images += d.Images
		for _, m := range d.Models {
			models[m] = true
		}
	}
	return fmt.Sprintf("%s on %s, %s in all; %s", plural(len(models), "model"), plural(len(f.Datasets), "data set"), plural(images, "image"),
		plural(people, "person and data set", "persons × data sets"))
}

// plural writes "1 image" and "2 images"; words gives another plural.
func plural(n int, word string, words ...string) string {
	switch {
	case n == 1:
		return "1 " + word
	case len(words) > 0:
		return fmt.Sprintf("%d %s", n, words[0])
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// summary is the answer in sentences: the verdicts, of many models those of the most and the least human-like.
func (f *Findings) summary() []string {
	var out []string
	told := f.own()
	if len(told) == 0 {
		told = f.Verdicts
	}
	if len(told) > 4 {
		counts := map[string]int{}
		for _, v := range f.Verdicts {
			counts[v.Kind]++
		}
		text := fmt.Sprintf("Of %d models, %d err like people, %d partly so, and %d no more than chance explains", len(told), counts[likePeople],
			counts[partly], counts[byChance])
		if n := counts[undecided]; n > 0 {
			text += fmt.Sprintf("; of %d it is not decided", n)
		}
		out = append(out, text+". The most and the least human-like:")
		share := func(v Verdict) float64 { return v.ErrorConsistency.Value / v.People.Value }
		order := func(a, b Verdict) int { return cmp.Compare(share(a), share(b)) }
		told = []Verdict{slices.MaxFunc(told, order), slices.MinFunc(told, order)}
	}
	for _, v := range told {
		out = append(out, v.Text)
	}
	for _, d := range f.Datasets {
		if d.Cues != nil {
			out = append(out, d.Cues.summary(f.Shown)...)
		}
	}
	if len(f.Verdicts) == 0 {
		out = append(out, "There are no models and people who saw the same images; the pages below show each group by itself.")
	}
	return out
}

// own are the verdicts on the models that were shown stimuli here, which is what was asked for where there are any.
func (f *Findings) own() []Verdict {
	return slices.DeleteFunc(slices.Clone(f.Verdicts), func(v Verdict) bool { return !slices.Contains(f.Shown, v.Model) })
}

// Lines is the answer for a terminal.
func (f *Findings) Lines() []string {
	lines := f.summary()
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, "`", "")
	}
	return lines
}

// summary says by which cue people and models decide; of the reader's own models where there are any.
func (c *Cues) summary(own []string) []string {
	var persons, models []Cue
	for _, o := range c.Observers {
		if !o.Person && o.Observer != people && len(own) > 0 && !slices.Contains(own, o.Observer) {
			continue
		}
		switch {
		case o.Observer == people:
			persons = append(persons, o)
		case !o.Person && !math.IsNaN(o.Bias.Value):
			models = append(models, o)
		}
	}
	if len(models) == 0 || len(persons) == 0 {
		return nil
	}
	low := slices.MinFunc(models, byBias)
	high := slices.MaxFunc(models, byBias)
	text := fmt.Sprintf("Where shape and texture are in conflict, people decide for the shape in %s of the cases", percent(persons[0].Bias.Value))
	if low.Observer == high.Observer {
		return []string{fmt.Sprintf("%s, `%s` in %s.", text, low.Observer, percent(low.Bias.Value))}
	}
	return []string{fmt.Sprintf("%s, models in %s (`%s`) to %s (`%s`).", text, percent(low.Bias.Value), low.Observer, percent(high.Bias.Value),
		high.Observer)}
}

func byBias(a, b Cue) int {
	switch {
	case a.Bias.Value < b.Bias.Value:
		return -1
	case a.Bias.Value > b.Bias.Value:
		return 1
	}
	return 0
}

func percent(v float64) string { return figure.Number(v, true, 1) + " %" }

// tones of verdicts.
var tones = map[string]report.Tone{likePeople: report.Good, partly: report.Warn, byChance: report.Bad}

// lead gives the numbers that a reader wants first: of few models each, of many the ends.
func (r *run) lead(f *Findings) []report.Key {
	if len(f.Benchmarks) == 0 {
		return nil
	}
	b := f.Benchmarks[0]
	group := b.Rows[len(b.Rows)-1]
	keys := []report.Key{{Label: "Error consistency, people", Value: fmt.Sprintf("%.3f", group.ErrorConsistency.Value),
		Detail: "among themselves, " + span3(group.ErrorConsistency)}}
	models := b.models()
	own := slices.DeleteFunc(slices.Clone(models), func(m Row) bool { return !slices.Contains(f.Shown, m.Name) })
	switch {
	case len(own) > 0:
		models = own[:min(len(own), 3)]
	case len(models) > 3:
		models = []Row{models[0], models[len(models)-1]}
	}
	for _, m := range models {
		tone := report.Neutral
		for _, v := range f.Verdicts {
			if v.Model == m.Name {
				tone = tones[v.Kind]
			}
		}
		keys = append(keys, report.Key{Label: "Error consistency, " + m.Name, Value: figure.Number(m.ErrorConsistency.Value, false, 3),
			Detail: "with people, " + span3(m.ErrorConsistency), Tone: tone})
	}
	if cues := f.cues(b.Datasets); cues != nil {
		for _, m := range append([]Row{group}, models[:1]...) {
			bias := cues.bias(m)
			name := m.Name
			if m.People {
				name = "people"
			}
			keys = append(keys, report.Key{Label: "Decisions for shape, " + name, Value: percent(bias.Value), Detail: spanPercent(bias)})
		}
	}
	keys = append(keys, report.Key{Label: "Accuracy, people", Value: percent(group.Accuracy.Value), Detail: onSets(b.Datasets)})
	for _, m := range models {
		keys = append(keys, report.Key{Label: "Accuracy, " + m.Name, Value: percent(m.Accuracy.Value), Detail: spanPercent(m.Accuracy)})
	}
	return keys
}

func onSets(datasets []string) string {
	if len(datasets) > 2 {
		return fmt.Sprintf("mean over %d data sets", len(datasets))
	}
	return strings.Join(datasets, ", ")
}

func span3(i Interval) string {
	if math.IsNaN(i.Low) {
		return "too few for an interval"
	}
	return figure.Number(i.Low, false, 3) + " to " + figure.Number(i.High, false, 3)
}

func spanPercent(i Interval) string {
	if math.IsNaN(i.Low) {
		return "too few for an interval"
	}
	return figure.Number(i.Low, true, 1) + " to " + figure.Number(i.High, true, 1) + " %"
}

// glance answers on one screen: error consistency beside the ceiling, accuracy, and the cue.
func (r *run) glance(f *Findings) report.Section {
	s := report.Section{ID: "glance", Title: "Do they err like people?"}
	for i, b := range f.Benchmarks {
		rows := b.shown(f.Shown)
		slices.SortStableFunc(rows[1:], func(x, y Row) int { return cmp.Compare(y.ErrorConsistency.Value, x.ErrorConsistency.Value) })
		chart := report.Chart{Name: fmt.Sprintf("glance-%d", i+1), Title: "Models beside people, " + onSets(b.Datasets), Columns: 3,
			Caption: "Error consistency κ with people: 0 is what the accuracies explain, the first bar is what people reach among themselves. " +
				"Whiskers: 95 %, over images and persons.",
			Alt: fmt.Sprintf("Bars of error consistency with people, accuracy and shape bias of people and %s", plural(len(rows)-1, "model")),
			Panels: []figure.Panel{
				{Title: "Error consistency with people", Chart: barsOf(rows, figure.Axis{Label: "κ"},
					func(x Row) Interval { return x.ErrorConsistency })},
				{Title: "Accuracy", Chart: barsOf(rows, figure.Axis{Label: "accuracy, %", Percent: true, Max: 1},
					func(x Row) Interval { return x.Accuracy })},
			}}
		if cues := f.cues(b.Datasets); cues != nil {
			chart.Panels = append(chart.Panels, figure.Panel{Title: "Decisions for shape",
				Chart: barsOf(rows, figure.Axis{Label: "shape bias, %", Percent: true, Max: 1}, cues.bias)})
		}
		s.Parts = append(s.Parts, chart)
	}
	return s
}

// shown are the rows that figures show: people, the reader's own models, then the most human-like ones.
func (b Benchmark) shown(own []string) []Row {
	models := b.models()
	slices.SortStableFunc(models, func(x, y Row) int {
		return btoi(slices.Contains(own, y.Name)) - btoi(slices.Contains(own, x.Name))
	})
	return append([]Row{b.Rows[len(b.Rows)-1]}, models[:min(len(models), 2*most)]...)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func barsOf(rows []Row, axis figure.Axis, of func(Row) Interval) figure.Bars {
	bars := barRow{}
	for _, x := range rows {
		bars.add(x.Name, of(x))
	}
	return bars.chart(axis)
}

// cues finds the first data set with cues in conflict among these.
func (f *Findings) cues(datasets []string) *Cues {
	for _, d := range f.Datasets {
		if d.Cues != nil && slices.Contains(datasets, d.Name) {
			return d.Cues
		}
	}
	return nil
}

// bias is the shape bias of a benchmark's row.
func (c *Cues) bias(x Row) Interval {
	for _, o := range c.Observers {
		if o.Observer == x.Observer {
			return o.Bias
		}
	}
	return Interval{math.NaN(), math.NaN(), math.NaN()}
}

func (r *run) methodSection(f *Findings) report.Section {
	text := []string{
		"Trials are joined by image, by its name without extension, and condition; an observer's missing answer is a wrong one. Error " +
			"consistency is Cohen's κ of right and wrong: (observed − expected)/(1 − expected), where observed is the share of images on which " +
			"both are right or both wrong, and expected what independent observers with these accuracies would reach. Accuracy difference " +
			"is squared, as the benchmark defines it.",
		"Of a model with people: for each data set, condition and person one value; their means over conditions, over persons, over data sets, " +
			"each with the weight 1. People among themselves: all pairs of different persons. Conditions that are not distorted, or that people " +
			"hardly recognise, do not count in the benchmark; line plots and matrices show all.",
		"Intervals are 95 %: Wilson's for the accuracy of one observer under one condition and for shape bias, else percentiles of a bootstrap " +
			"over the images of each condition, and over persons where people are a group. Grey bands are where κ lies of two independent " +
			"observers who are as accurate as people.",
		"Confusions that differ from people's are tested cell by cell with an exact binomial test at 0.05, 0.01 and 0.001 over 16·17·9. " +
			"Response entropy counts answers over all trials; 4 bits is an even spread over 16 categories. Distributions of errors over " +
			"categories are compared by the Jensen-Shannon divergence in bits.",
	}
	facts := []report.Fact{{Name: "visus", Value: f.Visus}, {Name: "resamples", Value: fmt.Sprint(r.resamples())},
		{Name: "seed", Value: fmt.Sprint(r.Options.Seed)},
		{Name: "trials", Value: strings.Join(r.Options.Trials, ", ")}}
	for _, m := range r.config.Models {
		facts = append(facts, report.Fact{Name: m.Name, Value: fmt.Sprintf("preprocessing %s, %d×%d, categories by %s", m.Preprocessing, m.Width,
			m.Height, m.Mapping)})
	}
	return report.Section{ID: "method", Title: "Method", Text: text,
		Parts: []report.Part{report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(r.folder)}}}
}
