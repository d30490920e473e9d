package report

import (
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"

	"visus/report/figure"
)

var nan = math.NaN()

// Table is a table that the browser can sort, and a CSV and a LaTeX file. The first column heads the rows.
type Table struct {
	Name    string // of its files; empty: none
	Title   string
	Caption string
	Columns []Column
	Rows    [][]Cell // each as long as Columns
	Folded  bool     // behind a disclosure triangle until asked for
}

// Column describes the cells below it.
type Column struct {
	Name     string
	Unit     string // written after the name; Percent columns have "%" of themselves
	Kind     Kind
	Decimals int  // of numbers as shown; CSV keeps all
	Best     Best // which value is set in bold
}

// Kind says how a column's cells are written.
type Kind int

// The kinds of columns. Percent shows 0.5 as 50.
const (
	TextKind Kind = iota
	NumberKind
	PercentKind
)

// Best says which end of a column is the good one.
type Best int

// The directions; the zero value marks nothing.
const (
	NoBest Best = iota
	Highest
	Lowest
)

// Cell is one entry: text, or a number with or without its interval.
type Cell struct {
	Text     string
	Value    float64     // in number columns; NaN: unknown
	Interval *[2]float64 // lower and upper end
	Strong   bool        // set in bold
}

// Text is a cell of a text column.
func Text(s string) Cell { return Cell{Text: s} }

// Num is a cell of a number column.
func Num(v float64) Cell { return Cell{Value: v} }

// NumIn is a number with its interval.
func NumIn(v, low, high float64) Cell { return Cell{Value: v, Interval: &[2]float64{low, high}} }

func (c Column) numeric() bool { return c.Kind != TextKind }

// heading is the name with its unit.
func (c Column) heading() string {
	unit := c.Unit
	if unit == "" && c.Kind == PercentKind {
		unit = "%"
	}
	if unit == "" {
		return c.Name
	}
	return c.Name + " (" + unit + ")"
}

// show writes a cell's main text and its interval.
func (c Column) show(cell Cell) (text, interval string) {
	if !c.numeric() {
		return cell.Text, ""
	}
	write := func(v float64) string { return figure.Number(v, c.Kind == PercentKind, c.Decimals) }
	if cell.Interval != nil {
		interval = write(cell.Interval[0]) + "–" + write(cell.Interval[1])
		if cell.Interval[0] < 0 { // a dash beside a minus sign confuses
			interval = write(cell.Interval[0]) + " to " + write(cell.Interval[1])
		}
	}
	return write(cell.Value), interval
}

func (t Table) check() error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("table %q has no columns", t.Title)
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("table %q: row %d has %d cells, expected %d", t.Title, i+1, len(row), len(t.Columns))
		}
	}
	return nil
}

