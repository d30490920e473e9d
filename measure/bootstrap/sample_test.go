package bootstrap

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// collectCounts returns the resamples themselves, [resample, stimulus].
func collectCounts(t *testing.T, stimuli int, o Options) [][]int {
	t.Helper()
	all := make([][]int, o.Resamples)
	err := Resample(stimuli, rand.New(rand.NewPCG(1, 2)), o, func() func(int, []int) {
		return func(resample int, counts []int) { all[resample] = slices.Clone(counts) }
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestResampleDrawsAsManyAsThereAre(t *testing.T) {
	one := collectCounts(t, 50, Options{Resamples: 200, Workers: 1})
	drawn := make([]float64, 50)
	for _, counts := range one {
		sum := 0
		for i, n := range counts {
			sum += n
			drawn[i] += float64(n) / 200
		}
		if sum != 50 {
			t.Fatalf("%d draws of 50 stimuli", sum)
		}
	}
	// Each mean count is 1 with the standard error √(0.98/200) = 0.07.
	for i, mean := range drawn {
		if math.Abs(mean-1) > 0.35 {
			t.Errorf("stimulus %d was drawn %g times a resample", i, mean)
		}
	}
	many := collectCounts(t, 50, Options{Resamples: 200, Workers: 7})
	for i := range one {
		if !slices.Equal(one[i], many[i]) {
			t.Fatalf("resample %d depends on the number of workers", i)
		}
	}
}

func TestMoreWorkersThanResamples(t *testing.T) {
	if got := collectCounts(t, 3, Options{Resamples: 2, Workers: 16}); got[0] == nil || got[1] == nil {
		t.Errorf("resamples %v", got)
	}
}

// A mean computed as a Sample is what Mean computes.
func TestSampleOfAMeanIsMean(t *testing.T) {
	scores := []float64{1, 2, 4, 8, 9, 3.5}
	want, err := Mean(scores, rand.New(rand.NewPCG(1, 2)), Options{Resamples: 500})
	if err != nil {
		t.Fatal(err)
	}
	s := Sample{want.Value, make([]float64, 500)}
	for i, counts := range collectCounts(t, len(scores), Options{Resamples: 500}) {
		for k, n := range counts {
			s.Resampled[i] += float64(n) * scores[k] / float64(len(scores))
		}
	}
	got, err := s.Interval(0)
	if err != nil || math.Abs(got.Low-want.Low) > 1e-12 || math.Abs(got.High-want.High) > 1e-12 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestSampleArithmetic(t *testing.T) {
	a, b := Sample{3, []float64{1, 5, 3}}, Sample{1, []float64{0, 1, 5}}
	difference, err := a.Minus(b)
	if err != nil || difference.Value != 2 || !slices.Equal(difference.Resampled, []float64{1, 4, -2}) {
		t.Errorf("difference %+v, %v", difference, err)
	}
	average, err := Average(a, b)
	if err != nil || average.Value != 2 || !slices.Equal(average.Resampled, []float64{0.5, 3, 4}) {
		t.Errorf("average %+v, %v", average, err)
	}
	if !slices.Equal(a.Resampled, []float64{1, 5, 3}) {
		t.Errorf("the first sample was changed: %v", a.Resampled)
	}
	if none, err := Average(); err != nil || !math.IsNaN(none.Value) {
		t.Errorf("average of nothing %+v, %v", none, err)
	}
}

func TestSampleTest(t *testing.T) {
	// Of 99 resamples and the data 5 are at or below 0: p = 2·5/100.
	s := Sample{1, make([]float64, 99)}
	for i := range s.Resampled {
		s.Resampled[i] = float64(i - 3)
	}
	got, err := s.Test(0.95)
	if err != nil || math.Abs(got.P-0.1) > 1e-12 || got.Value != 1 {
		t.Errorf("%+v, %v, want p = 0.1", got, err)
	}
	for _, unknown := range []Sample{{Value: 1}, {1, []float64{1, math.NaN(), 2}}} {
		if got, err := unknown.Test(0); err != nil || !math.IsNaN(got.Low) || !math.IsNaN(got.High) || !math.IsNaN(got.P) {
			t.Errorf("%+v: %+v, %v, want NaN", unknown, got, err)
		}
	}
}

func TestSampleErrors(t *testing.T) {
	two, three := Sample{0, make([]float64, 2)}, Sample{0, make([]float64, 3)}
	_, interval := two.Interval(1)
	_, test := two.Test(-1)
	_, minus := two.Minus(three)
	_, average := Average(two, three)
	none := Resample(0, rand.New(rand.NewPCG(1, 2)), Options{}, nil)
	few := Resample(1, rand.New(rand.NewPCG(1, 2)), Options{Resamples: -2}, nil)
	for _, c := range []struct {
		err  error
		want string
	}{
		{interval, "bootstrap: level 1 is outside (0, 1)"},
		{test, "bootstrap: level -1 is outside (0, 1)"},
		{minus, "bootstrap: samples of 2 and 3 resamples cannot be subtracted"},
		{average, "bootstrap: samples of 2 and 3 resamples cannot be averaged"},
		{none, "bootstrap: 0 stimuli cannot be resampled"},
		{few, "bootstrap: -2 resamples are too few"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
}

// Exchanging the terms of a difference mirrors its interval and keeps p.
func TestSampleDifferencesAreAntisymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "n")
		values := rapid.SliceOfN(rapid.Map(rapid.IntRange(-9, 9), func(i int) float64 { return float64(i) }), n, n)
		a, b := Sample{1, values.Draw(t, "a")}, Sample{2, values.Draw(t, "b")}
		forth, _ := a.Minus(b)
		back, _ := b.Minus(a)
		p, err := forth.Test(0.9)
		if err != nil {
			t.Fatal(err)
		}
		q, _ := back.Test(0.9)
		if math.Abs(p.Low+q.High) > 1e-12 || math.Abs(p.High+q.Low) > 1e-12 || p.P != q.P {
			t.Fatalf("%+v, exchanged %+v", p, q)
		}
	})
}
