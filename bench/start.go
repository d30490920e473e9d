package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"visus/internal/speed"
)

// startGoal is the longest that describing a model of 1 MB may take.
const startGoal = 100 * time.Millisecond

// start times whole processes, from their start to their end.
func (b *bench) start(ctx context.Context) error {
	model := b.goldenFile("corruptions/models/resnet20.onnx")
	if model == "" {
		var err error
		if model, err = b.kept("megabyte.onnx", saveMegabyte); err != nil {
			return err
		}
	}
	file, err := os.Stat(model)
	if err != nil {
		return err
	}
	limits := speed.Limits{Least: 30}
	if b.quick {
		limits.Least = 3
	}
	sides := []speed.Side{b.process("describe", model), b.process("--version")}
	for _, side := range sides { // the first start reads the program from the disk
		if _, err := side.Run(ctx); err != nil {
			return err
		}
	}
	samples, err := speed.Alternate(ctx, sides, limits)
	if err != nil {
		return err
	}
	describe, version := milliseconds(samples[0]), milliseconds(samples[1])
	b.page.section("Start")
	b.page.text("Wall time of a whole process. `visus describe` of a model of %.1f MB: %s ms; `visus --version`: %s ms.\n", float64(file.Size())/1e6, spread(describe), spread(version))
	goal := float64(startGoal.Milliseconds())
	b.page.goal("start: `visus describe` of a model of 1 MB", figure(describe.Median())+" ms", fmt.Sprintf("< %g ms", goal), describe.Median() < goal)
	progress("describe %s ms, version %s ms", spread(describe), spread(version))
	return nil
}

func (b *bench) process(arguments ...string) speed.Side {
	return speed.Side{Name: "visus " + arguments[0], Run: speed.Timed(func(ctx context.Context) error {
		return exec.CommandContext(ctx, b.visus, arguments...).Run()
	})}
}

func milliseconds(s speed.Sample) speed.Sample {
	out := make(speed.Sample, len(s))
	for i, seconds := range s {
		out[i] = 1000 * seconds
	}
	return out
}
