package main

import (
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"visus/graph"
	"visus/internal/speed"
	"visus/study/steps"
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

func TestLeavesAreReproducible(t *testing.T) {
	a, b, other := leaves(1, 64, 48), leaves(1, 64, 48), leaves(2, 64, 48)
	if string(a.Pix) != string(b.Pix) || string(a.Pix) == string(other.Pix) {
		t.Error("the picture does not depend on the seed alone")
	}
}

func TestRacesAreWorks(t *testing.T) {
	for _, r := range races {
		if _, err := steps.ByName(r.network); err != nil {
			t.Error(err)
		}
	}
}

func TestSame(t *testing.T) {
	ours := steps.Speed{Engine: "ours", Threads: 2, Parameters: 10, Check: []float64{3, 2, 1}}
	theirs := ours
	theirs.Engine, theirs.Check = "theirs", []float64{3, 2.0001, 1}
	if err := same(ours, theirs); err != nil {
		t.Errorf("what rounding does is refused: %v", err)
	}
	for want, change := range map[string]func(s *steps.Speed){
		"step 1 comes to 2 on ours and to 2.01 on theirs: that is different work":        func(s *steps.Speed) { s.Check = []float64{3, 2.01, 1} },
		"step 2 comes to 1 on ours and to NaN on theirs: that is different work":         func(s *steps.Speed) { s.Check = []float64{3, 2, math.NaN()} },
		"ours has 10 parameters, 2 threads and 3 checked values, theirs has 11, 2 and 3": func(s *steps.Speed) { s.Parameters = 11 },
		"ours has 10 parameters, 2 threads and 3 checked values, theirs has 10, 1 and 3": func(s *steps.Speed) { s.Threads = 1 },
		"ours has 10 parameters, 2 threads and 3 checked values, theirs has 10, 2 and 0": func(s *steps.Speed) { s.Check = nil },
	} {
		other := theirs
		change(&other)
		if err := same(ours, other); err == nil || err.Error() != want {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}

func TestRow(t *testing.T) {
	t3 := turns{
		visus: speed.Sample{0.01, 0.02, 0.03}, pytorch: speed.Sample{0.04, 0.04, 0.04}, ort: speed.Sample{0.06}, memory: speed.Sample{5}, peak: speed.Sample{50},
		pytorchMemory: speed.Sample{7}, pytorchPeak: speed.Sample{70}, compile: speed.Sample{0.4}, secondCompile: speed.Sample{0.05},
	}
	got := strings.Join(race{"mlp", 100, "perceptron", 0.6}.row(t3), " | ")
	if want := "perceptron | 100 | 20.0 (10.0–30.0) | 40.0 (40.0–40.0) | 0.500 (0.250–0.750) | 3 | 5.00 (50.0) | 7.00 (70.0) | 0.400 (0.050) | 60.0 (60.0–60.0)"; got != want {
		t.Errorf("row %q, expected %q", got, want)
	}
	b := &bench{}
	b.judgeRace(race{"slowvae", 64, "SlowVAE", 0.5}, t3)
	want := [][]string{
		{"SlowVAE, batch 64: time by PyTorch's", "0.500", "≤ 0.5", "yes"}, {"SlowVAE, batch 64: memory by PyTorch's", "0.714", "≤ 1", "yes"},
		{"SlowVAE, batch 64: compile", "0.400 s", "≤ 0.5 s", "yes"}, {"SlowVAE, batch 64: second compile", "0.050 s", "≤ 0.1 s", "yes"},
	}
	if !reflect.DeepEqual(b.page.goals, want) {
		t.Errorf("goals %q, expected %q", b.page.goals, want)
	}
}
