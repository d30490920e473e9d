package grad

import (
	"maps"
	"slices"
	"testing"

	"visus/graph"
)

// TestSecondDerivatives: the rules of these families are written in operators that have rules themselves. ReduceProd is left out: its second
// derivative is right where no entry is 0 only, and its specimens have zeros.
func TestSecondDerivatives(t *testing.T) {
	for _, family := range []map[string]func(s *specimen){elementwiseSpecimens, activationSpecimens, reductionSpecimens, lossSpecimens} {
		for _, op := range slices.Sorted(maps.Keys(family)) {
			if op == "ReduceProd" {
				continue
			}
			t.Run(op, func(t *testing.T) { checkSecond(t, op, max(newest[op], graph.CommonOpset), family[op]) })
		}
	}
}
