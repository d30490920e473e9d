// Package bootstrap gives means over stimuli, and their differences between observers, the uncertainty that comes from the choice of stimuli.
//
// Stimuli are drawn with replacement as often as there are (Efron & Tibshirani 1993, "An introduction to the bootstrap"), each with all its
// trials: conditions of one image are not independent, images are. So every function takes one score, or one sum, a stimulus, and its memory
// is that of the stimuli. A score can be any mean that is linear in the trials; since mCE weights the errors of an image by constants, the
// mean of an image's weighted errors gives the interval of an mCE, too.
package bootstrap

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// DefaultResamples is the number of resamples that 0 stands for.
const DefaultResamples = 2000

// Options say how to resample. The zero value is fine.
type Options struct {
	Resamples int     // 0 means 2,000
	Level     float64 // of the interval, in (0, 1); 0 means 0.95
	BCa       bool    // correct the percentiles for bias and skew (Efron & Tibshirani 1993, chapter 14)
	Workers   int     // goroutines; 0 means GOMAXPROCS; results do not depend on it
}

// Interval is a mean with its bootstrap confidence interval, in the units of the scores.
type Interval struct {
	Value     float64
	Low, High float64
}

// Difference is the mean difference of two observers on the same stimuli.
type Difference struct {
	Interval         // of the first minus the second
	P        float64 // two-sided, of the hypothesis that the mean difference is 0
}

// Cluster is one stimulus with all its trials.
type Cluster struct {
	Sum   float64 // of the trials' scores
	Count int     // of the trials, 1 or more
}

// Mean returns the mean of the scores, one a stimulus, with its percentile interval (Efron & Tibshirani 1993, chapter 13).
//
// Every resample draws from a stream of its own, seeded by random in order. No scores have the mean NaN, and with fewer than two the bounds
// are NaN, because one stimulus says nothing of how stimuli differ. It reports an error for a score that is NaN or infinite and for
// impossible options.
func Mean(scores []float64, random *rand.Rand, o Options) (Interval, error) {
	clusters := make([]Cluster, len(scores))
	for i, s := range scores {
		clusters[i] = Cluster{s, 1}
	}
	return ClusteredMean(clusters, random, o)
}

// ClusteredMean returns the mean over all trials, Σ Sum / Σ Count, with the interval that comes from resampling whole stimuli. Else it is as
// Mean. It reports an error for a count below 1, too.
func ClusteredMean(clusters []Cluster, random *rand.Rand, o Options) (Interval, error) {
	interval, _, err := estimate(clusters, random, o)
	return interval, err
}

// PairedDifference returns mean(a) − mean(b), where a[i] and b[i] are two observers' scores on stimulus i, with its interval and p value.
// Pairs are resampled together, so what makes a stimulus hard for both cancels. The p value is the achieved significance level that inverts
// the percentile interval: twice the smaller share of resampled differences on either side of 0, counting the data themselves as one
// resample so that it is never 0. Exchanging the observers, with the same seed, negates the difference and its interval (exactly so but for
// rounding) and keeps p. With fewer than two stimuli bounds and p are NaN. It reports an error where the lengths differ; else as Mean.
func PairedDifference(a, b []float64, random *rand.Rand, o Options) (Difference, error) {
	if len(a) != len(b) {
		return Difference{}, fmt.Errorf("bootstrap: %d and %d scores cannot be paired", len(a), len(b))
	}
	clusters := make([]Cluster, len(a))
	for i := range a {
		clusters[i] = Cluster{a[i] - b[i], 1}
	}
	interval, resampled, err := estimate(clusters, random, o)
	if err != nil {
		return Difference{}, err
	}
	return Difference{interval, significance(resampled)}, nil
}

