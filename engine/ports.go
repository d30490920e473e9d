package engine

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// Ports is how a program meets its caller: what Run takes and gives, and what stays inside.
type Ports struct {
	Inputs, Outputs []graph.Value
	State           []StatePort
}

// StatePort is a state with its graph input, whose type and shape are those of Initial, and the graph output that replaces it.
type StatePort struct {
	Input, Output graph.Value // Output has no name where Run leaves the state as it is
	Initial       *tensor.Tensor
}

// PortsOf sorts the inputs and outputs of a graph as the options ask. It reports an error for names that the graph lacks or that are asked for
// twice, for states of free shape, and for states whose input, output and initial value differ in type or shape.
func PortsOf(g *graph.Graph, o Options) (Ports, error) {
	var p Ports
	fed, replaced := map[string]bool{}, map[string]bool{}
	for _, s := range o.State {
		port, err := statePort(g, s)
		if err != nil {
			return Ports{}, err
		}
		if fed[s.Input] || s.Output != "" && replaced[s.Output] {
			return Ports{}, fmt.Errorf("state %q: its input, or its output %q, belongs to two states", s.Input, s.Output)
		}
		fed[s.Input], replaced[s.Output] = true, true
		p.State = append(p.State, port)
	}
	for _, v := range g.Inputs {
		if !fed[v.Name] {
			p.Inputs = append(p.Inputs, v)
		}
	}
	if o.Outputs == nil {
		for _, v := range g.Outputs {
			if !replaced[v.Name] {
				p.Outputs = append(p.Outputs, v)
			}
		}
		return p, nil
	}
	for i, name := range o.Outputs {
		v, ok := find(g.Outputs, name)
		if !ok {
			return Ports{}, fmt.Errorf("it has no output %q; its outputs are %s", name, names(g.Outputs))
		}
		if slices.Contains(o.Outputs[:i], name) {
			return Ports{}, fmt.Errorf("output %q is asked for twice", name)
		}
		if replaced[name] {
			return Ports{}, fmt.Errorf("output %q replaces a state and is read with ReadState", name)
		}
		p.Outputs = append(p.Outputs, v)
	}
	return p, nil
}

func statePort(g *graph.Graph, s State) (StatePort, error) {
	in, ok := find(g.Inputs, s.Input)
	if !ok {
		return StatePort{}, fmt.Errorf("state %q: the graph has no such input; its inputs are %s", s.Input, names(g.Inputs))
	}
	shape, fixed := in.Sizes()
	if !fixed || in.Type == tensor.Invalid {
		return StatePort{}, fmt.Errorf("state %q: a fixed type and shape expected, found %s", s.Input, describe(in))
	}
	port := StatePort{Input: in, Initial: s.Initial}
	if port.Initial == nil {
		port.Initial = tensor.New(in.Type, shape...)
	}
	if !Fits(in, port.Initial) {
		return StatePort{}, fmt.Errorf("state %q: its initial value is %s %v, %s expected", s.Input, s.Initial.Type(), s.Initial.Shape(), describe(in))
	}
	if s.Output == "" {
		return port, nil
	}
	port.Output, ok = find(g.Outputs, s.Output)
	if !ok {
		return StatePort{}, fmt.Errorf("state %q: the graph has no output %q to replace it; its outputs are %s", s.Input, s.Output, names(g.Outputs))
	}
	if !Fits(port.Output, port.Initial) {
		return StatePort{}, fmt.Errorf("state %q: %s is replaced by output %q of %s", s.Input, describe(in), s.Output, describe(port.Output))
	}
	return port, nil
}

func find(values []graph.Value, name string) (graph.Value, bool) {
	for _, v := range values {
		if v.Name == name {
			return v, true
		}
	}
	return graph.Value{}, false
}

// CheckState reports how a tensor differs in type or shape from a state.
func CheckState(p StatePort, t *tensor.Tensor) error {
	if t == nil {
		return fmt.Errorf("state %q: no tensor was given", p.Input.Name)
	}
	if !Fits(p.Input, t) {
		return fmt.Errorf("state %q: %s expected, found %s %v", p.Input.Name, describe(p.Input), t.Type(), t.Shape())
	}
	return nil
}
