package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"visus/internal/atomicfile"
	"visus/report/figure"
)

// File is something a report writes beside the page.
type File struct {
	Path  string // relative, with slashes: figures/NAME.svg, tables/NAME.csv
	Write func(io.Writer) error
}

// Files lists every figure (SVG and PNG) and table (CSV and LaTeX) of the page that has a name, in the page's order.
func (p Page) Files() []File {
	var all []File
	for _, s := range p.Sections {
		for _, part := range s.Parts {
			all = append(all, part.files()...)
		}
	}
	return all
}

// Save writes the page as dir/report.html and its Files below dir, each whole or not at all. The page comes first: it checks all parts. The
// files are drawn on all cores.
func (p Page) Save(dir string) error {
	if err := (File{"report.html", p.Write}).save(dir); err != nil {
		return err
	}
	files := p.Files()
	failures := make([]error, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				failures[i] = files[i].save(dir)
			}
		})
	}
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return err // one is enough for a person to read
		}
	}
	return nil
}

func (f File) save(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := atomicfile.Write(path, f.Write); err != nil {
		return fmt.Errorf("report: %s: %w", f.Path, err)
	}
	return nil
}

func figureFiles(name string, f figure.Figure) []File {
	if name == "" {
		return nil
	}
	return []File{{"figures/" + name + ".svg", f.SVG}, {"figures/" + name + ".png", f.PNG}}
}
