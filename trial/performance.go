package trial

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// PerformanceHeader is the header of the table in which the field's toolbox gathers a model's accuracies, one file
// performances/<model>.csv for each model.
const PerformanceHeader = "subj,dataset_name,metric_name,performance"

// Performance is one value of a model on a data set.
type Performance struct {
	Observer, Dataset, Metric string
	Value                     float64
}

// SetPerformance returns the list with a value in it; one of the same observer, data set and metric is replaced in its place.
func SetPerformance(list []Performance, p Performance) []Performance {
	i := slices.IndexFunc(list, func(q Performance) bool {
		return q.Observer == p.Observer && q.Dataset == p.Dataset && q.Metric == p.Metric
	})
	if i < 0 {
		return append(list, p)
	}
	list = slices.Clone(list)
	list[i] = p
	return list
}

// WritePerformances writes the table.
func WritePerformances(w io.Writer, list []Performance) error {
	b := []byte(PerformanceHeader + "\n")
	for _, p := range list {
		for _, name := range []string{p.Observer, p.Dataset, p.Metric} {
			b = append(appendField(b, name), ',')
		}
		b = append(strconv.AppendFloat(b, p.Value, 'g', -1, 64), '\n')
	}
	_, err := w.Write(b)
	return err
}

// ReadPerformances reads the table; columns may stand in any order, in any case, with others beside them. Its errors name the row.
func ReadPerformances(r io.Reader) ([]Performance, error) {
	scan := scanner{r: r}
	header, err := scan.next()
	if err != nil {
		return nil, fmt.Errorf("trial: expected the header %s: %w", PerformanceHeader, err)
	}
	var names []string
	for _, cell := range header {
		names = append(names, strings.ToLower(strings.TrimSpace(string(cell))))
	}
	var at [4]int
	for i, name := range strings.Split(PerformanceHeader, ",") {
		if at[i] = slices.Index(names, name); at[i] < 0 {
			return nil, fmt.Errorf("trial: the header has no column %s; its columns are %s", name, strings.Join(names, ", "))
		}
	}
	var list []Performance
	for {
		cells, err := scan.next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("trial: %w", err)
		}
		if len(cells) != len(names) {
			return nil, fmt.Errorf("trial: row %d: %d cells; the header has %d", scan.row, len(cells), len(names))
		}
		p := Performance{Observer: string(cells[at[0]]), Dataset: string(cells[at[1]]), Metric: string(cells[at[2]])}
		if err := number(&p.Value, cells[at[3]], 64); err != nil {
			return nil, fmt.Errorf("trial: row %d: column performance: %w", scan.row, err)
		}
		list = append(list, p)
	}
}
