package engine

import (
	"errors"
	"testing"

	"visus/graph"
	"visus/tensor"
)

func TestCheckInputs(t *testing.T) {
	want := []graph.Value{
		{Name: "x", Type: tensor.Float32, Shape: []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: 3}, {Size: -1}}},
		{Name: "any"},
	}
	x, other := tensor.New(tensor.Float32, 5, 3, 0), tensor.New(tensor.Bool)
	cases := []struct {
		given   []*tensor.Tensor
		message string
	}{
		{[]*tensor.Tensor{x, other}, ""},
		{[]*tensor.Tensor{x}, `2 inputs expected (x, any), found 1`},
		{[]*tensor.Tensor{x, nil}, `input "any" is missing`},
		{[]*tensor.Tensor{tensor.New(tensor.Float16, 5, 3, 2), other}, `input "x": float32 [batch 3 ?] expected, found float16 [5 3 2]`},
		{[]*tensor.Tensor{tensor.New(tensor.Float32, 5, 4, 2), other}, `input "x": float32 [batch 3 ?] expected, found float32 [5 4 2]`},
		{[]*tensor.Tensor{tensor.New(tensor.Float32, 5, 3), other}, `input "x": float32 [batch 3 ?] expected, found float32 [5 3]`},
	}
	for _, c := range cases {
		err := CheckInputs(want, c.given)
		if message(err) != c.message {
			t.Errorf("got %q, want %q", message(err), c.message)
		}
	}
	if err := CheckOutputs(want, []*tensor.Tensor{nil, nil}); err != nil {
		t.Errorf("outputs left to the engine: %v", err)
	}
	if got := message(CheckOutputs(want, []*tensor.Tensor{other, nil})); got != `output "x": float32 [batch 3 ?] expected, found room for bool []` {
		t.Errorf("got %q", got)
	}
	if got := message(CheckOutputs(want, nil)); got != "2 outputs expected (x, any), found room for 0" {
		t.Errorf("got %q", got)
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("no")
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Engine: "ort", Model: "m.onnx", Err: cause}, "ort: m.onnx: no"},
		{Error{Engine: "ort", Model: "m.onnx", Node: "/a/Conv", Operator: "Conv", Err: cause}, `ort: m.onnx: node "/a/Conv" (Conv): no`},
		{Error{Engine: "ort", Model: "m.onnx", Node: "/a/Conv", Err: cause}, `ort: m.onnx: node "/a/Conv": no`},
		{Error{Engine: "ort", Model: "m.onnx", Operator: "Conv", Err: cause}, "ort: m.onnx: operator Conv: no"},
	} {
		if c.e.Error() != c.want || !errors.Is(&c.e, cause) {
			t.Errorf("got %q, want %q", c.e.Error(), c.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
