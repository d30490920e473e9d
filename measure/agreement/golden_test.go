package agreement_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"

	"visus/internal/golden"
	"visus/measure/agreement"
	"visus/measure/bootstrap"
	"visus/measure/proportion"
)

// answersOf returns two observers whose answers make this table.
func answersOf(p agreement.Pair) (first, second agreement.Answers) {
	var a, b []bool
	for k, n := range []int{p.Both, p.OnlyFirst, p.OnlySecond, p.Neither} {
		for range n {
			a = append(a, k < 2)
			b = append(b, k%2 == 0)
		}
	}
	return agreement.FromBools(a), agreement.FromBools(b)
}

func TestGoldenIntervals(t *testing.T) {
	for _, file := range golden.Files(t, "humans/golden", "kappa_ci*.json") {
		cases := golden.JSON[[]struct {
			A, B         string
			N            int
			Table        [4]int `json:"table_bothright_aonly_bonly_bothwrong"`
			P1, P2       float64
			Observed     float64
			Expected     float64
			Kappa        float64
			ObservedLow  float64    `json:"observed_min_given_accuracies"`
			ObservedHigh float64    `json:"observed_max_given_accuracies"`
			KappaLow     float64    `json:"kappa_min_given_accuracies"`
			KappaHigh    float64    `json:"kappa_max_given_accuracies"`
			SE           float64    `json:"se_fleiss"`
			SENull       float64    `json:"se_null"`
			LargeSample  [2]float64 `json:"ci95_fleiss"`
			Bootstrap    [2]float64 `json:"bootstrap4000_percentile95"`
			BootstrapSD  float64    `json:"bootstrap_sd"`
			Null         [2]float64 `json:"null_percentile95"`
			Wilson       [2]float64 `json:"wilson95_accuracy_a"`
		}](t, file)
		const exact = 1e-9
		const stochastic = 0.006 // of the reference's percentiles
		const stochasticSD = 0.0015
		for _, want := range cases {
			near := func(what string, got, want, tolerance float64) {
				t.Helper()
				if !(math.Abs(got-want) <= tolerance) {
					t.Errorf("%s, %s: got %g, want %g", file, what, got, want)
				}
			}
			p := agreement.Pair{Both: want.Table[0], OnlyFirst: want.Table[1], OnlySecond: want.Table[2], Neither: want.Table[3]}
			p1, p2 := p.Accuracies()
			near("stimuli", float64(p.Stimuli()), float64(want.N), 0)
			near("first accuracy", p1, want.P1, exact)
			near("second accuracy", p2, want.P2, exact)
			near("observed", p.Observed(), want.Observed, exact)
			near("expected", p.Expected(), want.Expected, exact)
			near("kappa", p.ErrorConsistency(), want.Kappa, exact)
			near("standard error", p.StandardError(), want.SE, exact)
			near("standard error under independence", p.StandardErrorUnderIndependence(), want.SENull, exact)
			large, err := p.LargeSampleInterval(0.95)
			if err != nil {
				t.Fatal(err)
			}
			near("lower large-sample limit", large.Low, want.LargeSample[0], exact)
			near("upper large-sample limit", large.High, want.LargeSample[1], exact)
			bounds, err := agreement.BoundsOfAccuracies(p1, p2)
			if err != nil {
				t.Fatal(err)
			}
			near("lower bound of observed", bounds.ObservedLow, want.ObservedLow, exact)
			near("upper bound of observed", bounds.ObservedHigh, want.ObservedHigh, exact)
			near("lower bound of kappa", bounds.KappaLow, want.KappaLow, exact)
			near("upper bound of kappa", bounds.KappaHigh, want.KappaHigh, exact)
			first, second := answersOf(p)
			o := bootstrap.Options{Resamples: 4000}
			r, err := agreement.Resample([]agreement.Answers{first, second}, rand.New(rand.NewPCG(1, 2)), o)
			if err != nil {
				t.Fatal(err)
			}
			sample := r.Of(0, 1, agreement.Pair.ErrorConsistency)
			interval, err := sample.Interval(0.95)
			if err != nil {
				t.Fatal(err)
			}
			near("lower bootstrap limit", interval.Low, want.Bootstrap[0], stochastic)
			near("upper bootstrap limit", interval.High, want.Bootstrap[1], stochastic)
			near("bootstrap standard deviation", stat.StdDev(sample.Resampled, nil), want.BootstrapSD, stochasticSD)
			band, err := agreement.Independence(p1, p2, want.N, rand.New(rand.NewPCG(1, 2)), o)
			if err != nil {
				t.Fatal(err)
			}
			near("lower limit under independence", band.Low, want.Null[0], stochastic)
			near("upper limit under independence", band.High, want.Null[1], stochastic)
			wilson, err := proportion.Wilson(first.Correct(), want.N, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			near("lower limit of the accuracy", wilson.Low, want.Wilson[0], exact)
			near("upper limit of the accuracy", wilson.High, want.Wilson[1], exact)
		}
		t.Logf("%s: %d pairs of observers", file, len(cases))
	}
}

func TestGoldenBounds(t *testing.T) {
	for _, file := range golden.Files(t, "humans/golden", "kappa_bounds*.json") {
		cases := golden.JSON[[]struct {
			Expected     float64
			ObservedLow  float64 `json:"observed_min"`
			ObservedHigh float64 `json:"observed_max"`
			KappaLow     float64 `json:"kappa_min"`
			KappaHigh    float64 `json:"kappa_max"`
		}](t, file)
		for _, want := range cases {
			got, err := agreement.BoundsOfExpected(want.Expected)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range [][2]float64{{got.ObservedLow, want.ObservedLow}, {got.ObservedHigh, want.ObservedHigh},
				{got.KappaLow, want.KappaLow}, {got.KappaHigh, want.KappaHigh}} {
				if !(math.Abs(c[0]-c[1]) <= 1e-9) {
					t.Errorf("%s: expected consistency %g: bounds %+v, want %+v", file, want.Expected, got, want)
				}
			}
		}
		t.Logf("%s: %d expected consistencies", file, len(cases))
	}
}
