package agreement

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"visus/measure/bootstrap"
)

func TestPairByHand(t *testing.T) {
	first := FromBools([]bool{true, true, true, false, false, true, false, false, true, true})
	second := FromBools([]bool{true, false, true, false, true, true, false, false, true, false})
	p, err := Compare(first, second)
	if err != nil || p != (Pair{4, 2, 1, 3}) {
		t.Fatalf("%+v, %v", p, err)
	}
	// p₁ = .6, p₂ = .5: c_exp = .3 + .2 = .5, c_obs = .7, κ = .2/.5.
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"observed", p.Observed(), 0.7},
		{"expected", p.Expected(), 0.5},
		{"error consistency", p.ErrorConsistency(), 0.4},
		{"accuracy difference", p.AccuracyDifference(), 0.01},
		{"accuracy", first.Accuracy(), 0.6},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s is %g, want %g", c.name, c.got, c.want)
		}
	}
}

func TestEdgesOfKappa(t *testing.T) {
	for _, c := range []struct {
		pair Pair
		want float64
	}{
		{Pair{5, 0, 0, 0}, 1},  // both always right
		{Pair{0, 0, 0, 5}, 1},  // both always wrong
		{Pair{3, 0, 0, 2}, 1},  // the same errors
		{Pair{3, 0, 2, 0}, 0},  // one always right
		{Pair{0, 4, 0, 3}, 0},  // one always wrong
		{Pair{0, 3, 0, 0}, 0},  // one always right, one always wrong
		{Pair{0, 2, 2, 0}, -1}, // opposite errors at accuracy ½
		{Pair{1, 0, 0, 0}, 1},
	} {
		if got := c.pair.ErrorConsistency(); got != c.want {
			t.Errorf("κ of %+v is %g, want %g", c.pair, got, c.want)
		}
	}
	if se := (Pair{5, 0, 0, 0}).StandardError(); !math.IsNaN(se) {
		t.Errorf("standard error of observers who are always right: %g", se)
	}
}

