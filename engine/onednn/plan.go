package onednn

import (
	"fmt"
	"slices"
	"unsafe"

	"visus/engine/onednn/dnnl"
	"visus/engine/onednn/kernel"
	"visus/tensor"
)

// buffer is a piece of memory.
type buffer struct {
	bytes    int
	role     role
	memory   unsafe.Pointer // once placed
	within   *buffer        // whose memory it has, taken over in place
	from, to int            // the first and last step that use it
	taken    int            // one more than the last step in which a result took it over
}

// role says how long a buffer's content lives.
type role int

const (
	passing   role = iota // between two steps of one run
	lasting               // from compilation on, or over the whole of a run: constants, inputs, outputs, states
	unchanged             // lasting, and written at compilation alone
)

// root is the buffer whose memory b has.
func (b *buffer) root() *buffer {
	for b.within != nil {
		b = b.within
	}
	return b
}

// place is where a value lies. A place that only oneDNN can read, with padding or in a form of its own, has no layout but a descriptor.
type place struct {
	buffer *buffer
	kind   tensor.Type
	layout layout
	desc   dnnl.Desc
	opaque bool
}

// pointer is the first element's address.
func (at place) pointer() unsafe.Pointer {
	return unsafe.Add(at.buffer.root().memory, at.layout.offset*width(at.kind))
}

func width(kind tensor.Type) int {
	switch kind {
	case tensor.Bool:
		return 1
	case tensor.Int64, tensor.Float64:
		return 8
	}
	return 4
}

// step is one entry of the program's list before memory is placed.
type step struct {
	name          string
	reads, writes []*buffer
	instead       []takeover                  // results that may lie in an operand's memory
	build         func() (kernel.Step, error) // with memory placed
}

// takeover is a result of a loop that has its elements exactly where an operand has its own.
type takeover struct{ result, operand *buffer }

// planner turns units into steps.
type planner struct {
	scope   *dnnl.Scope
	threads int
	buffers []*buffer
	setup   []*step // run once, at compilation
	steps   []*step
	places  map[*value]place
	copies  map[*buffer][]copied
	pools   map[*call]pooled
	scratch *buffer
	release []func()

	states  map[*value]*stateful // by the leaf
	changes map[*value]*stateful // by the value that replaces it
	readers map[*value]int       // of a state's leaf: units to come
}

// copied is that a place's elements lie elsewhere too.
type copied struct{ from, to place }

// stateful is a state: the leaf that is read and the value that replaces it.
type stateful struct {
	leaf, next *value
	updated    bool // next has been computed in place
}

func (p *planner) memory(bytes int) *buffer {
	b := &buffer{bytes: bytes, from: -1}
	p.buffers = append(p.buffers, b)
	return b
}

// room makes memory for a value in a layout.
func (p *planner) room(kind tensor.Type, l layout) place {
	return place{buffer: p.memory(size(l.shape()) * width(kind)), kind: kind, layout: l}
}

// add appends a step. One that reads nothing but constants runs at compilation.
func (p *planner) add(s *step) {
	fixed := !slices.ContainsFunc(s.reads, func(b *buffer) bool { return b.role != unchanged }) &&
		!slices.ContainsFunc(s.writes, func(b *buffer) bool { return b.role == lasting && b != p.scratch })
	if !fixed {
		p.steps = append(p.steps, s)
		return
	}
	for _, b := range s.writes {
		if b != p.scratch {
			b.role = unchanged
		}
	}
	p.setup = append(p.setup, s)
}

// stored is where a value was put, in whatever form; that of a view follows from what it shows.
func (p *planner) stored(v *value) (place, error) {
	if at, ok := p.places[v]; ok {
		return at, nil
	}
	switch m := v.maker.(type) {
	case *leaf:
		return p.settle(v, m, dense(v.shape)), nil
	case *view:
		if m.of == nil {
			at, err := p.stored(m.in)
			p.places[v] = at
			return at, err
		}
		at, err := p.place(m.in)
		if err != nil {
			return place{}, err
		}
		l, ok := m.of(at.layout)
		if !ok {
			if at, err = p.plain(m.in); err != nil {
				return place{}, err
			}
			if l, ok = m.of(at.layout); !ok {
				return place{}, fmt.Errorf("a view of %v as %v", m.in.shape, v.shape)
			}
		}
		p.places[v] = place{buffer: at.buffer, kind: v.kind, layout: l}
		return p.places[v], nil
	}
	return place{}, fmt.Errorf("a value of shape %v is read before it is made", v.shape)
}