// best returns, for each column, the value to mark; NaN where there is none or it stands everywhere.
func (t Table) best() []float64 {
	best := make([]float64, len(t.Columns))
	for k, col := range t.Columns {
		best[k] = nan
		low, high := math.Inf(1), math.Inf(-1)
		for _, row := range t.Rows {
			if v := row[k].Value; !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
		if low >= high {
			continue
		}
		switch col.Best {
		case Highest:
			best[k] = high
		case Lowest:
			best[k] = low
		}
	}
	return best
}

type tableCell struct {
	Text, Interval, Sort string
	Numeric, Strong      bool
}

// cells lays the table out as shown.
func (t Table) cells() [][]tableCell {
	best := t.best()
	rows := make([][]tableCell, len(t.Rows))
	for i, row := range t.Rows {
		for k, cell := range row {
			col := t.Columns[k]
			out := tableCell{Numeric: col.numeric(), Strong: cell.Strong || (col.numeric() && cell.Value == best[k])}
			out.Text, out.Interval = col.show(cell)
			if out.Numeric && !math.IsNaN(cell.Value) {
				out.Sort = strconv.FormatFloat(cell.Value, 'g', 6, 64)
			}
			rows[i] = append(rows[i], out)
		}
	}
	return rows
}

func (t Table) html(r *renderer) (template.HTML, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	if t.Name != "" {
		if err := r.claim("file name", t.Name); err != nil {
			return "", err
		}
	}
	r.tables++
	type column struct {
		Heading string
		Numeric bool
	}
	columns := make([]column, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = column{c.heading(), c.numeric()}
	}
	return execute("table", map[string]any{
		"Table": t, "Number": r.tables, "Columns": columns, "Rows": t.cells(), "Long": len(t.Rows) > 24,
	})
}

func (t Table) files() []File {
	if t.Name == "" {
		return nil
	}
	return []File{{"tables/" + t.Name + ".csv", t.WriteCSV}, {"tables/" + t.Name + ".tex", t.WriteLaTeX}}
}

// WriteCSV writes the table with all digits: numbers as they are (percentages as fractions), NaN as an empty field, and after a
// column with intervals two more, "NAME low" and "NAME high".
func (t Table) WriteCSV(w io.Writer) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	intervals := make([]bool, len(t.Columns))
	var head []string
	for k, col := range t.Columns {
		for _, row := range t.Rows {
			intervals[k] = intervals[k] || row[k].Interval != nil
		}
		head = append(head, col.Name)
		if intervals[k] {
			head = append(head, col.Name+" low", col.Name+" high")
		}
	}
	out := csv.NewWriter(w)
	records := [][]string{head}
	for _, row := range t.Rows {
		var record []string
		for k, cell := range row {
			if !t.Columns[k].numeric() {
				record = append(record, cell.Text)
			} else {
				record = append(record, full(cell.Value))
			}
			if !intervals[k] {
				continue
			}
			ends := [2]float64{nan, nan}
			if cell.Interval != nil {
				ends = *cell.Interval
			}
			record = append(record, full(ends[0]), full(ends[1]))
		}
		records = append(records, record)
	}
	return out.WriteAll(records)
}

// full writes a number with all its digits, NaN as nothing.
func full(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// WriteLaTeX writes the table as a LaTeX table environment for the package booktabs, best values in bold.
func (t Table) WriteLaTeX(w io.Writer) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var b strings.Builder
	b.WriteString("\\begin{table}\n\\centering\n")
	if text := strings.TrimSpace(t.Title + ". " + t.Caption); text != "." {
		fmt.Fprintf(&b, "\\caption{%s}\n", latex(text))
	}
	if t.Name != "" {
		fmt.Fprintf(&b, "\\label{tab:%s}\n", t.Name)
	}
	var form strings.Builder
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		form.WriteString(map[bool]string{true: "r", false: "l"}[c.numeric()])
		heads[i] = latex(c.heading())
	}
	fmt.Fprintf(&b, "\\begin{tabular}{%s}\n\\toprule\n%s \\\\\n\\midrule\n", form.String(), strings.Join(heads, " & "))
	for _, row := range t.cells() {
		fields := make([]string, len(row))
		for i, c := range row {
			fields[i] = latex(c.Text)
			if c.Strong {
				fields[i] = "\\textbf{" + fields[i] + "}"
			}
			if c.Interval != "" {
				fields[i] += " {\\footnotesize [" + latex(c.Interval) + "]}"
			}
		}
		b.WriteString(strings.Join(fields, " & ") + " \\\\\n")
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// latexEscapes covers what LaTeX would read as commands, in text mode.
var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, `{`, `\{`, `}`, `\}`, `$`, `\$`, `&`, `\&`, `#`, `\#`, `%`, `\%`, `_`, `\_`,
	`~`, `\textasciitilde{}`, `^`, `\textasciicircum{}`, `<`, `\textless{}`, `>`, `\textgreater{}`, `|`, `\textbar{}`,
	`"`, `''`, "−", `$-$`, "–", `--`, "×", `$\times$`, "±", `$\pm$`, "\n", " ", "\r", " ",
)

func latex(s string) string { return latexEscapes.Replace(s) }
