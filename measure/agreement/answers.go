// Package agreement compares observers by which stimuli they get right, beyond how many.
//
// Its measures are those of Geirhos, Meding & Wichmann (2020), "Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and humans by
// measuring error consistency" (arXiv 2006.16736), with the uncertainty that the paper's toolbox leaves out. All of them follow from four
// counts, those of Pair; so a measure is a function of a Pair, and Matrix and Resamples take any such function:
//
//	matrix.Values(agreement.Pair.ErrorConsistency)
//	resamples.Of(model, person, agreement.Pair.ErrorConsistency)
package agreement

import (
	"fmt"
	"math/bits"
)

// Answers says which of the stimuli an observer named rightly, one bit a stimulus. Answers are compared by position: stimulus i must be the
// same for all observers.
type Answers struct {
	right    []uint64 // bit i%64 of word i/64; the bits behind the last stimulus are 0
	stimuli  int
	accurate int // how many bits are 1
}

// FromBools returns the answers of an observer who was right on stimulus i where right[i].
func FromBools(right []bool) Answers {
	return collect(len(right), func(i int) bool { return right[i] })
}

// FromResponses returns the answers of an observer who gave responses[i] to a stimulus of category truth[i]; both are codes of categories. A
// response that is no category's code, which stands for no answer, is wrong. It reports an error where the lengths differ.
func FromResponses(truth, responses []uint8) (Answers, error) {
	if len(truth) != len(responses) {
		return Answers{}, fmt.Errorf("agreement: %d responses to %d stimuli", len(responses), len(truth))
	}
	return collect(len(truth), func(i int) bool { return truth[i] == responses[i] }), nil
}

// Select returns the answers to some of the stimuli, given by their positions, in that order. It reports an error for a position that is none.
func (a Answers) Select(positions []int) (Answers, error) {
	for _, p := range positions {
		if p < 0 || p >= a.stimuli {
			return Answers{}, fmt.Errorf("agreement: position %d is none of %d stimuli", p, a.stimuli)
		}
	}
	return collect(len(positions), func(i int) bool { return a.Right(positions[i]) }), nil
}

func collect(stimuli int, right func(i int) bool) Answers {
	a := Answers{right: make([]uint64, (stimuli+63)/64), stimuli: stimuli}
	for i := range stimuli {
		if right(i) {
			a.right[i/64] |= 1 << (i % 64)
			a.accurate++
		}
	}
	return a
}

// Stimuli returns the number of stimuli.
func (a Answers) Stimuli() int { return a.stimuli }

// Correct returns how many stimuli the observer named rightly.
func (a Answers) Correct() int { return a.accurate }

// Accuracy returns the fraction named rightly, 0..1; NaN where there are no stimuli.
func (a Answers) Accuracy() float64 { return float64(a.accurate) / float64(a.stimuli) }

// Right says whether the observer named stimulus i rightly.
func (a Answers) Right(i int) bool { return a.right[i/64]>>(i%64)&1 == 1 }

// bothRight counts the stimuli that both named rightly.
func bothRight(a, b []uint64) int {
	n := 0
	for i, word := range a {
		n += bits.OnesCount64(word & b[i])
	}
	return n
}
