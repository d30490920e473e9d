package graph

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
)

// TestGoldenInferShapes compares inferred output shapes with those of the arrays that the exporter's network gave. The shapes that the
// file states are taken away first, so that the rules alone must find them.
func TestGoldenInferShapes(t *testing.T) {
	compared, open, without := 0, 0, map[string]bool{}
	for _, path := range golden.Files(t, "graph", "*.onnx") {
		g, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		g.Known = nil
		for i := range g.Outputs {
			g.Outputs[i].Shape = nil
		}
		for _, n := range g.Nodes {
			if ruleOf(n.Op) == nil && evaluators[n.Op] == nil {
				without[n.Op] = true
			}
		}
		values, err := g.InferShapes()
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		arrays := golden.Arrays(t, filepath.Join(filepath.Dir(path), name+".npz"))
		for i, out := range g.Outputs {
			want := arrays["out"+strconv.Itoa(i)]
			if want == nil {
				continue
			}
			got, fixed := values[out.Name].Sizes()
			if !fixed {
				open++
				t.Logf("%s: output %d is inferred as %v, it is %v", filepath.Base(path), i, values[out.Name].Shape, want.Shape())
				continue
			}
			compared++
			if !slices.Equal(got, want.Shape()) {
				t.Errorf("%s: output %d is inferred as %v, it is %v", filepath.Base(path), i, got, want.Shape())
			}
		}
	}
	if compared == 0 {
		t.Fatal("nothing compared")
	}
	t.Logf("compared %d cases, %d outputs left open, operators without a rule: %v", compared, open, slices.Sorted(maps.Keys(without)))
}
