// Package speed compares ways of doing the same work, alternating, so that what else the machine does meets all of them alike.
package speed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Side is one way of doing the work.
type Side struct {
	Name string
	// Run does the work once and returns how long it took; setting up may be left out of that.
	Run func(ctx context.Context) (time.Duration, error)
}

// Timed makes a Run of a function that is timed as a whole.
func Timed(do func(ctx context.Context) error) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		start := time.Now()
		err := do(ctx)
		return time.Since(start), err
	}
}

// Limits says how many rounds to run.
type Limits struct {
	Least int           // rounds in any case, 0: 3
	Most  int           // 0: as many as Time allows
	Time  time.Duration // no round beyond Least begins after it
}

// Alternate runs every side once a round, in turns from the front and from the back, and returns the seconds of each side's rounds.
// What has to be warm is warmed by the caller. The first error ends it, with the side's name before it.
func Alternate(ctx context.Context, sides []Side, l Limits) ([]Sample, error) {
	if len(sides) == 0 {
		return nil, errors.New("speed: nothing to compare")
	}
	if l.Least == 0 {
		l.Least = 3
	}
	samples := make([]Sample, len(sides))
	start := time.Now()
	for round := 0; round < l.Least || (l.Most == 0 || round < l.Most) && time.Since(start) < l.Time; round++ {
		for i := range sides {
			if round%2 == 1 {
				i = len(sides) - 1 - i
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			took, err := sides[i].Run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[i].Name, err)
			}
			samples[i] = append(samples[i], took.Seconds())
		}
	}
	return samples, nil
}

// Sample holds one number a round.
type Sample []float64

// Median returns the middle of the sample, the mean of the middle two where its length is even, NaN where it is empty.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(s)-1)/2] + sorted[len(s)/2]) / 2
}

// Least returns the smallest number, NaN where the sample is empty.
func (s Sample) Least() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Min(s)
}

// Most returns the largest number, NaN where the sample is empty.
func (s Sample) Most() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Max(s)
}

// Rate returns how many of n things were done in a second, round by round.
func (s Sample) Rate(n int) Sample {
	out := make(Sample, len(s))
	for i, seconds := range s {
		out[i] = float64(n) / seconds
	}
	return out
}

// Ratio returns how many times as fast the first was as the second, round by round: 2 where it took half the time.
func Ratio(first, second Sample) Sample {
	out := make(Sample, min(len(first), len(second)))
	for i := range out {
		out[i] = second[i] / first[i]
	}
	return out
}

// GeometricMean returns the mean of ratios, NaN where there are none.
func GeometricMean(ratios []float64) float64 {
	sum := 0.0
	for _, r := range ratios {
		sum += math.Log(r)
	}
	return math.Exp(sum / float64(len(ratios)))
}
