package engine

import "visus/graph"

// Restrict returns a graph with the program's inputs and outputs in their order, those of the states last, and the nodes that the outputs
// need: an engine would run the others too. It shares everything with g, which stays as it is.
func (p Ports) Restrict(g *graph.Graph) *graph.Graph {
	part := *g
	part.Inputs, part.Outputs = p.sides()
	if len(part.Outputs) < len(g.Outputs) {
		part.Prune()
	}
	return &part
}

// sides lists the inputs and outputs of a graph: the caller's, then the states'.
func (p Ports) sides() (inputs, outputs []graph.Value) {
	inputs, outputs = append(inputs, p.Inputs...), append(outputs, p.Outputs...)
	for _, s := range p.State {
		inputs = append(inputs, s.Input)
		if s.Output.Name != "" {
			outputs = append(outputs, s.Output)
		}
	}
	return inputs, outputs
}
