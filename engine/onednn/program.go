package onednn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"visus/engine"
	"visus/engine/onednn/kernel"
	"visus/graph"
	"visus/tensor"
)

var _ engine.Program = (*Program)(nil)

// Program is a compiled graph: a list of steps over memory of its own.
type Program struct {
	model           string // the model's file, for messages
	ports           engine.Ports
	planner         *planner
	inputs, outputs []place
	place           map[string]place // of the states, by input
	memory          *arena

	mutex sync.Mutex   // guards list and the memory
	list  *kernel.List // nil once closed
}

// Inputs describes what Run takes.
func (o *Program) Inputs() []graph.Value { return o.ports.Inputs }

// Outputs describes what Run gives.
func (o *Program) Outputs() []graph.Value { return o.ports.Outputs }

// Bytes is the memory that the program holds: constants, states, inputs, outputs, and what passes between steps.
func (o *Program) Bytes() int { return o.memory.bytes }

// Run executes the graph once: see engine.Program.
func (o *Program) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	if err := engine.CheckInputs(o.ports.Inputs, inputs); err != nil {
		return o.fail(err)
	}
	if err := engine.CheckOutputs(o.ports.Outputs, outputs); err != nil {
		return o.fail(err)
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.list == nil {
		return o.fail(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, at := range o.inputs {
		copy(at.bytes(), inputs[i].Bytes())
	}
	if err := o.list.Run(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return o.fail(err)
	}
	for i, at := range o.outputs {
		if outputs[i] == nil {
			outputs[i] = tensor.New(at.kind, at.layout.shape()...)
		}
		copy(outputs[i].Bytes(), at.bytes())
	}
	return nil
}

var errClosed = errors.New("the program is closed")

// ReadState copies a state out: see engine.Program.
func (o *Program) ReadState(input string, into *tensor.Tensor) (*tensor.Tensor, error) {
	port, err := o.port(input)
	if err != nil {
		return nil, err
	}
	if into == nil {
		shape, _ := port.Input.Sizes()
		into = tensor.New(port.Input.Type, shape...)
	}
	return into, o.exchange(port, into, func(at place) { collect(at, into.Bytes()) })
}

// WriteState copies a state in: see engine.Program.
func (o *Program) WriteState(input string, value *tensor.Tensor) error {
	port, err := o.port(input)
	if err != nil {
		return err
	}
	return o.exchange(port, value, func(at place) { scatter(at, value.Bytes()) })
}

func (o *Program) port(input string) (engine.StatePort, error) {
	for _, s := range o.ports.State {
		if s.Input.Name == input {
			return s, nil
		}
	}
	return engine.StatePort{}, o.fail(fmt.Errorf("it keeps no state for an input %q", input))
}

// exchange hands the state's place to move while no Run is under way.
func (o *Program) exchange(port engine.StatePort, t *tensor.Tensor, move func(at place)) error {
	if err := engine.CheckState(port, t); err != nil {
		return o.fail(err)
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.list == nil {
		return o.fail(errClosed)
	}
	move(o.place[port.Input.Name])
	return nil
}

// Timed is a step with the time it took.
type Timed struct {
	Name string
	Time time.Duration
}

// Profile runs the program once more on the inputs it had last, and times its steps. The state changes as in Run.
func (o *Program) Profile() []Timed {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.list == nil {
		return nil
	}
	var out []Timed
	for i, d := range o.list.Profile() {
		out = append(out, Timed{o.planner.steps[i].name, d})
	}
	return out
}

// Close frees the program's memory.
func (o *Program) Close() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.list != nil {
		o.list.Close()
		o.list = nil
		o.planner.close()
		o.memory.free()
	}
	return nil
}

func (o *Program) fail(err error) error {
	return &engine.Error{Engine: "onednn", Model: o.model, Err: err}
}
