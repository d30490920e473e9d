package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

// worthwhile is the number of elements from which on a tensor that lies otherwise than the others of a loop is put in order first.
const worthwhile = 1 << 12

// run is the number of neighbours in memory that are read together well: a cache line's.
const run = 16

// loop plans a unit that is a loop.
func (p *planner) loop(u *unit) error {
	b := &loopBuilder{planner: p, unit: u, registers: map[*value]int{}}
	b.gather()
	if err := b.arrange(); err != nil {
		return err
	}
	if err := b.write(); err != nil {
		return err
	}
	b.finish()
	return nil
}

// loopBuilder writes one loop.
type loopBuilder struct {
	*planner
	unit      *unit
	operands  []*value // with memory, from elsewhere
	numbers   []*value // constants of one element
	sources   []place  // of the operands
	reference layout   // how the elements of the loop's shape lie
	space     space
	loop      kernel.Loop
	registers map[*value]int
	results   []place
	step      step
}

// gather lists what the members read from elsewhere.
func (b *loopBuilder) gather() {
	for _, m := range b.unit.members {
		for _, in := range m.maker.operands() {
			if slices.Contains(b.unit.members, in) || slices.Contains(b.operands, in) || slices.Contains(b.numbers, in) {
				continue
			}
			if _, ok := scalar(in); ok {
				b.numbers = append(b.numbers, in)
				continue
			}
			b.operands = append(b.operands, in)
		}
	}
}

// arrange chooses the order of the elements: that of the state which the loop replaces, else of an operand of the loop's shape, sooner of one that is
// not plain. It brings large operands that lie otherwise into that order; states without a place take it over.
func (b *loopBuilder) arrange() error {
	chosen := false
	for _, v := range b.operands {
		if !slices.Equal(v.shape, b.unit.shape) || b.unplaced(v) {
			continue
		}
		at, err := b.place(v)
		if err != nil {
			return err
		}
		if at.layout.compact() && (!chosen || b.reference.plain() && !at.layout.plain() || b.owns(v)) {
			b.reference, chosen = at.layout, true
			if b.owns(v) {
				break
			}
		}
	}
	if !chosen {
		b.reference = dense(b.unit.shape)
	}
	b.reference.offset = 0
	if err := b.bring(); err != nil {
		return err
	}
	layouts := []layout{b.reference}
	for _, at := range b.sources {
		layouts = append(layouts, at.layout.broadcast(b.unit.shape))
	}
	var ok bool
	if b.space, ok = walk(layouts...); ok {
		return nil
	}
	b.reference = dense(b.unit.shape) // blocks that do not fit into each other
	layouts = layouts[:1]
	layouts[0] = b.reference
	for i, v := range b.operands {
		at, err := b.plain(v)
		if err != nil {
			return err
		}
		b.sources[i] = at
		layouts = append(layouts, at.layout.broadcast(b.unit.shape))
	}
	if b.space, ok = walk(layouts...); !ok {
		return fmt.Errorf("a loop over %v whose operands do not fit", b.unit.shape)
	}
	return nil
}

// unplaced says whether a value is a state that has no memory yet.
func (b *loopBuilder) unplaced(v *value) bool {
	_, placed := b.places[v]
	return !placed && b.states[v] != nil
}

// owns says whether the loop makes what replaces the state.
func (b *loopBuilder) owns(v *value) bool {
	s := b.states[v]
	return s != nil && slices.Contains(b.unit.stored, s.next)
}

func (b *loopBuilder) bring() error {
	for _, v := range b.operands {
		if b.unplaced(v) && slices.Equal(v.shape, b.unit.shape) {
			b.settle(v, v.maker.(*leaf), b.reference)
		}
		at, err := b.place(v)
		if err != nil {
			return err
		}
		if slices.Equal(v.shape, b.unit.shape) && size(v.shape) >= worthwhile && v.kind == tensor.Float32 && !at.layout.same(b.reference) {
			if at, err = b.ordered(at); err != nil {
				return err
			}
		}
		b.sources = append(b.sources, at)
	}
	return nil
}

