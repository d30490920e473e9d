package humans

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"visus/measure/agreement"
	"visus/measure/bootstrap"
	"visus/measure/confusion"
	"visus/measure/cue"
	"visus/measure/proportion"
	"visus/measure/responses"
	"visus/trial"
)

// measurement is a data set being measured.
type measurement struct {
	*set
	options  bootstrap.Options
	seed     uint64
	findings DatasetFindings
	means    map[string]*samples // of each model and people, over the levels that are not left out
}

// samples are the four measures of the benchmark with their resamples.
type samples struct{ accuracy, difference, observed, consistency bootstrap.Sample }

// accuracy is the mean of both observers' accuracies; of an observer beside itself, its own.
func accuracy(p agreement.Pair) float64 {
	first, second := p.Accuracies()
	return (first + second) / 2
}

// random returns a stream for one step, the same whatever else is measured.
func (m *measurement) random(step string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(m.Name + "\x00" + step))
	return rand.New(rand.NewPCG(m.seed, h.Sum64()))
}

// measure returns what one data set says.
func (s *set) measure(o Options) (*measurement, error) {
	m := &measurement{set: s, seed: o.Seed, options: bootstrap.Options{Resamples: o.Resamples}, means: map[string]*samples{}}
	m.findings = DatasetFindings{Name: s.Name, Axis: s.Axis, Images: len(s.Stimuli), Others: s.others}
	m.findings.Persons, m.findings.Models = s.names(s.people), s.names(s.models)
	steps := []func() error{m.aloneScores}
	if len(s.Stimuli) > 0 {
		steps = append(steps, m.levels, m.classErrors, m.confusions, m.cues)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("humans: data set %s: %w", s.Name, err)
		}
	}
	return m, nil
}

func (s *set) names(observers []int) []string {
	names := []string{}
	for _, o := range observers {
		names = append(names, s.Observers[o])
	}
	return names
}

// levels measures under each condition, then over those that are not left out, and all pairs.
func (m *measurement) levels() error {
	levels := m.Levels
	if len(levels) == 0 {
		levels = []Level{{Condition: m.Conditions[0]}}
	}
	var kept []map[string]*samples
	var tables []*responses.Table
	var single *agreement.Resamples
	for _, l := range levels {
		table := m.level(l)
		if len(table.Stimuli) == 0 {
			continue
		}
		found, means, resamples, err := m.measureLevel(l, table)
		if err != nil {
			return err
		}
		m.findings.Levels = append(m.findings.Levels, found)
		if !l.LeftOut {
			kept, tables = append(kept, means), append(tables, table)
		}
		if len(levels) == 1 {
			single = resamples
		}
	}
	if err := m.average(kept, tables); err != nil {
		return err
	}
	return m.consistency(single)
}

func (m *measurement) measureLevel(l Level, table *responses.Table) (LevelFindings, map[string]*samples, *agreement.Resamples, error) {
	found := LevelFindings{Condition: l.Condition, Label: l.Label, LeftOut: l.LeftOut, Images: len(table.Stimuli)}
	means := map[string]*samples{}
	resamples, err := agreement.Resample(table.Answers(), m.random(l.Condition), m.options)
	if err != nil {
		return found, nil, nil, err
	}
	var group *agreement.Persons
	if len(m.people) > 0 {
		if group, err = m.measurePeople(&found, table, resamples, means); err != nil {
			return found, nil, nil, err
		}
	}
	for _, o := range m.models {
		name := m.Observers[o]
		means[name] = ofModel(resamples, group, o)
		score, err := m.score(name, table, means[name], o)
		if err != nil {
			return found, nil, nil, err
		}
		own := resamples.Matrix().At(o, o)
		wilson, err := proportion.Wilson(own.Both, own.Stimuli(), 0)
		if err != nil {
			return found, nil, nil, err
		}
		score.Accuracy = estimate(wilson)
		score.Unstable = slices.ContainsFunc(m.people, func(p int) bool { return resamples.Matrix().At(o, p).Unstable() })
		found.Scores = append(found.Scores, score)
	}
	return found, means, resamples, nil
}

