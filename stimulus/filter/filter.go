// Package filter smooths images: Gaussians, the disk of a lens out of focus, the line of a moving camera, means.
//
// Images are float32 slices [height, width, channel], interleaved. Results agree with a float64 computation to about 10⁻⁶ of the
// image's range, which is what single-precision sums give.
package filter

// Size is the extent of an image.
type Size struct{ Width, Height, Channels int }

// stride returns the number of values of a row.
func (s Size) stride() int { return s.Width * s.Channels }

// Border says what lies outside an image. Rules are extended as far as a kernel reaches, also where it is wider than the image.
type Border int

const (
	Replicate  Border = iota // aaa|abcd|ddd
	Reflect101               // dcb|abcd|cba: the edge is not repeated; OpenCV's default
	HalfSample               // cba|abcd|dcb: the edge is repeated; scipy's "reflect"
)

// Index returns the position inside 0..n-1 that stands for i.
func (b Border) Index(i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	switch {
	case b == Replicate:
		return min(max(i, 0), n-1)
	case b == Reflect101 && n == 1:
		return 0
	}
	period, mirror := 2*n, 2*n-1
	if b == Reflect101 {
		period, mirror = 2*n-2, 2*n-2
	}
	i = (i%period + period) % period
	if i >= n {
		i = mirror - i
	}
	return i
}

// Workspace holds the buffers and kernels that filters reuse from call to call. The zero value is ready; it serves one goroutine.
// In every method dst and src have size.Height·size.Width·size.Channels values and may be the same slice.
type Workspace struct {
	row, middle, padded, sums, extra []float32
	offsets                          []int32
	weights                          []float32
	rows, columns                    []int

	kernels []*gaussianKernel
	last    [2]*gaussianKernel // along x, along y
	disks   []disk
}

// grow returns n elements of the buffer, enlarged if need be; their contents are arbitrary.
func grow[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}

// margin is how far an image is extended, in pixels.
type margin struct{ left, right, top, bottom int }

// extend fills row with one row of src and what the border rule puts beside it.
func extend(row, src []float32, channels int, border Border, left, right int) {
	width := len(src) / channels
	copy(row[left*channels:], src)
	for i := range left {
		copy(row[i*channels:(i+1)*channels], src[border.Index(i-left, width)*channels:])
	}
	for i := range right {
		to := (left + width + i) * channels
		copy(row[to:to+channels], src[border.Index(width+i, width)*channels:])
	}
}

// pad returns src extended by the margin, and the extended size. The result lives in the workspace.
func (w *Workspace) pad(src []float32, size Size, border Border, m margin) ([]float32, Size) {
	large := Size{size.Width + m.left + m.right, size.Height + m.top + m.bottom, size.Channels}
	from, to := size.stride(), large.stride()
	padded := grow(&w.padded, large.Height*to)
	for y := range size.Height {
		extend(padded[(y+m.top)*to:(y+m.top+1)*to], src[y*from:(y+1)*from], size.Channels, border, m.left, m.right)
	}
	for y := range large.Height {
		if inside := border.Index(y-m.top, size.Height); inside != y-m.top {
			copy(padded[y*to:(y+1)*to], padded[(inside+m.top)*to:(inside+m.top+1)*to])
		}
	}
	return padded, large
}
