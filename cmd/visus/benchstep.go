package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"visus/study/steps"
)

type benchStepCommand struct {
	engineFlag
	Network string  `required:"" enum:"${steps}" help:"What to do: ${enum}."`
	Batch   int     `help:"Images of a step; default: the network's usual number."`
	Threads int     `help:"Threads of the engine; default: all cores."`
	Seconds float64 `default:"10" help:"Start no further step after so long; there are three at least."`
}

// Help adds examples to --help.
func (benchStepCommand) Help() string {
	about := "Networks:\n\n"
	for _, w := range steps.All {
		about += fmt.Sprintf("  %-10s %s; batch %d\n", w.Name, w.About, w.Batch)
	}
	return about + `
Examples:

  # median and minimum seconds of a step, seconds of compiling, memory
  visus bench step --network slowvae

  # on one thread
  visus bench step --network resnet20 --batch 32 --threads 1 --seconds 3`
}

// Run measures and prints one JSON line.
func (c *benchStepCommand) Run(ctx context.Context, t terminal) error {
	if c.Batch < 0 || c.Threads < 0 || !(c.Seconds >= 0) {
		return usageError{errors.New("--batch, --threads and --seconds must not be negative")}
	}
	work, err := steps.ByName(c.Network)
	if err != nil {
		return usageError{err}
	}
	engine, err := t.openEngine(c.Engine)
	if err != nil {
		return err
	}
	speed, err := work.Measure(ctx, engine, steps.Options{Batch: c.Batch, Threads: c.Threads, Time: time.Duration(c.Seconds * float64(time.Second))})
	if err != nil {
		return err
	}
	line, err := json.Marshal(speed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, string(line))
	return err
}
