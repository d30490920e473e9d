package report

import (
	"fmt"
	"html/template"
	"math"

	"visus/report/figure"
)

// Chart shows one or several panels - figure.Curves, figure.Bars, figure.Reliability, figure.Heat - under one legend.
type Chart struct {
	Name    string // of its files; empty: none
	Title   string
	Caption string
	Alt     string // what the chart shows, for those who cannot see it; required
	Panels  []figure.Panel
	Columns int // panels side by side in files; the page fits its width
}

func (c Chart) figure() figure.Figure { return figure.Figure{Panels: c.Panels, Columns: c.Columns} }

func (c Chart) files() []File { return figureFiles(c.Name, c.figure()) }

type legendEntry struct {
	Name, Colour, Dashes string
	Filled               bool
}

func (c Chart) html(r *renderer) (template.HTML, error) {
	number, err := r.figure(c.Name, c.Title, c.Alt)
	if err != nil {
		return "", err
	}
	type panel struct {
		SVG   template.HTML
		Width int
	}
	panels := make([]panel, len(c.Panels))
	width := 0.0
	for i, p := range c.Panels {
		svg, err := p.Inline()
		if err != nil {
			return "", fmt.Errorf("chart %q: %w", c.Title, err)
		}
		var w, h float64
		if _, err := fmt.Sscanf(svg, `<svg viewBox="0 0 %g %g"`, &w, &h); err != nil {
			return "", fmt.Errorf("chart %q: panel %d has no size: %w", c.Title, i+1, err)
		}
		panels[i] = panel{template.HTML(svg), int(math.Ceil(w))}
		width = max(width, w)
	}
	return execute("chart", map[string]any{
		"Chart": c, "Number": number, "Panels": panels, "Legend": legend(c.figure().Legend()), "Width": int(math.Ceil(width)),
	})
}

func legend(entries []figure.Entry) []legendEntry {
	out := make([]legendEntry, len(entries))
	for i, e := range entries {
		out[i] = legendEntry{Name: e.Name, Filled: e.Filled, Colour: "muted"}
		if e.Colour >= 0 {
			out[i].Colour = fmt.Sprint("s", e.Colour)
		}
		for k, d := range e.Dashes {
			if k > 0 {
				out[i].Dashes += ","
			}
			out[i].Dashes += fmt.Sprint(d)
		}
	}
	return out
}

// figure numbers a figure and checks its name and its words.
func (r *renderer) figure(name, title, alt string) (int, error) {
	if alt == "" {
		return 0, fmt.Errorf("figure %q lacks an alternative text", title)
	}
	if name != "" {
		if err := r.claim("file name", name); err != nil {
			return 0, err
		}
	}
	r.figures++
	return r.figures, nil
}
