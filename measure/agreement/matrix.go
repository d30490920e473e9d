package agreement

import "fmt"

// Matrix holds every pair of several observers who saw the same stimuli.
type Matrix struct {
	observers int
	pairs     []Pair // of i ≤ j, by i and then j
}

// NewMatrix compares all pairs. It reports an error where observers saw different numbers of stimuli, or there is nothing to compare.
func NewMatrix(observers []Answers) (*Matrix, error) {
	if err := check(observers); err != nil {
		return nil, err
	}
	m := &Matrix{observers: len(observers), pairs: make([]Pair, 0, len(observers)*(len(observers)+1)/2)}
	for i, a := range observers {
		for _, b := range observers[i:] {
			m.pairs = append(m.pairs, pairOf(a.stimuli, a.accurate, b.accurate, bothRight(a.right, b.right)))
		}
	}
	return m, nil
}

func check(observers []Answers) error {
	if len(observers) == 0 {
		return fmt.Errorf("agreement: there are no observers to compare")
	}
	for i, a := range observers {
		if a.stimuli != observers[0].stimuli {
			return fmt.Errorf("agreement: observer %d answered %d stimuli, observer 0 %d: observers must see the same stimuli",
				i, a.stimuli, observers[0].stimuli)
		}
	}
	if observers[0].stimuli == 0 {
		return fmt.Errorf("agreement: there are no stimuli to compare on")
	}
	return nil
}

// Observers returns their number.
func (m *Matrix) Observers() int { return m.observers }

// At returns the pair of observers i and j, counted from 0 in the order of NewMatrix.
func (m *Matrix) At(i, j int) Pair {
	if i > j {
		return m.At(j, i).Swap()
	}
	return m.pairs[position(m.observers, i, j)]
}

// position is where the pair i ≤ j stands.
func position(observers, i, j int) int { return i*(2*observers-i+1)/2 + j - i }

// Values returns a measure of all pairs, [observer, observer]; an observer meets itself on the diagonal.
func (m *Matrix) Values(measure func(Pair) float64) [][]float64 {
	values := make([][]float64, m.observers)
	for i := range values {
		values[i] = make([]float64, m.observers)
		for j := range values[i] {
			values[i][j] = measure(m.At(i, j))
		}
	}
	return values
}

// With returns the mean of a measure of an observer and each person; a person is not compared with themselves. It is NaN without persons.
func (m *Matrix) With(observer int, persons []int, measure func(Pair) float64) float64 {
	var values []float64
	for _, p := range persons {
		if p != observer {
			values = append(values, measure(m.At(observer, p)))
		}
	}
	return mean(values)
}

// Among returns the mean of a measure over all pairs of different persons, which is what "humans" stands for beside models. It is NaN for
// fewer than two persons.
func (m *Matrix) Among(persons []int, measure func(Pair) float64) float64 {
	var values []float64
	for i, a := range persons {
		for _, b := range persons[:i] {
			values = append(values, measure(m.At(a, b)))
		}
	}
	return mean(values)
}

// mean is NaN for no values.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
