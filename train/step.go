package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

// Step is a step of training as a graph, with the roles of its inputs and outputs.
type Step struct {
	Graph   *graph.Graph      // shapes of inputs are fixed; the first dimension of the first one that the data fills is the batch
	State   []graph.State     // parameters, running statistics, moments: all that a checkpoint holds
	Network []string          // the states, by input, that the trained network consists of; nil: all
	Average map[string]string // state of the network -> the state that holds its moving average, which validation and Result take in its place
	Loss    string            // output, one number, float32
	Metrics []string          // more outputs like it, such as the accuracy
	Rate    string            // input, one float32: the learning rate; empty: there is none
	Masks   []nn.Mask         // of dropouts; drawn for each step

	// Gradients is an output of one float32 for each of GradientsOf: the largest absolute gradient of these parameters, for a message where
	// the training diverges. Empty: none.
	Gradients   string
	GradientsOf []string
}

// StepOf is the step that graph/nn built of a network. Metrics are more outputs of its graph.
func StepOf(s *nn.StepGraph, n *nn.Network, metrics ...string) Step {
	out := Step{
		Graph: s.Graph, State: s.State, Loss: s.Loss, Metrics: metrics, Rate: nn.Rate, Masks: n.Masks, Average: s.Averages,
		Network: slices.Clone(s.Parameters), Gradients: nn.Peaks, GradientsOf: s.Parameters,
	}
	for _, b := range n.Buffers {
		out.Network = append(out.Network, b.Input)
	}
	return out
}

// check reports what makes the step unusable, and returns the inputs that data fills.
func (s Step) check() ([]graph.Value, error) {
	if s.Graph == nil || s.Loss == "" {
		return nil, errors.New("train: a step has a graph and a loss")
	}
	fed := map[string]bool{}
	for _, state := range s.State {
		fed[state.Input] = true
	}
	for _, name := range s.network() {
		if average := s.source(name); !fed[name] || !fed[average] {
			return nil, fmt.Errorf("train: %q (its average: %q) belongs to the network, but is no state of the step", name, average)
		}
	}
	for _, m := range s.Masks {
		fed[m.Input.Name] = true
	}
	fed[s.Rate] = true
	var data []graph.Value
	for _, v := range s.Graph.Inputs {
		if fed[v.Name] {
			continue
		}
		if shape, fixed := v.Sizes(); !fixed || len(shape) == 0 || shape[0] == 0 {
			return nil, fmt.Errorf("train: input %q has shape %s; a fixed one that begins with the batch expected", v.Name, graph.ShapeText(v.Shape))
		}
		data = append(data, v)
	}
	if len(data) == 0 {
		return nil, errors.New("train: no input of the step is left for the data")
	}
	return data, nil
}

func (s Step) network() []string {
	if s.Network != nil {
		return s.Network
	}
	var out []string
	for _, state := range s.State {
		out = append(out, state.Input)
	}
	return out
}

// source is the state that a tensor of the network is taken from.
func (s Step) source(name string) string { return cmp.Or(s.Average[name], name) }

// scalars are the outputs whose means are recorded.
func (s Step) scalars() []string { return append([]string{s.Loss}, s.Metrics...) }

// machine runs steps: the program with its tensors.
type machine struct {
	step      Step
	program   engine.Program
	inputs    []*tensor.Tensor // in the program's order
	place     []int            // where the batch's tensors go among inputs
	rate      *tensor.Tensor   // nil: there is none
	outputs   []*tensor.Tensor // scalars, then gradients
	gradients *tensor.Tensor   // nil: there are none
	held      map[string]*tensor.Tensor
}

