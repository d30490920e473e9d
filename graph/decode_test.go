package graph

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"visus/internal/golden"
)

// models walks the golden folder for ONNX files.
func models(t testing.TB) []string {
	var out []string
	err := filepath.WalkDir(golden.Dir(t, "."), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".onnx") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no ONNX file below the golden folder")
	}
	return out
}

func TestGoldenLoadSave(t *testing.T) {
	compared := 0
	for _, path := range models(t) {
		first, err := Load(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, o := range []SaveOptions{{}, {External: 100}} {
			again := filepath.Join(t.TempDir(), "model.onnx")
			if err := first.Save(again, o); err != nil {
				t.Errorf("%v", err)
				continue
			}
			second, err := Load(again)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			same(t, path, first, second)
		}
		compared++
	}
	t.Logf("compared %d cases", compared)
}

// same compares two graphs by what they would be written as.
func same(t *testing.T, name string, a, b *Graph) {
	t.Helper()
	x, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Errorf("%s: loading what was saved gives another graph", name)
	}
}
