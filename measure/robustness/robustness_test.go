package robustness

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// filled returns a table whose cells are all e.
func filled(t interface{ Fatal(...any) }, e float64) ErrorTable {
	var table ErrorTable
	for _, c := range Corruptions() {
		for s := 1; s <= Severities; s++ {
			if err := table.Set(c, s, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return table
}

func TestScoresByHand(t *testing.T) {
	model, baseline := filled(t, 0.3), filled(t, 0.5)
	// One corruption differs: fog sums to 5·0.1 against 5·0.8, so CE_fog = 12.5 and mCE = (14·60 + 12.5)/15.
	for s := 1; s <= Severities; s++ {
		must(t, model.Set("fog", s, 0.1))
		must(t, baseline.Set("fog", s, 0.8))
	}
	must(t, model.SetClean(0.1))
	must(t, baseline.SetClean(0.4))
	check := func(name string, want float64) func(float64, error) {
		return func(got float64, err error) {
			t.Helper()
			if err != nil || math.Abs(got-want) > 1e-9 {
				t.Errorf("%s = %g, %v, want %g", name, got, err, want)
			}
		}
	}
	check("CE of fog", 12.5)(CorruptionError(model, baseline, "fog"))
	check("mCE", (14*60+12.5)/15)(MeanCorruptionError(model, baseline))
	check("relative CE of snow", 100*0.2/0.1)(RelativeCorruptionError(model, baseline, "snow"))
	check("relative mCE", 14*200.0/15)(RelativeMeanCorruptionError(model, baseline)) // fog loses nothing
	check("mean error", (14*0.3+0.1)/15)(MeanError(model, nil, nil))
	must(t, model.Set("fog", 1, 0.5))
	check("mean of two cells", (0.5+0.3)/2)(MeanError(model, []string{"fog", "snow"}, []int{1}))
}

func TestMissingNumbersAreNamed(t *testing.T) {
	full := filled(t, 0.5)
	partial := filled(t, 0.5)
	partial.at("frost").severity[2] = math.NaN()
	var fogless ErrorTable
	for _, c := range Corruptions() {
		if c != "fog" {
			must(t, fogless.SetMean(c, 0.5))
		}
	}
	for _, c := range []struct {
		name string
		call func() (float64, error)
		want string
	}{
		{"severity of the model", func() (float64, error) { return MeanCorruptionError(partial, full) }, "robustness: model: the table lacks frost at severity 3"},
		{"corruption of the baseline", func() (float64, error) { return MeanCorruptionError(full, fogless) }, "robustness: baseline: the table lacks fog"},
		{"empty table", func() (float64, error) { return MeanError(ErrorTable{}, nil, nil) }, "robustness: the table lacks gaussian_noise"},
		{"severity of a mean", func() (float64, error) { return MeanError(fogless, []string{"snow"}, []int{2}) }, "robustness: the table lacks snow at severity 2"},
		{"Mean", func() (float64, error) { return partial.Mean("frost") }, "robustness: the table lacks frost at severity 3"},
		{"clean error of the model", func() (float64, error) { return RelativeMeanCorruptionError(full, AlexNet5000()) }, "robustness: model: the table lacks the clean error"},
		{"clean error of the baseline", func() (float64, error) { return RelativeMeanCorruptionError(AlexNet5000(), full) }, "robustness: baseline: the table lacks the clean error"},
		{"perfect baseline", func() (float64, error) { return CorruptionError(full, filled(t, 0), "snow") }, "robustness: the baseline has no errors under snow to divide by"},
		{"severity 6", func() (float64, error) { return 0, full.Set("snow", 6, 0.5) }, "robustness: snow: severity 6 is outside 1..5"},
		{"NaN", func() (float64, error) { return 0, full.Set("snow", 1, math.NaN()) }, "robustness: snow at severity 1: error NaN is outside 0..1"},
		{"percent", func() (float64, error) { return 0, full.SetClean(23) }, "robustness: clean images: error 23 is outside 0..1"},
		{"negative", func() (float64, error) { return 0, full.SetMean("fog", -1) }, "robustness: fog: error -1 is outside 0..1"},
	} {
		if _, err := c.call(); err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestBaselineWithoutLoss(t *testing.T) {
	flat := filled(t, 0.5)
	must(t, flat.SetClean(0.5))
	_, err := RelativeCorruptionError(flat, flat, "fog")
	if err == nil || err.Error() != "robustness: the baseline loses nothing under fog to divide by" {
		t.Errorf("error %v", err)
	}
}

func TestTableKnowsItsCells(t *testing.T) {
	var table ErrorTable
	must(t, table.Set("saturate", 2, 0.25))
	must(t, table.SetMean("fog", 0.5))
	if e, ok := table.Cell("saturate", 2); !ok || e != 0.25 {
		t.Errorf("cell = %g, %t", e, ok)
	}
	for _, s := range []int{0, 1, 3, 6} {
		if _, ok := table.Cell("saturate", s); ok {
			t.Errorf("the table claims severity %d", s)
		}
	}
	if _, ok := table.Clean(); ok {
		t.Error("the table claims a clean error")
	}
	if names := table.Corruptions(); len(names) != 2 || names[0] != "saturate" || names[1] != "fog" {
		t.Errorf("corruptions %v", names)
	}
}

func TestAlexNetScoresHundredAgainstItself(t *testing.T) {
	a := AlexNet5000()
	for name, score := range map[string]func(model, baseline ErrorTable) (float64, error){
		"mCE": MeanCorruptionError, "relative mCE": RelativeMeanCorruptionError,
	} {
		if got, err := score(a, a); err != nil || math.Abs(got-100) > 1e-9 {
			t.Errorf("%s = %g, %v", name, got, err)
		}
	}
	// A check sum of the table: the 15 published means add up to 11.834896.
	mean, err := MeanError(AlexNet50000(), nil, nil)
	if err != nil || math.Abs(15*mean-11.834896) > 1e-9 {
		t.Errorf("mean error of AlexNet on 50,000 images = %g, %v", mean, err)
	}
}

func TestScoresScaleWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var model, half ErrorTable
		for _, c := range Corruptions() {
			for s := 1; s <= Severities; s++ {
				e := rapid.Float64Range(0, 1).Draw(t, c)
				if model.Set(c, s, e) != nil || half.Set(c, s, e/2) != nil {
					t.Fatal("a legal error was refused")
				}
			}
		}
		whole, err := MeanCorruptionError(model, AlexNet5000())
		if err != nil {
			t.Fatal(err)
		}
		part, err := MeanCorruptionError(half, AlexNet5000())
		if err != nil || math.Abs(2*part-whole) > 1e-9 || whole < 0 {
			t.Fatalf("half the errors: %g, %v; all: %g", part, err, whole)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
