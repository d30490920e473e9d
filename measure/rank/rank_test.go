package rank

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCorrelationsAgainstPublishedExamples(t *testing.T) {
	for _, c := range []struct {
		source      string
		correlation func(x, y []float64) (float64, error)
		x, y        []float64
		want        float64
	}{
		// IQ against hours of television: ρ = 1 − 6·194/(10·99) = −29/165.
		{"textbook example of Spearman's rho", Spearman, []float64{106, 100, 86, 101, 99, 103, 97, 113, 112, 110}, []float64{7, 27, 2, 50, 28, 29, 20, 12, 6, 17}, -29.0 / 165},
		{"scipy.stats.spearmanr, docstring", Spearman, []float64{1, 2, 3, 4, 5}, []float64{5, 6, 7, 8, 7}, 0.8207826816681233},
		{"scipy.stats.kendalltau, docstring", KendallTauB, []float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}, -0.47140452079103173},
		// By hand: of 6 pairs 1-2 is tied in x and 3-4 in y; the other four are concordant, so 4/√(5·5).
		{"ties by hand", KendallTauB, []float64{1, 1, 2, 3}, []float64{1, 2, 3, 3}, 0.8},
		// By hand: one of three pairs is discordant.
		{"one exchange", KendallTauB, []float64{1, 2, 3}, []float64{1, 3, 2}, 1.0 / 3},
	} {
		got, err := c.correlation(c.x, c.y)
		if err != nil || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, %v, want %v", c.source, got, err, c.want)
		}
	}
}

func TestRanks(t *testing.T) {
	if got, want := Ranks([]float64{30, 10, 20, 10, 20, 20}), []float64{6, 1.5, 4, 1.5, 4, 4}; !slices.Equal(got, want) {
		t.Errorf("ranks %v, want %v", got, want)
	}
}

func TestEdges(t *testing.T) {
	for name, correlation := range map[string]func(x, y []float64) (float64, error){"Spearman": Spearman, "Kendall": KendallTauB} {
		for _, c := range [][2][]float64{{nil, nil}, {{1}, {2}}, {{1, 1, 1}, {1, 2, 3}}, {{1, 2, 3}, {4, 4, 4}}} {
			if r, err := correlation(c[0], c[1]); err != nil || !math.IsNaN(r) {
				t.Errorf("%s(%v, %v) = %g, %v, want NaN", name, c[0], c[1], r, err)
			}
		}
		if r, err := correlation([]float64{math.Inf(-1), 0, math.Inf(1)}, []float64{1, 2, 3}); err != nil || math.Abs(r-1) > 1e-12 {
			t.Errorf("%s with infinities = %g, %v, want 1", name, r, err)
		}
		if _, err := correlation([]float64{1, 2}, []float64{1}); err == nil || err.Error() != "rank: lists of 2 and 1 values cannot be paired" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := correlation([]float64{1, 2}, []float64{1, math.NaN()}); err == nil || err.Error() != "rank: pair 1 (2, NaN) has no order" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// kendallByPairs is the definition, in O(n²).
func kendallByPairs(x, y []float64) float64 {
	score, untiedX, untiedY := 0, 0, 0
	for i := range x {
		for j := range i {
			dx, dy := sign(x[i]-x[j]), sign(y[i]-y[j])
			score += dx * dy
			untiedX += dx * dx
			untiedY += dy * dy
		}
	}
	return float64(score) / math.Sqrt(float64(untiedX)*float64(untiedY))
}

func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

func TestCorrelationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "n")
		value := rapid.Map(rapid.IntRange(-6, 6), func(i int) float64 { return float64(i) }) // few values, many ties
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		y := rapid.SliceOfN(value, n, n).Draw(t, "y")
		tau, err := KendallTauB(x, y)
		if err != nil {
			t.Fatal(err)
		}
		if want := kendallByPairs(x, y); !same(tau, want) {
			t.Fatalf("τ_b = %v, by pairs %v", tau, want)
		}
		negated := make([]float64, n)
		cubed := make([]float64, n)
		for i, v := range y {
			negated[i], cubed[i] = -v, v*v*v+7
		}
		for name, correlation := range map[string]func(x, y []float64) (float64, error){"Spearman": Spearman, "Kendall": KendallTauB} {
			r, _ := correlation(x, y)
			turned, _ := correlation(y, x)
			mirrored, _ := correlation(x, negated)
			monotone, _ := correlation(x, cubed)
			if !same(r, turned) || !same(r, -mirrored) || !same(r, monotone) || r < -1 || r > 1 {
				t.Fatalf("%s: %g, exchanged %g, mirrored %g, under a monotone map %g", name, r, turned, mirrored, monotone)
			}
		}
	})
}

