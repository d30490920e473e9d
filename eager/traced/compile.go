package traced

import (
	"context"
	"errors"
	"fmt"

	"visus/eager"
	"visus/eager/slices"
	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// Spec is the place of an input.
type Spec struct {
	Type  eager.DType
	Shape []int
}

// Graph traces f: a graph with an input x0, x1, ... for each of the places and an output y0, y1, ... for each result. Saved, it is a model.
func Graph(name string, f func(xs []*Tensor) []*Tensor, inputs ...Spec) (*graph.Graph, error) {
	places := make([]*Tensor, len(inputs))
	for i, in := range inputs {
		if err := eager.CheckShape("trace", in.Shape, -1); err != nil {
			return nil, err
		}
		places[i] = &Tensor{shape: in.Shape, dtype: in.Type}
	}
	return write(name, false, places, f)
}

// write traces f on inputs of the types and shapes of others. rule says that it is a gradient.
func write(name string, rule bool, like []*Tensor, f func(xs []*Tensor) []*Tensor) (*graph.Graph, error) {
	t, err := begin(name, rule)
	if err != nil {
		return nil, err
	}
	xs := make([]*Tensor, len(like))
	for i, x := range like {
		xs[i] = t.tensor(t.builder.Input(fmt.Sprintf("x%d", i), kinds[x.dtype], graph.Dims(x.shape...)...))
	}
	seen := map[string]bool{}
	for i, y := range f(xs) {
		if bad := first(y); bad != nil {
			return nil, bad.err
		}
		if y.trace != t {
			return nil, eager.Errorf("trace", eager.ErrUnsupported, "result %d is a tensor of another trace", i)
		}
		t.builder.Output(fmt.Sprintf("y%d", i), t.own(y.value, seen))
	}
	g, err := t.builder.Build()
	if err != nil {
		return nil, err
	}
	g.Prune()
	if rule {
		t.plain()
	}
	return g, nil
}

// plain makes the nodes that shaped gradients inside of this gradient identities: they have served, and a graph inside of it could not be inlined.
func (t *trace) plain() {
	for _, n := range t.graph.Nodes {
		if n.Domain == graph.OwnDomain && (n.Op == "CustomGradient" || n.Op == "StopGradient") {
			n.Op, n.Domain, n.Inputs, n.Attributes = "Identity", "", n.Inputs[:1], nil
		}
	}
}

// own returns a value that a node of its own makes: an input, or a value that is an output already, is no output.
func (t *trace) own(v graph.Value, seen map[string]bool) graph.Value {
	if seen[v.Name] || t.graph.Producing(v.Name) == nil {
		return t.builder.Op("Identity", []graph.Value{v})
	}
	seen[v.Name] = true
	return v
}

// Model returns a loaded model with one input and one output as a function to trace; its weights are shared. Its batch takes the size of x.
func Model(g *graph.Graph) func(x *Tensor) *Tensor {
	return func(x *Tensor) *Tensor {
		if bad := first(x); bad != nil {
			return bad
		}
		if g == nil || len(g.Inputs) != 1 || len(g.Outputs) != 1 {
			return failed(eager.Errorf("model", eager.ErrUnsupported, "expected a graph with one input and one output"))
		}
		own := g.Clone()
		err := own.Upgrade()
		if err == nil {
			err = own.FixDims(map[string][]int{g.Inputs[0].Name: x.shape})
		}
		if err == nil {
			err = own.FoldIf()
		}
		if err != nil {
			return failed(eager.Errorf("model", eager.ErrEngine, "%v", err))
		}
		return x.trace.inline(own, x)
	}
}

// inline writes the model. A trace is raised to its opset: what traces write means the same in all of them.
func (t *trace) inline(g *graph.Graph, x *Tensor) *Tensor {
	t.graph.Opsets[""] = max(t.graph.Opsets[""], g.Opsets[""])
	return t.tensor(t.builder.Inline(g, x.value)[0])
}

// Function is a traced function that an engine has compiled.
type Function struct {
	graph   *graph.Graph
	program engine.Program
}

// Compile traces f and compiles the graph.
func Compile(ctx context.Context, e engine.Engine, o engine.Options, f func(xs []*Tensor) []*Tensor, inputs ...Spec) (*Function, error) {
	g, err := Graph("traced", f, inputs...)
	if err != nil {
		return nil, err
	}
	program, err := e.Compile(ctx, g, o)
	if err != nil {
		kind := eager.ErrEngine
		if lacks := (*engine.Unsupported)(nil); errors.As(err, &lacks) {
			kind = eager.ErrUnsupported
		}
		return nil, eager.Errorf("compile", kind, "%v", err)
	}
	return &Function{g, program}, nil
}

// Graph returns what was compiled; it is not to be changed.
func (f *Function) Graph() *graph.Graph { return f.graph }

// Run computes the results. outputs may be nil, or hold, for each result, a tensor to fill or nil.
func (f *Function) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) ([]*tensor.Tensor, error) {
	if outputs == nil {
		outputs = make([]*tensor.Tensor, len(f.program.Outputs()))
	}
	return outputs, f.program.Run(ctx, inputs, outputs)
}

// Call is Run for tensors of eager/slices, whose data the inputs share.
func (f *Function) Call(ctx context.Context, inputs ...*slices.Tensor) ([]*slices.Tensor, error) {
	hosts := make([]*tensor.Tensor, len(inputs))
	for i, x := range inputs {
		var err error
		if hosts[i], err = x.Raw(); err != nil {
			return nil, err
		}
	}
	results, err := f.Run(ctx, hosts, nil)
	if err != nil {
		return nil, err
	}
	out := make([]*slices.Tensor, len(results))
	for i, r := range results {
		out[i] = slices.From(r)
	}
	return out, nil
}

// Close frees the program.
func (f *Function) Close() error { return f.program.Close() }
