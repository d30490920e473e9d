package ort

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

var _ engine.Program = (*Program)(nil)

// Program is a compiled graph: a session of ONNX Runtime.
type Program struct {
	name            string // the model's file, for messages
	inputs, outputs []graph.Value
	states          []engine.StatePort
	place           map[string]int // of a state's input among states

	mutex       sync.Mutex // guards call
	call        *call      // nil once closed
	interrupt   func()     // p.stop, made once
	interrupted chan struct{}
}

// newProgram owns the session from now on, also when it fails.
func newProgram(s session, src source) (*Program, error) {
	p := &Program{name: src.name, inputs: src.ports.Inputs, outputs: src.ports.Outputs, place: map[string]int{}, interrupted: make(chan struct{}, 1)}
	p.interrupt = p.stop
	for i, state := range src.ports.State {
		p.place[state.Input.Name] = i
		state.Initial = nil // newCall has a copy
		p.states = append(p.states, state)
	}
	c, err := newCall(s, p.inputs, p.outputs, src.ports.State)
	if err != nil {
		return nil, err
	}
	p.call = c
	if err := p.settleTypes(s); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// settleTypes takes the element types from ONNX Runtime, which infers what a graph leaves open, and refuses what is not a tensor of numbers.
func (p *Program) settleTypes(s session) error {
	settle := func(what string, values []graph.Value, output bool) error {
		for i := range values {
			t, err := s.elementType(output, i)
			if err != nil {
				return err
			}
			if t == tensor.Invalid {
				return fmt.Errorf("%s %q is not a tensor of numbers (it is of strings, a sequence, a map or optional), which visus cannot give or take",
					what, values[i].Name)
			}
			values[i].Type = t
		}
		return nil
	}
	if err := settle("input", p.inputs, false); err != nil {
		return err
	}
	return settle("output", p.outputs, true)
}

// Inputs describes what Run takes.
func (p *Program) Inputs() []graph.Value { return p.inputs }

// Outputs describes what Run gives.
func (p *Program) Outputs() []graph.Value { return p.outputs }

// Run executes the graph once: see engine.Program.
func (p *Program) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	if err := engine.CheckInputs(p.inputs, inputs); err != nil {
		return p.fail(err)
	}
	if err := engine.CheckOutputs(p.outputs, outputs); err != nil {
		return p.fail(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.call == nil {
		return p.fail(errors.New("the program is closed"))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := p.run(ctx, inputs, outputs)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(p.name, err)
}

// run stops the call when ctx is done.
func (p *Program) run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	if ctx.Done() == nil {
		return p.call.run(inputs, outputs)
	}
	release := context.AfterFunc(ctx, p.interrupt)
	err := p.call.run(inputs, outputs)
	if !release() { // it has begun: wait, so that it cannot stop the next run
		<-p.interrupted
		p.call.goOn()
	}
	return err
}

// ReadState copies a state out: see engine.Program.
func (p *Program) ReadState(input string, into *tensor.Tensor) (*tensor.Tensor, error) {
	port, err := p.port(input)
	if err != nil {
		return nil, err
	}
	if into == nil {
		shape, _ := port.Input.Sizes()
		into = tensor.New(port.Input.Type, shape...)
	}
	if err := p.exchange(port, into, func(state []byte) { copy(into.Bytes(), state) }); err != nil {
		return nil, err
	}
	return into, nil
}

// WriteState copies a state in: see engine.Program.
func (p *Program) WriteState(input string, value *tensor.Tensor) error {
	port, err := p.port(input)
	if err != nil {
		return err
	}
	return p.exchange(port, value, func(state []byte) { copy(state, value.Bytes()) })
}

func (p *Program) port(input string) (engine.StatePort, error) {
	i, ok := p.place[input]
	if !ok {
		return engine.StatePort{}, p.fail(fmt.Errorf("it keeps no state for an input %q", input))
	}
	return p.states[i], nil
}

// exchange hands the state's elements, which have the tensor's type and shape, to move while no Run is under way.
func (p *Program) exchange(port engine.StatePort, t *tensor.Tensor, move func(state []byte)) error {
	if err := engine.CheckState(port, t); err != nil {
		return p.fail(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.call == nil {
		return p.fail(errors.New("the program is closed"))
	}
	move(p.call.state(p.place[port.Input.Name], len(t.Bytes())))
	return nil
}

func (p *Program) stop() {
	p.call.stop()
	p.interrupted <- struct{}{}
}

// Close frees the session and its memory.
func (p *Program) Close() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.call != nil {
		p.call.free()
		p.call = nil
	}
	return nil
}

func (p *Program) fail(err error) error {
	return &engine.Error{Engine: "ort", Model: p.name, Err: err}
}
