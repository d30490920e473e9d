package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"visus/graph"
	"visus/internal/speed"
)

func TestResNet50HasItsSize(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 25 million weights")
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := saveResNet50(path); err != nil {
		t.Fatal(err)
	}
	g, err := graph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := g.Describe()
	if err != nil {
		t.Fatal(err)
	}
	// He et al. 2016: 25.6 million parameters and, with the stride on the 3×3 as in torchvision, 4.09 billion multiply-adds.
	if p := float64(d.Parameters); math.Abs(p-25.6e6) > 0.1e6 {
		t.Errorf("%d parameters, expected 25.6 million", d.Parameters)
	}
	if m := float64(d.MultiplyAdds); math.Abs(m-4.09e9) > 0.03e9 {
		t.Errorf("%d multiply-adds, expected 4.09 billion", d.MultiplyAdds)
	}
}

func TestPage(t *testing.T) {
	var p page
	p.section("Part")
	p.table([]string{"what", "speed"}, [][]string{{"one", spread(speed.Sample{1, 3, 2})}})
	p.goal("one", figure(2), "≥ 3", false)
	text := p.markdown(time.Now(), true)
	for _, want := range []string{"quick run", "| one | 2.00 | ≥ 3 | no |", "\n\n## Part\n\n| what | speed |\n| --- | ---: |\n| one | 2.00 (1.00–3.00) |\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestSummaryCountsOnlyComparisons(t *testing.T) {
	mean, slowest, counted := summary([]result{{name: "a", ratio: speed.Sample{2}}, {name: "alone"}, {name: "b", ratio: speed.Sample{8}}})
	if math.Abs(mean-4) > 1e-12 || slowest.name != "a" || counted != 2 {
		t.Errorf("mean %g, slowest %s, %d counted; expected 4, a, 2", mean, slowest.name, counted)
	}
}

func TestHighWater(t *testing.T) {
	if mb := highWater("Name:\tvisus\nVmHWM:\t   64000 kB\nVmRSS:\t 1000 kB\n"); math.Abs(mb-65.536) > 1e-9 {
		t.Errorf("%g MB, expected 65.536", mb)
	}
	if mb := highWater("Name:\tvisus\n"); mb != 0 {
		t.Errorf("%g MB without the line, expected 0", mb)
	}
}

func TestLeavesAreReproducible(t *testing.T) {
	a, b, other := leaves(1, 64, 48), leaves(1, 64, 48), leaves(2, 64, 48)
	if string(a.Pix) != string(b.Pix) || string(a.Pix) == string(other.Pix) {
		t.Error("the picture does not depend on the seed alone")
	}
}
