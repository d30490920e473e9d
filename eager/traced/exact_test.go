package traced

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"visus/eager"
	"visus/eager/slices"
	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/lower"
	"visus/tensor"
)

// pair is one function for both engines.
type pair struct {
	traced func(xs []*Tensor) []*Tensor
	slices func(xs []*slices.Tensor) []*slices.Tensor
}

// agree holds f to eager/slices. What the engine of graphs lacks is left out and counted.
func agree(t *testing.T, e engine.Engine, name string, f pair, tolerance float64, inputs ...*slices.Tensor) (ran bool) {
	t.Helper()
	want := f.slices(inputs)
	got, err := run(e, f.traced, inputs)
	if err != nil {
		if want[0].Err() == nil && !errors.Is(err, eager.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		return want[0].Err() != nil
	}
	for i := range want {
		a, err := got[i].Floats()
		if err != nil {
			t.Fatal(err)
		}
		b, err := want[i].Floats()
		if err != nil {
			t.Errorf("%s: expected the error %v, found %v", name, err, got[i])
			return true
		}
		if len(a) != len(b) || got[i].DType() != want[i].DType() {
			t.Errorf("%s: expected %v, found %v", name, want[i], got[i])
			return true
		}
		for j := range a {
			if !(a[j] == b[j] || a[j] != a[j] && b[j] != b[j] || math.Abs(a[j]-b[j]) <= tolerance*math.Max(math.Abs(b[j]), tolerance)) {
				t.Errorf("%s: result %d, element %d of %v: expected %v, found %v", name, i, j, inputs[0], b[j], a[j])
			}
		}
	}
	return true
}

// gradientOf is the gradient of sum(f(x)·w) by x, with w = 1, 2, 3, ...
func gradientOf[T eager.Grad[T]](f func(x T) T) func(xs []T) []T {
	return func(xs []T) []T {
		_, _, g, err := eager.ValueAndGrad(func(x T) (T, []T) {
			y := f(x)
			weights := eager.Reshape(x.Arange(1, eager.Size(y.Shape())+1, 1), y.Shape()...).Cast(y.DType())
			return eager.Sum(eager.Mul(y, weights), false), nil
		}, xs[0])
		if err != nil {
			return []T{xs[0].Fail(err)}
		}
		return []T{g}
	}
}

func each[T any](f func(x T) T) func(xs []T) []T { return func(xs []T) []T { return []T{f(xs[0])} } }

// guarded are functions whose unselected branch has a slope that is not finite, and others at kinks.
func guarded[T eager.Grad[T]]() map[string]func(x T) T {
	positive := func(x T) T { return eager.GreaterScalar(x, 0) }
	zero := func(x T) T { return eager.ZerosLike(x) }
	return map[string]func(x T) T{
		"guarded sqrt":    func(x T) T { return eager.Where(positive(x), eager.Sqrt(x), zero(x)) },
		"guarded log":     func(x T) T { return eager.Where(positive(x), eager.Log(x), zero(x)) },
		"guarded 1/x":     func(x T) T { return eager.Where(positive(x), eager.ScalarDiv(1, x), zero(x)) },
		"guarded square":  func(x T) T { return eager.Where(eager.IsInf(x), zero(x), eager.Square(x)) },
		"guarded product": func(x T) T { return eager.Where(eager.IsInf(x), zero(x), eager.Mul(x, x)) },
		"guarded exp":     func(x T) T { return eager.Where(positive(x), zero(x), eager.Exp(x)) },
		"guarded pow":     func(x T) T { return eager.Where(positive(x), eager.PowScalar(x, -0.5), zero(x)) },
		"guarded sin":     func(x T) T { return eager.Where(eager.IsInf(x), zero(x), eager.Sin(x)) },
		"guarded arcsin":  func(x T) T { return eager.Where(eager.LessScalar(eager.Abs(x), 1), eager.Arcsin(x), zero(x)) },
		"abs":             eager.Abs[T],
		"clip":            func(x T) T { return eager.Clip(x, -1, 1) },
		"maximum at ties": func(x T) T { return eager.MaximumScalar(x, 1) },
		"minimum of both": func(x T) T { return eager.Minimum(x, eager.Neg(x)) },
		"max of all":      func(x T) T { return eager.Max(x, false) },
		"max of an axis":  func(x T) T { return eager.Max(x, false, 1) },
		"min of axes":     func(x T) T { return eager.Min(x, true, 0) },
		"prod":            func(x T) T { return eager.Prod(x, false, 1) },
		"round":           eager.Round[T],
		"sign":            eager.Sign[T],
		"floordiv":        func(x T) T { return eager.FloorDivScalar(x, 0.3) },
		"mod":             func(x T) T { return eager.ModScalar(x, 0.3) },
		"l2":              func(x T) T { return eager.L2(x, false, 1) },
		"lp":              func(x T) T { return eager.Lp(x, 3, false) },
		"duplicates": func(x T) T {
			at := x.FromFlat(eager.Int64, []float64{1, 3, 1}, []int{3})
			values := eager.Index(eager.Flatten(x, 0, -1), eager.To(3))
			return eager.PutAt(eager.Flatten(x, 0, -1), []T{at}, values)
		},
		"gather": func(x T) T {
			at := eager.GreaterScalar(eager.Flatten(x, 0, -1), 0).Cast(eager.Int64)
			return eager.Pick(x, at)
		},
		"softmax":       func(x T) T { return eager.Softmax(x, -1) },
		"crossentropy":  func(x T) T { return eager.CrossEntropy(x, x.Arange(0, x.Shape()[0], 1)) },
		"sorted":        func(x T) T { s, _ := eager.Sort(x, 1); return s },
		"nested custom": func(x T) T { return eager.CustomVJP([]T{x}, squareOf[T], byGradient[T]) },
	}
}

func squareOf[T eager.Tensor[T]](xs []T) T { return eager.Square(xs[0]) }

// byGradient takes the gradient of another custom function inside of its own.
func byGradient[T eager.Grad[T]](xs []T, _, g T) []T {
	inner := func(x T) (T, []T) {
		return eager.Sum(eager.CustomVJP([]T{x}, squareOf[T], func(_ []T, _, g T) []T { return []T{eager.MulScalar(g, 7)} }), false), nil
	}
	_, _, d, err := eager.ValueAndGrad(inner, xs[0])
	if err != nil {
		return []T{xs[0].Fail(err)}
	}
	return []T{eager.Mul(d, g)}
}

// TestAgainstSlices: values and gradients at infinities, NaN, zeros and kinks are those of the reference engine.
func TestAgainstSlices(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	strange := slices.Wrap([]float64{-2.5, -1, -0.5, 0, 0.3, 1, 2.5, 7, nan, inf, -inf, 1e-8, 300, -300, 0.999, -1e-5}, 4, 4)
	others := slices.Wrap([]float64{2, -1, 0.5, 0, 0.3, -2, 3, -7, 1, 2, nan, 3, inf, 0.7, -inf, -0.2}, 4, 4)
	plain := slices.Wrap([]float64{-2.5, -1, 0, 1, 1, 0.5, 0, 0, 3, 3, -1, 2}, 3, 4)
	infinite := slices.Wrap([]float64{-inf, -1, 0, 1, inf, 0.5, 0, 0, 3, 3, -1, 2}, 3, 4)
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		ran, all := 0, 0
		count := func(ok bool) {
			all++
			if ok {
				ran++
			}
		}
		for d, tolerance := range map[eager.DType]float64{eager.Float32: 2e-6, eager.Float64: 1e-12, eager.Int64: 0} {
			x, y := strange.Cast(d), others.Cast(d)
			if d == eager.Int64 {
				x, y = slices.Wrap([]int64{-7, 7, -6, 0, 5}, 5), slices.Wrap([]int64{3, -3, -2, 5, 5}, 5)
			}
			for op := eager.OpAbs; op <= eager.OpNot; op++ {
				f := pair{each(func(x *Tensor) *Tensor { return x.Unary(op) }), each(func(x *slices.Tensor) *slices.Tensor { return x.Unary(op) })}
				count(agree(t, e, fmt.Sprint(d, " ", op), f, tolerance, x))
			}
			for op := eager.OpAdd; op <= eager.OpOr; op++ {
				f := pair{func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Binary(op, xs[1])} },
					func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Binary(op, xs[1])} }}
				count(agree(t, e, fmt.Sprint(d, " ", op), f, tolerance, x, y))
			}
			for op := eager.OpLess; op <= eager.OpNotEqual; op++ {
				f := pair{func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Compare(op, xs[1])} },
					func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].Compare(op, xs[1])} }}
				count(agree(t, e, fmt.Sprint(d, " ", op), f, tolerance, x, y))
			}
			for _, descending := range []bool{false, true} {
				f := pair{func(xs []*Tensor) []*Tensor { a, b := xs[0].SortWithIndex(0, descending); return []*Tensor{a, b} },
					func(xs []*slices.Tensor) []*slices.Tensor {
						a, b := xs[0].SortWithIndex(0, descending)
						return []*slices.Tensor{a, b}
					}}
				count(agree(t, e, fmt.Sprint(d, " sort"), f, tolerance, x))
			}
			for op := eager.OpSum; op <= eager.OpMax; op++ {
				f := pair{func(xs []*Tensor) []*Tensor { return []*Tensor{eager.Reduce(xs[0], op, true, -1)} },
					func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{eager.Reduce(xs[0], op, true, -1)} }}
				count(agree(t, e, fmt.Sprint(d, " ", op), f, tolerance, y)) // sums of float32 that cancel differ: they are not kept in float64 here
			}
			for _, op := range []eager.ReduceOp{eager.OpMin, eager.OpMax} {
				f := pair{func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].ArgReduce(op, 0, false)} },
					func(xs []*slices.Tensor) []*slices.Tensor { return []*slices.Tensor{xs[0].ArgReduce(op, 0, false)} }}
				count(agree(t, e, fmt.Sprint(d, " arg", op), f, 0, x))
			}
			if d == eager.Int64 {
				continue
			}
			ours, theirs := guarded[*Tensor](), guarded[*slices.Tensor]()
			for name := range ours {
				for _, x := range []*slices.Tensor{plain.Cast(d), infinite.Cast(d)} {
					count(agree(t, e, fmt.Sprint(d, " ", name), pair{each(ours[name]), each(theirs[name])}, tolerance, x))
					count(agree(t, e, fmt.Sprint(d, " gradient of ", name), pair{gradientOf(ours[name]), gradientOf(theirs[name])}, 3*tolerance, x))
				}
			}
		}
		if ran < all && strings.HasPrefix(e.Name(), "onnxruntime") {
			t.Errorf("expected ONNX Runtime to run all %d, found %d", all, ran)
		}
		t.Logf("%d of %d agree, the engine has no operators for the rest", ran, all)
	})
}

