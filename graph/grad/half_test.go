package grad

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// withoutHalf are operators of which ONNX Runtime 1.32 runs the forward pass with no float16 numbers: it refuses Celu and scatters that add,
// and writes MeanVarianceNormalization as a function that mixes types.
var withoutHalf = []string{"Celu", "ScatterElements", "ScatterND", "MeanVarianceNormalization"}

// TestHalfPrecision: gradients of a float16 graph are float16, and those of the same graph in float32 but for rounding. Numbers of up to 10 in 11
// bits, and sums of their products, are some hundredths off.
func TestHalfPrecision(t *testing.T) {
	e := runtime(t)
	for _, family := range specimens {
		for _, op := range slices.Sorted(maps.Keys(family)) {
			if slices.Contains(withoutHalf, op) {
				continue
			}
			t.Run(op, func(t *testing.T) {
				for seed := range 4 {
					half, single := drawnAgain(op, tensor.Float16, family[op], seed), drawnAgain(op, tensor.Float32, family[op], seed)
					if err := alike(e, half, single); err != nil {
						t.Errorf("draw %d: %v", seed, err)
					}
				}
			})
		}
	}
}

// drawnAgain draws the same specimen in another type.
func drawnAgain(op string, kind tensor.Type, draw func(s *specimen), seed int) *specimen {
	return rapid.Custom(func(r *rapid.T) *specimen {
		s := newSpecimen(r, kind, max(newest[op], graph.CommonOpset))
		draw(s)
		return s
	}).Example(seed)
}

// alike compares the gradients of one specimen in two types.
func alike(e engine.Engine, half, single *specimen) error {
	got, err := half.all(e)
	if err != nil {
		return err
	}
	want, err := single.all(e)
	if err != nil {
		return err
	}
	for i, name := range half.wrt {
		a, b := got[i].Floats(), want[i].Floats()
		largest := 1.0
		for _, v := range b {
			largest = max(largest, math.Abs(v))
		}
		for k := range a {
			if !(math.Abs(a[k]-b[k]) <= 0.02*largest) {
				return fmt.Errorf("d/d%s[%d] is %g, in float32 %g", name, k, a[k], b[k])
			}
		}
		if got[i].Type() != half.values[name].Type() {
			return fmt.Errorf("d/d%s is %s", name, got[i].Type())
		}
	}
	return nil
}

// all differentiates the specimen and returns the gradients of all that it was made with.
func (s *specimen) all(e engine.Engine) ([]*tensor.Tensor, error) {
	g, err := s.b.Build()
	if err != nil {
		return nil, err
	}
	cotangents, err := s.seed(g)
	if err != nil {
		return nil, err
	}
	names, err := VJP(g, s.outputs, cotangents, s.wrt)
	if err != nil {
		return nil, err
	}
	return s.gradients(e, g, names)
}