// settle makes the memory of a leaf.
func (p *planner) settle(v *value, m *leaf, l layout) place {
	at := p.room(v.kind, l)
	at.buffer.role = lasting
	if m.constant != nil {
		at.buffer.role = unchanged
	}
	p.places[v] = at
	return at
}

// open is the leaf of a state that has no place yet, and how it would have to lie for v, which shows it, to lie as wished.
func (p *planner) open(v *value, wish layout) (*value, layout, bool) {
	for {
		m, ok := v.maker.(*view)
		if !ok {
			break
		}
		if m.back == nil {
			return nil, layout{}, false
		}
		if wish, ok = m.back(wish); !ok {
			return nil, layout{}, false
		}
		v = m.in
	}
	_, placed := p.places[v]
	return v, wish, !placed && p.states[v] != nil && wish.compact()
}

// grant gives a state that has no place yet the layout in which v, which shows it, is dense.
func (p *planner) grant(v *value) {
	if base, l, ok := p.open(v, dense(v.shape)); ok {
		p.settle(base, base.maker.(*leaf), l)
	}
}

// place is where loops find a value.
func (p *planner) place(v *value) (place, error) {
	at, err := p.stored(v)
	if err != nil || !at.opaque {
		return at, err
	}
	to, err := p.scope.Plain(dnnl.F32, v.shape...)
	if err != nil {
		return place{}, err
	}
	return p.reorder(at, to)
}

// plain is where a value lies in the order of its dimensions, put there if need be.
func (p *planner) plain(v *value) (place, error) {
	at, err := p.place(v)
	if err != nil {
		return place{}, err
	}
	if !at.layout.plain() {
		if at, err = p.dense(at); err != nil {
			return place{}, err
		}
	}
	return p.described(at)
}

// dense is what a place holds in the order of the dimensions.
func (p *planner) dense(at place) (place, error) { return p.arranged(at, dense(at.layout.shape())) }

// arranged is what a place holds in another layout, copied there once.
func (p *planner) arranged(at place, l layout) (place, error) {
	for _, c := range p.copies[at.buffer] {
		if c.of(at) && !c.to.opaque && c.to.layout.same(l) {
			return c.to, nil
		}
	}
	to := p.room(at.kind, l)
	p.copies[at.buffer] = append(p.copies[at.buffer], copied{at, to})
	return to, p.copy(at, to)
}

// of says whether the copy is that of a place.
func (c copied) of(at place) bool {
	if c.from.opaque || at.opaque {
		return c.from.opaque == at.opaque && c.from.desc.Equal(at.desc)
	}
	return c.from.layout.offset == at.layout.offset && slices.Equal(c.from.layout.shape(), at.layout.shape()) && c.from.layout.same(at.layout)
}

// copy adds a step that copies elements from a place to another of the same shape. Where that is a part of a buffer, beside names what else
// the buffer is made of.
func (p *planner) copy(from, to place, beside ...*buffer) error {
	s, ok := walk(to.layout, from.layout)
	if !ok {
		return fmt.Errorf("a copy between blocks that do not fit")
	}
	loop := moves(from.kind, s.sizes(), from.layout.over(s), to.layout.over(s))
	p.add(&step{name: "Copy", reads: append([]*buffer{from.buffer}, beside...), writes: []*buffer{to.buffer}, build: func() (kernel.Step, error) {
		loop.Operands[0].Memory, loop.Results[0].Memory = from.pointer(), to.pointer()
		return p.finish("Copy", loop)
	}})
	return nil
}

