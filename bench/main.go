// Command bench measures every speed that the project claims, both sides in one run, and writes docs/benchmarks.md.
//
//	go run ./bench [-only corruptions|inference|training|rescale|attack|memory|start] [-quick] [-out docs/benchmarks.md]
//
// With -only or -quick the page goes to the standard output, unless -out names a file. scripts/bench.sh sets up what it needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"visus/internal/atomicfile"
)

// bench is one run of the benchmarks.
type bench struct {
	quick  bool
	visus  string // the program
	python string // of the virtual environment with the packages of corruptions
	torch  string // of that with PyTorch
	cache  string // where inputs are made, and kept between runs
	golden string // natural images and models, where the folder exists
	page   page
}

// part is a section of the page.
type part struct {
	name    string
	measure func(b *bench, ctx context.Context) error
}

var parts = []part{
	{"corruptions", (*bench).corruptions},
	{"inference", (*bench).inference},
	{"training", (*bench).training},
	{"rescale", (*bench).rescale},
	{"attack", (*bench).attack},
	{"memory", (*bench).memory},
	{"start", (*bench).start},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	b := &bench{page: page{load: load()}}
	only := flag.String("only", "", "measure one `part`: corruptions, inference, training, rescale, attack, memory or start")
	out := flag.String("out", "", "Markdown `file` to write; default docs/benchmarks.md, with -only and -quick the standard output")
	flag.BoolVar(&b.quick, "quick", false, "few rounds and small data: shows that the benchmarks run, not how fast anything is")
	flag.StringVar(&b.visus, "visus", "bin/visus", "the `program` to measure")
	flag.StringVar(&b.python, "python", ".cache/bench-venv/bin/python", "the `interpreter` that has imagenet-c and imagecorruptions")
	flag.StringVar(&b.torch, "torch", ".cache/torch-venv/bin/python", "the `interpreter` that has PyTorch")
	flag.StringVar(&b.cache, "cache", ".cache/bench", "`folder` for made images and models")
	flag.Parse()
	if b.golden = os.Getenv("VISUS_GOLDEN"); b.golden == "" {
		b.golden = "../shared/data"
	}
	if *out == "" && *only == "" && !b.quick {
		*out = "docs/benchmarks.md"
	}
	if _, err := os.Stat(b.visus); err != nil {
		return fmt.Errorf("%s is missing: run `make build` first", b.visus)
	}
	if err := os.MkdirAll(b.cache, 0o777); err != nil {
		return err
	}
	start := time.Now()
	measured := 0
	for _, p := range parts {
		if *only != "" && *only != p.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", p.name)
		if err := p.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		measured++
	}
	if measured == 0 {
		return fmt.Errorf("-only %q is none of corruptions, inference, training, rescale, attack, memory, start", *only)
	}
	fmt.Fprintf(os.Stderr, "bench: done in %s\n", time.Since(start).Round(time.Second))
	return b.write(*out, start)
}

func (b *bench) write(out string, start time.Time) error {
	text := b.page.markdown(start, b.quick)
	if out == "" {
		_, err := io.WriteString(os.Stdout, text)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(out, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// progress tells the person who waits.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

// goldenFile returns a file of the golden folder, "" where it is absent.
func (b *bench) goldenFile(name string) string {
	path := filepath.Join(b.golden, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// kept returns the path of a file in the cache, which build makes where it is missing.
func (b *bench) kept(name string, build func(path string) error) (string, error) {
	path := filepath.Join(b.cache, name)
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		progress("making %s", name)
		err = build(path)
	}
	return path, err
}
