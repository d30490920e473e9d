package figure

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Reliability is a reliability diagram (DeGroot and Fienberg 1983; Guo et al. 2017): accuracy against confidence, bin by bin.
type Reliability struct {
	Bins []Bin
	Size float64 // points a side; 0: 260
}

// Bin holds the answers whose confidence lies in one interval; all numbers but Count are in 0..1.
type Bin struct {
	Low, High  float64 // the interval
	Count      int     // answers in it; an empty bin is not drawn
	Confidence float64 // mean
	Accuracy   float64
}

func (ch Reliability) size() (w, h float64) { return orElse(ch.Size, 260), orElse(ch.Size, 260) }

// Legend explains bars, gaps and the diagonal.
func (ch Reliability) Legend() []Entry {
	return []Entry{
		{Name: "accuracy", Colour: 0, Filled: true},
		{Name: "gap to confidence", Colour: 1},
		{Name: "perfect calibration", Colour: -1, Dashes: referenceDashes},
	}
}

func (ch Reliability) plot() (*plot.Plot, error) {
	for i, b := range ch.Bins {
		if b.Count < 0 || (b.Count > 0 && !(b.Low <= b.High && finite(b.Confidence) && finite(b.Accuracy))) {
			return nil, fmt.Errorf("reliability: bin %d: %+v is not a bin", i, b)
		}
	}
	x := Axis{Label: "confidence, %", Min: 0, Max: 1, Percent: true}
	y := Axis{Label: "accuracy, %", Min: 0, Max: 1, Percent: true}
	p := newPlot(x, y)
	x.setRange(&p.X, 0, 1)
	y.setRange(&p.Y, 0, 1)
	p.Add(grid{y: true}, reliability(ch))
	return p, nil
}

type reliability Reliability

// Plot implements plot.Plotter: bars as opaque as their bin is full, the gap, the diagonal.
func (r reliability) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	most := 1
	for _, b := range r.Bins {
		most = max(most, b.Count)
	}
	for _, b := range r.Bins {
		if b.Count == 0 {
			continue
		}
		x0, x1 := trX(b.Low)+0.5, trX(b.High)-0.5
		opacity := 0.3 + 0.6*float64(b.Count)/float64(most)
		c.FillPolygon(tint{SeriesColour(0), opacity}, rectangle(x0, trY(0), x1, trY(b.Accuracy)))
		mid := trX(b.Confidence)
		c.StrokeLine2(lineStyle(SeriesColour(1), 1.6, nil), mid, trY(b.Accuracy), mid, trY(b.Confidence))
		c.DrawGlyph(draw.GlyphStyle{Color: SeriesColour(1), Radius: 1.8, Shape: draw.CircleGlyph{}}, vg.Point{X: mid, Y: trY(b.Confidence)})
	}
	c.StrokeLine2(lineStyle(muted, 1.2, referenceDashes), trX(0), trY(0), trX(1), trY(1))
}
