package corruption

import (
	"fmt"
	"iter"
	"math"

	"visus/measure/calibration"
	"visus/measure/confusion"
	"visus/trial"
)

// tally counts the trials of one observer. Its memory grows with conditions, classes and, by a few bytes, images; never with trials.
type tally struct {
	basis      Basis
	conditions []cell // by condition
	classes    []string
	classIndex map[string]int
	perClass   [][]count // [condition][class]
	matrix     *confusion.Matrix
	clean      *calibration.Diagram
	corrupted  *calibration.Diagram
	wrong      []float64 // per stimulus: weighted errors over the conditions that count
	seen       []float64 // per stimulus: weight of the trials counted in wrong
	cleanWrong []int8    // per stimulus: 0 right, 1 wrong, -1 not shown
	answers    []string  // per stimulus of the current block: the answer to the clean image
}

// cell counts one condition.
type cell struct {
	count
	top5         int
	confidence   float64
	crossEntropy calibration.CrossEntropy
	reliability  *calibration.Diagram
}

// count is right of total.
type count struct{ right, total int }

// measurement says how trials are read: the conditions by name, the stimuli by id, the weight of each condition in the mean corruption error.
type measurement struct {
	basis      Basis
	conditions []condition
	byName     map[string]int
	weight     []float64
	stimuli    map[string]int
	observers  []string
	classes    [][]string // of each observer
}

func (m *measurement) newTally(observer int) (*tally, error) {
	t := &tally{basis: m.basis, conditions: make([]cell, len(m.conditions)), classes: m.classes[observer], classIndex: map[string]int{}}
	for i := range t.conditions {
		d, err := calibration.NewDiagram(0)
		if err != nil {
			return nil, err
		}
		t.conditions[i].reliability = d
	}
	for i, c := range t.classes {
		t.classIndex[c] = i
	}
	t.perClass = make([][]count, len(m.conditions))
	for i := range t.perClass {
		t.perClass[i] = make([]count, len(t.classes))
	}
	var err error
	if t.matrix, err = confusion.New(t.classes); err != nil {
		return nil, err
	}
	if t.clean, err = calibration.NewDiagram(0); err != nil {
		return nil, err
	}
	if t.corrupted, err = calibration.NewDiagram(0); err != nil {
		return nil, err
	}
	n := len(m.stimuli)
	t.wrong, t.seen, t.cleanWrong, t.answers = make([]float64, n), make([]float64, n), make([]int8, n), make([]string, n)
	for i := range t.cleanWrong {
		t.cleanWrong[i] = -1
	}
	return t, nil
}

// count reads all trials once.
func (m *measurement) count(trials iter.Seq2[trial.Trial, error]) (tallies []*tally, lost []Lost, rows int, err error) {
	observers := map[string]int{}
	for i, name := range m.observers {
		observers[name] = i
		t, err := m.newTally(i)
		if err != nil {
			return nil, nil, 0, err
		}
		tallies = append(tallies, t)
	}
	for row, err := range trials {
		if err != nil {
			return nil, nil, 0, err
		}
		rows++
		o, knownObserver := observers[row.Observer]
		c, knownCondition := m.byName[row.Condition]
		s, knownStimulus := m.stimuli[row.Stimulus]
		if !knownObserver || !knownCondition || !knownStimulus {
			return nil, nil, 0, fmt.Errorf("corruption: row %d (observer %q, stimulus %q, condition %q) is not of this examination", rows, row.Observer, row.Stimulus, row.Condition)
		}
		if reason, isLost := row.Extras.Other[lostKey]; isLost {
			if o == 0 && !m.conditions[c].made { // a clean image that is lost is lost under every corruption
				lost = append(lost, Lost{row.Stimulus, row.Condition, fmt.Sprint(reason)})
			}
			continue
		}
		if err := tallies[o].add(m, c, s, row); err != nil {
			return nil, nil, 0, err
		}
	}
	return tallies, lost, rows, nil
}

// add counts one answered trial.
func (t *tally) add(m *measurement, c, s int, row trial.Trial) error {
	clean := m.conditions[c].severity == 0
	truth, right := row.Category, row.Correct
	if t.basis == Agreement {
		if clean {
			t.answers[s] = row.Response
		}
		truth = t.answers[s]
		right = truth == row.Response
	}
	cell := &t.conditions[c]
	cell.add(right)
	cell.confidence += row.Confidence
	if err := cell.reliability.Add(row.Confidence, right); err != nil {
		return err
	}
	diagram := t.corrupted
	if clean {
		diagram = t.clean
	}
	if err := diagram.Add(row.Confidence, right); err != nil {
		return err
	}
	for _, name := range row.Extras.Top5 {
		if name == truth {
			cell.top5++
		}
	}
	if p := row.Extras.TrueProbability; p != nil {
		if err := cell.crossEntropy.Add(*p); err != nil {
			return err
		}
	}
	if !clean {
		if err := t.matrix.Add(truth, row.Response); err != nil {
			return err
		}
	} else if t.cleanWrong[s] = 1; right {
		t.cleanWrong[s] = 0
	}
	if class, ok := t.classIndex[truth]; ok {
		t.perClass[c][class].add(right)
	}
	t.seen[s] += m.weight[c]
	if !right {
		t.wrong[s] += m.weight[c]
	}
	return nil
}

func (c *count) add(right bool) {
	c.total++
	if right {
		c.right++
	}
}

// share returns right/total; NaN of nothing.
func (c count) share() float64 {
	if c.total == 0 {
		return math.NaN()
	}
	return float64(c.right) / float64(c.total)
}

// perImage returns each stimulus's mean error over the conditions that count; NaN where it was not shown under any.
func (t *tally) perImage() []float64 {
	out := make([]float64, len(t.wrong))
	for i := range out {
		out[i] = math.NaN()
		if t.seen[i] > 0 {
			out[i] = t.wrong[i] / t.seen[i]
		}
	}
	return out
}