func TestUnstable(t *testing.T) {
	for _, c := range []struct {
		pair Pair
		want bool
	}{
		{Pair{98, 1, 1, 0}, true}, // c_exp = .98
		{Pair{2, 5, 1, 92}, true}, // second accuracy .03
		{Pair{60, 10, 10, 20}, false},
		{Pair{10, 0, 0, 90}, false}, // accuracy .1 is not below .1, c_exp = .82
	} {
		if got := c.pair.Unstable(); got != c.want {
			t.Errorf("%+v is unstable: %v, want %v", c.pair, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	three, four, none := FromBools(make([]bool, 3)), FromBools(make([]bool, 4)), FromBools(nil)
	seeded := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	r, err := Resample([]Answers{three, three}, seeded(), bootstrap.Options{Resamples: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(Compare(three, four)), "agreement: 3 and 4 answers cannot be compared: observers must see the same stimuli"},
		{second(Compare(none, none)), "agreement: there are no stimuli to compare on"},
		{second(NewMatrix(nil)), "agreement: there are no observers to compare"},
		{second(NewMatrix([]Answers{three, four})), "agreement: observer 1 answered 4 stimuli, observer 0 3: observers must see the same stimuli"},
		{second(NewMatrix([]Answers{none})), "agreement: there are no stimuli to compare on"},
		{second(FromResponses([]uint8{1}, nil)), "agreement: 0 responses to 1 stimuli"},
		{second(three.Select([]int{0, 3})), "agreement: position 3 is none of 3 stimuli"},
		{second(BoundsOfAccuracies(0.5, 1.5)), "agreement: accuracies 0.5 and 1.5 must lie in 0..1"},
		{second(BoundsOfExpected(math.NaN())), "agreement: expected consistency NaN must lie in 0..1"},
		{second(Pair{1, 1, 1, 1}.LargeSampleInterval(1)), "agreement: level 1 is outside (0, 1)"},
		{second(Resample([]Answers{three}, seeded(), bootstrap.Options{Resamples: -1})), "bootstrap: -1 resamples are too few"},
		{second(r.Intervals(Pair.Observed, 2)), "bootstrap: level 2 is outside (0, 1)"},
		{second(r.Persons(nil, seeded())), "agreement: 0 persons cannot be resampled, only 1 to 255"},
		{second(r.Persons([]int{0, 2}, seeded())), "agreement: person 2 is none of 2 observers"},
		{second(r.Persons([]int{1, 1}, seeded())), "agreement: person 1 is named twice"},
		{second(Independence(0.5, -1, 3, seeded(), bootstrap.Options{})), "agreement: accuracies 0.5 and -1 must lie in 0..1"},
		{second(Independence(0.5, 0.5, 0, seeded(), bootstrap.Options{})), "agreement: there are no stimuli to compare on"},
		{second(Independence(0.5, 0.5, 3, seeded(), bootstrap.Options{Resamples: -1})), "agreement: -1 simulations are too few"},
		{second(Average([]Cell{{"a", "b", "c", 1}, {"a", "b", "c", 2}})), `agreement: data set "a", condition "b", partner "c" comes twice`},
		{second(MeanRanks([]float64{1}, nil, nil)), "agreement: 1 accuracy differences, 0 observed and 0 error consistencies cannot be ranked together"},
		{second(MeanRanks([]float64{1}, []float64{math.NaN()}, []float64{1})), "agreement: model 0 (1, NaN, 1) has no rank"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// drawn are observers of one data set; sizes around 64 fill words to their ends.
func drawn(t *rapid.T, least int) []Answers {
	n := rapid.IntRange(1, 140).Draw(t, "stimuli")
	return rapid.SliceOfN(rapid.Map(rapid.SliceOfN(rapid.Bool(), n, n), FromBools), least, 6).Draw(t, "observers")
}

func TestPairProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		observers := drawn(t, 2)
		p, err := Compare(observers[0], observers[1])
		if err != nil {
			t.Fatal(err)
		}
		exchanged, _ := Compare(observers[1], observers[0])
		if exchanged != p.Swap() || exchanged.ErrorConsistency() != p.ErrorConsistency() {
			t.Fatalf("%+v, exchanged %+v", p, exchanged)
		}
		if self, _ := Compare(observers[0], observers[0]); self.ErrorConsistency() != 1 {
			t.Fatalf("κ with oneself is %g", self.ErrorConsistency())
		}
		p1, p2 := p.Accuracies()
		if p1 != observers[0].Accuracy() || p2 != observers[1].Accuracy() {
			t.Fatalf("accuracies %g, %g", p1, p2)
		}
		kappa, observed, expected := p.ErrorConsistency(), p.Observed(), p.Expected()
		if expected < 1 && math.Abs(kappa-(observed-expected)/(1-expected)) > 1e-12 {
			t.Fatalf("κ = %g of c_obs = %g, c_exp = %g", kappa, observed, expected)
		}
		ofAccuracies, err := BoundsOfAccuracies(p1, p2)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "given the accuracies", ofAccuracies, observed, kappa)
		if ofExpected, err := BoundsOfExpected(min(1, expected)); err != nil {
			t.Fatal(err)
		} else if expected < 1 {
			within(t, "given the expected consistency", ofExpected, observed, kappa)
		}
		if se := p.StandardError(); se < 0 || p.StandardErrorUnderIndependence() < 0 {
			t.Fatalf("negative standard error of %+v", p)
		}
	})
}

func within(t *rapid.T, name string, b Bounds, observed, kappa float64) {
	const rounding = 1e-12
	if observed < b.ObservedLow-rounding || observed > b.ObservedHigh+rounding || kappa < b.KappaLow-rounding || kappa > b.KappaHigh+rounding {
		t.Fatalf("c_obs = %g, κ = %g are outside the bounds %s: %+v", observed, kappa, name, b)
	}
}

func TestMatrixHoldsAllPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		observers := drawn(t, 1)
		m, err := NewMatrix(observers)
		if err != nil {
			t.Fatal(err)
		}
		values := m.Values(Pair.ErrorConsistency)
		for i, a := range observers {
			for j, b := range observers {
				if want, _ := Compare(a, b); m.At(i, j) != want || values[i][j] != want.ErrorConsistency() {
					t.Fatalf("pair %d, %d of %d is %+v, want %+v", i, j, len(observers), m.At(i, j), want)
				}
			}
		}
	})
}

