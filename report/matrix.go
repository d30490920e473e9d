package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"visus/report/figure"
)

// Matrix is a confusion matrix. Up to MaxClasses classes it is shown whole; beyond, the classes with the most errors are, the
// others summed up, and the most frequent confusions are listed in either case.
type Matrix struct {
	Name    string // of its files; empty: none
	Title   string
	Caption string
	Alt     string // what the matrix shows, for those who cannot see it; required
	Classes []string
	Counts  [][]int // [true class][answered class]
	Folded  bool    // behind a disclosure triangle until asked for
}

// MaxClasses is the number of classes that a confusion matrix shows.
const MaxClasses = 24

const maxConfusions = 15

// Confusion is a pair of classes taken for each other.
type Confusion struct {
	True, Answer string
	Count        int
	Share        float64 // of the true class's stimuli, 0..1
}

func (m Matrix) check() error {
	if len(m.Counts) != len(m.Classes) {
		return fmt.Errorf("confusion matrix %q: %d rows, expected %d", m.Title, len(m.Counts), len(m.Classes))
	}
	for i, row := range m.Counts {
		if len(row) != len(m.Classes) {
			return fmt.Errorf("confusion matrix %q: row %q has %d counts, expected %d", m.Title, m.Classes[i], len(row), len(m.Classes))
		}
	}
	return nil
}

// Confusions lists the pairs of different classes by count, the most frequent first, at most n.
func (m Matrix) Confusions(n int) []Confusion {
	var all []Confusion
	for i, row := range m.Counts {
		total := sum(row)
		for k, count := range row {
			if k != i && count > 0 {
				all = append(all, Confusion{m.Classes[i], m.Classes[k], count, float64(count) / float64(total)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Confusion) int { return b.Count - a.Count })
	return all[:min(n, len(all))]
}

// condensed is the matrix as shown: the classes with the most errors in their old order, and the rest as one last class.
func (m Matrix) condensed() Matrix {
	if len(m.Classes) <= MaxClasses {
		return m
	}
	errors := make([]int, len(m.Classes)) // made as well as attracted
	for i, row := range m.Counts {
		for k, count := range row {
			if k != i {
				errors[i] += count
				errors[k] += count
			}
		}
	}
	order := make([]int, len(m.Classes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(errors[b], errors[a]) })
	kept := order[:MaxClasses-1]
	slices.Sort(kept)
	place := make([]int, len(m.Classes))
	for i := range place {
		place[i] = len(kept)
	}
	out := m
	out.Classes, out.Counts = nil, make([][]int, len(kept)+1)
	for at, i := range kept {
		place[i] = at
		out.Classes = append(out.Classes, m.Classes[i])
	}
	out.Classes = append(out.Classes, fmt.Sprintf("%d others", len(m.Classes)-len(kept)))
	for i := range out.Counts {
		out.Counts[i] = make([]int, len(kept)+1)
	}
	for i, row := range m.Counts {
		for k, count := range row {
			out.Counts[place[i]][place[k]] += count
		}
	}
	return out
}

// shares divides each row by its sum; NaN where a class was never shown.
func (m Matrix) shares() [][]float64 {
	out := make([][]float64, len(m.Counts))
	for i, row := range m.Counts {
		out[i] = make([]float64, len(row))
		total := float64(sum(row))
		for k, count := range row {
			out[i][k] = float64(count) / total
		}
	}
	return out
}

func (m Matrix) html(r *renderer) (template.HTML, error) {
	if err := m.check(); err != nil {
		return "", err
	}
	number, err := r.figure(m.Name, m.Title, m.Alt)
	if err != nil {
		return "", err
	}
	shown := m.condensed()
	shares := shown.shares()
	rows := make([]heatRow, len(shown.Classes))
	for i, name := range shown.Classes {
		rows[i].Name = name
		for k, v := range shares[i] {
			text := ""
			if v >= 0.005 {
				text = figure.Number(v, true, 0)
			}
			title := fmt.Sprintf("%s answered %s: %d of %d", name, shown.Classes[k], shown.Counts[i][k], sum(shown.Counts[i]))
			rows[i].Cells = append(rows[i].Cells, heatCell{heatClass(v, 0, 1), text, title, k == 0})
		}
	}
	confusions := m.Confusions(maxConfusions)
	type line struct {
		Confusion
		Percent string
	}
	lines := make([]line, len(confusions))
	for i, c := range confusions {
		lines[i] = line{c, figure.Number(c.Share, true, 1)}
	}
	return execute("matrix", map[string]any{
		"Matrix": m, "Shown": shown, "Number": number, "Rows": rows, "Confusions": lines,
		"Condensed": len(shown.Classes) < len(m.Classes), "Total": len(m.Classes),
	})
}

func (m Matrix) files() []File {
	if m.Name == "" || m.check() != nil { // Page.Write tells what is wrong
		return nil
	}
	shown := m.condensed()
	f := figure.Figure{Panels: []figure.Panel{{Title: m.Title, Chart: figure.Heat{
		Rows: shown.Classes, Columns: shown.Classes, Values: shown.shares(), Max: 1, Percent: true,
		RowAxis: "true class", ColumnAxis: "answer, % of the true class", CellWidth: 24, CellHeight: 18, HideZero: true,
	}}}}
	return append(figureFiles(m.Name, f), File{"tables/" + m.Name + ".csv", m.table().WriteCSV})
}

// table is the whole matrix as counts.
func (m Matrix) table() Table {
	t := Table{Columns: []Column{{Name: "true class"}}}
	for i, name := range m.Classes {
		t.Columns = append(t.Columns, Column{Name: name, Kind: NumberKind})
		row := []Cell{Text(name)}
		for _, count := range m.Counts[i] {
			row = append(row, Num(float64(count)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func sum(counts []int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
