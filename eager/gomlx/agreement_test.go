package gomlx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"visus/eager"
	"visus/eager/slices"
)

// agree runs f here and on the reference engine and compares the results to a relative error.
func agree(t *testing.T, name string, tolerance float64, here func(xs []*Tensor) []*Tensor, there func(xs []*slices.Tensor) []*slices.Tensor,
	inputs ...*slices.Tensor) {
	t.Helper()
	got, err := run(open(t), here, inputs)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for i, want := range there(inputs) {
		if fmt.Sprint(got[i].DType(), got[i].Shape()) != fmt.Sprint(want.DType(), want.Shape()) {
			t.Errorf("%s: expected %v%v, found %v%v", name, want.DType(), want.Shape(), got[i].DType(), got[i].Shape())
			return
		}
		a, _ := got[i].Floats()
		b, err := want.Floats()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for k := range b {
			equal := a[k] == b[k] || a[k] != a[k] && b[k] != b[k] || math.Abs(a[k]-b[k]) <= tolerance*math.Abs(b[k])
			if !equal {
				t.Errorf("%s: element %d: expected %v, found %v", name, k, b[k], a[k])
			}
		}
	}
}

// TestSpecialValues: functions of zeros, halves, infinities, NaN, and very large and small numbers, alone and in all pairs.
func TestSpecialValues(t *testing.T) {
	special := []float64{0, math.Copysign(0, -1), 0.5, 1.5, 2.5, -0.5, -1.5, 1, -1, 2, -2, 0.3, -0.7, 3, 1e-9, -1e-9, 40, -40, 1e9, 5e15, 1e300, -1e300,
		math.Inf(1), math.Inf(-1), math.NaN()}
	x := slices.Wrap(special, len(special))
	compared := 0
	for op := eager.OpAbs; op <= eager.OpIsInf; op++ {
		in := x
		if op == eager.OpSin || op == eager.OpCos || op == eager.OpTan { // reduction of huge angles is each engine's own
			in = slices.Wrap(special[:18], 18)
		}
		agree(t, op.String(), 4e-15, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Unary(op)} },
			func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Unary(op)} }, in)
		compared++
	}
	y := x.Reshape([]int{len(special), 1})
	for op := eager.OpAdd; op <= eager.OpMaximum; op++ {
		agree(t, op.String(), 4e-15, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Binary(op, xs[1])} },
			func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Binary(op, xs[1])} }, x, y)
		compared++
	}
	for op := eager.OpLess; op <= eager.OpNotEqual; op++ {
		agree(t, op.String(), 0, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Compare(op, xs[1])} },
			func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Compare(op, xs[1])} }, x, y)
		compared++
	}
	whole := slices.Wrap([]int64{-7, -6, -1, 0, 1, 5, 9, math.MaxInt64}, 8)
	by := slices.Wrap([]int64{-3, 3, 1, -1, 4}, 5, 1)
	for op := eager.OpAdd; op <= eager.OpMaximum; op++ {
		if op == eager.OpDiv || op == eager.OpPow {
			continue
		}
		agree(t, op.String()+" of integers", 0, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Binary(op, xs[1])} },
			func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Binary(op, xs[1])} }, whole, by)
		compared++
	}
	t.Logf("%d functions compared", compared)
}

// TestShapes: what moves elements, on tensors of three axes, and the gradient of the sum of what it gives times itself.
func TestShapes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	values := make([]float64, 2*3*4)
	for i := range values {
		values[i] = random.NormFloat64()
	}
	in := slices.Wrap(values, 2, 3, 4)
	here, there := moves[*Tensor](), moves[*slices.Tensor]()
	for name := range here {
		agree(t, name, 1e-13, valueAndGradient(here[name]), valueAndGradient(there[name]), in)
	}
	t.Logf("%d functions and gradients compared", len(here))
}

