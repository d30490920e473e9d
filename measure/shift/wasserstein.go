package shift

import (
	"fmt"
	"math"
)

// Channel is one channel of a layer on the source and on the target images: means and variances.
type Channel struct {
	SourceMean, SourceVariance float64
	TargetMean, TargetVariance float64
}

// Channels pairs the statistics of one layer, one entry a channel. It reports an error where the lengths differ, a number is not finite, or a
// variance is negative.
func Channels(sourceMean, sourceVariance, targetMean, targetVariance []float64) ([]Channel, error) {
	n := len(sourceMean)
	if len(sourceVariance) != n || len(targetMean) != n || len(targetVariance) != n {
		return nil, fmt.Errorf("shift: %d and %d source means and variances, %d and %d of the target, expected as many of each",
			n, len(sourceVariance), len(targetMean), len(targetVariance))
	}
	channels := make([]Channel, n)
	for i := range channels {
		c := Channel{sourceMean[i], sourceVariance[i], targetMean[i], targetVariance[i]}
		if sum := c.SourceMean + c.SourceVariance + c.TargetMean + c.TargetVariance; math.IsNaN(sum) || math.IsInf(sum, 0) {
			return nil, fmt.Errorf("shift: channel %d: %+v, expected finite numbers", i, c)
		}
		if c.SourceVariance < 0 || c.TargetVariance < 0 {
			return nil, fmt.Errorf("shift: channel %d: %+v, expected variances of 0 and more", i, c)
		}
		channels[i] = c
	}
	return channels, nil
}

// Wasserstein returns the squared 2-Wasserstein distance between the two normal distributions, in squared units of the activation:
//
//	W² = (μ_t − μ_s)² + (σ_t − σ_s)²
func (c Channel) Wasserstein() float64 {
	return square(c.TargetMean-c.SourceMean) + square(math.Sqrt(c.TargetVariance)-math.Sqrt(c.SourceVariance))
}

// Normalised returns the distance in units of the source's variance, W²/σ_s² = (μ_t − μ_s)²/σ_s² + (1 − σ_t/σ_s)². It is 0 for a channel
// that is constant on both sets at the same value, and +Inf for one that is constant on the source images only.
func (c Channel) Normalised() float64 {
	w := c.Wasserstein()
	if w == 0 {
		return 0
	}
	return w / c.SourceVariance
}

// Layer returns the mean of the normalised distances over the channels that are alive, those whose source variance is at least 1e-8 of the
// layer's mean: a channel that training has switched off would divide by nothing. It is NaN for a layer without a living channel.
func Layer(channels []Channel) float64 {
	sum, n := 0.0, 0
	for _, c := range alive(channels) {
		sum += c.Normalised()
		n++
	}
	return sum / float64(n)
}

// Network returns the mean of the layers' distances; NaN without layers.
func Network(layers []float64) float64 {
	sum := 0.0
	for _, l := range layers {
		sum += l
	}
	return sum / float64(len(layers))
}

// alive returns the channels whose source variance is not negligible beside the mean of the layer.
func alive(channels []Channel) []Channel {
	mean := 0.0
	for _, c := range channels {
		mean += c.SourceVariance / float64(len(channels))
	}
	var living []Channel
	for _, c := range channels {
		if c.SourceVariance > 0 && c.SourceVariance >= 1e-8*mean {
			living = append(living, c)
		}
	}
	return living
}

func square(x float64) float64 { return x * x }
