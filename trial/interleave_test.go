package trial

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"testing"

	"pgregory.net/rapid"
)

func TestInterleaveIsTheInverseOfDealing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(trials(), 0, 12).Draw(t, "rows")
		n := rapid.IntRange(1, 4).Draw(t, "tables")
		var sizes []int
		parts := make([][]Trial, n)
		for at := 0; at < len(rows); {
			size := rapid.IntRange(1, len(rows)-at).Draw(t, "size")
			parts[len(sizes)%n] = append(parts[len(sizes)%n], rows[at:at+size]...)
			sizes = append(sizes, size)
			at += size
		}
		tables := make([]iter.Seq2[Trial, error], n)
		for i := range parts {
			tables[i] = each(parts[i])
		}
		var got, want bytes.Buffer
		err := Interleave(&got, tables, func(block int) (int, int) {
			if block >= len(sizes) {
				return 0, 0
			}
			return block % n, sizes[block]
		})
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(&want)
		for i := range rows {
			if err := w.Write(&rows[i]); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		if got.String() != want.String() {
			t.Fatalf("got\n%s\nwant\n%s", got.String(), want.String())
		}
	})
}

func TestInterleaveRefuses(t *testing.T) {
	row := modelRow()
	disk := errors.New("disk")
	broken := func(yield func(Trial, error) bool) { _ = yield(row, nil) && yield(Trial{}, disk) }
	one, two := each([]Trial{row}), each([]Trial{row, row})
	for _, c := range []struct {
		first, second iter.Seq2[Trial, error]
		rows          []int
		want          string
	}{
		{one, one, []int{1, 2}, "trial: table 2 of 2 ends inside block 2"},
		{one, two, []int{1, 1}, "trial: table 2 of 2 goes on behind its last block"},
		{broken, one, []int{2, 1}, "disk"},
		{one, broken, []int{1, 1}, "disk"},
	} {
		err := Interleave(io.Discard, []iter.Seq2[Trial, error]{c.first, c.second}, func(block int) (int, int) {
			if block >= len(c.rows) {
				return 0, 0
			}
			return block, c.rows[block]
		})
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// each iterates over rows that cannot fail.
func each(rows []Trial) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}
