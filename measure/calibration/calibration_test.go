package calibration

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s = %g, want %g", name, got, want)
	}
}

func diagram(t *testing.T, bins int) *Diagram {
	t.Helper()
	d, err := NewDiagram(bins)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDiagramByHand(t *testing.T) {
	d := diagram(t, 2)
	for _, a := range []struct {
		confidence float64
		correct    bool
	}{{0.4, true}, {0.2, false}, {0.9, true}, {0.8, false}, {1, true}} {
		if err := d.Add(a.confidence, a.correct); err != nil {
			t.Fatal(err)
		}
	}
	// Lower bin: confidence 0.6/2, accuracy 1/2, gap 0.2. Upper bin: confidence 2.7/3, accuracy 2/3, gap 0.7/3.
	near(t, "ECE", d.ExpectedError(), 2.0/5*0.2+3.0/5*0.7/3)
	near(t, "MCE", d.MaximumError(), 0.7/3)
	near(t, "Brier score", d.BrierScore(), (0.36+0.04+0.01+0.64+0)/5)
	bins := d.Bins()
	if len(bins) != 2 || bins[0].Count != 2 || bins[1].Count != 3 || d.Count() != 5 {
		t.Fatalf("bins %+v", bins)
	}
	near(t, "confidence", bins[0].Confidence, 0.3)
	near(t, "accuracy", bins[1].Accuracy, 2.0/3)
	near(t, "edge", bins[0].High, 0.5)
}

func TestEdgesBelongToTheLowerBin(t *testing.T) {
	for _, n := range []int{1, 2, 10, DefaultBins, 49} {
		for i := range n {
			edge := float64(i+1) / float64(n)
			if got := binOf(edge, n); got != i {
				t.Errorf("%d bins: %g lies in bin %d, want %d", n, edge, got, i)
			}
			if above := math.Nextafter(edge, 2); above < 1 && binOf(above, n) != i+1 {
				t.Errorf("%d bins: the number above %g lies in bin %d, want %d", n, edge, binOf(above, n), i+1)
			}
		}
		if got := binOf(0, n); got != 0 {
			t.Errorf("%d bins: 0 lies in bin %d", n, got)
		}
	}
}

func TestEmptyIsNaN(t *testing.T) {
	d := diagram(t, 0)
	near(t, "ECE", d.ExpectedError(), math.NaN())
	near(t, "MCE", d.MaximumError(), math.NaN())
	near(t, "Brier score", d.BrierScore(), math.NaN())
	near(t, "Brier", new(Brier).Mean(), math.NaN())
	near(t, "cross-entropy", new(CrossEntropy).Mean(), math.NaN())
	bins := d.Bins()
	if len(bins) != DefaultBins || !math.IsNaN(bins[3].Accuracy) || !math.IsNaN(bins[3].Confidence) {
		t.Errorf("bins %+v", bins)
	}
}

func TestBadInputChangesNothing(t *testing.T) {
	d, b, c := diagram(t, 0), &Brier{}, &CrossEntropy{}
	for _, k := range []struct {
		err  error
		want string
	}{
		{d.Add(math.NaN(), true), "calibration: confidence NaN is outside 0..1"},
		{d.Add(1.5, true), "calibration: confidence 1.5 is outside 0..1"},
		{b.Add([]float64{0.5, 0.5}, 2), "calibration: true class 2 is outside the 2 classes"},
		{b.Add([]float64{0.5, -1}, 0), "calibration: probability -1 of class 1 is outside 0..1"},
		{c.Add(-0.1), "calibration: probability -0.1 of the true class is outside 0..1"},
	} {
		if k.err == nil || k.err.Error() != k.want {
			t.Errorf("error %v, want %q", k.err, k.want)
		}
	}
	if d.Count() != 0 || b.Count() != 0 || c.Count() != 0 {
		t.Errorf("refused answers were counted: %d, %d, %d", d.Count(), b.Count(), c.Count())
	}
	if _, err := NewDiagram(-1); err == nil || err.Error() != "calibration: -1 bins are too few" {
		t.Errorf("NewDiagram(-1): %v", err)
	}
}

func TestScoresByHand(t *testing.T) {
	var b Brier
	// (1 − 0.7)² + 0.3² = 0.18 and 0.9² + (1 − 0.1)² = 1.62.
	for _, a := range []struct {
		p     []float64
		class int
	}{{[]float64{0.7, 0.3}, 0}, {[]float64{0.9, 0.1}, 1}} {
		if err := b.Add(a.p, a.class); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "Brier", b.Mean(), (0.18+1.62)/2)
	var c CrossEntropy
	for _, p := range []float64{1, 0.5, 0} {
		if err := c.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "cross-entropy", c.Mean(), (0+math.Ln2+12*math.Ln10)/3)
}

func TestDiagramProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := NewDiagram(rapid.IntRange(1, 40).Draw(t, "bins"))
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 60).Draw(t, "n")
		confidence, correct := 0.0, 0
		for range n {
			p := rapid.Float64Range(0, 1).Draw(t, "p")
			right := rapid.Bool().Draw(t, "right")
			if err := d.Add(p, right); err != nil {
				t.Fatal(err)
			}
			confidence += p
			if right {
				correct++
			}
		}
		ece, mce := d.ExpectedError(), d.MaximumError()
		if !(ece >= 0 && ece <= mce+1e-12 && mce <= 1+1e-12) {
			t.Fatalf("not 0 <= ECE %g <= MCE %g <= 1", ece, mce)
		}
		overall := math.Abs(confidence-float64(correct)) / float64(n)
		if ece < overall-1e-12 { // the triangle inequality: gaps can only cancel between bins
			t.Fatalf("ECE %g is below the overall gap %g", ece, overall)
		}
		for _, b := range d.Bins() {
			if b.Count > 0 && (b.Confidence < b.Low-1e-12 || b.Confidence > b.High+1e-12) {
				t.Fatalf("mean confidence outside its bin: %+v", b)
			}
		}
	})
}
