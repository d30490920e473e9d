package onednn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

var _ engine.Program = (*variants)(nil)

// variants is the program of a graph with free dimensions: a program for each shape of the inputs that Run meets, compiled when it does.
type variants struct {
	model           string // the model's file, for messages
	compile         func(ctx context.Context, shapes map[string][]int) (*Program, error)
	inputs, outputs []graph.Value

	mutex  sync.Mutex
	closed bool
	list   []variant // used last first
}

type variant struct {
	key     string
	program *Program
}

// most is how many shapes are kept: whole batches, the short last one, and one more.
const most = 3

// compileVariants tries the graph with all free dimensions 1, so that what the engine lacks is told now. States keep the dimensions fixed
// elsewhere: they cannot move from one variant to another.
func (e *Engine) compileVariants(ctx context.Context, g *graph.Graph, o engine.Options, ports engine.Ports) (*variants, error) {
	if len(o.State) > 0 {
		return nil, &engine.Unsupported{About: "a graph with state", Reason: "its inputs have free dimensions"}
	}
	g = g.Clone()
	v := &variants{model: model(g), inputs: ports.Inputs, outputs: ports.Outputs}
	v.compile = func(ctx context.Context, shapes map[string][]int) (*Program, error) {
		fixed := g.Clone()
		if err := fixed.FixDims(shapes); err != nil {
			return nil, err
		}
		p, err := e.compile(ctx, fixed, o)
		if err != nil {
			return nil, err
		}
		p.model = v.model
		return p, nil
	}
	ones := map[string][]int{}
	for _, in := range ports.Inputs {
		if in.Shape == nil {
			return nil, &engine.Unsupported{About: fmt.Sprintf("input %q", in.Name), Reason: "its rank is not known"}
		}
		for _, d := range in.Shape {
			ones[in.Name] = append(ones[in.Name], max(d.Size, 1))
		}
	}
	first, err := v.compile(ctx, ones)
	var lacks *engine.Unsupported
	if err != nil && !errors.As(err, &lacks) && ctx.Err() == nil {
		return nil, &engine.Unsupported{About: "a graph with free dimensions", Reason: "with all of them 1: " + err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return v, first.Close()
}

// Inputs describes what Run takes.
func (v *variants) Inputs() []graph.Value { return v.inputs }

// Outputs describes what Run gives.
func (v *variants) Outputs() []graph.Value { return v.outputs }

// Run executes the graph once: see engine.Program. The first run of inputs of new shapes compiles.
func (v *variants) Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error {
	if err := engine.CheckInputs(v.inputs, inputs); err != nil {
		return v.fail(err)
	}
	if err := engine.CheckOutputs(v.outputs, outputs); err != nil {
		return v.fail(err)
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.closed {
		return v.fail(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := v.of(ctx, inputs)
	if err != nil {
		return err
	}
	return p.Run(ctx, inputs, outputs)
}

// of is the program for the inputs' shapes.
func (v *variants) of(ctx context.Context, inputs []*tensor.Tensor) (*Program, error) {
	shapes := map[string][]int{}
	key := ""
	for i, in := range inputs {
		shapes[v.inputs[i].Name] = in.Shape()
		key += fmt.Sprint(in.Shape())
	}
	at := slices.IndexFunc(v.list, func(k variant) bool { return k.key == key })
	if at >= 0 {
		found := v.list[at]
		v.list = slices.Insert(slices.Delete(v.list, at, at+1), 0, found)
		return found.program, nil
	}
	p, err := v.compile(ctx, shapes)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, v.fail(err)
	}
	v.list = slices.Insert(v.list, 0, variant{key, p})
	if len(v.list) > most {
		v.list[most].program.Close()
		v.list = v.list[:most]
	}
	return p, nil
}

// ReadState reports an error: the graph has no state.
func (v *variants) ReadState(input string, _ *tensor.Tensor) (*tensor.Tensor, error) {
	return nil, v.WriteState(input, nil)
}

// WriteState reports an error: the graph has no state.
func (v *variants) WriteState(input string, _ *tensor.Tensor) error {
	return v.fail(fmt.Errorf("it keeps no state for an input %q", input))
}

// Close frees the programs.
func (v *variants) Close() error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.closed = true
	for _, k := range v.list {
		k.program.Close()
	}
	v.list = nil
	return nil
}

func (v *variants) fail(err error) error {
	return &engine.Error{Engine: "onednn", Model: v.model, Err: err}
}
