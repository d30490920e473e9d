// Package onednn runs graphs on CPUs with oneDNN: training steps and gradients, for which ONNX Runtime has no kernels.
//
// Compile goes from a graph to a list of steps in five passes, each in files of its own:
//
//   - translate: operators become values of a few kinds: elements (arithmetic element by element), folds (sums, maxima), views (other
//     shapes of the same memory) and calls (convolutions, products of matrices, pooling). Normalisation, softmax and losses are made of elements and folds.
//     Equal values are made once, so that a gradient shares the statistics of its forward pass.
//   - fuse: elements and folds over the same shape that can run together become one loop, one pass over memory; what is cheap is computed again
//     rather than stored. A ReLU after a convolution or product becomes part of it.
//   - plan: oneDNN chooses implementations and layouts; loops take over the layouts that they find, so that a tensor is reordered only
//     where neighbours disagree. States lie as the primitives want them.
//   - lay: buffers share memory with those that are not needed at the same time; loops write in place.
//   - the list: one call into C runs all steps (package kernel).
//
// A graph that has an operator which no family has is refused with an *engine.Unsupported. Where inputs have free dimensions there is a program
// for each shape that is run.
package onednn

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"visus/engine"
	"visus/engine/onednn/dnnl"
	"visus/engine/onednn/kernel"
	"visus/graph"
)

var _ engine.Engine = (*Engine)(nil)

// Options says which library to open.
type Options struct {
	Library string // the library's file; empty: found by library.OneDNN
}

// Engine is oneDNN.
type Engine struct{ library *dnnl.Library }

// Open loads oneDNN, or returns the one that this process has already loaded: see dnnl.Open.
func Open(o Options) (*Engine, error) {
	library, err := dnnl.Open(o.Library)
	if err != nil {
		return nil, fmt.Errorf("onednn: %w", err)
	}
	kernel.UseOpenMP(library.Symbol)
	return &Engine{library}, nil
}

// Name returns "onednn" with the library's version.
func (e *Engine) Name() string { return "onednn " + e.library.Version() }

// Operators lists what the engine takes, own operators with their domain, in alphabetical order.
func Operators() []string {
	var out []string
	for op := range operators {
		out = append(out, op)
	}
	slices.Sort(out)
	return out
}

// Compile prepares the graph for Run. The cause of its error is an *engine.Unsupported where the engine lacks what the graph needs.
func (e *Engine) Compile(ctx context.Context, g *graph.Graph, o engine.Options) (engine.Program, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := e.program(ctx, g, o)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &engine.Error{Engine: "onednn", Model: model(g), Err: err}
	}
	return p, nil
}

func model(g *graph.Graph) string { return cmp.Or(g.Path(), g.Name, "unnamed graph") }

// program compiles the graph now where its inputs' shapes are fixed, else when they are known.
func (e *Engine) program(ctx context.Context, g *graph.Graph, o engine.Options) (engine.Program, error) {
	ports, err := engine.PortsOf(g, o)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(ports.Inputs, func(v graph.Value) bool { _, fixed := v.Sizes(); return !fixed }) {
		v, err := e.compileVariants(ctx, g, o, ports)
		if err != nil {
			return nil, err
		}
		return v, nil
	}
	p, err := e.compile(ctx, g, o)
	if err != nil {
		return nil, err
	}
	p.model = model(g)
	return p, nil
}

func (e *Engine) compile(ctx context.Context, g *graph.Graph, o engine.Options) (*Program, error) {
	if o.Device != "" && o.Device != "cpu" {
		return nil, &engine.Unsupported{About: fmt.Sprintf("device %q", o.Device), Reason: "only cpu is there"}
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("%d threads asked for: 0 (all) or more expected", o.Threads)
	}
	ports, err := engine.PortsOf(g, o)
	if err != nil {
		return nil, err
	}
	g = ports.Restrict(g).Clone()
	if err := g.FoldConstants(); err != nil {
		return nil, err
	}
	t, err := translate(g)
	if err != nil {
		return nil, err
	}
	threads := e.threads(o)
	p := &planner{
		scope: e.library.NewScope(threads), threads: threads,
		places: map[*value]place{}, copies: map[*buffer][]copied{}, pools: map[*call]pooled{},
		states: map[*value]*stateful{}, changes: map[*value]*stateful{}, readers: map[*value]int{},
	}
	out, err := p.program(ctx, t, ports)
	if err != nil {
		p.close()
		return nil, err
	}
	return out, nil
}

