package filter

import (
	"math"
	"slices"

	"visus/internal/vec"
)

// Gaussian is a separable Gaussian filter.
type Gaussian struct {
	SigmaX, SigmaY float64 // standard deviations in pixels; 0 leaves the axis alone
	Truncate       float64 // the kernel's radius in standard deviations, 0: 4
	Border         Border
}

// GaussianWeights returns the normalised kernel exp(−i²/2σ²), i = −r..r, r = ⌊truncate·σ + ½⌋.
func GaussianWeights(sigma, truncate float64) []float64 { return gaussianWeights(nil, sigma, truncate) }

func gaussianWeights(weights []float64, sigma, truncate float64) []float64 {
	radius := int(truncate*sigma + 0.5)
	grow(&weights, 2*radius+1)
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
	exact   []float64
	weights []float32
	matrix  []float32 // [output, input], transposed for the filter along x; empty where the short kernel serves
	line    []float64
}

// maxGaussians bounds the memory of a workspace that meets many kernels.
const maxGaussians = 16

// gaussian returns the prepared kernel and makes it the last of the list, where it outlives the next call: an image needs two at a time.
func (w *Workspace) gaussian(key gaussianKey) *gaussianKernel {
	at := slices.IndexFunc(w.kernels, func(k *gaussianKernel) bool { return k.key == key })
	if at < 0 && len(w.kernels) < maxGaussians {
		k := new(gaussianKernel)
		k.prepare(key)
		w.kernels = append(w.kernels, k)
		return k
	}
	stale := at < 0 // the one that was not used for the longest time makes room
	at = max(at, 0)
	k := w.kernels[at]
	copy(w.kernels[at:], w.kernels[at+1:])
	w.kernels[len(w.kernels)-1] = k
	if stale {
		k.prepare(key)
	}
	return k
}

// axes returns the kernels along x and along y.
func (w *Workspace) axes(g Gaussian, size Size) (x, y *gaussianKernel) {
	if g.Truncate == 0 {
		g.Truncate = 4
	}
	x = w.gaussian(gaussianKey{g.SigmaX, g.Truncate, g.Border, size.Width, true})
	y = w.gaussian(gaussianKey{g.SigmaY, g.Truncate, g.Border, size.Height, false})
	w.last = [2]*gaussianKernel{x, y}
	return x, y
}

func (k *gaussianKernel) prepare(key gaussianKey) {
	k.exact = gaussianWeights(k.exact, key.sigma, key.truncate)
	k.key, k.matrix = key, k.matrix[:0]
	k.weights = k.weights[:0]
	for _, w := range k.exact {
		k.weights = append(k.weights, float32(w))
	}
	if len(k.exact) > key.length {
		k.fold()
	}
}

// fold makes the matrix.
func (k *gaussianKernel) fold() {
	n, radius := k.key.length, len(k.exact)/2
	grow(&k.matrix, n*n)
	line := grow(&k.line, n)
	for y := range n {
		clear(line)
		for i, w := range k.exact {
			line[k.key.border.Index(y+i-radius, n)] += w
		}
		for j, w := range line {
			if k.key.transposed {
				k.matrix[j*n+y] = float32(w)
			} else {
				k.matrix[y*n+j] = float32(w)
			}
		}
	}
}

// Gaussian filters src into dst.
func (w *Workspace) Gaussian(dst, src []float32, size Size, g Gaussian) {
	if size.Width == 0 || size.Height == 0 {
		return
	}
	x, y := w.axes(g, size)
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
	if len(k.matrix) > 0 {
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
	if len(k.matrix) > 0 {
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

// Undecided is the distance from an integer, on the 0..255 scale, below which a single-precision sum does not tell how the
// double-precision sum truncates.
const Undecided = 1e-4

// GaussianAt computes one value of a Gaussian filter in float64 and in the order of scipy's ndimage: along y, then along x, from the
// centre's term over the symmetric pairs inwards. Value gives the image's values by index. It costs the square of the kernel's length.
func (w *Workspace) GaussianAt(value func(i int) float64, size Size, g Gaussian, i int) float64 {
	x, y := w.axes(g, size)
	c, column, row := i%size.Channels, i/size.Channels%size.Width, i/size.stride()
	w.columns = around(w.columns, len(x.exact), column, size.Width, size.Channels, g.Border)
	w.rows = around(w.rows, len(y.exact), row, size.Height, size.stride(), g.Border)
	down := func(column int) float64 { return pairs(y.exact, w.rows, column+c, value) }
	return pairs(x.exact, w.columns, 0, down)
}

// around lists the positions of n neighbours, centred at, of an axis whose elements lie step apart.
func around(positions []int, n, at, length, step int, border Border) []int {
	grow(&positions, n)
	for i := range positions {
		positions[i] = border.Index(at+i-n/2, length) * step
	}
	return positions
}

// pairs sums a symmetric kernel over the values at the positions from base on, as scipy does.
func pairs(weights []float64, positions []int, base int, value func(i int) float64) float64 {
	radius := len(weights) / 2
	sum := value(base+positions[radius]) * weights[radius]
	for i := range radius {
		sum += (value(base+positions[i]) + value(base+positions[len(positions)-1-i])) * weights[i]
	}
	return sum
}

// GaussianFlat computes, as GaussianAt does, what the last Gaussian makes of an image of one value.
func (w *Workspace) GaussianFlat(flat float64) float64 {
	for axis := 1; axis >= 0; axis-- {
		weights := w.last[axis].exact
		value := flat
		flat = value * weights[len(weights)/2]
		for _, weight := range weights[:len(weights)/2] {
			flat += (value + value) * weight
		}
	}
	return flat
}
