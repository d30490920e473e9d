package rescaling

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// Row is what became of one sample at one announced length. Lengths are in the announced unit.
type Row struct {
	Sample   string
	Category string
	Eps      float64 // announced

	Eta     float64 // the factor that makes it exact
	Norm    float64 // what is left, in the precision of the data
	Largest float64 // what clipping leaves room for
	Reached bool
	Clipped float64 // share of elements
	Stored  float64 // Norm once rounded to 8 bits; NaN for arrays

	NaiveEta     float64
	NaiveNorm    float64
	NaiveClipped float64

	Answers [3]Answer // of the model to the image as it is, with naive and with exact noise
}

// Answer is what a model said.
type Answer struct {
	Response string
	Correct  bool
}

// The places of Answers.
const (
	asItIs = iota
	naively
	exactly
)

var header = []string{
	"sample", "category", "eps", "eta", "norm", "largest", "reached", "clipped", "stored_norm", "naive_eta", "naive_norm", "naive_clipped",
	"response", "correct", "naive_response", "naive_correct", "exact_response", "exact_correct",
}

func (r Row) record() []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	out := []string{
		r.Sample, r.Category, number(r.Eps), number(r.Eta), number(r.Norm), number(r.Largest), strconv.FormatBool(r.Reached), number(r.Clipped),
		number(r.Stored), number(r.NaiveEta), number(r.NaiveNorm), number(r.NaiveClipped),
	}
	for _, a := range r.Answers {
		out = append(out, a.Response, strconv.FormatBool(a.Correct))
	}
	return out
}

func readRow(record []string) (r Row, err error) {
	keep := func(problem error) { err = errors.Join(err, problem) }
	number := func(text string) float64 {
		v, problem := strconv.ParseFloat(text, 64)
		keep(problem)
		return v
	}
	truth := func(text string) bool {
		v, problem := strconv.ParseBool(text)
		keep(problem)
		return v
	}
	r = Row{
		Sample: record[0], Category: record[1], Eps: number(record[2]), Eta: number(record[3]), Norm: number(record[4]), Largest: number(record[5]),
		Reached: truth(record[6]), Clipped: number(record[7]), Stored: number(record[8]), NaiveEta: number(record[9]), NaiveNorm: number(record[10]),
		NaiveClipped: number(record[11]),
	}
	for i := range r.Answers {
		r.Answers[i] = Answer{record[12+2*i], truth(record[13+2*i])}
	}
	return r, err
}

// readRows reads the rows of whole samples, one for each of so many lengths, and returns where they end in the file: a run that was killed may
// have left a part of the next.
func readRows(path string, levels int) (rows []Row, end int64, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	in := csv.NewReader(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	in.FieldsPerRecord = len(header)
	var part []Row
	for line := 0; ; line++ {
		record, err := in.Read()
		if err == io.EOF {
			return rows, end, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("rescaling: %s: %w", path, err)
		}
		if line == 0 {
			end = in.InputOffset()
			continue
		}
		row, err := readRow(record)
		if err != nil {
			return nil, 0, fmt.Errorf("rescaling: %s, row %d: %w", path, line, err)
		}
		if part = append(part, row); len(part) == levels {
			rows, part, end = append(rows, part...), nil, in.InputOffset()
		}
	}
}

// journal appends rows to samples.csv.
type journal struct {
	file *os.File
	out  *csv.Writer
}

// openJournal opens the file behind the rows that are there.
func openJournal(path string, end int64) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j := &journal{f, csv.NewWriter(f)}
	if end == 0 {
		j.out.Write(header) // the writer keeps its error
	}
	return j, nil
}

// add writes rows through to the file.
func (j *journal) add(rows []Row) error {
	for _, r := range rows {
		j.out.Write(r.record())
	}
	j.out.Flush()
	return j.out.Error()
}

func (j *journal) close() error { return j.file.Close() }
