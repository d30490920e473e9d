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

// small is a matrix with an unanswered stimulus and a class that was never shown.
func small(t *testing.T) *Matrix {
	m := matrix(t, "cat", "dog", "frog")
	add(t, m, "cat", "cat", 2)
	add(t, m, "cat", "dog", 1)
	add(t, m, "cat", "", 1)
	add(t, m, "dog", "dog", 3)
	add(t, m, "dog", "cat", 1)
	return m
}

func TestPercentByHand(t *testing.T) {
	nan := math.NaN()
	want := [][]float64{{25, 0, nan}, {50, 25, nan}, {25, 75, nan}, {0, 0, nan}}
	for r, row := range small(t).Percent() {
		for c := range row {
			if !same(row[c], want[r][c]) {
				t.Errorf("row %d: %v, want %v", r, row, want[r])
			}
		}
	}
}

func TestErrorsByHand(t *testing.T) {
	m := small(t)
	rates := m.ErrorRates()
	if !same(rates[0], 1.0/3) || !same(rates[1], 0.25) || !math.IsNaN(rates[2]) {
		t.Errorf("error rates %v", rates)
	}
	if p := m.ErrorDistribution(); !same(p[0], 4.0/7) || !same(p[1], 3.0/7) || p[2] != 0 {
		t.Errorf("error distribution %v", p)
	}
	if p := matrix(t, "a", "b", "c", "d").ErrorDistribution(); !slices.Equal(p, []float64{0.25, 0.25, 0.25, 0.25}) {
		t.Errorf("without errors %v", p)
	}
	p, q := []float64{1, 0}, []float64{0, 1}
	for _, c := range []struct {
		name     string
		distance func(p, q []float64) (float64, error)
		want     float64
	}{
		{"squared distance", SquaredDistance, 2},
		{"Jensen-Shannon", JensenShannon, 1},
		{"symmetric KL", SymmetricKL, (1 - 1e-4) * math.Log2(1e4)}, // each direction has log₂ 10⁴ and 10⁻⁴ log₂ 10⁻⁴
	} {
		if got, err := c.distance(p, q); err != nil || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s is %g, %v, want %g", c.name, got, err, c.want)
		}
		if got, err := c.distance(p, p); err != nil || got != 0 {
			t.Errorf("%s to itself is %g, %v", c.name, got, err)
		}
		if _, err := c.distance(p, nil); err == nil || err.Error() != "confusion: distributions over 2 and 0 classes cannot be compared" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestEntropiesByHand(t *testing.T) {
	// Of 8 stimuli 3 were answered cat, 4 dog, 1 not at all: ⅜ log₂ 8/3 + ½.
	m := small(t)
	if got, want := m.ResponseEntropy(), 0.375*math.Log2(8.0/3)+0.5; !same(got, want) {
		t.Errorf("response entropy %g, want %g", got, want)
	}
	// Given cat: ½, ¼, ¼, 1.5 bits; given dog: ¾, ¼.
	if got, want := m.ConditionalEntropy(), 0.5*1.5+0.5*(0.75*math.Log2(4.0/3)+0.5); !same(got, want) {
		t.Errorf("conditional entropy %g, want %g", got, want)
	}
	// Answers of a class that was never shown have no term.
	add(t, m, "cat", "frog", 8)
	if got, want := m.ResponseEntropy(), 3.0/16*math.Log2(16.0/3)+0.5; !same(got, want) {
		t.Errorf("with an answer never shown %g, want %g", got, want)
	}
	none := matrix(t, "cat")
	if !math.IsNaN(none.ResponseEntropy()) || !math.IsNaN(none.ConditionalEntropy()) {
		t.Error("the entropy of nothing is not NaN")
	}
}

func TestDifferences(t *testing.T) {
	people, model := matrix(t, "cat", "dog"), matrix(t, "cat", "dog")
	add(t, people, "cat", "cat", 90)
	add(t, people, "cat", "dog", 10)
	add(t, model, "cat", "cat", 5)
	add(t, model, "cat", "dog", 4)
	add(t, model, "cat", "", 1)
	cells, err := Differences(people, model, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d := cells[1][0]; !same(d.Percent, 40) || d.Stars != 3 { // 90 of 100 at ½
		t.Errorf("cat for cat: %+v", d)
	}
	if d := cells[2][0]; !same(d.Percent, -30) || d.Stars != -3 { // 10 of 100 at 0.4
		t.Errorf("dog for cat: %+v", d)
	}
	if d := cells[0][0]; !same(d.Percent, -10) || d.Stars != -3 || !(d.P > 0 && d.P < 0.001) { // 0 of 100 at 0.1: 0.9¹⁰⁰ = 2.7e-5
		t.Errorf("nothing for cat: %+v", d)
	}
	if d := cells[1][1]; !math.IsNaN(d.Percent) || !math.IsNaN(d.P) || d.Stars != 0 {
		t.Errorf("dog was never shown: %+v", d)
	}
	corrected, err := Differences(people, model, 0)
	if err != nil || corrected[0][0].Stars != 0 || corrected[1][0].Stars != 3 { // 2.7e-5 and its mirror are above 0.05/2448
		t.Errorf("corrected for 2,448 tests: %+v, %v", corrected, err)
	}
	// A fraction of 0 stands for 0.001: a single answer of 10 has p = 1 − 0.999¹⁰.
	rare, never := matrix(t, "cat", "dog"), matrix(t, "cat", "dog")
	add(t, rare, "cat", "cat", 9)
	add(t, rare, "cat", "dog", 1)
	add(t, never, "cat", "cat", 10)
	cells, err = Differences(rare, never, 1)
	if want := 1 - math.Pow(0.999, 10); err != nil || math.Abs(cells[2][0].P-want) > 1e-9 || cells[2][0].Stars != 2 {
		t.Errorf("rare answer: %+v, %v, want p = %g", cells[2][0], err, want)
	}
	if _, err := Differences(people, matrix(t, "cat"), 0); err == nil ||
		err.Error() != `confusion: matrices of the classes ["cat" "dog"] and ["cat"] cannot be compared` {
		t.Errorf("other classes: %v", err)
	}
	if _, err := Differences(people, model, -1); err == nil || err.Error() != "confusion: -1 tests are too few" {
		t.Errorf("negative: %v", err)
	}
}

func TestAddCodes(t *testing.T) {
	classes := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		byName, err := New(classes)
		if err != nil {
			t.Fatal(err)
		}
		byCode, err := New(classes)
		if err != nil {
			t.Fatal(err)
		}
		truth := rapid.SliceOf(rapid.Uint8Range(0, 2)).Draw(t, "truth")
		var responses []uint8
		for _, c := range truth {
			r := rapid.SampledFrom([]uint8{0, 1, 2, 255}).Draw(t, "response")
			responses = append(responses, r)
			answer := ""
			if r < 3 {
				answer = classes[r]
			}
			if err := byName.Add(classes[c], answer); err != nil {
				t.Fatal(err)
			}
		}
		if err := byCode.AddCodes(truth, responses); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(byName.counts, byCode.counts) || !slices.Equal(byName.silent, byCode.silent) {
			t.Fatalf("%v, want %v", byCode, byName)
		}
		for c, column := range transposed(byCode.Percent()) {
			sum := 0.0
			for _, v := range column {
				sum += v
			}
			if byCode.shown(c) > 0 && math.Abs(sum-100) > 1e-9 {
				t.Fatalf("column %d adds up to %g %%", c, sum)
			}
		}
		if n := byCode.Total(); n > 0 && (byCode.ConditionalEntropy() < 0 || byCode.ResponseEntropy() > math.Log2(3)+1e-9) {
			t.Fatalf("entropies %g, %g", byCode.ConditionalEntropy(), byCode.ResponseEntropy())
		}
	})
	m := matrix(t, classes...)
	if err := m.AddCodes([]uint8{0}, nil); err == nil || err.Error() != "confusion: 0 responses to 1 stimuli" {
		t.Errorf("lengths: %v", err)
	}
	if err := m.AddCodes([]uint8{0, 3}, []uint8{0, 0}); err == nil || err.Error() != "confusion: stimulus 1 has the class number 3, there are 3 classes" ||
		m.Total() != 0 {
		t.Errorf("unknown class: %v, %d counted", err, m.Total())
	}
}

