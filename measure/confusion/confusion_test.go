package confusion

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func matrix(t *testing.T, classes ...string) *Matrix {
	t.Helper()
	m, err := New(classes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func add(t *testing.T, m *Matrix, truth, answer string, times int) {
	t.Helper()
	for range times {
		if err := m.Add(truth, answer); err != nil {
			t.Fatal(err)
		}
	}
}

func same(a, b float64) bool {
	return math.Abs(a-b) < 1e-12 || math.IsNaN(a) && math.IsNaN(b)
}

func TestScoresByHand(t *testing.T) {
	m := matrix(t, "cat", "dog", "frog", "yeti")
	add(t, m, "cat", "cat", 5)
	add(t, m, "cat", "dog", 3)
	add(t, m, "cat", "", 2)
	add(t, m, "dog", "cat", 1)
	add(t, m, "dog", "dog", 9)
	add(t, m, "frog", "dog", 3)
	nan := math.NaN()
	for i, want := range []Score{
		{"cat", 10, 6, 5, 5.0 / 6, 0.5, 10.0 / 16},
		{"dog", 10, 15, 9, 0.6, 0.9, 18.0 / 25},
		{"frog", 3, 0, 0, nan, 0, 0},
		{"yeti", 0, 0, 0, nan, nan, nan},
	} {
		got := m.Scores()[i]
		if got.Class != want.Class || got.Stimuli != want.Stimuli || got.Answers != want.Answers || got.Right != want.Right ||
			!same(got.Precision, want.Precision) || !same(got.Recall, want.Recall) || !same(got.F1, want.F1) {
			t.Errorf("score %+v, want %+v", got, want)
		}
	}
	if got := m.Accuracy(); !same(got, 14.0/23) {
		t.Errorf("accuracy %g, want 14/23", got)
	}
	want := []Pair{{"cat", "dog", 3, 0.3}, {"frog", "dog", 3, 1}}
	if got := m.MostConfused(2); !slices.Equal(got, want) {
		t.Errorf("most confused %v, want %v", got, want)
	}
	if got := m.MostConfused(10); len(got) != 3 || got[2] != (Pair{"dog", "cat", 1, 0.1}) {
		t.Errorf("all confused pairs %v", got)
	}
	if got := m.Row(0); !slices.Equal(got, []int{5, 3, 0, 0}) {
		t.Errorf("row %v", got)
	}
}

func TestEdges(t *testing.T) {
	none := matrix(t)
	if none.Total() != 0 || !math.IsNaN(none.Accuracy()) || len(none.Scores()) != 0 || len(none.MostConfused(3)) != 0 {
		t.Errorf("the matrix without classes: %d, %g", none.Total(), none.Accuracy())
	}
	one := matrix(t, "cat")
	add(t, one, "cat", "cat", 1)
	if one.Accuracy() != 1 || len(one.MostConfused(3)) != 0 || len(one.MostConfused(-1)) != 0 || one.Row(1) != nil || one.Row(-1) != nil {
		t.Errorf("the matrix with one class: %g", one.Accuracy())
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{one.Add("dog", "cat"), `confusion: true class "dog" is not among the 1 classes`},
		{one.Add("cat", "dog"), `confusion: answered class "dog" is not among the 1 classes`},
		{second(New([]string{"a", "b", "a"})), `confusion: classes 0 and 2 are both named "a"`},
		{second(New([]string{"a", ""})), "confusion: class 1 has no name"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
	if one.Total() != 1 {
		t.Errorf("refused answers were counted: %d", one.Total())
	}
}

func second(_ *Matrix, err error) error { return err }

func TestMatrixProperties(t *testing.T) {
	classes := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		m, err := New(classes)
		if err != nil {
			t.Fatal(err)
		}
		turned, err := New(classes)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, 80).Draw(t, "n")
		for range n {
			truth := rapid.SampledFrom(classes).Draw(t, "truth")
			answer := rapid.SampledFrom(classes).Draw(t, "answer")
			if m.Add(truth, answer) != nil || turned.Add(answer, truth) != nil {
				t.Fatal("a known class was refused")
			}
		}
		if m.Total() != n || !same(m.Accuracy(), turned.Accuracy()) {
			t.Fatalf("%d stimuli, want %d; accuracy %g, turned %g", m.Total(), n, m.Accuracy(), turned.Accuracy())
		}
		for i, s := range m.Scores() { // exchanging truth and answer exchanges precision and recall
			other := turned.Scores()[i]
			if !same(s.Precision, other.Recall) || !same(s.Recall, other.Precision) || !same(s.F1, other.F1) {
				t.Fatalf("%+v, turned %+v", s, other)
			}
			if s.Right > 0 && !same(s.F1, 2*s.Precision*s.Recall/(s.Precision+s.Recall)) {
				t.Fatalf("F1 is not the harmonic mean: %+v", s)
			}
		}
		wrong := 0
		for _, p := range m.MostConfused(100) {
			wrong += p.Count
		}
		if n > 0 && !same(1-float64(wrong)/float64(n), m.Accuracy()) {
			t.Fatalf("%d confusions of %d stimuli, accuracy %g", wrong, n, m.Accuracy())
		}
	})
}
