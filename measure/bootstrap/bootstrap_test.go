package bootstrap

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// oneSigma is the level of an interval of ±1 standard error.
const oneSigma = 0.6826894921370859

// mouse is the treatment group of Efron & Tibshirani (1993), table 2.1: survival in days.
var mouse = []float64{94, 197, 16, 38, 99, 141, 23}

func TestMeanOfTheMouseData(t *testing.T) {
	got, err := Mean(mouse, seeded(1), Options{Resamples: 20000, Level: oneSigma})
	if err != nil || math.Abs(got.Value-86.857) > 1e-3 { // 86.86 in table 2.1
		t.Fatalf("mean %+v, %v", got, err)
	}
	// Table 2.2 gives the bootstrap standard error of the mean for infinitely many resamples: 23.36. Half the interval approaches it but for
	// the data's skew.
	if half := (got.High - got.Low) / 2; math.Abs(half-23.36) > 1 {
		t.Errorf("half the interval %+v is %g, want about 23.36", got, half)
	}
}

func TestDistributionOfTwoScores(t *testing.T) {
	// The mean of two draws from {0, 1} is 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
	for _, c := range []struct{ level, low, high float64 }{{0.95, 0, 1}, {0.3, 0.5, 0.5}} {
		for _, bca := range []bool{false, true} { // symmetric, hence neither bias nor skew to correct but for the sampling error
			got, err := Mean([]float64{0, 1}, seeded(3), Options{Level: c.level, BCa: bca})
			if err != nil || got != (Interval{0.5, c.low, c.high}) {
				t.Errorf("level %g, BCa %t: %+v, %v, want [%g, %g]", c.level, bca, got, err, c.low, c.high)
			}
		}
	}
}

