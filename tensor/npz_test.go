package tensor

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestWriteNPZ(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := Of([]bool{true, false}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteNPZ(f, Named{"x", x}, Named{"flags", flags}); err != nil {
		t.Fatal(err)
	}
	a, err := OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if names := a.Names(); !reflect.DeepEqual(names, []string{"x", "flags"}) {
		t.Errorf("arrays %q, expected x and flags", names)
	}
	for name, want := range map[string]*Tensor{"x": x, "flags": flags} {
		if got, err := a.Read(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, error %v, expected %v", name, got, err, want)
		}
	}
}
