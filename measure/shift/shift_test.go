package shift

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"visus/internal/golden"
)

// setting is one row of tables/wasserstein_bounds.json.
type setting struct {
	SourceMean  float64 `json:"mu_s"`
	SourceSigma float64 `json:"sigma_s"`
	TargetMean  float64 `json:"mu_t"`
	TargetSigma float64 `json:"sigma_t"`
	N           float64 `json:"n"`
	Prior       float64 `json:"N"`
	Lower       float64 `json:"L"`
	Upper       float64 `json:"U"`
	Alpha       float64
	ChiSquare   float64 `json:"chi2_left"`
	MonteCarlo  float64 `json:"monte_carlo"`
}

func (s setting) channel() Channel {
	return Channel{s.SourceMean, square(s.SourceSigma), s.TargetMean, square(s.TargetSigma)}
}

func TestGoldenBounds(t *testing.T) {
	compared := 0
	for _, file := range golden.Files(t, "corruptions/tables", "wasserstein_bounds*.json") {
		// encoding/json reads keys without regard to case where none fits exactly; "n" and "N" both fit exactly.
		for i, s := range golden.JSON[[]setting](t, file) {
			lower, upper, err := s.channel().Bounds(s.N, s.Prior, s.Alpha)
			if err != nil {
				t.Fatal(err)
			}
			if relative(lower, s.Lower) > 1e-9 || relative(upper, s.Upper) > 1e-9 {
				t.Errorf("case %d: bounds %.12g..%.12g, want %.12g..%.12g", i, lower, upper, s.Lower, s.Upper)
			}
			if relative(chiSquare(s.N, s.Alpha), s.ChiSquare) > 1e-9 {
				t.Errorf("case %d: χ² %.12g, want %.12g", i, chiSquare(s.N, s.Alpha), s.ChiSquare)
			}
			if s.MonteCarlo < lower*0.99 || s.MonteCarlo > upper*1.01 { // the table's simulation has an error of its own; TestBoundsHoldInSimulation knows ours
				t.Errorf("case %d: %.6g was simulated, outside %.6g..%.6g", i, s.MonteCarlo, lower, upper)
			}
			compared++
		}
	}
	t.Logf("compared %d settings", compared)
}

func relative(got, want float64) float64 { return math.Abs(got-want) / max(math.Abs(want), 1e-300) }

// The expected distance, simulated here, lies between the bounds.
func TestBoundsHoldInSimulation(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 0))
	for _, c := range []Channel{{0, 1, 0.3, 4}, {1, 2, -1, 0.5}, {0, 1, 0, 1}} {
		for _, n := range []int{2, 5, 40} {
			for _, prior := range []float64{0, 3, 50} {
				lower, upper, err := c.Bounds(float64(n), prior, 0.05)
				if err != nil {
					t.Fatal(err)
				}
				const runs = 20000
				distances := make([]float64, runs)
				sample := make([]float64, n)
				lambda := prior / (prior + float64(n))
				for r := range distances {
					for i := range sample {
						sample[i] = c.TargetMean + math.Sqrt(c.TargetVariance)*random.NormFloat64()
					}
					mean, variance := stat.PopMeanVariance(sample, nil)
					mixed := Channel{
						SourceMean: c.TargetMean, SourceVariance: c.TargetVariance,
						TargetMean: lambda*c.SourceMean + (1-lambda)*mean, TargetVariance: lambda*c.SourceVariance + (1-lambda)*variance,
					}
					distances[r] = mixed.Wasserstein()
				}
				mean, deviation := stat.MeanStdDev(distances, nil)
				noise := 4 * deviation / math.Sqrt(runs)
				if mean < lower-noise || mean > upper+noise {
					t.Errorf("%+v, n=%d, N=%g: %.5f ± %.5f was simulated, outside %.5f..%.5f", c, n, prior, mean, noise, lower, upper)
				}
			}
		}
	}
}

