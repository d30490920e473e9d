package filter

import (
	"math"

	"visus/internal/vec"
)

// DiskKernel returns the kernel of a lens out of focus, side×side float32 weights: a disk of the given radius in pixels, normalised,
// then smoothed by a Gaussian of deviation alias over 3×3 values (5×5 where the radius exceeds 8) inside the grid, which is 17×17 or
// 2·radius+1 wide. It is not normalised again. (Hendrycks & Dietterich 2019, function disk of the reference.)
func DiskKernel(radius, alias float64) (kernel []float32, side int) {
	half := diskHalf(radius)
	side = 2*half + 1
	flat := make([]float64, side*side)
	count := 0
	for i := range flat {
		x, y := float64(i%side-half), float64(i/side-half)
		if x*x+y*y <= radius*radius {
			flat[i] = 1
			count++
		}
	}
	for i := range flat {
		flat[i] *= float64(float32(1 / float64(count)))
	}
	g := aliasWeights(radius, alias)
	flat = smoothSquare(smoothSquare(flat, side, g, 1, side), side, g, side, 1)
	kernel = make([]float32, len(flat))
	for i, v := range flat {
		kernel[i] = float32(v)
	}
	return kernel, side
}

// diskHalf returns the kernel's reach: 8, or the radius where that is larger.
func diskHalf(radius float64) int {
	if radius <= 8 {
		return 8
	}
	return int(math.Ceil(radius))
}

