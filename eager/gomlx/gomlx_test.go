package gomlx

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"visus/eager"
	"visus/eager/enginetest"
	"visus/eager/slices"
)

// The engine has what the constraints ask for; it has no data, so it is no eager.Eager.
var (
	_ eager.Grad[*Tensor]                = (*Tensor)(nil)
	_ eager.Native[*Tensor, *graph.Node] = (*Tensor)(nil)
)

func open(t testing.TB) backends.Backend {
	t.Helper()
	backend, err := Go()
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

// run compiles f, runs it on the inputs and returns the results.
func run(backend backends.Backend, f func(xs []*Tensor) []*Tensor, inputs []*slices.Tensor) ([]*slices.Tensor, error) {
	places := make([]shapes.Shape, len(inputs))
	for i, x := range inputs {
		places[i] = shapes.Make(kinds[x.DType()], x.Shape()...)
	}
	function, err := Compile(backend, f, places...)
	if err != nil {
		return nil, err
	}
	defer function.Close()
	return function.Call(inputs...)
}

func TestGoldenConformance(t *testing.T) {
	backend := open(t)
	engine := enginetest.Tracing("gomlx", func(f func(xs []*Tensor) []*Tensor, inputs []*slices.Tensor) ([]*slices.Tensor, error) {
		return run(backend, f, inputs)
	})
	groups := enginetest.Run(t, enginetest.Differentiating(engine))
	enginetest.Document(t, "../../docs/eager.md", "gomlx", groups)
}

// TestSortsAsSlicesDo: the network gives the order of the reference, whatever the length, with ties, NaN, infinities and the lowest integer.
func TestSortsAsSlicesDo(t *testing.T) {
	backend, random := open(t), rand.New(rand.NewPCG(7, 0))
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, 1, 2}
	compared := 0
	for n := 1; n <= 20; n++ {
		values := make([]float64, 3*n)
		for i := range values {
			values[i] = special[random.IntN(len(special))]
		}
		floats := slices.Wrap(values, 3, n)
		whole := slices.Wrap([]int64{math.MinInt64, math.MaxInt64, 0, 5, 5}[:min(n, 5)], min(n, 5))
		for _, descending := range []bool{false, true} {
			for _, in := range []*slices.Tensor{floats, floats.Cast(eager.Float32), floats.Transpose([]int{1, 0}), whole, floats.Cast(eager.Bool)} {
				axis := len(in.Shape()) - 1
				if n%2 == 0 {
					axis = 0
				}
				got, err := run(backend, func(xs []*Tensor) []*Tensor {
					sorted, index := xs[0].SortWithIndex(axis, descending)
					return []*Tensor{sorted, index}
				}, []*slices.Tensor{in})
				if err != nil {
					t.Fatal(err)
				}
				sorted, index := in.SortWithIndex(axis, descending)
				if want := fmt.Sprint(sorted, index); fmt.Sprint(got[0], got[1]) != want {
					t.Fatalf("%v, descending %v: expected %s, found %v", in, descending, want, got)
				}
				compared++
			}
		}
	}
	t.Logf("%d orders compared", compared)
}

// TestRunsThatFail: what depends on values is an error when the function is run.
func TestRunsThatFail(t *testing.T) {
	backend := open(t)
	for name, c := range map[string]struct {
		in   *slices.Tensor
		f    func(x *Tensor) *Tensor
		kind error
	}{
		"position beyond":   {slices.Wrap([]int64{0, 3}, 2), func(x *Tensor) *Tensor { return x.Arange(0, 3, 1).Gather(0, x) }, eager.ErrIndex},
		"position before":   {slices.Wrap([]int64{-4}, 1), func(x *Tensor) *Tensor { return x.Arange(0, 3, 1).ScatterSet(x, x) }, eager.ErrIndex},
		"division by 0":     {slices.Wrap([]int64{3, 0}, 2), func(x *Tensor) *Tensor { return eager.ScalarMod(7, x) }, eager.ErrEngine},
		"a singular matrix": {slices.Wrap([]float64{1, 2, 2, 4}, 2, 2), func(x *Tensor) *Tensor { return x.Inverse() }, eager.ErrEngine},
		"an unknown op":     {slices.Wrap([]float64{1}), func(x *Tensor) *Tensor { return eager.Elementary(eager.OpExp, x) }, eager.ErrUnsupported},
	} {
		_, err := run(backend, func(xs []*Tensor) []*Tensor { return []*Tensor{c.f(xs[0])} }, []*slices.Tensor{c.in})
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: expected an error of kind %v, found %v", name, c.kind, err)
		}
	}
	x := slices.Wrap([]int64{-1, 2}, 2)
	got, err := run(backend, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Arange(5, 8, 1).Gather(0, xs[0])} }, []*slices.Tensor{x})
	if err != nil || fmt.Sprint(got[0]) != "int64[2][7 7]" {
		t.Errorf("expected the last twice, found %v, %v", got, err)
	}
}

