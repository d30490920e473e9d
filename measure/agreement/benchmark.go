package agreement

import (
	"fmt"
	"math"

	"visus/measure/rank"
)

// Cell is a measure of an observer and one partner on one condition of a data set. A model's partners are the persons; for the row "humans"
// they are the pairs of persons.
type Cell struct {
	Dataset, Condition, Partner string
	Value                       float64
}

// Averages are means in the order of the benchmark of Geirhos et al. (2021).
type Averages struct {
	Value    float64       // the mean over the data sets, each with the weight 1; NaN where there are none
	Datasets []DatasetMean // in the order in which they first came
}

// DatasetMean is the mean on one data set.
type DatasetMean struct {
	Dataset string
	Value   float64
}

// Average takes the mean over conditions, of these over partners, and of these over data sets. The order matters where a partner lacks a
// condition or data sets differ in size. It reports an error where a cell comes twice.
func Average(cells []Cell) (Averages, error) {
	type key struct{ dataset, partner string }
	seen := map[Cell]bool{}
	byPartner := ordered[key]{}
	for _, c := range cells {
		place := Cell{Dataset: c.Dataset, Condition: c.Condition, Partner: c.Partner}
		if seen[place] {
			return Averages{}, fmt.Errorf("agreement: data set %q, condition %q, partner %q comes twice", c.Dataset, c.Condition, c.Partner)
		}
		seen[place] = true
		byPartner.add(key{c.Dataset, c.Partner}, c.Value)
	}
	byDataset := ordered[string]{}
	for _, k := range byPartner.keys {
		byDataset.add(k.dataset, mean(byPartner.values[k]))
	}
	var a Averages
	var values []float64
	for _, d := range byDataset.keys {
		values = append(values, mean(byDataset.values[d]))
		a.Datasets = append(a.Datasets, DatasetMean{d, values[len(values)-1]})
	}
	a.Value = mean(values)
	return a, nil
}

// ordered groups values by key and keeps the keys' order.
type ordered[K comparable] struct {
	keys   []K
	values map[K][]float64
}

func (o *ordered[K]) add(key K, value float64) {
	if o.values == nil {
		o.values = map[K][]float64{}
	}
	if _, known := o.values[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.values[key] = append(o.values[key], value)
}

// MeanRanks returns every model's mean of three ranks, by which the benchmark of Geirhos et al. (2021) orders models, most human-like first:
// that of the accuracy difference (smallest first), and those of observed and error consistency (largest first). Ranks count from 1, and
// equal models share the mean of their ranks. It reports an error where the lists differ in length or a value is NaN.
func MeanRanks(accuracyDifference, observed, errorConsistency []float64) ([]float64, error) {
	if len(accuracyDifference) != len(observed) || len(observed) != len(errorConsistency) {
		return nil, fmt.Errorf("agreement: %d accuracy differences, %d observed and %d error consistencies cannot be ranked together",
			len(accuracyDifference), len(observed), len(errorConsistency))
	}
	for i := range observed {
		if math.IsNaN(accuracyDifference[i] + observed[i] + errorConsistency[i]) {
			return nil, fmt.Errorf("agreement: model %d (%g, %g, %g) has no rank", i, accuracyDifference[i], observed[i], errorConsistency[i])
		}
	}
	smallest, largest, most := rank.Ranks(accuracyDifference), rank.Ranks(negated(observed)), rank.Ranks(negated(errorConsistency))
	means := make([]float64, len(observed))
	for i := range means {
		means[i] = (smallest[i] + largest[i] + most[i]) / 3
	}
	return means, nil
}

func negated(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = -v
	}
	return out
}
