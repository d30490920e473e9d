// Package confusion counts which class is taken for which.
package confusion

import (
	"fmt"
	"slices"
)

// Matrix counts answers by true class and answered class. Make one with New; its memory is that of one count for each pair of classes.
type Matrix struct {
	classes []string
	index   map[string]int
	counts  []int // [true class, answered class]
	silent  []int // stimuli of each class that got no answer
}

// New returns an empty matrix. It reports an error where a class is named twice or "".
func New(classes []string) (*Matrix, error) {
	m := &Matrix{
		classes: slices.Clone(classes),
		index:   make(map[string]int, len(classes)),
		counts:  make([]int, len(classes)*len(classes)),
		silent:  make([]int, len(classes)),
	}
	for i, c := range classes {
		if c == "" {
			return nil, fmt.Errorf("confusion: class %d has no name", i)
		}
		if j, twice := m.index[c]; twice {
			return nil, fmt.Errorf("confusion: classes %d and %d are both named %q", j, i, c)
		}
		m.index[c] = i
	}
	return m, nil
}

// Add counts one answer to a stimulus of the true class. The answer "" means that the observer gave none: it lowers the recall of the true
// class and belongs to no answered class. It reports an error, and counts nothing, where a class is unknown.
func (m *Matrix) Add(truth, answer string) error {
	i, known := m.index[truth]
	if !known {
		return fmt.Errorf("confusion: true class %q is not among the %d classes", truth, len(m.classes))
	}
	if answer == "" {
		m.silent[i]++
		return nil
	}
	j, known := m.index[answer]
	if !known {
		return fmt.Errorf("confusion: answered class %q is not among the %d classes", answer, len(m.classes))
	}
	m.counts[i*len(m.classes)+j]++
	return nil
}

// AddCodes counts the answers responses[i] to stimuli of the true class truth[i], given as the classes' numbers. A response that is no class's
// number means that the observer gave none. It reports an error, and counts nothing, where the lengths differ or a true class is unknown.
func (m *Matrix) AddCodes(truth, responses []uint8) error {
	if len(truth) != len(responses) {
		return fmt.Errorf("confusion: %d responses to %d stimuli", len(responses), len(truth))
	}
	for i, c := range truth {
		if int(c) >= len(m.classes) {
			return fmt.Errorf("confusion: stimulus %d has the class number %d, there are %d classes", i, c, len(m.classes))
		}
	}
	for i, c := range truth {
		if int(responses[i]) < len(m.classes) {
			m.row(int(c))[responses[i]]++
		} else {
			m.silent[c]++
		}
	}
	return nil
}

// Classes returns the classes in the matrix's order.
func (m *Matrix) Classes() []string { return slices.Clone(m.classes) }

// Row returns how often the class with the index was taken for each class, in the matrix's order; nil where there is no such class.
func (m *Matrix) Row(class int) []int {
	if class < 0 || class >= len(m.classes) {
		return nil
	}
	return slices.Clone(m.row(class))
}

func (m *Matrix) row(class int) []int {
	return m.counts[class*len(m.classes) : (class+1)*len(m.classes)]
}

// shown returns how many stimuli of the class there were, unanswered ones included.
func (m *Matrix) shown(class int) int {
	n := m.silent[class]
	for _, c := range m.row(class) {
		n += c
	}
	return n
}

// answered returns how many stimuli with the response row had this class: row 0 is no answer, row 1 + j the answer j.
func (m *Matrix) answered(row, class int) int {
	if row == 0 {
		return m.silent[class]
	}
	return m.row(class)[row-1]
}

// Percent returns the matrix as the field prints it, [response, class shown]: the first row holds stimuli without an answer ("na"), the others
// the answers in the matrix's order. Entries are percent of the stimuli of their column, which add up to 100; NaN where the class was never shown.
func (m *Matrix) Percent() [][]float64 {
	percent := make([][]float64, 1+len(m.classes))
	for r := range percent {
		percent[r] = make([]float64, len(m.classes))
		for c := range m.classes {
			percent[r][c] = 100 * float64(m.answered(r, c)) / float64(m.shown(c))
		}
	}
	return percent
}

// Total returns the number of stimuli, unanswered ones included.
func (m *Matrix) Total() int {
	n := 0
	for _, c := range m.counts {
		n += c
	}
	for _, c := range m.silent {
		n += c
	}
	return n
}

// Accuracy returns the fraction of all stimuli that were named rightly, 0..1; NaN where there are none.
func (m *Matrix) Accuracy() float64 {
	right := 0
	for i := range m.classes {
		right += m.row(i)[i]
	}
	return float64(right) / float64(m.Total())
}

// Score says how well one class is recognised. The fractions lie in 0..1.
type Score struct {
	Class     string
	Stimuli   int     // of the class, unanswered ones included
	Answers   int     // naming the class
	Right     int     // stimuli of the class that were named rightly
	Precision float64 // Right/Answers; NaN where the class was never answered
	Recall    float64 // Right/Stimuli, the accuracy within the class; NaN where it was never shown
	F1        float64 // 2·Right/(Stimuli+Answers), the harmonic mean of both (van Rijsbergen 1979); NaN where neither happened
}

// Scores returns every class's score in the matrix's order.
func (m *Matrix) Scores() []Score {
	out := make([]Score, len(m.classes))
	for i, c := range m.classes {
		out[i].Class = c
		out[i].Right = m.row(i)[i]
		out[i].Stimuli = m.shown(i)
	}
	for i := range m.classes { // by rows, for the sake of the cache
		for j, n := range m.row(i) {
			out[j].Answers += n
		}
	}
	for i := range out {
		s := &out[i]
		s.Precision = float64(s.Right) / float64(s.Answers)
		s.Recall = float64(s.Right) / float64(s.Stimuli)
		s.F1 = 2 * float64(s.Right) / float64(s.Stimuli+s.Answers)
	}
	return out
}
