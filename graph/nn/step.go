package nn

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/graph/grad"
	"visus/tensor"
)

// The names of what a step takes and gives besides the graph's own inputs and outputs.
const (
	Rate  = "learning_rate"  // input: a scalar of float32
	Peaks = "gradient_peaks" // output: the largest absolute value in the gradient of each parameter, [parameters]
)

// StepOptions says what a step does besides the optimiser's update.
type StepOptions struct {
	Buffers   []graph.State                    // running statistics (Network.Buffers)
	ClipValue float64                          // gradients are cut to [-ClipValue, ClipValue]; 0: not
	ClipNorm  float64                          // gradients are scaled, all alike, so that their common Euclidean norm is at most this; 0: not
	Average   float64                          // weight of the past in exponential moving averages of the parameters, such as 0.999; 0: none are kept
	Exempt    func(parameter graph.Value) bool // which parameters weight decay and LARS's scaling leave alone, such as Vectors; nil: none
}

// Vectors says whether a parameter is a vector: a bias, or a weight of a normaliser.
func Vectors(parameter graph.Value) bool { return len(parameter.Shape) <= 1 }

// StepGraph is a training step: one run reads a batch and the learning rate, gives the loss, and changes the state.
type StepGraph struct {
	Graph      *graph.Graph
	State      []graph.State     // parameters, buffers, moments, averages
	Loss       string            // the output that holds the loss
	Parameters []string          // in the order of Peaks
	Averages   map[string]string // for each parameter the state that holds its moving average; nil without
}

// Step makes a training step of a graph, which it leaves as it is: gradients of the loss with respect to the parameters, named
// initializers of float32, are appended, then the optimiser's updates. Every shape is fixed (graph.FixDims). The graph's outputs stay,
// and the loss becomes one.
//
// It reports an error for a parameter that is no initializer of float32, and what grad.Append does: a loss that does not depend on a
// parameter, or an operator that has no gradient.
func Step(g *graph.Graph, loss string, parameters []string, o Optimiser, options StepOptions) (*StepGraph, error) {
	if len(parameters) == 0 {
		return nil, fmt.Errorf("nn: a step without parameters to train")
	}
	next := g.Clone()
	initial, err := next.Release(parameters...)
	if err != nil {
		return nil, fmt.Errorf("nn: parameters: %w", err)
	}
	gradients, err := grad.Append(next, loss, parameters...)
	if err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	return update(next, loss, parameters, initial, gradients, o, options)
}

// Step makes a training step of a network's own graph.
func (n *Network) Step(loss string, o Optimiser, options StepOptions) (*StepGraph, error) {
	options.Buffers = slices.Concat(options.Buffers, n.Buffers)
	return Step(n.Graph, loss, n.Parameters, o, options)
}

// update appends to a graph that has gradients what uses them. It changes the graph.
func update(g *graph.Graph, loss string, parameters []string, initial map[string]*tensor.Tensor, gradients map[string]string, o Optimiser, options StepOptions) (*StepGraph, error) {
	for _, s := range options.Buffers {
		if _, err := g.Release(s.Input); err != nil {
			return nil, fmt.Errorf("nn: buffers: %w", err)
		}
	}
	shown := slices.ContainsFunc(g.Outputs, func(v graph.Value) bool { return v.Name == loss })
	b, err := graph.Extend(g)
	if err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	u := &Updates{Builder: b.Scope("step"), root: b, scalars: map[float64]graph.Value{}}
	u.Rate = b.Input(Rate, tensor.Float32)
	s := &StepGraph{Loss: loss, Parameters: parameters}
	list := make([]Parameter, len(parameters))
	for i, name := range parameters {
		p := Parameter{Value: b.Value(name), Gradient: b.Value(gradients[name])}
		if b.Err() == nil && p.Value.Type != tensor.Float32 {
			return nil, fmt.Errorf("nn: parameter %q has type %s, expected %s", name, p.Value.Type, tensor.Float32)
		}
		p.Exempt = options.Exempt != nil && options.Exempt(p.Value)
		list[i] = p
	}
	b.Output(Peaks, u.peaks(list))
	u.clip(list, options)
	if options.Average != 0 {
		s.Averages = map[string]string{}
	}
	rule := o.Begin(u)
	for _, p := range list {
		next := rule(p)
		u.Keep(p.Value.Name, next, initial[p.Value.Name])
		if options.Average != 0 {
			s.Averages[p.Value.Name] = u.average(p, next, initial[p.Value.Name], options.Average)
		}
	}
	if !shown {
		s.Loss = g.Fresh("loss")
		b.Output(s.Loss, b.Value(loss))
	}
	s.State = append(u.states, options.Buffers...)
	if s.Graph, err = b.Build(); err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	return s, nil
}

// Assign replaces initializers by tensors of the same type and shape: the parameters of a trained network, or of another file of the same
// network. It reports an error, and changes nothing, for a name the graph does not have as an initializer and for another shape or type.
func Assign(g *graph.Graph, values map[string]*tensor.Tensor) error {
	for name, t := range values {
		c := g.Constant(name)
		if c == nil || c.Tensor == nil {
			return fmt.Errorf("nn: the graph has no parameter %q", name)
		}
		if t.Type() != c.Type() || !slices.Equal(t.Shape(), c.Shape()) {
			return fmt.Errorf("nn: parameter %q is %s %v here, expected %s %v", name, t.Type(), t.Shape(), c.Type(), c.Shape())
		}
	}
	for i, c := range g.Initializers {
		if t, ok := values[c.Name]; ok {
			g.Initializers[i] = graph.Initializer{Name: c.Name, Tensor: t}
		}
	}
	return nil
}
