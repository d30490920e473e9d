package graph

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"visus/tensor"
)

// Builder writes a graph operator by operator. Shapes are inferred on the way. The first error is kept, with the operator and the line
// that called it, and returned by Build; what follows it does nothing.
type Builder struct {
	*building
	scope string
}

// building is what a builder and its scopes share.
type building struct {
	graph   *Graph
	infer   *inference
	names   map[string]bool
	numbers map[string]int    // the last number behind a name
	outputs map[string]string // value -> name that Build gives it
	err     error
}

// NewBuilder starts a graph of the given name and ONNX opset (7 to 24).
func NewBuilder(name string, opset int64) *Builder {
	g := &Graph{Name: name, Producer: "visus", Metadata: map[string]string{}, Opsets: map[string]int64{"": opset}}
	b := &building{graph: g, names: map[string]bool{}, numbers: map[string]int{}, outputs: map[string]string{}}
	b.infer = &inference{facts: map[string]fact{}, opsets: g.Opsets, stated: map[string]Value{}}
	if opset < OldestOpset || opset > NewestOpset {
		b.err = fmt.Errorf("graph: opset %d is outside %d..%d", opset, OldestOpset, NewestOpset)
	}
	return &Builder{building: b}
}

// Extend returns a builder that appends to a graph that exists: Value finds what is there, Build returns g itself. Build's own changes come
// last: until then what was written is in g, but outputs that were added have inner names.
func Extend(g *Graph) (*Builder, error) {
	b := &building{graph: g, names: g.allNames(), numbers: map[string]int{}, outputs: map[string]string{}}
	b.infer = &inference{facts: map[string]fact{}, opsets: g.Opsets, stated: map[string]Value{}}
	if err := b.infer.graph(g); err != nil {
		return nil, g.fail(err)
	}
	return &Builder{building: b}, nil
}

// Value returns what is known of a value of the graph: an input, a constant or what a node makes.
func (b *Builder) Value(name string) Value {
	f, ok := b.infer.facts[name]
	if !ok {
		b.fail("Value", fmt.Errorf("the graph has no value %q", name))
		return Value{}
	}
	return Value{Name: name, Type: f.kind, Shape: f.shape}
}

// Integers returns the elements of a small value of whole numbers that is known without running anything: a constant, or what Shape, Gather
// and the like make of fixed dimensions.
func (b *Builder) Integers(v Value) ([]int64, bool) {
	c := b.infer.facts[v.Name].value
	if !c.known() || isFloat(c.kind) {
		return nil, false
	}
	return c.ints, true
}

// Numbers returns the elements of a small value that is known without running anything, as Integers does, of any numeric type.
func (b *Builder) Numbers(v Value) ([]float64, bool) {
	c := b.infer.facts[v.Name].value
	if !c.known() {
		return nil, false
	}
	if isFloat(c.kind) {
		return c.floats, true
	}
	out := make([]float64, len(c.ints))
	for i, n := range c.ints {
		out[i] = float64(n)
	}
	return out, true
}

// Scope returns a builder of the same graph that puts name before those of its nodes and constants: "layer1.0.conv1/Conv". Scopes nest with a dot.
func (b *Builder) Scope(name string) *Builder {
	return &Builder{building: b.building, scope: b.scoped(name)}
}

// Input adds an input of the graph. A dimension with a symbol and no size, Dim{Symbol: "batch"}, is free.
func (b *Builder) Input(name string, kind tensor.Type, shape ...Dim) Value {
	v := Value{Name: name, Type: kind, Shape: append([]Dim{}, shape...)}
	for i, d := range v.Shape {
		if d.Symbol != "" && d.Size == 0 {
			v.Shape[i].Size = -1
		}
	}
	if b.define("Input", name) {
		b.graph.Inputs = append(b.graph.Inputs, v)
		b.infer.facts[name] = fact{kind: kind, shape: v.Shape}
	}
	return v
}

// Initializer adds a named constant; the scope's name and a dot come before it.
func (b *Builder) Initializer(name string, t *tensor.Tensor) Value {
	return b.constant(b.scoped(name), t)
}

