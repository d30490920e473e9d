package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"visus/internal/atomicfile"
)

// MetricsFile is the table within Run.Folder: steps taken, epoch (from 1), the last step's learning rate, the means of loss and metrics over the
// steps since the row before, and, where an epoch ended with a validation, what it found. An interrupted run that goes on writes the
// same bytes as one that was not.
const MetricsFile = "metrics.csv"

// table appends rows to the file.
type table struct {
	path string
	file *os.File
	row  []string // used again
}

// openTable keeps the first rows, those that the checkpoint knows of, and goes on behind them.
func openTable(path string, header []string, rows int) (*table, error) {
	kept, err := firstRows(path, header, rows)
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		out := csv.NewWriter(w)
		if err := out.WriteAll(append([][]string{header}, kept...)); err != nil {
			return err
		}
		return out.Error()
	})
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return &table{path: path, file: file, row: make([]string, len(header))}, nil
}

// firstRows reads rows behind the header, as many as are there.
func firstRows(path string, header []string, n int) ([][]string, error) {
	file, err := os.Open(path)
	if n == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.FieldsPerRecord = len(header)
	if found, err := r.Read(); err != nil || !slices.Equal(found, header) {
		return nil, fmt.Errorf("columns %q expected, found %q (%v)", header, found, err)
	}
	var rows [][]string
	for len(rows) < n {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// add writes a row; columns behind the values stay empty.
func (t *table) add(step, epoch int, rate float64, values []float64) error {
	clear(t.row)
	t.row[0], t.row[1], t.row[2] = strconv.Itoa(step), strconv.Itoa(epoch), text(rate)
	for i, v := range values {
		t.row[3+i] = text(v)
	}
	w := csv.NewWriter(t.file)
	if err := w.Write(t.row); err != nil {
		return fmt.Errorf("train: %s: %w", t.path, err)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("train: %s: %w", t.path, err)
	}
	return nil
}

func text(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }

// sync makes sure that the rows survive what a checkpoint survives.
func (t *table) sync() error {
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("train: %s: %w", t.path, err)
	}
	return nil
}

func (t *table) close() error { return t.file.Close() }
