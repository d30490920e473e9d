package filter

import (
	"math"

	"visus/internal/vec"
)

// Line is the path of a moving camera: a one-sided half Gaussian along a direction.
type Line struct {
	Weights []float64 // sum 1 over the whole line
	X, Y    []int     // offset of each weight in pixels
}

// Set makes the line of 2·⌈radius⌉+1 weights exp(−i²/2σ²) with offsets ⌈i·cosθ − ½⌉, ⌈i·sinθ − ½⌉, θ in degrees
// (ImageMagick 6.9, MotionBlur). Buffers are reused.
func (l *Line) Set(radius, sigma, degrees float64) {
	n := 2*int(math.Ceil(radius)) + 1
	l.Weights, l.X, l.Y = l.Weights[:0], l.X[:0], l.Y[:0]
	sine, cosine := math.Sincos(degrees * math.Pi / 180)
	sum := 0.0
	for i := range n {
		x := float64(i)
		weight := math.Exp(-x * x / (2 * sigma * sigma))
		sum += weight
		l.Weights = append(l.Weights, weight)
		l.X = append(l.X, int(math.Ceil(x*cosine-0.5)))
		l.Y = append(l.Y, int(math.Ceil(x*sine-0.5)))
	}
	for i := range l.Weights {
		l.Weights[i] /= sum
	}
}

// Cut ends the line before the first offset that is as large as the image. The weights keep their values.
func (l *Line) Cut(size Size) {
	for i := range l.Weights {
		if max(l.X[i], -l.X[i]) >= size.Width || max(l.Y[i], -l.Y[i]) >= size.Height {
			l.Weights, l.X, l.Y = l.Weights[:i], l.X[:i], l.Y[:i]
			return
		}
	}
}

// At computes one value of the correlation in float64; border replicate.
func (l *Line) At(src []float32, size Size, i int) float64 {
	c := i % size.Channels
	x, y := i/size.Channels%size.Width, i/size.stride()
	sum := 0.0
	for k, weight := range l.Weights {
		column, row := Replicate.Index(x+l.X[k], size.Width), Replicate.Index(y+l.Y[k], size.Height)
		sum += weight * float64(src[row*size.stride()+column*size.Channels+c])
	}
	return sum
}

// Line correlates src with a line: dst(y, x) = Σ_i Weights[i]·src(y+Y[i], x+X[i]); border replicate.
func (w *Workspace) Line(dst, src []float32, size Size, l *Line) {
	if size.Width == 0 || size.Height == 0 {
		return
	}
	var m margin
	for i := range l.X {
		m.left, m.right = max(m.left, -l.X[i]), max(m.right, l.X[i])
		m.top, m.bottom = max(m.top, -l.Y[i]), max(m.bottom, l.Y[i])
	}
	padded, large := w.pad(src, size, Replicate, m)
	offsets, weights := w.offsets[:0], w.weights[:0]
	for i, weight := range l.Weights {
		offsets = append(offsets, int32((l.Y[i]+m.top)*large.stride()+(l.X[i]+m.left)*size.Channels))
		weights = append(weights, float32(weight))
	}
	w.offsets, w.weights = offsets, weights
	stride := size.stride()
	for y := range size.Height {
		vec.Taps(dst[y*stride:(y+1)*stride], padded[y*large.stride():], offsets, weights)
	}
}
