package corrupt

import (
	"fmt"
	"math"

	"visus/internal/vec"
	"visus/stimulus/raster"
)

// frostScratch is what frost reuses.
type frostScratch struct {
	draw            [1]int32
	image, texture  [256]float64 // weighted levels
	columns, rows   []cubicTap
	enlarged, strip []float32
	crop            []uint8
}

// frost lays a random piece of a texture of ice over the image.
func frost(j *job) error {
	c := j.set.Frost[j.severity-1]
	f := &j.scratch.frost
	index := j.integer(texturesUsed)
	texture := j.frost.texture(index, j.set.FrostScale)
	crop, stride, err := j.piece(texture, index)
	if err != nil {
		return err
	}
	for v := range f.image {
		f.image[v], f.texture[v] = c.Image*float64(v), c.Texture*float64(v)
	}
	n := 3 * j.src.Width
	for y := range j.src.Height {
		ice := crop[y*stride:][:n]
		out, src := j.out[y*n:][:n], j.src.Pix[y*n:][:n]
		for i, v := range src {
			// Products of whole levels and tenths are often integers, so double precision decides how they truncate.
			sum := f.image[v] + f.texture[ice[i]]
			if sum > 255 {
				sum = 255
			}
			out[i] = towardZero(sum)
		}
	}
	return nil
}

// integer draws one of 0..n-1.
func (j *job) integer(n int) int {
	draw := j.scratch.frost.draw[:]
	j.random.Integers(draw, 0, n)
	return int(draw[0])
}

// piece draws where the image lies on the texture and returns the piece's pixels from its upper left corner on, rows stride apart.
// The port first enlarges the texture so that it covers the image, and by a tenth more.
func (j *job) piece(texture *raster.Image, index int) (pixels []uint8, stride int, err error) {
	width, height := texture.Width, texture.Height
	if j.set.Port {
		scale := 1.1 * max(1, float64(j.src.Height)/float64(height), float64(j.src.Width)/float64(width))
		width, height = int(math.Ceil(float64(width)*scale)), int(math.Ceil(float64(height)*scale))
	}
	freeX, freeY := width-j.src.Width, height-j.src.Height
	if freeX < 0 || freeY < 0 {
		return nil, 0, fmt.Errorf("frost texture %d has %d×%d pixels, too few to cover an image of %d×%d", index+1, width, height, j.src.Width, j.src.Height)
	}
	// The upper bound is never drawn; a texture of the image's own size leaves one place.
	y := j.integer(max(freeY, 1))
	x := j.integer(max(freeX, 1))
	if j.set.Port {
		return j.enlarge(texture, width, height, x, y), 3 * j.src.Width, nil
	}
	return texture.Pix[3*(y*texture.Width+x):], 3 * texture.Width, nil
}

// cubicTap holds the neighbours of one output of a bicubic interpolation, and their weights.
type cubicTap struct {
	at     [4]int
	weight [4]float32
}

// cubicTaps makes the taps of n outputs from first on, where an axis of from pixels becomes one of to (OpenCV's INTER_CUBIC, a = −¾,
// border replicate).
func cubicTaps(taps []cubicTap, from, to, first, n int) []cubicTap {
	grow(&taps, n)
	const a = -0.75
	for i := range taps {
		at := (float64(i+first)+0.5)*float64(from)/float64(to) - 0.5
		left := int(math.Floor(at))
		t := at - float64(left)
		outer := func(d float64) float64 { return ((a*d-5*a)*d+8*a)*d - 4*a }
		inner := func(d float64) float64 { return ((a+2)*d-(a+3))*d*d + 1 }
		weights := [4]float64{outer(t + 1), inner(t), inner(1 - t), outer(2 - t)}
		for k, w := range weights {
			taps[i].at[k] = min(max(left+k-1, 0), from-1)
			taps[i].weight[k] = float32(w)
		}
	}
	return taps
}

// enlarge computes the piece of the image's size at (x, y) of the texture enlarged to width × height.
func (j *job) enlarge(m *raster.Image, width, height, x, y int) []uint8 {
	f := &j.scratch.frost
	n := 3 * j.src.Width
	f.columns = cubicTaps(f.columns, m.Width, width, x, j.src.Width)
	f.rows = cubicTaps(f.rows, m.Height, height, y, j.src.Height)
	first, last := f.rows[0].at[0], f.rows[j.src.Height-1].at[3]
	strip := grow(&f.strip, (last-first+1)*n)
	for row := first; row <= last; row++ {
		in, out := m.Pix[3*row*m.Width:][:3*m.Width], strip[(row-first)*n:][:n]
		for i, tap := range f.columns {
			for c := range 3 {
				out[3*i+c] = tap.weight[0]*float32(in[3*tap.at[0]+c]) + tap.weight[1]*float32(in[3*tap.at[1]+c]) +
					tap.weight[2]*float32(in[3*tap.at[2]+c]) + tap.weight[3]*float32(in[3*tap.at[3]+c])
			}
		}
	}
	crop := grow(&f.crop, n*j.src.Height)
	line := grow(&f.enlarged, n)
	offsets := [4]int32{}
	for row, tap := range f.rows {
		for k, at := range tap.at {
			offsets[k] = int32((at - first) * n)
		}
		vec.Taps(line, strip, offsets[:], tap.weight[:])
		vec.Clip(line, 1, 0.5, 0, 255)
		vec.Truncate(crop[row*n:][:n], line)
	}
	return crop
}
