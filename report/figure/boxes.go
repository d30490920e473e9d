package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Boxes are horizontal box plots: the box from the first to the third quartile with the median in it, whiskers to the last value within 1.5
// times the box's length; values beyond are not drawn.
type Boxes struct {
	Value  Axis
	Names  []string
	Values [][]float64 // of each name; NaN does not count
	Width  float64     // points; 0: 480. The height follows from the number of boxes.
}

func (ch Boxes) size() (w, h float64) { return orElse(ch.Width, 480), 44 + 17*float64(len(ch.Names)) }

// Legend is empty: every box has its name.
func (ch Boxes) Legend() []Entry { return nil }

func (ch Boxes) plot() (*plot.Plot, error) {
	if len(ch.Values) != len(ch.Names) {
		return nil, fmt.Errorf("box plot: values of %d boxes, expected %d", len(ch.Values), len(ch.Names))
	}
	names := slices.Clone(ch.Names)
	slices.Reverse(names) // the first name stands on top
	p := newPlot(ch.Value, Axis{Names: names})
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range ch.Values {
		low, high = span(low, high, v...)
	}
	ch.Value.setRange(&p.X, low, high)
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	p.Y.Tick.Length = 0
	p.Add(grid{x: true})
	p.Add(boxes{ch})
	return p, nil
}

// Quartiles are what a box shows.
type Quartiles struct{ Low, First, Median, Third, High float64 }

// NewQuartiles returns the quartiles, by linear interpolation between order statistics, and the ends of the whiskers; ok is false where no value
// is a number.
func NewQuartiles(values []float64) (q Quartiles, ok bool) {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(sorted) == 0 {
		return Quartiles{}, false
	}
	slices.Sort(sorted)
	at := func(p float64) float64 {
		position := p * float64(len(sorted)-1)
		below := int(position)
		above := min(below+1, len(sorted)-1)
		return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
	}
	q.First, q.Median, q.Third = at(0.25), at(0.5), at(0.75)
	reach := 1.5 * (q.Third - q.First)
	q.Low, q.High = q.First, q.Third
	for _, v := range sorted {
		if v >= q.First-reach {
			q.Low = min(q.Low, v)
		}
		if v <= q.Third+reach {
			q.High = max(q.High, v)
		}
	}
	return q, true
}

type boxes struct{ Boxes }

// Plot implements plot.Plotter.
func (b boxes) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	line := lineStyle(ink, 0.9, nil)
	for k, values := range b.Values {
		q, ok := NewQuartiles(values)
		if !ok {
			continue
		}
		mid := trY(float64(len(b.Values) - 1 - k))
		half := vg.Length(5)
		box := rectangle(trX(q.First), mid-half, trX(q.Third), mid+half)
		c.FillPolygon(tint{SeriesColour(0), 0.35}, box)
		c.StrokeLines(line, append(box, box[0]))
		c.StrokeLine2(line, trX(q.Low), mid, trX(q.First), mid)
		c.StrokeLine2(line, trX(q.Third), mid, trX(q.High), mid)
		for _, end := range []float64{q.Low, q.High} {
			c.StrokeLine2(line, trX(end), mid-half/2, trX(end), mid+half/2)
		}
		c.StrokeLine2(lineStyle(SeriesColour(1), 2, nil), trX(q.Median), mid-half, trX(q.Median), mid+half)
	}
}
