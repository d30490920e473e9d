package confusion

import "math"

// ResponseEntropy returns the entropy of the answers in bits, −Σ r log₂ r over the classes that were shown, where r is the fraction of ALL
// stimuli with that answer; stimuli without an answer have no term, and terms with r ≤ 0.00001 are skipped. An observer who spreads answers
// evenly over 16 classes has 4 bits, one who always says the same has 0. This is the entropy of Geirhos et al. (2018), "Generalisation in
// humans and deep neural networks". It is NaN where there are no stimuli.
func (m *Matrix) ResponseEntropy() float64 {
	const least = 1e-5
	total := float64(m.Total())
	if total == 0 {
		return math.NaN()
	}
	entropy := 0.0
	for i, s := range m.Scores() {
		r := float64(s.Answers) / total
		if m.shown(i) > 0 && r > least {
			entropy -= r * math.Log2(r)
		}
	}
	return entropy
}

// ConditionalEntropy returns H(R|X) = Σ p(x, r) log₂(p(x)/p(x, r)) in bits: how uncertain the answer r still is when the class x shown is
// known. No answer counts as an answer. It is NaN where there are no stimuli.
func (m *Matrix) ConditionalEntropy() float64 {
	total := float64(m.Total())
	if total == 0 {
		return math.NaN()
	}
	entropy := 0.0
	for c := range m.classes {
		shown := float64(m.shown(c))
		for r := range 1 + len(m.classes) {
			if n := float64(m.answered(r, c)); n > 0 {
				entropy += n / total * math.Log2(shown/n)
			}
		}
	}
	return entropy
}
