package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bars are horizontal bars, one group a name, one bar a series, with intervals.
type Bars struct {
	Value  Axis // of the bars' length; starts at 0 unless told otherwise
	Names  []string
	Series []Bar
	Width  float64 // points; 0: 480. The height follows from the number of bars.
}

// Bar is one series of bars. A NaN value leaves its bar out.
type Bar struct {
	Name      string
	Values    []float64 // as many as Names
	Low, High []float64 // interval around each value; nil: none
}

func (ch Bars) size() (w, h float64) {
	return orElse(ch.Width, 480), 44 + float64(len(ch.Names))*ch.pitch()
}

// pitch is the height of one group in points.
func (ch Bars) pitch() float64 { return 8 + 9*float64(max(1, len(ch.Series))) }

// Legend lists the series where there are at least two.
func (ch Bars) Legend() []Entry {
	if len(ch.Series) < 2 {
		return nil
	}
	entries := make([]Entry, len(ch.Series))
	for i, s := range ch.Series {
		entries[i] = Entry{Name: s.Name, Colour: i % len(series), Filled: true}
	}
	return entries
}

func (ch Bars) plot() (*plot.Plot, error) {
	names := slices.Clone(ch.Names)
	slices.Reverse(names) // the first name stands on top
	p := newPlot(ch.Value, Axis{Names: names})
	low, high := 0.0, math.Inf(-1)
	for _, s := range ch.Series {
		if len(s.Values) != len(names) || (s.Low != nil && len(s.Low) != len(names)) || len(s.Low) != len(s.High) {
			return nil, fmt.Errorf("series %q: %d values, %d low, %d high, expected %d of each (or no intervals)",
				s.Name, len(s.Values), len(s.Low), len(s.High), len(names))
		}
		low, high = span(low, high, s.Values...)
		low, high = span(low, high, s.Low...)
		low, high = span(low, high, s.High...)
	}
	ch.Value.setRange(&p.X, low, high)
	if ch.Value.Min == ch.Value.Max && low == 0 {
		p.X.Min = 0
	}
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	p.Y.Tick.Length = 0
	p.Add(grid{x: true})
	for i, s := range ch.Series {
		p.Add(bars{ch, s, i})
	}
	return p, nil
}

// barOpacity lets the whisker be seen on its bar.
const barOpacity = 0.7

type bars struct {
	chart Bars
	Bar
	index int
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	pitch := trY(1) - trY(0)
	thick := pitch * vg.Length(9/b.chart.pitch())
	zero := trX(min(max(0, p.X.Min), p.X.Max))
	whisker := lineStyle(ink, 0.9, nil)
	for k, v := range b.Values {
		if !finite(v) {
			continue
		}
		top := trY(float64(len(b.Values)-1-k)) + thick*vg.Length(float64(len(b.chart.Series))/2-float64(b.index))
		y0, y1, mid := top-thick+0.6, top-0.6, top-thick/2
		c.FillPolygon(tint{SeriesColour(b.index), barOpacity}, c.ClipPolygonX(rectangle(zero, y0, trX(v), y1)))
		if b.Low == nil || !finite(b.Low[k]) || !finite(b.High[k]) {
			continue
		}
		x0, x1 := max(trX(b.Low[k]), c.Min.X), min(trX(b.High[k]), c.Max.X)
		c.StrokeLine2(whisker, x0, mid, x1, mid)
		c.StrokeLine2(whisker, x0, mid-2, x0, mid+2)
		c.StrokeLine2(whisker, x1, mid-2, x1, mid+2)
	}
}
