package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"visus/engine/library"
	"visus/engine/onednn/dnnl"
	"visus/engine/ort"
	"visus/internal/vec"
	"visus/internal/version"
)

type doctorCommand struct{}

// Help adds an example to --help.
func (doctorCommand) Help() string {
	return `Example:

  # exits with 1 where something that examine needs is missing
  visus doctor`
}

// Run prints what was found, and fails where ONNX Runtime is not, or not the oneDNN that VISUS_ONEDNN asks for. Without any oneDNN everything
// works, slower.
func (c *doctorCommand) Run(t terminal) error {
	fmt.Fprintf(t.Out, "visus %s, %s, %s/%s, %d cores\n", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	fmt.Fprintf(t.Out, "vector code: %s\n", vec.Level())
	search(t, library.OneDNN)
	l, lacking := dnnl.Open("")
	asked := os.Getenv(library.OneDNN.Variable) != ""
	switch {
	case lacking == nil:
		threads := runtime.GOMAXPROCS(0) // OpenMP is told, whatever its own variables say
		if limit := l.Limit(); limit > 0 {
			threads = min(threads, limit)
		}
		fmt.Fprintf(t.Out, "onednn %s: %s, %s, %d threads\n", l.Version(), l.Path(), l.ISA(), threads)
	case asked:
		fmt.Fprintf(t.Out, "onednn: not the one that %s asks for: nothing runs without --engine ort\n", library.OneDNN.Variable)
	default:
		fmt.Fprintf(t.Out, "onednn: %v\n  training and gradients run on ONNX Runtime instead: slower\n", lacking)
	}
	path := search(t, library.ONNXRuntime)
	engine, err := ort.Open(ort.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s: %s, %d threads\n", engine.Name(), path, runtime.GOMAXPROCS(0))
	if asked {
		return lacking
	}
	return nil
}

// search prints where the library was looked for, and returns where it lies.
func search(t terminal, l library.Library) (path string) {
	path, tried, _ := l.Find() // that it is missing, Open says
	fmt.Fprintf(t.Out, "%s:\n", l.Title)
	for _, place := range tried {
		found := "nothing there"
		if place.File != "" {
			found = "found " + filepath.Base(place.File)
		}
		fmt.Fprintf(t.Out, "  %s (%s): %s\n", place.Path, place.Origin, found)
	}
	return path
}
