package filter

import (
	"math"

	"visus/internal/vec"
)

// Gaussian is a separable Gaussian filter.
type Gaussian struct {
	SigmaX, SigmaY float64 // standard deviations in pixels; 0 leaves the axis alone
	Truncate       float64 // the kernel's radius in standard deviations, 0: 4
	Border         Border
}

// GaussianWeights returns the normalised kernel exp(−i²/2σ²), i = −r..r, r = ⌊truncate·σ + ½⌋.
func GaussianWeights(sigma, truncate float64) []float64 {
	radius := int(truncate*sigma + 0.5)
	weights := make([]float64, 2*radius+1)
	sum := 0.0
	for i := range weights {
		x := float64(i - radius)
		if sigma > 0 {
			x /= sigma
		}
		weights[i] = math.Exp(-0.5 * x * x)
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// gaussianKey is all that a prepared kernel depends on.
type gaussianKey struct {
	sigma, truncate float64
	border          Border
	length          int
	transposed      bool
}

// gaussianKernel is a filter along an axis of known length: a short kernel, or, where that is longer than the axis, the whole matrix
// into which the border rule folds it.
type gaussianKernel struct {
	key     gaussianKey
	weights []float32
	matrix  []float32 // [output, input], transposed for the filter along x; nil where the short kernel serves
}

func (k *gaussianKernel) prepare(key gaussianKey) {
	if k.key == key && k.weights != nil {
		return
	}
	weights := GaussianWeights(key.sigma, key.truncate)
	k.key, k.matrix = key, nil
	k.weights = k.weights[:0]
	for _, w := range weights {
		k.weights = append(k.weights, float32(w))
	}
	n, radius := key.length, len(weights)/2
	if len(weights) <= n {
		return
	}
	k.matrix = make([]float32, n*n)
	line := make([]float64, n)
	for y := range n {
		clear(line)
		for i, w := range weights {
			line[key.border.Index(y+i-radius, n)] += w
		}
		for j, w := range line {
			if key.transposed {
				k.matrix[j*n+y] = float32(w)
			} else {
				k.matrix[y*n+j] = float32(w)
			}
		}
	}
}

// Gaussian filters src into dst.
func (w *Workspace) Gaussian(dst, src []float32, size Size, g Gaussian) {
	if g.Truncate == 0 {
		g.Truncate = 4
	}
	if size.Width == 0 || size.Height == 0 {
		return
	}
	x, y := &w.gaussians[0], &w.gaussians[1]
	x.prepare(gaussianKey{g.SigmaX, g.Truncate, g.Border, size.Width, true})
	y.prepare(gaussianKey{g.SigmaY, g.Truncate, g.Border, size.Height, false})
	from := src
	if len(x.weights) > 1 {
		from = grow(&w.middle, len(src))
		w.alongRows(from, src, size, x)
	}
	switch {
	case len(y.weights) > 1:
		if &from[0] == &dst[0] {
			from = append(w.middle[:0], from...)
			w.middle = from
		}
		w.alongColumns(dst, from, size, y)
	default:
		copy(dst, from)
	}
}

// alongRows filters every row.
func (w *Workspace) alongRows(dst, src []float32, size Size, k *gaussianKernel) {
	stride := size.stride()
	if k.matrix != nil {
		w.multiplyRows(dst, src, size, k.matrix)
		return
	}
	radius := len(k.weights) / 2
	offsets := w.steps(len(k.weights), size.Channels)
	row := grow(&w.row, stride+2*radius*size.Channels)
	for y := range size.Height {
		extend(row, src[y*stride:(y+1)*stride], size.Channels, k.key.border, radius, radius)
		vec.Taps(dst[y*stride:(y+1)*stride], row, offsets, k.weights)
	}
}

// multiplyRows multiplies every row of every channel by a matrix: the row's values are the weights of the matrix's rows.
func (w *Workspace) multiplyRows(dst, src []float32, size Size, matrix []float32) {
	offsets := w.steps(size.Width, size.Width)
	in, out := grow(&w.weights, size.Width), grow(&w.row, size.Width)
	for y := range size.Height {
		for c := range size.Channels {
			at := y*size.stride() + c
			for x := range in {
				in[x] = src[at+x*size.Channels]
			}
			vec.Taps(out, matrix, offsets, in)
			for x := range out {
				dst[at+x*size.Channels] = out[x]
			}
		}
	}
}

// alongColumns filters every column, a row of results at a time.
func (w *Workspace) alongColumns(dst, src []float32, size Size, k *gaussianKernel) {
	stride, radius := size.stride(), len(k.weights)/2
	if k.matrix != nil {
		offsets := w.steps(size.Height, stride)
		for y := range size.Height {
			vec.Taps(dst[y*stride:(y+1)*stride], src, offsets, k.matrix[y*size.Height:(y+1)*size.Height])
		}
		return
	}
	offsets := grow(&w.offsets, len(k.weights))
	for y := range size.Height {
		for i := range offsets {
			offsets[i] = int32(k.key.border.Index(y+i-radius, size.Height) * stride)
		}
		vec.Taps(dst[y*stride:(y+1)*stride], src, offsets, k.weights)
	}
}

// steps returns the offsets 0, step, 2·step, ...
func (w *Workspace) steps(n, step int) []int32 {
	offsets := grow(&w.offsets, n)
	for i := range offsets {
		offsets[i] = int32(i * step)
	}
	return offsets
}