func (b *Builder) scoped(name string) string {
	if b.scope == "" {
		return name
	}
	return b.scope + "." + name
}

func (b *Builder) constant(name string, t *tensor.Tensor) Value {
	if t == nil {
		b.fail("Initializer", fmt.Errorf("%q has no tensor", name))
		return Value{}
	}
	v := Value{Name: name, Type: t.Type(), Shape: Dims(t.Shape()...)}
	if b.define("Initializer", name) {
		b.graph.Initializers = append(b.graph.Initializers, Initializer{Name: name, Tensor: t})
		b.infer.facts[name] = fact{kind: v.Type, shape: v.Shape, value: shapeValue(t)}
	}
	return v
}

// Constant adds a constant under a name of the builder's choice.
func (b *Builder) Constant(t *tensor.Tensor) Value {
	return b.constant(b.fresh(b.scoped("constant")), t)
}

// Ints adds a constant list of integers, such as the shape that Reshape reads.
func (b *Builder) Ints(values ...int64) Value {
	t, err := tensor.Of(values, len(values))
	if err != nil {
		b.fail("Ints", err)
		return Value{}
	}
	return b.constant(b.fresh(b.scoped("ints")), t)
}

// Scalar adds a constant without dimensions, of a floating-point type or a whole number's.
func (b *Builder) Scalar(kind tensor.Type, value float64) Value {
	c := &constant{kind: kind, shape: []int{}}
	if isFloat(kind) {
		c.floats = []float64{value}
	} else {
		c.ints = []int64{int64(value)}
	}
	t := c.tensor()
	if t == nil {
		b.fail("Scalar", fmt.Errorf("no constants of type %s", kind))
		return Value{}
	}
	return b.constant(b.fresh(b.scoped("scalar")), t)
}

// fresh is the graph's Fresh. It counts on from the last number of a wish, as a long graph has the same one thousands of times.
func (b *building) fresh(wish string) string {
	name := wish
	for i := max(b.numbers[wish], 1); b.names[name] || name == ""; i++ {
		name = wish + "_" + strconv.Itoa(i+1)
		b.numbers[wish] = i + 1
	}
	b.names[name] = true
	return name
}

func (b *Builder) define(op, name string) bool {
	if name == "" || b.infer.has(name) {
		b.fail(op, fmt.Errorf("the name %q is empty or taken", name))
	}
	b.names[name] = true
	return b.err == nil
}

func (in *inference) has(name string) bool {
	_, ok := in.facts[name]
	return ok
}

// Op adds a node of ONNX's own domain with one output. A zero Value among the inputs is an optional one left out.
func (b *Builder) Op(op string, inputs []Value, attributes ...Attribute) Value {
	return b.Ops(op, 1, inputs, attributes...)[0]
}

