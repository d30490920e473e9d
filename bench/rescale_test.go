package main

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"visus/internal/speed"
	"visus/tensor"
)

func TestSameFactors(t *testing.T) {
	found := func(name string, eta ...float64) factors { return factors{name: name, eta: &eta} }
	ours := found("ours", 1, 2)
	if err := sameFactors(found("theirs", 1, 2.0001), ours); err != nil {
		t.Errorf("what rounding does is refused: %v", err)
	}
	for want, other := range map[string]factors{
		"sample 1: theirs found the factor 2.01, ours 2: that is different work": found("theirs", 1, 2.01),
		"sample 0: theirs found the factor NaN, ours 1: that is different work":  found("theirs", math.NaN(), 2),
		"theirs found 1 factors, ours 2":                                         found("theirs", 1),
	} {
		if err := sameFactors(other, ours); err == nil || err.Error() != want {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}

func TestRescaleGoals(t *testing.T) {
	ways := []factors{{name: "visus"}, {name: "slow"}, {name: "fast"}}
	b := &bench{}
	b.rescalePage(ways, []speed.Sample{{0.004}, {0.3}, {0.02}}, speed.Sample{0.006})
	if g := b.page.goals; g[0][0] != "rescaling, processor time by that of fast" || g[0][1] != "0.200" || g[0][3] != "no" || g[1][3] != "yes" {
		t.Errorf("goals %q", g)
	}
}

func TestDirectionsAreWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "batch.npz")
	d := directions{make([]float32, rescaleRows*rescaleElements), make([]float32, rescaleRows*rescaleElements), 50}
	d.delta[3] = 7
	if err := d.write(path); err != nil {
		t.Fatal(err)
	}
	a, err := tensor.OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	delta, err := a.Read("delta")
	if err != nil || delta.Floats()[3] != 7 {
		t.Errorf("delta is %v, error %v", delta, err)
	}
	if eps, err := a.Read("eps"); err != nil || eps.Floats()[0] != 50 || len(eps.Shape()) != 0 {
		t.Errorf("eps is %v, error %v", eps, err)
	}
}

func TestRescaleCPU(t *testing.T) {
	calls := 0
	took, err := rescaleCPU(func() error {
		calls++
		for start := time.Now(); time.Since(start) < 2*time.Millisecond; {
		}
		return nil
	})
	if err != nil || calls != rescaleCalls || took <= 0 {
		t.Errorf("%v for one of %d calls, error %v", took, calls, err)
	}
}
