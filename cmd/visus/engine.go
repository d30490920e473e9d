package main

import (
	"errors"
	"fmt"

	"visus/engine"
	"visus/engine/ort"
)

// engines lists what --engine takes.
const engines = "ort, onednn"

// openEngine opens the engine of a name.
func openEngine(name string) (engine.Engine, error) {
	switch name {
	case "ort":
		return ort.Open(ort.Options{})
	case "onednn":
		return nil, errors.New("engine onednn is not available in this build; --engine ort runs everything")
	}
	return nil, usageError{fmt.Errorf("--engine %q is none of %s", name, engines)}
}
