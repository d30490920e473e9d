package robustness

import (
	"fmt"
	"math"
	"slices"
)

// ErrorTable holds a classifier's top-1 errors as fractions of the images, 0..1: on clean images and for each corruption and severity. It
// knows which of them it has. The zero value is an empty table. A copy shares its rows with the original.
type ErrorTable struct {
	clean    float64
	hasClean bool
	rows     []row
}

// row is one corruption; NaN marks what is not known.
type row struct {
	corruption string
	severity   [Severities]float64
	mean       float64 // over the severities, where it was published without them
}

// SetClean sets the error on clean images. It reports an error where e is outside 0..1.
func (t *ErrorTable) SetClean(e float64) error {
	if err := checkFraction("clean images", e); err != nil {
		return err
	}
	t.clean, t.hasClean = e, true
	return nil
}

// Set sets the error at one corruption and severity (1..5). It reports an error where e is outside 0..1 or the severity outside 1..5.
func (t *ErrorTable) Set(corruption string, severity int, e float64) error {
	if severity < 1 || severity > Severities {
		return fmt.Errorf("robustness: %s: severity %d is outside 1..%d", corruption, severity, Severities)
	}
	if err := checkFraction(fmt.Sprintf("%s at severity %d", corruption, severity), e); err != nil {
		return err
	}
	t.at(corruption).severity[severity-1] = e
	return nil
}

// SetMean sets the mean error over the five severities of a corruption, for published tables that tell no more. Mean uses it where the table
// lacks a severity. It reports an error where e is outside 0..1.
func (t *ErrorTable) SetMean(corruption string, e float64) error {
	if err := checkFraction(corruption, e); err != nil {
		return err
	}
	t.at(corruption).mean = e
	return nil
}

// Clean returns the error on clean images, and whether the table has it.
func (t ErrorTable) Clean() (float64, bool) { return t.clean, t.hasClean }

// Cell returns the error at one corruption and severity, and whether the table has it.
func (t ErrorTable) Cell(corruption string, severity int) (float64, bool) {
	r := t.find(corruption)
	if r == nil || severity < 1 || severity > Severities || math.IsNaN(r.severity[severity-1]) {
		return 0, false
	}
	return r.severity[severity-1], true
}

// Corruptions returns the corruptions of which the table knows something, in the order in which they were set.
func (t ErrorTable) Corruptions() []string {
	names := make([]string, len(t.rows))
	for i, r := range t.rows {
		names[i] = r.corruption
	}
	return names
}

// Mean returns the mean error over the five severities of a corruption. It reports an error naming the first severity that the table lacks.
func (t ErrorTable) Mean(corruption string) (float64, error) {
	mean, err := t.meanOver(corruption, nil)
	if err != nil {
		return 0, fmt.Errorf("robustness: %w", err)
	}
	return mean, nil
}

var allSeverities = []int{1, 2, 3, 4, 5}

// meanOver averages a corruption over severities, none meaning all five. Its error, without the package's prefix, names what is missing.
func (t ErrorTable) meanOver(corruption string, severities []int) (float64, error) {
	r := t.find(corruption)
	if r == nil {
		return 0, fmt.Errorf("the table lacks %s", corruption)
	}
	if len(severities) == 0 {
		if !math.IsNaN(r.mean) && slices.ContainsFunc(r.severity[:], math.IsNaN) {
			return r.mean, nil
		}
		severities = allSeverities
	}
	sum := 0.0
	for _, s := range severities {
		e, ok := t.Cell(corruption, s)
		if !ok {
			return 0, fmt.Errorf("the table lacks %s at severity %d", corruption, s)
		}
		sum += e
	}
	return sum / float64(len(severities)), nil
}

func (t ErrorTable) find(corruption string) *row {
	for i := range t.rows {
		if t.rows[i].corruption == corruption {
			return &t.rows[i]
		}
	}
	return nil
}

func (t *ErrorTable) at(corruption string) *row {
	if r := t.find(corruption); r != nil {
		return r
	}
	r := row{corruption: corruption, mean: math.NaN()}
	for i := range r.severity {
		r.severity[i] = math.NaN()
	}
	t.rows = append(t.rows, r)
	return &t.rows[len(t.rows)-1]
}

func checkFraction(where string, e float64) error {
	if !(e >= 0 && e <= 1) {
		return fmt.Errorf("robustness: %s: error %g is outside 0..1", where, e)
	}
	return nil
}