// TestGradientsAreEager: at kinks, and where a slope is not finite, gradients are those of the reference engine.
func TestGradientsAreEager(t *testing.T) {
	backend := open(t)
	in := slices.Wrap([]float64{0, 1, -1, 2, 2, 0}, 6)
	compared := 0
	for name, f := range atKinks[*Tensor]() {
		loss := func(x *Tensor) (*Tensor, []*Tensor) { return eager.Sum(f(x), false), nil }
		got, err := run(backend, func(xs []*Tensor) []*Tensor {
			_, _, g, err := eager.ValueAndGrad(loss, xs[0])
			if err != nil {
				return []*Tensor{xs[0].Fail(err)}
			}
			return []*Tensor{g}
		}, []*slices.Tensor{in})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same := atKinks[*slices.Tensor]()[name]
		_, _, want, err := eager.ValueAndGrad(func(x *slices.Tensor) (*slices.Tensor, []*slices.Tensor) { return eager.Sum(same(x), false), nil }, in)
		if err != nil || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%s: expected %v, found %v, %v", name, want, got[0], err)
		}
		compared++
	}
	t.Logf("%d gradients compared", compared)
}

func atKinks[T eager.Tensor[T]]() map[string]func(x T) T {
	return map[string]func(x T) T{
		"abs":      eager.Abs[T],
		"l2":       func(x T) T { return eager.L2(eager.MulScalar(x, 0), false) },
		"minimum":  func(x T) T { return eager.MinimumScalar(x, 1) },
		"maximum":  func(x T) T { return eager.Maximum(x, eager.Flip(x, 0)) },
		"clip":     func(x T) T { return eager.Clip(x, 0, 2) },
		"max":      func(x T) T { return eager.Max(x, false) },
		"max axis": func(x T) T { return eager.Max(eager.Reshape(x, 2, 3), false, 0) },
		"min axis": func(x T) T { return eager.Min(eager.Reshape(x, 3, 2), true, 1) },
		"sqrt":     eager.Sqrt[T],
		"where":    func(x T) T { return eager.Where(eager.GreaterScalar(x, 0), eager.Log(x), eager.Scalar(x, 0)) },
		"round":    func(x T) T { return eager.Add(eager.Round(x), eager.Mul(x, eager.Floor(x))) },
		"sign":     func(x T) T { return eager.Mul(x, eager.Sign(x)) },
		"cast":     func(x T) T { return eager.Mul(x, x.Cast(eager.Int64).Cast(eager.Float64)) },
		"mask":     func(x T) T { return eager.Mul(x, eager.GreaterScalar(x, 0).Cast(eager.Float64)) },
		"floordiv": func(x T) T { return eager.Mul(x, eager.FloorDivScalar(x, 0.7)) },
		"pow":      func(x T) T { return eager.Pow(x, eager.AddScalar(eager.MulScalar(x, 0), 2)) },
		"prod":     func(x T) T { return eager.Prod(eager.Reshape(x, 2, 3), false, 1) },
		"put": func(x T) T {
			return eager.PutAt(x, []T{x.FromFlat(eager.Int64, []float64{1, 1}, []int{2})}, eager.Index(x, eager.Span(2, 4, 1)))
		},
		"every":    func(x T) T { return eager.Square(eager.Index(x, eager.Every(-2))) },
		"not used": func(x T) T { return eager.Full(x, 3, 2) },
		"labels": func(x T) T {
			return eager.CrossEntropy(eager.Reshape(x, 2, 3), x.FromFlat(eager.Int64, []float64{2, 0}, []int{2}))
		},
	}
}

