package report

import (
	"fmt"
	"io"

	"visus/report/figure"
)

// File is something a report writes beside the page.
type File struct {
	Path  string // relative, with slashes: figures/NAME.svg, tables/NAME.csv
	Write func(io.Writer) error
}

// Files lists every figure (SVG and PNG) and table (CSV and LaTeX) of the page that has a name, in the page's order. The caller
// opens the files, and so decides how they become whole.
func (p Page) Files() []File {
	var all []File
	for _, s := range p.Sections {
		for _, part := range s.Parts {
			all = append(all, part.files()...)
		}
	}
	return all
}

func figureFiles(name string, f figure.Figure) []File {
	if name == "" {
		return nil
	}
	wrap := func(err error) error {
		if err != nil {
			return fmt.Errorf("report: figure %q: %w", name, err)
		}
		return nil
	}
	return []File{
		{"figures/" + name + ".svg", func(w io.Writer) error { return wrap(f.SVG(w)) }},
		{"figures/" + name + ".png", func(w io.Writer) error { return wrap(f.PNG(w)) }},
	}
}
