package trial

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sizes are the rows of a small study's blocks: the last batch is smaller.
var sizes = []int{2, 2, 1}

func rowsOf(block int) int {
	if block >= len(sizes) {
		return 0
	}
	return sizes[block]
}

// rowOf makes row i of a block, with everything that makes the end of a row hard to find.
func rowOf(block, i int) Trial {
	return Trial{Study: "s", Session: 1, Trial: 10*block + i, Observer: "a\n\"b\", c", ObserverKind: Model, Stimulus: "é\r\n.png", Condition: fmt.Sprint("fog-", block), RT: math.NaN(), Confidence: 0.5,
		Extras: Extras{Top5: []string{"x", "y,\n"}}}
}

// run goes on with the study in dir until blocks of it are recorded.
func run(t *testing.T, dir string, blocks int) (resumed int) {
	t.Helper()
	j, err := OpenJournal(dir, rowsOf)
	if err != nil {
		t.Fatal(err)
	}
	resumed = j.Blocks()
	for j.Blocks() < blocks {
		block := j.Blocks()
		for i := range rowsOf(block) {
			row := rowOf(block, i)
			if err := j.Write(&row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if blocks < len(sizes) {
		for i := range rowsOf(blocks) - 1 { // a part of the next block, which is dropped
			row := rowOf(blocks, i)
			if err := j.Write(&row); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return resumed
	}
	if err := j.Finish(); err != nil {
		t.Fatal(err)
	}
	return resumed
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// finished runs the study without interruption; ends[b] is the length of the file with b blocks.
func finished(t *testing.T) (whole string, ends []int) {
	dir := t.TempDir()
	for blocks := range sizes {
		run(t, dir, blocks)
		ends = append(ends, len(contents(t, dir, PartFile)))
	}
	ends[0] = len(Header) + 1 // nothing is written before the first block
	run(t, dir, len(sizes))
	whole = contents(t, dir, TableFile)
	return whole, append(ends, len(whole))
}

func TestJournalResumesFromEveryByte(t *testing.T) {
	whole, ends := finished(t)
	var rows []Trial
	for block := range sizes {
		for i := range rowsOf(block) {
			rows = append(rows, rowOf(block, i))
		}
	}
	if want := table(t, rows); whole != want {
		t.Fatalf("got\n%s\nwant\n%s", whole, want)
	}
	base := t.TempDir()
	for n := range len(whole) + 1 {
		dir := filepath.Join(base, fmt.Sprint(n))
		tail := ""
		if n%2 == 1 {
			tail = "\x00\x00\x00" // what file systems leave after a power failure
		}
		if n < len(Header)+1 {
			tail = ""
		}
		if err := errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, PartFile), []byte(whole[:n]+tail), 0o666)); err != nil {
			t.Fatal(err)
		}
		want := 0
		for want+1 < len(ends) && ends[want+1] <= n {
			want++
		}
		if got := run(t, dir, len(sizes)); got != want {
			t.Fatalf("cut after byte %d: went on with block %d; want %d", n, got, want)
		}
		if got := contents(t, dir, TableFile); got != whole {
			t.Fatalf("cut after byte %d: got\n%q\nwant\n%q", n, got, whole)
		}
		if _, err := os.Stat(filepath.Join(dir, PartFile)); err == nil {
			t.Fatal("the part is left")
		}
	}
}

func TestJournalCountsRows(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, 2)
	j, err := OpenJournal(dir, rowsOf)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if j.Blocks() != 2 || j.Rows() != 4 {
		t.Errorf("%d blocks of %d rows; want 2 of 4", j.Blocks(), j.Rows())
	}
}

func TestJournalWithoutRows(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir, func(int) int { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Finish(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir, TableFile); got != Header+"\n" {
		t.Errorf("got %q", got)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestJournalRefuses(t *testing.T) {
	check := func(err error, want string) {
		t.Helper()
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	dir := t.TempDir()
	part := filepath.Join(dir, PartFile)
	if err := os.WriteFile(part, []byte("study,session\n1,2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := OpenJournal(dir, rowsOf)
	check(err, "trial: "+part+": the file does not begin with the header "+Header+"; another program or version wrote it")
	if got := contents(t, dir, PartFile); got != "study,session\n1,2\n" {
		t.Errorf("a stranger's file was changed to %q", got)
	}

	os.Remove(part)
	run(t, dir, 2)
	_, err = OpenJournal(dir, func(block int) int { return max(0, 3-3*block) })
	check(err, "trial: "+part+": the file holds more than the 3 rows of this study; it belongs to another one")

	j, err := OpenJournal(dir, rowsOf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir, rowsOf); !errors.Is(err, ErrInUse) {
		t.Errorf("a second process got %v", err)
	}
	check(j.Finish(), "trial: "+part+": block 2 lacks 1 rows")
	j.Close()

	run(t, dir, len(sizes))
	_, err = OpenJournal(dir, rowsOf)
	if check(err, "trial: "+filepath.Join(dir, TableFile)+": the study is finished"); !errors.Is(err, ErrFinished) {
		t.Error(err)
	}
	_, err = OpenJournal(filepath.Join(dir, "none"), rowsOf)
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestJournalRefusesRowsBehindTheEnd(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir, func(block int) int { return max(0, 1-block) })
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf(0, 0)
	if err := j.Write(&row); err != nil {
		t.Fatal(err)
	}
	if err := j.Write(&row); err == nil || !strings.Contains(err.Error(), "a row behind the last of 1 blocks") {
		t.Error(err)
	}
	j.Close()
}

func TestJournalReportsAFullDisk(t *testing.T) {
	device, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	dir := t.TempDir()
	j, err := OpenJournal(dir, rowsOf)
	if err != nil {
		t.Fatal(err)
	}
	j.file.Close()
	j.file = device
	for i := range rowsOf(0) {
		row := rowOf(0, i)
		err = j.Write(&row)
	}
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("a full disk gave %v", err)
	}
	row := rowOf(0, 0)
	if j.Write(&row) != err || j.Finish() != err || j.Close() != err || j.Blocks() != 0 {
		t.Error("the error was not kept")
	}
	if _, err := os.Stat(filepath.Join(dir, TableFile)); err == nil {
		t.Error("a table was made")
	}
}

func TestJournalReportsAReadError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, PartFile), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir, rowsOf); err == nil {
		t.Error("a folder was opened as a journal")
	}
}

func BenchmarkJournal(b *testing.B) {
	const rows = 256
	j, err := OpenJournal(b.TempDir(), func(int) int { return rows })
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	row := modelRow()
	start := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Write(&row); err != nil {
			b.Fatal(err)
		}
		if j.Blocks() == 4096 { // not to fill the disk
			j.file.Truncate(0)
			j.file.Seek(0, io.SeekStart)
			j.blocks = 0
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "rows/s")
}