// TestSeveralPulls: each pull is a gradient of its own; an input that is not used has zeros; second derivatives go through eager's rules too.
func TestSeveralPulls(t *testing.T) {
	cube := func(x *Tensor) *Tensor { return eager.Mul(x, eager.Square(x)) }
	got, err := run(open(t), func(xs []*Tensor) []*Tensor {
		y, _, pull, err := xs[0].VJP(func(in []*Tensor) (*Tensor, []*Tensor) { return cube(in[0]), nil }, xs)
		if err != nil {
			return []*Tensor{xs[0].Fail(err)}
		}
		first, err := pull(eager.OnesLike(y))
		if err != nil {
			return []*Tensor{xs[0].Fail(err)}
		}
		second, err := pull(eager.MulScalar(y, 2))
		if err != nil {
			return []*Tensor{xs[0].Fail(err)}
		}
		_, _, twice, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
			_, _, inner, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return eager.Sum(cube(x), false), nil }, x)
			if err != nil {
				return x.Fail(err), nil
			}
			return eager.Sum(inner, false), nil
		}, xs[0])
		if err != nil {
			return []*Tensor{xs[0].Fail(err)}
		}
		return []*Tensor{first[0], second[0], second[1], twice}
	}, []*slices.Tensor{slices.Wrap([]float32{1, 2}, 2), slices.Wrap([]float32{5}, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(got); text != "[float32[2][3 12] float32[2][6 192] float32[1][0] float32[2][6 12]]" {
		t.Errorf("expected 3x², 6x⁵, 0 and 6x, found %s", text)
	}
}

// TestNative: nodes of GoMLX inside a generic function, under differentiation, and a generic function as one of GoMLX's own.
func TestNative(t *testing.T) {
	backend := open(t)
	got, err := run(backend, func(xs []*Tensor) []*Tensor {
		_, _, g, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
			node, err := eager.Abs(x).Raw()
			if err != nil {
				return x.Fail(err), nil
			}
			return eager.Sum(eager.Square(x.Wrap(graph.Erf(node))), false), nil
		}, xs[0])
		if err != nil {
			return []*Tensor{xs[0].Fail(err)}
		}
		return []*Tensor{g}
	}, []*slices.Tensor{slices.Wrap([]float64{0.5, -1}, 2)})
	if err != nil {
		t.Fatal(err)
	}
	slopes, err := got[0].Floats()
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range []float64{0.5, -1} {
		want := 2 * math.Erf(math.Abs(x)) * 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) * math.Copysign(1, x)
		if math.Abs(slopes[i]-want) > 1e-6 {
			t.Errorf("element %d: expected %v, found %v", i, want, slopes[i])
		}
	}
	length := eager.Lift1(Wrap, func(x *Tensor) *Tensor { return eager.L2(x, false) })
	out, err := graph.ExecOnce(backend, func(x *graph.Node) *graph.Node {
		y, err := length(x)
		if err != nil {
			panic(err)
		}
		return graph.AddScalar(y, 1)
	}, []float64{3, 4})
	if err != nil || tensors.ToScalar[float64](out) != 6 {
		t.Errorf("expected 6, found %v, %v", out, err)
	}
}

func TestJit(t *testing.T) {
	scale := Jit2(open(t), func(x, y *Tensor) *Tensor { return eager.Div(x, eager.L2(y, true)) })
	for _, n := range []int{2, 3, 2} {
		x := tensors.FromScalarAndDimensions(6.0, n)
		y := tensors.FromFlatDataAndDimensions([]float64{3, 4}, 2)
		out, err := scale(x, y)
		if err != nil || tensors.MustCopyFlatData[float64](out)[n-1] != 1.2 {
			t.Errorf("expected 1.2, found %v, %v", out, err)
		}
	}
	square := Jit1(open(t), func(x *Tensor) *Tensor { return x.MatMul(x) })
	if _, err := square(tensors.FromScalarAndDimensions(6.0, 2)); !errors.Is(err, eager.ErrShape) {
		t.Errorf("expected a shape error, found %v", err)
	}
	var group sync.WaitGroup
	for n := range 8 { // side by side, some with the same shape
		group.Go(func() {
			x := tensors.FromScalarAndDimensions(2.0, 1+n%3, 1+n%3)
			for range 20 {
				out, err := square(x)
				if err != nil || tensors.MustCopyFlatData[float64](out)[0] != float64(4*(1+n%3)) {
					t.Errorf("expected %d, found %v, %v", 4*(1+n%3), out, err)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 1000, 150528} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			add := Jit2(open(b), eager.Add[*Tensor])
			x := tensors.FromScalarAndDimensions(float32(1), n)
			for b.Loop() {
				if _, err := add(x, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSort sorts float32 numbers, with the network here and with slices.
func BenchmarkSort(b *testing.B) {
	for _, n := range []int{100, 10000} {
		random, values := rand.New(rand.NewPCG(1, 0)), make([]float32, n)
		for i := range values {
			values[i] = random.Float32()
		}
		b.Run(fmt.Sprint("gomlx ", n), func(b *testing.B) {
			order := Jit1(open(b), func(x *Tensor) *Tensor { return eager.ArgSort(x, 0) })
			x := tensors.FromFlatDataAndDimensions(values, n)
			for b.Loop() {
				if _, err := order(x); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("slices ", n), func(b *testing.B) {
			x := slices.Wrap(values, n)
			for b.Loop() {
				if err := eager.ArgSort(x, 0).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// rescaled is a small function: x brought to length 1, clipped.
func rescaled[T eager.Tensor[T]](x T) T {
	return eager.Clip(eager.Div(x, eager.L2(x, true, 1)), -0.1, 0.1)
}

func BenchmarkRescale(b *testing.B) {
	b.Run("gomlx", func(b *testing.B) {
		f := Jit1(open(b), rescaled[*Tensor])
		x := tensors.FromScalarAndDimensions(float32(0.5), 4, 784)
		for b.Loop() {
			if _, err := f(x); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("slices", func(b *testing.B) {
		x := eager.AddScalar(slices.Wrap(make([]float32, 4*784), 4, 784), 0.5)
		for b.Loop() {
			if err := rescaled(x).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
