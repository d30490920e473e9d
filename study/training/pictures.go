package training

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"visus/internal/progress"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/augment"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
	"visus/study/session"
)

// mostHeld is how many bytes of images of a set are held in memory; larger sets are read again each epoch.
const mostHeld = 1 << 30

// pictures are the images of a set at the network's size, as bytes. Those that fit in memory are held there. Safe for concurrent use.
type pictures struct {
	layout augment.Layout
	source stimulus.Source
	items  []int   // of the source
	labels []int32 // class of each
	held   []uint8 // one picture behind the other; nil: read each time
	lost   []error // why others could not be read
}

func (p *pictures) Len() int { return len(p.items) }

// fit says how images are brought to size: the short side to the side of the network's input, then the centre.
func fit(l augment.Layout) observer.Geometry {
	return observer.Geometry{Width: l.Width, Height: l.Height, Resize: min(l.Width, l.Height), Filter: resample.Bilinear}
}

// bytes returns picture i; scratch, an image's length, may be used for it. The caller does not change what it gets.
func (p *pictures) bytes(i int, scratch []uint8) ([]uint8, error) {
	n := p.layout.Len()
	if p.held != nil {
		return p.held[i*n : (i+1)*n], nil
	}
	return scratch, p.load(i, scratch)
}

// image returns picture i as observers see it.
func (p *pictures) image(i int) (*raster.Image, error) {
	l := p.layout
	stored, err := p.bytes(i, make([]uint8, l.Len()))
	if err != nil {
		return nil, err
	}
	m := raster.New(l.Width, l.Height)
	for k := range m.Pix {
		m.Pix[k] = stored[k*l.Channels/3]
	}
	return m, nil
}

// load reads picture i from the source.
func (p *pictures) load(i int, into []uint8) error {
	image, err := p.source.Image(p.items[i])
	if err != nil {
		return err
	}
	pack(into, fit(p.layout).Fit(image), p.layout.Channels)
	return nil
}

// pack copies an image's bytes, as grey levels where there is one channel.
func pack(into []uint8, m *raster.Image, channels int) {
	if channels == 3 {
		copy(into, m.Pix)
		return
	}
	for i := range into {
		into[i] = raster.Luma(m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2])
	}
}

// histogram counts the levels of each channel.
type histogram [3][256]int64

func (h *histogram) add(image []uint8, channels int) {
	for i, v := range image {
		h[i%channels][v]++
	}
}

func (h *histogram) merge(other *histogram) {
	for c := range h {
		for v, n := range other[c] {
			h[c][v] += n
		}
	}
}

// moments returns mean and standard deviation of the channels, in 0..1. One channel stands for all three. The deviation is at least one
// level, so that constant images stay finite.
func (h *histogram) moments(channels int) (mean, std [3]float64) {
	for c := range 3 {
		levels := &h[min(c, channels-1)]
		var n, sum, squares float64
		for v, count := range levels {
			x := float64(v) / 255
			n, sum, squares = n+float64(count), sum+x*float64(count), squares+x*x*float64(count)
		}
		mean[c] = sum / n
		std[c] = max(math.Sqrt(max(0, squares/n-mean[c]*mean[c])), 1./255)
	}
	return mean, std
}

// read reads every picture of a set once: those that cannot be read are left out and counted, the levels of the others are counted too.
func read(ctx context.Context, what string, source stimulus.Source, items, labels []int, l augment.Layout, workers int, meter progress.Meter) (*pictures, *histogram, error) {
	p := &pictures{layout: l, source: source, items: items}
	n := l.Len()
	var held []uint8
	if int64(n)*int64(len(items)) <= mostHeld {
		held = make([]uint8, n*len(items))
	}
	failed := make([]error, len(items))
	all := new(histogram)
	var next atomic.Int64
	var wait sync.WaitGroup
	var mu sync.Mutex
	meter.Begin(what, 0, len(items))
	for range workers {
		wait.Go(func() {
			own, scratch := new(histogram), make([]uint8, n)
			for i := int(next.Add(1)) - 1; i < len(items) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				into := scratch
				if held != nil {
					into = held[i*n : (i+1)*n]
				}
				if failed[i] = p.load(i, into); failed[i] == nil {
					own.add(into, l.Channels)
				}
				meter.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			all.merge(own)
		})
	}
	wait.Wait()
	meter.End()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	p.held = held
	p.keep(labels, failed)
	if p.Len() == 0 {
		return nil, nil, fmt.Errorf("training: none of %d images can be read: %w", len(items), p.lost[0])
	}
	return p, all, nil
}

// keep leaves out the pictures that could not be read.
func (p *pictures) keep(labels []int, failed []error) {
	n, items := p.layout.Len(), p.items
	p.items = nil
	for i, err := range failed {
		if err != nil {
			p.lost = append(p.lost, err)
			continue
		}
		if at := len(p.items); p.held != nil && at < i {
			copy(p.held[at*n:(at+1)*n], p.held[i*n:])
		}
		p.items, p.labels = append(p.items, items[i]), append(p.labels, int32(labels[i]))
	}
}

// look returns the layout of the pictures that a set becomes: the side asked for, or the images' own where a sample of them agrees and is
// square, or 32; one channel where the sample is grey throughout.
func look(source stimulus.Source, items []int, size int) (augment.Layout, error) {
	const sample = 64
	channels, side := 1, 0
	agree := true
	var lost error
	for _, at := range session.Spread(sample, len(items)) {
		m, err := source.Image(items[at])
		if err != nil {
			lost = err
			continue
		}
		if side == 0 {
			side = m.Width
		}
		agree = agree && m.Width == side && m.Height == side
		if !grey(m) {
			channels = 3
		}
	}
	if side == 0 {
		return augment.Layout{}, fmt.Errorf("training: no image can be read: %w", lost)
	}
	const usual, largestOwn = 32, 64 // sizes of CIFAR and Tiny ImageNet, which the networks of the zoo are made for
	switch {
	case size > 0:
		side = size
	case !agree || side > largestOwn:
		side = usual
	}
	return augment.Layout{Width: side, Height: side, Channels: channels}, nil
}

func grey(m *raster.Image) bool {
	for i := 0; i+3 <= len(m.Pix); i += 3 {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return false
		}
	}
	return true
}

func workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
