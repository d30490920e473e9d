package corruption

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"visus/measure/bootstrap"
	"visus/measure/proportion"
	"visus/measure/rank"
	"visus/measure/robustness"
	"visus/stimulus/corrupt"
	"visus/study/session"
	"visus/trial"
)

// groups in the order of the benchmark.
var groups = []string{corrupt.Noise, corrupt.Blur, corrupt.Weather, corrupt.Digital, corrupt.Extra}

// measure turns trials into findings.
func (m *measurement) measure(trials iter.Seq2[trial.Trial, error], seed uint64) (*Findings, error) {
	tallies, lost, err := m.count(trials)
	if err != nil {
		return nil, err
	}
	f := &Findings{Study: Name, Basis: m.basis, Stimuli: m.shown(), Trials: m.trials(), Lost: lost, Corruptions: m.corruptions(), Severities: m.severities()}
	for _, c := range m.conditions {
		f.Conditions = append(f.Conditions, c.Name)
	}
	for i, t := range tallies {
		o, err := m.observer(m.subjects[i].name, t, rand.New(rand.NewPCG(seed, uint64(i))))
		if err != nil {
			return nil, err
		}
		o.Model, o.Method = m.subjects[i].model, m.subjects[i].method
		if o.Method != "" {
			if o.Changes, err = m.changes(t); err != nil {
				return nil, err
			}
		}
		f.Observers = append(f.Observers, *o)
		f.Classes = max(f.Classes, len(t.classes))
	}
	f.Comparisons, err = m.compare(tallies, f.Observers, rand.New(rand.NewPCG(seed, math.MaxUint64)))
	return f, err
}

// corruptions lists the names of the corruptions shown, in canonical order, unknown ones last.
func (m *measurement) corruptions() []string {
	shown := map[string]bool{}
	var unknown []string
	for _, c := range m.conditions {
		name, severity := session.SplitCondition(c.Name)
		if severity == 0 || shown[name] {
			continue
		}
		shown[name] = true
		if _, ok := corrupt.ByName(name); !ok {
			unknown = append(unknown, name)
		}
	}
	var names []string
	for _, c := range corrupt.All {
		if shown[c.Name] {
			names = append(names, c.Name)
		}
	}
	return append(names, unknown...)
}

func (m *measurement) severities() []int {
	seen := map[int]bool{}
	var all []int
	for _, c := range m.conditions {
		if c.Severity > 0 && !seen[c.Severity] {
			seen[c.Severity] = true
			all = append(all, c.Severity)
		}
	}
	sort.Ints(all)
	return all
}

// weights returns the share of each condition in the mean corruption error: the corruptions that count (those of the benchmark's 15 that were
// shown; where none of them was, all) weigh the same, and so do the severities of one. Clean images weigh nothing.
func weights(conditions []session.Condition) []float64 {
	counts := func(extras bool) map[string]int {
		n := map[string]int{}
		for _, c := range conditions {
			if name, severity := session.SplitCondition(c.Name); severity > 0 && (extras || groupOf(name) != corrupt.Extra) {
				n[name]++
			}
		}
		return n
	}
	severities := counts(false)
	if len(severities) == 0 {
		severities = counts(true)
	}
	out := make([]float64, len(conditions))
	for i, c := range conditions {
		name, severity := session.SplitCondition(c.Name)
		if n := severities[name]; n > 0 && severity > 0 {
			out[i] = 1 / float64(len(severities)*n)
		}
	}
	return out
}

func groupOf(corruption string) string {
	c, ok := corrupt.ByName(corruption)
	if !ok {
		return corrupt.Extra
	}
	return c.Group
}

