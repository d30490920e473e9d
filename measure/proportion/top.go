package proportion

import (
	"fmt"
	"slices"
)

// Top returns the fraction of stimuli whose true class, truth[i], is among the first k of ranking[i], the classes from the most probable on,
// with its Wilson interval. A ranking of fewer than k classes counts as it is. Level lies in (0, 1); 0 means 0.95. It reports an error where
// the lengths differ, k is below 1 or the level is impossible.
func Top(k int, rankings [][]int, truth []int, level float64) (Estimate, error) {
	if len(rankings) != len(truth) {
		return Estimate{}, fmt.Errorf("proportion: %d rankings for %d stimuli", len(rankings), len(truth))
	}
	if k < 1 {
		return Estimate{}, fmt.Errorf("proportion: the first %d of a ranking are none", k)
	}
	hits := 0
	for i, r := range rankings {
		if slices.Contains(r[:min(k, len(r))], truth[i]) {
			hits++
		}
	}
	return Wilson(hits, len(truth), level)
}
