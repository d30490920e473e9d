package enginetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
)

// behaviour is something that EagerPy's own tests assert (spec 8) and its results do not show, or that visus adds. want are results in
// C order; a nil want is an error.
type behaviour[T eager.Tensor[T]] struct {
	name   string
	inputs []*host.Tensor
	f      func(xs []T) []T
	want   []*host.Tensor
}

func vector(values ...float64) *host.Tensor { return host.Wrap(values, len(values)) }

func whole(values ...int64) *host.Tensor { return host.Wrap(values, len(values)) }

func mask(values ...bool) *host.Tensor { return host.Wrap(values, len(values)) }

func number(v float64) *host.Tensor { return host.Wrap([]float64{v}) }

func behavioursOf[T eager.Tensor[T]](e Engine[T]) []behaviour[T] {
	x, y := vector(0, 1, 2, 3, 4), vector(7, 9, 11, 13, 15)
	grid := host.Wrap([]float64{5, 1, 3, 2, 6, 4}, 2, 3)
	nan := math.NaN()
	apply := func(f func(x T) T) func(xs []T) []T { return func(xs []T) []T { return one(f(xs[0])) } }
	pair := func(f func(x, y T) T) func(xs []T) []T { return func(xs []T) []T { return one(f(xs[0], xs[1])) } }
	return []behaviour[T]{
		{"scalar on the left", []*host.Tensor{x}, apply(func(x T) T { return eager.ScalarSub(1, x) }), []*host.Tensor{vector(1, 0, -1, -2, -3)}},
		{"remainder has the divisor's sign", []*host.Tensor{vector(-7, 7, -7, 7)},
			apply(func(x T) T { return eager.Mod(x, x.FromFlat(eager.Float64, []float64{3, 3, -3, -3}, []int{4})) }),
			[]*host.Tensor{vector(2, 1, -1, -2)}},
		{"floor division of integers", []*host.Tensor{whole(-7, 7, -6)}, apply(func(x T) T { return eager.FloorDivScalar(x, 3) }),
			[]*host.Tensor{whole(-3, 2, -2)}},
		{"fractional power of a negative number", []*host.Tensor{vector(-8, 9)}, apply(func(x T) T { return eager.PowScalar(x, 0.5) }),
			[]*host.Tensor{vector(nan, 3)}},
		{"operands of two types", []*host.Tensor{x, whole(1, 2, 3, 4, 5)}, pair(eager.Add[T]), nil},
		{"comparison of two types", []*host.Tensor{x, whole(1, 2, 3, 4, 5)}, pair(eager.Less[T]), nil},
		{"shapes that do not broadcast", []*host.Tensor{x, vector(1, 2)}, pair(eager.Mul[T]), nil},
		{"mean of integers", []*host.Tensor{whole(1, 2)}, apply(func(x T) T { return eager.Mean(x, false) }), nil},
		{"logic of numbers", []*host.Tensor{x, y}, pair(eager.And[T]), nil},
		{"not of numbers", []*host.Tensor{x}, apply(eager.Not[T]), nil},
		{"all of numbers", []*host.Tensor{x}, apply(func(x T) T { return eager.All(x, false) }), nil},
		{"sum of a mask", []*host.Tensor{mask(true, false, true)}, apply(func(x T) T { return eager.Sum(x, false) }),
			[]*host.Tensor{host.Wrap([]int64{2})}},
		{"sum over no elements", []*host.Tensor{host.Wrap([]float64{}, 0)}, apply(func(x T) T { return eager.Sum(x, false) }),
			[]*host.Tensor{number(0)}},
		{"largest of no elements", []*host.Tensor{host.Wrap([]float64{}, 0)}, apply(func(x T) T { return eager.Max(x, false) }), nil},
		{"clip with crossed bounds", []*host.Tensor{x}, apply(func(x T) T { return eager.Clip(x, 3, 2) }),
			[]*host.Tensor{vector(2, 2, 2, 2, 2)}},
		{"NaN stays", []*host.Tensor{vector(1, nan), vector(nan, 2)},
			func(xs []T) []T {
				return []T{eager.Minimum(xs[0], xs[1]), eager.Maximum(xs[0], xs[1]), eager.Min(xs[0], false), eager.Max(xs[1], false)}
			}, []*host.Tensor{vector(nan, nan), vector(nan, nan), number(nan), number(nan)}},
		{"NaN sorts last", []*host.Tensor{vector(2, nan, 1, math.Inf(1))}, func(xs []T) []T { return two(eager.Sort(xs[0], 0)) },
			[]*host.Tensor{vector(1, 2, math.Inf(1), nan), whole(2, 0, 3, 1)}},
		{"sorting is stable", []*host.Tensor{vector(1, 0, 1, 0)}, func(xs []T) []T { return two(xs[0].SortWithIndex(0, true)) },
			[]*host.Tensor{vector(1, 1, 0, 0), whole(0, 2, 1, 3)}},
		{"first of ties", []*host.Tensor{vector(1, 3, 3, 1)}, func(xs []T) []T { return []T{eager.ArgMax(xs[0], 0), eager.ArgMin(xs[0], 0)} },
			[]*host.Tensor{host.Wrap([]int64{1}), host.Wrap([]int64{0})}},
		{"halves round to even", []*host.Tensor{vector(0.5, 1.5, 2.5, -0.5)}, apply(eager.Round[T]), []*host.Tensor{vector(0, 2, 2, 0)}},
		{"casts", []*host.Tensor{vector(-1.7, 0, 2.9)}, func(xs []T) []T { return []T{xs[0].Cast(eager.Int64), xs[0].Cast(eager.Bool)} },
			[]*host.Tensor{whole(-1, 0, 2), mask(true, false, true)}},
		{"the largest, first", []*host.Tensor{grid}, func(xs []T) []T { return two(eager.TopK(xs[0], 2)) },
			[]*host.Tensor{host.Wrap([]float64{5, 3, 6, 4}, 2, 2), host.Wrap([]int64{0, 2, 1, 2}, 2, 2)}},
		{"rows and back", []*host.Tensor{grid}, apply(func(x T) T {
			rows := eager.Rows(x)
			return eager.Stack(0, rows[0], rows[1:]...)
		}), []*host.Tensor{grid}},
		{"softmax of extremes", []*host.Tensor{vector(1000, -1000)}, apply(func(x T) T { return eager.Softmax(x, 0) }), []*host.Tensor{vector(1, 0)}},
		{"exp of log-softmax", []*host.Tensor{grid}, apply(func(x T) T {
			return eager.Sub(eager.Exp(eager.LogSoftmax(x, -1)), eager.Softmax(x, -1))
		}), []*host.Tensor{host.Wrap(make([]float64, 6), 2, 3)}},
		{"divergence from itself", []*host.Tensor{grid}, apply(func(x T) T { return eager.KLDivergence(x, x, 0, false) }),
			[]*host.Tensor{vector(0, 0, 0)}},
		{"an infinite one-hot", []*host.Tensor{grid, whole(0, 2)}, pair(func(x, at T) T { return eager.OneHotLike(x, at, math.Inf(1)) }),
			[]*host.Tensor{host.Wrap([]float64{math.Inf(1), 0, 0, 0, 0, math.Inf(1)}, 2, 3)}},
		{"a label out of range", []*host.Tensor{grid, vector(0, 2)}, pair(eager.CrossEntropy[T]), nil},
		{"squeezing a wide axis", []*host.Tensor{grid}, apply(func(x T) T { return eager.Squeeze(x, 0) }), nil},
		{"the last of duplicates", []*host.Tensor{x, whole(1, 3, 1), vector(10, 20, 30)},
			func(xs []T) []T { return one(eager.PutAt(xs[0], []T{xs[1]}, xs[2])) }, []*host.Tensor{vector(0, 30, 2, 20, 4)}},
		{"norms beyond the range", []*host.Tensor{vector(3e200, 4e200), vector(3e-200, 4e-200)},
			func(xs []T) []T { return []T{eager.L2(xs[0], false), eager.L2(xs[1], false), eager.Lp(xs[0], 3, true)} },
			[]*host.Tensor{number(5e200), number(5e-200), vector(4.497941445275415e200)}},
		{"random numbers are the host's", []*host.Tensor{x}, apply(func(x T) T {
			return eager.Normal(x, rand.New(rand.NewPCG(1, 2)), 3, 2, 2, 2)
		}), []*host.Tensor{eager.Normal(x, rand.New(rand.NewPCG(1, 2)), 3, 2, 2, 2)}},
		{"uniform numbers of another seed", []*host.Tensor{x}, apply(func(x T) T {
			return eager.Uniform(x, rand.New(rand.NewPCG(5, 0)), -1, 1, 3)
		}), []*host.Tensor{eager.Uniform(x, rand.New(rand.NewPCG(5, 0)), -1, 1, 3)}},
		{"a custom gradient leaves values alone", []*host.Tensor{x}, apply(func(x T) T {
			return eager.CustomVJP([]T{x}, func(xs []T) T { return eager.Square(xs[0]) }, func(xs []T, _, g T) []T { return []T{g} })
		}), []*host.Tensor{vector(0, 1, 4, 9, 16)}},
		{"errors stick", []*host.Tensor{x, vector(1, 2)}, pair(func(x, y T) T { return eager.Of(x).Add(y).Exp().Sum(false).X }), nil},
		{"a chain", []*host.Tensor{grid}, apply(func(x T) T { return eager.Of(x).Transpose().Flatten(0, -1).CumSum(0).MulScalar(2).X }),
			[]*host.Tensor{vector(10, 14, 16, 28, 34, 42)}},
	}
}

