package bootstrap

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// corrected returns the percentiles of the BCa interval that stand for low and high: Efron & Tibshirani (1993), eq. 14.10.
func corrected(low, high, bias, acceleration float64) (float64, float64) {
	shift := func(p float64) float64 {
		z := bias + distuv.UnitNormal.Quantile(p)
		stretch := 1 - acceleration*z
		if stretch <= 0 { // the formula's pole, met only at levels near 1: the limit is the end of the distribution
			return distuv.UnitNormal.CDF(math.Copysign(math.Inf(1), z))
		}
		return distuv.UnitNormal.CDF(bias + z/stretch)
	}
	return shift(low), shift(high)
}

// biasOf returns ẑ0, eq. 14.14: the normal quantile of the share of resampled means below the observed one. Equal ones count half, so that
// a symmetric discrete distribution has no bias; the share is kept off 0 and 1 by half a resample, so that ẑ0 is finite.
func biasOf(resampled []float64, value float64) float64 {
	slack := rounding(resampled)
	below := 0.0
	for _, m := range resampled {
		switch {
		case math.Abs(m-value) <= slack:
			below += 0.5
		case m < value:
			below++
		}
	}
	n := float64(len(resampled))
	return distuv.UnitNormal.Quantile(min(max(below, 0.5), n-0.5) / n)
}

// acceleration returns â, eq. 14.15: a sixth of the skewness of the jackknife's means, each leaving out one cluster; 0 where they are equal.
func acceleration(clusters []Cluster) float64 {
	sum, count := 0.0, 0
	for _, c := range clusters {
		sum += c.Sum
		count += c.Count
	}
	without := func(c Cluster) float64 { return (sum - c.Sum) / float64(count-c.Count) }
	centre := 0.0
	for _, c := range clusters {
		centre += without(c)
	}
	centre /= float64(len(clusters))
	squares, cubes := 0.0, 0.0
	for _, c := range clusters {
		d := centre - without(c)
		squares += d * d
		cubes += d * d * d
	}
	if squares == 0 {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}
