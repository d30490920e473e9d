package tensor

import (
	"archive/zip"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  int
		err   string
	}{
		{nil, 1, ""},
		{[]int{2, 3}, 6, ""},
		{[]int{2, 0, 3}, 0, ""},
		{[]int{2, -1}, 0, "tensor: dimension 1 of shape [2 -1] is negative"},
		{[]int{1 << 40, 1 << 40}, 0, "tensor: shape [1099511627776 1099511627776] has too many elements"},
	} {
		got, err := Elements(c.shape)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("Elements(%v) = %d, %v; want %d, %q", c.shape, got, err, c.want, c.err)
		}
	}
}

func TestOfSharesAndChecks(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	a, err := Of(values, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	values[0] = 7
	if got := Values[float32](a)[0]; got != 7 {
		t.Errorf("the tensor holds %g, want the caller's 7", got)
	}
	if _, err := Of(values, 2, 2); err == nil || err.Error() != "tensor: shape [2 2] has 4 elements, found 6 values" {
		t.Errorf("error %v", err)
	}
	if scalar, err := Of([]int64{5}); err != nil || scalar.Len() != 1 || len(scalar.Shape()) != 0 {
		t.Errorf("a scalar is %v, %v", scalar, err)
	}
}

// Every half-precision number is exact in single precision, so the way there and back is the identity (but for the payloads of NaN).
func TestHalfIsExact(t *testing.T) {
	for bits := range 1 << 16 {
		h := Half(bits)
		v := h.Float32()
		if math.IsNaN(float64(v)) {
			if back := HalfOf(v); !math.IsNaN(float64(back.Float32())) {
				t.Fatalf("NaN %#04x became %#04x", bits, back)
			}
			continue
		}
		if back := HalfOf(v); back != h {
			t.Fatalf("%#04x is %g and became %#04x", bits, v, back)
		}
	}
}

// Known values of IEEE 754-2008 binary16, and ties that round to even.
func TestHalfOf(t *testing.T) {
	for _, c := range []struct {
		v    float32
		want Half
	}{
		{0, 0}, {1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65520, 0x7c00}, {65519, 0x7bff}, {6.103515625e-05, 0x0400},
		{5.960464477539063e-08, 0x0001}, {2.9802322387695312e-08, 0x0000}, {8.940696716308594e-08, 0x0002},
		{1 + 1./2048, 0x3c00}, {1 + 3./2048, 0x3c02}, {float32(math.Inf(-1)), 0xfc00},
	} {
		if got := HalfOf(c.v); got != c.want {
			t.Errorf("HalfOf(%g) = %#04x, want %#04x", c.v, got, c.want)
		}
	}
}

func TestFloatsOfEveryType(t *testing.T) {
	want := []float64{0, 1}
	for _, a := range []*Tensor{
		of(t, []float32{0, 1}), of(t, []float64{0, 1}), of(t, []Half{0, 0x3c00}), of(t, []Brain{0, 0x3f80}), of(t, []int8{0, 1}), of(t, []int16{0, 1}),
		of(t, []int32{0, 1}), of(t, []int64{0, 1}), of(t, []uint8{0, 1}), of(t, []uint16{0, 1}), of(t, []uint32{0, 1}), of(t, []uint64{0, 1}), of(t, []bool{false, true}),
	} {
		if got := a.Floats(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", a.Type(), got, want)
		}
	}
}

func of[T Element](t *testing.T, values []T) *Tensor {
	t.Helper()
	a, err := Of(values, len(values))
	if err != nil {
		t.Fatal(err)
	}
	if a.Type().Size()*len(values) != len(a.Bytes()) {
		t.Errorf("%s: %d bytes for %d values", a.Type(), len(a.Bytes()), len(values))
	}
	return a
}

func TestNPYIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape")
		kind := Type(rapid.SampledFrom([]Type{Float32, Float64, Float16, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Bool}).Draw(t, "type"))
		a := New(kind, shape...)
		for i := range a.bytes {
			a.bytes[i] = byte(i * 37 % 251)
		}
		var file bytes.Buffer
		if err := WriteNPY(&file, a); err != nil {
			t.Fatal(err)
		}
		b, err := ReadNPY(&file)
		if err != nil {
			t.Fatal(err)
		}
		if b.Type() != kind || !slices.Equal(b.Shape(), a.Shape()) || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("%s %v became %s %v", kind, shape, b.Type(), b.Shape())
		}
	})
}

// npy makes a version 1 file by hand, as NumPy writes it.
func npy(header string, data ...byte) []byte {
	header += "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(out, header...), data...)
}

func TestReadNPYOrders(t *testing.T) {
	fortran := npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", 1, 4, 2, 5, 3, 6)
	a, err := ReadNPY(bytes.NewReader(fortran))
	if err != nil || !bytes.Equal(a.Bytes(), []byte{1, 2, 3, 4, 5, 6}) {
		t.Errorf("column-major: %v, %v", a, err)
	}
	big := npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", 1, 2, 0, 3)
	b, err := ReadNPY(bytes.NewReader(big))
	if err != nil || !slices.Equal(Values[int16](b), []int16{258, 3}) {
		t.Errorf("big-endian: %v, %v", b, err)
	}
}

func TestReadNPYErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "not an NPY file", nil},
		{"text", "not an NPY file", []byte("hello, world")},
		{"cut header", "ends inside its header", npy("{'descr'")[:12]},
		{"no shape", "cannot read the header", npy("{'descr': '<f4', 'fortran_order': False}")},
		{"objects", `element type "O8"`, npy("{'descr': '|O8', 'fortran_order': False, 'shape': (1,)}")},
		{"cut data", "needs 12 bytes: only 2 are there", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 0, 0)},
		{"claims", "needs 4000000000000 bytes", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}", 0)},
		{"overflow", "too many elements", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000, 4)}")},
	} {
		if _, err := ReadNPY(bytes.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "two.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, name := range []string{"x.npy", "y.npy"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteNPY(w, of(t, []uint8{1, 2})); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	a, err := OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if !slices.Equal(a.Names(), []string{"x", "y"}) || !a.Has("y") || a.Has("z") {
		t.Errorf("names %v", a.Names())
	}
	if x, err := a.Read("x"); err != nil || x.Len() != 2 {
		t.Errorf("x: %v, %v", x, err)
	}
	if _, err := a.Read("z"); err == nil || !strings.Contains(err.Error(), `no array "z"; it holds x, y`) {
		t.Errorf("error %v", err)
	}
	if _, err := OpenNPZ(os.DevNull); err == nil || !strings.Contains(err.Error(), "not an NPZ file") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 0, 0, 128, 63))
	f.Add(npy("{'descr': '|b1', 'fortran_order': True, 'shape': (2, 1), }", 0, 1))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ReadNPY(bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteNPY(&out, a); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadNPY(&out); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("written and read again: %v", err)
		}
	})
}
