package main

import (
	"context"
	"fmt"
	"path/filepath"

	"visus/engine/choice"
	"visus/study/corruption"
)

type mergeCommand struct {
	Parts []string `arg:"" name:"folder" help:"Result folders of all shards, in any order." type:"path"`
	Out   string   `required:"" help:"Folder of the whole." type:"path"`
}

// Help adds an example to --help.
func (mergeCommand) Help() string {
	return `Example:

  visus examine model.onnx --images photos/ --shard 1/2 --out part1/
  visus examine model.onnx --images photos/ --shard 2/2 --out part2/
  visus merge part1/ part2/ --out whole/`
}

// Run merges.
func (c *mergeCommand) Run(ctx context.Context, t terminal) error {
	engine, err := t.openEngine(choice.Auto)
	if err != nil {
		return err
	}
	study := corruption.Study{Engine: engine, Progress: t.meter(), Note: func(text string) { t.say("%s", text) }}
	findings, err := study.Merge(ctx, c.Parts, c.Out)
	if err != nil {
		return err
	}
	for _, line := range findings.Lines() {
		fmt.Fprintln(t.Out, line)
	}
	fmt.Fprintln(t.Out, "report:", filepath.Join(c.Out, corruption.ReportFile))
	return nil
}