func (s *suite[T]) behaviours(t *testing.T) {
	for _, b := range behavioursOf(s.engine) {
		t.Run(b.name, func(t *testing.T) {
			got, err := s.engine.run(b.f, b.inputs)
			switch {
			case s.unsupported("behaviours", err):
				return
			case (b.want == nil) != (err != nil):
				t.Fatalf("expected an error: %v, found %v", b.want == nil, err)
			case err == nil:
				same(t, got, b.want, func(eager.DType) float64 { return 1e-12 }, false)
			}
			s.group("behaviours").Passed++
		})
	}
}

// arguments gives primitives what they cannot take: an error is expected, and no panic.
func (s *suite[T]) arguments(t *testing.T) {
	whole := eager.Range{Stop: 2, Step: 1}
	wrong := map[string]func(x T) T{
		"reduce axis":     func(x T) T { return x.Reduce(eager.OpSum, []int{2}, false) },
		"reduce -1":       func(x T) T { return x.Reduce(eager.OpSum, []int{-1}, false) },
		"reduce twice":    func(x T) T { return x.Reduce(eager.OpSum, []int{1, 1}, false) },
		"arg axis":        func(x T) T { return x.ArgReduce(eager.OpMax, 2, false) },
		"arg sum":         func(x T) T { return x.ArgReduce(eager.OpSum, 0, false) },
		"sort axis":       func(x T) T { return first(x.SortWithIndex(-1, false)) },
		"cumsum axis":     func(x T) T { return x.CumSum(5) },
		"reshape":         func(x T) T { return x.Reshape([]int{3}) },
		"reshape -1":      func(x T) T { return x.Reshape([]int{-1, 2}) },
		"transpose":       func(x T) T { return x.Transpose([]int{0, 0}) },
		"transpose short": func(x T) T { return x.Transpose([]int{0}) },
		"broadcast":       func(x T) T { return x.BroadcastTo([]int{2, 3}) },
		"broadcast rank":  func(x T) T { return x.BroadcastTo(nil) },
		"slice short":     func(x T) T { return x.Slice([]eager.Range{whole}) },
		"slice outside":   func(x T) T { return x.Slice([]eager.Range{whole, {Stop: 3, Step: 1}}) },
		"slice step 0":    func(x T) T { return x.Slice([]eager.Range{whole, {Stop: 2}}) },
		"gather axis":     func(x T) T { return x.Gather(2, x.Arange(0, 1, 1)) },
		"gather floats":   func(x T) T { return x.Gather(0, x) },
		"scatter floats":  func(x T) T { return x.ScatterSet(x, x) },
		"scatter count":   func(x T) T { return x.ScatterSet(x.Arange(0, 3, 1), x) },
		"concat axis":     func(x T) T { return x.Concat(2, []T{x}) },
		"concat shapes":   func(x T) T { return x.Concat(0, []T{eager.Transpose(eager.Zeros(x, 3, 2))}) },
		"concat types":    func(x T) T { return x.Concat(0, []T{x.Cast(eager.Int64)}) },
		"pad short":       func(x T) T { return x.Pad([][2]int{{0, 1}}, 0) },
		"pad negative":    func(x T) T { return x.Pad([][2]int{{0, 1}, {-1, 0}}, 0) },
		"matmul":          func(x T) T { return x.MatMul(eager.Zeros(x, 3, 2)) },
		"matmul vector":   func(x T) T { return x.MatMul(eager.Zeros(x, 2)) },
		"matmul integers": func(x T) T { return x.Cast(eager.Int64).MatMul(x.Cast(eager.Int64)) },
		"full":            func(x T) T { return x.Full(eager.Float64, 0, []int{-1}) },
		"flat":            func(x T) T { return x.FromFlat(eager.Float64, []float64{1}, []int{2}) },
		"arange":          func(x T) T { return x.Arange(0, 1, 0) },
		"where":           func(x T) T { return x.Where(x, x) },
		"half an integer": func(x T) T { return x.Cast(eager.Int64).BinaryScalar(eager.OpAdd, 0.5, false) },
		"divide integers": func(x T) T { return x.Cast(eager.Int64).Binary(eager.OpDiv, x.Cast(eager.Int64)) },
		"sqrt of integer": func(x T) T { return x.Cast(eager.Int64).Unary(eager.OpSqrt) },
		"product of mask": func(x T) T { return x.Cast(eager.Bool).Binary(eager.OpSub, x.Cast(eager.Bool)) },
		"inverse":         func(x T) T { return eager.Zeros(x, 2).Inverse() },
		"determinant":     func(x T) T { return first(eager.Zeros(x, 2).SlogDet()) },
	}
	names := make([]string, 0, len(wrong))
	for name := range wrong {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			_, err := s.engine.run(func(xs []T) []T { return one(wrong[name](xs[0])) }, []*host.Tensor{host.Wrap([]float64{1, 2, 3, 4}, 2, 2)})
			if s.unsupported("wrong arguments", err) {
				return
			}
			if err == nil {
				t.Fatal("expected an error")
			}
			s.group("wrong arguments").Passed++
		})
	}
}
