package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"visus/engine/choice"
	"visus/internal/atomicfile"
	"visus/internal/speed"
	"visus/study/steps"
)

// race compares a step of visus with the same step in PyTorch.
type race struct {
	network string
	batch   int
	what    string
	goal    float64 // the most of PyTorch's time that visus may take
}

var races = []race{
	{"slowvae", 64, "training step of SlowVAE", 0.5},
	{"slowvae", 128, "training step of SlowVAE", 0.5},
	{"resnet20", 128, "training step of ResNet-20", 0.6},
	{"convblocks", 32, "gradients of convolution, batch norm, ReLU, four times", 0.6},
	{"mlp", 100, "training step of a perceptron 2500-256-256-2", 0.6},
	{"tent", 100, "Tent on ResNet-20", 0.6},
	{"gradient", 100, "gradient with respect to the images, ResNet-20", 0.6},
	{"inference", 100, "inference of ResNet-20", 0.6},
}

// The goals for the compilation of SlowVAE's step, in seconds.
const (
	compileGoal       = 0.5
	secondCompileGoal = 0.1
)

// turns is what a race measured, one number a pair.
type turns struct {
	visus, pytorch, ort    speed.Sample // seconds of a step; ort: visus without oneDNN
	memory, pytorchMemory  speed.Sample // MB that the steps added
	peak, pytorchPeak      speed.Sample // MB of the whole process
	compile, secondCompile speed.Sample // seconds
	ours, theirs           steps.Speed  // of the last turn
}

// training compares steps on the default engine with PyTorch.
func (b *bench) training(ctx context.Context) error {
	var rows [][]string
	var last turns
	for _, r := range races {
		t, err := b.race(ctx, r)
		if err != nil {
			return fmt.Errorf("%s, batch %d: %w", r.network, r.batch, err)
		}
		rows = append(rows, r.row(t))
		b.judgeRace(r, t)
		last = t
	}
	b.page.section("Training")
	b.page.text("Milliseconds of a step, %s beside %s (eager, float32), %d threads on both sides.", last.ours.Engine, last.theirs.Engine, last.ours.Threads)
	b.page.text("Each turn of visus is a process of its own; PyTorch stays loaded. Both have the same parameters and data, and the values of their first")
	b.page.text("steps agree. Ratio: the time of visus by that of PyTorch, pair by pair. Memory: what the steps add to the resident memory of the process")
	b.page.text("with its libraries loaded, and in brackets the peak of the whole, in MB. Compile: seconds, in brackets of an equal graph in the same")
	b.page.text("process. Without oneDNN: visus with `--engine ort`, where gradients are lowered to ordinary operators.\n")
	b.page.table([]string{"what", "batch", "visus", "PyTorch", "ratio", "pairs", "memory, visus", "memory, PyTorch", "compile", "without oneDNN"}, rows)
	return nil
}

// ratio is the time of visus by that of PyTorch.
func (t turns) ratio() speed.Sample { return speed.Ratio(t.pytorch, t.visus) }

func (r race) row(t turns) []string {
	pair := func(first, second speed.Sample) string {
		return fmt.Sprintf("%s (%s)", figure(first.Median()), figure(second.Median()))
	}
	return []string{
		r.what, strconv.Itoa(r.batch),
		spread(milliseconds(t.visus)), spread(milliseconds(t.pytorch)), spread(t.ratio()), strconv.Itoa(len(t.visus)),
		pair(t.memory, t.peak), pair(t.pytorchMemory, t.pytorchPeak), pair(t.compile, t.secondCompile),
		spread(milliseconds(t.ort)),
	}
}

func (b *bench) judgeRace(r race, t turns) {
	most := func(what string, measured, limit float64, unit string) {
		what = fmt.Sprintf("%s, batch %d: %s", r.what, r.batch, what)
		b.page.goal(what, figure(measured)+unit, fmt.Sprintf("≤ %g%s", limit, unit), measured <= limit)
	}
	most("time by PyTorch's", t.ratio().Median(), r.goal, "")
	most("memory by PyTorch's", t.memory.Median()/t.pytorchMemory.Median(), 1, "")
	if r.network == "slowvae" {
		most("compile", t.compile.Median(), compileGoal, " s")
		most("second compile", t.secondCompile.Median(), secondCompileGoal, " s")
	}
}

