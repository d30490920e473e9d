package onednn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// TestGather: indices that are inputs; gradients scatter them, by products for few rows and by updates for many.
func TestGather(t *testing.T) {
	for _, c := range []struct{ axis, rows int }{{0, 5}, {0, 700}, {1, 4}, {2, 6}} {
		s := newSketch(uint64(c.rows))
		shape := []int{3, 3, 3}
		shape[c.axis] = c.rows
		x, at := s.floats(-1, 1, shape...), s.indices(c.rows, false, 4, 30)
		s.hold(t, 1e-5, s.Op("Gather", []graph.Value{x, at}, attribute("axis", int64(c.axis))))
	}
}

func TestGatherND(t *testing.T) {
	for batch := range int64(2) {
		s := newSketch(uint64(batch))
		x, at := s.floats(-1, 1, 4, 4, 4, 5), s.indices(4, false, 4, 7, 2)
		s.hold(t, 1e-5, s.Op("GatherND", []graph.Value{x, at}, attribute("batch_dims", batch)))
	}
}

// TestGatherElements has as many indices as entries beside the axis, and fewer.
func TestGatherElements(t *testing.T) {
	for axis := range int64(3) {
		for _, shape := range [][]int{{6, 6, 300}, {4, 5, 2}} {
			s := newSketch(uint64(axis))
			x, at := s.floats(-1, 1, 6, 6, 300), s.indices(6, false, shape...)
			s.hold(t, 1e-5, s.Op("GatherElements", []graph.Value{x, at}, attribute("axis", axis)))
		}
	}
}

func TestScatterElements(t *testing.T) {
	for _, reduction := range []string{"none", "add", "mul", "max", "min"} {
		for _, shape := range [][]int{{5, 300}, {3, 20}} {
			s := newSketch(uint64(len(reduction)))
			x, at, updates := s.floats(-1, 1, 5, 300), s.indices(300, reduction == "none", shape...), s.floats(-1, 1, shape...)
			if reduction != "none" && reduction != "add" {
				s.wrt = nil // no gradient
			}
			s.hold(t, 1e-5, s.Op("ScatterElements", []graph.Value{x, at, updates}, attribute("axis", int64(1)), attribute("reduction", reduction)))
		}
	}
}

// TestScatterND adds at places that occur again and again; on one thread, on which ONNX Runtime does so too.
func TestScatterND(t *testing.T) {
	for _, reduction := range []string{"none", "add"} {
		s := newSketch(5)
		x, updates := s.floats(-1, 1, 70, 3, 40), s.floats(-1, 1, 60, 40)
		at := s.Op("Unsqueeze", []graph.Value{s.indices(70, reduction == "none", 60), s.Ints(1)})
		at = s.Op("Concat", []graph.Value{at, s.Op("Mod", []graph.Value{at, s.Ints(3)})}, attribute("axis", int64(1)))
		s.hold(t, 1e-5, s.Op("ScatterND", []graph.Value{x, at, updates}, attribute("reduction", reduction)))
	}
}