// aliasWeights returns the Gaussian that softens the disk's edge.
func aliasWeights(radius, alias float64) []float64 {
	reach := 1
	if radius > 8 {
		reach = 2
	}
	weights := make([]float64, 2*reach+1)
	sum := 0.0
	for i := range weights {
		x := float64(i - reach)
		weights[i] = math.Exp(-x * x / (2 * alias * alias))
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// smoothSquare correlates a square with g along the axis whose elements lie step apart (lines lie across apart); border reflect-101.
func smoothSquare(square []float64, side int, g []float64, step, across int) []float64 {
	out := make([]float64, len(square))
	for line := range side {
		for i := range side {
			sum := 0.0
			for k, weight := range g {
				sum += weight * square[line*across+Reflect101.Index(i+k-len(g)/2, side)*step]
			}
			out[line*across+i*step] = sum
		}
	}
	return out
}

// maxDirectTaps is the number of taps up to which a softened disk is cheaper applied as it is. One that is not softened is a sum of
// integers times one weight, which is exact.
const maxDirectTaps = 24

// disk is a prepared kernel: kernel = smooth ⋆ (columns of ones)·weight + rest. Runs of ones cost two reads of running column sums,
// however long they are; the rest repairs the few weights that the kernel's grid cuts off or reflects.
type disk struct {
	radius, alias float64
	excess        float64 // by how much the kernel's sum exceeds 1
	direct        bool
	half          int       // reach of the disk and of the rest
	runs          []int     // half-length of the column at dx = −half..half, −1: none
	smooth        []float32 // weights along x; those along y, times the disk's weight, are scaled
	scaled        []float32
	rest          []tap
}

type tap struct {
	x, y   int
	weight float32
}

// maxDisks bounds the memory of a workspace that meets many kernels.
const maxDisks = 16

// prepare returns the disk for a radius and an alias deviation.
func (w *Workspace) prepare(radius, alias float64) *disk {
	for i := range w.disks {
		if d := &w.disks[i]; d.radius == radius && d.alias == alias {
			return d
		}
	}
	if len(w.disks) == maxDisks {
		w.disks = w.disks[:0]
	}
	w.disks = append(w.disks, makeDisk(radius, alias))
	return &w.disks[len(w.disks)-1]
}

func makeDisk(radius, alias float64) disk {
	kernel, side := DiskKernel(radius, alias)
	d := disk{radius: radius, alias: alias, half: side / 2, excess: -1}
	for _, v := range kernel {
		d.excess += float64(v)
	}
	g := aliasWeights(radius, alias)
	if g[len(g)/2-1] < 1e-9 { // no softening to speak of
		g = []float64{1}
	}
	area := 0
	for x := -d.half; x <= d.half; x++ {
		run := -1
		if rest := radius*radius - float64(x*x); rest >= 0 {
			run = int(math.Sqrt(rest))
			area += 2*run + 1
		}
		d.runs = append(d.runs, run)
	}
	weight := float64(float32(1 / float64(area)))
	for _, v := range g {
		d.smooth = append(d.smooth, float32(v))
		d.scaled = append(d.scaled, float32(v*weight))
	}
	d.rest = residual(kernel, side, d.runs, g, weight)
	if taps := nonzero(kernel, side); len(g) > 1 && len(taps) <= maxDirectTaps {
		d.direct, d.rest = true, taps
	}
	return d
}

// nonzero lists the taps of a kernel that can matter to 8 bits.
func nonzero(kernel []float32, side int) []tap {
	var taps []tap
	for i, v := range kernel {
		if v > 1e-9 {
			taps = append(taps, tap{i%side - side/2, i/side - side/2, v})
		}
	}
	return taps
}

// residual lists what the softened columns lack of the kernel, or have too much.
func residual(kernel []float32, side int, runs []int, g []float64, weight float64) []tap {
	reach := len(g) / 2
	rim := 2 * reach // zeros around, so that no border rule matters
	large := side + 2*rim
	columns := make([]float64, large*large)
	for x, run := range runs {
		for y := -run; y <= run && run >= 0; y++ {
			columns[(y+large/2)*large+x+rim] = weight
		}
	}
	full := smoothSquare(smoothSquare(columns, large, g, 1, large), large, g, large, 1)
	const negligible = 1e-7 // of 255: nothing that many taps could add up to a thousandth of a grey level
	var taps []tap
	for y := range large {
		for x := range large {
			want := 0.0
			if x >= rim && x < side+rim && y >= rim && y < side+rim {
				want = float64(kernel[(y-rim)*side+x-rim])
			}
			if v := want - full[y*large+x]; math.Abs(v) > negligible {
				taps = append(taps, tap{x - large/2, y - large/2, float32(v)})
			}
		}
	}
	return taps
}

// Disk filters src into dst by DiskKernel(radius, alias), border reflect-101. The values of src are integers 0..255.
//
// The float32 weights sum to a little more or less than 1, which decides how the many sums truncate that would be integers (of flat
// regions, of 29 equal weights). Single precision would round them to the integers; they are kept on their side by a ten-thousandth.
func (w *Workspace) Disk(dst, src []float32, size Size, radius, alias float64) {
	if size.Width == 0 || size.Height == 0 {
		return
	}
	d := w.prepare(radius, alias)
	reach := len(d.smooth) / 2
	pad := d.half + reach
	padded, large := w.pad(src, size, Reflect101, margin{pad, pad, pad, pad})
	if d.direct {
		w.sparse(dst, padded, size, large, pad, d.rest)
	} else {
		w.soft(dst, d, padded, size, large, pad)
	}
	if d.excess != 0 {
		vec.Clip(dst, 1, float32(math.Copysign(Undecided/2, d.excess)), 0, 256)
	}
}

// soft applies a disk as columns, softening and rest.
func (w *Workspace) soft(dst []float32, d *disk, padded []float32, size, large Size, pad int) {
	softened := w.softDisk(d, padded, size, large, pad)
	stride := size.stride()
	offsets := grow(&w.offsets, len(d.scaled))
	for y := range size.Height {
		for k := range offsets {
			offsets[k] = int32((y + k) * stride)
		}
		vec.Taps(dst[y*stride:(y+1)*stride], softened, offsets, d.scaled)
	}
	if len(d.rest) > 0 {
		extra := grow(&w.extra, len(dst))
		w.sparse(extra, padded, size, large, pad, d.rest)
		vec.Add(dst, dst, extra)
	}
}

// softDisk returns the sums over the disk's columns, softened along x: size.Height + 2·reach rows of size.Width pixels.
func (w *Workspace) softDisk(d *disk, padded []float32, size, large Size, pad int) []float32 {
	reach := len(d.smooth) / 2
	stride, wide := size.stride(), large.stride()
	// Running sums down the columns stay exact: 24 bits hold 255 times 65,793 rows.
	sums := grow(&w.sums, (large.Height+1)*wide)
	clear(sums[:wide])
	for y := range large.Height {
		vec.Add(sums[(y+1)*wide:(y+2)*wide], sums[y*wide:(y+1)*wide], padded[y*wide:(y+1)*wide])
	}
	offsets, weights := w.offsets[:0], w.weights[:0]
	for i, run := range d.runs {
		if run < 0 {
			continue
		}
		x := (i - d.half + pad - reach) * size.Channels
		offsets = append(offsets, int32((d.half+run+1)*wide+x), int32((d.half-run)*wide+x))
		weights = append(weights, 1, -1)
	}
	w.offsets, w.weights = offsets, weights
	smoothing := [5]int32{}
	for k := range d.smooth {
		smoothing[k] = int32(k * size.Channels)
	}
	rows := size.Height + 2*reach
	middle, row := grow(&w.middle, rows*stride), grow(&w.row, stride+2*reach*size.Channels)
	for y := range rows {
		vec.Taps(row, sums[y*wide:], offsets, weights)
		vec.Taps(middle[y*stride:(y+1)*stride], row, smoothing[:len(d.smooth)], d.smooth)
	}
	return middle
}

// sparse correlates a padded image with a list of taps.
func (w *Workspace) sparse(dst, padded []float32, size, large Size, pad int, taps []tap) {
	offsets, weights := w.offsets[:0], w.weights[:0]
	for _, t := range taps {
		offsets = append(offsets, int32((t.y+pad)*large.stride()+(t.x+pad)*size.Channels))
		weights = append(weights, t.weight)
	}
	w.offsets, w.weights = offsets, weights
	stride := size.stride()
	for y := range size.Height {
		vec.Taps(dst[y*stride:(y+1)*stride], padded[y*large.stride():], offsets, weights)
	}
}
