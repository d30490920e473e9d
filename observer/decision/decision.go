// Package decision turns a model's class probabilities into one of few categories, as people choose among them.
//
// The categories of the field are the 16 of Geirhos et al. (2018), "Generalisation in humans and deep neural networks" (arXiv 1808.08750). A
// category's value is the mean probability of the model's classes that belong to it; all other classes are ignored, as in a forced choice.
package decision

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Rule says how the probabilities of a category's classes become its value.
type Rule string

// The rules. Sum lets categories of many classes absorb probability: it is the rule of the published tables of 2018.
const (
	Mean Rule = "mean" // the default
	Sum  Rule = "sum"
	Max  Rule = "max"
)

// Rules lists them, the default first.
func Rules() []string { return []string{string(Mean), string(Sum), string(Max)} }

// Mapping says which outputs of a model belong to which category.
type Mapping struct {
	origin     string
	categories []string
	outputs    [][]int // [category]: none where the model cannot answer it
}

// Origin says where the mapping comes from, such as a file.
func (m *Mapping) Origin() string { return m.origin }

// Categories returns all categories, in alphabetical order, those that the model cannot answer among them.
func (m *Mapping) Categories() []string { return slices.Clone(m.categories) }

// Answerable returns the categories that have outputs, in alphabetical order.
func (m *Mapping) Answerable() []string { return m.which(true) }

// Unanswerable returns the categories without outputs.
func (m *Mapping) Unanswerable() []string { return m.which(false) }

func (m *Mapping) which(answerable bool) []string {
	var names []string
	for i, outputs := range m.outputs {
		if len(outputs) > 0 == answerable {
			names = append(names, m.categories[i])
		}
	}
	return names
}

// Outputs returns the outputs of a category; none for one that the model cannot answer or that is no category.
func (m *Mapping) Outputs(category string) []int {
	i, found := slices.BinarySearch(m.categories, category)
	if !found {
		return nil
	}
	return slices.Clone(m.outputs[i])
}

// Check reports an error where the mapping names outputs that a model of so many lacks.
func (m *Mapping) Check(outputs int) error {
	for i, list := range m.outputs {
		for _, output := range list {
			if output >= outputs {
				return fmt.Errorf("decision: %s: %s has output %d; the model has outputs 0 to %d", m.origin, m.categories[i], output, outputs-1)
			}
		}
	}
	return nil
}

// Decision is a model's choice.
type Decision struct {
	Ranking []Choice // of the categories that the model can answer, best first
}

// Choice is one category with its value.
type Choice struct {
	Category string
	Value    float64
}

// Response is the category chosen.
func (d Decision) Response() string { return d.Ranking[0].Category }

// Decide ranks the categories by their values. Equal values go to the alphabetically last, as in the reference, which sorts ascending and
// turns the order. It reports an error where a probability lies outside 0..1 or the mapping names an output that is not there.
func (m *Mapping) Decide(probabilities []float32, rule Rule) (Decision, error) {
	if err := m.Check(len(probabilities)); err != nil {
		return Decision{}, err
	}
	for class, p := range probabilities {
		if !(p >= 0 && p <= 1) {
			return Decision{}, fmt.Errorf("decision: probability %g of class %d is outside 0..1; are these scores before the softmax?", p, class)
		}
	}
	var d Decision
	for i, outputs := range m.outputs {
		if len(outputs) == 0 {
			continue
		}
		value, err := rule.value(probabilities, outputs)
		if err != nil {
			return Decision{}, err
		}
		d.Ranking = append(d.Ranking, Choice{m.categories[i], value})
	}
	slices.SortFunc(d.Ranking, func(a, b Choice) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(b.Category, a.Category))
	})
	return d, nil
}

func (r Rule) value(probabilities []float32, outputs []int) (float64, error) {
	sum, most := 0.0, 0.0
	for _, output := range outputs {
		p := float64(probabilities[output])
		sum, most = sum+p, max(most, p)
	}
	switch r {
	case Mean, "":
		return sum / float64(len(outputs)), nil
	case Sum:
		return sum, nil
	case Max:
		return most, nil
	}
	return 0, fmt.Errorf("decision: rule %q is none of %s", r, strings.Join(Rules(), ", "))
}

// Softmax returns the probabilities that logits mean, in float32 as the reference's; their sum is taken in float64, to which the reference's
// pairwise sum is near. The largest logit is subtracted first, so that none overflows.
func Softmax(logits []float32) []float32 {
	most := float32(math.Inf(-1))
	for _, v := range logits {
		most = max(most, v)
	}
	probabilities := make([]float32, len(logits))
	sum := 0.0
	for i, v := range logits {
		probabilities[i] = float32(math.Exp(float64(v - most)))
		sum += float64(probabilities[i])
	}
	for i := range probabilities {
		probabilities[i] = float32(float64(probabilities[i]) / sum)
	}
	return probabilities
}