func TestWasserstein(t *testing.T) {
	for _, c := range []struct {
		channel           Channel
		plain, normalised float64
	}{
		{Channel{0, 1, 0, 1}, 0, 0},
		{Channel{1, 4, 3, 9}, 5, 1.25}, // (3−1)² + (3−2)², over 4
		{Channel{0, 4, 0, 0}, 4, 1},    // a channel that went silent
		{Channel{2, 0, 2, 0}, 0, 0},
		{Channel{2, 0, 3, 0}, 1, math.Inf(1)},
	} {
		if c.channel.Wasserstein() != c.plain || c.channel.Normalised() != c.normalised {
			t.Errorf("%+v: %g and %g, want %g and %g", c.channel, c.channel.Wasserstein(), c.channel.Normalised(), c.plain, c.normalised)
		}
	}
	layer, err := Channels([]float64{0, 1, 5}, []float64{1, 4, 0}, []float64{0, 3, 7}, []float64{1, 9, 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := Layer(layer); got != 0.625 { // the third channel is dead: (0 + 1.25)/2
		t.Errorf("layer %g, want 0.625", got)
	}
	if got := Network([]float64{1, 2, 6}); got != 3 {
		t.Errorf("network %g, want 3", got)
	}
	if !math.IsNaN(Layer(nil)) || !math.IsNaN(Network(nil)) {
		t.Error("no layer has a distance")
	}
}

func TestBadNumbers(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(Channels([]float64{0, 0}, []float64{1}, []float64{0}, []float64{1})), "expected as many of each"},
		{second(Channels([]float64{0}, []float64{-1}, []float64{0}, []float64{1})), "expected variances of 0 and more"},
		{second(Channels([]float64{math.NaN()}, []float64{1}, []float64{0}, []float64{1})), "expected finite numbers"},
		{third(Channel{0, 1, 0, 1}.Bounds(0, 1, 0.05)), "0 target samples, expected 1 or more"},
		{third(Channel{0, 1, 0, 1}.Bounds(1, -1, 0.05)), "-1 source samples, expected 0 or more"},
		{third(Channel{0, 1, 0, 1}.Bounds(1, 1, 1)), "alpha 1, expected between 0 and 1"},
		{second(Suggest([]Channel{{0, 0, 1, 1}}, 8, 0.05, Lower)), "no channel has a source variance above 0"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error   { return err }
func third[T any](_, _ T, err error) error { return err }

// Without shift the source is the best estimate; with a large one and many samples it is of no use; in between more samples need more of it
// only as far as the formula says, which an exhaustive search confirms.
func TestSuggest(t *testing.T) {
	same := []Channel{{0, 1, 0, 1}}
	if n, err := Suggest(same, 8, 0.05, Lower); err != nil || n < 1<<16 {
		t.Errorf("without shift: N = %d, %v, want source statistics alone", n, err)
	}
	far := []Channel{{0, 1, 30, 1}}
	if n, err := Suggest(far, 200, 0.05, Lower); err != nil || n != 0 {
		t.Errorf("far away: N = %d, %v, want 0", n, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		layers := [][]Channel{drawLayer(t), drawLayer(t)}
		n := float64(rapid.IntRange(1, 64).Draw(t, "n"))
		by := Criterion(rapid.IntRange(0, 1).Draw(t, "criterion"))
		got, err := SuggestNetwork(layers, n, 0.05, by)
		if err != nil {
			t.Fatal(err)
		}
		mean := func(prior int) float64 {
			sum := 0.0
			for _, l := range layers {
				for _, c := range l {
					low, high, err := c.Bounds(n, float64(prior), 0.05)
					if err != nil {
						t.Fatal(err)
					}
					if by == Middle {
						low = (low + high) / 2
					}
					sum += low / c.SourceVariance / float64(len(l))
				}
			}
			return sum
		}
		for prior := range 400 {
			if mean(prior) < mean(got)*(1-1e-3) {
				t.Fatalf("N = %d was suggested with %g, but N = %d has %g", got, mean(got), prior, mean(prior))
			}
		}
	})
}

func drawLayer(t *rapid.T) []Channel {
	layer := make([]Channel, rapid.IntRange(1, 3).Draw(t, "channels"))
	for i := range layer {
		layer[i] = Channel{
			rapid.Float64Range(-2, 2).Draw(t, "source mean"), rapid.Float64Range(0.1, 4).Draw(t, "source variance"),
			rapid.Float64Range(-2, 2).Draw(t, "target mean"), rapid.Float64Range(0.1, 4).Draw(t, "target variance"),
		}
	}
	return layer
}
