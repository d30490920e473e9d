// Package augment changes training images at random: crop with zero padding, horizontal flip, colour jitter.
//
// Each image has a random stream of its own, made of the seed that the caller gives for it, so that neither the order of work nor the
// number of workers changes a batch.
package augment

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Policy says how an image is changed. The zero value changes nothing. The changes follow one another in the order of the fields.
type Policy struct {
	// Pad is the border of black pixels that is put on each side before a window of the image's own size is cut out at a place drawn
	// uniformly from all (2·Pad+1)² (torchvision's RandomCrop(size, padding=Pad)).
	Pad int
	// Flip is the probability of mirroring left and right (RandomHorizontalFlip).
	Flip float64
	// The colour jitter of torchvision's ColorJitter on tensors. With f drawn uniformly from [max(0, 1-range), 1+range] and every result
	// cut to 0..1: brightness f·x; contrast f·x + (1-f)·m, where m is the mean luma of the image; saturation f·x + (1-f)·luma(x);
	// hue turns by a share of the circle drawn from [-Hue, Hue], in HSV. Luma is 0.2989 R + 0.587 G + 0.114 B. The four follow one
	// another in an order drawn anew for each image. Grey images have neither saturation nor hue.
	Brightness, Contrast, Saturation float64 // ranges, 0 or more
	Hue                              float64 // range, 0..0.5
}

// Check reports an error for a field out of its range.
func (p Policy) Check() error {
	if p.Pad < 0 {
		return fmt.Errorf("augment: crop: padding %d, expected 0 pixels or more", p.Pad)
	}
	for _, f := range []struct {
		name        string
		value, most float64
	}{
		{"flip: probability", p.Flip, 1}, {"brightness: range", p.Brightness, math.MaxFloat32}, {"contrast: range", p.Contrast, math.MaxFloat32},
		{"saturation: range", p.Saturation, math.MaxFloat32}, {"hue: range", p.Hue, .5},
	} {
		if f.value >= 0 && f.value <= f.most {
			continue
		}
		if f.most > 1 {
			return fmt.Errorf("augment: %s %v, expected 0 or more", f.name, f.value)
		}
		return fmt.Errorf("augment: %s %v, expected 0..%v", f.name, f.value, f.most)
	}
	return nil
}

func (p Policy) jitters() bool {
	return p.Brightness > 0 || p.Contrast > 0 || p.Saturation > 0 || p.Hue > 0
}

// Layout is the size of the images, rows of interleaved bytes: 3 channels (RGB) or 1 (grey).
type Layout struct{ Width, Height, Channels int }

// Len returns the number of values of an image.
func (l Layout) Len() int { return l.Width * l.Height * l.Channels }

// Affine turns a channel's value x in 0..1 into the number that the network takes, Gain·x + Offset.
type Affine struct{ Gain, Offset float32 }

// Worker changes images one after the other, without allocating. One Worker serves one goroutine at a time.
type Worker struct {
	policy Policy
	layout Layout
	feed   [3]Affine
	table  [3][256]float32 // feed of a byte's value
	pcg    rand.PCG
	random *rand.Rand
}

// NewWorker returns a worker for images of a layout. feed is what the network takes, channel by channel; grey images use the first.
func NewWorker(p Policy, l Layout, feed [3]Affine) (*Worker, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if l.Width < 1 || l.Height < 1 || l.Channels != 1 && l.Channels != 3 {
		return nil, fmt.Errorf("augment: images of %d×%d with %d channels, expected pixels in 1 or 3 channels", l.Width, l.Height, l.Channels)
	}
	w := &Worker{policy: p, layout: l, feed: feed}
	w.random = rand.New(&w.pcg)
	for c, f := range feed {
		for v := range w.table[c] {
			w.table[c][v] = f.Gain*(float32(v)/255) + f.Offset
		}
	}
	return w, nil
}

// Plain writes the image unchanged: dst [channels, height, width] of the numbers that the network takes.
func (w *Worker) Plain(dst []float32, image []uint8) { w.place(dst, image, 0, 0, false, &w.table) }

// Augment writes the image as the policy changes it under a seed. dst is as for Plain.
func (w *Worker) Augment(dst []float32, image []uint8, seed uint64) {
	w.pcg.Seed(seed, seed^0x9e3779b97f4a7c15)
	x, y, mirrored := 0, 0, false
	if pad := w.policy.Pad; pad > 0 {
		x, y = w.random.IntN(2*pad+1)-pad, w.random.IntN(2*pad+1)-pad
	}
	if w.policy.Flip > 0 {
		mirrored = w.random.Float64() < w.policy.Flip
	}
	if !w.policy.jitters() {
		w.place(dst, image, x, y, mirrored, &w.table)
		return
	}
	w.place(dst, image, x, y, mirrored, &unit)
	w.jitter(dst)
	for c := range w.layout.Channels {
		f, plane := w.feed[c], w.plane(dst, c)
		for i, v := range plane {
			plane[i] = f.Gain*v + f.Offset
		}
	}
}

// unit is the table of bytes as numbers in 0..1.
var unit = func() (t [3][256]float32) {
	for c := range t {
		for v := range t[c] {
			t[c][v] = float32(v) / 255
		}
	}
	return t
}()

func (w *Worker) plane(dst []float32, c int) []float32 {
	n := w.layout.Width * w.layout.Height
	return dst[c*n : (c+1)*n]
}

// place writes the window of the image whose upper left corner is (x, y), mirrored or not; what lies outside the image is black.
func (w *Worker) place(dst []float32, image []uint8, x, y int, mirrored bool, table *[3][256]float32) {
	l := w.layout
	step, from, to := 1, max(0, -x), min(l.Width, l.Width-x) // columns of the window inside the image
	for c := range l.Channels {
		values, plane := &table[c], w.plane(dst, c)
		for row := range l.Height {
			out := plane[row*l.Width:][:l.Width]
			if row+y < 0 || row+y >= l.Height || from >= to {
				fill(out, values[0])
				continue
			}
			at := ((row+y)*l.Width+from+x)*l.Channels + c
			first, last := from, to
			if mirrored {
				first, last = l.Width-to, l.Width-from
				at, step = at+(to-from-1)*l.Channels, -1
			}
			fill(out[:first], values[0])
			for i := range out[first:last] {
				out[first+i] = values[image[at]]
				at += step * l.Channels
			}
			fill(out[last:], values[0])
		}
	}
}

func fill(out []float32, v float32) {
	for i := range out {
		out[i] = v
	}
}
