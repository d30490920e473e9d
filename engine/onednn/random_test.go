package onednn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/engine"
	"visus/engine/library"
	"visus/engine/ort"
	"visus/graph"
	"visus/graph/grad"
	"visus/internal/golden"
	"visus/tensor"
)

// TestRandomGraphs trains random graphs for a few steps with both engines: outputs, gradients and states agree.
func TestRandomGraphs(t *testing.T) {
	e := open(t)
	other, err := ort.Open(ort.Options{})
	var missing *library.NotFoundError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	operators := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawing(t)
		d.image()
		for range d.number("operators", 1, 12) {
			d.operator()
		}
		g, states := d.step()
		for _, n := range g.Nodes {
			operators[name(n)]++
		}
		o := engine.Options{State: states, Threads: d.number("threads", 1, 2)}
		p, err := e.Compile(context.Background(), g, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, describe(g))
		}
		defer p.Close()
		q, err := other.Compile(context.Background(), g, engine.Options{State: states, Threads: 1})
		if err != nil {
			t.Fatalf("%v\n%s", err, describe(g))
		}
		defer q.Close()
		for step := range 3 {
			compare(t, d, g, p, q, states, step)
		}
	})
	for _, op := range []string{"Conv", "ConvTranspose", "MaxPool", "MatMul", "Transpose", "Slice", "Concat", "Pad", "BatchNormalization", "ReduceMax"} {
		if operators[op] == 0 && !testing.Short() {
			t.Errorf("no graph had %s", op)
		}
	}
}

// compare runs both programs once and compares what they give and keep. After the first step they go on from the same states, so that what
// rounding did does not add up.
func compare(t *rapid.T, d *drawing, g *graph.Graph, p, q engine.Program, states []engine.State, step int) {
	t.Helper()
	inputs, before := d.inputs(p), kept(t, q, states)
	if step > 0 {
		before = kept(t, p, states)
		keep(t, q, states, before)
	}
	got, want := append(ran(t, g, p, inputs), kept(t, p, states)...), append(ran(t, g, q, inputs), kept(t, q, states)...)
	largest := 1.0
	for _, w := range want {
		for _, v := range w.Floats() {
			largest = max(largest, math.Abs(v)) // NaN stays
		}
	}
	if !(largest < 1e4) {
		t.Skip("numbers that grow without bounds") // rounding tells them apart
	}
	for i := range got { // what is 0 but for rounding differs
		err := golden.Near(got[i], want[i], 1e-3)
		if err == nil || !beyond(got[i], want[i], 2e-4*largest) {
			continue
		}
		if rounded(t, d, g, q, inputs, before, states, i, want[i], distance(got[i], want[i])/10) {
			t.Skip("a value that is nothing but rounding")
		}
		t.Fatalf("step %d, %s: %v\n%s", step, named(p, states)[i], err, describe(g))
	}
}

// rounded says whether rounding decides about a value: it moves by at least a distance where inputs and states move in their last bits. A sum of
// what was centred is such a value, times whatever follows.
func rounded(t *rapid.T, d *drawing, g *graph.Graph, q engine.Program, inputs, before []*tensor.Tensor, states []engine.State, i int,
	was *tensor.Tensor, least float64) bool {
	nudged := func(of []*tensor.Tensor) (out []*tensor.Tensor) {
		for _, v := range of {
			moved := tensor.New(v.Type(), v.Shape()...)
			for k, x := range tensor.Values[float32](v) {
				tensor.Values[float32](moved)[k] = x * float32(1+2e-7*d.random.NormFloat64())
			}
			out = append(out, moved)
		}
		return out
	}
	for range 8 {
		keep(t, q, states, nudged(before))
		now := append(ran(t, g, q, nudged(inputs)), kept(t, q, states)...)
		if !(distance(now[i], was) < least) {
			return true
		}
	}
	return false
}

