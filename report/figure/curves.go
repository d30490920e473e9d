package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curves are lines over a common x axis.
type Curves struct {
	X, Y          Axis
	Lines         []Line
	Width, Height float64 // points; 0: 260 x 200
}

// Line is one curve. A NaN value breaks the line.
type Line struct {
	Name      string
	X, Y      []float64 // of equal length
	Low, High []float64 // band around Y, as long as Y; nil: none
	Muted     bool      // a reference, e.g. chance level: thin, grey, without markers
}

func (ch Curves) size() (w, h float64) { return orElse(ch.Width, 260), orElse(ch.Height, 200) }

func orElse(x, otherwise float64) float64 {
	if x > 0 {
		return x
	}
	return otherwise
}

// Legend lists the named lines where there are at least two.
func (ch Curves) Legend() []Entry {
	var entries []Entry
	for i, l := range ch.Lines {
		switch {
		case l.Name == "":
		case l.Muted:
			entries = append(entries, Entry{Name: l.Name, Colour: -1, Dashes: referenceDashes})
		default:
			entries = append(entries, Entry{Name: l.Name, Colour: i % len(series), Dashes: seriesDashes(i)})
		}
	}
	if len(entries) < 2 {
		return nil
	}
	return entries
}

var referenceDashes = []float64{3, 3}

func (ch Curves) plot() (*plot.Plot, error) {
	p := newPlot(ch.X, ch.Y)
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, l := range ch.Lines {
		if len(l.Y) != len(l.X) || (l.Low != nil && len(l.Low) != len(l.Y)) || len(l.Low) != len(l.High) {
			return nil, fmt.Errorf("line %q: %d x, %d y, %d low and %d high values, expected as many of each (or no band)",
				l.Name, len(l.X), len(l.Y), len(l.Low), len(l.High))
		}
		x0, x1 = span(x0, x1, l.X...)
		y0, y1 = span(y0, y1, l.Y...)
		y0, y1 = span(y0, y1, l.Low...)
		y0, y1 = span(y0, y1, l.High...)
	}
	ch.X.setRange(&p.X, x0, x1)
	ch.Y.setRange(&p.Y, y0, y1)
	p.Add(grid{y: true})
	for i, l := range ch.Lines {
		p.Add(band{l, i})
	}
	for i, l := range ch.Lines {
		p.Add(curve{l, i})
	}
	return p, nil
}

// band fills between Low and High, one polygon a run of finite points.
type band struct {
	Line
	index int
}

// Plot implements plot.Plotter.
func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	if b.Low == nil {
		return
	}
	trX, trY := p.Transforms(&c)
	runs(len(b.X), func(i int) bool { return finite(b.X[i]) && finite(b.Low[i]) && finite(b.High[i]) }, func(from, to int) {
		var outline []vg.Point
		for i := from; i < to; i++ {
			outline = append(outline, vg.Point{X: trX(b.X[i]), Y: trY(b.High[i])})
		}
		for i := to - 1; i >= from; i-- {
			outline = append(outline, vg.Point{X: trX(b.X[i]), Y: trY(b.Low[i])})
		}
		colour := SeriesColour(b.index)
		if b.Muted {
			colour = muted
		}
		c.FillPolygon(tint{colour, 0.16}, c.ClipPolygonY(outline))
	})
}

// curve draws the line and a dot at each point.
type curve struct {
	Line
	index int
}

// Plot implements plot.Plotter.
func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	style := lineStyle(SeriesColour(l.index), 1.8, seriesDashes(l.index))
	if l.Muted {
		style = lineStyle(muted, 1.2, referenceDashes)
	}
	runs(len(l.X), func(i int) bool { return finite(l.X[i]) && finite(l.Y[i]) }, func(from, to int) {
		points := make([]vg.Point, 0, to-from)
		for i := from; i < to; i++ {
			points = append(points, vg.Point{X: trX(l.X[i]), Y: trY(l.Y[i])})
		}
		c.StrokeLines(style, c.ClipLinesXY(points)...)
		if l.Muted || len(l.X) > 30 {
			return
		}
		for _, pt := range points {
			c.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: 2.2, Shape: marker(l.index)}, pt)
		}
	})
}

func marker(i int) draw.GlyphDrawer {
	return [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}[i%3]
}

// runs calls each with every maximal half-open range of good indices.
func runs(n int, good func(i int) bool, each func(from, to int)) {
	from := -1
	for i := range n + 1 {
		switch ok := i < n && good(i); {
		case ok && from < 0:
			from = i
		case !ok && from >= 0:
			each(from, i)
			from = -1
		}
	}
}
