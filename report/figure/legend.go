package figure

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	sampleWidth = 22 // points of line or swatch before a legend's name
	legendGap   = 18
)

// Legend is the first panel's.
func (f Figure) Legend() []Entry {
	if len(f.Panels) == 0 || f.Panels[0].Chart == nil {
		return nil
	}
	return f.Panels[0].Chart.Legend()
}

// legendRows breaks the legend into rows no wider than the figure.
func (f Figure) legendRows(width float64) [][]Entry {
	var rows [][]Entry
	room := 0.0
	for _, e := range f.Legend() {
		need := legendWidth(e)
		if len(rows) == 0 || need > room {
			rows, room = append(rows, nil), width-2*margin
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		room -= need
	}
	return rows
}

func (f Figure) legendHeight(width float64) float64 {
	rows := len(f.legendRows(width))
	if rows == 0 {
		return 0
	}
	return float64(rows*legendRow + margin)
}

func legendWidth(e Entry) float64 {
	return sampleWidth + 5 + textStyle(textSize, draw.XLeft, draw.YCenter).Width(e.Name).Points() + legendGap
}

// drawLegend draws the legend at the top and returns the height it took.
func (f Figure) drawLegend(c draw.Canvas) float64 {
	width := (c.Max.X - c.Min.X).Points()
	style := textStyle(textSize, draw.XLeft, draw.YCenter)
	for r, row := range f.legendRows(width) {
		x := c.Min.X + margin
		y := c.Max.Y - vg.Length(margin+legendRow*(float64(r)+0.5))
		for _, e := range row {
			drawSample(c, e, x, y)
			c.FillText(style, vg.Point{X: x + sampleWidth + 5, Y: y}, e.Name)
			x += vg.Length(legendWidth(e))
		}
	}
	return f.legendHeight(width)
}

func drawSample(c draw.Canvas, e Entry, x, y vg.Length) {
	colour := muted
	if e.Colour >= 0 {
		colour = SeriesColour(e.Colour)
	}
	if e.Filled {
		c.FillPolygon(tint{colour, barOpacity}, rectangle(x+6, y-4, x+sampleWidth, y+4))
		return
	}
	c.StrokeLine2(lineStyle(colour, 1.8, e.Dashes), x, y, x+sampleWidth, y)
}

func rectangle(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
