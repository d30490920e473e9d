package enginetest

import (
	"math"
	"slices"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
)

// differentiable are functions of a 3 by 3 matrix with elements in (0.1, 0.9), far from kinks.
func differentiable[T eager.Tensor[T]]() map[string]func(x T) T {
	all := map[string]func(x T) T{
		"cast":        func(x T) T { return x.Cast(eager.Float64) },
		"cumsum":      func(x T) T { return eager.CumSum(x, 0) },
		"pad":         func(x T) T { return eager.Pad(x, 2, [2]int{1, 0}, [2]int{0, 2}) },
		"reflect":     func(x T) T { return eager.PadReflect(x, [2]int{1, 2}, [2]int{0, 2}) },
		"matmul":      func(x T) T { return x.MatMul(eager.Square(x)) },
		"inverse":     func(x T) T { return eager.Stack(0, x, eager.Square(x)).Inverse() },
		"slogdet":     func(x T) T { return second(x.SlogDet()) },
		"put":         func(x T) T { return eager.Put(x, []eager.Part{eager.At(1)}, eager.Index(x, eager.At(0))) },
		"pick":        func(x T) T { return eager.Pick(x, x.FromFlat(eager.Int64, []float64{2, 0, 2}, []int{3})) },
		"along":       func(x T) T { return eager.TakeAlongAxis(x, eager.ArgSort(x, 0), 0) },
		"sort":        func(x T) T { return first(eager.Sort(x, 1)) },
		"topk":        func(x T) T { return first(eager.TopK(x, 2)) },
		"prod":        func(x T) T { return eager.Prod(x, false, 1) },
		"min":         func(x T) T { return eager.Min(x, false, 0) },
		"max":         func(x T) T { return eager.Max(x, true) },
		"mean":        func(x T) T { return eager.Mean(x, true, -1) },
		"l2":          func(x T) T { return eager.L2(x, false, 1) },
		"l3":          func(x T) T { return eager.Lp(x, 3, false, 1) },
		"softmax":     func(x T) T { return eager.Softmax(x, 0) },
		"kl":          func(x T) T { return eager.KLDivergence(x, eager.Transpose(x), 1, false) },
		"where":       func(x T) T { return eager.GreaterScalar(x, 0.5).Where(eager.Exp(x), eager.Neg(x)) },
		"clip":        func(x T) T { return eager.Clip(x, 0.3, 0.6) },
		"flip":        func(x T) T { return eager.Mul(x, eager.Flip(x, 1)) },
		"tile":        func(x T) T { return eager.Mul(eager.Tile(x, 2, 1), eager.Concatenate(0, x, eager.Exp(x))) },
		"broadcast":   func(x T) T { return eager.Mul(eager.Index(x, eager.At(0)), x) },
		"one hot":     func(x T) T { return eager.Mul(x, eager.OneHotLike(x, x.Arange(0, 3, 1), 2)) },
		"custom":      func(x T) T { return eager.CustomVJP([]T{eager.Exp(x)}, squares[T], slopes[T]) },
		"scalar left": func(x T) T { return eager.ScalarPow(2, eager.ScalarDiv(1, x)) },
	}
	for name, op := range unaries {
		if op < eager.OpIsNaN && op != eager.OpArccosh { // arccosh needs elements above 1
			all[name] = func(x T) T { return x.Unary(op) }
		}
	}
	all["arccosh"] = func(x T) T { return eager.Arccosh(eager.AddScalar(x, 1)) }
	for name, op := range binaries {
		if op < eager.OpAnd {
			all[name] = func(x T) T { return x.Binary(op, eager.Add(eager.Transpose(x), eager.Scalar(x, 0.07))) }
		}
	}
	return all
}

func squares[T eager.Tensor[T]](xs []T) T { return eager.Square(xs[0]) }

func slopes[T eager.Tensor[T]](xs []T, _, g T) []T {
	return []T{eager.MulScalar(eager.Mul(g, xs[0]), 2)}
}

// gradients holds those of sum(f(x)²) to central differences in float64 (step 1e-6, so an error of about 1e-9), which the reference engine
// takes.
func (s *suite[T]) gradients(t *testing.T) {
	if s.engine.grad == nil {
		return
	}
	functions, reference := differentiable[T](), differentiable[*host.Tensor]()
	names := make([]string, 0, len(functions))
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	data := []float64{0.31, 0.72, 0.15, 0.83, 0.24, 0.55, 0.47, 0.66, 0.39}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			got, err := s.engine.run(func(xs []T) []T {
				_, _, g, err := s.engine.grad(func(x T) (T, []T) { return sum(eager.Square(functions[name](x))), nil }, xs[0])
				if err != nil {
					return one(xs[0].Fail(err))
				}
				return one(g)
			}, []*host.Tensor{host.Wrap(data, 3, 3)})
			if s.unsupported("gradients", err) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			meetsDifferences(t, got[0], data, func(x *host.Tensor) *host.Tensor { return sum(eager.Square(reference[name](x))) })
			s.group("gradients").Passed++
		})
	}
}

func meetsDifferences(t *testing.T, gradient *host.Tensor, data []float64, loss func(x *host.Tensor) *host.Tensor) {
	t.Helper()
	got, err := gradient.Floats()
	if err != nil || len(got) != len(data) {
		t.Fatalf("expected %d elements, found %v, %v", len(data), gradient, err)
	}
	const step = 1e-6
	at := func(i int, move float64) float64 {
		moved := slices.Clone(data)
		moved[i] += move
		v, err := loss(host.Wrap(moved, 3, 3)).Item()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, g := range got {
		want := (at(i, step) - at(i, -step)) / (2 * step)
		if !(math.Abs(g-want) <= 1e-6*math.Max(1, math.Abs(want))) {
			t.Errorf("element %d: expected %v by differences, found %v", i, want, g)
		}
	}
}
