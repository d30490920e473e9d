package graph

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"visus/internal/onnx"
	"visus/tensor"
)

// externalFiles reads the weights that a model keeps in other files. They lie in the model's folder: os.Root refuses every path,
// and every symbolic link, that leaves it.
type externalFiles struct {
	folder string
	root   *os.Root
	open   map[string]*os.File
}

func (e *externalFiles) close() {
	for _, f := range e.open {
		f.Close()
	}
	if e.root != nil {
		e.root.Close()
	}
}

// read returns n elements of size bytes each; where size is 0 (a type that tensors lack), the bytes that the entries tell.
// The result is aligned for every type. The file is known to hold the bytes before memory is taken.
func (e *externalFiles) read(entries []*onnx.StringStringEntryProto, size, n int) ([]byte, error) {
	location, offset, length := "", int64(0), int64(-1)
	for _, entry := range entries {
		var err error
		switch entry.GetKey() {
		case "location":
			location = entry.GetValue()
		case "offset":
			offset, err = strconv.ParseInt(entry.GetValue(), 10, 64)
		case "length":
			length, err = strconv.ParseInt(entry.GetValue(), 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("external data: %s %q is not a number", entry.GetKey(), entry.GetValue())
		}
	}
	f, held, err := e.file(location)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = held - offset
		if size > 0 && n <= int(held)/size {
			length = int64(n * size)
		}
	}
	if offset < 0 || length < 0 || offset > held || length > held-offset {
		return nil, fmt.Errorf("external file %q has %d bytes, but the tensor claims %d from byte %d", location, held, length, offset)
	}
	if size > 0 && (length%int64(size) != 0 || length/int64(size) != int64(n)) {
		return nil, fmt.Errorf("its shape needs %d elements of %d bytes, but it claims %d bytes of the external file %q", n, size, length, location)
	}
	data := tensor.New(tensor.Uint8, int(length)).Bytes()
	if _, err := f.ReadAt(data, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("external file %q: %w", location, err)
	}
	return data, nil
}

func (e *externalFiles) file(location string) (*os.File, int64, error) {
	if e.folder == "" {
		return nil, 0, fmt.Errorf("its data lie in the external file %q, but the model was not read from a folder", location)
	}
	if !filepath.IsLocal(location) {
		return nil, 0, fmt.Errorf("its external file %q leaves the model's folder", location)
	}
	f := e.open[location]
	if f == nil {
		var err error
		if e.root == nil {
			if e.root, err = os.OpenRoot(e.folder); err != nil {
				return nil, 0, err
			}
		}
		info, err := e.root.Stat(location)
		if err != nil {
			return nil, 0, fmt.Errorf("its external file: %w", err)
		}
		if !info.Mode().IsRegular() {
			return nil, 0, fmt.Errorf("its external file %q is not a file", location)
		}
		if f, err = e.root.Open(location); err != nil {
			return nil, 0, fmt.Errorf("its external file: %w", err)
		}
		if e.open == nil {
			e.open = map[string]*os.File{}
		}
		e.open[location] = f
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("its external file: %w", err)
	}
	return f, info.Size(), nil
}
