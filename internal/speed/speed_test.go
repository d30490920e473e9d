package speed

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// side notes its turns and takes as long as it is told.
func side(name string, took time.Duration, turns *[]string) Side {
	return Side{name, func(context.Context) (time.Duration, error) {
		*turns = append(*turns, name)
		return took, nil
	}}
}

func TestSidesTakeTurns(t *testing.T) {
	var turns []string
	sides := []Side{side("a", time.Second, &turns), side("b", 2*time.Second, &turns), side("c", 4*time.Second, &turns)}
	samples, err := Alternate(context.Background(), sides, Limits{Least: 2, Most: 3, Time: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(turns, ""); got != "abccbaabc" {
		t.Errorf("turns %s, expected abccbaabc", got)
	}
	if r := Ratio(samples[0], samples[2]); len(r) != 3 || r.Median() != 4 || r.Least() != 4 || r.Most() != 4 {
		t.Errorf("ratios %v, expected three of 4", r)
	}
	if r := samples[1].Rate(10); r.Median() != 5 {
		t.Errorf("rates %v, expected 5 a second", r)
	}
}

func TestLeastRoundsWithoutTime(t *testing.T) {
	var turns []string
	if _, err := Alternate(context.Background(), []Side{side("a", time.Second, &turns)}, Limits{}); err != nil || len(turns) != 3 {
		t.Errorf("%d rounds, error %v; expected 3 rounds", len(turns), err)
	}
}

func TestErrors(t *testing.T) {
	broken := Side{"broken", func(context.Context) (time.Duration, error) { return 0, errors.New("no luck") }}
	if _, err := Alternate(context.Background(), []Side{broken}, Limits{}); err == nil || err.Error() != "broken: no luck" {
		t.Errorf("error %v, expected the side's name and its error", err)
	}
	if _, err := Alternate(context.Background(), nil, Limits{}); err == nil {
		t.Error("no sides were compared without an error")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	var turns []string
	if _, err := Alternate(ended, []Side{side("a", 1, &turns)}, Limits{}); !errors.Is(err, context.Canceled) || len(turns) > 0 {
		t.Errorf("error %v after %d turns, expected an end before the first", err, len(turns))
	}
}

func TestTimed(t *testing.T) {
	wrong := errors.New("wrong")
	took, err := Timed(func(context.Context) error { return wrong })(context.Background())
	if err != wrong || took < 0 {
		t.Errorf("took %v, error %v", took, err)
	}
}

func TestEmptySample(t *testing.T) {
	for name, v := range map[string]float64{"median": Sample{}.Median(), "least": Sample{}.Least(), "most": Sample{}.Most(), "mean": GeometricMean(nil)} {
		if !math.IsNaN(v) {
			t.Errorf("the %s of nothing is %g, expected NaN", name, v)
		}
	}
}

func TestSampleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Sample(rapid.SliceOfN(rapid.Float64Range(1e-6, 1e6), 1, 50).Draw(t, "seconds"))
		below, above := 0, 0
		for _, v := range s {
			if v < s.Median() {
				below++
			}
			if v > s.Median() {
				above++
			}
		}
		if below > len(s)/2 || above > len(s)/2 {
			t.Fatalf("median %g of %v has %d below and %d above", s.Median(), s, below, above)
		}
		if m := GeometricMean(s); m < s.Least()*(1-1e-9) || m > s.Most()*(1+1e-9) {
			t.Fatalf("geometric mean %g of %v lies outside", m, s)
		}
		if r := Ratio(s, s); r.Least() != 1 || r.Most() != 1 {
			t.Fatalf("ratio of a sample to itself is %v", r)
		}
	})
}
