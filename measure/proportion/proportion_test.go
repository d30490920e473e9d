package proportion

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I, method 3 (four digits).
func TestWilsonAgainstNewcombe(t *testing.T) {
	for _, c := range []struct {
		successes, trials int
		low, high         float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		got, err := Wilson(c.successes, c.trials, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Low-c.low) > 5e-5 || math.Abs(got.High-c.high) > 5e-5 {
			t.Errorf("Wilson(%d, %d) = %v, want [%g, %g]", c.successes, c.trials, got, c.low, c.high)
		}
	}
}

func TestWilsonEdges(t *testing.T) {
	// At k = 0 the formula reduces to [0, z²/(n+z²)]; z = 1 at the level 0.6826894921370859, so n = 3 gives 1/4.
	const oneSigma = 0.6826894921370859
	none, err := Wilson(0, 3, oneSigma)
	if err != nil || none.Low != 0 || math.Abs(none.High-0.25) > 1e-9 {
		t.Errorf("Wilson(0, 3) = %+v, %v, want [0, 0.25]", none, err)
	}
	all, err := Wilson(3, 3, oneSigma)
	if err != nil || all.High != 1 || math.Abs(all.Low-0.75) > 1e-9 {
		t.Errorf("Wilson(3, 3) = %+v, %v, want [0.75, 1]", all, err)
	}
	empty, err := Wilson(0, 0, 0)
	if err != nil || !math.IsNaN(empty.Value) || !math.IsNaN(empty.Low) || !math.IsNaN(empty.High) {
		t.Errorf("Wilson(0, 0) = %+v, %v, want NaN", empty, err)
	}
	for _, c := range []struct {
		successes, trials int
		level             float64
		want              string
	}{
		{-1, 3, 0.95, "proportion: -1 successes of 3 trials are impossible"},
		{4, 3, 0.95, "proportion: 4 successes of 3 trials are impossible"},
		{0, -2, 0.95, "proportion: 0 successes of -2 trials are impossible"},
		{1, 3, 1, "proportion: level 1 is outside (0, 1)"},
		{1, 3, math.NaN(), "proportion: level NaN is outside (0, 1)"},
	} {
		if _, err := Wilson(c.successes, c.trials, c.level); err == nil || err.Error() != c.want {
			t.Errorf("Wilson(%d, %d, %g): error %v, want %q", c.successes, c.trials, c.level, err, c.want)
		}
	}
}

func TestWilsonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		level := rapid.Float64Range(0.01, 0.999).Draw(t, "level")
		e, err := Wilson(k, n, level)
		if err != nil {
			t.Fatal(err)
		}
		if !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= 1) {
			t.Fatalf("not 0 <= low <= value <= high <= 1: %+v", e)
		}
		mirror, err := Wilson(n-k, n, level)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(mirror.Low-(1-e.High)) > 1e-12 || math.Abs(mirror.High-(1-e.Low)) > 1e-12 {
			t.Fatalf("failures are not the mirror of successes: %+v, %+v", e, mirror)
		}
		wider, err := Wilson(k, n, (1+level)/2)
		if err != nil {
			t.Fatal(err)
		}
		if wider.Low > e.Low || wider.High < e.High {
			t.Fatalf("a higher level gives a narrower interval: %+v, %+v", e, wider)
		}
	})
}

func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		first, second int
		want          float64
	}{
		{1, 7, 18.0 / 256}, // Fagerland, Lydersen & Laake (2013), table 1: 2·(1 + 8)/2⁸ = 0.0703
		{0, 0, 1},
		{0, 5, 2.0 / 32},
		{3, 3, 1}, // twice the tail is 84/64, cut at 1
		{0, 1, 1},
	} {
		got, err := McNemar(c.first, c.second)
		if err != nil || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("McNemar(%d, %d) = %g, %v, want %g", c.first, c.second, got, err, c.want)
		}
	}
	if _, err := McNemar(-1, 2); err == nil || err.Error() != "proportion: negative count of discordant stimuli (-1, 2)" {
		t.Errorf("negative count: %v", err)
	}
}

func TestMcNemarIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, 5000).Draw(t, "a")
		b := rapid.IntRange(0, 5000).Draw(t, "b")
		p, err := McNemar(a, b)
		if err != nil {
			t.Fatal(err)
		}
		q, _ := McNemar(b, a)
		if p != q || !(p >= 0 && p <= 1) {
			t.Fatalf("p = %g, swapped %g", p, q)
		}
	})
}

func TestBinomialTest(t *testing.T) {
	for _, c := range []struct {
		successes, trials int
		p, want           float64
	}{
		{682, 925, 0.75, 0.3825}, // R's help page of binom.test: Mendel's peas, "p-value = 0.3825"
		{1, 10, 0.5, 22.0 / 1024},
		{5, 10, 0.5, 1},
		{0, 4, 0.25, 0.578125}, // .75⁴ = .316; counts 2, 3, 4 are less likely: .211 + .047 + .004
		{0, 0, 0.3, 1},
		{0, 5, 0, 1},
		{1, 5, 0, 0},
		{5, 5, 1, 1},
		{4, 5, 1, 0},
	} {
		got, err := BinomialTest(c.successes, c.trials, c.p)
		if err != nil || math.Abs(got-c.want) > 5e-5 {
			t.Errorf("BinomialTest(%d, %d, %g) = %g, %v, want %g", c.successes, c.trials, c.p, got, err, c.want)
		}
	}
	if _, err := BinomialTest(3, 2, 0.5); err == nil || err.Error() != "proportion: 3 successes of 2 trials are impossible" {
		t.Errorf("counts: %v", err)
	}
	if _, err := BinomialTest(1, 2, math.NaN()); err == nil || err.Error() != "proportion: probability NaN is outside 0..1" {
		t.Errorf("probability: %v", err)
	}
}

func TestBinomialTestMirrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "trials")
		k := rapid.IntRange(0, n).Draw(t, "successes")
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		a, err := BinomialTest(k, n, p)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := BinomialTest(n-k, n, 1-p)
		if !(a >= 0 && a <= 1) || math.Abs(a-b) > 1e-6 {
			t.Fatalf("p = %g, mirrored %g", a, b)
		}
	})
}

// At p = ½ the exact test of McNemar is the binomial one.
func TestBinomialTestIsMcNemarAtOneHalf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, 200).Draw(t, "a")
		b := rapid.IntRange(0, 200).Draw(t, "b")
		want, err := McNemar(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := BinomialTest(a, a+b, 0.5); err != nil || math.Abs(got-want) > 1e-9 {
			t.Fatalf("p = %g, %v, McNemar %g", got, err, want)
		}
	})
}

func TestTop(t *testing.T) {
	rankings := [][]int{{3, 1, 2}, {0, 2}, {1}, nil}
	truth := []int{2, 0, 2, 0}
	for k, want := range map[int]float64{1: 0.25, 2: 0.25, 3: 0.5, 9: 0.5} {
		got, err := Top(k, rankings, truth, 0)
		if err != nil || got.Value != want || !(got.Low < want && want < got.High) {
			t.Errorf("top %d: %+v, %v, want %g", k, got, err, want)
		}
	}
	if _, err := Top(0, nil, nil, 0); err == nil || err.Error() != "proportion: the first 0 of a ranking are none" {
		t.Errorf("k = 0: %v", err)
	}
	if _, err := Top(1, rankings, nil, 0); err == nil || err.Error() != "proportion: 4 rankings for 0 stimuli" {
		t.Errorf("lengths: %v", err)
	}
	if _, err := Top(1, rankings, truth, 2); err == nil || err.Error() != "proportion: level 2 is outside (0, 1)" {
		t.Errorf("level: %v", err)
	}
}
