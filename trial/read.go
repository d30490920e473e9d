package trial

import (
	"compress/gzip"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Read reads a trial table row by row: ours, or the field's (see FieldHeader), told apart by the header. Columns may stand in any order and in any case;
// columns that neither table knows are kept in Extras.Other as text. It ends after the first error, which names row and column; row 1 is the header.
func Read(r io.Reader) iter.Seq2[Trial, error] { return rows(r, "", "") }

// rows reads a table whose errors begin with prefix; study names it where it has no such column.
func rows(r io.Reader, prefix, study string) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		d := decoder{scan: scanner{r: r}, names: map[string]string{}}
		err := d.header()
		for err == nil {
			t := Trial{Study: study}
			if err = d.next(&t); err == nil && !yield(t, nil) {
				return
			}
		}
		if err != io.EOF {
			yield(Trial{}, fmt.Errorf("trial: %s%w", prefix, err))
		}
	}
}

// ReadFile reads a table from a file, unpacking it where its name ends in .gz. Its errors name the file. Where a table has no column study, as the field's,
// the study's name is taken from the file's, which by convention is study_subject_session_1.csv.
func ReadFile(path string) iter.Seq2[Trial, error] {
	return func(yield func(Trial, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Trial{}, fmt.Errorf("trial: %w", err))
			return
		}
		defer f.Close()
		var r io.Reader = f
		stem, zipped := strings.CutSuffix(filepath.Base(path), ".gz")
		if zipped {
			if r, err = gzip.NewReader(f); err != nil {
				yield(Trial{}, fmt.Errorf("trial: %s: %w", path, err))
				return
			}
		}
		study, _, _ := strings.Cut(strings.TrimSuffix(stem, ".csv"), "_")
		rows(r, path+": ", study)(yield)
	}
}

// column parses one cell into a trial.
type column struct {
	name string
	set  func(d *decoder, t *Trial, cell []byte) error
}

// decoder turns rows into trials.
type decoder struct {
	scan    scanner
	columns []column
	graded  bool              // there is a column correct
	names   map[string]string // one copy of each name that returns, such as observers and categories
	last    string            // the last stimulus: observers answer it one after the other
}

// ours maps the columns of our table to fields; Header has them in order.
var ours = map[string]func(d *decoder, t *Trial, cell []byte) error{
	"study":         func(d *decoder, t *Trial, c []byte) error { t.Study = d.name(c); return nil },
	"session":       func(d *decoder, t *Trial, c []byte) error { return whole(&t.Session, c) },
	"trial":         func(d *decoder, t *Trial, c []byte) error { return whole(&t.Trial, c) },
	"observer":      func(d *decoder, t *Trial, c []byte) error { t.Observer = d.name(c); return nil },
	"observer_kind": func(d *decoder, t *Trial, c []byte) error { return d.kind(t, c) },
	"stimulus":      func(d *decoder, t *Trial, c []byte) error { t.Stimulus = d.stimulus(c); return nil },
	"category":      func(d *decoder, t *Trial, c []byte) error { t.Category = d.name(c); return nil },
	"condition":     func(d *decoder, t *Trial, c []byte) error { t.Condition = d.name(c); return nil },
	"response":      func(d *decoder, t *Trial, c []byte) error { t.Response = d.name(c); return nil },
	"correct":       func(d *decoder, t *Trial, c []byte) error { return boolean(&t.Correct, c) },
	"rt_seconds":    func(d *decoder, t *Trial, c []byte) error { return number(&t.RT, c, 64) },
	"confidence":    func(d *decoder, t *Trial, c []byte) error { return number(&t.Confidence, c, 32) },
	"extras":        func(d *decoder, t *Trial, c []byte) error { return d.extras(t, c) },
}

// needed are the columns without which a row says nothing; a lab's own table may leave out the others.
var needed = []string{"observer", "stimulus", "category", "condition", "response"}

