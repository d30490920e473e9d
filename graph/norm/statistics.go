package norm

import (
	"fmt"
	"math"

	"visus/tensor"
)

// Moments are the statistics of one layer.
type Moments struct {
	Mean     []float64 // [channels]
	Variance []float64 // [channels], of all values: divided by their number (biased)
	Images   float64   // images behind them; 0 where unknown
	Values   float64   // values a channel behind them: images × positions; 0 where unknown
}

// Statistics are moments by the name of their layer.
type Statistics map[string]Moments

// Source returns the statistics that BatchNorm layers hold. Other layers have none.
func Source(layers []Layer) Statistics {
	s := Statistics{}
	for _, l := range OfKind(layers, BatchNorm) {
		s[l.Name] = Moments{Mean: l.Mean, Variance: l.Variance}
	}
	return s
}

// check reports statistics that do not fit the layers: a layer that is not there, one that has none, a wrong number of channels.
func (s Statistics) check(layers []Layer, what string) error {
	byName := map[string]Layer{}
	for _, l := range layers {
		byName[l.Name] = l
		if _, ok := s[l.Name]; !ok {
			return fmt.Errorf("norm: %s statistics: layer %q has none", what, l.Name)
		}
	}
	for name, m := range s {
		l, ok := byName[name]
		if !ok {
			return fmt.Errorf("norm: %s statistics: no layer is named %q; there are %s", what, name, names(layers))
		}
		if len(m.Mean) != l.Channels || len(m.Variance) != l.Channels {
			return fmt.Errorf("norm: %s statistics: layer %q has %d channels, found %d means and %d variances",
				what, name, l.Channels, len(m.Mean), len(m.Variance))
		}
		for c := range m.Mean {
			if math.IsNaN(m.Mean[c]+m.Variance[c]) || math.IsInf(m.Mean[c]+m.Variance[c], 0) || m.Variance[c] < 0 {
				return fmt.Errorf("norm: %s statistics: layer %q, channel %d: mean %g and variance %g", what, name, c, m.Mean[c], m.Variance[c])
			}
		}
	}
	return nil
}

// Size is the length of the vector that holds statistics of the layers: the output of Probe and the state of Stateful. It begins with the
// number of images; then come, for each layer, the number of values a channel, the means and the variances.
func Size(layers []Layer) int {
	n := 1
	for _, l := range layers {
		n += 1 + 2*l.Channels
	}
	return n
}

// Unpack reads statistics from a vector of Size(layers) numbers.
func Unpack(layers []Layer, vector *tensor.Tensor) (Statistics, error) {
	v := vector.Floats()
	if len(v) != Size(layers) {
		return nil, fmt.Errorf("norm: statistics of %d layers are %d numbers, found %d", len(layers), Size(layers), len(v))
	}
	images, v := v[0], v[1:]
	s := Statistics{}
	for _, l := range layers {
		c := l.Channels
		s[l.Name] = Moments{Images: images, Values: v[0], Mean: v[1 : 1+c : 1+c], Variance: v[1+c : 1+2*c : 1+2*c]}
		v = v[1+2*c:]
	}
	return s, nil
}

// Pack writes statistics as the vector that Unpack reads, in float32. The number of images is that of the first layer. It reports an
// error where statistics do not fit the layers.
func Pack(layers []Layer, s Statistics) (*tensor.Tensor, error) {
	if err := s.check(layers, "packed"); err != nil {
		return nil, err
	}
	out := make([]float32, 1, Size(layers))
	for i, l := range layers {
		m := s[l.Name]
		if i == 0 {
			out[0] = float32(m.Images)
		}
		out = append(out, float32(m.Values))
		for _, list := range [][]float64{m.Mean, m.Variance} {
			for _, v := range list {
				out = append(out, float32(v))
			}
		}
	}
	return tensor.Of(out, len(out))
}

// Accumulator pools statistics of batches into those of all their images, in float64 (Chan, Golub & LeVeque 1983). The zero value is empty.
type Accumulator struct {
	total Statistics
}

// Add includes the statistics of a batch. Moments need Values; every batch has the same layers. It reports an error, and changes nothing,
// otherwise.
func (a *Accumulator) Add(batch Statistics) error {
	for name, m := range batch {
		if m.Values <= 0 || len(m.Mean) != len(m.Variance) {
			return fmt.Errorf("norm: accumulate %q: %g values, %d means and %d variances", name, m.Values, len(m.Mean), len(m.Variance))
		}
		if before, ok := a.total[name]; a.total != nil && (!ok || len(before.Mean) != len(m.Mean)) {
			return fmt.Errorf("norm: accumulate %q: %d channels, earlier batches had %d", name, len(m.Mean), len(before.Mean))
		}
	}
	if a.total != nil && len(batch) != len(a.total) {
		return fmt.Errorf("norm: accumulate: %d layers, earlier batches had %d", len(batch), len(a.total))
	}
	if a.total == nil {
		a.total = Statistics{}
	}
	for name, m := range batch {
		a.total[name] = pool(a.total[name], m)
	}
	return nil
}

// pool returns the moments of two disjoint sets of values together: the mean moves by the share w of the new ones, and the variance
// gains w(1−w)·δ² from the distance δ of the means.
func pool(a, b Moments) Moments {
	if a.Values == 0 {
		a = Moments{Mean: b.Mean, Variance: b.Variance}
	}
	out := Moments{Images: a.Images + b.Images, Values: a.Values + b.Values}
	out.Mean, out.Variance = make([]float64, len(b.Mean)), make([]float64, len(b.Mean))
	w := b.Values / out.Values
	for c := range b.Mean {
		delta := b.Mean[c] - a.Mean[c]
		out.Mean[c] = a.Mean[c] + w*delta
		out.Variance[c] = (1-w)*a.Variance[c] + w*b.Variance[c] + w*(1-w)*delta*delta
	}
	return out
}

// Statistics returns the pooled moments, nil before the first batch. The caller does not change them.
func (a *Accumulator) Statistics() Statistics { return a.total }

// Of returns the statistics of the given layers only, as far as there are some.
func (s Statistics) Of(layers []Layer) Statistics {
	out := Statistics{}
	for _, l := range layers {
		if m, ok := s[l.Name]; ok {
			out[l.Name] = m
		}
	}
	return out
}
