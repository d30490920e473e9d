package filter

import "visus/internal/vec"

// Square correlates src with a 3×3 kernel, given row by row. Sums of integers below 2²⁴ are exact.
func (w *Workspace) Square(dst, src []float32, size Size, kernel [9]float32, border Border) {
	if size.Width == 0 || size.Height == 0 {
		return
	}
	padded, large := w.pad(src, size, border, margin{1, 1, 1, 1})
	stride, wide := size.stride(), large.stride()
	var offsets [9]int32
	var weights [9]float32
	n := 0
	for i, weight := range kernel {
		if weight != 0 {
			offsets[n], weights[n] = int32(i/3*wide+i%3*size.Channels), weight
			n++
		}
	}
	for y := range size.Height {
		vec.Taps(dst[y*stride:(y+1)*stride], padded[y*wide:], offsets[:n], weights[:n])
	}
}
