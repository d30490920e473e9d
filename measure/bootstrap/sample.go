package bootstrap

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sample is a statistic with its values in resamples of the data. Differences and averages of samples are samples again, so that every number
// that is computed from others gets its interval from the same resamples: what two statistics share cancels in their difference.
type Sample struct {
	Value     float64   // in the data themselves
	Resampled []float64 // by resample; none where the data are too few to resample
}

// Resample draws the stimuli with replacement as often as there are, again and again, for statistics that are no means. start is called once
// by each worker, at the same time as by others, and returns what the worker does with a resample: counts[i] says how often it has stimulus
// i, and is valid during the call only. Every resample draws from a stream of its own, seeded by random in order, so that it is the same
// whoever computes it. Of the options, Level and BCa do not matter here. It reports an error where there are no stimuli and for impossible
// options.
func Resample(stimuli int, random *rand.Rand, o Options, start func() func(resample int, counts []int)) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	if stimuli < 1 {
		return fmt.Errorf("bootstrap: %d stimuli cannot be resampled", stimuli)
	}
	inStreams(random, o, func() func(int, *rand.Rand) {
		compute := start()
		counts := make([]int, stimuli)
		return func(i int, stream *rand.Rand) {
			clear(counts)
			for range counts {
				counts[stream.IntN(stimuli)]++
			}
			compute(i, counts)
		}
	})
	return nil
}

// Interval returns the value with its percentile interval (Efron & Tibshirani 1993, chapter 13). Level lies in (0, 1); 0 means 0.95. The
// bounds are NaN without resamples, and where the statistic is NaN in one of them. It reports an error for an impossible level.
func (s Sample) Interval(level float64) (Interval, error) {
	o, err := Options{Level: level}.complete()
	if err != nil {
		return Interval{}, err
	}
	sorted := slices.Clone(s.Resampled)
	slices.Sort(sorted) // NaN first
	if len(sorted) == 0 || math.IsNaN(sorted[0]) {
		return Interval{s.Value, math.NaN(), math.NaN()}, nil
	}
	return Interval{s.Value, quantile(sorted, (1-o.Level)/2), quantile(sorted, (1+o.Level)/2)}, nil
}

// Test returns the interval with the two-sided p value of the hypothesis that the statistic, such as a difference, is 0: as that of
// PairedDifference it inverts the percentile interval. It reports an error for an impossible level.
func (s Sample) Test(level float64) (Difference, error) {
	interval, err := s.Interval(level)
	if err != nil {
		return Difference{}, err
	}
	if math.IsNaN(interval.Low) {
		return Difference{interval, math.NaN()}, nil
	}
	return Difference{interval, significance(slices.Sorted(slices.Values(s.Resampled)))}, nil
}

// Minus returns s − t. Both must be of the same resamples, as two statistics of one call of Resample are, or of independent ones, as two
// such calls with the same options give. It reports an error where their numbers of resamples differ.
func (s Sample) Minus(t Sample) (Sample, error) {
	if len(s.Resampled) != len(t.Resampled) {
		return Sample{}, fmt.Errorf("bootstrap: samples of %d and %d resamples cannot be subtracted", len(s.Resampled), len(t.Resampled))
	}
	difference := Sample{s.Value - t.Value, slices.Clone(s.Resampled)}
	for i, v := range t.Resampled {
		difference.Resampled[i] -= v
	}
	return difference, nil
}

// Average returns the mean of the samples, each with the weight 1; else it is as Minus. The mean of no samples is NaN.
func Average(samples ...Sample) (Sample, error) {
	if len(samples) == 0 {
		return Sample{Value: math.NaN()}, nil
	}
	sum := Sample{0, make([]float64, len(samples[0].Resampled))}
	for _, s := range samples {
		if len(s.Resampled) != len(sum.Resampled) {
			return Sample{}, fmt.Errorf("bootstrap: samples of %d and %d resamples cannot be averaged", len(sum.Resampled), len(s.Resampled))
		}
		sum.Value += s.Value
		for i, v := range s.Resampled {
			sum.Resampled[i] += v
		}
	}
	n := float64(len(samples))
	sum.Value /= n
	for i := range sum.Resampled {
		sum.Resampled[i] /= n
	}
	return sum, nil
}
