package jpeg

import "visus/internal/vec"

// Scratch holds the planes that RoundTrip works in, so that calls after the first of a size allocate nothing. Its zero value is ready.
// One Scratch serves one goroutine at a time.
type Scratch struct {
	y, cb, cr []uint8    // luma at full size padded to multiples of 16, chroma at half of that
	rows      [2][]uint8 // one row of each chroma plane at full width
	tables    [2]quantiser
	quality   int
}

// RoundTrip writes to dst what libjpeg's encoder and decoder make of the RGB image src (interleaved rows of width·height pixels, both
// slices 3·width·height bytes; they may be the same): 4:2:0, Annex K tables at the quality 1..100, integer transforms, fancy upsampling,
// the settings of Pillow's and OpenCV's encoders. Nothing is allocated after a first call with the same s; s may be nil.
func RoundTrip(dst, src []uint8, width, height, quality int, s *Scratch) {
	if width <= 0 || height <= 0 {
		return
	}
	if s == nil {
		s = new(Scratch)
	}
	s.setQuality(quality)
	p := s.planes(width, height)
	p.fromRGB(src)
	recode(p.y, p.stride, p.stride, p.rows, &s.tables[0])
	recode(p.cb, p.stride/2, p.stride/2, p.rows/2, &s.tables[1])
	recode(p.cr, p.stride/2, p.stride/2, p.rows/2, &s.tables[1])
	half := plane{stride: p.stride / 2, width: (width + 1) / 2, height: (height + 1) / 2, h: 2, v: 2}
	cb, cr := half, half
	cb.pix, cr.pix = p.cb, p.cr
	s.rows[0], s.rows[1] = grow(s.rows[0], 2*half.width), grow(s.rows[1], 2*half.width)
	for y := range height {
		toRGB(dst[3*y*width:][:3*width], p.y[y*p.stride:][:width], cb.row(y, s.rows[0]), cr.row(y, s.rows[1]))
	}
}

func (s *Scratch) setQuality(quality int) {
	if s.quality == quality && s.tables[0].step[0] != 0 {
		return
	}
	s.quality = quality
	s.tables = [2]quantiser{newQuantiser(0, quality), newQuantiser(1, quality)}
}

// planes of a 4:2:0 image: luma of stride·rows samples, chroma of half of each.
type planes struct {
	y, cb, cr     []uint8
	width, height int // of the image
	stride, rows  int // padded to multiples of 16
}

func (s *Scratch) planes(width, height int) planes {
	p := planes{width: width, height: height, stride: (width + 15) &^ 15, rows: (height + 15) &^ 15}
	n := p.stride * p.rows
	s.y, s.cb, s.cr = grow(s.y, n), grow(s.cb, n/4), grow(s.cr, n/4)
	p.y, p.cb, p.cr = s.y, s.cb, s.cr
	return p
}

func grow(b []uint8, n int) []uint8 {
	if cap(b) < n {
		return make([]uint8, n)
	}
	return b[:n]
}

// recode quantises every 8×8 block of a plane in place.
func recode(plane []uint8, stride, width, height int, q *quantiser) {
	if vec.Recode(plane, stride, width, height, &q.step, &q.reciprocal) {
		return
	}
	recodePlain(plane, stride, width, height, q)
}

func recodePlain(plane []uint8, stride, width, height int, q *quantiser) {
	var block [64]int32
	for y := 0; y < height; y += 8 {
		for x := 0; x < width; x += 8 {
			samples := plane[y*stride+x:]
			load(&block, samples, stride)
			forward(&block)
			used := q.requantise(&block)
			inverse(&block, used, samples, stride)
		}
	}
}

// load reads 8×8 samples minus 128.
func load(b *[64]int32, samples []uint8, stride int) {
	for y := range 8 {
		in, out := samples[y*stride:][:8:8], b[8*y:][:8:8]
		for x, v := range in {
			out[x] = int32(v) - 128
		}
	}
}

// requantise quantises and dequantises a block; the result's bit j tells that column j has a non-zero coefficient below its first.
func (q *quantiser) requantise(b *[64]int32) uint8 {
	var used [8]int32
	for i := range 8 {
		b[i] = q.quantise(i, b[i]) * q.step[i]
	}
	for i := 8; i < 64; i++ {
		v := q.quantise(i, b[i]) * q.step[i]
		b[i] = v
		used[i&7] |= v
	}
	var mask uint8
	for i, u := range used {
		if u != 0 {
			mask |= 1 << i
		}
	}
	return mask
}
