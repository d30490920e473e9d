package agreement

import (
	"fmt"
	"math/rand/v2"

	"visus/measure/bootstrap"
)

// Persons is a group of observers drawn from a population, so that means over them are uncertain by the choice of persons, too. In every
// resample of the stimuli as many persons as there are were drawn with replacement. All means over the group share these draws, so that
// their differences are paired by stimuli and persons.
type Persons struct {
	resamples *Resamples
	persons   []int
	counts    [][]uint8 // [person, resample]: how often each was drawn
}

// Persons draws the persons, given by the observers' numbers, for every resample. Draws of one person only, with whom nobody else is there to
// agree, are repeated. The draws follow from random, the number of persons and that of resamples alone: generators of one seed draw the same
// persons for several conditions of a data set, whose means can then be averaged (bootstrap.Average). It reports an error where there are none or more than 255, where one is named twice, and where one is no observer.
func (r *Resamples) Persons(persons []int, random *rand.Rand) (*Persons, error) {
	if len(persons) == 0 || len(persons) > 255 {
		return nil, fmt.Errorf("agreement: %d persons cannot be resampled, only 1 to 255", len(persons))
	}
	seen := map[int]bool{}
	for _, p := range persons {
		if p < 0 || p >= r.data.observers {
			return nil, fmt.Errorf("agreement: person %d is none of %d observers", p, r.data.observers)
		}
		if seen[p] {
			return nil, fmt.Errorf("agreement: person %d is named twice", p)
		}
		seen[p] = true
	}
	g := &Persons{r, persons, make([][]uint8, len(persons))}
	for k := range g.counts {
		g.counts[k] = make([]uint8, r.size())
	}
	for i := range r.size() {
		for different := 0; different < min(2, len(persons)); {
			different = g.draw(i, random)
		}
	}
	return g, nil
}

// draw returns how many different persons it drew.
func (g *Persons) draw(resample int, random *rand.Rand) int {
	for k := range g.counts {
		g.counts[k][resample] = 0
	}
	different := 0
	for range g.persons {
		n := &g.counts[random.IntN(len(g.persons))][resample]
		if *n == 0 {
			different++
		}
		*n++
	}
	return different
}

// With returns the mean of a measure of an observer and each person. One of the persons is compared with the others, and is not drawn anew.
// It is NaN where there is nobody to compare with.
func (g *Persons) With(observer int, measure func(Pair) float64) bootstrap.Sample {
	var pairs [][2]int
	var counts [][]uint8
	for k, p := range g.persons {
		if p != observer {
			pairs = append(pairs, [2]int{observer, p})
			counts = append(counts, g.counts[k])
		}
	}
	return g.resamples.weighted(pairs, measure, func(pair, i int) float64 { return float64(counts[pair][i]) })
}

// Among returns the mean of a measure over all pairs of different persons: how far people agree with each other, the ceiling for a model. It
// is NaN for one person.
func (g *Persons) Among(measure func(Pair) float64) bootstrap.Sample {
	var pairs, members [][2]int
	for a := range g.persons {
		for b := range a {
			pairs = append(pairs, [2]int{g.persons[a], g.persons[b]})
			members = append(members, [2]int{a, b})
		}
	}
	return g.resamples.weighted(pairs, measure, func(pair, i int) float64 {
		a, b := members[pair][0], members[pair][1]
		return float64(g.counts[a][i]) * float64(g.counts[b][i])
	})
}
