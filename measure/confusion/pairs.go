package confusion

import "slices"

// Pair is a confusion: stimuli of one class that were taken for another.
type Pair struct {
	Truth, Answer string
	Count         int
	Rate          float64 // Count as a fraction of the stimuli of Truth, 0..1
}

// MostConfused returns the n pairs of different classes with the largest counts, largest first and ties in the matrix's order; fewer where
// fewer pairs happened.
func (m *Matrix) MostConfused(n int) []Pair {
	var pairs []Pair
	for i, s := range m.Scores() {
		for j, count := range m.row(i) {
			if i != j && count > 0 {
				pairs = append(pairs, Pair{s.Class, m.classes[j], count, float64(count) / float64(s.Stimuli)})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b Pair) int { return b.Count - a.Count })
	return pairs[:min(max(n, 0), len(pairs))]
}