// measurePeople adds people as a group, and where independent observers of their accuracy would be.
func (m *measurement) measurePeople(found *LevelFindings, table *responses.Table, r *agreement.Resamples,
	means map[string]*samples) (*agreement.Persons, error) {
	group, err := r.Persons(m.people, m.random(found.Condition+"/people"))
	if err != nil {
		return nil, err
	}
	means[people] = ofPeople(r, group, m.people)
	score, err := m.score(people, table, means[people], m.people...)
	if err != nil {
		return nil, err
	}
	found.Scores = append(found.Scores, score)
	p := means[people].accuracy.Value
	band, err := agreement.Independence(p, p, found.Images, m.random(found.Condition+"/independent"), m.options)
	found.Independent = interval(band)
	return group, err
}

func ofPeople(r *agreement.Resamples, group *agreement.Persons, persons []int) *samples {
	s := &samples{group.Among(accuracy), group.Among(agreement.Pair.AccuracyDifference), group.Among(agreement.Pair.Observed),
		group.Among(agreement.Pair.ErrorConsistency)}
	if len(persons) == 1 {
		s.accuracy = r.Of(persons[0], persons[0], accuracy)
	}
	return s
}

func ofModel(r *agreement.Resamples, group *agreement.Persons, model int) *samples {
	s := &samples{accuracy: r.Of(model, model, accuracy)}
	if group == nil {
		unknown := bootstrap.Sample{Value: math.NaN(), Resampled: make([]float64, len(s.accuracy.Resampled))}
		for i := range unknown.Resampled {
			unknown.Resampled[i] = math.NaN()
		}
		s.difference, s.observed, s.consistency = unknown, unknown, unknown
		return s
	}
	s.difference = group.With(model, agreement.Pair.AccuracyDifference)
	s.observed = group.With(model, agreement.Pair.Observed)
	s.consistency = group.With(model, agreement.Pair.ErrorConsistency)
	return s
}

// score turns samples into intervals and adds what the answers themselves say; observers are the persons or the one model.
func (m *measurement) score(name string, table *responses.Table, s *samples, observers ...int) (Score, error) {
	score := Score{Observer: name, People: name == people}
	for _, o := range observers {
		matrix, err := table.Confusion(o)
		if err != nil {
			return score, err
		}
		score.Entropy += matrix.ResponseEntropy() / float64(len(observers))
		for _, r := range table.Responses[o] {
			if r == responses.None {
				score.Unanswered++
			}
		}
	}
	return score, s.into(&score)
}

func (s *samples) into(score *Score) error {
	for _, c := range []struct {
		from bootstrap.Sample
		to   *Interval
	}{{s.accuracy, &score.Accuracy}, {s.difference, &score.AccuracyDifference}, {s.observed, &score.Observed},
		{s.consistency, &score.ErrorConsistency}} {
		i, err := c.from.Interval(0)
		if err != nil {
			return err
		}
		*c.to = interval(i)
	}
	return nil
}

