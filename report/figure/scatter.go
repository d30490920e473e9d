package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scatter is points without lines between them.
type Scatter struct {
	X, Y          Axis
	Series        []Dots
	Lines         []Line  // references, drawn below the points as curves that are Muted
	Width, Height float64 // points; 0: 260 x 240
}

// Dots are the points of one series. A NaN leaves its point out.
type Dots struct {
	Name        string
	X, Y        []float64 // of equal length
	XLow, XHigh []float64 // intervals, as long as X; nil: none
	YLow, YHigh []float64
	Labels      []string // written beside the points, as long as X; nil: none
	Rule        float64  // a vertical line at this x, such as the series' mean; see Ruled
	Ruled       bool
}

func (ch Scatter) size() (w, h float64) { return orElse(ch.Width, 260), orElse(ch.Height, 240) }

// Legend lists the named series and references where there are at least two.
func (ch Scatter) Legend() []Entry {
	var entries []Entry
	for i, s := range ch.Series {
		if s.Name != "" {
			entries = append(entries, Entry{Name: s.Name, Colour: i % len(series), Filled: true})
		}
	}
	for _, l := range ch.Lines {
		if l.Name != "" {
			entries = append(entries, Entry{Name: l.Name, Colour: -1, Dashes: referenceDashes})
		}
	}
	if len(entries) < 2 {
		return nil
	}
	return entries
}

func (ch Scatter) plot() (*plot.Plot, error) {
	p := newPlot(ch.X, ch.Y)
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range ch.Series {
		if err := s.check(); err != nil {
			return nil, err
		}
		for _, x := range [][]float64{s.X, s.XLow, s.XHigh} {
			x0, x1 = span(x0, x1, x...)
		}
		for _, y := range [][]float64{s.Y, s.YLow, s.YHigh} {
			y0, y1 = span(y0, y1, y...)
		}
	}
	for _, l := range ch.Lines {
		if len(l.X) != len(l.Y) {
			return nil, fmt.Errorf("line %q: %d x and %d y values", l.Name, len(l.X), len(l.Y))
		}
		y0, y1 = span(y0, y1, l.Y...)
	}
	ch.X.setRange(&p.X, x0, x1)
	ch.Y.setRange(&p.Y, y0, y1)
	p.Add(grid{x: true, y: true})
	for i, l := range ch.Lines {
		l.Muted = true
		p.Add(curve{l, i})
	}
	for i, s := range ch.Series {
		p.Add(dots{s, i})
	}
	return p, nil
}

func (s Dots) check() error {
	n := len(s.X)
	for _, list := range []int{len(s.XLow), len(s.XHigh), len(s.YLow), len(s.YHigh), len(s.Labels)} {
		if len(s.Y) != n || list != 0 && list != n || len(s.XLow) != len(s.XHigh) || len(s.YLow) != len(s.YHigh) {
			return fmt.Errorf("series %q: %d x and %d y values, %d and %d x intervals, %d and %d y intervals, %d labels, expected as many of "+
				"each or none",
				s.Name, n, len(s.Y), len(s.XLow), len(s.XHigh), len(s.YLow), len(s.YHigh), len(s.Labels))
		}
	}
	return nil
}

type dots struct {
	Dots
	index int
}

// Plot implements plot.Plotter.
func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	colour := SeriesColour(d.index)
	if d.Ruled && finite(d.Rule) {
		c.StrokeLine2(lineStyle(colour, 1.4, seriesDashes(d.index)), trX(d.Rule), c.Min.Y, trX(d.Rule), c.Max.Y)
	}
	whisker := lineStyle(tint{colour, 0.55}, 0.9, nil)
	for i := range d.X {
		if !finite(d.X[i]) || !finite(d.Y[i]) {
			continue
		}
		at := vg.Point{X: trX(d.X[i]), Y: trY(d.Y[i])}
		if d.XLow != nil && finite(d.XLow[i]) && finite(d.XHigh[i]) {
			c.StrokeLine2(whisker, max(trX(d.XLow[i]), c.Min.X), at.Y, min(trX(d.XHigh[i]), c.Max.X), at.Y)
		}
		if d.YLow != nil && finite(d.YLow[i]) && finite(d.YHigh[i]) {
			c.StrokeLine2(whisker, at.X, max(trY(d.YLow[i]), c.Min.Y), at.X, min(trY(d.YHigh[i]), c.Max.Y))
		}
		c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: 2.8, Shape: marker(d.index)}, at)
		if d.Labels != nil {
			d.label(c, d.Labels[i], at)
		}
	}
}

// label writes to the right of a point, or to the left where the right is too narrow.
func (d dots) label(c draw.Canvas, words string, at vg.Point) {
	style := textStyle(textSize-3, draw.XLeft, draw.YCenter)
	at.X += 5
	if at.X+style.Width(words) > c.Max.X {
		at.X -= 10
		style.XAlign = draw.XRight
	}
	c.FillText(style, at, words)
}
