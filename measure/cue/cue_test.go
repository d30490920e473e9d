package cue

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDecisionsByHand(t *testing.T) {
	// Two conflicts for shape 0, one without a conflict, one unanswered, one answered by neither.
	shape := []uint8{0, 0, 0, 1, 1, 1}
	texture := []uint8{1, 2, 0, 0, 2, 0}
	answers := []uint8{0, 2, 0, 255, 0, 1}
	d, err := Decide(shape, texture, answers, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []Counts{{Stimuli: 3, Conflicts: 2, Shape: 1, Texture: 1}, {Stimuli: 3, Conflicts: 3, Shape: 1}, {}}
	if !slices.Equal(d.Categories, want) || d.Counts != (Counts{6, 5, 2, 1}) {
		t.Errorf("%+v", d)
	}
	for name, c := range map[string][2]float64{
		"shape bias":       {d.ShapeBias(), 2.0 / 3},
		"texture bias":     {d.TextureBias(), 1.0 / 3},
		"shape fraction":   {d.ShapeFraction(), 2.0 / 6},
		"texture fraction": {d.TextureFraction(), 1.0 / 6},
	} {
		if math.Abs(c[0]-c[1]) > 1e-12 {
			t.Errorf("%s is %g, want %g", name, c[0], c[1])
		}
	}
	if bias := d.Categories[2].ShapeBias(); !math.IsNaN(bias) {
		t.Errorf("without decisions the bias is %g", bias)
	}
	if got := d.Order(); !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("order %v", got)
	}
	interval, err := d.Interval(0)
	if err != nil || !(interval.Low < 2.0/3 && 2.0/3 < interval.High) {
		t.Errorf("interval %v, %v", interval, err)
	}
}

func TestPeople(t *testing.T) {
	anna := Decisions{Counts{4, 4, 3, 1}, []Counts{{4, 4, 3, 1}, {}}}
	bert := Decisions{Counts{4, 4, 1, 0}, []Counts{{2, 2, 0, 0}, {2, 2, 1, 0}}}
	pooled, err := Pool(anna, bert)
	if err != nil || pooled.Counts != (Counts{8, 8, 4, 1}) || !slices.Equal(pooled.Categories, []Counts{{6, 6, 3, 1}, {2, 2, 1, 0}}) {
		t.Errorf("pooled %+v, %v", pooled, err)
	}
	if anna.Categories[0].Stimuli != 4 {
		t.Errorf("pooling changed anna: %+v", anna)
	}
	// Bert decided for neither cue in the first category, anna saw none of the second.
	if got := MeanByCategory(anna, bert); !slices.Equal(got, []float64{0.75, 1}) {
		t.Errorf("means %v", got)
	}
	if got := MeanByCategory(bert, bert); !math.IsNaN(got[0]) || got[1] != 1 {
		t.Errorf("means %v, want NaN and 1", got)
	}
	if none, err := Pool(); err != nil || !math.IsNaN(none.ShapeBias()) || MeanByCategory() != nil {
		t.Errorf("nobody: %+v, %v", none, err)
	}
}

func TestErrors(t *testing.T) {
	for want, err := range map[string]error{
		"cue: 1 shapes, 2 textures and 1 responses do not match":            second(Decide([]uint8{0}, []uint8{0, 1}, []uint8{0}, 2)),
		"cue: stimulus 0 has shape 0 and texture 2, there are 2 categories": second(Decide([]uint8{0}, []uint8{2}, []uint8{0}, 2)),
		"cue: -1 categories are too few":                                    second(Decide(nil, nil, nil, -1)),
		"cue: decisions on 1 and 0 categories cannot be pooled":             second(Pool(Decisions{Categories: make([]Counts, 1)}, Decisions{})),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func second(_ Decisions, err error) error { return err }

// Exchanging shape and texture exchanges both biases.
func TestExchangingCues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		code := rapid.Uint8Range(0, 4)
		shape := rapid.SliceOfN(code, n, n).Draw(t, "shape")
		texture := rapid.SliceOfN(code, n, n).Draw(t, "texture")
		answers := rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 2, 3, 4, 255}), n, n).Draw(t, "answers")
		d, err := Decide(shape, texture, answers, 5)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := Decide(texture, shape, answers, 5)
		if d.Shape != e.Texture || d.Texture != e.Shape || d.Conflicts != e.Conflicts || d.Stimuli != n {
			t.Fatalf("%+v, exchanged %+v", d.Counts, e.Counts)
		}
		if d.Shape+d.Texture > 0 && math.Abs(d.ShapeBias()+d.TextureBias()-1) > 1e-12 {
			t.Fatalf("biases %g and %g", d.ShapeBias(), d.TextureBias())
		}
		pooled, _ := Pool(d, e)
		if pooled.Shape != d.Shape+e.Shape || len(pooled.Order()) != 5 {
			t.Fatalf("pooled %+v", pooled)
		}
	})
}

func ExampleDecide() {
	const cat, elephant, bottle = 0, 1, 2
	d, err := Decide([]uint8{cat, cat, bottle}, []uint8{elephant, bottle, cat}, []uint8{elephant, bottle, bottle}, 3)
	fmt.Printf("shape bias %.2f, %v\n", d.ShapeBias(), err)
	// Output: shape bias 0.33, <nil>
}