// observer turns one observer's tally into findings.
func (m *measurement) observer(name string, t *tally, random *rand.Rand) (*ObserverFindings, error) {
	o := &ObserverFindings{Name: name, matrix: t.matrix, perImage: t.perImage(), Confusions: t.matrix.MostConfused(20)}
	table := robustness.ErrorTable{}
	for i, c := range m.conditions {
		score, err := m.score(&t.conditions[i], len(t.classes))
		if err != nil {
			return nil, err
		}
		corruption, severity := session.SplitCondition(c.Name)
		if severity == 0 {
			o.Clean = &score
			corruption = ""
		}
		o.Conditions = append(o.Conditions, ConditionScore{c.Name, corruption, severity, score})
		if score.Images == 0 {
			continue
		}
		if severity == 0 {
			err = table.SetClean(score.Error())
		} else {
			err = table.Set(corruption, severity, score.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	if err := m.meanErrors(o, t, table, random); err != nil {
		return nil, err
	}
	m.imageNetScores(o, t, table)
	o.Classes = m.perClass(t)
	o.CleanReliability, o.CorruptReliability = t.clean.Bins(), t.corrupted.Bins()
	return o, nil
}

func (m *measurement) score(c *cell, classes int) (Score, error) {
	s := Score{Images: c.total, Top5: math.NaN(), CrossEntropy: math.NaN(), ECE: c.reliability.ExpectedError(), Confidence: c.confidence / float64(c.total)}
	var err error
	if s.Accuracy, err = proportion.Wilson(c.right, c.total, 0); err != nil {
		return s, err
	}
	if m.basis == Accuracy {
		if classes > 5 && c.total > 0 {
			s.Top5 = float64(c.top5) / float64(c.total)
		}
		s.CrossEntropy = c.crossEntropy.Mean()
	}
	return s, nil
}

// meanErrors fills the means over severities, groups and all corruptions, with intervals from a bootstrap over images.
func (m *measurement) meanErrors(o *ObserverFindings, t *tally, table robustness.ErrorTable, random *rand.Rand) error {
	byGroup := map[string][]float64{}
	for _, name := range m.corruptions() {
		right, total := 0, 0
		for i, c := range m.conditions {
			if n, severity := session.SplitCondition(c.Name); n == name && severity > 0 {
				right, total = right+t.conditions[i].right, total+t.conditions[i].total
			}
		}
		if total == 0 {
			continue
		}
		// The interval takes the severities' answers to one image for independent, so it is a little too narrow; the bootstrap below is not.
		estimate, err := proportion.Wilson(total-right, total, 0)
		if err != nil {
			return err
		}
		group := groupOf(name)
		o.Corruptions = append(o.Corruptions, CorruptionScore{Corruption: name, Group: group, MeanError: estimate})
		byGroup[group] = append(byGroup[group], estimate.Value)
	}
	for _, g := range groups {
		if errors := byGroup[g]; len(errors) > 0 {
			o.Groups = append(o.Groups, GroupScore{g, mean(errors)})
		}
	}
	shown := without(o.perImage)
	if len(shown) == 0 {
		o.MeanError = proportion.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
		return nil
	}
	interval, err := bootstrap.Mean(shown, random, bootstrap.Options{})
	o.MeanError = proportion.Estimate(interval)
	return err
}

// imageNetClasses is the number of classes for which AlexNet's errors are a yardstick.
const imageNetClasses = 1000

// imageNetScores fills the scores against AlexNet where they mean something: ImageNet's classes, labels, and the whole benchmark.
func (m *measurement) imageNetScores(o *ObserverFindings, t *tally, table robustness.ErrorTable) {
	if m.basis != Accuracy || len(t.classes) != imageNetClasses && len(t.classes) != imageNetClasses+1 {
		return
	}
	optional := func(v float64, err error) *float64 {
		if err != nil { // a part of the benchmark was not shown
			return nil
		}
		return &v
	}
	alexNet, alexNet5000 := robustness.AlexNet50000(), robustness.AlexNet5000()
	o.MCE = optional(robustness.MeanCorruptionError(table, alexNet))
	o.MCE5000 = optional(robustness.MeanCorruptionError(table, alexNet5000))
	o.RelativeMCE = optional(robustness.RelativeMeanCorruptionError(table, alexNet5000))
	for i := range o.Corruptions {
		c := &o.Corruptions[i]
		c.CE = optional(robustness.CorruptionError(table, alexNet, c.Corruption))
	}
}

// perClass lists the classes that were shown, by the accuracy that corruption costs them, most first.
func (m *measurement) perClass(t *tally) []ClassScore {
	takenFor := map[string]string{}
	for i, class := range t.classes {
		best := 0
		for k, n := range t.matrix.Row(i) {
			if k != i && n > best {
				best, takenFor[class] = n, t.classes[k]
			}
		}
	}
	var all []ClassScore
	for k, class := range t.classes {
		var clean, corrupted count
		byCorruption, byGroup := map[string]*count{}, map[string]*count{}
		for i, c := range m.conditions {
			n := t.perClass[i][k]
			if c.Severity == 0 {
				clean = n
				continue
			}
			name, _ := session.SplitCondition(c.Name)
			corrupted.plus(n)
			at(byCorruption, name).plus(n)
			at(byGroup, groupOf(name)).plus(n)
		}
		if clean.total+corrupted.total == 0 {
			continue
		}
		score := ClassScore{Class: class, Images: clean.total, WorstMean: math.Inf(1), ByGroup: map[string]float64{}, TakenFor: takenFor[class]}
		if clean.total > 0 {
			estimate, _ := proportion.Wilson(clean.right, clean.total, 0)
			score.Clean = &estimate
		} else {
			score.Images = corrupted.total / max(1, len(m.conditions))
		}
		score.Corrupted, _ = proportion.Wilson(corrupted.right, corrupted.total, 0)
		for _, name := range m.corruptions() {
			if n := byCorruption[name]; n != nil && n.total > 0 && n.share() < score.WorstMean {
				score.Worst, score.WorstMean = name, n.share()
			}
		}
		if score.Worst == "" {
			score.WorstMean = math.NaN()
		}
		for g, n := range byGroup {
			score.ByGroup[g] = n.share()
		}
		all = append(all, score)
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].Drop() > all[b].Drop() })
	return all
}

// at returns the count of a key, made where it is missing.
func at(counts map[string]*count, key string) *count {
	if counts[key] == nil {
		counts[key] = &count{}
	}
	return counts[key]
}

func (c *count) plus(d count) { c.right, c.total = c.right+d.right, c.total+d.total }

// compare compares every pair of observers on the images that both saw.
func (m *measurement) compare(tallies []*tally, observers []ObserverFindings, random *rand.Rand) ([]Comparison, error) {
	var all []Comparison
	for i := range observers {
		for k := i + 1; k < len(observers); k++ {
			if !comparable(observers[i], observers[k]) {
				continue
			}
			c, err := m.comparePair(tallies[i], tallies[k], observers[i], observers[k], random)
			if err != nil {
				return nil, fmt.Errorf("corruption: %s against %s: %w", observers[i].Name, observers[k].Name, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// comparable says whether a difference of two observers answers a question: of two models as they are, or of one model in two ways.
func comparable(a, b ObserverFindings) bool {
	return a.Model == b.Model || a.Method == "" && b.Method == ""
}

func (m *measurement) comparePair(s, t *tally, a, b ObserverFindings, random *rand.Rand) (Comparison, error) {
	c := Comparison{A: a.Name, B: b.Name, CleanP: math.NaN(), Rank: math.NaN()}
	var x, y []float64
	onlyA, onlyB := 0, 0
	for i := range a.perImage {
		if !math.IsNaN(a.perImage[i]) && !math.IsNaN(b.perImage[i]) {
			x, y = append(x, a.perImage[i]), append(y, b.perImage[i])
		}
		switch {
		case s.cleanWrong[i] == 0 && t.cleanWrong[i] == 1:
			onlyA++
		case s.cleanWrong[i] == 1 && t.cleanWrong[i] == 0:
			onlyB++
		}
	}
	difference, err := bootstrap.PairedDifference(x, y, random, bootstrap.Options{})
	if err != nil {
		return c, err
	}
	c.Difference, c.Low, c.High, c.P = difference.Value, difference.Low, difference.High, difference.P
	if m.basis == Accuracy && a.Clean != nil {
		if c.CleanP, err = proportion.McNemar(onlyA, onlyB); err != nil {
			return c, err
		}
	}
	var p, q []float64
	for i, score := range a.Conditions {
		if score.Severity > 0 && score.Images > 0 {
			p, q = append(p, score.Error()), append(q, b.Conditions[i].Error())
		}
	}
	if len(p) >= 3 {
		c.Rank, err = rank.Spearman(p, q)
	}
	return c, err
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// without returns the values that are numbers: values itself where all are.
func without(values []float64) []float64 {
	if !slices.ContainsFunc(values, math.IsNaN) {
		return values
	}
	var out []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}
