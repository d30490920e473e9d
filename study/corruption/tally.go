package corruption

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"visus/measure/calibration"
	"visus/measure/confusion"
	"visus/study/session"
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
	wrong      []float32    // per stimulus: weighted errors over the conditions that count
	seen       []float32    // per stimulus: weight of the trials counted in wrong
	cleanWrong []int8       // per stimulus: 0 right, 1 wrong, -1 not shown
	answers    []string     // per stimulus of the current block: the answer to the clean image
	discordant []discordant // by condition, against the same model unadapted; it stands before this one in the table
	right      bool         // the last trial's answer, where known says that it counts
	known      bool
}

// discordant counts the images that one of two observers names rightly and the other does not.
type discordant struct{ lost, won int }

func (d *discordant) add(before, after bool) {
	switch {
	case before && !after:
		d.lost++
	case after && !before:
		d.won++
	}
}

// sources returns for each observer the place of the same model as it is.
func (m *measurement) sources() []int {
	out := make([]int, len(m.subjects))
	for i, s := range m.subjects {
		out[i] = slices.IndexFunc(m.subjects, func(t member) bool { return t.model == s.model && t.method == "" })
	}
	return out
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

// measurement says how trials are read: in the plan's order, with the weight of each condition in the mean corruption error.
type measurement struct {
	plan
	basis      Basis
	conditions []session.Condition
	stimuli    []int // indices into each condition's source
	weight     []float64
	subjects   []member
}

// member is one observer as the measures know it.
type member struct {
	name    string
	model   string
	method  string // how the model is adapted; "": as it is
	classes []string
}

func (m *measurement) newTally(observer int) (*tally, error) {
	t := &tally{basis: m.basis, conditions: make([]cell, len(m.conditions)), classes: m.subjects[observer].classes, classIndex: map[string]int{}}
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
	t.discordant = make([]discordant, len(m.conditions))
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
	n := m.shown()
	t.wrong, t.seen, t.cleanWrong, t.answers = make([]float32, n), make([]float32, n), make([]int8, n), make([]string, m.block)
	for i := range t.cleanWrong {
		t.cleanWrong[i] = -1
	}
	return t, nil
}

// count reads all trials once. A row that is not the one that the plan has next is an error.
func (m *measurement) count(trials iter.Seq2[trial.Trial, error]) (tallies []*tally, lost []Lost, err error) {
	for i := range m.subjects {
		t, err := m.newTally(i)
		if err != nil {
			return nil, nil, err
		}
		tallies = append(tallies, t)
	}
	sources := m.sources()
	next, stop := iter.Pull2(trials)
	defer stop()
	for i := range m.stepCount() {
		s := m.step(i)
		for k := range s.count {
			id := m.conditions[s.condition].Source.Item(m.stimuli[s.first+k]).ID
			for o, subject := range m.subjects {
				name := subject.name
				row, err, ok := next()
				switch c := m.conditions[s.condition]; {
				case err != nil:
					return nil, nil, err
				case !ok || row.Observer != name || row.Condition != c.Name || row.Stimulus != id:
					return nil, nil, fmt.Errorf("corruption: the trials have %s, %s, %s where %s, %s, %s was shown; they are not of this examination",
						row.Observer, row.Condition, row.Stimulus, name, c.Name, id)
				case row.Extras.Other[lostKey] != nil:
					if o == 0 && !c.Made { // a clean image that is lost is lost under every corruption
						lost = append(lost, Lost{row.Stimulus, row.Condition, fmt.Sprint(row.Extras.Other[lostKey])})
					}
				default:
					if err := tallies[o].add(m, s, k, row); err != nil {
						return nil, nil, err
					}
					if a := sources[o]; a != o && tallies[a].known && tallies[o].known {
						tallies[o].discordant[s.condition].add(tallies[a].right, tallies[o].right)
					}
				}
			}
		}
	}
	return tallies, lost, nil
}

// add counts one answered trial.
func (t *tally) add(m *measurement, s step, k int, row trial.Trial) error {
	c, at := s.condition, m.place(s, k)
	clean := m.conditions[c].Severity == 0
	truth, right := row.Category, row.Correct
	t.known = false
	if t.basis == Agreement {
		if clean {
			t.answers[k] = row.Response
		}
		truth = t.answers[k]
		right = truth == row.Response
	}
	if truth == "" {
		return nil // one of the images without a label in a set that has labels
	}
	t.right, t.known = right, true
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
	} else if t.cleanWrong[at] = 1; right {
		t.cleanWrong[at] = 0
	}
	if class, ok := t.classIndex[truth]; ok {
		t.perClass[c][class].add(right)
	}
	t.seen[at] += float32(m.weight[c])
	if !right {
		t.wrong[at] += float32(m.weight[c])
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
			out[i] = float64(t.wrong[i]) / float64(t.seen[i])
		}
	}
	return out
}