// TestRunErrors: what eager/slices refuses by its values fails when it is run.
func TestRunErrors(t *testing.T) {
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		for name, c := range map[string]struct {
			f  func(xs []*Tensor) []*Tensor
			in *slices.Tensor
		}{
			"integers by zero": {each(func(x *Tensor) *Tensor { return eager.FloorDiv(x, eager.SubScalar(x, 3)) }), slices.Wrap([]int64{1, 2, 3}, 3)},
			"rest by zero":     {each(func(x *Tensor) *Tensor { return eager.ModScalar(x, 0) }), slices.Wrap([]int64{1, 2, 3}, 3)},
			"position":         {each(func(x *Tensor) *Tensor { return eager.Pick(x, x) }), slices.Wrap([]int64{1, 2, 3}, 3)},
			"update":           {each(func(x *Tensor) *Tensor { return eager.PutAt(x, []*Tensor{x}, x) }), slices.Wrap([]int64{1, 2, -4}, 3)},
			"label": {each(func(x *Tensor) *Tensor { return eager.CrossEntropy(eager.Zeros(x, 3, 3).Cast(eager.Float32), x) }),
				slices.Wrap([]int64{0, 2, -1}, 3)},
			"singular": {each(eager.Inverse[*Tensor]), slices.Wrap([]float32{1, 2, 2, 4}, 2, 2)},
		} {
			if _, err := run(e, c.f, []*slices.Tensor{c.in}); err == nil {
				t.Errorf("%s: expected an error", name)
			} else {
				t.Log(name, err)
			}
		}
	})
}

