// Package golden finds golden data for tests and compares results with it.
package golden

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

// Near reports the first element of got that is further from want than the tolerance, relative to want's largest finite entry. Equal infinities are
// near, and so are two NaN.
func Near(got, want *tensor.Tensor, tolerance float64) error {
	if want == nil || !slices.Equal(got.Shape(), want.Shape()) {
		return fmt.Errorf("shape %v is not that of the golden array", got.Shape())
	}
	a, b := got.Floats(), want.Floats()
	largest := 0.0
	for _, v := range b {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			largest = max(largest, math.Abs(v))
		}
	}
	for i := range a {
		same := a[i] == b[i] || math.IsNaN(a[i]) && math.IsNaN(b[i]) || math.Abs(a[i]-b[i]) <= tolerance*largest
		if !same {
			return fmt.Errorf("element %d is %g, want %g (largest %g)", i, a[i], b[i], largest)
		}
	}
	return nil
}

// GraphCases is the index.json of a folder of graphs, such as data/graph. Tolerances are of the largest entry.
type GraphCases struct {
	Cases []struct {
		Name      string
		Exporters []string
		Output    float64 `json:"tolerance_output"`
		Gradient  float64 `json:"tolerance_gradient"`
	}
}