// TestIndicesOutside: a run reports them, and the next one with better indices works.
func TestIndicesOutside(t *testing.T) {
	e := open(t)
	s := newSketch(6)
	s.Output("y", s.Op("GatherElements", []graph.Value{s.floats(-1, 1, 3, 4), s.indices(3, false, 2, 4)}))
	g, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(context.Background(), g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	good := []*tensor.Tensor{s.values["x0"], s.values["i1"]}
	bad := tensor.New(tensor.Int64, 2, 4)
	copy(tensor.Values[int64](bad), tensor.Values[int64](good[1]))
	for _, index := range []int64{3, -4, math.MaxInt64, math.MinInt64} {
		tensor.Values[int64](bad)[5] = index
		err := p.Run(context.Background(), []*tensor.Tensor{good[0], bad}, make([]*tensor.Tensor, 1))
		if err == nil || !strings.Contains(err.Error(), "an index is outside of its dimension") {
			t.Errorf("index %d: error %v", index, err)
		}
	}
	if err := p.Run(context.Background(), good, make([]*tensor.Tensor, 1)); err != nil {
		t.Error(err)
	}
}

// TestTopK: equal entries stay in order.
func TestTopK(t *testing.T) {
	for axis := range int64(3) {
		for largest := range int64(2) {
			for _, k := range []int64{1, 3, 6} {
				s := newSketch(uint64(k))
				x := s.floats(-1, 1, 6, 6, 6)
				for i, v := range tensor.Values[float32](s.values[x.Name]) {
					tensor.Values[float32](s.values[x.Name])[i] = float32(math.Round(float64(v) * 3)) // many are equal
				}
				s.hold(t, 1e-6, s.Ops("TopK", 2, []graph.Value{x, s.Ints(k)}, attribute("axis", axis), attribute("largest", largest))...)
			}
		}
	}
}

// TestTopKOfNaN: NaN is larger than every number.
func TestTopKOfNaN(t *testing.T) {
	s := newSketch(7)
	x := s.floats(-1, 1, 5)
	copy(tensor.Values[float32](s.values[x.Name]), []float32{1, float32(math.NaN()), 3, float32(math.Inf(1)), 2})
	for i, largest := range []int64{1, 0} {
		s.Output(fmt.Sprint("y", i), s.Ops("TopK", 2, []graph.Value{x, s.Ints(3)}, attribute("largest", largest))[1])
	}
	g, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int64{{1, 3, 2}, {0, 4, 2}} {
		if got := tensor.Values[int64](s.run(t, open(t), g, 1)[i]); !slices.Equal(got, want) {
			t.Errorf("places %v, expected %v", got, want)
		}
	}
}

func TestCumSum(t *testing.T) {
	for axis := range int64(3) {
		for mode := range int64(4) {
			s := newSketch(uint64(mode))
			x := s.floats(-1, 1, 5, 40, 300)
			y := s.Op("CumSum", []graph.Value{x, s.Scalar(tensor.Int64, float64(axis))}, attribute("exclusive", mode&1), attribute("reverse", mode>>1))
			s.hold(t, 1e-5, y)
		}
	}
}

// TestIntegers: arithmetic of large integers is exact.
func TestIntegers(t *testing.T) {
	s := newSketch(8)
	a, b := s.indices(1<<32, false, 3, 1), s.indices(1<<20, false, 1, 4)
	b = s.Op("Add", []graph.Value{s.Op("Abs", []graph.Value{b}), s.Scalar(tensor.Int64, 1)})
	var outputs []graph.Value
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Mod", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"} {
		outputs = append(outputs, s.Op(op, []graph.Value{a, b}))
	}
	small := s.indices(1<<30, false, 3, 1) // ONNX Runtime 1.30's Min, Max and Sign look at the lower 32 bits
	outputs = append(outputs, s.Op("Min", []graph.Value{small, b}), s.Op("Max", []graph.Value{small, b}))
	outputs = append(outputs, s.Op("Where", []graph.Value{outputs[5], a, b}), s.Op("Neg", []graph.Value{a}), s.Op("Sign", []graph.Value{small}))
	outputs = append(outputs, s.Op("Cast", []graph.Value{b}, attribute("to", graph.TypeNumber(tensor.Int32))))
	s.hold(t, 0, outputs...)
}

// TestCastToIntegers cuts towards zero.
func TestCastToIntegers(t *testing.T) {
	s := newSketch(9)
	x := s.floats(-5, 5, 40)
	s.wrt = nil
	var outputs []graph.Value
	for _, to := range []tensor.Type{tensor.Int64, tensor.Int32} {
		outputs = append(outputs, s.Op("Cast", []graph.Value{x}, attribute("to", graph.TypeNumber(to))))
	}
	s.hold(t, 0, outputs...)
}