// race lets both sides take turns of about a second.
func (b *bench) race(ctx context.Context, r race) (turns, error) {
	var t turns
	seconds, limits := 1.0, speed.Limits{Least: 9, Most: 9}
	if b.quick {
		seconds, limits = 0, speed.Limits{Least: 1, Most: 1}
	}
	folder, err := b.data(r)
	if err != nil {
		return t, err
	}
	pytorch, err := startPython(ctx, b.torch, "bench/torch_steps.py", strconv.Itoa(runtime.GOMAXPROCS(0)), folder)
	if err != nil {
		return t, err
	}
	defer pytorch.close()
	theirs := func(ctx context.Context) (time.Duration, error) {
		err := pytorch.ask(fmt.Sprintf("%s %d %g", r.network, r.batch, seconds), &t.theirs)
		t.pytorchMemory, t.pytorchPeak = append(t.pytorchMemory, megabytes(t.theirs.StepMemory)), append(t.pytorchPeak, megabytes(t.theirs.PeakMemory))
		return duration(t.theirs.Median), err
	}
	ours := func(ctx context.Context) (time.Duration, error) {
		var err error
		if t.ours, err = b.step(ctx, r, choice.Auto, seconds); err != nil {
			return 0, err
		}
		t.memory, t.peak = append(t.memory, megabytes(t.ours.StepMemory)), append(t.peak, megabytes(t.ours.PeakMemory))
		t.compile, t.secondCompile = append(t.compile, t.ours.Compile), append(t.secondCompile, t.ours.SecondCompile)
		return duration(t.ours.Median), nil
	}
	alone := func(ctx context.Context) (time.Duration, error) {
		s, err := b.step(ctx, r, choice.ORT, seconds)
		return duration(s.Median), err
	}
	sides := []speed.Side{{Name: "visus", Run: ours}, {Name: "PyTorch", Run: theirs}, {Name: "without oneDNN", Run: alone}}
	samples, err := speed.Alternate(ctx, sides, limits)
	if err != nil {
		return t, err
	}
	t.visus, t.pytorch, t.ort = samples[0], samples[1], samples[2]
	progress("%s, batch %d: visus %s ms, PyTorch %s ms, ratio %s; without oneDNN %s ms", r.network, r.batch,
		spread(milliseconds(t.visus)), spread(milliseconds(t.pytorch)), spread(t.ratio()), spread(milliseconds(t.ort)))
	return t, same(t.ours, t.theirs)
}

// data writes the parameters and the data of both sides, and returns the folder.
func (b *bench) data(r race) (string, error) {
	folder := filepath.Join(b.cache, "steps")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", err
	}
	work, err := steps.ByName(r.network)
	if err != nil {
		return "", err
	}
	step, err := work.Step(r.batch)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, fmt.Sprintf("%s-%d.safetensors", r.network, r.batch))
	return folder, atomicfile.Write(path, step.Write)
}

// step runs `visus bench step`.
func (b *bench) step(ctx context.Context, r race, engine string, seconds float64) (steps.Speed, error) {
	var s steps.Speed
	arguments := []string{"bench", "step", "--network", r.network, "--batch", strconv.Itoa(r.batch), "--engine", engine, "--seconds", fmt.Sprint(seconds)}
	command := exec.CommandContext(ctx, b.visus, arguments...)
	command.Stderr = os.Stderr
	line, err := command.Output()
	if err != nil {
		return s, fmt.Errorf("visus %v: %w", arguments, err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return s, fmt.Errorf("visus %v printed %q: %w", arguments, line, err)
	}
	return s, nil
}

// tolerance is the relative difference that rounding may make to the values of the first steps; the largest seen was 2e-5.
const tolerance = 2e-4

// same reports an error where the sides did different work.
func same(a, b steps.Speed) error {
	if a.Parameters != b.Parameters || a.Threads != b.Threads || len(a.Check) != len(b.Check) {
		return fmt.Errorf("%s has %d parameters, %d threads and %d checked values, %s has %d, %d and %d",
			a.Engine, a.Parameters, a.Threads, len(a.Check), b.Engine, b.Parameters, b.Threads, len(b.Check))
	}
	for i, v := range a.Check {
		if !(math.Abs(v-b.Check[i]) <= tolerance*math.Abs(v)) {
			return fmt.Errorf("step %d comes to %g on %s and to %g on %s: that is different work", i, v, a.Engine, b.Check[i], b.Engine)
		}
	}
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
