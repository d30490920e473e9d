package graph

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"visus/tensor"
)

// flattened is what PyTorch writes for x.view(x.size(0), -1): the shape read, its first entry taken, joined with -1.
func flattened(t testing.TB, batch Dim) *Graph {
	b := NewBuilder("flatten", 13)
	x := b.Input("x", tensor.Float32, batch, Dim{Size: 64}, Dim{Size: 7}, Dim{Size: 7})
	at, err := tensor.Of([]int64{0})
	if err != nil {
		t.Fatal(err)
	}
	first := b.Op("Gather", []Value{b.Op("Shape", []Value{x}), b.Initializer("zero", at)})
	row := b.Op("Unsqueeze", []Value{first, b.Ints(0)})
	shape := b.Op("Concat", []Value{row, b.Ints(-1)}, Attribute{Name: "axis", Value: int64(0)})
	b.Output("y", b.Op("Reshape", []Value{x, shape}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSymbolsThroughShapeArithmetic(t *testing.T) {
	g := flattened(t, Dim{Size: -1, Symbol: "batch"})
	values, err := g.InferShapes()
	if err != nil {
		t.Fatal(err)
	}
	want := []Dim{{Size: -1, Symbol: "batch"}, {Size: 3136}}
	if got := values["y"].Shape; !slices.Equal(got, want) {
		t.Errorf("[batch,64,7,7] becomes %v, expected %v", got, want)
	}
	nodes := len(g.Nodes)
	if err := g.FoldConstants(); err != nil {
		t.Fatal(err)
	}
	if legal(t, g); len(g.Nodes) != nodes {
		t.Errorf("with a free batch %d of %d nodes are left, expected all", len(g.Nodes), nodes)
	}
	if err := g.FixDims(map[string][]int{"batch": {5}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := g.Outputs[0].Sizes(); !slices.Equal(got, []int{5, 3136}) {
		t.Errorf("with a batch of 5 the output is %v", got)
	}
	if err := g.FoldConstants(); err != nil {
		t.Fatal(err)
	}
	expect(t, g, nil, "Reshape x,Concat_output_0 > y")
	if got := tensor.Values[int64](g.Constant("Concat_output_0").Tensor); !slices.Equal(got, []int64{5, -1}) {
		t.Errorf("the folded shape is %v", got)
	}
	if err := g.FreeBatch("n"); err != nil {
		t.Fatal(err)
	}
	legal(t, g)
	if got, want := g.Outputs[0].Shape, []Dim{{Size: -1, Symbol: "n"}, {Size: 3136}}; !slices.Equal(got, want) {
		t.Errorf("freed again, the output is %v, expected %v", got, want)
	}
}

func TestReshape(t *testing.T) {
	n := Dim{Size: -1, Symbol: "n"}
	d := func(size int) Dim { return Dim{Size: size} }
	cases := []struct {
		in, target, want []Dim
		zeros, fails     bool
	}{
		{in: Dims(2, 3, 4), target: Dims(0, -1), want: Dims(2, 12)},
		{in: Dims(2, 3, 4), target: Dims(24), want: Dims(24)},
		{in: Dims(2, 3, 4), target: Dims(25), fails: true},
		{in: Dims(2, 3, 4), target: Dims(5, -1), fails: true},
		{in: Dims(2), target: Dims(1, 0), fails: true},
		{in: Dims(0, 3), target: Dims(3, 0), want: Dims(3, 0), zeros: true},
		{in: Dims(1), target: []Dim{}, want: []Dim{}},
		{in: []Dim{n, d(6)}, target: Dims(-1, 3), want: []Dim{free, d(3)}},
		{in: []Dim{n, d(6)}, target: Dims(-1, 2, 3), want: []Dim{n, d(2), d(3)}},
		{in: []Dim{n, d(6)}, target: []Dim{n, d(2), free}, want: []Dim{n, d(2), d(3)}},
		{in: []Dim{n, d(6)}, target: Dims(6, -1), want: []Dim{d(6), n}},
		{in: nil, target: Dims(0, 4), want: []Dim{free, d(4)}},
	}
	for _, c := range cases {
		got, err := reshape(c.in, c.target, c.zeros)
		if c.fails != (err != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%v as %v: %v (%v), expected %v", c.in, c.target, got, err, c.want)
		}
	}
}

// TestSpan compares the closed form of slices with a walk along the axis by ONNX's rule: Python's, but for a start before the axis, which
// is moved to its first element with a negative step too.
func TestSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 7).Draw(t, "n")
		start, end := rapid.Int64Range(-9, 9).Draw(t, "start"), rapid.Int64Range(-9, 9).Draw(t, "end")
		step := rapid.SampledFrom([]int64{1, 2, 3, -1, -2, -3}).Draw(t, "step")
		first, last := start, end
		if first < 0 {
			first += int64(n)
		}
		if last < 0 {
			last += int64(n)
		}
		var want []int
		if step > 0 {
			for i := max(first, 0); i < min(last, int64(n)); i += step {
				want = append(want, int(i))
			}
		} else {
			for i := min(max(first, 0), int64(n)-1); i > max(last, -1); i += step {
				want = append(want, int(i))
			}
		}
		at, count := span(int64(n), start, end, step)
		var got []int
		for i := range count {
			got = append(got, at+i*int(step))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("[%d:%d:%d] of %d elements takes %v, expected %v", start, end, step, n, got, want)
		}
	})
}

// TestEvaluate: one line an operator; the numbers are NumPy's.
func TestEvaluate(t *testing.T) {
	list := func(shape []int, values ...int64) *constant {
		return &constant{kind: tensor.Int64, shape: shape, ints: values}
	}
	real := func(values ...float64) *constant {
		return &constant{kind: tensor.Float32, shape: []int{len(values)}, floats: values}
	}
	truths := &constant{kind: tensor.Bool, shape: []int{2}, ints: []int64{1, 0}}
	at := func(name string, v any) []Attribute { return []Attribute{{Name: name, Value: v}} }
	square := list([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	cases := []struct {
		op         string
		attributes []Attribute
		in         []*constant
		want       *constant
	}{
		{"Add", nil, []*constant{square, vector(10, 20, 30)}, list([]int{2, 3}, 11, 22, 33, 14, 25, 36)},
		{"Sub", nil, []*constant{vector(5, 3), vector(1, 4)}, vector(4, -1)},
		{"Mul", nil, []*constant{vector(5, 3), list(nil, 2)}, vector(10, 6)},
		{"Div", nil, []*constant{vector(7, -7), vector(2)}, vector(3, -3)},
		{"Div", nil, []*constant{vector(7), vector(0)}, nil},
		{"Div", nil, []*constant{real(1), real(3)}, real(float64(float32(1) / 3))},
		{"Mod", nil, []*constant{vector(7), vector(4)}, vector(3)},
		{"Max", nil, []*constant{vector(7, 1), vector(4)}, vector(7, 4)},
		{"Neg", nil, []*constant{vector(7, -1)}, vector(-7, 1)},
		{"Floor", nil, []*constant{real(1.5, -1.5)}, real(1, -2)},
		{"Cast", at("to", int64(7)), []*constant{real(1.9, -1.9)}, vector(1, -1)},
		{"Cast", at("to", int64(1)), []*constant{vector(3)}, real(3)},
		{"Equal", nil, []*constant{vector(1, 2), vector(1, 3)}, truths},
		{"Less", nil, []*constant{vector(1, 4), vector(3)}, truths},
		{"Not", nil, []*constant{truths}, &constant{kind: tensor.Bool, shape: []int{2}, ints: []int64{0, 1}}},
		{"Where", nil, []*constant{truths, vector(1, 2), vector(3, 4)}, vector(1, 4)},
		{"Gather", at("axis", int64(1)), []*constant{square, vector(2, -3)}, list([]int{2, 2}, 3, 1, 6, 4)},
		{"Gather", nil, []*constant{vector(1, 2), vector(2)}, nil},
		{"Slice", nil, []*constant{square, vector(-1), vector(-1 << 62), vector(1), vector(-2)}, list([]int{2, 2}, 3, 1, 6, 4)},
		{"Concat", at("axis", int64(1)), []*constant{square, list([]int{2, 1}, 7, 8)}, list([]int{2, 4}, 1, 2, 3, 7, 4, 5, 6, 8)},
		{"Transpose", nil, []*constant{square}, list([]int{3, 2}, 1, 4, 2, 5, 3, 6)},
		{"Reshape", nil, []*constant{square, vector(3, -1)}, list([]int{3, 2}, 1, 2, 3, 4, 5, 6)},
		{"Unsqueeze", nil, []*constant{vector(1, 2), vector(-1)}, list([]int{2, 1}, 1, 2)},
		{"Squeeze", nil, []*constant{list([]int{1, 2}, 1, 2)}, vector(1, 2)},
		{"Expand", nil, []*constant{vector(1, 2), vector(2, 1)}, list([]int{2, 2}, 1, 2, 1, 2)},
		{"Expand", nil, []*constant{vector(1), vector(1<<40, 1<<40)}, nil},
		{"Range", nil, []*constant{list(nil, 5), list(nil, 0), list(nil, -2)}, vector(5, 3, 1)},
		{"Range", nil, []*constant{list(nil, 0), list(nil, 1<<39), list(nil, 1)}, nil},
		{"ConstantOfShape", nil, []*constant{vector(2)}, real(0, 0)},
		{"ConstantOfShape", nil, []*constant{vector(1<<31, 1<<31)}, nil},
		{"ReduceProd", at("keepdims", int64(0)), []*constant{vector(2, 3, 4)}, list(nil, 24)},
	}
	for _, c := range cases {
		n := &Node{Op: c.op, Attributes: c.attributes, Inputs: []string{"a", "b", "c", "d", "e"}[:len(c.in)], Outputs: []string{"y"}}
		got := evaluate(&evaluation{Node: n, in: c.in, opset: 17})
		if (got == nil) != (c.want == nil) || got != nil && (got.kind != c.want.kind || !slices.Equal(got.shape, c.want.shape) ||
			!slices.Equal(got.ints, c.want.ints) || !slices.Equal(got.floats, c.want.floats)) {
			t.Errorf("%s of %v: %+v, expected %+v", c.op, c.in, got, c.want)
		}
	}
}
