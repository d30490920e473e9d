package resample

import (
	"encoding/binary"
	"math"

	"visus/internal/vec"
	"visus/stimulus/raster"
)

// Resize returns src at the given size in pixels. Sizes below 1 count as 1.
func Resize(src *raster.Image, width, height int, f Filter) *raster.Image {
	dst := raster.New(max(width, 1), max(height, 1))
	new(Resizer).Into(dst, src, f)
	return dst
}

// ShortSide returns src resized so that its shorter side has size pixels and the longer one int(size·long/short), as torchvision's Resize(size).
func ShortSide(src *raster.Image, size int, f Filter) *raster.Image {
	width, height := shortSide(src.Width, src.Height, size)
	return Resize(src, width, height, f)
}

func shortSide(width, height, size int) (int, int) {
	if width <= 0 || height <= 0 {
		return size, size
	}
	if width <= height {
		return size, int(float64(size*height) / float64(width))
	}
	return int(float64(size*width) / float64(height)), size
}

// CenterCrop returns the middle of src at the given size as torchvision's CenterCrop does: the corner is half the difference, rounded half
// to even, and an image that is too small is put on black.
func CenterCrop(src *raster.Image, width, height int) *raster.Image {
	dst := raster.New(max(width, 0), max(height, 0))
	fromX, toX, n := centre(src.Width, width)
	fromY, toY, rows := centre(src.Height, height)
	for y := range rows {
		from := 3 * ((fromY+y)*src.Width + fromX)
		to := 3 * ((toY+y)*dst.Width + toX)
		copy(dst.Pix[to:to+3*n], src.Pix[from:])
	}
	return dst
}

// centre returns where a run of n pixels starts in the source and in the crop.
func centre(have, want int) (from, to, n int) {
	if want > have {
		return 0, (want - have) / 2, have
	}
	return int(math.RoundToEven(float64(have-want) / 2)), 0, max(want, 0)
}

// Resizer keeps weights and buffers between calls, so that calls after the first of a size allocate nothing. Its zero value is ready.
// One Resizer serves one goroutine at a time.
type Resizer struct {
	axes   map[axisKey]*axis
	middle []uint8 // src at the final width
	sums   []int32 // one row
}

// mostAxes bounds a Resizer's memory where every image has another size.
const mostAxes = 64

func (r *Resizer) axis(in, out int, f Filter) *axis {
	key := axisKey{in, out, f}
	if a, ok := r.axes[key]; ok {
		return a
	}
	if r.axes == nil || len(r.axes) >= mostAxes {
		r.axes = map[axisKey]*axis{}
	}
	a := newAxis(key)
	r.axes[key] = a
	return a
}

// Into fills dst with src resized to dst's size. The two share no memory.
func (r *Resizer) Into(dst, src *raster.Image, f Filter) {
	if src.Width <= 0 || src.Height <= 0 || dst.Width <= 0 || dst.Height <= 0 {
		clear(dst.Pix)
		return
	}
	if dst.Width == src.Width && dst.Height == src.Height {
		copy(dst.Pix, src.Pix)
		return
	}
	if dst.Width == src.Width {
		r.vertical(dst.Pix, src.Pix, 3*dst.Width, r.axis(src.Height, dst.Height, f))
		return
	}
	across := r.axis(src.Width, dst.Width, f)
	if dst.Height == src.Height {
		horizontal(dst.Pix, src.Pix, src.Width, src.Height, across)
		return
	}
	n := 3 * dst.Width * src.Height
	if cap(r.middle) < n {
		r.middle = make([]uint8, n)
	}
	horizontal(r.middle[:n], src.Pix, src.Width, src.Height, across)
	r.vertical(dst.Pix, r.middle[:n], 3*dst.Width, r.axis(src.Height, dst.Height, f))
}

// horizontal resizes every row of width pixels.
func horizontal(dst, src []uint8, width, rows int, a *axis) {
	for y := range rows {
		in, out := src[3*y*width:], dst[3*y*a.len():][:3*a.len()]
		if a.copies {
			copyPixels(out, in[:3*width], a.first)
			continue
		}
		for i := vec.WeighPixels(out, in, a.first, a.start, a.weights); i < a.len(); i++ {
			first, weights := a.taps(i)
			p := out[3*i:][:3:3]
			p[0], p[1], p[2] = weigh(in[3*first:], weights)
		}
	}
}

// copyPixels takes a row's pixels from the given places, four bytes at a time where the fourth is overwritten by the next pixel.
func copyPixels(out, in []uint8, from []int32) {
	for i, at := range from {
		p, q := out[3*i:], in[3*at:]
		if len(p) >= 4 && len(q) >= 4 {
			binary.LittleEndian.PutUint32(p, binary.LittleEndian.Uint32(q))
		} else {
			copy(p[:3], q)
		}
	}
}

// weigh weighs as many pixels as there are weights.
func weigh(in []uint8, weights []int32) (red, green, blue uint8) {
	var r, g, b int32
	in = in[:3*len(weights)]
	for _, w := range weights {
		p := in[:3:len(in)]
		r, g, b = r+int32(p[0])*w, g+int32(p[1])*w, b+int32(p[2])*w
		in = in[3:]
	}
	return round(r), round(g), round(b)
}

// round returns a fixed-point sum as a pixel.
func round(sum int32) uint8 {
	v := (sum + 1<<(precision-1)) >> precision
	if uint32(v) > 255 {
		v = ^v >> 31
	}
	return uint8(v)
}

// vertical resizes the columns of rows of stride bytes.
func (r *Resizer) vertical(dst, src []uint8, stride int, a *axis) {
	if cap(r.sums) < stride {
		r.sums = make([]int32, stride)
	}
	for i := range a.len() {
		first, weights := a.taps(i)
		out, rows := dst[i*stride:][:stride], src[first*stride:]
		if a.copies {
			copy(out, rows)
			continue
		}
		done := vec.WeighRows(out, rows, stride, weights)
		weighRows(out[done:], rows[done:], stride, weights, r.sums)
	}
}

// weighRows weighs as many rows as there are weights.
func weighRows(out, rows []uint8, stride int, weights, sums []int32) {
	sums = sums[:len(out)]
	clear(sums)
	for k, w := range weights {
		for x, v := range rows[k*stride:][:len(out)] {
			sums[x] += int32(v) * w
		}
	}
	for x, s := range sums {
		out[x] = round(s)
	}
}
