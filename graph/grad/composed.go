package grad

import (
	"errors"
	"fmt"

	"visus/graph"
)

// composed is the rule of an operator that consists of others: forward writes its outputs with these, and their rules do the rest. The operator
// itself stays, with the engine's kernel for it; what the gradient needs of its inside is computed again.
func composed(forward func(b *graph.Builder, c call) []graph.Value) rule {
	return func(b *graph.Builder, c call) []graph.Value {
		inside, values, names, err := inner(b.Opset(), c, forward)
		if err != nil {
			b.Fail(c.Op, err)
			return nil
		}
		dx := make([]graph.Value, len(c.x))
		for i, d := range b.Inline(inside, values...) {
			dx[names[i]] = d
		}
		return dx
	}
}

// inner returns a graph from a call's inputs and output gradients, which are values, to the gradients of its inputs, whose numbers are of.
func inner(opset int64, c call, forward func(b *graph.Builder, c call) []graph.Value) (g *graph.Graph, values []graph.Value, of []int, err error) {
	b := graph.NewBuilder(c.Op, opset)
	input := func(name string, v graph.Value) graph.Value {
		values = append(values, v)
		return b.Input(name, v.Type, v.Shape...)
	}
	within := c
	within.x = make([]graph.Value, len(c.x))
	var wrt, outputs, cotangents []string
	for i, v := range c.x {
		if v.Name == "" {
			continue
		}
		within.x[i] = input(fmt.Sprint("x", i), v)
		if continuous(v.Type) {
			wrt, of = append(wrt, within.x[i].Name), append(of, i)
		}
	}
	for i, y := range forward(b, within) {
		if c.dy[i].Name == "" {
			continue
		}
		outputs = append(outputs, fmt.Sprint("y", i))
		b.Output(outputs[len(outputs)-1], y)
		cotangents = append(cotangents, input(fmt.Sprint("dy", i), c.dy[i]).Name)
	}
	if g, err = b.Build(); err != nil {
		return nil, nil, nil, err
	}
	gradients, err := VJP(g, outputs, cotangents, wrt)
	if err != nil {
		return nil, nil, nil, errors.Unwrap(err)
	}
	g.Outputs = nil
	for _, name := range wrt {
		g.Outputs = append(g.Outputs, graph.Value{Name: gradients[name]})
	}
	g.Prune()
	return g, values, of, nil
}