func newMachine(program engine.Program, s Step, data []graph.Value) (*machine, error) {
	m := &machine{step: s, program: program, inputs: make([]*tensor.Tensor, len(program.Inputs())), held: map[string]*tensor.Tensor{}}
	at := func(name string) (int, error) {
		i := slices.IndexFunc(program.Inputs(), func(v graph.Value) bool { return v.Name == name })
		if i < 0 {
			return 0, fmt.Errorf("train: the step has no input %q", name)
		}
		return i, nil
	}
	var names []string
	for _, v := range data {
		names = append(names, v.Name)
	}
	for _, mask := range s.Masks {
		names = append(names, mask.Input.Name)
	}
	for _, name := range names {
		i, err := at(name)
		if err != nil {
			return nil, err
		}
		m.place = append(m.place, i)
	}
	if s.Rate != "" {
		i, err := at(s.Rate)
		if err != nil {
			return nil, err
		}
		if m.rate, err = number(program.Inputs()[i]); err != nil {
			return nil, err
		}
		m.inputs[i] = m.rate
	}
	return m, m.makeOutputs()
}

func (m *machine) makeOutputs() error {
	for i, v := range m.program.Outputs() {
		if v.Name == m.step.Gradients {
			if shape, _ := v.Sizes(); !slices.Equal(shape, []int{len(m.step.GradientsOf)}) || v.Type != tensor.Float32 {
				return fmt.Errorf("train: output %q is %s %s, float32 [%d] expected", v.Name, v.Type, graph.ShapeText(v.Shape), len(m.step.GradientsOf))
			}
			m.gradients = tensor.New(tensor.Float32, len(m.step.GradientsOf))
			m.outputs = append(m.outputs, m.gradients)
			continue
		}
		t, err := number(m.program.Outputs()[i])
		if err != nil {
			return err
		}
		m.outputs = append(m.outputs, t)
	}
	return nil
}

// number returns a tensor for a value of one float32.
func number(v graph.Value) (*tensor.Tensor, error) {
	shape, fixed := v.Sizes()
	if n, err := tensor.Elements(shape); !fixed || err != nil || n != 1 || v.Type != tensor.Float32 {
		return nil, fmt.Errorf("train: %q is %s %s; one number of float32 expected", v.Name, v.Type, graph.ShapeText(v.Shape))
	}
	return tensor.New(tensor.Float32, shape...), nil
}

// outputs are all that a run gives.
func (s Step) outputs() []string {
	if s.Gradients == "" {
		return s.scalars()
	}
	return append(s.scalars(), s.Gradients)
}

// scalar is the last step's i-th scalar output.
func (m *machine) scalar(i int) float64 { return float64(tensor.Values[float32](m.outputs[i])[0]) }

// feed puts a batch and a learning rate before the program.
func (m *machine) feed(b *batch, rate float64) {
	for k, i := range m.place {
		m.inputs[i] = b.tensors[k]
	}
	if m.rate != nil {
		tensor.Values[float32](m.rate)[0] = float32(rate)
	}
}

func (m *machine) run(ctx context.Context) error { return m.program.Run(ctx, m.inputs, m.outputs) }

// largestGradient names the parameter whose gradient was the largest in the last step; NaN is larger than all numbers.
func (m *machine) largestGradient() (string, float64) {
	if m.gradients == nil {
		return "", 0
	}
	values, at := tensor.Values[float32](m.gradients), 0
	for i, v := range values {
		if v != v {
			at = i
			break
		}
		if v > values[at] {
			at = i
		}
	}
	return m.step.GradientsOf[at], float64(values[at])
}

// state reads all states; the tensors are used again by the next call.
func (m *machine) state() (map[string]*tensor.Tensor, error) {
	for _, s := range m.step.State {
		t, err := m.program.ReadState(s.Input, m.held[s.Input])
		if err != nil {
			return nil, err
		}
		m.held[s.Input] = t
	}
	return m.held, nil
}

// network reads the network's tensors into new ones.
func (m *machine) network() (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for _, name := range m.step.network() {
		t, err := m.program.ReadState(m.step.source(name), nil)
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

// Set gives a program's states, by input, the values of a network, such as Result.Parameters. Names for which it keeps no state are an error.
func Set(p engine.Program, network map[string]*tensor.Tensor) error {
	for name, t := range network {
		if err := p.WriteState(name, t); err != nil {
			return err
		}
	}
	return nil
}
