// Package safetensors reads and writes named tensors in the safetensors format, which PyTorch, JAX and others share.
//
// A file is the length of its header (8 bytes, little-endian), the header, and the tensors' elements (row-major, little-endian). The header is
// JSON: for each tensor its element type, its shape and where its elements begin and end behind the header, without gaps; and under
// "__metadata__" texts by name. Source: the format's own description, https://github.com/huggingface/safetensors.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"visus/tensor"
)

// headerLimit is the longest header that the format allows.
const headerLimit = 100_000_000

const metadataKey = "__metadata__"

// types are the format's names of the element types that tensors have.
var types = map[string]tensor.Type{
	"F64": tensor.Float64, "F32": tensor.Float32, "F16": tensor.Float16, "BF16": tensor.BFloat16, "BOOL": tensor.Bool,
	"I64": tensor.Int64, "I32": tensor.Int32, "I16": tensor.Int16, "I8": tensor.Int8,
	"U64": tensor.Uint64, "U32": tensor.Uint32, "U16": tensor.Uint16, "U8": tensor.Uint8,
}

// File is what a file holds.
type File struct {
	Tensors  map[string]*tensor.Tensor
	Metadata map[string]string
}

// entry is a tensor in the header.
type entry struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes the file. The same contents give the same bytes: tensors lie in the order of their element sizes, largest first, so that each is
// aligned, then of their names.
func Write(w io.Writer, f File) error {
	names := slices.SortedFunc(maps.Keys(f.Tensors), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Tensors[b].Type().Size(), f.Tensors[a].Type().Size()), cmp.Compare(a, b))
	})
	header, err := encodeHeader(f, names)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(f.Tensors[name].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// encodeHeader is filled up with spaces, so that the elements begin at a multiple of 8 bytes.
func encodeHeader(f File, names []string) ([]byte, error) {
	header := make(map[string]any, len(names)+1) // encoding/json sorts keys
	end := int64(0)
	for _, name := range names {
		t := f.Tensors[name]
		if name == metadataKey {
			return nil, fmt.Errorf("a tensor cannot be named %q", name)
		}
		begin := end
		end += int64(len(t.Bytes()))
		header[name] = entry{Type: nameOf(t.Type()), Shape: append([]int{}, t.Shape()...), Offsets: [2]int64{begin, end}}
	}
	if len(f.Metadata) > 0 {
		header[metadataKey] = f.Metadata
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	if pad := len(text) % 8; pad > 0 {
		text = append(text, bytes.Repeat([]byte{' '}, 8-pad)...)
	}
	if len(text) > headerLimit {
		return nil, fmt.Errorf("the header has %d bytes, more than the %d that the format allows", len(text), headerLimit)
	}
	return text, nil
}

func nameOf(t tensor.Type) string {
	for name, kind := range types {
		if kind == t {
			return name
		}
	}
	return ""
}

// Open reads a file.
func Open(path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("safetensors: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return File{}, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Read(file, info.Size())
	if err != nil {
		return File{}, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return f, nil
}

// Read reads a file of the given number of bytes. Nothing is allocated that the file does not have bytes for.
func Read(r io.ReaderAt, size int64) (File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return File{}, fmt.Errorf("%d bytes are no safetensors file: 8 bytes of header length expected", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return File{}, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > uint64(size)-8 || length > headerLimit {
		return File{}, fmt.Errorf("its header claims %d bytes, but %d follow (and the format allows %d)", length, size-8, headerLimit)
	}
	text := make([]byte, length)
	if err := readAt(r, text, 8); err != nil {
		return File{}, err
	}
	entries, metadata, err := decodeHeader(text)
	if err != nil {
		return File{}, fmt.Errorf("header: %w", err)
	}
	start := 8 + int64(length)
	if err := check(entries, size-start); err != nil {
		return File{}, err
	}
	f := File{Tensors: make(map[string]*tensor.Tensor, len(entries)), Metadata: metadata}
	for name, e := range entries {
		t := tensor.New(types[e.Type], e.Shape...)
		if err := readAt(r, t.Bytes(), start+e.Offsets[0]); err != nil {
			return File{}, err
		}
		if t.Type() == tensor.Bool && bytes.ContainsFunc(t.Bytes(), func(r rune) bool { return r > 1 }) {
			return File{}, fmt.Errorf("tensor %q: a truth value is neither 0 nor 1", name)
		}
		f.Tensors[name] = t
	}
	return f, nil
}

func readAt(r io.ReaderAt, into []byte, at int64) error {
	n, err := r.ReadAt(into, at)
	if n == len(into) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// decodeHeader walks the header's keys, as encoding/json would quietly take the last of two equal ones.
func decodeHeader(text []byte) (map[string]entry, map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, errors.New("a JSON object expected")
	}
	entries, metadata := map[string]entry{}, map[string]string(nil)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		name := token.(string) // a key of an object
		if _, twice := entries[name]; twice || name == metadataKey && metadata != nil {
			return nil, nil, fmt.Errorf("%q is there twice", name)
		}
		if name == metadataKey {
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	if rest := bytes.TrimRight(text[d.InputOffset():], " \x00"); len(rest) > 0 {
		return nil, nil, fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return entries, metadata, nil
}

// check makes sure that the entries are of known types and that their elements fill the given number of bytes one behind the other.
func check(entries map[string]entry, size int64) error {
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	})
	end := int64(0)
	for _, name := range names {
		e := entries[name]
		kind, ok := types[e.Type]
		if !ok {
			return fmt.Errorf("tensor %q: element type %q is not one that visus computes with", name, e.Type)
		}
		n, err := tensor.Elements(e.Shape)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		if e.Offsets[0] != end || e.Offsets[1] < end || e.Offsets[1] > size {
			return fmt.Errorf("tensor %q: its elements lie at %v, expected from %d on within %d bytes", name, e.Offsets, end, size)
		}
		found := e.Offsets[1] - end
		if found/int64(kind.Size()) != int64(n) || found%int64(kind.Size()) != 0 {
			return fmt.Errorf("tensor %q: %d bytes are not %s %v", name, found, e.Type, e.Shape)
		}
		end = e.Offsets[1]
	}
	if end != size {
		return fmt.Errorf("the tensors fill %d bytes of %d", end, size)
	}
	return nil
}
