package proportion

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"
)

// McNemar returns the two-sided p value of the exact test of McNemar (1947) for two observers who answered the same stimuli: onlyFirst
// counts the stimuli that the first alone got right, onlySecond those that the second alone got right. Under the hypothesis of equal
// accuracy onlyFirst is binomial with probability 1/2 among the discordant stimuli, and p is twice the smaller tail, at most 1. Without
// discordant stimuli p is 1. It reports an error for negative counts.
func McNemar(onlyFirst, onlySecond int) (float64, error) {
	if onlyFirst < 0 || onlySecond < 0 {
		return 0, fmt.Errorf("proportion: negative count of discordant stimuli (%d, %d)", onlyFirst, onlySecond)
	}
	n := onlyFirst + onlySecond
	if n == 0 {
		return 1, nil
	}
	tail := distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(min(onlyFirst, onlySecond)))
	return min(1, 2*tail), nil
}
