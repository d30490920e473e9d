// Package golden finds golden data for tests and compares results with it.
package golden

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"testing"

	"visus/tensor"
)

// Dir returns a folder of the golden data: VISUS_GOLDEN (default ../shared/data seen from the module's root) joined with name.
// It skips the test, saying why, where the folder is absent.
func Dir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("VISUS_GOLDEN")
	if root == "" {
		_, here, _, _ := runtime.Caller(0)
		root = filepath.Join(filepath.Dir(here), "..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("golden data absent: %s (set VISUS_GOLDEN to the folder that holds it)", name)
	}
	return dir
}

// Files returns the files below Dir(name) that match the pattern, sorted. It skips the test where there are none.
func Files(t testing.TB, name, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Dir(t, name), pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("golden data absent: no file %s in %s", pattern, name)
	}
	sort.Strings(files)
	return files
}

// Arrays reads every array of an NPZ file.
func Arrays(t testing.TB, path string) map[string]*tensor.Tensor {
	t.Helper()
	archive, err := tensor.OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	out := map[string]*tensor.Tensor{}
	for _, name := range archive.Names() {
		if out[name], err = archive.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// JSON decodes a file.
func JSON[T any](t testing.TB, path string) T {
	t.Helper()
	var v T
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}