// ordered is a place's content lying as the reference, if its own order is one that no loop reads well.
func (b *loopBuilder) ordered(at place) (place, error) {
	axes := at.layout.axes()
	if len(axes) == 0 || slices.ContainsFunc(axes, func(a axis) bool { return a.stride <= 0 }) {
		return at, nil
	}
	if s, ok := walk(b.reference, at.layout); ok {
		if last := s[len(s)-1]; last.size >= run && at.layout.stride(last) == 1 {
			return at, nil // read in runs that are long enough
		}
	}
	return b.arranged(at, b.reference.packed())
}

// write makes operands, instructions and results of the members.
func (b *loopBuilder) write() error {
	b.loop.Dims = b.space.sizes()
	for i, v := range b.operands {
		at := b.sources[i]
		b.registers[v] = i
		b.loop.Operands = append(b.loop.Operands, kernel.Operand{Type: at.kind, Strides: at.layout.broadcast(b.unit.shape).over(b.space)})
		b.step.reads = append(b.step.reads, at.buffer)
	}
	for _, v := range b.numbers {
		number, _ := scalar(v)
		b.emit(v, kernel.Instruction{Op: kernel.Constant, Value: number})
	}
	needed := b.needed()
	for _, m := range b.unit.members {
		e, ok := m.maker.(*element)
		if !ok || !needed[m] {
			continue
		}
		op, in := e.op, e.in
		if fused := multiplyAdd(m); fused != nil {
			op, in = kernel.MulAdd, fused
		}
		c := kernel.Instruction{Op: op}
		for i, to := range []*int{&c.A, &c.B, &c.C}[:len(in)] {
			*to = b.registers[in[i]]
		}
		b.emit(m, c)
	}
	for _, v := range b.unit.stored {
		if err := b.store(v); err != nil {
			return err
		}
	}
	return nil
}

// multiplyAdd are the factors and the summand of a sum with a product, which are multiplied and added at once; nil where it is none. A product
// that some loop stores is not one: that loop and others would round differently, and a maximum be equal to no entry.
func multiplyAdd(v *value) []*value {
	e, ok := v.maker.(*element)
	if !ok || e.op != kernel.Add || v.kind != tensor.Float32 {
		return nil
	}
	for i, in := range e.in {
		if p, ok := in.maker.(*element); ok && p.op == kernel.Mul && !in.kept {
			return append(slices.Clone(p.in), e.in[1-i])
		}
	}
	return nil
}

// needed are the members that have a register: all but products that are only added to something at once.
func (b *loopBuilder) needed() map[*value]bool {
	out := map[*value]bool{}
	for _, v := range b.unit.stored {
		out[v] = true
	}
	for _, m := range b.unit.members {
		in := multiplyAdd(m)
		if in == nil {
			in = m.maker.operands()
		}
		for _, v := range in {
			out[v] = true
		}
	}
	return out
}

func (b *loopBuilder) emit(v *value, c kernel.Instruction) {
	b.registers[v] = len(b.loop.Operands) + len(b.loop.Code)
	b.loop.Code = append(b.loop.Code, c)
}

// store adds a result.
func (b *loopBuilder) store(v *value) error {
	r := kernel.Result{Type: v.kind}
	var at place
	switch m := v.maker.(type) {
	case *fold:
		at = b.room(v.kind, dense(v.shape))
		r.Register, r.Fold, r.Scale = b.registers[m.in], m.kind, m.scale
		shown := at.layout
		shown.dims = slices.Clone(shown.dims)
		for d, over := range m.over {
			if over {
				shown.dims[d] = []factor{{m.in.shape[d], 0}}
			}
		}
		r.Strides = shown.over(b.space)
	default:
		at = b.target(v)
		r.Register, r.Strides = b.registers[v], at.layout.over(b.space)
	}
	b.places[v] = at
	b.results = append(b.results, at)
	b.loop.Results = append(b.loop.Results, r)
	b.step.writes = append(b.step.writes, at.buffer)
	return nil
}