// header reads the first row and chooses how each column is read.
func (d *decoder) header() error {
	cells, err := d.scan.next()
	if err == io.EOF {
		return fmt.Errorf("the table is empty; expected the header %s", Header)
	}
	if err != nil {
		return err
	}
	var names []string
	for i, cell := range cells {
		name := string(cell)
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff") // spreadsheets write it
		}
		names = append(names, strings.ToLower(strings.TrimSpace(name)))
	}
	table, want := ours, needed
	if slices.Contains(names, "subj") {
		table, want = theirs, fieldColumns
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("the header has two columns %s", name)
		}
		set, ok := table[name]
		if !ok {
			set = func(d *decoder, t *Trial, cell []byte) error { d.other(t, name, cell); return nil }
		}
		d.columns = append(d.columns, column{name, set})
	}
	for _, name := range want {
		if !slices.Contains(names, name) {
			return fmt.Errorf("the header has no column %s; its columns are %s", name, strings.Join(names, ", "))
		}
	}
	d.graded = slices.Contains(names, "correct")
	return nil
}

// next fills a fresh trial, or returns io.EOF.
func (d *decoder) next(t *Trial) error {
	cells, err := d.scan.next()
	if err != nil {
		return err
	}
	if len(cells) != len(d.columns) {
		return fmt.Errorf("row %d: %d cells; the header has %d", d.scan.row, len(cells), len(d.columns))
	}
	t.RT, t.Confidence = math.NaN(), math.NaN()
	for i, cell := range cells {
		if err := d.columns[i].set(d, t, cell); err != nil {
			return fmt.Errorf("row %d: column %s: %w", d.scan.row, d.columns[i].name, err)
		}
	}
	if t.ObserverKind == "" {
		t.ObserverKind = kindOf(t.Observer)
	}
	if !d.graded {
		t.Correct = t.Category != "" && t.Response == t.Category
	}
	return nil
}

// name returns the cell as a string and shares it with earlier cells.
func (d *decoder) name(cell []byte) string {
	if s, ok := d.names[string(cell)]; ok {
		return s
	}
	const most = 1 << 14 // more than any study has categories, so that memory stays bounded where a column is a free text
	if len(d.names) >= most {
		clear(d.names)
	}
	s := string(cell)
	d.names[s] = s
	return s
}

func (d *decoder) stimulus(cell []byte) string {
	if d.last != string(cell) {
		d.last = string(cell)
	}
	return d.last
}

func (d *decoder) kind(t *Trial, cell []byte) error {
	switch t.ObserverKind = Kind(d.name(cell)); t.ObserverKind {
	case Human, Model, "":
		return nil
	}
	return fmt.Errorf("%q is neither human nor model", cell)
}

func (d *decoder) extras(t *Trial, cell []byte) error {
	if len(cell) == 0 {
		return nil
	}
	e, ok := parseExtras(cell, d.name)
	if !ok {
		if err := e.UnmarshalJSON(cell); err != nil {
			return fmt.Errorf("expected a JSON object: %w", err)
		}
	}
	for name, value := range t.Extras.Other { // columns of their own, read before
		e.set(name, value)
	}
	t.Extras = e
	return nil
}

func (d *decoder) other(t *Trial, name string, cell []byte) { t.Extras.set(name, d.name(cell)) }

func (e *Extras) set(name string, value any) {
	if e.Other == nil {
		e.Other = map[string]any{}
	}
	e.Other[name] = value
}

func whole(to *int, cell []byte) (err error) {
	if *to, err = strconv.Atoi(string(cell)); err != nil {
		return fmt.Errorf("%q is not a whole number", cell)
	}
	return nil
}

func boolean(to *bool, cell []byte) error {
	switch string(cell) {
	case "true", "True", "TRUE", "1":
		*to = true
	case "false", "False", "FALSE", "0":
		*to = false
	default:
		return fmt.Errorf("%q is neither true nor false", cell)
	}
	return nil
}

// number reads a number; an empty cell, NaN and NA are NaN.
func number(to *float64, cell []byte, bits int) (err error) {
	if len(cell) == 0 || string(cell) == "NA" {
		*to = math.NaN()
		return nil
	}
	if *to, err = strconv.ParseFloat(string(cell), bits); err != nil {
		return fmt.Errorf("%q is not a number", cell)
	}
	return nil
}
