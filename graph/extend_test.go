package graph

import (
	"testing"

	"visus/tensor"
)

func TestExtendAppends(t *testing.T) {
	b := NewBuilder("small", 18)
	x := b.Input("x", tensor.Float32, Dims(2, 3)...)
	b.Output("y", b.Scope("layer").Op("Mul", []Value{x, b.Scope("layer").Scalar(tensor.Float32, 2)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Extend(g)
	if err != nil {
		t.Fatal(err)
	}
	shape := e.Op("Shape", []Value{e.Value("y")})
	if got, ok := e.Integers(shape); !ok || len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("the shape of y is known as %v, %v", got, ok)
	}
	e.Output("z", e.Scope("layer").Add(e.Value("y"), e.Scope("layer").Scalar(tensor.Float32, 1)))
	again, err := e.Build()
	if err != nil {
		t.Fatal(err)
	}
	if again != g || len(g.Outputs) != 2 || g.Outputs[1].Name != "z" || g.Producing("y") == nil {
		t.Errorf("outputs are %v", g.Outputs)
	}
	if e, err = Extend(g); err != nil {
		t.Fatal(err)
	}
	if e.Value("nothing"); e.Err() == nil {
		t.Error("a value that does not exist is no error")
	}
}

func TestInlineWritesAnotherGraph(t *testing.T) {
	half := NewBuilder("half", 18)
	x := half.Input("x", tensor.Float32, Dims(2, 3)...)
	half.Output("y", half.Op("Div", []Value{x, half.Scalar(tensor.Float32, 2)}))
	g, err := half.Build()
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder("quarter", 18)
	once := b.Inline(g, b.Input("x", tensor.Float32, Dims(2, 3)...))
	b.Output("y", b.Inline(g, once...)[0])
	whole, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Nodes) != 2 || whole.Nodes[1].Inputs[0] != whole.Nodes[0].Outputs[0] || whole.Nodes[1].Outputs[0] != "y" {
		t.Errorf("nodes are %v", whole.Nodes)
	}
	if b = NewBuilder("none", 18); b.Inline(g) == nil || b.Err() == nil {
		t.Error("a missing input is no error")
	}
	if b = NewBuilder("old", 17); b.Inline(g, b.Input("x", tensor.Float32)) == nil || b.Err() == nil {
		t.Error("another opset is no error")
	}
}