// moves is a loop that copies elements bit by bit: as numbers, large integers would be rounded.
func moves(kind tensor.Type, dims, from, to []int) kernel.Loop {
	switch width(kind) {
	case 4:
		kind = tensor.Float32
	case 8: // two halves
		kind = tensor.Float32
		dims = append(dims, 2)
		half := func(strides []int) []int {
			out := make([]int, len(strides), len(strides)+1)
			for i, s := range strides {
				out[i] = 2 * s
			}
			return append(out, 1)
		}
		from, to = half(from), half(to)
	}
	return kernel.Loop{Dims: dims, Operands: []kernel.Operand{{Type: kind, Strides: from}}, Results: []kernel.Result{{Type: kind, Strides: to}}}
}

// stepper is a loop or another kernel of ours, with its memory placed.
type stepper interface {
	Step(threads int) (s kernel.Step, release func(), err error)
}

// finish compiles a kernel.
func (p *planner) finish(name string, k stepper) (kernel.Step, error) {
	s, release, err := k.Step(p.threads)
	if err != nil {
		return kernel.Step{}, err
	}
	p.release = append(p.release, release)
	s.Name = name
	return s, nil
}

// kernel adds a step of a kernel of ours that reads and writes places; make is called when they have memory.
func (p *planner) kernel(name string, make func() stepper, out place, in ...place) {
	s := &step{name: name, reads: buffers(in), writes: []*buffer{out.buffer}}
	s.build = func() (kernel.Step, error) { return p.finish(name, make()) }
	p.add(s)
}

func buffers(places []place) []*buffer {
	out := make([]*buffer, len(places))
	for i, at := range places {
		out[i] = at.buffer
	}
	return out
}

// described gives a place a descriptor of oneDNN's; one that oneDNN cannot describe is copied.
func (p *planner) described(at place) (place, error) {
	if at.desc != (dnnl.Desc{}) {
		return at, nil
	}
	strides, ok := at.layout.strides()
	if ok && at.layout.nested() {
		shape := at.layout.shape()
		for d, s := range strides {
			ok = ok && (s > 0 || shape[d] == 1)
			if s <= 0 {
				strides[d] = 1
			}
		}
		if len(shape) == 0 {
			shape, strides = []int{1}, []int{1}
		}
		if ok {
			var err error
			at.desc, err = p.scope.Strided(dnnl.F32, shape, strides)
			return at, err
		}
	}
	copied, err := p.dense(at)
	if err != nil {
		return place{}, err
	}
	return p.described(copied)
}

// known is where a value lies, with a descriptor.
func (p *planner) known(v *value) (place, error) {
	at, err := p.stored(v)
	if err != nil || at.opaque {
		return at, err
	}
	return p.described(at)
}

// as is where a value lies as a primitive wants it, put there if need be. A state that has no place yet gets this one.
func (p *planner) as(v *value, want dnnl.Desc) (place, error) {
	wish, readable := readable(want)
	if readable {
		if base, l, ok := p.open(v, wish); ok {
			p.settle(base, base.maker.(*leaf), l)
		}
	}
	at, err := p.stored(v)
	if err != nil {
		return place{}, err
	}
	if readable && !at.opaque && at.layout.same(wish) {
		at.desc = want
		return at, nil
	}
	if !at.opaque {
		if at, err = p.described(at); err != nil {
			return place{}, err
		}
	}
	if at.desc.Equal(want) {
		return at, nil
	}
	return p.reorder(at, want)
}

// readable is the layout of a descriptor, where loops can read it.
func readable(d dnnl.Desc) (layout, bool) {
	from := d.Layout()
	if from.Opaque || from.Offset != 0 || !slices.Equal(from.Dims, from.Padded) {
		return layout{}, false
	}
	l := layout{dims: make([][]factor, len(from.Dims))}
	outer := slices.Clone(from.Dims)
	inner := 1
	for _, b := range slices.Backward(from.Blocks) {
		l.dims[b.Dim] = append([]factor{{b.Size, inner}}, l.dims[b.Dim]...)
		outer[b.Dim] /= b.Size
		inner *= b.Size
	}
	for d := range l.dims {
		l.dims[d] = append([]factor{{outer[d], from.Strides[d]}}, l.dims[d]...)
	}
	return l, true
}

// at is the place of memory that a descriptor describes.
func (p *planner) at(b *buffer, d dnnl.Desc) place {
	l, ok := readable(d)
	return place{buffer: b, kind: tensor.Float32, layout: l, desc: d, opaque: !ok}
}

