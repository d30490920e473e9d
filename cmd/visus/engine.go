package main

import (
	"strings"

	"visus/engine"
	"visus/engine/choice"
)

// engines lists what --engine takes.
var engines = strings.Join(choice.Names, ",")

// engineFlag chooses the engine.
type engineFlag struct {
	Engine string `default:"auto" enum:"${engines}" help:"What computes: ort is ONNX Runtime, onednn oneDNN; auto takes oneDNN, where it is installed, for what learns or adapts to its batch, and ONNX Runtime for the rest."`
}

// openEngine opens the engine of a name; --verbose says what it decides.
func (t terminal) openEngine(name string) (engine.Engine, error) {
	o := choice.Options{Engine: name}
	if t.Verbose {
		o.Say = func(text string) { t.say("%s", text) }
	}
	return choice.Open(o)
}
