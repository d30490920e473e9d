package warp

import (
	"errors"
	"math"

	"visus/internal/vec"
	"visus/stimulus/filter"
)

// Matrix is an affine map of the plane: (x, y) goes to (m[0]·x + m[1]·y + m[2], m[3]·x + m[4]·y + m[5]).
type Matrix [6]float64

// Through returns the affine map that sends three points to three others. It reports an error where the first three lie on a line.
func Through(from, to [3][2]float64) (Matrix, error) {
	ux, uy := from[1][0]-from[0][0], from[1][1]-from[0][1]
	vx, vy := from[2][0]-from[0][0], from[2][1]-from[0][1]
	det := ux*vy - uy*vx
	if det == 0 {
		return Matrix{}, errors.New("warp: three points on a line define no affine map")
	}
	var m Matrix
	for axis := range 2 {
		du, dv := to[1][axis]-to[0][axis], to[2][axis]-to[0][axis]
		a, b := (du*vy-dv*uy)/det, (dv*ux-du*vx)/det
		m[3*axis], m[3*axis+1] = a, b
		m[3*axis+2] = to[0][axis] - a*from[0][0] - b*from[0][1]
	}
	return m, nil
}

// Inverse returns the map back; a map without one gives zeros, as in OpenCV.
func (m Matrix) Inverse() Matrix {
	det := m[0]*m[4] - m[1]*m[3]
	if det != 0 {
		det = 1 / det
	}
	a, b, c, d := m[4]*det, -m[1]*det, -m[3]*det, m[0]*det
	return Matrix{a, b, -a*m[2] - b*m[5], c, d, -c*m[2] - d*m[5]}
}

// Sampler interpolates RGB images bilinearly at arbitrary positions. The zero value is ready; it keeps its buffers and serves one
// goroutine. In every method src and dst are [height, width, 3]; they may be the same slice.
type Sampler struct {
	packed []float32 // the image with a frame of one pixel, four values a pixel
	index  []int32
	x, y   []float32 // fractions
	shifts []int32   // of the columns, 1/1024 pixel
}

// pack copies an image of three channels into the sampler, with a frame by the border rule.
func (s *Sampler) pack(src []float32, size filter.Size, border filter.Border) (stride int) {
	stride = 4 * (size.Width + 2)
	s.packed = resize(s.packed, stride*(size.Height+2))
	for y := -1; y <= size.Height; y++ {
		in := src[border.Index(y, size.Height)*3*size.Width:][:3*size.Width]
		out := s.packed[(y+1)*stride:][:stride]
		for i, o := 0, 4; i+3 <= len(in); i, o = i+3, o+4 {
			p, q := in[i:][:3], out[o:][:4]
			q[0], q[1], q[2], q[3] = p[0], p[1], p[2], 0
		}
		left, right := border.Index(-1, size.Width), border.Index(size.Width, size.Width)
		copy(out[:3], in[3*left:3*left+3])
		copy(out[stride-4:stride-1], in[3*right:3*right+3])
	}
	return stride
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Affine moves the image by m, as OpenCV's warpAffine does: bilinear, border reflect-101, source positions in steps of 1/32 pixel.
func (s *Sampler) Affine(dst, src []float32, size filter.Size, m Matrix) {
	stride := s.pack(src, size, filter.Reflect101)
	inverse := m.Inverse()
	width := size.Width
	s.shifts = resize(s.shifts, 2*width)
	shiftX, shiftY := s.shifts[:width], s.shifts[width:]
	for x := range width {
		shiftX[x], shiftY[x] = fixed(inverse[0]*float64(x)), fixed(inverse[3]*float64(x))
	}
	s.index, s.x, s.y = resize(s.index, width), resize(s.x, width), resize(s.y, width)
	periodX, periodY := int32(64*(size.Width-1)), int32(64*(size.Height-1))
	for row := range size.Height {
		startX := fixed(inverse[1]*float64(row)+inverse[2]) + 16
		startY := fixed(inverse[4]*float64(row)+inverse[5]) + 16
		for i := range width {
			x, y := fold((startX+shiftX[i])>>5, periodX), fold((startY+shiftY[i])>>5, periodY)
			s.index[i] = (y>>5+1)*int32(stride) + (x>>5+1)*4
			s.x[i], s.y[i] = float32(x&31)/32, float32(y&31)/32
		}
		vec.Bilinear(dst[row*3*width:(row+1)*3*width], 3, s.packed, stride, s.index, s.x, s.y)
	}
}

// fixed converts to 1/1024 pixel, half to even, saturating.
func fixed(v float64) int32 {
	return int32(min(max(math.RoundToEven(v*1024), math.MinInt32/4), math.MaxInt32/4))
}

// fold reflects a position, border reflect-101, into 0..period/2. Interpolation commutes with the reflection.
func fold(v, period int32) int32 {
	if v >= 0 && 2*v <= period {
		return v
	}
	if period == 0 {
		return 0
	}
	if v %= period; v < 0 {
		v += period
	}
	return min(v, period-v)
}

// Displace sets dst(y, x) = src(y + dy(y, x), x + dx(y, x)), bilinear, border half-sample reflect (scipy's map_coordinates, order 1).
// dx and dy are [height, width] in pixels.
func (s *Sampler) Displace(dst, src []float32, size filter.Size, dx, dy []float32) {
	stride := s.pack(src, size, filter.HalfSample)
	width := size.Width
	right, bottom := float64(size.Width-1), float64(size.Height-1)
	s.index, s.x, s.y = resize(s.index, width), resize(s.x, width), resize(s.y, width)
	for row := range size.Height {
		for i := range width {
			x, y := float64(i)+float64(dx[row*width+i]), float64(row)+float64(dy[row*width+i])
			if !(x >= 0 && y >= 0 && x < right && y < bottom) {
				x, y = mirror(x, size.Width), mirror(y, size.Height)
			}
			left, upper := int(x+1), int(y+1) // the frame starts at −1
			s.index[i] = int32(upper*stride + left*4)
			s.x[i], s.y[i] = float32(x+1-float64(left)), float32(y+1-float64(upper))
		}
		vec.Bilinear(dst[row*3*width:(row+1)*3*width], 3, s.packed, stride, s.index, s.x, s.y)
	}
}

// mirror reflects a position, border half-sample, into −½..n−½. What is not a number goes to 0.
func mirror(v float64, n int) float64 {
	high := float64(n) - 0.5
	if v >= -0.5 && v <= high {
		return v
	}
	period := 2 * float64(n)
	v = math.Mod(v+0.5, period)
	if v < 0 {
		v += period
	}
	if v > float64(n) {
		v = period - v
	}
	if math.IsNaN(v) {
		return 0
	}
	return v - 0.5
}