// mean averages samples, each with the weight 1.
func mean(list []*samples) (*samples, error) {
	var out samples
	for _, field := range []struct {
		of func(*samples) bootstrap.Sample
		to *bootstrap.Sample
	}{
		{func(s *samples) bootstrap.Sample { return s.accuracy }, &out.accuracy},
		{func(s *samples) bootstrap.Sample { return s.difference }, &out.difference},
		{func(s *samples) bootstrap.Sample { return s.observed }, &out.observed},
		{func(s *samples) bootstrap.Sample { return s.consistency }, &out.consistency},
	} {
		var parts []bootstrap.Sample
		for _, s := range list {
			parts = append(parts, field.of(s))
		}
		var err error
		if *field.to, err = bootstrap.Average(parts...); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// average takes the means over the levels that count. Accuracies are those of all their trials together, which is the same where levels have as
// many images.
func (m *measurement) average(kept []map[string]*samples, tables []*responses.Table) error {
	if len(kept) == 0 {
		return nil
	}
	groups := map[string][]int{}
	order := []string{}
	if len(m.people) > 0 {
		groups[people], order = m.people, append(order, people)
	}
	for _, o := range m.models {
		groups[m.Observers[o]], order = []int{o}, append(order, m.Observers[o])
	}
	var positions []int
	for _, t := range tables {
		positions = append(positions, m.Where(t.Condition[0])...)
	}
	table := m.Select(positions)
	answers := table.Answers()
	for _, name := range order {
		var list []*samples
		for _, level := range kept {
			list = append(list, level[name])
		}
		means, err := mean(list)
		if err != nil {
			return err
		}
		right := 0
		for _, o := range groups[name] {
			right += answers[o].Correct()
		}
		means.accuracy.Value = float64(right) / float64(len(groups[name])*len(positions))
		m.means[name] = means
		score, err := m.score(name, table, means, groups[name]...)
		if err != nil {
			return err
		}
		m.findings.Scores = append(m.findings.Scores, score)
	}
	return nil
}

// consistency compares all pairs on all images; intervals where the images are of one condition.
func (m *measurement) consistency(single *agreement.Resamples) error {
	order := slices.Concat(m.people, m.models)
	matrix, err := agreement.NewMatrix(m.Answers())
	if err != nil {
		return err
	}
	c := &Consistency{Observers: m.names(order), People: len(m.people), Kappa: make([][]Interval, len(order)), Unstable: make([][]bool, len(order))}
	var intervals [][]bootstrap.Interval
	if single != nil {
		if intervals, err = single.Intervals(agreement.Pair.ErrorConsistency, 0); err != nil {
			return err
		}
	}
	for i, a := range order {
		for _, b := range order {
			pair := matrix.At(a, b)
			value := Interval{pair.ErrorConsistency(), math.NaN(), math.NaN()}
			if intervals != nil {
				value = interval(intervals[a][b])
			}
			c.Kappa[i], c.Unstable[i] = append(c.Kappa[i], value), append(c.Unstable[i], pair.Unstable())
		}
	}
	c.AmongPeople = matrix.Among(m.people, agreement.Pair.ErrorConsistency)
	c.AmongModels = matrix.Among(m.models, agreement.Pair.ErrorConsistency)
	m.findings.Consistency = c
	return nil
}

// classErrors compares on which categories observers err.
func (m *measurement) classErrors() error {
	distributions := make([][]float64, len(m.Observers))
	for o := range m.Observers {
		matrix, err := m.Confusion(o)
		if err != nil {
			return err
		}
		distributions[o] = matrix.ErrorDistribution()
	}
	distance := func(measure func(p, q []float64) (float64, error), a, b int) float64 {
		d, _ := measure(distributions[a], distributions[b]) // the lengths are equal
		return d
	}
	among := func(observers []int) float64 {
		var values []float64
		for i, a := range observers {
			for _, b := range observers[:i] {
				values = append(values, distance(confusion.JensenShannon, a, b))
			}
		}
		return average(values)
	}
	c := &ClassErrors{AmongPeople: among(m.people), AmongModels: among(m.models)}
	var across []float64
	for _, o := range m.models {
		var bits, squares []float64
		for _, p := range m.people {
			bits, squares = append(bits, distance(confusion.JensenShannon, o, p)), append(squares, distance(confusion.SquaredDistance, o, p))
		}
		across = append(across, bits...)
		c.Models = append(c.Models, ClassError{m.Observers[o], average(bits), average(squares)})
	}
	c.Across = average(across)
	m.findings.ClassErrors = c
	return nil
}

// average is NaN for no values.
func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// confusions takes people together and each model, on all images.
func (m *measurement) confusions() error {
	var reference *confusion.Matrix
	add := func(name string, observers ...int) error {
		matrix, err := m.Confusion(observers...)
		if err != nil {
			return err
		}
		c := Confusion{Observer: name, Categories: matrix.Classes(), Percent: matrix.Percent(), ConditionalEntropy: matrix.ConditionalEntropy()}
		for i := range c.Categories {
			c.counts = append(c.counts, matrix.Row(i))
		}
		if name == people {
			reference = matrix
		} else if reference != nil {
			if c.Differences, err = differing(reference, matrix); err != nil {
				return err
			}
		}
		m.findings.Confusions = append(m.findings.Confusions, c)
		return nil
	}
	if len(m.people) > 0 {
		if err := add(people, m.people...); err != nil {
			return err
		}
	}
	for _, o := range m.models {
		if err := add(m.Observers[o], o); err != nil {
			return err
		}
	}
	return nil
}

// differing lists the cells in which people differ from a model by more than chance explains, the largest difference first. Signs are the
// model's: positive where it gives the answer more often.
func differing(people, model *confusion.Matrix) ([]Cell, error) {
	all, err := confusion.Differences(people, model, 0)
	if err != nil {
		return nil, err
	}
	classes := people.Classes()
	var cells []Cell
	for r, row := range all {
		for c, d := range row {
			if d.Stars == 0 {
				continue
			}
			cell := Cell{Shown: classes[c], Percent: -d.Percent, P: d.P, Stars: max(d.Stars, -d.Stars)}
			if r > 0 {
				cell.Response = classes[r-1]
			}
			cells = append(cells, cell)
		}
	}
	slices.SortStableFunc(cells, func(a, b Cell) int {
		switch x, y := math.Abs(a.Percent), math.Abs(b.Percent); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return cells, nil
}

// cues counts decisions for shape and texture, where images have both.
func (m *measurement) cues() error {
	if !hasCues(m.Name) {
		return nil
	}
	textures := make([]uint8, len(m.Stimuli))
	for i, stimulus := range m.Stimuli {
		texture := trial.TextureCategory(imageOf(stimulus))
		code := slices.Index(m.Categories, texture)
		if code < 0 {
			return fmt.Errorf("image %s has the texture %q, which is none of the categories %v; expected names such as cat1-bird3.png",
				imageOf(stimulus), texture, m.Categories)
		}
		textures[i] = uint8(code)
	}
	decisions := make([]cue.Decisions, len(m.Observers))
	for o := range m.Observers {
		var err error
		if decisions[o], err = cue.Decide(m.Truth, textures, m.Responses[o], len(m.Categories)); err != nil {
			return err
		}
	}
	c := &Cues{}
	if len(m.people) > 0 {
		if err := c.addPeople(m, decisions); err != nil {
			return err
		}
	}
	for _, o := range m.models {
		if err := c.add(m.Observers[o], false, decisions[o]); err != nil {
			return err
		}
	}
	m.findings.Cues = c
	return nil
}

func (c *Cues) addPeople(m *measurement, decisions []cue.Decisions) error {
	var persons []cue.Decisions
	for _, o := range m.people {
		persons = append(persons, decisions[o])
	}
	pooled, err := cue.Pool(persons...)
	if err != nil {
		return err
	}
	for _, k := range pooled.Order() {
		if pooled.Categories[k].Conflicts > 0 {
			c.Order = append(c.Order, m.Categories[k])
		}
	}
	if err := c.add(people, false, pooled); err != nil {
		return err
	}
	c.Observers[0].Box = cue.MeanByCategory(persons...)
	for i, o := range m.people {
		if err := c.add(m.Observers[o], true, persons[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cues) add(name string, person bool, d cue.Decisions) error {
	bias, err := d.Interval(0)
	if err != nil {
		return err
	}
	row := Cue{Observer: name, Person: person, Stimuli: d.Stimuli, Conflicts: d.Conflicts, Shape: d.Shape, Texture: d.Texture, Bias: estimate(bias)}
	for _, k := range d.Categories {
		row.Categories = append(row.Categories, k.ShapeBias())
	}
	row.Box = row.Categories
	c.Observers = append(c.Observers, row)
	return nil
}

// aloneScores are the accuracies of people who saw other images than everybody else, and all of them together.
func (m *measurement) aloneScores() error {
	pooled := map[string]*alone{}
	rows := slices.Clone(m.apart)
	for _, a := range m.apart {
		if pooled[a.condition] == nil {
			pooled[a.condition] = &alone{observer: people, condition: a.condition}
		}
		pooled[a.condition].right += a.right
		pooled[a.condition].total += a.total
	}
	for _, condition := range m.set.conditions() {
		if p := pooled[condition]; p != nil {
			rows = append(rows, *p)
		}
	}
	for _, a := range rows {
		e, err := proportion.Wilson(a.right, a.total, 0)
		if err != nil {
			return err
		}
		m.findings.Apart = append(m.findings.Apart, Alone{a.observer, a.condition, a.total, estimate(e)})
	}
	return nil
}