func same(a, b float64) bool {
	return math.Abs(a-b) < 1e-12 || math.IsNaN(a) && math.IsNaN(b)
}

func TestIntervals(t *testing.T) {
	// At r = 0 and n = 4 the standard error is 1, and at the level of one sigma the bounds are ±tanh 1.
	const oneSigma = 0.6826894921370859
	got, err := SpearmanInterval(0, 4, oneSigma)
	if err != nil || math.Abs(got.High-math.Tanh(1)) > 1e-9 || got.Low != -got.High {
		t.Errorf("Spearman: %v, %v", got, err)
	}
	got, err = KendallInterval(0, 5, oneSigma)
	if err != nil || math.Abs(got.High-math.Tanh(math.Sqrt(0.437))) > 1e-9 {
		t.Errorf("Kendall: %v, %v", got, err)
	}
	if got, err = SpearmanInterval(1, 10, 0); err != nil || got != (Interval{1, 1}) {
		t.Errorf("r = 1: %v, %v", got, err)
	}
	for _, n := range []int{0, 2, 3} {
		if got, err = SpearmanInterval(0.5, n, 0); err != nil || !math.IsNaN(got.Low) || !math.IsNaN(got.High) {
			t.Errorf("n = %d: %v, %v, want NaN", n, got, err)
		}
	}
	if _, err = SpearmanInterval(2, 10, 0); err == nil || err.Error() != "rank: correlation 2 is outside -1..1" {
		t.Errorf("r = 2: %v", err)
	}
	if _, err = KendallInterval(0, 10, -1); err == nil || err.Error() != "rank: level -1 is outside (0, 1)" {
		t.Errorf("level -1: %v", err)
	}
}

func TestPermutationTest(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5}
	// Of the 120 pairings of five things the identity and its mirror reach |ρ| = 1: p = 2/120 but for the sampling error, whose standard
	// deviation at 20,000 permutations is 0.0009.
	p, err := PermutationTest(x, x, Spearman, rand.New(rand.NewPCG(1, 2)), 20000)
	if err != nil || math.Abs(p-1.0/60) > 0.004 {
		t.Errorf("p = %g, %v, want about 1/60", p, err)
	}
	again, _ := PermutationTest(x, x, Spearman, rand.New(rand.NewPCG(1, 2)), 20000)
	if again != p {
		t.Errorf("the same seed gives %g and %g", p, again)
	}
	if p, err = PermutationTest([]float64{1, 2}, []float64{3, 3}, Spearman, rand.New(rand.NewPCG(1, 2)), 10); err != nil || !math.IsNaN(p) {
		t.Errorf("constant list: p = %g, %v, want NaN", p, err)
	}
	if _, err = PermutationTest(x, x, Spearman, rand.New(rand.NewPCG(1, 2)), -1); err == nil || err.Error() != "rank: -1 permutations are too few" {
		t.Errorf("negative: %v", err)
	}
	if _, err = PermutationTest(x, nil, Spearman, rand.New(rand.NewPCG(1, 2)), 0); err == nil {
		t.Error("lists of different lengths were accepted")
	}
}