// distance is that of the elements that differ most.
func distance(a, b *tensor.Tensor) (most float64) {
	y := b.Floats()
	for i, x := range a.Floats() {
		most = max(most, math.Abs(x-y[i])) // NaN stays
	}
	return most
}

// inputs are the values of a program's inputs.
func (d *drawing) inputs(p engine.Program) (out []*tensor.Tensor) {
	for _, v := range p.Inputs() {
		out = append(out, d.values[v.Name])
	}
	return out
}

// ran is what a run gives.
func ran(t *rapid.T, g *graph.Graph, p engine.Program, inputs []*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	out := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), inputs, out); err != nil {
		t.Fatalf("%v\n%s", err, describe(g))
	}
	return out
}

// kept is what the states are.
func kept(t *rapid.T, p engine.Program, states []engine.State) (out []*tensor.Tensor) {
	t.Helper()
	for _, s := range states {
		v, err := p.ReadState(s.Input, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// keep sets the states.
func keep(t *rapid.T, p engine.Program, states []engine.State, to []*tensor.Tensor) {
	t.Helper()
	for i, s := range states {
		if err := p.WriteState(s.Input, to[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// named lists the names of outputs and states.
func named(p engine.Program, states []engine.State) (out []string) {
	for _, v := range p.Outputs() {
		out = append(out, v.Name)
	}
	for _, s := range states {
		out = append(out, "state "+s.Input)
	}
	return out
}

// beyond says whether some elements differ by more than a number.
func beyond(got, want *tensor.Tensor, most float64) bool {
	b := want.Floats()
	for i, a := range got.Floats() {
		if !(math.Abs(a-b[i]) <= most) {
			return true
		}
	}
	return !slices.Equal(got.Shape(), want.Shape())
}

func describe(g *graph.Graph) string {
	var s strings.Builder
	facts, _ := g.InferShapes()
	for _, v := range g.Inputs {
		fmt.Fprintf(&s, "%s %s\n", v.Name, graph.ShapeText(v.Shape))
	}
	for _, n := range g.Nodes {
		fmt.Fprintf(&s, "%s(%s", n.Op, strings.Join(n.Inputs, ", "))
		for _, a := range n.Attributes {
			fmt.Fprintf(&s, ", %s=%v", a.Name, a.Value)
		}
		fmt.Fprintf(&s, ") -> %s %s\n", strings.Join(n.Outputs, ", "), graph.ShapeText(facts[n.Outputs[0]].Shape))
	}
	return s.String()
}

// drawing is a graph in the making.
type drawing struct {
	t          *rapid.T
	random     *rand.Rand
	b          *graph.Builder
	at         []graph.Value             // what the next operator may take
	used       map[string]bool           // some operator takes it
	parameters []string                  // inputs that are trained
	values     map[string]*tensor.Tensor // of the inputs
}

func newDrawing(t *rapid.T) *drawing {
	d := &drawing{t: t, b: graph.NewBuilder("random", 18), used: map[string]bool{}, values: map[string]*tensor.Tensor{}}
	d.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	return d
}

// image is what random graphs begin with.
func (d *drawing) image() {
	sizes := []int{1, 2, 3, 5, 8, 13, 34}
	channels, height, width := pick(d, "channels", 1, 3, 4, 8, 16, 17, 32), pick(d, "height", sizes...), pick(d, "width", sizes...)
	d.at = append(d.at, d.input("x", 1, d.number("batch", 1, 3), channels, height, width))
}

func (d *drawing) number(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(d.t, name)
}

func (d *drawing) yes(name string) bool { return rapid.Bool().Draw(d.t, name) }

func pick[T any](d *drawing, name string, choices ...T) T {
	return rapid.SampledFrom(choices).Draw(d.t, name)
}

// input is normal numbers times scale.
func (d *drawing) input(name string, scale float64, shape ...int) graph.Value {
	v := tensor.New(tensor.Float32, shape...)
	for i := range tensor.Values[float32](v) {
		tensor.Values[float32](v)[i] = float32(scale * d.random.NormFloat64())
	}
	d.values[name] = v
	return d.b.Input(name, tensor.Float32, graph.Dims(shape...)...)
}

// parameter is an input that is trained.
func (d *drawing) parameter(scale float64, shape ...int) graph.Value {
	name := fmt.Sprint("p", len(d.parameters))
	d.parameters = append(d.parameters, name)
	return d.input(name, scale, shape...)
}

// operand takes a value of one of the ranks, of any where none is named, the last made most often.
func (d *drawing) operand(ranks ...int) (graph.Value, []int, bool) {
	fit := slices.DeleteFunc(slices.Clone(d.at), func(v graph.Value) bool {
		return len(ranks) > 0 && !slices.Contains(ranks, len(v.Shape))
	})
	if len(fit) == 0 {
		return graph.Value{}, nil, false
	}
	v := fit[len(fit)-1]
	if d.number("earlier", 0, 3) == 3 {
		v = pick(d, "operand", fit...)
	}
	d.used[v.Name] = true
	shape, _ := v.Sizes()
	return v, shape, true
}

func (d *drawing) made(v graph.Value) {
	if d.b.Err() != nil {
		d.t.Fatal(d.b.Err())
	}
	d.at = append(d.at, v)
}

func (d *drawing) op(op string, inputs []graph.Value, attributes ...graph.Attribute) graph.Value {
	return d.b.Op(op, inputs, attributes...)
}

func attr(name string, value any) graph.Attribute { return graph.Attribute{Name: name, Value: value} }

func ints(values ...int) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}

// operator adds one of the families' operators, where an operand fits.
func (d *drawing) operator() {
	pick(d, "family", d.unary, d.binary, d.broadcast, d.reduction, d.convolution, d.convolution, d.deconvolution, d.pool, d.matrix, d.shape, d.cut,
		d.concat, d.pad, d.batchNorm, d.softmax, d.choice)()
}

func (d *drawing) unary() {
	x, _, _ := d.operand()
	op := pick(d, "unary", "Relu", "Relu", "Sigmoid", "Tanh", "Softplus", "Erf", "Abs", "Neg", "Exp", "Sqrt", "LeakyRelu", "Clip", "visus.Recompute")
	switch op {
	case "Exp":
		x = d.op("Tanh", []graph.Value{x})
	case "Sqrt":
		x = d.op("Softplus", []graph.Value{x})
	case "Clip":
		d.made(d.op(op, []graph.Value{x, d.b.Scalar(tensor.Float32, -0.7), d.b.Scalar(tensor.Float32, 1.1)}))
		return
	}
	d.made(d.op(op, []graph.Value{x}))
}

func (d *drawing) binary() {
	x, shape, _ := d.operand()
	y := d.input(fmt.Sprint("y", len(d.values)), 1, shape...)
	for _, v := range d.at {
		if s, _ := v.Sizes(); slices.Equal(s, shape) && d.yes("this") {
			y = v
			d.used[v.Name] = true
		}
	}
	d.made(d.op(pick(d, "binary", "Add", "Add", "Sub", "Mul", "Max", "Min"), []graph.Value{x, y}))
}

// broadcast combines a value with a parameter of fewer elements.
func (d *drawing) broadcast() {
	x, shape, _ := d.operand()
	small := slices.Clone(shape)
	for i := range small {
		if d.yes("one") {
			small[i] = 1
		}
	}
	for len(small) > 0 && small[0] == 1 && d.yes("shorter") {
		small = small[1:]
	}
	y := d.parameter(1, small...)
	op := pick(d, "broadcast", "Add", "Mul", "Sub", "Div")
	if op == "Div" {
		y = d.op("Add", []graph.Value{d.op("Softplus", []graph.Value{y}), d.b.Scalar(tensor.Float32, 0.5)})
	}
	if d.yes("swapped") && op != "Div" {
		d.made(d.op(op, []graph.Value{y, x}))
		return
	}
	d.made(d.op(op, []graph.Value{x, y}))
}

func (d *drawing) axes(rank int) []int {
	var out []int
	for i := range rank {
		if d.yes("axis") {
			out = append(out, i)
		}
	}
	return out
}

func (d *drawing) reduction() {
	x, shape, ok := d.operand(1, 2, 3, 4, 5, 6)
	axes := d.axes(len(shape))
	if !ok || len(axes) == 0 {
		return
	}
	y := d.op(pick(d, "reduction", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceLogSumExp"),
		[]graph.Value{x, d.b.Ints(ints(axes...)...)}, attr("keepdims", int64(1)))
	if d.yes("centred") {
		d.made(d.op("Sub", []graph.Value{x, y}))
		return
	}
	d.made(y)
}

func (d *drawing) convolution() {
	x, s, ok := d.operand(4)
	if !ok {
		return
	}
	out, groups := pick(d, "to", 1, 2, 4, 8, 16, 24, 32), 1
	if d.number("grouped", 0, 4) == 0 {
		groups = s[1]
		out = s[1] * d.number("times", 1, 2)
	}
	kh, kw := d.number("kernel", 1, min(3, s[2])), d.number("kernel", 1, min(3, s[3]))
	ph, pw := d.number("pad", 0, kh-1), d.number("pad", 0, kw-1)
	stride, dilation := d.number("stride", 1, 2), 1
	if d.number("dilated", 0, 5) == 0 && 2*kh-1 <= s[2] && 2*kw-1 <= s[3] {
		dilation = 2
	}
	in := []graph.Value{x, d.parameter(1/math.Sqrt(float64(s[1]/groups*kh*kw)), out, s[1]/groups, kh, kw)}
	if d.yes("bias") {
		in = append(in, d.parameter(0.5, out))
	}
	d.made(d.op("Conv", in, attr("kernel_shape", ints(kh, kw)), attr("strides", ints(stride, stride)), attr("dilations", ints(dilation, dilation)),
		attr("group", int64(groups)), attr("pads", ints(ph, pw, ph, d.number("pad", 0, pw)))))
}

func (d *drawing) deconvolution() {
	x, s, ok := d.operand(4)
	if !ok || s[2]*s[3] > 200 {
		return
	}
	out, k, stride := pick(d, "to", 1, 3, 8, 16), d.number("kernel", 1, 3), d.number("stride", 1, 2)
	in := []graph.Value{x, d.parameter(1/math.Sqrt(float64(s[1]*k*k)), s[1], out, k, k)}
	if d.yes("bias") {
		in = append(in, d.parameter(0.5, out))
	}
	d.made(d.op("ConvTranspose", in, attr("kernel_shape", ints(k, k)), attr("strides", ints(stride, stride))))
}

func (d *drawing) pool() {
	x, s, ok := d.operand(4)
	if !ok {
		return
	}
	k := d.number("kernel", 1, min(3, s[2], s[3]))
	pad := d.number("pad", 0, k/2)
	op := pick(d, "pool", "MaxPool", "AveragePool", "GlobalAveragePool")
	if op == "GlobalAveragePool" {
		d.made(d.op(op, []graph.Value{x}))
		return
	}
	stride := d.number("stride", 1, 2)
	attributes := []graph.Attribute{attr("kernel_shape", ints(k, k)), attr("strides", ints(stride, stride)), attr("pads", ints(pad, pad, pad, pad))}
	if op == "AveragePool" {
		attributes = append(attributes, attr("count_include_pad", int64(d.number("with pads", 0, 1))))
	}
	d.made(d.op(op, []graph.Value{x}, attributes...))
}

func (d *drawing) matrix() {
	x, s, ok := d.operand(2, 3, 4)
	if !ok {
		return
	}
	if len(s) == 4 && d.yes("flat") {
		x = d.op("Flatten", []graph.Value{x})
		s = []int{s[0], s[1] * s[2] * s[3]}
	}
	in, out := s[len(s)-1], pick(d, "columns", 1, 3, 10, 16, 33)
	w := d.parameter(1/math.Sqrt(float64(in)), in, out)
	if len(s) == 2 && d.yes("Gemm") {
		d.made(d.op("Gemm", []graph.Value{x, w, d.parameter(0.5, out)}))
		return
	}
	if len(s) == 2 && d.yes("with itself") {
		d.made(d.op("MatMul", []graph.Value{d.op("Transpose", []graph.Value{x}), d.op("MatMul", []graph.Value{x, w})}))
		return
	}
	d.made(d.op("MatMul", []graph.Value{x, w}))
}

func (d *drawing) shape() {
	x, s, ok := d.operand(2, 3, 4, 5)
	if !ok {
		return
	}
	if d.yes("transpose") {
		d.made(d.op("Transpose", []graph.Value{x}, attr("perm", ints(rapid.Permutation(all(len(s))).Draw(d.t, "perm")...))))
		return
	}
	at := d.number("at", 0, len(s)-1) // joined with the next or split
	to := slices.Clone(s)
	switch {
	case s[at]%2 == 0 && len(s) < 5:
		to = slices.Insert(to, at, 2)
		to[at+1] /= 2
	case at+1 < len(s):
		to[at] *= to[at+1]
		to = slices.Delete(to, at+1, at+2)
	}
	d.made(d.op("Reshape", []graph.Value{x, d.b.Ints(ints(to...)...)}))
}

func (d *drawing) cut() {
	x, s, ok := d.operand(1, 2, 3, 4, 5)
	if !ok {
		return
	}
	at := d.number("at", 0, len(s)-1)
	start := d.number("start", 0, s[at]-1)
	end, step := d.number("end", start+1, s[at]), d.number("step", 1, 2)
	if d.number("backwards", 0, 3) == 0 {
		start, end, step = s[at]-1, -s[at]-1, -1
	}
	d.made(d.op("Slice", []graph.Value{x, d.b.Ints(int64(start)), d.b.Ints(int64(end)), d.b.Ints(int64(at)), d.b.Ints(int64(step))}))
}

func (d *drawing) concat() {
	x, s, ok := d.operand(1, 2, 3, 4, 5)
	if !ok || size(s) > 20000 {
		return
	}
	y := x
	if d.yes("other") {
		y = d.op("Neg", []graph.Value{x})
	}
	d.made(d.op("Concat", []graph.Value{x, y}, attr("axis", int64(d.number("at", 0, len(s)-1)))))
}

func (d *drawing) pad() {
	x, s, ok := d.operand(2, 3, 4)
	if !ok {
		return
	}
	pads := make([]int, 2*len(s))
	for range 2 {
		pads[d.number("where", 0, len(pads)-1)] = d.number("pad", 0, 2)
	}
	d.made(d.op("Pad", []graph.Value{x, d.b.Ints(ints(pads...)...), d.b.Scalar(tensor.Float32, 0.25)}))
}

func (d *drawing) batchNorm() {
	x, s, ok := d.operand(2, 3, 4)
	if !ok || size(s)/s[1] < 4 { // fewer are badly conditioned
		return
	}
	c := s[1]
	one := d.op("Softplus", []graph.Value{d.parameter(1, c)})
	// Inputs: of equal constants ONNX Runtime keeps one, in which it then writes both running statistics.
	mean, variance := d.input(fmt.Sprint("mean", len(d.values)), 1, c), d.input(fmt.Sprint("variance", len(d.values)), 1, c)
	y := d.b.Ops("BatchNormalization", 3, []graph.Value{x, one, d.parameter(1, c), mean, variance},
		attr("training_mode", int64(1)), attr("epsilon", float32(0.1)))
	d.made(y[0])
	if d.yes("statistics") {
		d.made(y[1])
	}
}

func (d *drawing) softmax() {
	x, s, ok := d.operand(1, 2, 3, 4)
	if !ok {
		return
	}
	d.made(d.op(pick(d, "softmax", "Softmax", "LogSoftmax"), []graph.Value{x}, attr("axis", int64(d.number("axis", 0, len(s)-1)))))
}

func (d *drawing) choice() {
	x, _, _ := d.operand()
	d.made(d.op("Where", []graph.Value{d.op("Greater", []graph.Value{x, d.b.Scalar(tensor.Float32, 0.1)}), x, d.op("Tanh", []graph.Value{x})}))
}

// step makes the loss, its gradients, and the change of the parameters, which become states together with two that change places.
func (d *drawing) step() (*graph.Graph, []engine.State) {
	t := d.t
	if len(d.parameters) == 0 {
		d.broadcast()
	}
	loss := d.b.Scalar(tensor.Float32, 0)
	ends := 0
	for _, v := range d.at {
		if d.used[v.Name] && ends < len(d.at)-1 && v.Name != d.at[len(d.at)-1].Name {
			continue
		}
		ends++
		square := d.op("Mul", []graph.Value{v, d.op("Tanh", []graph.Value{v})})
		loss = d.op("Add", []graph.Value{loss, d.op("ReduceMean", []graph.Value{square}, attr("keepdims", int64(0)))})
	}
	if v := d.at[len(d.at)-1]; d.yes("given") {
		d.b.Output("last", d.op("Identity", []graph.Value{v}))
	}
	d.b.Output("loss", loss)
	g, err := d.b.Build()
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := grad.Append(g, "loss", d.parameters...)
	if err != nil && strings.Contains(err.Error(), "does not depend") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := graph.Extend(g)
	if err != nil {
		t.Fatal(err)
	}
	var states []engine.State
	for i, name := range d.parameters {
		p := b.Value(name)
		rate := b.Scalar(tensor.Float32, 0.01)
		change := b.Value(gradients[name])
		if i%2 == 0 { // with momentum
			shape, _ := p.Sizes()
			m := b.Input("m "+name, tensor.Float32, graph.Dims(shape...)...)
			change = b.Op("Add", []graph.Value{b.Op("Mul", []graph.Value{m, b.Scalar(tensor.Float32, 0.9)}), change})
			b.Output("next m "+name, change)
			states = append(states, engine.State{Input: "m " + name, Output: "next m " + name})
		} else {
			b.Output("gradient "+name, change)
		}
		next := b.Op("Sub", []graph.Value{p, b.Op("Mul", []graph.Value{change, rate})})
		b.Output("next "+name, next)
		states = append(states, engine.State{Input: name, Output: "next " + name, Initial: d.values[name]})
	}
	states = append(states, swaps(b, d)...)
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out, states
}

// swaps adds states that change places, that count, and that hold what another was before.
func swaps(b *graph.Builder, d *drawing) []engine.State {
	if !d.yes("swaps") {
		return nil
	}
	var in []graph.Value
	var states []engine.State
	for _, name := range []string{"a", "b", "c"} {
		in = append(in, b.Input(name, tensor.Float32, graph.Dims(2, 3)...))
		initial := tensor.New(tensor.Float32, 2, 3)
		for i := range 6 {
			tensor.Values[float32](initial)[i] = float32(d.random.NormFloat64())
		}
		states = append(states, engine.State{Input: name, Output: "next " + name, Initial: initial})
	}
	b.Output("next a", b.Op("Identity", in[1:2]))
	b.Output("next b", b.Op("Add", []graph.Value{in[0], in[2]}))
	b.Output("next c", b.Op("Mul", []graph.Value{in[2], b.Scalar(tensor.Float32, 0.5)}))
	return states
}
