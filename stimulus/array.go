package stimulus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"visus/stimulus/raster"
	"visus/tensor"
)

// array is a Source of images that lie one behind the other in a file, as bytes.
type array struct {
	file   string // for messages
	name   string // first part of the IDs
	bytes  io.ReaderAt
	base   int64 // where image 0 lies
	count  int
	layout layout
	labels []int       // of each image; nil without labels
	open   []io.Closer // files that bytes reads
}

// layout is the shape of one image: grey [height, width], or three channels last or first.
type layout struct {
	height, width, channels int
	planar                  bool // [channel, height, width]
}

func (l layout) size() int { return l.height * l.width * l.channels }

// layoutOf reads the shape [n, ...] of an array of images. Where [3,h,3] could be either, channels are last.
func layoutOf(shape []int) (layout, error) {
	switch {
	case len(shape) == 3:
		return layout{shape[1], shape[2], 1, false}, nil
	case len(shape) == 4 && (shape[3] == 3 || shape[3] == 1):
		return layout{shape[1], shape[2], shape[3], false}, nil
	case len(shape) == 4 && (shape[1] == 3 || shape[1] == 1):
		return layout{shape[2], shape[3], shape[1], true}, nil
	}
	return layout{}, fmt.Errorf("shape %v is not that of images: expected [n,h,w], [n,h,w,3] or [n,3,h,w]", shape)
}

// Close closes the files.
func (a *array) Close() error {
	var errs []error
	for _, f := range a.open {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// total returns the number of bytes of all images.
func (a *array) total() int64 { return int64(a.count) * int64(a.layout.size()) }

// shape sets count and layout.
func (a *array) shape(shape []int) (err error) {
	if a.layout, err = layoutOf(shape); err != nil {
		return err
	}
	a.count = shape[0]
	if a.total() == 0 {
		return fmt.Errorf("shape %v holds no images", shape)
	}
	return nil
}

// label sets the labels after checking their number.
func (a *array) label(labels []int) error {
	if len(labels) != a.count {
		return fmt.Errorf("%d images but %d labels", a.count, len(labels))
	}
	a.labels = labels
	return nil
}

func (a *array) Len() int { return a.count }

func (a *array) Item(i int) Item {
	item := Item{ID: a.name + "/" + strconv.Itoa(i)}
	if a.labels != nil {
		item.Category = strconv.Itoa(a.labels[i])
	}
	return item
}

func (a *array) Image(i int) (*raster.Image, error) {
	if i < 0 || i >= a.count {
		return nil, fmt.Errorf("stimulus: %s has no image %d; it holds %d", a.file, i, a.count)
	}
	m := raster.New(a.layout.width, a.layout.height)
	stored := m.Pix
	asIs := a.layout.channels == 3 && !a.layout.planar
	if !asIs {
		stored = make([]byte, a.layout.size())
	}
	if _, err := a.bytes.ReadAt(stored, a.base+int64(i)*int64(a.layout.size())); err != nil && !(err == io.EOF && i == a.count-1) {
		return nil, fmt.Errorf("stimulus: %s: image %d: %w", a.file, i, err)
	}
	if asIs {
		return m, nil
	}
	plane := a.layout.height * a.layout.width
	step := 0 // grey: the same plane three times
	if a.layout.channels == 3 {
		step = plane
	}
	for p := range plane {
		m.Pix[3*p], m.Pix[3*p+1], m.Pix[3*p+2] = stored[p], stored[p+step], stored[p+2*step]
	}
	return m, nil
}

// maxHeld is how many bytes of a compressed array are kept in memory; longer ones are unpacked into a temporary file, so that memory does not grow with the data set.
const maxHeld = 16 << 20

// unpack reads exactly n bytes of r into memory or, beyond maxHeld, into a temporary file that vanishes with the process.
// It trusts no header: memory grows with the bytes that are really there.
func unpack(r io.Reader, n int64) (io.ReaderAt, io.Closer, error) {
	if n <= maxHeld {
		data, err := io.ReadAll(io.LimitReader(r, n))
		if err == nil && int64(len(data)) < n {
			err = fmt.Errorf("the data ends after %d of %d bytes", len(data), n)
		}
		return held(data), io.NopCloser(nil), err
	}
	f, err := os.CreateTemp("", "visus-*")
	if err != nil {
		return nil, nil, err
	}
	t := temporary{f, os.Remove(f.Name()) != nil} // Unix lets go of the name at once, so that even a killed process leaves nothing
	got, err := io.Copy(f, io.LimitReader(r, n))
	if err == nil && got < n {
		err = fmt.Errorf("the data ends after %d of %d bytes", got, n)
	}
	if err != nil {
		return nil, nil, errors.Join(err, t.Close())
	}
	return f, t, nil
}

type held []byte

func (h held) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at > int64(len(h)) {
		return 0, io.EOF
	}
	n := copy(p, h[at:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

type temporary struct {
	*os.File
	named bool
}

func (t temporary) Close() error {
	err := t.File.Close()
	if t.named {
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}

// levels reads floating-point values as grey levels. Only values that are k/255 are read: anything else would show observers another image than the file holds.
type levels struct {
	r    *bufio.Reader
	kind tensor.Type // Float32 or Float64, little-endian
	at   int64
}

func (l *levels) Read(p []byte) (int, error) {
	var raw [8]byte
	for i := range p {
		size := l.kind.Size()
		if n, err := io.ReadFull(l.r, raw[:size]); err != nil {
			if err == io.EOF && n == 0 && i > 0 {
				return i, nil
			}
			return i, err
		}
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[:4])))
		if l.kind == tensor.Float64 {
			v = math.Float64frombits(binary.LittleEndian.Uint64(raw[:]))
		}
		const tolerance = 1e-3 // grey levels; float32 arithmetic is off by less than 2e-5
		k := math.Round(v * 255)
		if !(k >= 0 && k <= 255 && math.Abs(v*255-k) <= tolerance) {
			return i, fmt.Errorf("value %d is %v; floating-point images are read only where every value is k/255 in 0..1: store them as uint8", l.at, v)
		}
		p[i] = byte(k)
		l.at++
	}
	return len(p), nil
}

// integers returns the values of a one-dimensional array of labels; [n,1] counts as one dimension.
func integers(t *tensor.Tensor) ([]int, error) {
	shape := t.Shape()
	if len(shape) == 2 && shape[1] == 1 {
		shape = shape[:1]
	}
	if len(shape) != 1 {
		return nil, fmt.Errorf("shape %v is not that of labels: expected one number an image", t.Shape())
	}
	out := make([]int, t.Len())
	for i, v := range t.Floats() {
		if v != math.Trunc(v) || math.Abs(v) > 1<<31 {
			return nil, fmt.Errorf("label %d is %v, not a whole number", i, v)
		}
		out[i] = int(v)
	}
	return out, nil
}
