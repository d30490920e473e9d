package tensor

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Header is what an NPY file says about its array before the values follow.
type Header struct {
	Type    Type
	Shape   []int
	Fortran bool // column-major order
	swap    bool // big-endian
}

// descriptors maps NumPy's type characters to ours.
var descriptors = map[string]Type{
	"f4": Float32, "f8": Float64, "f2": Float16, "i1": Int8, "i2": Int16, "i4": Int32, "i8": Int64,
	"u1": Uint8, "u2": Uint16, "u4": Uint32, "u8": Uint64, "b1": Bool,
}

var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([\d,\sL]*)\)`)
)

// maxNPYHeader bounds the header text; NumPy's own are under 1 kB unless a record type is described, which is not read here.
const maxNPYHeader = 1 << 16

// ReadHeader reads the header of an NPY file (format versions 1 to 3) and leaves r at the first value.
// It reports an error for a damaged header and for element types other than numbers and booleans.
func ReadHeader(r io.Reader) (Header, error) {
	var h Header
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != "\x93NUMPY" {
		return h, errors.New("npy: not an NPY file (its first bytes are not \\x93NUMPY)")
	}
	var length uint32
	if start[6] == 1 {
		var short uint16
		if err := binary.Read(r, binary.LittleEndian, &short); err != nil {
			return h, errors.New("npy: the file ends inside its header")
		}
		length = uint32(short)
	} else if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return h, errors.New("npy: the file ends inside its header")
	}
	if length > maxNPYHeader {
		return h, fmt.Errorf("npy: the header claims %d bytes, at most %d are read", length, maxNPYHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, errors.New("npy: the file ends inside its header")
	}
	return parseHeader(string(text))
}

func parseHeader(text string) (Header, error) {
	var h Header
	descr, order, shape := npyDescr.FindStringSubmatch(text), npyFortran.FindStringSubmatch(text), npyShape.FindStringSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return h, fmt.Errorf("npy: cannot read the header %.80q", text)
	}
	kind, ok := descriptors[descr[2]]
	if !ok {
		return h, fmt.Errorf("npy: element type %q is not a number or boolean", descr[2])
	}
	h.Type, h.swap, h.Fortran = kind, descr[1] == ">", order[1] == "True"
	for _, field := range strings.FieldsFunc(shape[1], func(r rune) bool { return r == ',' || r == ' ' || r == 'L' }) {
		d, err := strconv.Atoi(field)
		if err != nil {
			return h, fmt.Errorf("npy: dimension %q of the shape is not a number", field)
		}
		h.Shape = append(h.Shape, d)
	}
	n, err := Elements(h.Shape)
	if err != nil {
		return h, err
	}
	if n > 0 && kind.Size() > int(^uint(0)>>1)/n {
		return h, fmt.Errorf("npy: shape %v has too many elements", h.Shape)
	}
	return h, nil
}

// ReadNPY reads one array. Memory grows with the bytes that are really there, never with what the header claims.
func ReadNPY(r io.Reader) (*Tensor, error) {
	h, err := ReadHeader(r)
	if err != nil {
		return nil, err
	}
	n, _ := Elements(h.Shape)
	want := n * h.Type.Size()
	data, err := readExactly(r, want)
	if err != nil {
		return nil, fmt.Errorf("npy: shape %v of %s needs %d bytes: %w", h.Shape, h.Type, want, err)
	}
	t := New(h.Type, h.Shape...)
	copy(t.bytes, data)
	if h.swap {
		swapBytes(t.bytes, h.Type.Size())
	}
	if h.Fortran && len(h.Shape) > 1 {
		t = fromFortran(t)
	}
	return t, nil
}

// readExactly reads n bytes in growing pieces so that a false claim of the header costs nothing.
func readExactly(r io.Reader, n int) ([]byte, error) {
	var buf bytes.Buffer
	if n < 1<<20 {
		buf.Grow(n)
	}
	got, err := io.Copy(&buf, io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, err
	}
	if int(got) != n {
		return nil, fmt.Errorf("only %d are there", got)
	}
	return buf.Bytes(), nil
}

func swapBytes(data []byte, size int) {
	for i := 0; i+size <= len(data); i += size {
		slices.Reverse(data[i : i+size])
	}
}

// fromFortran returns the column-major values of t in row-major order.
func fromFortran(t *Tensor) *Tensor {
	out := New(t.kind, t.shape...)
	size, n := t.kind.Size(), t.Len()
	index := make([]int, len(t.shape))
	for i := range n {
		at, stride := 0, 1
		for axis, d := range t.shape {
			at += index[axis] * stride
			stride *= d
		}
		copy(out.bytes[i*size:(i+1)*size], t.bytes[at*size:])
		for axis := len(index) - 1; axis >= 0; axis-- {
			index[axis]++
			if index[axis] < t.shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return out
}

// WriteNPY writes the tensor as an NPY file of format version 1.
func WriteNPY(w io.Writer, t *Tensor) error {
	descr := ""
	for name, kind := range descriptors {
		if kind == t.kind {
			descr = name
		}
	}
	if descr == "" {
		return fmt.Errorf("npy: NumPy has no element type for %s", t.kind)
	}
	mark := "<"
	if t.kind.Size() == 1 {
		mark = "|"
	}
	dims := make([]string, len(t.shape))
	for i, d := range t.shape {
		dims[i] = strconv.Itoa(d)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", mark, descr, shape)
	const fixed = 10 // magic, version, length
	padding := (64 - (fixed+len(text)+1)%64) % 64
	text += strings.Repeat(" ", padding) + "\n"
	out := bufio.NewWriter(w)
	out.WriteString("\x93NUMPY\x01\x00")
	out.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(text))))
	out.WriteString(text)
	out.Write(t.bytes)
	return out.Flush()
}

// ReadFile reads one array from an NPY file.
func ReadFile(path string) (*Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := ReadNPY(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Archive is an open NPZ file: named arrays in a ZIP.
type Archive struct {
	path  string
	file  *zip.ReadCloser
	names []string
}

// OpenNPZ opens an NPZ file and lists its arrays without reading them.
func OpenNPZ(path string) (*Archive, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("%s: not an NPZ file: %w", path, err)
	}
	a := &Archive{path: path, file: z}
	for _, f := range z.File {
		if name, ok := strings.CutSuffix(f.Name, ".npy"); ok {
			a.names = append(a.names, name)
		}
	}
	return a, nil
}

// Names lists the arrays in the file's order.
func (a *Archive) Names() []string { return a.names }

// Has says whether the file holds the named array.
func (a *Archive) Has(name string) bool { return slices.Contains(a.names, name) }

// Read reads one array by name.
func (a *Archive) Read(name string) (*Tensor, error) {
	for _, f := range a.file.File {
		if f.Name != name+".npy" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", a.path, name, err)
		}
		defer r.Close()
		t, err := ReadNPY(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", a.path, name, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s: no array %q; it holds %s", a.path, name, shorten(a.names, 10))
}

// Close closes the file.
func (a *Archive) Close() error { return a.file.Close() }

func shorten(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}
