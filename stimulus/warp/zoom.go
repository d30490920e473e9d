// Package warp moves the pixels of images: zooms, affine maps and displacement fields, interpolated bilinearly.
//
// Images are float32 slices [height, width, channel], interleaved.
package warp

import (
	"math"

	"visus/internal/vec"
	"visus/stimulus/filter"
)

// Axis says how one axis is enlarged: Crop pixels from From on become To pixels, corner on corner, of which Keep from Trim on stay.
type Axis struct{ From, Crop, To, Trim, Keep int }

// Centre enlarges the middle of n pixels by factor ≥ 1 and keeps the n in the middle.
func Centre(n int, factor float64) Axis {
	a := Corner(n, factor)
	a.Trim, a.Keep = (a.To-n)/2, n
	return a
}

// Corner enlarges the middle of n pixels by factor ≥ 1 and keeps the first n, or fewer where rounding leaves fewer.
func Corner(n int, factor float64) Axis {
	crop := min(n, int(math.Ceil(float64(n)/factor)))
	to := int(math.RoundToEven(float64(crop) * factor))
	return Axis{From: (n - crop) / 2, Crop: crop, To: to, Keep: min(to, n)}
}

// at returns the source position of output i: its left neighbour counted from the crop's start, and the weight of the right one.
func (a Axis) at(i int) (int, float32) {
	if a.To < 2 || a.Crop < 2 {
		return 0, 0
	}
	at := float64(i+a.Trim) * (float64(a.Crop-1) / float64(a.To-1))
	left := int(at)
	if left >= a.Crop-1 { // in floating point the last output can pass the last input
		return a.Crop - 1, 0
	}
	return left, float32(at - float64(left))
}

// Zoom enlarges images. The zero value is ready; it keeps its tables and serves one goroutine.
type Zoom struct {
	row    []float32
	tables []table
	index  []int32
	t      []float32
}

// table is the prepared interpolation of one axis.
type table struct {
	axis     Axis
	channels int
	stretch  vec.Stretch
}

// maxTables bounds the memory of a Zoom that meets images of many sizes.
const maxTables = 64

func (z *Zoom) table(axis Axis, channels int) *table {
	for i := range z.tables {
		if t := &z.tables[i]; t.axis == axis && t.channels == channels {
			return t
		}
	}
	if len(z.tables) == maxTables {
		z.tables = z.tables[:0]
	}
	z.tables = append(z.tables, table{axis: axis, channels: channels})
	z.index, z.t = z.index[:0], z.t[:0]
	for i := range axis.Keep {
		left, t := axis.at(i)
		for c := range channels {
			z.index, z.t = append(z.index, int32(left*channels+c)), append(z.t, t)
		}
	}
	made := &z.tables[len(z.tables)-1]
	made.stretch.Set(z.index, z.t, channels)
	return made
}

// Add adds the zoomed src to the upper left part, y.Keep × x.Keep pixels, of dst, whose rows are stride values apart. The size is src's.
func (z *Zoom) Add(dst []float32, stride int, src []float32, size filter.Size, y, x Axis) {
	const spare = 32 // what a Stretch likes to read past the end
	from, n := size.Width*size.Channels, x.Crop*size.Channels
	if cap(z.row) < n+spare {
		z.row = make([]float32, n+spare)
	}
	row := z.row[:n+spare]
	stretch := &z.table(x, size.Channels).stretch
	for i := range y.Keep {
		upper, t := y.at(i)
		at := (y.From+upper)*from + x.From*size.Channels
		if t == 0 {
			copy(row, src[at:at+n])
		} else {
			vec.Lerp(row[:n], src[at:at+n], src[at+from:at+from+n], t)
		}
		stretch.Add(dst[i*stride:i*stride+stretch.Len()], row)
	}
}
