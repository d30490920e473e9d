package figure

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Heat is a heat map: a coloured cell a value, by Sequential; also the form of a confusion matrix.
type Heat struct {
	Rows, Columns []string
	RowAxis       string // what the rows are
	ColumnAxis    string
	Values        [][]float64 // [len(Rows)][len(Columns)]; NaN: a grey cell
	Min, Max      float64     // colour range; equal: from the data
	Percent       bool        // write 0.5 as 50
	Decimals      int
	CellWidth     float64 // points; 0: 30
	CellHeight    float64 // points; 0: 15
	HideRows      bool    // leave the row names out (a panel beside another)
	HideZero      bool    // write nothing where a value shows as 0
}

// Legend is empty: cells show their values.
func (ch Heat) Legend() []Entry { return nil }

func (ch Heat) size() (w, h float64) {
	style := textStyle(textSize-1, draw.XRight, draw.YCenter)
	label := 12.0
	if !ch.HideRows {
		for _, r := range ch.Rows {
			label = max(label, style.Width(r).Points()+24)
		}
	}
	return label + float64(len(ch.Columns))*orElse(ch.CellWidth, 30), ch.columnLabelHeight() + 34 + float64(len(ch.Rows))*orElse(ch.CellHeight, 15)
}

// turned says whether the column names are too long to stand side by side.
func (ch Heat) turned() bool {
	style := textStyle(textSize-1, draw.XRight, draw.YCenter)
	return slices.ContainsFunc(ch.Columns, func(s string) bool { return style.Width(s).Points() > orElse(ch.CellWidth, 30)-2 })
}

func (ch Heat) columnLabelHeight() float64 {
	if !ch.turned() {
		return 0
	}
	style := textStyle(textSize-1, draw.XRight, draw.YCenter)
	height := 0.0
	for _, s := range ch.Columns {
		height = max(height, style.Width(s).Points())
	}
	return height
}

// Range is the colour range: Min and Max, or the data's where they are equal.
func Range(low, high float64, values [][]float64) (float64, float64) {
	if low != high {
		return low, high
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, row := range values {
		low, high = span(low, high, row...)
	}
	if low > high {
		return 0, 1
	}
	if low == high {
		return low, low + 1
	}
	return low, high
}

func (ch Heat) plot() (*plot.Plot, error) {
	if len(ch.Values) != len(ch.Rows) {
		return nil, fmt.Errorf("heat map: %d rows of values, expected %d", len(ch.Values), len(ch.Rows))
	}
	for i, row := range ch.Values {
		if len(row) != len(ch.Columns) {
			return nil, fmt.Errorf("heat map: row %q has %d values, expected %d", ch.Rows[i], len(row), len(ch.Columns))
		}
	}
	rows := slices.Clone(ch.Rows)
	slices.Reverse(rows)
	if ch.HideRows {
		rows = make([]string, len(rows))
	}
	p := newPlot(Axis{Label: ch.ColumnAxis, Names: ch.Columns}, Axis{Label: ch.RowAxis, Names: rows})
	p.X.Min, p.X.Max = -0.5, float64(len(ch.Columns))-0.5
	p.Y.Min, p.Y.Max = -0.5, float64(len(rows))-0.5
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Tick.Length = 0
		a.LineStyle.Width = 0
		a.Padding = 3
	}
	if ch.turned() {
		p.X.Tick.Label.Rotation = math.Pi / 2
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	}
	p.Add(cells{ch})
	return p, nil
}

type cells struct{ Heat }

// Plot implements plot.Plotter.
func (h cells) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	low, high := Range(h.Min, h.Max, h.Values)
	style := textStyle(textSize-2, draw.XCenter, draw.YCenter)
	for i, row := range h.Values {
		y := float64(len(h.Values) - 1 - i)
		for j, v := range row {
			x := float64(j)
			fill := Sequential((v - low) / (high - low))
			c.FillPolygon(fill, rectangle(trX(x-0.5)+0.4, trY(y-0.5)+0.4, trX(x+0.5)-0.4, trY(y+0.5)-0.4))
			written := Number(v, h.Percent, h.Decimals)
			if h.HideZero && strings.Trim(written, "0.") == "" {
				continue
			}
			style.Color = Ink(fill)
			c.FillText(style, vg.Point{X: trX(x), Y: trY(y)}, written)
		}
	}
}

// Number writes a value as cells do: as a percentage without its sign where asked, a dash for NaN.
func Number(v float64, percent bool, decimals int) string {
	if math.IsNaN(v) {
		return "–"
	}
	if percent {
		v *= 100
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if v, err := strconv.ParseFloat(s, 64); err == nil && v == 0 {
		s = strconv.FormatFloat(0, 'f', decimals, 64) // no minus before zero
	}
	return minus(s)
}
