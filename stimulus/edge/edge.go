// Package edge finds the edges of grey images and the distance to them.
//
// Images are [height, width]. Results are those of OpenCV 4, integer for integer.
package edge

import (
	"math"

	"visus/internal/vec"
	"visus/stimulus/filter"
)

// Detector keeps the buffers of the operators between calls. The zero value is ready; it serves one goroutine.
type Detector struct {
	filter    filter.Workspace
	dx, dy    []float32
	magnitude []int32 // with a frame of zeros
	state     []uint8 // with the same frame
	stack     []int32
	distance  []int32
	offsets   []int32
	row       []int32
}

// What a pixel's state is while Canny runs.
const (
	none = iota
	weak
	strong
)

var (
	sobelX = [9]float32{-1, 0, 1, -2, 0, 2, -1, 0, 1}
	sobelY = [9]float32{-1, -2, -1, 0, 0, 0, 1, 2, 1}
)

// Canny marks edges with 255, all else with 0 (Canny 1986): pixels where |dx| + |dy| of the Sobel derivatives (border replicate) is
// above low and largest across the edge, and which are connected to one above high. Values of src are integers 0..255.
func (d *Detector) Canny(dst []uint8, src []float32, width, height int, low, high int32) {
	size := filter.Size{Width: width, Height: height, Channels: 1}
	d.dx, d.dy = resize(d.dx, len(src)), resize(d.dy, len(src))
	d.filter.Square(d.dx, src, size, sobelX, filter.Replicate)
	d.filter.Square(d.dy, src, size, sobelY, filter.Replicate)
	stride := width + 2
	d.magnitude, d.state = resize(d.magnitude, stride*(height+2)), resize(d.state, stride*(height+2))
	clear(d.magnitude)
	clear(d.state)
	for y := range height {
		dx, dy := d.dx[y*width:][:width], d.dy[y*width:][:width]
		out := d.magnitude[(y+1)*stride+1:][:width]
		for x, v := range dx {
			h, v := int32(v), int32(dy[x])
			out[x] = max(h, -h) + max(v, -v)
		}
	}
	d.suppress(width, height, low, high)
	d.connect(int32(stride))
	for y := range height {
		state, out := d.state[(y+1)*stride+1:][:width], dst[y*width:][:width]
		for x, s := range state {
			out[x] = 255 * (s >> 1)
		}
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// suppress marks local maxima across the edge as weak or strong, and stacks the strong ones.
func (d *Detector) suppress(width, height int, low, high int32) {
	stride := width + 2
	d.stack = d.stack[:0]
	for y := range height {
		for x, m := range d.magnitude[(y+1)*stride+1:][:width] {
			if m <= low {
				continue
			}
			at := (y+1)*stride + x + 1
			if !d.peak(at, stride, int32(d.dx[y*width+x]), int32(d.dy[y*width+x])) {
				continue
			}
			d.state[at] = weak
			if m > high {
				d.state[at] = strong
				d.stack = append(d.stack, int32(at))
			}
		}
	}
}

// peak says whether a pixel is the largest across the edge. Directions are told apart at 22.5° and 67.5° by tangents of 15 bits.
func (d *Detector) peak(at, stride int, dx, dy int32) bool {
	const tangent = 13573 // tan 22.5° · 2¹⁵
	m := d.magnitude
	v := m[at]
	x, y := max(dx, -dx), max(dy, -dy)<<15
	flat := x * tangent
	if y < flat {
		return v > m[at-1] && v >= m[at+1]
	}
	if y > flat+x<<16 {
		return v > m[at-stride] && v >= m[at+stride]
	}
	side := 1
	if (dx ^ dy) < 0 {
		side = -1
	}
	return v > m[at-stride-side] && v > m[at+stride+side]
}

// connect makes strong whatever weak pixels are 8-connected to strong ones.
func (d *Detector) connect(stride int32) {
	around := [8]int32{-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1}
	for len(d.stack) > 0 {
		at := d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		for _, step := range around {
			if next := at + step; d.state[next] == weak {
				d.state[next] = strong
				d.stack = append(d.stack, next)
			}
		}
	}
}

// The costs of chamfer steps to (0, 1), (1, 1), (1, 2), in 1/65536 pixel (Borgefors 1986; OpenCV's 5×5 mask).
const (
	straight = 65536
	diagonal = 91750  // 1.4
	knight   = 143976 // 2.1969
)

var costs = []int32{knight, knight, knight, diagonal, straight, diagonal, knight}

// Distance computes the chamfer distance to the nearest edge, in pixels and at most limit, of 0..8192, which is also the distance where
// there is no edge. Edges are the values other than 0.
func (d *Detector) Distance(dst []float32, edges []uint8, width, height int, limit float32) {
	// A frame of two pixels holds the farthest distance, and so do all pixels that are not yet reached.
	most := int32(min(limit, 8192) * straight)
	stride := width + 4
	d.distance = resize(d.distance, stride*(height+4))
	for i := range d.distance {
		d.distance[i] = most
	}
	d.row = resize(d.row, width)
	s := int32(stride)
	// Above: the five neighbours of the last row and two of the one before, counted from the upper left of the 5×5 mask.
	d.offsets = append(d.offsets[:0], 1, 3, s, s+1, s+2, s+3, s+4)
	for y := range height {
		vec.MinTaps(d.row, d.distance[y*stride:], d.offsets, costs)
		out := d.distance[(y+2)*stride+2:][:width]
		row, last := d.row[:width], most
		for x, e := range edges[y*width:][:width] {
			last = min(row[x], last+straight)
			if e != 0 {
				last = 0
			}
			out[x] = last
		}
	}
	d.offsets = append(d.offsets[:0], s+1, s+3, 0, 1, 2, 3, 4)
	for y := height - 1; y >= 0; y-- {
		vec.MinTaps(d.row, d.distance[(y+3)*stride:], d.offsets, costs)
		out := d.distance[(y+2)*stride+2:][:width]
		row, last := d.row[:len(out)], most
		for x := len(out) - 1; x >= 0; x-- {
			last = min(out[x], row[x], last+straight)
			out[x] = last
		}
		pixels := dst[y*width:][:width]
		for x, v := range out {
			pixels[x] = float32(min(v, most)) * (1. / straight)
		}
	}
}

// Equalise spreads the histogram of an 8-bit image: level v becomes round(255·(share of pixels at or below v)), where the first level
// that occurs counts for nothing and becomes 0. An image of one level stays as it is.
func Equalise(pixels []uint8) {
	var counts [4][256]int // four, so that equal neighbours do not wait for each other
	for i, v := range pixels {
		counts[i&3][v]++
	}
	total, first := 0, -1
	for v := range 256 {
		counts[0][v] += counts[1][v] + counts[2][v] + counts[3][v]
		total += counts[0][v]
		if first < 0 && counts[0][v] > 0 {
			first = v
		}
	}
	if first < 0 || counts[0][first] == total {
		return
	}
	scale := float32(255) / float32(total-counts[0][first])
	var table [256]uint8
	sum := 0
	for v := first + 1; v < 256; v++ {
		sum += counts[0][v]
		table[v] = uint8(math.RoundToEven(float64(float32(sum) * scale)))
	}
	for i, v := range pixels {
		pixels[i] = table[v]
	}
}
