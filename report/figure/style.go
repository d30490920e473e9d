package figure

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Axis describes one axis. The zero value takes its range from the data.
type Axis struct {
	Label    string
	Min, Max float64  // equal: from the data
	Percent  bool     // 0.5 is written 50 (the label says %)
	Names    []string // written at 0, 1, 2, ... instead of numbers
}

// tint is a colour with opacity that survives SVG's division by alpha unrounded, so that its role can be recognised.
type tint struct {
	base    color.NRGBA
	opacity float64
}

// RGBA implements color.Color.
func (t tint) RGBA() (r, g, b, a uint32) {
	a = uint32(math.Round(t.opacity * 0xffff))
	up := func(v uint8) uint32 { return (uint32(v)*a + 254) / 255 }
	return up(t.base.R), up(t.base.G), up(t.base.B), a
}

func svgHex(c color.NRGBA) string { return strings.ToUpper(Hex(c)) }

// dashes tell series apart without colour.
var dashes = [...][]float64{nil, {7, 3}, {2, 2}, {8, 2, 2, 2}, {12, 3}, {4, 2}, {1, 3}, {10, 2, 2, 2, 2, 2}}

func seriesDashes(i int) []float64 { return dashes[i%len(dashes)] }

func lineStyle(c color.Color, width float64, dash []float64) draw.LineStyle {
	style := draw.LineStyle{Color: c, Width: vg.Length(width)}
	for _, d := range dash {
		style.Dashes = append(style.Dashes, vg.Length(d))
	}
	return style
}

func textStyle(size float64, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color: ink, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Length(size)),
		XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler,
	}
}

// newPlot returns an empty plot in the house's style: sans serif, thin axes, no box.
func newPlot(x, y Axis) *plot.Plot {
	p := plot.New()
	p.Title.TextStyle = textStyle(textSize+1, draw.XCenter, draw.YTop)
	p.Title.Padding = 4
	style := func(a *plot.Axis, from Axis) {
		a.Label.Text = from.Label
		a.Label.Padding = 3
		a.Padding = 0
		a.LineStyle = lineStyle(ink, 0.6, nil)
		a.Tick.LineStyle = lineStyle(ink, 0.6, nil)
		a.Tick.Length = 3
		a.Tick.Marker = from
	}
	style(&p.X, x)
	style(&p.Y, y)
	p.X.Label.TextStyle = textStyle(textSize, draw.XCenter, draw.YBottom)
	p.Y.Label.TextStyle = textStyle(textSize, draw.XCenter, draw.YBottom)
	p.X.Tick.Label = textStyle(textSize-1, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = textStyle(textSize-1, draw.XRight, draw.YCenter)
	return p
}

// setRange gives the axis its stated range, or the data's with some air; a data range that starts at or near zero starts at zero.
func (a Axis) setRange(axis *plot.Axis, low, high float64) {
	if a.Min != a.Max {
		axis.Min, axis.Max = a.Min, a.Max
		return
	}
	if len(a.Names) > 0 {
		axis.Min, axis.Max = -0.5, float64(len(a.Names))-0.5
		return
	}
	if low > high { // no finite value at all
		low, high = 0, 1
	}
	if low == high {
		low, high = low-0.5, high+0.5
	}
	air := 0.04 * (high - low)
	if low >= 0 && low < 0.3*high {
		low = air
	}
	axis.Min, axis.Max = low-air, high+air
}

// Ticks implements plot.Ticker: names, or about six round numbers.
func (a Axis) Ticks(low, high float64) []plot.Tick {
	if len(a.Names) > 0 {
		ticks := make([]plot.Tick, len(a.Names))
		for i, name := range a.Names {
			ticks[i] = plot.Tick{Value: float64(i), Label: name}
		}
		return ticks
	}
	scale := 1.0
	if a.Percent {
		scale = 100
	}
	step := roundStep((high - low) * scale / 6)
	decimals := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for k := math.Ceil(low*scale/step - 1e-9); k*step <= high*scale*(1+1e-12)+1e-12 && len(ticks) < 50; k++ {
		value := k * step
		ticks = append(ticks, plot.Tick{Value: value / scale, Label: minus(strconv.FormatFloat(value+0, 'f', decimals, 64))})
	}
	return ticks
}

// minus writes a proper minus sign.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// roundStep is the smallest of 1, 2, 5 times a power of ten that is not below x.
func roundStep(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= x*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// span widens low..high to the finite values.
func span(low, high float64, values ...float64) (float64, float64) {
	for _, v := range values {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// grid draws faint lines at the ticks of the named axes.
type grid struct{ x, y bool }

// Plot implements plot.Plotter.
func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	style := lineStyle(faint, 0.6, nil)
	trX, trY := p.Transforms(&c)
	if g.x {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if x := trX(t.Value); c.ContainsX(x) {
				c.StrokeLine2(style, x, c.Min.Y, x, c.Max.Y)
			}
		}
	}
	if g.y {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if y := trY(t.Value); c.ContainsY(y) {
				c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
			}
		}
	}
}
