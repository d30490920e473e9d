// Package figure draws charts - curves with bands, bars with intervals, boxes, points, heat maps, confusion matrices, reliability diagrams -
// to SVG and PNG files and to SVG elements whose colours follow the page they stand in.
package figure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Chart is one of Curves, Bars, Boxes, Heat, Reliability and Scatter.
type Chart interface {
	// plot returns the chart ready to draw, or what is wrong with its data.
	plot() (*plot.Plot, error)
	// size is the chart's width and height in points.
	size() (w, h float64)
	// Legend lists the chart's series in order; empty where there is nothing to tell apart.
	Legend() []Entry
}

// Entry is one row of a legend.
type Entry struct {
	Name   string
	Colour int       // index of SeriesColour; -1: the muted colour of reference lines
	Dashes []float64 // in points; nil: solid
	Filled bool      // a bar rather than a line
}

// Panel is one chart under its heading.
type Panel struct {
	Title string
	Chart Chart
}

// Figure is one or several panels on a grid, with the first panel's legend above.
type Figure struct {
	Panels  []Panel
	Columns int // panels side by side in files; 0: up to 4
}

const (
	textSize    = 10 // points
	titleHeight = 18
	legendRow   = 16
	margin      = 6
	pngDPI      = 192
)

// SVG writes the figure as an SVG file on white, text as text in Liberation Sans or the like. The same figure gives the same bytes.
func (f Figure) SVG(w io.Writer) error {
	width, height, err := f.extent()
	if err != nil {
		return err
	}
	canvas := vgsvg.NewWith(vgsvg.UseWH(vg.Length(width), vg.Length(height)))
	if err := f.draw(draw.New(canvas), true); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return fmt.Errorf("figure: SVG: %w", err)
	}
	_, err = io.WriteString(w, fontFamily.Replace(b.String()))
	return err
}

// PNG writes the figure at 192 dots per inch on white. The same figure gives the same bytes.
func (f Figure) PNG(w io.Writer) error {
	width, height, err := f.extent()
	if err != nil {
		return err
	}
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(width), vg.Length(height)), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(paper))
	if err := f.draw(draw.New(canvas), true); err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("figure: PNG: %w", err)
	}
	return nil
}

// Inline returns the panel as an <svg> element for an HTML page that labels it itself (it is hidden from screen readers): text and
// axes take the page's text colour, the other roles the CSS variables --s0 to --s7, --grid, --muted and --panel.
func (p Panel) Inline() (string, error) {
	f := Figure{Panels: []Panel{p}}
	width, height, err := f.extent()
	if err != nil {
		return "", err
	}
	height -= f.legendHeight(width)
	canvas := vgsvg.NewWith(vgsvg.UseWH(vg.Length(width), vg.Length(height)))
	if err := f.draw(draw.New(canvas), false); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("figure: SVG: %w", err)
	}
	_, body, _ := strings.Cut(b.String(), ">\n<g ") // the page needs neither XML header nor root attributes
	head := fmt.Sprintf(`<svg viewBox="0 0 %g %g" aria-hidden="true" focusable="false">`+"\n<g ", width, height)
	return head + pageColours.Replace(fontStyle.ReplaceAllString(body, "")), nil
}

// fontStyle is what the page's style sheet says once for all text.
var fontStyle = regexp.MustCompile(`font-family:[^;"]*;font-variant:normal;font-weight:normal;font-style:normal;?`)

var fontFamily = strings.NewReplacer("font-family:Liberation Sans", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif")

// pageColours replaces each role's colour, as SVG writes it, by what the page calls it.
var pageColours = func() *strings.Replacer {
	pairs := []string{
		svgHex(ink), "currentColor", svgHex(faint), "var(--grid)", svgHex(muted), "var(--muted)", svgHex(paper), "var(--panel)",
	}
	for i, c := range series {
		pairs = append(pairs, svgHex(c), fmt.Sprintf("var(--s%d)", i))
	}
	return strings.NewReplacer(pairs...)
}()

func (f Figure) columns() int {
	if f.Columns > 0 {
		return min(f.Columns, len(f.Panels))
	}
	return min(4, len(f.Panels))
}

// layout returns the widths of the columns and the heights of the rows: those of the largest panel in each, title included.
func (f Figure) layout() (widths, heights []float64) {
	cols := f.columns()
	widths = make([]float64, cols)
	heights = make([]float64, (len(f.Panels)+cols-1)/cols)
	for i, p := range f.Panels {
		w, h := p.Chart.size()
		if p.Title != "" {
			h += titleHeight
		}
		widths[i%cols], heights[i/cols] = max(widths[i%cols], w), max(heights[i/cols], h)
	}
	return widths, heights
}

func (f Figure) extent() (w, h float64, err error) {
	if len(f.Panels) == 0 {
		return 0, 0, errors.New("figure: no panels")
	}
	for i, p := range f.Panels {
		if p.Chart == nil {
			return 0, 0, fmt.Errorf("figure: panel %d (%q) has no chart", i, p.Title)
		}
	}
	widths, heights := f.layout()
	for _, x := range widths {
		w += x
	}
	for _, y := range heights {
		h += y
	}
	h += f.legendHeight(w)
	const most = 14000 // points; beyond, a PNG would need gigabytes
	if w > most || h > most {
		return 0, 0, fmt.Errorf("figure: %.0f x %.0f points are more than %d a side: draw fewer rows or panels", w, h, most)
	}
	return w, h, nil
}

// draw fills the canvas: the legend on top where wanted, then row by row.
func (f Figure) draw(c draw.Canvas, file bool) error {
	cols := f.columns()
	widths, heights := f.layout()
	left, top := c.Min.X, c.Max.Y
	if file {
		c.SetColor(paper)
		c.Fill(c.Rectangle.Path())
		top -= vg.Length(f.drawLegend(c))
	}
	for i, p := range f.Panels {
		plt, err := p.Chart.plot()
		if err != nil {
			return fmt.Errorf("figure: panel %d (%q): %w", i, p.Title, err)
		}
		plt.Title.Text = p.Title
		plt.BackgroundColor = nil
		w, h := vg.Length(widths[i%cols]), vg.Length(heights[i/cols])
		cell := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left + margin, Y: top - h + margin},
			Max: vg.Point{X: left + w - margin, Y: top - margin},
		}}
		plt.Draw(cell)
		if left += w; i%cols == cols-1 {
			left, top = c.Min.X, top-h
		}
	}
	return nil
}
