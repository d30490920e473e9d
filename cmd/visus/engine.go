package main

import (
	"strings"

	"visus/engine"
	"visus/engine/choice"
)

// engines lists what --engine takes.
var engines = strings.Join(choice.Names, ",")

// openEngine opens the engine of a name; --verbose says what it decides.
func (t terminal) openEngine(name string) (engine.Engine, error) {
	o := choice.Options{Engine: name}
	if t.Verbose {
		o.Say = func(text string) { t.say("%s", text) }
	}
	return choice.Open(o)
}
