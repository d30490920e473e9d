package grad

import (
	"visus/graph"
)

// call is one node as its rule sees it. Every value has its type and its fixed shape.
type call struct {
	*graph.Node
	x  []graph.Value // inputs; a zero Value where one is left out
	y  []graph.Value // outputs
	dy []graph.Value // gradient of each output; a zero Value where none arrives; at least one is there
}

// rule returns the gradient of each input of a node, a zero Value where none flows: missing ones at the end may be left out. What it
// returns may have the shape that broadcasting gave the input: the walk sums it back to the input's own. Rules are written for opset 18
// and later; the walk has brought the graph there.
type rule func(b *graph.Builder, c call) []graph.Value

// sizes returns a value's fixed shape.
func sizes(v graph.Value) []int {
	s, _ := v.Sizes()
	return s
}