// TestMatrices: inverses and determinants of stacks are those of the reference engine.
func TestMatrices(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	stack := eager.Normal(slices.Wrap([]float64{0}, 1), random, 0, 1, 2, 3, 5, 5)
	singular := slices.Wrap([]float64{1, 2, 2, 4, 0, 1, 1, 0}, 2, 2, 2)
	e := choicetest.Open(t, "ort")
	f := pair{func(xs []*Tensor) []*Tensor { s, l := xs[0].SlogDet(); return []*Tensor{s, l} },
		func(xs []*slices.Tensor) []*slices.Tensor { s, l := xs[0].SlogDet(); return []*slices.Tensor{s, l} }}
	for d, tolerance := range map[eager.DType]float64{eager.Float32: 2e-6, eager.Float64: 1e-11} {
		agree(t, e, "inverse", pair{each(eager.Inverse[*Tensor]), each(eager.Inverse[*slices.Tensor])}, tolerance, stack.Cast(d))
		agree(t, e, "slogdet", f, tolerance, stack.Cast(d))
		agree(t, e, "slogdet of a singular matrix", f, tolerance, singular.Cast(d))
		inverse := pair{gradientOf(eager.Inverse[*Tensor]), gradientOf(eager.Inverse[*slices.Tensor])}
		agree(t, e, "gradient of the inverse", inverse, 100*tolerance, stack.Cast(d))
		logAbs := pair{gradientOf(func(x *Tensor) *Tensor { _, l := x.SlogDet(); return l }),
			gradientOf(func(x *slices.Tensor) *slices.Tensor { _, l := x.SlogDet(); return l })}
		agree(t, e, "gradient of the logarithm", logAbs, 100*tolerance, stack.Cast(d))
	}
}

