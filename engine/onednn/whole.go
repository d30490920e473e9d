package onednn

import (
	"slices"

	"visus/engine/onednn/kernel"
)

// Convolutions whose one window is the whole input, and transposed ones of inputs of one pixel, are products of matrices, and so are their
// gradients. A row is a sample, or an output of the weights: its pixels one after the other, each with all channels.

// whole says whether the windows over the spatial sizes are one that covers them all.
func (w window) whole(spatial []int, groups int) bool {
	for d, size := range spatial {
		if w.before[d] != 0 || w.after[d] != 0 || w.kernel[d] != size || w.kernel[d] > 1 && w.dilations[d] != 1 {
			return false
		}
	}
	return groups == 1
}

// rows shows [A, C, k...] as [A, k...·C].
func (t *translator) rows(v *value) *value {
	rank := len(v.shape)
	return t.reshape(t.transpose(v, append(append([]int{0}, all(rank)[2:]...), 1)...), v.shape[0], size(v.shape[1:]))
}

// unrow shows rows as the shape [A, C, k...] that they are of.
func (t *translator) unrow(m *value, shape []int) *value {
	rank := len(shape)
	m = t.reshape(m, slices.Concat(shape[:1], shape[2:], shape[1:2])...)
	return t.transpose(m, append([]int{0, rank - 1}, all(rank - 1)[1:]...)...)
}

// flat shows [A, C, 1...] as [A, C].
func (t *translator) flat(v *value) *value { return t.reshape(v, v.shape[0], v.shape[1]) }

func (t *translator) wholeConvolution(x, weights, bias *value, shape []int) *value {
	if bias != nil {
		bias = t.reshape(bias, 1, size(bias.shape))
	}
	w := t.wished(t.rows(weights))
	return t.reshape(t.product(t.rows(x), t.transpose(w, 1, 0), bias), shape...)
}

// wholeDeconvolution is also the gradient of a whole convolution with respect to its input. weights are [C, O, k...].
func (t *translator) wholeDeconvolution(x, weights, bias *value, shape []int) *value {
	y := t.unrow(t.product(t.flat(x), t.wished(t.rows(weights)), nil), shape)
	if bias == nil {
		return y
	}
	return t.el(kernel.Add, y, t.channels(bias, len(shape)))
}

func (t *translator) wholeGradWeight(x, dy *value, shape []int) *value {
	return t.unrow(t.product(t.transpose(t.flat(dy), 1, 0), t.rows(x), nil), shape)
}