func TestSelect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawn(t, 1)[0]
		positions := rapid.SliceOf(rapid.IntRange(0, a.Stimuli()-1)).Draw(t, "positions")
		s, err := a.Select(positions)
		if err != nil || s.Stimuli() != len(positions) {
			t.Fatalf("%d stimuli, want %d: %v", s.Stimuli(), len(positions), err)
		}
		right := 0
		for i, p := range positions {
			if s.Right(i) != a.Right(p) {
				t.Fatalf("stimulus %d is not stimulus %d", i, p)
			}
			if s.Right(i) {
				right++
			}
		}
		if s.Correct() != right {
			t.Fatalf("%d right, want %d", s.Correct(), right)
		}
	})
}

// The same resamples counted stimulus by stimulus.
func TestResamplesAgainstTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		observers := drawn(t, 2)
		o := bootstrap.Options{Resamples: rapid.IntRange(1, 9).Draw(t, "resamples"), Workers: rapid.IntRange(1, 4).Draw(t, "workers")}
		seed := rapid.Uint64().Draw(t, "seed")
		r, err := Resample(observers, rand.New(rand.NewPCG(seed, 0)), o)
		if err != nil {
			t.Fatal(err)
		}
		stimuli := observers[0].Stimuli()
		if stimuli == 1 {
			if got := r.Of(0, 1, Pair.Observed); len(got.Resampled) != 0 {
				t.Fatalf("one stimulus was resampled %d times", len(got.Resampled))
			}
			return
		}
		counts := make([][]int, o.Resamples)
		err = bootstrap.Resample(stimuli, rand.New(rand.NewPCG(seed, 0)), bootstrap.Options{Resamples: o.Resamples}, func() func(int, []int) {
			return func(resample int, c []int) { counts[resample] = slices.Clone(c) }
		})
		if err != nil {
			t.Fatal(err)
		}
		i, j := rapid.IntRange(0, len(observers)-1).Draw(t, "i"), rapid.IntRange(0, len(observers)-1).Draw(t, "j")
		got := r.Of(i, j, Pair.ErrorConsistency)
		for k, c := range counts {
			var positions []int
			for s, n := range c {
				positions = append(positions, slices.Repeat([]int{s}, n)...)
			}
			a, _ := observers[i].Select(positions)
			b, _ := observers[j].Select(positions)
			if p, _ := Compare(a, b); got.Resampled[k] != p.ErrorConsistency() {
				t.Fatalf("resample %d of pair %d, %d: κ = %g, want %g", k, i, j, got.Resampled[k], p.ErrorConsistency())
			}
		}
	})
}

