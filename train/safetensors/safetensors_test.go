package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/tensor"
)

// raw is a file with this header and elements.
func raw(header, elements string) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), elements...)
}

func read(data []byte) (File, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func TestRoundTrip(t *testing.T) {
	kinds := slices.Collect(maps.Values(types))
	slices.Sort(kinds)
	rapid.Check(t, func(t *rapid.T) {
		f := File{Tensors: map[string]*tensor.Tensor{}, Metadata: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata")}
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z0-9_. "é]+`), 0, 6, rapid.ID).Draw(t, "names")
		for _, name := range names {
			x := tensor.New(rapid.SampledFrom(kinds).Draw(t, "type"), rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")...)
			for i := range x.Bytes() {
				x.Bytes()[i] = byte(rapid.IntRange(0, 1).Draw(t, "byte"))
			}
			f.Tensors[name] = x
		}
		var file bytes.Buffer
		if err := Write(&file, f); err != nil {
			t.Fatal(err)
		}
		if length := binary.LittleEndian.Uint64(file.Bytes()); length%8 != 0 {
			t.Errorf("the elements begin at %d", 8+length)
		}
		back, err := read(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(back.Tensors) != len(f.Tensors) || len(f.Metadata) > 0 && !maps.Equal(back.Metadata, f.Metadata) {
			t.Errorf("got %v, want %v", back, f)
		}
		for name, want := range f.Tensors {
			got := back.Tensors[name]
			if got == nil || got.Type() != want.Type() || !slices.Equal(got.Shape(), want.Shape()) || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%q: got %v, want %v", name, got, want)
			}
		}
	})
}

// TestPublished reads a file as the format's description lays it out: two float32 numbers, 1 and -2, a scalar, and an empty tensor.
func TestPublished(t *testing.T) {
	f, err := read(raw(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},`+
		`"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"c":{"dtype":"I64","shape":[0,3],"data_offsets":[9,9]}}   `,
		"\x00\x00\x80\x3f\x00\x00\x00\xc0\x07"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.Tensors["a"].Floats(), []float64{1, -2}) || !slices.Equal(f.Tensors["b"].Floats(), []float64{7}) ||
		!slices.Equal(f.Tensors["c"].Shape(), []int{0, 3}) || f.Metadata["format"] != "pt" {
		t.Errorf("got %v", f)
	}
}

func TestDamaged(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	for _, c := range []struct {
		data []byte
		want string
	}{
		{[]byte("short"), "5 bytes are no safetensors file"},
		{binary.LittleEndian.AppendUint64(nil, 1<<62), "claims 4611686018427387904 bytes, but 0 follow"},
		{raw("[]", ""), "a JSON object expected"},
		{raw(`{"w":`, ""), "header"},
		{raw(`{} x`, ""), "2 bytes follow its end"},
		{raw(`{"w":3}`, ""), `tensor "w"`},
		{raw(`{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4],"more":1}}`, "abcd"), `unknown field "more"`},
		{raw(`{"__metadata__":{"a":1}}`, ""), "__metadata__"},
		{raw(`{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, "a"), `"w" is there twice`},
		{raw(one("F8_E4M3", "[1]", "[0,1]"), "a"), `element type "F8_E4M3"`},
		{raw(one("F32", "[2,-1]", "[0,4]"), "abcd"), "negative"},
		{raw(one("F32", "[4611686018427387904,8]", "[0,4]"), "abcd"), "too many elements"},
		{raw(one("F32", "[2305843009213693952,2]", "[0,0]"), ""), "0 bytes are not F32"},
		{raw(one("F32", "[1000000000]", "[0,4000000000]"), "abcd"), "within 4 bytes"},
		{raw(one("F32", "[2]", "[0,4]"), "abcd"), "4 bytes are not F32 [2]"},
		{raw(one("F32", "[1]", "[0,5]"), "abcde"), "5 bytes are not F32 [1]"},
		{raw(one("F32", "[1]", "[4,8]"), "abcdefgh"), "expected from 0 on"},
		{raw(one("F32", "[1]", "[0,4]"), "abcdefgh"), "fill 4 bytes of 8"},
		{raw(one("BOOL", "[2]", "[0,2]"), "\x01\x02"), "neither 0 nor 1"},
		{raw(one("BOOL", "[2]", "[0,2]"), "\x01\xff"), "neither 0 nor 1"},
	} {
		if _, err := read(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.data, err, c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an absent file: %v", err)
	}
	if err := os.WriteFile(path, raw("{", ""), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
	if err := Write(&bytes.Buffer{}, File{Tensors: map[string]*tensor.Tensor{metadataKey: tensor.New(tensor.Bool)}}); err == nil {
		t.Error("a tensor under the name of the metadata was written")
	}
}

// FuzzRead: no input makes Read panic or allocate beyond its own size, and what it reads it can write and read again.
func FuzzRead(f *testing.F) {
	f.Add(raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}`, "abcdefgh"))
	f.Add(raw(`{"a":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}}`, "\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := read(data)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Write(&again, file); err != nil {
			t.Fatal(err)
		}
		if _, err := read(again.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}
