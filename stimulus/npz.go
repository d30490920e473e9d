package stimulus

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"visus/tensor"
)

// openNPZ opens NumPy's archive of images x (or images) and labels y (or labels). Bytes that numpy.savez wrote are read in place;
// those of savez_compressed, and floating-point values, are unpacked once.
func openNPZ(name string) (*Collection, error) {
	base := filepath.Base(name)
	a := &array{file: name, name: strings.TrimSuffix(base, filepath.Ext(base))}
	if err := a.readNPZ(); err != nil {
		return nil, errors.Join(fmt.Errorf("stimulus: %s: %w", name, err), a.Close())
	}
	return &Collection{Path: name, Kind: "npz", Conditions: []Condition{{clean, a}}}, nil
}

func (a *array) readNPZ() error {
	f, err := os.Open(a.file)
	if err != nil {
		return err
	}
	a.open = append(a.open, f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("not an NPZ file: %w", err)
	}
	x, names := member(archive, "x", "images")
	if x == nil {
		return fmt.Errorf("no array x or images; it holds %s", few(names))
	}
	if err := a.readMember(x, f); err != nil {
		return fmt.Errorf("%s: %w", x.Name, err)
	}
	y, _ := member(archive, "y", "labels")
	if y == nil {
		return nil
	}
	labels, err := memberLabels(y)
	if err != nil {
		return fmt.Errorf("%s: %w", y.Name, err)
	}
	return a.label(labels)
}

// member finds the array that has one of the names, the first name first, and lists all names.
func member(archive *zip.Reader, names ...string) (found *zip.File, all []string) {
	best := len(names)
	for _, f := range archive.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		all = append(all, name)
		if i := slices.Index(names, name); i >= 0 && i < best {
			best, found = i, f
		}
	}
	return found, all
}

// readMember makes the images of an archive's member readable; the archive is f.
func (a *array) readMember(x *zip.File, f io.ReaderAt) error {
	r, err := x.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	counted := &counter{r: r}
	h, err := a.header(counted)
	if err != nil {
		return err
	}
	var values io.Reader = r
	switch {
	case h.Type == tensor.Uint8 && x.Method == zip.Store:
		if uint64(counted.n+a.total()) > x.UncompressedSize64 {
			return fmt.Errorf("the data ends after %d of %d bytes", int64(x.UncompressedSize64)-counted.n, a.total())
		}
		start, err := x.DataOffset()
		a.bytes, a.base = f, start+counted.n
		return err
	case h.Type == tensor.Float32 || h.Type == tensor.Float64:
		values = &levels{r: bufio.NewReader(r), kind: h.Type}
	case h.Type != tensor.Uint8:
		return fmt.Errorf("images of %s; expected uint8", h.Type)
	}
	bytes, file, err := unpack(values, a.total())
	if err != nil {
		return err
	}
	a.bytes, a.open = bytes, append(a.open, file)
	return nil
}

// header reads an array's header and takes its shape.
func (a *array) header(r io.Reader) (tensor.Header, error) {
	h, err := tensor.ReadHeader(r)
	if err != nil {
		return h, err
	}
	if h.Fortran {
		return h, errors.New("the array is stored column by column; store numpy.ascontiguousarray of it")
	}
	return h, a.shape(h.Shape)
}

func memberLabels(y *zip.File) ([]int, error) {
	r, err := y.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t, err := tensor.ReadNPY(r)
	if err != nil {
		return nil, err
	}
	return integers(t)
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