func TestPairedDifferenceCancelsWhatIsCommon(t *testing.T) {
	random := seeded(5)
	a, b := make([]float64, 200), make([]float64, 200)
	for i := range a {
		hard := 10 * random.NormFloat64()
		a[i], b[i] = hard+0.1*random.NormFloat64()+0.1, hard
	}
	got, err := PairedDifference(a, b, seeded(6), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Low <= 0 || got.P > 0.001 {
		t.Errorf("a clear difference of 0.1 ± 0.007 was missed: %+v", got)
	}
	// The standard error is 0.1/√200; the interval spans 2·1.96 of it.
	if width := got.High - got.Low; math.Abs(width-2*1.96*0.1/math.Sqrt(200)) > 0.004 {
		t.Errorf("width %g of %+v", width, got)
	}
}

func TestSignificance(t *testing.T) {
	ones, zeros := []float64{1, 1, 1}, []float64{0, 0, 0}
	got, err := PairedDifference(ones, zeros, seeded(1), Options{Resamples: 999})
	if err != nil || got.P != 2.0/1000 || got.Interval != (Interval{1, 1, 1}) {
		t.Errorf("all better: %+v, %v", got, err)
	}
	got, err = PairedDifference(ones, ones, seeded(1), Options{Resamples: 999, BCa: true})
	if err != nil || got.P != 1 || got.Interval != (Interval{}) {
		t.Errorf("no difference: %+v, %v", got, err)
	}
}

func TestEqualDrawsAreTiesDespiteRounding(t *testing.T) {
	// 0.1 + 0.2 − 0.3 is 5.6e-17 in one order and 2.8e-17 in another; both are the hypothesis itself, and count on both sides.
	if got := significance([]float64{-1, -2.8e-17, 5.6e-17, 1}); got != 1 {
		t.Errorf("p = %g, want 1", got)
	}
	// Two draws below, four equal, two above: no bias.
	if got := biasOf([]float64{-2, -1, -1e-17, 0, 0, 1e-17, 1, 2}, 1e-17); math.Abs(got) > 1e-12 {
		t.Errorf("bias %g, want 0", got)
	}
}

func TestCorrectedPercentilesAtThePole(t *testing.T) {
	low, high := corrected(1e-10, 1-1e-10, 0, 1.0/6) // z = ±6.4 lies beyond 1/acceleration = 6
	if high != 1 || !(low > 0 && low < 0.01) {
		t.Errorf("percentiles %g, %g", low, high)
	}
}

func TestSignificanceHoldsItsLevel(t *testing.T) {
	random := seeded(7)
	const studies = 400
	false05 := 0
	for range studies {
		a, b := make([]float64, 50), make([]float64, 50)
		for i := range a {
			a[i], b[i] = random.NormFloat64(), random.NormFloat64()
		}
		got, err := PairedDifference(a, b, random, Options{Resamples: 400})
		if err != nil {
			t.Fatal(err)
		}
		if got.P <= 0.05 {
			false05++
		}
	}
	// 20 expected, standard deviation 4.4; with 50 stimuli the bootstrap is a little too bold.
	if false05 < 8 || false05 > 40 {
		t.Errorf("%d of %d studies of nothing were significant at 5 %%", false05, studies)
	}
}

func TestClustersAreResampledWhole(t *testing.T) {
	// 40 stimuli of 25 equal trials know as much as 40 trials, not as 1,000.
	clusters, trials, stimuli := make([]Cluster, 40), []float64(nil), make([]float64, 40)
	for i := range clusters {
		stimuli[i] = float64(i % 2)
		clusters[i] = Cluster{25 * stimuli[i], 25}
		for range 25 {
			trials = append(trials, stimuli[i])
		}
	}
	whole, err := ClusteredMean(clusters, seeded(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	single, err := Mean(stimuli, seeded(1), Options{})
	if err != nil || whole != single {
		t.Errorf("clusters %+v, stimuli %+v, %v", whole, single, err)
	}
	naive, err := Mean(trials, seeded(1), Options{})
	if err != nil || naive.High-naive.Low > 0.5*(whole.High-whole.Low) {
		t.Errorf("independent trials %+v are not surer than clusters %+v, %v", naive, whole, err)
	}
	uneven, err := ClusteredMean([]Cluster{{3, 3}, {0, 1}}, seeded(1), Options{})
	if err != nil || uneven.Value != 0.75 {
		t.Errorf("the mean over trials is %+v, %v, want 0.75", uneven, err)
	}
}

func TestAccelerationOfAMean(t *testing.T) {
	// For a mean, eq. 14.15 is Σ(x−x̄)³ / 6(Σ(x−x̄)²)^1.5.
	centre := 608.0 / 7
	squares, cubes := 0.0, 0.0
	clusters := make([]Cluster, len(mouse))
	for i, x := range mouse {
		squares += (x - centre) * (x - centre)
		cubes += (x - centre) * (x - centre) * (x - centre)
		clusters[i] = Cluster{x, 1}
	}
	if got, want := acceleration(clusters), cubes/(6*math.Pow(squares, 1.5)); math.Abs(got-want) > 1e-12 || want <= 0 {
		t.Errorf("acceleration %g, want %g > 0", got, want)
	}
}

func TestBCaFollowsTheSkew(t *testing.T) {
	skewed := make([]float64, 60)
	for i := range skewed {
		skewed[i] = -math.Log((float64(i) + 0.5) / 60) // exponential quantiles: a long tail to the right
	}
	plain, err := Mean(skewed, seeded(2), Options{Resamples: 10000})
	if err != nil {
		t.Fatal(err)
	}
	corrected, err := Mean(skewed, seeded(2), Options{Resamples: 10000, BCa: true})
	if err != nil || !(corrected.Low > plain.Low && corrected.High > plain.High) {
		t.Errorf("BCa %+v, percentile %+v, %v", corrected, plain, err)
	}
}

func TestEdges(t *testing.T) {
	empty, err := PairedDifference(nil, nil, seeded(1), Options{})
	if err != nil || !math.IsNaN(empty.Value) || !math.IsNaN(empty.Low) || !math.IsNaN(empty.P) {
		t.Errorf("no stimuli: %+v, %v", empty, err)
	}
	single, err := PairedDifference([]float64{3}, []float64{1}, seeded(1), Options{BCa: true})
	if err != nil || single.Value != 2 || !math.IsNaN(single.Low) || !math.IsNaN(single.High) || !math.IsNaN(single.P) {
		t.Errorf("one stimulus: %+v, %v", single, err)
	}
	one, err := Mean([]float64{1, 2, 3}, seeded(1), Options{Resamples: 1, Workers: 8, BCa: true})
	if err != nil || one.Low != one.High {
		t.Errorf("one resample: %+v, %v", one, err)
	}
}

func TestErrors(t *testing.T) {
	two := []float64{1, 2}
	for _, c := range []struct {
		call func() error
		want string
	}{
		{func() error { _, err := PairedDifference(two, nil, seeded(1), Options{}); return err }, "bootstrap: 2 and 0 scores cannot be paired"},
		{func() error { _, err := Mean([]float64{1, math.NaN()}, seeded(1), Options{}); return err }, "bootstrap: the score of stimulus 1 is NaN"},
		{func() error { _, err := Mean([]float64{math.Inf(1)}, seeded(1), Options{}); return err }, "bootstrap: the score of stimulus 0 is +Inf"},
		{func() error { _, err := ClusteredMean([]Cluster{{1, 0}}, seeded(1), Options{}); return err }, "bootstrap: stimulus 0 has 0 trials"},
		{func() error { _, err := Mean(two, seeded(1), Options{Resamples: -1}); return err }, "bootstrap: -1 resamples are too few"},
		{func() error { _, err := Mean(two, seeded(1), Options{Level: 1}); return err }, "bootstrap: level 1 is outside (0, 1)"},
	} {
		if err := c.call(); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestBootstrapProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		score := rapid.Float64Range(-1, 1)
		a := rapid.SliceOfN(score, n, n).Draw(t, "a")
		b := rapid.SliceOfN(score, n, n).Draw(t, "b")
		seed := rapid.Uint64().Draw(t, "seed")
		o := Options{Resamples: 100, BCa: rapid.Bool().Draw(t, "BCa"), Workers: 1}
		got, err := PairedDifference(a, b, seeded(seed), o)
		if err != nil {
			t.Fatal(err)
		}
		if !(got.Low <= got.High && got.Low >= -2 && got.High <= 2 && got.P > 0 && got.P <= 1) {
			t.Fatalf("out of bounds: %+v", got)
		}
		o.Workers = rapid.IntRange(2, 9).Draw(t, "workers")
		if again, err := PairedDifference(a, b, seeded(seed), o); err != nil || again != got {
			t.Fatalf("%d workers: %+v, %v; one: %+v", o.Workers, again, err, got)
		}
		swapped, err := PairedDifference(b, a, seeded(seed), o)
		if err != nil {
			t.Fatal(err)
		}
		const rounding = 1e-9
		if math.Abs(swapped.Value+got.Value) > rounding || math.Abs(swapped.Low+got.High) > rounding ||
			math.Abs(swapped.High+got.Low) > rounding || swapped.P != got.P {
			t.Fatalf("swapped %+v, got %+v", swapped, got)
		}
	})
}

func BenchmarkPairedDifference5000(b *testing.B) {
	random := seeded(1)
	x, y := make([]float64, 5000), make([]float64, 5000)
	for i := range x {
		x[i], y[i] = random.Float64(), random.Float64()
	}
	for b.Loop() {
		if _, err := PairedDifference(x, y, random, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
