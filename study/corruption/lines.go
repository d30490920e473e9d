package corruption

import (
	"fmt"
	"math"
	"strings"
)

// Lines are the findings for a terminal: a line a model, and a line a comparison.
func (f *Findings) Lines() []string {
	var lines []string
	for _, o := range f.Observers {
		var words []string
		if o.Clean != nil && f.Basis == Accuracy {
			words = append(words, "clean accuracy "+percent(o.Clean.Accuracy.Value))
		}
		if len(o.Corruptions) > 0 {
			words = append(words, fmt.Sprintf("mean corruption %s %s (%s)", f.wrong(), percent(o.MeanError.Value), interval(o.MeanError)))
		}
		if o.MCE != nil {
			words = append(words, fmt.Sprintf("mCE %.1f", *o.MCE))
		}
		lines = append(lines, o.Name+": "+strings.Join(words, ", "))
	}
	for _, c := range f.comparisons() {
		if math.IsNaN(c.Difference) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s - %s: %.1f points (%.1f to %.1f), p %s", c.A, c.B, 100*c.Difference, 100*c.Low, 100*c.High, pValue(c.P)))
	}
	if len(f.Lost) > 0 {
		lines = append(lines, fmt.Sprintf("%s could not be read and counted in no score", plural(len(f.Lost), "image")))
	}
	return lines
}
