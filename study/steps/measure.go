package steps

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"visus/engine"
	"visus/internal/speed"
	"visus/tensor"
)

// Options says how to measure. The zero value measures as few steps as it may.
type Options struct {
	Batch   int           // images of a step; 0: the work's usual number
	Threads int           // of the engine; 0: GOMAXPROCS
	Time    time.Duration // no step begins after it; there are three timed ones at least
}

// checked is the number of steps before the timed ones. Their values are compared, and they warm up.
const checked = 3

// least is the number of timed steps in any case.
const least = 3

// Speed is how long steps of a work took, and what they needed.
type Speed struct {
	Network       string  `json:"network"`
	Batch         int     `json:"batch"`
	Engine        string  `json:"engine"`
	Threads       int     `json:"threads"`
	Steps         int     `json:"steps"` // that were timed
	Median        float64 `json:"median_s"`
	Minimum       float64 `json:"minimum_s"`
	Compile       float64 `json:"compile_s"`
	SecondCompile float64 `json:"second_compile_s"`  // of an equal graph in the same process
	PeakMemory    int64   `json:"peak_memory_bytes"` // the most that the process had resident until the last step; 0 where the system does not tell
	StepMemory    int64   `json:"step_memory_bytes"` // the part of that which came after the libraries were loaded
	Parameters    int     `json:"parameters"`
	// Check has, for each of the steps before the timed ones, the mean absolute value of the first output: the loss of training, a gradient, answers.
	// Other engines and programs come to about the same.
	Check []float64 `json:"check"`
}

// Measure compiles the work and times its steps.
func (w Work) Measure(ctx context.Context, e engine.Engine, o Options) (Speed, error) {
	before := speed.MemoryOf("self")
	if o.Batch == 0 {
		o.Batch = w.Batch
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	step, err := w.Step(o.Batch)
	if err != nil {
		return Speed{}, err
	}
	out := Speed{Network: w.Name, Batch: o.Batch, Engine: e.Name(), Threads: o.Threads, Parameters: step.Parameters}
	m, took, err := step.compile(ctx, e, o.Threads)
	if err != nil {
		return out, err
	}
	defer m.program.Close()
	out.Compile = took.Seconds()
	for range checked {
		if _, err := m.run(ctx); err != nil {
			return out, err
		}
		out.Check = append(out.Check, meanAbsolute(m.outputs[0]))
	}
	times, err := m.time(ctx, o.Time)
	if err != nil {
		return out, err
	}
	out.Steps, out.Median, out.Minimum = len(times), times.Median(), times.Least()
	peak := speed.MemoryOf("self").Peak
	out.PeakMemory, out.StepMemory = peak, peak-before.Now

	second, took, err := step.compile(ctx, e, o.Threads)
	if err != nil {
		return out, err
	}
	out.SecondCompile = took.Seconds()
	return out, second.program.Close()
}

// machine is a step that runs: a program with its tensors.
type machine struct {
	program         engine.Program
	inputs, outputs []*tensor.Tensor
}

func (s *Step) compile(ctx context.Context, e engine.Engine, threads int) (*machine, time.Duration, error) {
	g := s.Graph.Clone()
	start := time.Now()
	p, err := e.Compile(ctx, g, engine.Options{Threads: threads, State: s.State, Outputs: s.Outputs})
	took := time.Since(start)
	if err != nil {
		return nil, took, err
	}
	m := &machine{program: p, outputs: make([]*tensor.Tensor, len(s.Outputs))}
	for _, v := range p.Inputs() {
		m.inputs = append(m.inputs, s.Inputs[v.Name])
	}
	if slices.Contains(m.inputs, nil) {
		return nil, took, fmt.Errorf("steps: %s takes an input that the graph does not have", e.Name())
	}
	return m, took, nil
}

// run does one step. The first one makes the outputs, which the later ones fill.
func (m *machine) run(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	err := m.program.Run(ctx, m.inputs, m.outputs)
	return time.Since(start), err
}

func (m *machine) time(ctx context.Context, limit time.Duration) (speed.Sample, error) {
	var times speed.Sample
	for start := time.Now(); len(times) < least || time.Since(start) < limit; {
		took, err := m.run(ctx)
		if err != nil {
			return nil, err
		}
		times = append(times, took.Seconds())
	}
	return times, nil
}

func meanAbsolute(t *tensor.Tensor) float64 {
	values := t.Floats()
	sum := 0.0
	for _, v := range values {
		sum += math.Abs(v)
	}
	return sum / float64(len(values))
}
