package humans

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"visus/measure/agreement"
	"visus/measure/bootstrap"
	"visus/measure/rank"
	"visus/report/figure"
)

// benchmarks compares models on all data sets that each of them answered, and where some answered fewer, on these too: one benchmark for each
// collection of data sets that some model has. The largest comes first.
func benchmarks(all []*measurement, o Options) ([]Benchmark, error) {
	answered := map[string][]*measurement{}
	var models []string
	for _, m := range all {
		if len(m.people) == 0 || len(m.means) == 0 {
			continue
		}
		for _, name := range m.names(m.models) {
			if answered[name] == nil {
				models = append(models, name)
			}
			answered[name] = append(answered[name], m)
		}
	}
	var collections [][]*measurement
	for _, name := range models {
		if !slices.ContainsFunc(collections, func(c []*measurement) bool { return slices.Equal(c, answered[name]) }) {
			collections = append(collections, answered[name])
		}
	}
	slices.SortStableFunc(collections, func(a, b []*measurement) int { return cmp.Compare(len(b), len(a)) })
	var list []Benchmark
	for _, c := range collections {
		var members []string
		for _, name := range models {
			if containsAll(answered[name], c) {
				members = append(members, name)
			}
		}
		b, err := benchmark(c, members, o)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func containsAll(have, want []*measurement) bool {
	return !slices.ContainsFunc(want, func(m *measurement) bool { return !slices.Contains(have, m) })
}

// benchmark averages over data sets, each with the weight 1, and ranks.
func benchmark(sets []*measurement, models []string, o Options) (Benchmark, error) {
	b := Benchmark{}
	for _, m := range sets {
		b.Datasets = append(b.Datasets, m.Name)
	}
	names := append(slices.Clone(models), people)
	means := make([]*samples, len(names))
	for i, name := range names {
		var list []*samples
		row := Row{Name: o.display(name), MeanRank: math.NaN(), AccuracyRank: math.NaN()}
		row.Observer, row.People = name, name == people
		for _, m := range sets {
			list = append(list, m.means[name])
			score := m.findings.Scores[slices.IndexFunc(m.findings.Scores, func(s Score) bool { return s.Observer == name })]
			row.Entropy += score.Entropy / float64(len(sets))
			row.Unanswered += score.Unanswered
		}
		var err error
		if means[i], err = mean(list); err != nil {
			return b, err
		}
		if err := means[i].into(&row.Score); err != nil {
			return b, err
		}
		b.Rows = append(b.Rows, row)
	}
	if err := b.rank(); err != nil {
		return b, err
	}
	if err := b.compare(means); err != nil {
		return b, err
	}
	slices.SortStableFunc(b.Rows[:len(models)], func(x, y Row) int { return cmp.Compare(x.MeanRank, y.MeanRank) })
	return b, nil
}

// rank ranks the models; people stand last and have no rank.
func (b *Benchmark) rank() error {
	models := b.Rows[:len(b.Rows)-1]
	var difference, observed, consistency, lowness []float64
	for _, r := range models {
		difference, observed = append(difference, r.AccuracyDifference.Value), append(observed, r.Observed.Value)
		consistency, lowness = append(consistency, r.ErrorConsistency.Value), append(lowness, -r.Accuracy.Value)
	}
	means, err := agreement.MeanRanks(difference, observed, consistency)
	if err != nil {
		return err
	}
	ranks := rank.Ranks(lowness)
	for i := range models {
		models[i].MeanRank, models[i].AccuracyRank = means[i], ranks[i]
	}
	return nil
}

// compare tells differences of error consistency from noise: to people, and to the model with the largest.
func (b *Benchmark) compare(means []*samples) error {
	last := len(means) - 1
	best := 0
	for i := range last {
		if means[i].consistency.Value > means[best].consistency.Value {
			best = i
		}
	}
	for i := range b.Rows {
		var err error
		if b.Rows[i].Gap, err = below(means[last].consistency, means[i].consistency, i == last); err != nil {
			return err
		}
		if b.Rows[i].Best, err = below(means[best].consistency, means[i].consistency, i == last || i == best); err != nil {
			return err
		}
	}
	return nil
}

// below is by how much the second lies below the first; unknown where there is nothing to compare.
func below(first, second bootstrap.Sample, itself bool) (Difference, error) {
	if itself {
		nan := math.NaN()
		return Difference{Interval{nan, nan, nan}, nan}, nil
	}
	d, err := first.Minus(second)
	if err != nil {
		return Difference{}, err
	}
	tested, err := d.Test(0)
	return Difference{interval(tested.Interval), tested.P}, err
}

// The kinds of verdicts.
const (
	likePeople = "like people"
	partly     = "partly like people"
	byChance   = "no more like people than chance"
	undecided  = "undecided"
)

// margin is how far below people's agreement among themselves a model may lie and still be called like people, as a share of it (ours).
const margin = 0.2

// verdicts says of each model, on the largest benchmark that it is in, whether it errs like people.
func verdicts(all []Benchmark) []Verdict {
	var list []Verdict
	for _, b := range all {
		group := b.Rows[len(b.Rows)-1]
		for _, r := range b.Rows[:len(b.Rows)-1] {
			if slices.ContainsFunc(list, func(v Verdict) bool { return v.Model == r.Name }) {
				continue
			}
			v := Verdict{Model: r.Name, Datasets: b.Datasets, ErrorConsistency: r.ErrorConsistency, People: group.ErrorConsistency}
			v.judge(r)
			list = append(list, v)
		}
	}
	return list
}

func (v *Verdict) judge(r Row) {
	on := "on " + strings.Join(v.Datasets, ", ")
	if len(v.Datasets) > 3 {
		on = fmt.Sprintf("on %d data sets", len(v.Datasets))
	}
	agrees := fmt.Sprintf("its errors agree with people's by κ = %s", number3(v.ErrorConsistency))
	switch {
	case math.IsNaN(v.People.Value):
		v.Kind = partly
		if !(v.ErrorConsistency.Low > 0) {
			v.Kind = byChance
		}
		v.Text = fmt.Sprintf("`%s` %s: %s. One person's answers do not say how far people agree with each other.", v.Model, on, agrees)
	case !(v.ErrorConsistency.Low > 0):
		v.Kind = byChance
		v.Text = fmt.Sprintf("`%s` errs %s than chance explains, %s: %s, where people reach %s among themselves.", v.Model, "no more like people",
			on, agrees, number3(v.People))
	case r.Gap.High <= margin*v.People.Value:
		v.Kind = likePeople
		v.Text = fmt.Sprintf("`%s` errs like people %s: %s, and people reach hardly more among themselves, %s (difference %s).",
			v.Model, on, agrees, number3(v.People), number3(r.Gap.Interval))
	case r.Gap.P > 0.05:
		v.Kind = undecided
		v.Text = fmt.Sprintf("`%s` may err like people %s, or less so, which these images and persons do not tell: %s, people reach %s among "+
			"themselves (difference %s, p %s).",
			v.Model, on, agrees, number3(v.People), number3(r.Gap.Interval), pValue(r.Gap.P))
	default:
		v.Kind = partly
		v.Text = fmt.Sprintf("`%s` errs partly like people %s: %s, %.0f %% of what people reach among themselves, %s (p of the difference %s).",
			v.Model, on, agrees, 100*v.ErrorConsistency.Value/v.People.Value, number3(v.People), pValue(r.Gap.P))
	}
}

// number3 writes a number with its interval.
func number3(i Interval) string {
	value := figure.Number(i.Value, false, 3)
	if math.IsNaN(i.Low) {
		return value
	}
	return fmt.Sprintf("%s [%s, %s]", value, figure.Number(i.Low, false, 3), figure.Number(i.High, false, 3))
}

func pValue(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("= %.3f", p)
}

// HumanLikeLaTeX writes the benchmark's table of behaviour as the field's toolbox does: best values bold, three decimals, models by mean rank.
func (b Benchmark) HumanLikeLaTeX() string {
	columns := []string{`accuracy diff. $\downarrow$`, `obs. consistency $\uparrow$`, `error consistency $\uparrow$`, `mean rank $\downarrow$`}
	var rows [][]float64
	for _, r := range b.models() {
		rows = append(rows, []float64{r.AccuracyDifference.Value, r.Observed.Value, r.ErrorConsistency.Value, r.MeanRank})
	}
	return b.tabular(columns, []bool{false, true, true, false}, b.models(), rows)
}

// AccuracyLaTeX writes the benchmark's table of accuracies likewise, by rank.
func (b Benchmark) AccuracyLaTeX() string {
	models := b.models()
	slices.SortStableFunc(models, func(x, y Row) int { return cmp.Compare(x.AccuracyRank, y.AccuracyRank) })
	var rows [][]float64
	for _, r := range models {
		rows = append(rows, []float64{r.Accuracy.Value, r.AccuracyRank})
	}
	return b.tabular([]string{`OOD accuracy $\uparrow$`, `rank $\downarrow$`}, []bool{true, false}, models, rows)
}

func (b Benchmark) models() []Row { return slices.Clone(b.Rows[:len(b.Rows)-1]) }

// tabular writes rows of numbers; highest says for each column which end is the best.
func (b Benchmark) tabular(columns []string, highest []bool, models []Row, rows [][]float64) string {
	best := make([]float64, len(columns))
	for k := range columns {
		best[k] = rows[0][k]
		for _, row := range rows {
			if highest[k] == (row[k] > best[k]) {
				best[k] = row[k]
			}
		}
	}
	var t strings.Builder
	fmt.Fprintf(&t, "\\begin{tabular}{l%s}\n\\toprule\nmodel & %s \\\\\n\\midrule\n", strings.Repeat("r", len(columns)), strings.Join(columns, " & "))
	for i, row := range rows {
		t.WriteString(escape.Replace(models[i].Name))
		for k, v := range row {
			cell := fmt.Sprintf("%.3f", v)
			if v == best[k] {
				cell = `\textbf{` + cell + "}"
			}
			t.WriteString(" & " + cell)
		}
		t.WriteString(" \\\\\n")
	}
	t.WriteString("\\bottomrule\n\\end{tabular}\n\n")
	return t.String()
}

var escape = strings.NewReplacer(`_`, `\_`, `&`, `\&`, `%`, `\%`, `#`, `\#`, `$`, `\$`, `{`, `\{`, `}`, `\}`)