func transposed(rows [][]float64) [][]float64 {
	columns := make([][]float64, len(rows[0]))
	for _, row := range rows {
		for c, v := range row {
			columns[c] = append(columns[c], v)
		}
	}
	return columns
}

func TestDivergenceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 16).Draw(t, "classes")
		draw := func(name string) []float64 {
			counts := rapid.SliceOfN(rapid.IntRange(0, 5), n, n).Draw(t, name)
			counts[0]++
			sum, p := 0.0, make([]float64, n)
			for _, c := range counts {
				sum += float64(c)
			}
			for i, c := range counts {
				p[i] = float64(c) / sum
			}
			return p
		}
		p, q := draw("p"), draw("q")
		for name, distance := range map[string]func(p, q []float64) (float64, error){
			"squared distance": SquaredDistance, "Jensen-Shannon": JensenShannon, "symmetric KL": SymmetricKL} {
			d, err := distance(p, q)
			if err != nil {
				t.Fatal(err)
			}
			back, _ := distance(q, p)
			if math.Abs(d-back) > 1e-12 || d < -1e-12 {
				t.Fatalf("%s is %g, exchanged %g", name, d, back)
			}
		}
		if d, _ := JensenShannon(p, q); d > 1+1e-12 {
			t.Fatalf("Jensen-Shannon divergence of %g bits", d)
		}
	})
}
