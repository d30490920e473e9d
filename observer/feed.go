package observer

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"visus/graph"
	"visus/stimulus/raster"
	"visus/tensor"
)

// feeder turns images into the input tensor of a model, by one table look-up a value.
type feeder struct {
	made   Preprocessing // what the tables were made for
	ready  bool
	memory *tensor.Tensor // of the largest batch so far
	tensor *tensor.Tensor // its front, of the last batch's shape

	float32s [3][256]float32
	float64s [3][256]float64
	halves   [3][256]tensor.Half
	bytes    [3][256]uint8
}

// fillable says whether images can be turned into this element type.
func fillable(t tensor.Type) bool {
	return t == tensor.Float32 || t == tensor.Float64 || t == tensor.Float16 || t == tensor.Uint8
}

func (f *feeder) prepare(p Preprocessing, bytes bool) {
	if f.ready && f.made == p {
		return
	}
	f.made, f.ready = p, true
	if bytes && p.Name == "none" {
		p.Scale = 1 // bytes are taken as they are
	}
	for c, levels := range p.table() {
		for v, x := range levels {
			f.float64s[c][v] = x
			f.float32s[c][v] = float32(x)
			f.halves[c][v] = tensor.HalfOf(float32(x))
			f.bytes[c][v] = uint8(max(0, min(255, math.Round(x))))
		}
	}
}

// fill returns a tensor of the model's batch with the images in front; what fills up a fixed batch is left as it is.
func (f *feeder) fill(in input, p Preprocessing, images []*raster.Image) (*tensor.Tensor, error) {
	width, height := in.width, in.height
	if width == 0 || height == 0 {
		width, height = images[0].Width, images[0].Height
	}
	for _, m := range images {
		if m.Width != width || m.Height != height {
			return nil, fmt.Errorf("an image of %d×%d in a batch of %d×%d", m.Width, m.Height, width, height)
		}
	}
	batch := max(in.batch, len(images))
	shape := []int{batch, in.channels, height, width}
	if in.channelsLast {
		shape = []int{batch, height, width, in.channels}
	}
	if err := f.reserve(in.Type, shape); err != nil {
		return nil, err
	}
	f.prepare(p, in.Type == tensor.Uint8)
	at := layout{channels: in.channels, last: in.channelsLast, bgr: p.BGR}
	switch in.Type {
	case tensor.Float32:
		fillWith(tensor.Values[float32](f.tensor), images, &f.float32s, at)
	case tensor.Float64:
		fillWith(tensor.Values[float64](f.tensor), images, &f.float64s, at)
	case tensor.Float16:
		fillWith(tensor.Values[tensor.Half](f.tensor), images, &f.halves, at)
	case tensor.Uint8:
		fillWith(tensor.Values[uint8](f.tensor), images, &f.bytes, at)
	}
	return f.tensor, nil
}

// reserve gives the tensor a shape, in memory that only grows: batches of several sizes take turns where models and their adapted versions do.
func (f *feeder) reserve(kind tensor.Type, shape []int) (err error) {
	if f.tensor != nil && slices.Equal(f.tensor.Shape(), shape) {
		return nil
	}
	elements, err := tensor.Elements(shape)
	if err != nil {
		return err
	}
	if f.memory == nil || f.memory.Len() < elements {
		f.memory = tensor.New(kind, elements)
	}
	f.tensor, err = graph.FromBytes(kind, f.memory.Bytes()[:elements*kind.Size()], shape...)
	return err
}

// layout says where a channel's values go.
type layout struct {
	channels  int
	last, bgr bool
}

// fillWith fills the images one behind the other, on all cores: an engine's threads wait meanwhile.
func fillWith[T any](dst []T, images []*raster.Image, table *[3][256]T, at layout) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(images)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(images); i = int(next.Add(1)) - 1 {
				size := images[i].Width * images[i].Height * at.channels
				fillImage(dst[i*size:(i+1)*size], images[i], table, at)
			}
		})
	}
	wait.Wait()
}

func fillImage[T any](out []T, m *raster.Image, table *[3][256]T, at layout) {
	n := m.Width * m.Height
	pix := m.Pix[:3*n]
	if at.channels == 1 {
		for i := range out {
			out[i] = table[0][raster.Luma(pix[3*i], pix[3*i+1], pix[3*i+2])]
		}
		return
	}
	red, blue := 0, 2 // the model's channels that take them
	if at.bgr {
		red, blue = 2, 0
	}
	reds, greens, blues := &table[red], &table[1], &table[blue]
	if at.last {
		for k := 0; k+3 <= len(pix); k += 3 {
			p, o := pix[k:k+3], out[k:k+3]
			o[red], o[1], o[blue] = reds[p[0]], greens[p[1]], blues[p[2]]
		}
		return
	}
	r, g, b := out[red*n:][:n], out[n:][:n], out[blue*n:][:n]
	for i := range r {
		p := pix[3*i:][:3]
		r[i], g[i], b[i] = reds[p[0]], greens[p[1]], blues[p[2]]
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