// Ops adds a node with several outputs. An operator may carry a domain before a dot: "visus.StopGradient".
func (b *Builder) Ops(op string, outputs int, inputs []Value, attributes ...Attribute) []Value {
	out := make([]Value, max(outputs, 1))
	if b.err != nil {
		return out
	}
	n := &Node{Op: op, Attributes: attributes}
	if at := strings.LastIndexByte(op, '.'); at >= 0 {
		n.Domain, n.Op = op[:at], op[at+1:]
		if _, ok := b.graph.Opsets[n.Domain]; !ok {
			b.graph.Opsets[n.Domain] = 1
		}
	}
	n.Name = n.Op
	if b.scope != "" {
		n.Name = b.scope + "/" + n.Op
	}
	n.Name = b.fresh(n.Name)
	for i, v := range inputs {
		if v.Name != "" && !b.infer.has(v.Name) {
			b.fail(op, fmt.Errorf("input %d, %q, is no value of this graph", i, v.Name))
			return out
		}
		n.Inputs = append(n.Inputs, v.Name)
	}
	for i := range out {
		name := n.Name + "_output_" + strconv.Itoa(i)
		n.Outputs = append(n.Outputs, b.fresh(name))
	}
	if err := b.infer.node(n); err != nil {
		b.fail(op, err)
		return out
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
	for i, name := range n.Outputs {
		f := b.infer.facts[name]
		out[i] = Value{Name: name, Type: f.kind, Shape: f.shape}
	}
	return out
}

// Inline writes the nodes and constants of another graph, whose names it changes. inputs are the values that take the place of the graph's
// inputs, in order; what comes back takes that of its outputs.
func (b *Builder) Inline(g *Graph, inputs ...Value) []Value {
	out := make([]Value, len(g.Outputs))
	if len(inputs) != len(g.Inputs) {
		b.fail("Inline", fmt.Errorf("%d values for the %d inputs of %q", len(inputs), len(g.Inputs), g.Name))
		return out
	}
	if g.Opsets[""] != b.graph.Opsets[""] {
		b.fail("Inline", fmt.Errorf("%q is written for opset %d, this graph for %d", g.Name, g.Opsets[""], b.graph.Opsets[""]))
		return out
	}
	values := map[string]Value{}
	for i, v := range g.Inputs {
		values[v.Name] = inputs[i]
	}
	for _, c := range g.Initializers {
		values[c.Name] = b.Constant(c.Tensor)
	}
	for _, n := range g.Nodes {
		b.inline(n, values)
	}
	for i, v := range g.Outputs {
		out[i] = values[v.Name]
	}
	return out
}

func (b *Builder) inline(n *Node, values map[string]Value) {
	if len(n.subgraphs()) > 0 {
		b.fail("Inline", fmt.Errorf("%s holds a graph, whose names cannot be changed", n))
	}
	op, read := n.Op, make([]Value, len(n.Inputs))
	if n.Domain != "" {
		op = n.Domain + "." + n.Op
	}
	for i, name := range n.Inputs {
		read[i] = values[name]
	}
	for i, v := range b.Ops(op, len(n.Outputs), read, n.Attributes...) {
		if i < len(n.Outputs) && n.Outputs[i] != "" {
			values[n.Outputs[i]] = v
		}
	}
}

// Output makes a value an output of the graph under a name of its own.
func (b *Builder) Output(name string, v Value) {
	if b.err != nil {
		return
	}
	if !b.infer.has(v.Name) {
		b.fail("Output", fmt.Errorf("%q is no value of this graph", v.Name))
		return
	}
	if _, twice := b.outputs[v.Name]; twice || b.graph.Producing(v.Name) == nil {
		v = b.Op("Identity", []Value{v}) // a second name, or one for an input or constant
	}
	if b.define("Output", name) {
		b.outputs[v.Name] = name
		b.infer.facts[name] = fact{kind: v.Type, shape: v.Shape}
		b.graph.Outputs = append(b.graph.Outputs, v)
	}
}

// Build returns the graph, or the first error. The builder is of no use afterwards.
func (b *Builder) Build() (*Graph, error) {
	if b.err == nil && len(b.graph.Outputs) == 0 {
		b.err = errors.New("graph: nothing was made an output")
	}
	if b.err != nil {
		return nil, b.err
	}
	for from, to := range b.outputs {
		b.graph.rename(from, to)
	}
	return b.graph, b.graph.Check()
}

// Opset is the version of the ONNX domain that the graph is written for.
func (b *Builder) Opset() int64 { return b.graph.Opsets[""] }

// Err returns the first error so far.
func (b *Builder) Err() error { return b.err }

// Fail keeps an error of a package that writes layers with the builder, where there is none yet. op names the layer.
func (b *Builder) Fail(op string, err error) { b.fail(op, err) }

// fail keeps the first error with the line outside of builders' methods that led to it.
func (b *Builder) fail(op string, err error) {
	if b.err != nil {
		return
	}
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.Contains(frame.Function, "graph.(*Builder).") && !strings.Contains(frame.Function, "nn.(*Net).") {
			b.err = fmt.Errorf("graph: %s:%d: %s: %w", filepath.Base(frame.File), frame.Line, op, err)
			return
		}
		if !more {
			b.err = fmt.Errorf("graph: %s: %w", op, err)
			return
		}
	}
}
