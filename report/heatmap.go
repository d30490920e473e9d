package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"visus/report/figure"
)

// HeatMap is a table of coloured cells, one panel beside the other over the same rows - one a model, say.
type HeatMap struct {
	Name     string // of its files; empty: none
	Title    string
	Caption  string
	Alt      string // what the map shows, for those who cannot see it; required
	RowTitle string // what the rows are
	Rows     []Row
	Panels   []HeatPanel
	Scale    string  // what the colours mean, with the unit: "error, %"
	Min, Max float64 // of the colours; equal: from all panels' data
	Percent  bool    // write 0.5 as 50
	Decimals int
}

// Row names a row; rows of one group follow each other.
type Row struct{ Name, Group string }

// HeatPanel is one block of columns.
type HeatPanel struct {
	Title     string
	Columns   []string
	Values    [][]float64    // [row][column]; NaN: not measured
	Intervals [][][2]float64 // for tooltips; nil: none
}

func (h HeatMap) check() error {
	for _, p := range h.Panels {
		if len(p.Values) != len(h.Rows) || (p.Intervals != nil && len(p.Intervals) != len(h.Rows)) {
			return fmt.Errorf("heat map %q, panel %q: %d rows of values, expected %d", h.Title, p.Title, len(p.Values), len(h.Rows))
		}
		for i, row := range p.Values {
			if len(row) != len(p.Columns) || (p.Intervals != nil && len(p.Intervals[i]) != len(row)) {
				return fmt.Errorf("heat map %q, panel %q, row %q: %d values, expected %d", h.Title, p.Title, h.Rows[i].Name, len(row), len(p.Columns))
			}
		}
	}
	return nil
}

// bounds is the colour range over all panels.
func (h HeatMap) bounds() (low, high float64) {
	var all [][]float64
	for _, p := range h.Panels {
		all = append(all, p.Values...)
	}
	return figure.Range(h.Min, h.Max, all)
}

type heatCell struct {
	Class, Text, Title string
	First              bool // of its panel
}

type heatRow struct {
	Name  string
	Group string // set on the group's first row
	Cells []heatCell
}

func (h HeatMap) html(r *renderer) (template.HTML, error) {
	if err := h.check(); err != nil {
		return "", err
	}
	number, err := r.figure(h.Name, h.Title, h.Alt)
	if err != nil {
		return "", err
	}
	low, high := h.bounds()
	write := func(v float64) string { return figure.Number(v, h.Percent, h.Decimals) }
	rows := make([]heatRow, len(h.Rows))
	width := 1
	for i, row := range h.Rows {
		rows[i].Name = row.Name
		if row.Group != "" && (i == 0 || h.Rows[i-1].Group != row.Group) {
			rows[i].Group = row.Group
		}
		for _, p := range h.Panels {
			for k, v := range p.Values[i] {
				title := strings.Trim(strings.Join([]string{p.Title, row.Name, p.Columns[k]}, " · "), " ·") + ": " + write(v)
				if p.Intervals != nil && !math.IsNaN(p.Intervals[i][k][0]) {
					title += " (" + write(p.Intervals[i][k][0]) + " to " + write(p.Intervals[i][k][1]) + ")"
				}
				rows[i].Cells = append(rows[i].Cells, heatCell{heatClass(v, low, high), write(v), title, k == 0})
			}
		}
	}
	for _, p := range h.Panels {
		width += len(p.Columns)
	}
	return execute("heatmap", map[string]any{
		"Heat": h, "Number": number, "Rows": rows, "Low": write(low), "High": write(high), "Width": width,
	})
}

// heatClass is the style of a value on the page's colour scale.
func heatClass(v, low, high float64) string {
	if math.IsNaN(v) {
		return "hx"
	}
	t := min(max((v-low)/(high-low), 0), 1)
	return fmt.Sprint("h", int(math.Round(t*scaleSteps)))
}

func (h HeatMap) files() []File {
	if h.Name == "" || h.check() != nil { // Page.Write tells what is wrong
		return nil
	}
	low, high := h.bounds()
	names := make([]string, len(h.Rows))
	for i, row := range h.Rows {
		names[i] = row.Name
	}
	var f figure.Figure
	f.Columns = len(h.Panels)
	for i, p := range h.Panels {
		f.Panels = append(f.Panels, figure.Panel{Title: p.Title, Chart: figure.Heat{
			Rows: names, Columns: p.Columns, Values: p.Values, Min: low, Max: high,
			ColumnAxis: h.Scale, Percent: h.Percent, Decimals: h.Decimals, HideRows: i > 0,
		}})
	}
	return figureFiles(h.Name, f)
}
