package agreement

import (
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"visus/measure/bootstrap"
)

// Independence returns κ of two simulated observers who have these accuracies on so many stimuli and err independently of each other: the
// value is 0, which κ approaches with many stimuli, and the interval is the grey band around 0 in plots of error consistency. It reports an
// error for accuracies outside 0..1, for no stimuli and for impossible options.
func Independence(first, second float64, stimuli int, random *rand.Rand, o bootstrap.Options) (bootstrap.Interval, error) {
	if _, err := BoundsOfAccuracies(first, second); err != nil {
		return bootstrap.Interval{}, err
	}
	if stimuli < 1 {
		return bootstrap.Interval{}, fmt.Errorf("agreement: there are no stimuli to compare on")
	}
	if o.Resamples < 0 {
		return bootstrap.Interval{}, fmt.Errorf("agreement: %d simulations are too few", o.Resamples)
	}
	if o.Resamples == 0 {
		o.Resamples = bootstrap.DefaultResamples
	}
	simulated := bootstrap.Sample{Resampled: make([]float64, o.Resamples)}
	draw := func(n int, p float64) int {
		return int(distuv.Binomial{N: float64(n), P: p, Src: random}.Rand())
	}
	for i := range simulated.Resampled {
		right := draw(stimuli, first)
		both := draw(right, second)
		onlySecond := draw(stimuli-right, second)
		simulated.Resampled[i] = Pair{both, right - both, onlySecond, stimuli - right - onlySecond}.ErrorConsistency()
	}
	return simulated.Interval(o.Level)
}
