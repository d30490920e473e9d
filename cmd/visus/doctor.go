package main

import (
	"fmt"
	"path/filepath"
	"runtime"

	"visus/engine/library"
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

// Run prints what was found, and fails where ONNX Runtime is not.
func (c *doctorCommand) Run(t terminal) error {
	fmt.Fprintf(t.Out, "visus %s, %s, %s/%s, %d cores\n", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	fmt.Fprintf(t.Out, "vector code: %s\n", vec.Level())
	path, tried, err := library.ONNXRuntime.Find()
	for _, place := range tried {
		found := "nothing there"
		if place.File != "" {
			found = "found " + filepath.Base(place.File)
		}
		fmt.Fprintf(t.Out, "  %s (%s): %s\n", place.Path, place.Origin, found)
	}
	if err != nil {
		return err
	}
	engine, err := ort.Open(ort.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s: %s\n", engine.Name(), path)
	return nil
}
