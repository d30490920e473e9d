package responses

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// row is observer, stimulus, category, condition, response.
type row [5]string

func collect(t testing.TB, rows ...row) (*Collector, error) {
	t.Helper()
	c, err := NewCollector([]string{"cat", "dog", "frog"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := c.Add(r[0], r[1], r[2], r[3], r[4]); err != nil {
			return c, err
		}
	}
	return c, nil
}

func TestTable(t *testing.T) {
	c, err := collect(t,
		row{"bert", "z", "cat", "low", "cat"},
		row{"bert", "m", "dog", "high", ""},
		row{"bert", "a", "dog", "low", "frog"},
		row{"anna", "a", "dog", "low", "dog"},
		row{"anna", "z", "cat", "low", "dog"},
		row{"anna", "m", "dog", "high", "dog"},
	)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Table()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Stimuli, []string{"a", "z", "m"}) || !slices.Equal(got.Conditions, []string{"low", "high"}) ||
		!slices.Equal(got.Observers, []string{"bert", "anna"}) || !slices.Equal(got.Truth, []uint8{1, 0, 1}) ||
		!slices.Equal(got.Condition, []int{0, 0, 1}) ||
		!slices.Equal(got.Responses[0], []uint8{2, 0, None}) || !slices.Equal(got.Responses[1], []uint8{1, 1, 1}) {
		t.Errorf("%+v", got)
	}
	if answers := got.Answers(); answers[0].Correct() != 1 || answers[1].Correct() != 2 {
		t.Errorf("answers %+v", answers)
	}
	low := got.Select(got.Where(0))
	if !slices.Equal(low.Stimuli, []string{"a", "z"}) || !slices.Equal(low.Responses[0], []uint8{2, 0}) || len(got.Where(7)) != 0 {
		t.Errorf("one condition: %+v", low)
	}
	m, err := got.Confusion(0, 1)
	if err != nil || m.Total() != 6 || m.Accuracy() != 0.5 {
		t.Errorf("confusion of %d, accuracy %g, %v", m.Total(), m.Accuracy(), err)
	}
}

func TestCommon(t *testing.T) {
	c, err := collect(t,
		row{"anna", "a", "dog", "", "dog"},
		row{"anna", "b", "cat", "", "cat"},
		row{"bert", "b", "cat", "", ""},
		row{"bert", "c", "cat", "", "cat"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Table(); err == nil || err.Error() != "responses: observers must see the same stimuli, but anna lacks 1 of 3: c" {
		t.Errorf("different stimuli: %v", err)
	}
	common, others, err := c.Common()
	if err != nil || others != 2 || !slices.Equal(common.Stimuli, []string{"b"}) || !slices.Equal(common.Responses[1], []uint8{None}) {
		t.Errorf("common %+v, %d others, %v", common, others, err)
	}
	if err := c.Add("carl", "d", "cat", "", "cat"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Common(); err == nil || err.Error() != "responses: of 4 stimuli none was seen by all of anna, bert, carl" {
		t.Errorf("nothing in common: %v", err)
	}
}

func TestErrors(t *testing.T) {
	first := row{"anna", "a", "dog", "low", "dog"}
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{"anna", "b", "horse", "low", "dog"}, `responses: anna: category "horse" of stimulus "b" is not among cat, dog, frog`},
		{row{"anna", "b", "dog", "low", "na"}, `responses: anna: response "na" to stimulus "b" is not among cat, dog, frog`},
		{row{"bert", "a", "cat", "low", "dog"},
			`responses: bert: stimulus "a" is "cat" in condition "low", but an earlier trial has "dog" in condition "low"`},
		{row{"bert", "a", "dog", "high", "dog"},
			`responses: bert: stimulus "a" is "dog" in condition "high", but an earlier trial has "dog" in condition "low"`},
		{row{"anna", "a", "dog", "low", "cat"}, `responses: anna answered stimulus "a" twice`},
	} {
		if _, err := collect(t, first, c.row); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	many := strings.Fields(strings.Repeat("x ", 255))
	for want, categories := range map[string][]string{
		"responses: 255 categories are more than 254":                many,
		`responses: confusion: classes 0 and 1 are both named "cat"`: {"cat", "cat"},
		"responses: confusion: class 1 has no name":                  {"cat", ""},
	} {
		if _, err := NewCollector(categories); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	var rows []row
	for i := range 9 {
		rows = append(rows, row{"anna", fmt.Sprint("image", i), "cat", "", "cat"})
	}
	rows = append(rows, row{"bert", "image0", "cat", "", "cat"})
	c, err := collect(t, rows...)
	if err != nil {
		t.Fatal(err)
	}
	want := "responses: observers must see the same stimuli, but bert lacks 8 of 9: image1, image2, image3, image4, image5 and 3 more"
	if _, err := c.Table(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestEmptyTable(t *testing.T) {
	c, err := collect(t)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Table(); err != nil || len(got.Stimuli) != 0 || len(got.Observers) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// The table holds what was added, in an order that does not depend on that of the trials but for the names' order of coming.
func TestOrderOfTrials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		categories := []string{"cat", "dog", "frog"}
		stimuli := rapid.IntRange(1, 70).Draw(t, "stimuli")
		observers := rapid.IntRange(1, 4).Draw(t, "observers")
		answers := map[[2]int]string{}
		var order [][2]int
		for o := range observers {
			for s := range stimuli {
				answers[[2]int{o, s}] = rapid.SampledFrom([]string{"cat", "dog", "frog", ""}).Draw(t, "answer")
				order = append(order, [2]int{o, s})
			}
		}
		c, err := NewCollector(categories)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range rapid.Permutation(order).Draw(t, "order") {
			if err := c.Add(fmt.Sprint("observer", k[0]), fmt.Sprint("s", k[1]), categories[k[1]%3], "", answers[k]); err != nil {
				t.Fatal(err)
			}
		}
		table, err := c.Table()
		if err != nil || !slices.IsSorted(table.Stimuli) || len(table.Stimuli) != stimuli {
			t.Fatalf("%d stimuli, want %d, sorted: %v", len(table.Stimuli), stimuli, err)
		}
		for o, name := range table.Observers {
			for i, stimulus := range table.Stimuli {
				var k [2]int
				fmt.Sscanf(name, "observer%d", &k[0])
				fmt.Sscanf(stimulus, "s%d", &k[1])
				got := ""
				if r := table.Responses[o][i]; r != None {
					got = categories[r]
				}
				if got != answers[k] || categories[table.Truth[i]] != categories[k[1]%3] {
					t.Fatalf("%s answered %q to %s, want %q", name, got, stimulus, answers[k])
				}
			}
		}
	})
}

// All human trials of the field's largest collection, as one data set of 62 observers.
func BenchmarkCollector(b *testing.B) {
	const observers, stimuli = 62, 1280
	categories := []string{"cat", "dog", "frog"}
	names := make([]string, stimuli)
	for i := range names {
		names[i] = fmt.Sprintf("n%08d_%d", i*7919, i)
	}
	r := rand.New(rand.NewPCG(1, 0))
	for b.Loop() {
		c, err := NewCollector(categories)
		if err != nil {
			b.Fatal(err)
		}
		for o := range observers {
			observer := fmt.Sprint("subject-", o)
			for i, name := range names {
				if err := c.Add(observer, name, categories[i%3], "0", categories[r.IntN(3)]); err != nil {
					b.Fatal(err)
				}
			}
		}
		if _, err := c.Table(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(observers*stimuli), "trials/op")
}