// estimate returns the mean with its interval, and the sorted means of the resamples: none with fewer than two clusters.
func estimate(clusters []Cluster, random *rand.Rand, o Options) (Interval, []float64, error) {
	o, err := o.complete()
	if err != nil {
		return Interval{}, nil, err
	}
	for i, c := range clusters {
		if math.IsNaN(c.Sum) || math.IsInf(c.Sum, 0) {
			return Interval{}, nil, fmt.Errorf("bootstrap: the score of stimulus %d is %g", i, c.Sum)
		}
		if c.Count < 1 {
			return Interval{}, nil, fmt.Errorf("bootstrap: stimulus %d has %d trials", i, c.Count)
		}
	}
	value := mean(clusters)
	if len(clusters) < 2 {
		return Interval{value, math.NaN(), math.NaN()}, nil, nil
	}
	resampled := resample(clusters, random, o)
	slices.Sort(resampled)
	low, high := (1-o.Level)/2, (1+o.Level)/2
	if o.BCa {
		low, high = corrected(low, high, biasOf(resampled, value), acceleration(clusters))
	}
	return Interval{value, quantile(resampled, low), quantile(resampled, high)}, resampled, nil
}

func (o Options) complete() (Options, error) {
	if o.Resamples < 0 {
		return o, fmt.Errorf("bootstrap: %d resamples are too few", o.Resamples)
	}
	if o.Resamples == 0 {
		o.Resamples = DefaultResamples
	}
	if o.Level == 0 {
		o.Level = 0.95
	}
	if !(o.Level > 0 && o.Level < 1) {
		return o, fmt.Errorf("bootstrap: level %g is outside (0, 1)", o.Level)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Workers = min(o.Workers, max(1, o.Resamples))
	return o, nil
}

func mean(clusters []Cluster) float64 {
	sum, count := 0.0, 0
	for _, c := range clusters {
		sum += c.Sum
		count += c.Count
	}
	return sum / float64(count)
}

// resample returns the means of the resamples.
func resample(clusters []Cluster, random *rand.Rand, o Options) []float64 {
	means := make([]float64, o.Resamples)
	inStreams(random, o, func() func(int, *rand.Rand) {
		return func(i int, stream *rand.Rand) { means[i] = meanOfDraws(clusters, stream) }
	})
	return means
}

// inStreams calls one function for every resample, with a stream of random numbers of its own. The seeds are drawn before the workers start,
// so that every resample is the same whoever computes it. Each worker gets its function from start and computes neighbouring resamples.
func inStreams(random *rand.Rand, o Options, start func() func(resample int, stream *rand.Rand)) {
	type seed struct{ high, low uint64 }
	seeds := make([]seed, o.Resamples)
	for i := range seeds {
		seeds[i] = seed{random.Uint64(), random.Uint64()}
	}
	var workers sync.WaitGroup
	for w := range o.Workers {
		workers.Go(func() {
			source := rand.NewPCG(0, 0)
			stream := rand.New(source)
			compute := start()
			for i := w * o.Resamples / o.Workers; i < (w+1)*o.Resamples/o.Workers; i++ {
				source.Seed(seeds[i].high, seeds[i].low)
				compute(i, stream)
			}
		})
	}
	workers.Wait()
}

// meanOfDraws is the mean of as many clusters as there are, drawn with replacement.
func meanOfDraws(clusters []Cluster, stream *rand.Rand) float64 {
	sum, count := 0.0, 0
	for range clusters {
		c := &clusters[stream.IntN(len(clusters))]
		sum += c.Sum
		count += c.Count
	}
	return sum / float64(count)
}

// significance returns the two-sided p value of a mean of 0 from the sorted resampled means; NaN where there are none.
func significance(means []float64) float64 {
	if len(means) == 0 {
		return math.NaN()
	}
	slack := rounding(means)
	below, above := 1, 1 // the data are one more resample
	for _, m := range means {
		if m <= slack {
			below++
		}
		if m >= -slack {
			above++
		}
	}
	return min(1, 2*float64(min(below, above))/float64(len(means)+1))
}

// rounding returns how far means of the same scores, added up in different orders, may lie apart.
func rounding(sorted []float64) float64 {
	return 1e-12 * max(math.Abs(sorted[0]), math.Abs(sorted[len(sorted)-1]))
}

// quantile interpolates linearly between the sorted values (definition 7 of Hyndman & Fan 1996, symmetric in the two tails).
func quantile(sorted []float64, p float64) float64 {
	position := p * float64(len(sorted)-1)
	i := min(max(int(position), 0), len(sorted)-1)
	next := min(i+1, len(sorted)-1)
	fraction := position - float64(i)
	return sorted[i]*(1-fraction) + sorted[next]*fraction
}