// threads is how many a program runs on: as asked for, else all of Go's, but never more than OpenMP gives.
func (e *Engine) threads(o engine.Options) int {
	n := cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	if limit := e.library.Limit(); limit > 0 {
		n = min(n, limit)
	}
	return n
}

// program carries out the passes after translation.
func (p *planner) program(ctx context.Context, t *translation, ports engine.Ports) (*Program, error) {
	p.scratch = p.memory(0)
	p.scratch.role = lasting
	var needed, outputs []*value
	for _, v := range ports.Outputs {
		outputs = append(outputs, t.outputs[v.Name])
	}
	needed = append(needed, outputs...)
	for _, s := range ports.State {
		if s.Output.Name == "" {
			continue
		}
		state := &stateful{leaf: t.inputs[s.Input.Name], next: t.outputs[s.Output.Name]}
		p.states[state.leaf] = state
		if p.changes[state.next] == nil && !slices.Contains(outputs, state.next) {
			p.changes[state.next] = state
		}
		needed = append(needed, state.next)
	}
	for _, v := range t.wishes {
		p.grant(v)
	}
	units := p.sort(fuse(t.values, needed))
	for _, u := range units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.unit(u); err != nil {
			return nil, err
		}
	}
	out := &Program{planner: p, ports: ports, place: map[string]place{}}
	commit, err := p.conclude(out, t, outputs)
	if err != nil {
		return nil, err
	}
	return out, out.build(ctx, commit)
}

// sort puts the units that change the state, and those that need them, last: whatever goes wrong before leaves the state as it was.
// It counts who reads the states.
func (p *planner) sort(units []*unit) []*unit {
	for _, u := range units {
		u.commit = slices.ContainsFunc(u.stored, func(v *value) bool { return p.changes[v] != nil })
		for from := range u.after {
			u.commit = u.commit || from.commit
		}
		for _, leaf := range p.leaves(u) {
			p.readers[leaf]++
		}
	}
	for _, s := range p.states {
		if base := bottom(s.next); p.states[base] != nil {
			p.readers[base]++ // read once more when all is done
		}
	}
	var first, last []*unit
	for _, u := range units {
		if u.commit {
			last = append(last, u)
		} else {
			first = append(first, u)
		}
	}
	return append(first, last...)
}

// bottom is the value whose memory a view shows.
func bottom(v *value) *value {
	for {
		m, ok := v.maker.(*view)
		if !ok {
			return v
		}
		v = m.in
	}
}

