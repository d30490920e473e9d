package stimulus

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const idxImages = "idx3-ubyte"

// isIDXImages says whether a file is named as MNIST's images are: train-images-idx3-ubyte, with .gz or without.
func isIDXImages(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), idxImages)
}

// openIDXFolder opens the only image file, or the test set where the folder holds training images too.
func openIDXFolder(dir string, names []string) (*Collection, error) {
	byStem := map[string]string{} // the compressed and the unpacked file are one set; names are sorted, so the unpacked one comes first
	var stems, tests []string
	for _, name := range names {
		stem := strings.TrimSuffix(strings.ToLower(name), ".gz")
		if _, ok := byStem[stem]; ok {
			continue
		}
		byStem[stem] = name
		stems = append(stems, stem)
		if strings.Contains(stem, "t10k") || strings.Contains(stem, "test") {
			tests = append(tests, stem)
		}
	}
	if len(stems) > 1 {
		stems = tests
	}
	if len(stems) != 1 {
		return nil, fmt.Errorf("stimulus: folder %s holds %d IDX files of images (%s); name one of them", dir, len(byStem), few(names))
	}
	return openIDX(filepath.Join(dir, byStem[stems[0]]))
}

// openIDX opens a file of images in the IDX format (http://yann.lecun.com/exdb/mnist) and the file of labels beside it, if there is one.
func openIDX(name string) (*Collection, error) {
	stem := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".gz"), ".GZ")
	a := &array{file: name, name: stem}
	if err := a.readIDX(); err != nil {
		return nil, errors.Join(fmt.Errorf("stimulus: %s: %w", name, err), a.Close())
	}
	labelled := strings.Replace(strings.Replace(stem, "images", "labels", 1), "idx3", "idx1", 1)
	for _, candidate := range []string{labelled, labelled + ".gz"} {
		file := filepath.Join(filepath.Dir(name), candidate)
		if _, err := os.Stat(file); candidate == stem || err != nil {
			continue
		}
		labels, err := idxLabels(file)
		if err == nil {
			err = a.label(labels)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("stimulus: %s: %w", file, err), a.Close())
		}
		break
	}
	return &Collection{Path: name, Kind: "idx", Conditions: []Condition{{clean, a}}}, nil
}

func (a *array) readIDX() error {
	f, r, err := openGzip(a.file)
	if err != nil {
		return err
	}
	a.open = append(a.open, f)
	shape, err := readIDXHeader(r)
	if err != nil {
		return err
	}
	if err := a.shape(shape); err != nil {
		return err
	}
	if r != io.Reader(f) {
		bytes, file, err := unpack(r, a.total())
		if err != nil {
			return err
		}
		a.bytes, a.open = bytes, append(a.open, file)
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a.bytes, a.base = f, int64(4+4*len(shape))
	if have := info.Size() - a.base; have < a.total() {
		return fmt.Errorf("the data ends after %d of %d bytes", have, a.total())
	}
	return nil
}

// openGzip opens a file; r unpacks it where its name ends in .gz and is f itself otherwise.
func openGzip(name string) (f *os.File, r io.Reader, err error) {
	if f, err = os.Open(name); err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(strings.ToLower(name), ".gz") {
		return f, f, nil
	}
	if r, err = gzip.NewReader(f); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, r, nil
}

// readIDXHeader reads the shape of an array of bytes and leaves r at the first one.
func readIDXHeader(r io.Reader) ([]int, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || magic[0] != 0 || magic[1] != 0 {
		return nil, errors.New("not an IDX file (it does not begin with two zero bytes and a type)")
	}
	const unsignedByte = 8
	if magic[2] != unsignedByte {
		return nil, fmt.Errorf("element type %#02x; expected 0x08, unsigned bytes", magic[2])
	}
	shape := make([]int, magic[3])
	const most = 1 << 40 // more bytes than any data set has
	elements := 1
	for i := range shape {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			return nil, errors.New("the file ends inside its header")
		}
		shape[i] = int(size)
		if size > 0 && elements > most/int(size) {
			return nil, fmt.Errorf("shape %v is larger than any data set", shape[:i+1])
		}
		elements *= int(size)
	}
	return shape, nil
}

func idxLabels(name string) ([]int, error) {
	f, r, err := openGzip(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	shape, err := readIDXHeader(r)
	if err != nil {
		return nil, err
	}
	if len(shape) != 1 {
		return nil, fmt.Errorf("shape %v is not that of labels: expected one number an image", shape)
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(shape[0])))
	if err != nil {
		return nil, err
	}
	if len(data) < shape[0] {
		return nil, fmt.Errorf("the data ends after %d of %d bytes", len(data), shape[0])
	}
	labels := make([]int, len(data))
	for i, v := range data {
		labels[i] = int(v)
	}
	return labels, nil
}