// reorder is the same elements as a descriptor has them.
func (p *planner) reorder(from place, to dnnl.Desc) (place, error) {
	for _, c := range p.copies[from.buffer] {
		if c.of(from) && c.to.desc.Equal(to) {
			return c.to, nil
		}
	}
	primitive, err := p.scope.Reorder(from.desc, to, dnnl.Attributes{})
	if err != nil {
		return place{}, err
	}
	made := p.at(p.memory(to.Bytes()), to)
	p.copies[from.buffer] = append(p.copies[from.buffer], copied{from, made})
	return made, p.execute("Reorder", primitive, []arg{{dnnl.From, from}}, arg{dnnl.To, made})
}

// give makes memory for a value as a descriptor describes it.
func (p *planner) give(v *value, d dnnl.Desc) (place, error) {
	if d.Bytes() == 0 {
		return place{}, fmt.Errorf("a result of shape %v without memory", v.shape)
	}
	p.places[v] = p.at(p.memory(d.Bytes()), d)
	return p.places[v], nil
}

// arg is an argument of a primitive.
type arg struct {
	arg dnnl.Arg
	at  place
}

// execute adds a primitive.
func (p *planner) execute(name string, primitive *dnnl.Primitive, in []arg, out ...arg) error {
	s := &step{name: name + " " + primitive.Implementation(), reads: make([]*buffer, 0, len(in)), writes: make([]*buffer, 0, len(out)+1)}
	for _, a := range in {
		s.reads = append(s.reads, a.at.buffer)
	}
	for _, a := range out {
		s.writes = append(s.writes, a.at.buffer)
	}
	space := primitive.Want(dnnl.Scratchpad)
	if space.Bytes() > 0 {
		p.scratch.bytes = max(p.scratch.bytes, space.Bytes())
		s.writes = append(s.writes, p.scratch)
	}
	s.build = func() (kernel.Step, error) {
		var bindings []dnnl.Binding
		for _, a := range slices.Concat(in, out) {
			bindings = append(bindings, dnnl.Binding{Arg: a.arg, Desc: a.at.desc, Memory: a.at.pointer()})
		}
		if space.Bytes() > 0 {
			bindings = append(bindings, dnnl.Binding{Arg: dnnl.Scratchpad, Desc: space, Memory: p.scratch.memory})
		}
		call, err := primitive.Bind(bindings...)
		if err != nil {
			return kernel.Step{}, err
		}
		return kernel.Step{Function: call.Function(), Argument: call.Argument(), Name: s.name}, nil
	}
	p.add(s)
	return nil
}

// wish is the descriptor of a convolution's source: the primitive chooses.
func (p *planner) wish(v *value) (dnnl.Desc, error) {
	if v.shape[1] <= 4 {
		return p.scope.Any(dnnl.F32, v.shape...)
	}
	return p.free(v.shape)
}

const (
	block = 16      // channels that oneDNN's blocked layouts hold together on the widest vectors
	wide  = 32 * 32 // pixels up to which convolutions are as fast with channels last
)

// free is the descriptor of a tensor [N, C, ...] of a convolution. Channels come last where blocks would need padding, which loops cannot
// pass over, and for planes that are not wide: there blocks gain nothing in convolutions, and loops and copies are quicker without. In
// wide planes the gradient of the weights takes a quarter longer with channels last (oneDNN 3.2, AVX-512), so the primitive may choose.
func (p *planner) free(shape []int) (dnnl.Desc, error) {
	if len(shape) < 3 || shape[1]%block == 0 && size(shape[2:]) > wide {
		return p.scope.Any(dnnl.F32, shape...)
	}
	return p.channelsLast(shape)
}

func (p *planner) channelsLast(shape []int) (dnnl.Desc, error) {
	order := slices.Concat([]int{0}, all(len(shape))[2:], []int{1})
	strides := make([]int, len(shape))
	n := 1
	for _, d := range slices.Backward(order) {
		strides[d] = n
		n *= shape[d]
	}
	return p.scope.Strided(dnnl.F32, shape, strides)
}