func TestResamplesDoNotDependOnWorkers(t *testing.T) {
	observers := random(5, 300, 1)
	var first [][]bootstrap.Interval
	for _, workers := range []int{1, 2, 7} {
		r, err := Resample(observers, rand.New(rand.NewPCG(3, 4)), bootstrap.Options{Resamples: 101, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		intervals, err := r.Intervals(Pair.ErrorConsistency, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = intervals
		}
		for i := range first {
			if !slices.Equal(first[i], intervals[i]) {
				t.Fatalf("%d workers give %v, one gives %v", workers, intervals[i], first[i])
			}
		}
	}
}

// Of ten intervals of 95 % about nine or ten hold the truth; over 400 data sets the share has the standard error 1.1 %.
func TestCoverage(t *testing.T) {
	source := rand.New(rand.NewPCG(5, 6))
	const sets = 400
	covered := map[string]int{}
	for range sets {
		// Both are right on half of the stimuli, and agree on 70 %: κ = 0.4.
		p := Pair{}
		for range 250 {
			switch u := source.Float64(); {
			case u < 0.35:
				p.Both++
			case u < 0.7:
				p.Neither++
			case u < 0.85:
				p.OnlyFirst++
			default:
				p.OnlySecond++
			}
		}
		large, err := p.LargeSampleInterval(0)
		if err != nil {
			t.Fatal(err)
		}
		first := collect(250, func(i int) bool { return i < p.Both+p.OnlyFirst })
		other := collect(250, func(i int) bool { return i < p.Both || i >= p.Both+p.OnlyFirst && i < 250-p.Neither })
		r, err := Resample([]Answers{first, other}, source, bootstrap.Options{Resamples: 400})
		if err != nil {
			t.Fatal(err)
		}
		resampled, err := r.Of(0, 1, Pair.ErrorConsistency).Interval(0)
		if err != nil {
			t.Fatal(err)
		}
		for name, interval := range map[string]bootstrap.Interval{"large sample": large, "bootstrap": resampled} {
			if interval.Low <= 0.4 && 0.4 <= interval.High {
				covered[name]++
			}
		}
	}
	for name, n := range covered {
		if share := float64(n) / sets; share < 0.91 || share > 0.985 {
			t.Errorf("%s: %.3f of the intervals hold the true κ", name, share)
		}
	}
}

func TestIndependenceAtTheLimits(t *testing.T) {
	for _, c := range []struct{ first, second, low, high float64 }{
		{1, 1, 1, 1}, // always the same
		{0, 1, 0, 0},
		{1, 0.5, 0, 0},
	} {
		band, err := Independence(c.first, c.second, 1000, rand.New(rand.NewPCG(1, 2)), bootstrap.Options{Resamples: 50})
		if err != nil || band.Low != c.low || band.High != c.high {
			t.Errorf("accuracies %g and %g: %+v, %v, want %g..%g", c.first, c.second, band, err, c.low, c.high)
		}
	}
}

func TestPersons(t *testing.T) {
	observers := random(4, 200, 1)
	observers = append(observers, observers[3]) // persons 2, 3 and 4, of whom two answer alike; 0 and 1 are models
	source := rand.New(rand.NewPCG(1, 2))
	r, err := Resample(observers, source, bootstrap.Options{Resamples: 300})
	if err != nil {
		t.Fatal(err)
	}
	alike, err := r.Persons([]int{3, 4}, source)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever of two persons who answer alike is drawn, the mean is the same as with one of them.
	mean, one := alike.With(0, Pair.ErrorConsistency), r.Of(0, 3, Pair.ErrorConsistency)
	for i := range one.Resampled {
		if math.Abs(mean.Resampled[i]-one.Resampled[i]) > 1e-12 {
			t.Fatalf("resample %d: mean %g, each %g", i, mean.Resampled[i], one.Resampled[i])
		}
	}
	if among := alike.Among(Pair.ErrorConsistency); among.Value != 1 || slices.Min(among.Resampled) != 1 {
		t.Errorf("persons who answer alike agree to %g, %g", among.Value, slices.Min(among.Resampled))
	}
	group, err := r.Persons([]int{2, 3, 4}, source)
	if err != nil {
		t.Fatal(err)
	}
	m, persons := r.Matrix(), []int{2, 3, 4}
	for _, observer := range []int{0, 1, 2} { // person 2 is compared with the others
		got := group.With(observer, Pair.ErrorConsistency)
		if want := m.With(observer, persons, Pair.ErrorConsistency); math.Abs(got.Value-want) > 1e-12 {
			t.Errorf("mean of observer %d with the persons is %g, want %g", observer, got.Value, want)
		}
	}
	among := group.Among(Pair.ErrorConsistency)
	if want := m.Among(persons, Pair.ErrorConsistency); math.Abs(among.Value-want) > 1e-12 {
		t.Errorf("mean among persons is %g, want %g", among.Value, want)
	}
	// Drawing persons, too, widens the interval: two of the three pairs lie near 0 and one at 1.
	fixed, err := r.Average([][2]int{{2, 3}, {2, 4}, {3, 4}}, Pair.ErrorConsistency).Interval(0)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := among.Interval(0)
	if err != nil || wide.High-wide.Low <= fixed.High-fixed.Low || math.Abs(fixed.Value-wide.Value) > 1e-12 {
		t.Errorf("interval with persons drawn %+v, with persons fixed %+v: %v", wide, fixed, err)
	}
}

// One seed draws the same persons for two conditions with other stimuli.
func TestPersonsAcrossConditions(t *testing.T) {
	var draws [][][]uint8
	for condition, stimuli := range []int{100, 70} {
		r, err := Resample(random(5, stimuli, uint64(condition)), rand.New(rand.NewPCG(uint64(condition), 0)), bootstrap.Options{Resamples: 40})
		if err != nil {
			t.Fatal(err)
		}
		group, err := r.Persons([]int{1, 2, 3}, rand.New(rand.NewPCG(9, 9)))
		if err != nil {
			t.Fatal(err)
		}
		draws = append(draws, group.counts)
		for i := range 40 {
			different := 0
			for k := range group.counts {
				if group.counts[k][i] > 0 {
					different++
				}
			}
			if different < 2 {
				t.Fatalf("resample %d has one person only", i)
			}
		}
	}
	for k := range draws[0] {
		if !slices.Equal(draws[0][k], draws[1][k]) {
			t.Errorf("person %d was drawn %v and %v", k, draws[0][k], draws[1][k])
		}
	}
}

func TestOnePerson(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	r, err := Resample(random(2, 100, 1), source, bootstrap.Options{Resamples: 20})
	if err != nil {
		t.Fatal(err)
	}
	one, err := r.Persons([]int{1}, source)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := one.With(0, Pair.Observed), r.Of(0, 1, Pair.Observed); !slices.Equal(got.Resampled, want.Resampled) || got.Value != want.Value {
		t.Errorf("with one person %v, want %v", got, want)
	}
	if among, err := one.Among(Pair.Observed).Interval(0); err != nil || !math.IsNaN(among.Value) || !math.IsNaN(among.Low) {
		t.Errorf("one person agrees with nobody to %+v, %v", among, err)
	}
}

// Two models that answer alike differ by nothing in every resample, however uncertain each is.
func TestDifferencesArePaired(t *testing.T) {
	observers := random(3, 100, 1)
	observers = append(observers, observers[0])
	r, err := Resample(observers, rand.New(rand.NewPCG(1, 2)), bootstrap.Options{Resamples: 200})
	if err != nil {
		t.Fatal(err)
	}
	difference, err := r.Of(0, 2, Pair.ErrorConsistency).Minus(r.Of(3, 2, Pair.ErrorConsistency))
	if err != nil {
		t.Fatal(err)
	}
	test, err := difference.Test(0)
	if err != nil || test.Low != 0 || test.High != 0 || test.P != 1 {
		t.Errorf("difference %+v, %v", test, err)
	}
}

func TestAverageKeepsTheOrder(t *testing.T) {
	got, err := Average([]Cell{
		{"edge", "0", "anna", 1},
		{"noise", "low", "anna", 0}, {"noise", "high", "anna", 1}, {"noise", "low", "bert", 1}, // bert lacks a condition
	})
	// noise: anna ½, bert 1, together ¾, where the mean of the three cells were ⅔.
	if err != nil || got.Value != 0.875 || !slices.Equal(got.Datasets, []DatasetMean{{"edge", 1}, {"noise", 0.75}}) {
		t.Errorf("%+v, %v", got, err)
	}
	if none, err := Average(nil); err != nil || !math.IsNaN(none.Value) {
		t.Errorf("the mean of nothing is %+v, %v", none, err)
	}
}

func TestMeanRanks(t *testing.T) {
	got, err := MeanRanks([]float64{0.02, 0.02, 0.1}, []float64{0.7, 0.8, 0.6}, []float64{0.2, 0.3, 0.25})
	if want := []float64{(1.5 + 2 + 3) / 3, (1.5 + 1 + 1) / 3, 8.0 / 3}; err != nil || !slices.Equal(got, want) {
		t.Errorf("mean ranks %v, %v, want %v", got, err, want)
	}
}
