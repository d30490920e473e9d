package grad

import (
	"fmt"

	"visus/graph"
)

// Survey is what a differentiation meets on its way.
type Survey struct {
	Ruled   []*graph.Node // nodes with a gradient rule
	Stops   []*graph.Node // nodes that no gradient goes through: steps, comparisons, indices
	Missing []*graph.Node // nodes without a rule: Append and VJP report the first
}

// Look tells which nodes lie between wrt and the outputs, and whether they have gradient rules; g stays as it is. The nodes are those of the
// graph as Append brings it to opset 18. It reports an error for a wrt that the outputs do not depend on, or whose shape is not fixed.
func Look(g *graph.Graph, outputs, wrt []string) (Survey, error) {
	w, err := begin(g, outputs, wrt)
	if err != nil {
		return Survey{}, fmt.Errorf("grad: %w", err)
	}
	s := Survey{Stops: w.stops, Missing: w.missing}
	for _, n := range w.between {
		if _, ok := ruleOf(n); ok {
			s.Ruled = append(s.Ruled, n)
		}
	}
	return s, nil
}
