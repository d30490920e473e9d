package stimulus

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The names by which CSVs call their columns, best first.
var (
	fileColumns  = []string{"file", "filename", "file_name", "path", "image"}
	labelColumns = []string{"label", "class", "category", "wnid", "class_index", "name"}
)

// chooseCSV takes the only CSV of a folder, or labels.csv.
func chooseCSV(dir string, names []string) (string, error) {
	if len(names) == 1 {
		return names[0], nil
	}
	for _, name := range names {
		if strings.EqualFold(name, "labels.csv") {
			return name, nil
		}
	}
	return "", fmt.Errorf("stimulus: folder %s holds %d CSV files (%s); name the one with the labels labels.csv", dir, len(names), few(names))
}

func openCSV(dir, name string, o Options) (*Collection, error) {
	table := filepath.Join(dir, name)
	f, err := os.Open(table)
	if err != nil {
		return nil, fmt.Errorf("stimulus: %w", err)
	}
	defer f.Close()
	items, err := readLabels(bufio.NewReader(f), o.LabelColumn)
	if err != nil {
		return nil, fmt.Errorf("stimulus: %s: %w", table, err)
	}
	var missing []string
	for _, item := range items {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(item.ID))); err != nil {
			missing = append(missing, item.ID)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("stimulus: %s names %d of %d files that are not in %s: %s", table, len(missing), len(items), dir, few(missing))
	}
	return &Collection{Path: dir, Kind: "csv", Conditions: []Condition{{clean, &files{dir, items, o.Orient}}}}, nil
}

// readLabels reads a table of files and categories, sorted by file. Its separator is what the header shows: comma, semicolon or tab.
func readLabels(r *bufio.Reader, column string) ([]Item, error) {
	if mark, _ := r.Peek(3); string(mark) == "\xef\xbb\xbf" { // spreadsheets write it
		r.Discard(3)
	}
	rows := csv.NewReader(r)
	rows.Comma = separator(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err == io.EOF {
		return nil, errors.New("the table is empty; expected a header with the columns file and label")
	}
	if err != nil {
		return nil, err
	}
	header = slices.Clone(header) // the reader reuses its slice
	file, label, err := columns(header, column)
	if err != nil {
		return nil, err
	}
	var items []Item
	seen := map[string]int{}
	categories := map[string]string{} // one copy of each name
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		name := strings.TrimSpace(row[file])
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("line %d: column %s: %q is not the name of a file below the table's folder", line, header[file], name)
		}
		id := strings.Clone(path.Clean(name))
		if first, ok := seen[id]; ok {
			return nil, fmt.Errorf("line %d: column %s: %q stands in line %d already", line, header[file], id, first)
		}
		seen[id] = line
		category, ok := categories[strings.TrimSpace(row[label])]
		if !ok {
			category = strings.Clone(strings.TrimSpace(row[label]))
			categories[category] = category
		}
		items = append(items, Item{ID: id, Category: category})
	}
	if len(items) == 0 {
		return nil, errors.New("the table has a header but no rows")
	}
	byID(items)
	return items, nil
}

func separator(r *bufio.Reader) rune {
	head, _ := r.Peek(r.Size())
	line, _, _ := strings.Cut(string(head), "\n")
	for _, c := range ",;\t" {
		if strings.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

// columns finds the columns of file and category; upper and lower case are the same. It cleans the names in header.
func columns(header []string, column string) (file, label int, err error) {
	for i := range header {
		header[i] = strings.Clone(strings.ToLower(strings.TrimSpace(header[i])))
	}
	file, label = first(header, fileColumns), first(header, labelColumns)
	if column != "" {
		label = first(header, []string{strings.ToLower(column)})
	}
	found := strings.Join(header, ", ")
	switch {
	case file < 0:
		return 0, 0, fmt.Errorf("no column file (or %s); the columns are %s", strings.Join(fileColumns[1:], ", "), found)
	case label < 0 && column != "":
		return 0, 0, fmt.Errorf("no column %s; the columns are %s", column, found)
	case label < 0:
		return 0, 0, fmt.Errorf("no column label (or %s); the columns are %s", strings.Join(labelColumns[1:], ", "), found)
	}
	return file, label, nil
}

func first(header, names []string) int {
	for _, name := range names {
		if i := slices.Index(header, name); i >= 0 {
			return i
		}
	}
	return -1
}