func valueAndGradient[T eager.Grad[T]](f func(x T) T) func(xs []T) []T {
	return func(xs []T) []T {
		_, aux, g, err := eager.ValueAndGrad(func(x T) (T, []T) {
			y := f(x)
			return eager.Sum(eager.Square(y), false), []T{y}
		}, xs[0])
		if err != nil {
			return []T{xs[0].Fail(err), xs[0].Fail(err)}
		}
		return []T{aux[0], g}
	}
}

func moves[T eager.Tensor[T]]() map[string]func(x T) T {
	index := func(x T) T { return x.FromFlat(eager.Int64, []float64{0, -1, 2, 2, 1, 0}, []int{2, 3}) }
	return map[string]func(x T) T{
		"gather 1":    func(x T) T { return x.Gather(1, index(x)) },
		"gather 2":    func(x T) T { return x.Gather(2, index(x)) },
		"gather one":  func(x T) T { return x.Gather(1, x.Full(eager.Int64, -2, nil)) },
		"gather none": func(x T) T { return eager.Add(eager.Sum(x, false), eager.Sum(x.Gather(1, x.Arange(0, 0, 1)), false)) },
		"slice":       func(x T) T { return eager.Index(x, eager.At(1), eager.Span(1, 3, 1), eager.Every(2)) },
		"slice back":  func(x T) T { return eager.Index(x, eager.Every(-1), eager.Every(-2), eager.Span(3, 0, -1)) },
		"empty":       func(x T) T { return eager.Concatenate(1, x, eager.Index(x, eager.Whole, eager.Span(1, 1, 1))) },
		"pad":         func(x T) T { return eager.Pad(x, -1, [2]int{1, 0}, [2]int{0, 0}, [2]int{2, 1}) },
		"reflect":     func(x T) T { return eager.PadReflect(x, [2]int{0, 1}, [2]int{2, 0}, [2]int{0, 3}) },
		"transpose":   func(x T) T { return eager.Transpose(x, 1, 2, 0) },
		"broadcast": func(x T) T {
			return eager.Mul(eager.Index(x, eager.At(0), eager.Whole, eager.NewAxis, eager.At(1)), x.Reshape([]int{2, 3, 4}))
		},
		"sum":         func(x T) T { return eager.Sum(x, false, 0, -1) },
		"mean":        func(x T) T { return eager.Mean(x, true, 1) },
		"prod":        func(x T) T { return eager.Prod(x, false, 1, 2) },
		"max":         func(x T) T { return eager.Max(x, true, 0, 2) },
		"cumsum":      func(x T) T { return eager.CumSum(x, 1) },
		"sort":        func(x T) T { return first2(eager.Sort(x, 1)) },
		"top":         func(x T) T { return first2(eager.TopK(x, 3)) },
		"along":       func(x T) T { return eager.TakeAlongAxis(x, eager.ArgSort(x, 2), 2) },
		"concatenate": func(x T) T { return eager.Concatenate(2, x, eager.Flip(x, 0), x) },
		"tile":        func(x T) T { return eager.Tile(x, 1, 2, 3) },
		"put": func(x T) T {
			return eager.Put(x, []eager.Part{eager.Whole, eager.At(1)}, eager.Index(x, eager.Whole, eager.At(2)))
		},
		"matmul":       func(x T) T { return eager.MatMul(eager.Reshape(x, 6, 4), eager.Reshape(x, 4, 6)) },
		"inverse":      func(x T) T { return eager.Index(x, eager.Whole, eager.Whole, eager.To(3)).Inverse() },
		"determinants": func(x T) T { _, l := eager.Index(x, eager.Whole, eager.Whole, eager.From(1)).SlogDet(); return l },
		"softmax":      func(x T) T { return eager.Softmax(x, 1) },
		"single":       func(x T) T { return eager.Exp(x.Cast(eager.Float32)).Cast(eager.Float64).Cast(eager.Float32) },
	}
}

func first2[T any](a, _ T) T { return a }