// target is where an element of the loop's shape goes: into its state's memory where nothing else needs that any more, else into memory of
// its own.
func (b *loopBuilder) target(v *value) place {
	if s := b.changes[v]; s != nil && b.readers[s.leaf] == 0 {
		at, err := b.place(s.leaf)
		if err == nil && at.layout.same(b.reference) && at.layout.offset == 0 && b.aligned(at) {
			s.updated = true
			return at
		}
	}
	at := b.room(v.kind, b.reference.packed())
	for i, from := range b.sources {
		if slices.Equal(b.operands[i].shape, b.unit.shape) && from.kind == v.kind && from.layout.offset == 0 && from.layout.same(at.layout) &&
			from.buffer.bytes == at.buffer.bytes && b.aligned(from) {
			b.step.instead = append(b.step.instead, takeover{at.buffer, from.buffer})
		}
	}
	return at
}

// aligned says whether the loop reads a place's memory element by element only where it writes.
func (b *loopBuilder) aligned(at place) bool {
	for i, from := range b.sources {
		if from.buffer == at.buffer && !(slices.Equal(b.operands[i].shape, b.unit.shape) && from.layout.offset == at.layout.offset && from.layout.same(at.layout)) {
			return false
		}
	}
	return true
}

// finish adds the step.
func (b *loopBuilder) finish() {
	b.step.name = fmt.Sprintf("Loop %v: %d operands, %d operations, %d results", b.unit.shape, len(b.loop.Operands), len(b.loop.Code), len(b.loop.Results))
	loop, sources, results, p := b.loop, b.sources, b.results, b.planner
	name := b.step.name
	b.step.build = func() (kernel.Step, error) {
		for i, at := range sources {
			loop.Operands[i].Memory = at.pointer()
		}
		for i, at := range results {
			loop.Results[i].Memory = at.pointer()
		}
		return p.finish(name, loop)
	}
	s := b.step
	p.add(&s)
}

// assemble puts operands into a tensor that is fill elsewhere; whole says that they leave no gap.
func (p *planner) assemble(out *value, fill float32, whole bool, parts []part) error {
	reference := dense(out.shape)
	if at, err := p.place(parts[0].of); err == nil && at.layout.compact() && len(at.layout.canonical()) > 0 {
		reference = along(at.layout, out.shape)
	}
	to := p.room(out.kind, reference)
	p.places[out] = to
	sources, beside := make([]place, len(parts)), make([]*buffer, len(parts))
	for i, part := range parts {
		from, err := p.place(part.of)
		if err != nil {
			return err
		}
		sources[i], beside[i] = from, from.buffer
	}
	if !whole {
		loop := kernel.Loop{Dims: []int{size(out.shape)}, Code: []kernel.Instruction{{Op: kernel.Constant, Value: fill}},
			Results: []kernel.Result{{Type: out.kind, Strides: []int{1}}}}
		p.add(&step{name: "Fill", reads: beside, writes: []*buffer{to.buffer}, build: func() (kernel.Step, error) {
			loop.Results[0].Memory = to.pointer()
			return p.finish("Fill", loop)
		}})
	}
	for i, part := range parts {
		into := to
		for d, start := range part.start {
			var ok bool
			if into.layout, ok = into.layout.slice(d, start, 1, part.of.shape[d]); !ok {
				return fmt.Errorf("parts within blocks")
			}
		}
		if err := p.copy(sources[i], into, beside...); err != nil {
			return err
		}
	}
	return nil
}

// along is a layout of a shape whose dimensions, none of them split, lie in the order of another layout's.
func along(l layout, shape []int) layout {
	var order []int
	for _, a := range slices.Backward(l.axes()) {
		if !slices.Contains(order, a.dim) {
			order = append(order, a.dim)
		}
	}
	for d := range slices.Backward(shape) {
		if !slices.Contains(order, d) {
			order = append(order, d)
		}
	}
	out := layout{dims: make([][]factor, len(shape))}
	stride := 1
	for _, d := range order {
		out.dims[d] = []factor{{shape[d], stride}}
		stride *= shape[d]
	}
	return out
}
