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