// TestEmptyTensors: tensors of no trace carry errors and do not panic.
func TestEmptyTensors(t *testing.T) {
	var none Tensor
	for name, x := range map[string]*Tensor{
		"full": none.Full(eager.Float32, 1, nil), "exp": none.Unary(eager.OpExp), "add": none.Binary(eager.OpAdd, &none),
		"custom": none.CustomVJP(nil, nil, nil), "inverse": none.Inverse(), "cast": none.Cast(eager.Int64),
		"reshape": none.Reshape(nil), "model": Model(nil)(&none), "nil": none.Binary(eager.OpAdd, nil),
	} {
		if x.Err() == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	if _, err := Graph("nil", func([]*Tensor) []*Tensor { return []*Tensor{nil} }, Spec{eager.Float32, nil}); err == nil {
		t.Error("expected an error of a result that is nil")
	}
}

// TestSavedGradient: a graph with gradients is a model like another: saved, loaded and run by whichever engine is chosen, it gives the same.
func TestSavedGradient(t *testing.T) {
	norm := func(x *Tensor) *Tensor { return eager.L2(x, false, 1) }
	g, err := Graph("gradient", gradientOf(norm), Spec{eager.Float32, []int{2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gradient.onnx")
	if err := g.Save(path, graph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	loaded, err := graph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ordinary := loaded.Clone()
	if err := lower.Lower(ordinary); err != nil {
		t.Fatal(err)
	}
	in, err := tensor.Of([]float32{3, 4, 0, 0}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*graph.Graph{"traced": g, "loaded": loaded, "lowered": ordinary} {
		for _, engineName := range []string{"auto", "ort", "onednn"} {
			program, err := choicetest.Open(t, engineName).Compile(context.Background(), g, engine.Options{})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, engineName, err)
			}
			out := []*tensor.Tensor{nil}
			if err := program.Run(context.Background(), []*tensor.Tensor{in}, out); err != nil {
				t.Fatalf("%s, %s: %v", name, engineName, err)
			}
			if text := fmt.Sprint(slices.From(out[0])); text != "float32[2 2][0.6000000238418579 0.800000011920929 0 0]" {
				t.Errorf("%s, %s: expected x/|x|, and 0 at 0, found %s", name, engineName, text)
			}
			if err := program.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// BenchmarkTraceSteps: tracing 10 and 40 signed gradient steps, each with a pull of its own.
func BenchmarkTraceSteps(b *testing.B) {
	loss := func(x *Tensor) (*Tensor, []*Tensor) { return eager.Sum(eager.Square(eager.Tanh(x)), false), nil }
	for _, steps := range []int{10, 40} {
		b.Run(fmt.Sprint(steps), func(b *testing.B) {
			for b.Loop() {
				_, err := Graph("steps", each(func(x *Tensor) *Tensor {
					for range steps {
						_, _, g, err := eager.ValueAndGrad(loss, x)
						if err != nil {
							return x.Fail(err)
						}
						x = eager.Clip(eager.Add(x, eager.MulScalar(eager.Sign(g), 0.01)), 0, 1)
					}
					return x
				}), Spec{eager.Float32, []int{3}})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
