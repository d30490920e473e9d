package gomlx

import (
	"strconv"
	"sync"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"visus/eager"
	host "visus/eager/slices"
	"visus/tensor"
)

// Go opens GoMLX's engine in Go, with one operation after the other: its parallel operations, the default of [backends.New], have data races
// in GoMLX 0.26.0. Several functions may run side by side.
func Go() (backends.Backend, error) {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		return nil, eager.Errorf("open", eager.ErrEngine, "%v", err)
	}
	return backend, nil
}

// Function is a function that GoMLX has compiled.
type Function struct {
	graph  *graph.Graph
	checks []check
}

// Compile runs f once, on places for inputs of these shapes, and compiles what it built.
func Compile(backend backends.Backend, f func(xs []*Tensor) []*Tensor, inputs ...shapes.Shape) (out *Function, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, caught("compile", r)
		}
	}()
	g, t := graph.NewGraph(backend, "visus"), new(trace)
	xs := make([]*Tensor, len(inputs))
	for i, shape := range inputs {
		xs[i] = t.tensor(graph.Parameter(g, "x"+strconv.Itoa(i), shape))
	}
	var nodes []*graph.Node
	for _, y := range f(xs) {
		if bad := first(y); bad != nil {
			return nil, bad.err
		}
		if y.node.Graph() != g {
			return nil, eager.Errorf("compile", eager.ErrUnsupported, "a result of another graph")
		}
		nodes = append(nodes, y.node)
	}
	for _, c := range t.checks {
		nodes = append(nodes, c.bad)
	}
	g.Compile(nodes...)
	return &Function{g, t.checks}, nil
}

// Run computes the results of inputs with the types and shapes that were compiled.
func (f *Function) Run(inputs ...*tensors.Tensor) (out []*tensors.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, caught("run", r)
		}
	}()
	args := make([]any, len(inputs))
	for i, x := range inputs {
		args[i] = x
	}
	out = f.graph.Run(args...)
	results := len(out) - len(f.checks)
	for i, c := range f.checks {
		if tensors.ToScalar[bool](out[results+i]) {
			return nil, c.err
		}
	}
	return out[:results], nil
}

// Call is Run for tensors of eager/slices, which are copied.
func (f *Function) Call(inputs ...*host.Tensor) ([]*host.Tensor, error) {
	natives := make([]*tensors.Tensor, len(inputs))
	for i, x := range inputs {
		raw, err := x.Raw()
		if err != nil {
			return nil, err
		}
		natives[i] = tensors.FromShape(shapes.Make(kinds[x.DType()], x.Shape()...))
		if raw.Len() == 0 { // GoMLX panics
			continue
		}
		if err := natives[i].MutableBytes(func(data []byte) { copy(data, raw.Bytes()) }); err != nil {
			return nil, eager.Errorf("call", eager.ErrEngine, "%v", err)
		}
	}
	results, err := f.Run(natives...)
	if err != nil {
		return nil, err
	}
	out := make([]*host.Tensor, len(results))
	for i, r := range results {
		raw := tensor.New(types[r.DType()], r.Shape().Dimensions...)
		out[i] = host.From(raw)
		if raw.Len() == 0 {
			continue
		}
		if err := r.ConstBytes(func(data []byte) { copy(raw.Bytes(), data) }); err != nil {
			return nil, eager.Errorf("call", eager.ErrEngine, "%v", err)
		}
	}
	return out, nil
}

var types = map[dtypes.DType]tensor.Type{
	dtypes.Float32: tensor.Float32, dtypes.Float64: tensor.Float64, dtypes.Int64: tensor.Int64, dtypes.Bool: tensor.Bool,
}

// Jit1 turns a function of tensors into one of GoMLX's own, compiled for each type and shape that it meets. It may be called from several
// goroutines.
func Jit1(backend backends.Backend, f func(x *Tensor) *Tensor) func(x *tensors.Tensor) (*tensors.Tensor, error) {
	run := jit(backend, func(xs []*Tensor) []*Tensor { return []*Tensor{f(xs[0])} })
	return func(x *tensors.Tensor) (*tensors.Tensor, error) { return run(x) }
}

// Jit2 is Jit1 for functions of two tensors.
func Jit2(backend backends.Backend, f func(x, y *Tensor) *Tensor) func(x, y *tensors.Tensor) (*tensors.Tensor, error) {
	run := jit(backend, func(xs []*Tensor) []*Tensor { return []*Tensor{f(xs[0], xs[1])} })
	return func(x, y *tensors.Tensor) (*tensors.Tensor, error) { return run(x, y) }
}

func jit(backend backends.Backend, f func(xs []*Tensor) []*Tensor) func(xs ...*tensors.Tensor) (*tensors.Tensor, error) {
	var lock sync.Mutex
	compiled := map[string]*Function{}
	return func(xs ...*tensors.Tensor) (*tensors.Tensor, error) {
		places, key := make([]shapes.Shape, len(xs)), ""
		for i, x := range xs {
			if x == nil {
				return nil, eager.Errorf("jit", eager.ErrUnsupported, "expected a tensor, found nil")
			}
			places[i] = x.Shape()
			key += places[i].String()
		}
		lock.Lock()
		function, err := compiled[key], error(nil)
		if function == nil {
			if function, err = Compile(backend, f, places...); err == nil {
				compiled[key] = function
			}
		}
		lock.Unlock()
		if err != nil {
			return nil, err
		}
		out, err := function.Run(xs...)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}
}

// Close frees the graph.
func (f *Function) Close() { f.graph.Finalize() }