// leaves lists the states that a unit reads, each once.
func (p *planner) leaves(u *unit) []*value {
	var out []*value
	see := func(v *value) {
		if v = bottom(v); p.states[v] != nil && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if u.call != nil {
		for _, v := range u.call.in {
			see(v)
		}
	}
	for _, m := range u.members {
		for _, v := range m.maker.operands() {
			see(v)
		}
	}
	return out
}

func (p *planner) unit(u *unit) error {
	for _, leaf := range p.leaves(u) {
		p.readers[leaf]--
	}
	if u.call != nil {
		if err := u.call.plan(p, u.call); err != nil {
			return fmt.Errorf("%s: %w", u.call.name, err)
		}
		return nil
	}
	return p.loop(u)
}

// conclude gives inputs, outputs and states their places, and copies what replaces a state but was not computed in its memory. It returns the
// step from which on the state changes.
func (p *planner) conclude(out *Program, t *translation, outputs []*value) (commit int, err error) {
	for _, v := range outputs {
		at, err := p.plain(v)
		if err != nil {
			return 0, err
		}
		if at.buffer.role == passing {
			at.buffer.role = lasting
		}
		if p.states[bottom(v)] != nil { // what it was before the run
			old := at
			at = p.room(v.kind, dense(v.shape))
			at.buffer.role = lasting
			if err := p.copy(old, at); err != nil {
				return 0, err
			}
		}
		out.outputs = append(out.outputs, at)
	}
	type change struct{ from, to place }
	var changes []change
	for _, s := range out.ports.State {
		leaf := t.inputs[s.Input.Name]
		at, err := p.place(leaf)
		if err != nil {
			return 0, err
		}
		out.place[s.Input.Name] = at
		if s.Output.Name == "" || p.states[leaf].updated || p.states[leaf].next == leaf {
			continue
		}
		next := p.states[leaf].next
		from, err := p.place(next)
		if err != nil {
			return 0, err
		}
		if p.states[bottom(next)] != nil { // a state that changes itself
			old := from
			from = p.room(next.kind, dense(next.shape))
			if err := p.copy(old, from); err != nil {
				return 0, err
			}
		}
		changes = append(changes, change{from, at})
	}
	for _, v := range out.ports.Inputs {
		at, err := p.stored(t.inputs[v.Name])
		if err != nil {
			return 0, err
		}
		out.inputs = append(out.inputs, at)
	}
	for _, c := range changes {
		if err := p.copy(c.from, c.to); err != nil {
			return 0, err
		}
	}
	held := map[*buffer]bool{}
	for _, at := range out.place {
		held[at.buffer] = true
	}
	commit = slices.IndexFunc(p.steps, func(s *step) bool { return slices.ContainsFunc(s.writes, func(b *buffer) bool { return held[b] }) })
	if commit < 0 {
		commit = len(p.steps)
	}
	return commit, nil
}

// build places memory, fills in what is constant, and makes the list.
func (o *Program) build(ctx context.Context, commit int) error {
	p := o.planner
	memory, err := p.lay()
	o.memory = memory
	if err != nil {
		return err
	}
	for v, at := range p.places {
		if l, ok := v.maker.(*leaf); ok && l.constant != nil {
			scatter(at, l.constant.Bytes())
		}
	}
	for _, s := range o.ports.State {
		scatter(o.place[s.Input.Name], s.Initial.Bytes())
	}
	setup, err := p.list(p.setup, len(p.setup))
	if err != nil {
		return err
	}
	defer setup.Close()
	if err := setup.Run(ctx); err != nil {
		return err
	}
	o.list, err = p.list(p.steps, commit)
	return err
}

func (p *planner) list(steps []*step, commit int) (*kernel.List, error) {
	var made []kernel.Step
	for _, s := range steps {
		k, err := s.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		made = append(made, k)
	}
	return kernel.NewList(p.threads, made, commit)
}

func (p *planner) close() {
	for _, release := range p.release {
		release()
	}
	p.release = nil
	p.scope.Close()
}

// bytes is a place's memory, where its elements fill it.
func (at place) bytes() []byte {
	return unsafe.Slice((*byte)(at.pointer()), size(at.layout.shape())*width(at.kind))
}

// scatter puts elements in the order of their dimensions where the layout has them; collect reads them.
func scatter(at place, from []byte) { at.exchange(from, true) }

func collect(at place, into []byte) { at.exchange(into, false) }

func (at place) exchange(elements []byte, in bool) {
	if at.layout.plain() {
		exchange(at.bytes(), elements, in)
		return
	}
	switch width(at.kind) {
	case 1:
		strided(at.layout, at.bytes(), elements, in)
	case 4:
		strided(at.layout, as[uint32](at.bytes()), as[uint32](elements), in)
	case 8:
		strided(at.layout, as[uint64](at.bytes()), as[uint64](elements), in)
	}
}

func exchange[T any](memory, elements []T, in bool) {
	if in {
		copy(memory, elements)
	} else {
		copy(elements, memory)
	}
}

// as shows bytes as numbers.
func as[T any](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

func strided[T any](l layout, memory, elements []T, in bool) {
	i := 0
	var walk func(factors []factor, place int)
	walk = func(factors []factor, place int) {
		f := factors[0]
		if len(factors) > 1 {
			for k := range f.size {
				walk(factors[1:], place+k*f.stride)
			}
			return
		}
		if in {
			for k := range f.size {
				memory[place+k*f.stride] = elements[i+k]
			}
		} else {
			for k := range f.size {
				elements[i+k] = memory[place+k*f.stride]
			}
		}
		i += f.size
	}
	var factors []factor
	for _, f := range slices.Concat(l.dims...) {
		if f.size > 1 {
			factors = append(factors, f)
		}
	}
	walk(factors, 0)
}
