package norm

import (
	"fmt"
	"math"
	"slices"

	"visus/tensor"
)

// Options say which statistics layers use: mixtures of the source's (μ_s, σ_s²) and the target's (μ_t, v_t) with the weight λ of the
// source:
//
//	mean = λ·μ_s + (1−λ)·μ_t    variance = λ·σ_s² + (1−λ)·v_t
//
// The zero value is λ = 0 with the biased variance: normalisation as in training (Nado et al. 2020).
type Options struct {
	Prior    float64    // N: the source counts as much as so many images, λ = N/(N+n) (Schneider et al. 2020)
	Images   float64    // n, where it is nominal; 0: the number of images there are
	Weight   float64    // λ itself, up to 1, in place of Prior
	Unbiased bool       // v_t is the sum of squares over M−1 in place of M values. M = 1 counts as M = 2, so that v_t is 0 and not 0/0
	Pooled   bool       // the variance is that of both sets pooled: it gains λ(1−λ)(μ_s−μ_t)², which the reference leaves out
	Only     Part       // what follows the target; the rest stays the source's
	Clean    Statistics // measured by Probe on clean images: the source statistics of Folded layers, and, for BatchNorm layers, calibration
}

// Part is what of a layer's statistics follows the target.
type Part int

// The parts.
const (
	Both Part = iota
	MeanOnly
	VarianceOnly
)

func (o Options) check() error {
	for _, v := range []struct {
		what  string
		value float64
	}{{"prior", o.Prior}, {"number of images", o.Images}, {"weight", o.Weight}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("norm: options: the %s is %g, expected 0 or more", v.what, v.value)
		}
	}
	switch {
	case o.Weight > 1:
		return fmt.Errorf("norm: options: the weight of the source is %g, expected at most 1", o.Weight)
	case o.Weight > 0 && o.Prior > 0:
		return fmt.Errorf("norm: options: both a weight (%g) and a prior (%g)", o.Weight, o.Prior)
	case o.Only < Both || o.Only > VarianceOnly:
		return fmt.Errorf("norm: options: no part %d", o.Only)
	}
	return nil
}

// lambda returns the weight of the source beside a number of images.
func (o Options) lambda(images float64) float64 {
	switch {
	case o.Weight > 0:
		return o.Weight
	case o.Prior == 0:
		return 0
	case o.Images > 0:
		images = o.Images
	}
	return o.Prior / (o.Prior + images)
}

// dynamic says whether λ depends on the number of images in the batch.
func (o Options) dynamic() bool { return o.Prior > 0 && o.Weight == 0 && o.Images == 0 }

// law is how a layer normalises: y = scale·(u − mean)/√(variance + epsilon) + bias, with the source's mean and variance. Both kinds of
// layers and both ways of using clean statistics come down to it. Channels that are dead keep the source's statistics always.
type law struct {
	scale, bias, mean, variance []float64
	epsilon                     float64
	dead                        []bool // nil where none is
}

// Below this clean variance a folded channel is dead; the epsilon of folded layers is this share of their median variance (shared
// specification, corruptions, section 10).
const (
	deadVariance = 1e-8
	foldedShare  = 1e-5
)

// law returns the layer's law. Calibrated batch normalisation is, with the clean mean m and variance q of its input u,
//
//	y = γ·(m̂ + (u − mean)/s·√((q+ε)/(variance+ε))) + β,  s² = σ_s²+ε,  m̂ = (m − μ_s)/s,
//
// and a corrected folded layer y' = m + (y − mean)·√((q+ε')/(variance+ε')), with ε' = 1e-5 · median q.
func (o Options) law(l Layer) law {
	if l.Kind == Folded {
		return foldedLaw(o.Clean[l.Name])
	}
	w := law{scale: l.Scale, bias: l.Bias, mean: l.Mean, variance: l.Variance, epsilon: l.Epsilon}
	clean, ok := o.Clean[l.Name]
	if !ok {
		return w
	}
	w.mean, w.variance, w.scale, w.bias = clean.Mean, clean.Variance, slices.Clone(l.Scale), slices.Clone(l.Bias)
	for c := range w.scale {
		s := math.Sqrt(l.Variance[c] + l.Epsilon)
		w.bias[c] += l.Scale[c] * (clean.Mean[c] - l.Mean[c]) / s
		w.scale[c] *= math.Sqrt(clean.Variance[c]+l.Epsilon) / s
	}
	return w
}

func foldedLaw(clean Moments) law {
	w := law{mean: slices.Clone(clean.Mean), variance: slices.Clone(clean.Variance), bias: slices.Clone(clean.Mean)}
	w.scale = make([]float64, len(clean.Mean))
	var living []float64
	for _, q := range clean.Variance {
		if q >= deadVariance {
			living = append(living, q)
		}
	}
	w.epsilon = foldedShare * median(living)
	for c, q := range clean.Variance {
		if q >= deadVariance {
			w.scale[c] = math.Sqrt(q + w.epsilon)
			continue
		}
		if w.dead == nil {
			w.dead = make([]bool, len(clean.Mean))
		}
		w.dead[c] = true
		w.scale[c], w.bias[c], w.mean[c], w.variance[c] = 1, 0, 0, 1-w.epsilon // y' = y
	}
	return w
}

// median of a list; 1 of an empty one.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 1
	}
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// affine returns the law for a mean and variance as factor·u + offset.
func (w law) affine(mean, variance []float64) (factor, offset []float64) {
	factor, offset = make([]float64, len(mean)), make([]float64, len(mean))
	for c := range mean {
		factor[c] = w.scale[c] / math.Sqrt(variance[c]+w.epsilon)
		offset[c] = w.bias[c] - mean[c]*factor[c]
	}
	return factor, offset
}

// mix returns the mean and variance to use for the target's moments, as the nodes of Batch compute them.
func (o Options) mix(w law, target Moments) (mean, variance []float64) {
	lambda := o.lambda(target.Images)
	correction := 1.0
	if o.Unbiased {
		correction = target.Values / max(target.Values-1, 1)
	}
	mean, variance = slices.Clone(w.mean), slices.Clone(w.variance)
	for c := range mean {
		if w.dead != nil && w.dead[c] {
			continue
		}
		delta := target.Mean[c] - w.mean[c]
		if o.Only != VarianceOnly {
			mean[c] = lambda*w.mean[c] + (1-lambda)*target.Mean[c]
		}
		if o.Only == MeanOnly {
			continue
		}
		variance[c] = lambda*w.variance[c] + (1-lambda)*correction*target.Variance[c]
		if o.Pooled {
			variance[c] += lambda * (1 - lambda) * delta * delta
		}
	}
	return mean, variance
}

// ready reports layers that the options cannot be applied to.
func (o Options) ready(layers []Layer) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := measurable(layers); err != nil {
		return err
	}
	if o.Clean != nil {
		return o.Clean.check(layers, "clean")
	}
	for _, l := range layers {
		if l.Kind == Folded {
			return fmt.Errorf("norm: layer %q (%s) needs clean statistics to be corrected with", l.Name, l.Operator)
		}
	}
	return nil
}

// measurable reports layers whose statistics do not matter or cannot be measured. Those of half precision would be of no use.
func measurable(layers []Layer) error {
	if len(layers) == 0 {
		return ErrNone
	}
	for _, l := range layers {
		if l.Kind == Fixed {
			return fmt.Errorf("norm: layer %q (%s) cannot be adapted: it has no statistics of training", l.Name, l.Operator)
		}
		if l.kind != tensor.Float32 {
			return fmt.Errorf("norm: layer %q: its values are %s, expected float32", l.Name, l.kind)
		}
	}
	return nil
}
