package trial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// study makes the rows of a whole study in canonical order.
func study(stimuli int, conditions, observers []string) []Trial {
	var out []Trial
	for c, condition := range conditions {
		for k := range stimuli {
			for _, o := range observers {
				out = append(out, Trial{Study: "s", Session: 1, Trial: c*stimuli + k + 1, Observer: o, ObserverKind: Model, Stimulus: fmt.Sprint("set/", k), Condition: condition, RT: math.NaN(), Confidence: 0.25})
			}
		}
	}
	return out
}

// split deals a study to n shards, each numbered for itself.
func split(rows []Trial, stimuli, observers, n int) [][]Trial {
	out := make([][]Trial, n)
	for i, row := range rows {
		shard := i / observers % stimuli % n
		row.Trial = len(out[shard])/observers + 1
		out[shard] = append(out[shard], row)
	}
	return out
}

func each(rows []Trial) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func shardsOf(parts [][]Trial) []Shard {
	var out []Shard
	for i, part := range parts {
		out = append(out, Shard{Name: fmt.Sprintf("shard%d.csv", i+1), Number: i + 1, Count: len(parts), Trials: each(part)})
	}
	return out
}

func names(prefix string) *rapid.Generator[[]string] {
	return rapid.Map(rapid.IntRange(1, 4), func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprint(prefix, i))
		}
		return out
	})
}

func TestMergeIsTheInverseOfSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stimuli, n := rapid.IntRange(1, 12).Draw(t, "stimuli"), rapid.IntRange(1, 5).Draw(t, "shards")
		conditions, observers := names("fog-").Draw(t, "conditions"), names("model").Draw(t, "observers")
		whole := study(stimuli, conditions, observers)
		shards := rapid.Permutation(shardsOf(split(whole, stimuli, len(observers), n))).Draw(t, "order")
		var got bytes.Buffer
		if err := Merge(&got, shards...); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		w := NewWriter(&want)
		for i := range whole {
			if err := w.Write(&whole[i]); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		if got.String() != want.String() {
			t.Fatalf("got\n%s\nwant\n%s", got.String(), want.String())
		}
	})
}

func TestMergeRefuses(t *testing.T) {
	conditions, observers := []string{"clean", "fog-1"}, []string{"a", "b"}
	whole := study(5, conditions, observers)
	parts := func() [][]Trial { return split(whole, 5, 2, 3) } // shards of 2, 2 and 1 stimuli
	drop := func(rows []Trial, from, to int) []Trial { return slices.Delete(slices.Clone(rows), from, to) }
	broken := errors.New("disk")
	for _, c := range []struct {
		name   string
		change func(parts [][]Trial, shards []Shard) []Shard
		want   string
	}{
		{"none", func(_ [][]Trial, s []Shard) []Shard { return nil }, "no shards"},
		{"one is missing", func(_ [][]Trial, s []Shard) []Shard { return s[:2] }, "of 3 shards 3 are missing"},
		{"one comes twice", func(_ [][]Trial, s []Shard) []Shard { s[1].Number = 1; return s }, "shard1.csv and shard2.csv are both shard 1 of 3"},
		{"another division", func(_ [][]Trial, s []Shard) []Shard { s[2].Count = 4; return s }, "shard1.csv is one of 3 shards, shard3.csv one of 4"},
		{"without names", func(p [][]Trial, s []Shard) []Shard {
			for i := range s {
				s[i].Name = ""
			}
			s[1].Trials = each(p[1][:4])
			return s
		}, `condition "fog-1": shard 2 of 3 has no stimulus 1 but shard 3 of 3 has; expected stimuli dealt in turn`},
		{"no number", func(_ [][]Trial, s []Shard) []Shard { s[2].Number = 0; return s }, "shard3.csv: shard 0 is outside 1..3"},
		{"an observer is missing", func(p [][]Trial, s []Shard) []Shard { s[1].Trials = each(drop(p[1], 1, 2)); return s },
			`shard2.csv: stimulus set/1 under "clean" was seen by a; expected a, b`},
		{"a stimulus is missing", func(p [][]Trial, s []Shard) []Shard { s[0].Trials = each(drop(p[0], 2, 4)); return s },
			`condition "clean": shard1.csv has no stimulus 2 but shard2.csv has; expected stimuli dealt in turn`},
		{"too many stimuli", func(p [][]Trial, s []Shard) []Shard {
			more := p[2][0]
			more.Stimulus, more.Observer = "x", "a"
			b := more
			b.Observer = "b"
			s[2].Trials = each(slices.Insert(slices.Clone(p[2]), 2, more, b, more, b))
			return s
		}, `shard3.csv: stimulus x under "clean" was seen by a, b, a, b; expected a, b`},
		{"a condition is missing", func(p [][]Trial, s []Shard) []Shard { s[1].Trials = each(p[1][:4]); return s },
			`condition "fog-1": shard2.csv has no stimulus 1 but shard3.csv has; expected stimuli dealt in turn`},
		{"a condition more", func(p [][]Trial, s []Shard) []Shard {
			for i := range 2 {
				s[i].Trials = each(p[i][:4])
			}
			return s
		}, `shard3.csv goes on with condition "fog-1" where shard1.csv ends`},
		{"another study", func(p [][]Trial, s []Shard) []Shard { p[2][0].Study = "t"; return s }, `shard3.csv: study "t", session 1; expected "s", 1`},
		{"a damaged table", func(p [][]Trial, s []Shard) []Shard {
			s[2].Trials = func(yield func(Trial, error) bool) { yield(Trial{}, broken) }
			return s
		}, "disk"},
	} {
		p := parts()
		err := Merge(io.Discard, c.change(p, shardsOf(p))...)
		if want := "trial: merge: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, want)
		}
	}
	if err := Merge(&full{left: 10}, shardsOf(parts())...); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("a full disk gave %v", err)
	}
}

func BenchmarkMerge(b *testing.B) {
	rows := study(1000, []string{"clean", "fog-1"}, []string{"a", "b"})
	for i := range rows {
		rows[i].Extras = modelRow().Extras
	}
	parts := split(rows, 1000, 2, 4)
	var texts []string
	for _, part := range parts {
		texts = append(texts, table(b, part))
	}
	n := 0
	for b.Loop() {
		var shards []Shard
		for i, text := range texts {
			shards = append(shards, Shard{Number: i + 1, Count: len(texts), Trials: Read(strings.NewReader(text))})
		}
		if err := Merge(io.Discard, shards...); err != nil {
			b.Fatal(err)
		}
		n += len(rows)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}
