package gonumeng_test

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"visus/eager"
	"visus/eager/enginetest"
	"visus/eager/gonumeng"
)

// The engine has what the constraints ask for, but no gradients.
var (
	_ eager.Eager[*gonumeng.Tensor]              = (*gonumeng.Tensor)(nil)
	_ eager.Native[*gonumeng.Tensor, *mat.Dense] = (*gonumeng.Tensor)(nil)
)

func TestGoldenConformance(t *testing.T) {
	groups := enginetest.Run(t, enginetest.InDouble(enginetest.Looking("gonumeng", gonumeng.From)))
	enginetest.Document(t, "../../docs/eager.md", "gonumeng", groups)
}

// TestPartOfAMatrix: a view with another stride is read as it is.
func TestPartOfAMatrix(t *testing.T) {
	whole := mat.NewDense(3, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	part := gonumeng.Wrap(whole.Slice(1, 3, 0, 2).(*mat.Dense))
	got, err := eager.Add(part, eager.Sum(part, true, 1)).Floats()
	if text := fmt.Sprint(got); err != nil || text != "[13 14 22 23]" {
		t.Errorf("expected rows plus their sums, found %s, %v", text, err)
	}
}

// pair is a structure of parameters.
type pair[T any] struct{ weights, bias T }

func (p pair[T]) Leaves() []T                   { return []T{p.weights, p.bias} }
func (p pair[T]) WithLeaves(leaves []T) pair[T] { return pair[T]{leaves[0], leaves[1]} }

func unit[T eager.Tensor[T]](p pair[T]) pair[T] {
	return pair[T]{eager.Div(p.weights, eager.L2(p.weights, false)), eager.Div(p.bias, eager.L2(p.bias, false))}
}

// TestLift: functions of tensors on gonum's own matrices.
func TestLift(t *testing.T) {
	x := mat.NewDense(1, 2, []float64{3, 4})
	length := eager.Lift1(gonumeng.Wrap, func(x *gonumeng.Tensor) *gonumeng.Tensor { return eager.L2(x, false) })
	if got, err := length(x); err != nil || got.At(0, 0) != 5 {
		t.Errorf("expected 5, found %v, %v", got, err)
	}
	sum := eager.Lift2(gonumeng.Wrap, eager.Add[*gonumeng.Tensor])
	if got, err := sum(x, x); err != nil || got.At(0, 1) != 8 {
		t.Errorf("expected 8, found %v, %v", got, err)
	}
	if _, err := sum(x, mat.NewDense(3, 3, nil)); err == nil {
		t.Error("expected an error for shapes that do not broadcast")
	}
	lifted := eager.LiftTree[pair[*mat.Dense], pair[*mat.Dense]](gonumeng.Wrap, unit[*gonumeng.Tensor])
	got, err := lifted(pair[*mat.Dense]{x, mat.NewDense(1, 1, []float64{-2})})
	if err != nil || got.weights.At(0, 0) != 0.6 || got.bias.At(0, 0) != -1 {
		t.Errorf("expected 0.6 and -1, found %v, %v", got, err)
	}
}
