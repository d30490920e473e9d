package traced

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"visus/eager"
	"visus/eager/enginetest"
	"visus/eager/slices"
	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/tensor"
)

// The engine has what the constraints ask for; it has no data, so it is no eager.Eager.
var _ eager.Grad[*Tensor] = (*Tensor)(nil)

// run traces f, runs it on the inputs and returns the results.
func run(e engine.Engine, f func(xs []*Tensor) []*Tensor, inputs []*slices.Tensor) ([]*slices.Tensor, error) {
	specs := make([]Spec, len(inputs))
	for i, x := range inputs {
		specs[i] = Spec{x.DType(), x.Shape()}
	}
	function, err := Compile(context.Background(), e, engine.Options{}, f, specs...)
	if err != nil {
		return nil, err
	}
	defer function.Close()
	return function.Call(context.Background(), inputs...)
}

// TestGoldenConformance runs the suite on every engine of graphs.
func TestGoldenConformance(t *testing.T) {
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		one := func(f func(xs []*Tensor) []*Tensor, inputs []*slices.Tensor) ([]*slices.Tensor, error) {
			return run(e, f, inputs)
		}
		groups := enginetest.Run(t, enginetest.Differentiating(enginetest.Tracing("traced", one)))
		if strings.HasPrefix(e.Name(), "onnxruntime") { // what it lacks; oneDNN, which computes in float32, leaves the rest to it
			enginetest.Document(t, "../../docs/eager.md", "traced", groups)
		}
	})
}

// TestModel: a loaded model inside a traced function, differentiated by its input, saved and run again.
func TestModel(t *testing.T) {
	b := graph.NewBuilder("dense", 20)
	x := b.Input("x", tensor.Float32, graph.Dim{Size: -1, Symbol: "n"}, graph.Dim{Size: 2})
	weights, err := tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	b.Output("y", b.Gemm(b.Relu(x), b.Initializer("w", weights), graph.Value{}))
	model, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		in := slices.Wrap([]float32{1, -1, 2, 3}, 2, 2)
		got, err := run(e, func(xs []*Tensor) []*Tensor {
			y, _, g, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return eager.Sum(Model(model)(x), false), nil }, xs[0])
			if err != nil {
				return []*Tensor{xs[0].Fail(err)}
			}
			return []*Tensor{y, g}
		}, []*slices.Tensor{in})
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(got[0], got[1]); text != "float32[][63] float32[2 2][9 0 9 12]" {
			t.Errorf("expected the sum and columns' sums where x is positive, found %s", text)
		}
	})
	two := func(xs []*Tensor) []*Tensor { return []*Tensor{eager.Softmax(Model(model)(xs[0]), 1)} }
	g, err := Graph("softmax", two, Spec{eager.Float32, []int{4, 2}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "softmax.onnx")
	if err := g.Save(path, graph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	back, err := graph.Load(path)
	if err != nil || len(back.Outputs) != 1 || back.Opsets[""] != 20 {
		t.Errorf("expected one output of opset 20, found %v, %v", back, err)
	}
}

// TestSeveralPulls: each pull writes a gradient of its own; an input that is not used has zeros, and a second derivative is one of the graph.
func TestSeveralPulls(t *testing.T) {
	e := choicetest.Open(t, "ort")
	cube := func(x *Tensor) *Tensor { return eager.Mul(x, eager.Square(x)) }
	got, err := run(e, func(xs []*Tensor) []*Tensor {
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

// TestOneTrace: a custom gradient that reaches for a tensor from outside is told so.
func TestOneTrace(t *testing.T) {
	_, err := Graph("outside", func(xs []*Tensor) []*Tensor {
		return []*Tensor{eager.CustomVJP(xs, func(in []*Tensor) *Tensor { return eager.Exp(in[0]) },
			func(_ []*Tensor, _, g *Tensor) []*Tensor { return []*Tensor{eager.Mul(g, xs[0])} })}
	}, Spec{eager.Float32, []int{2}})
	if !errors.Is(err, eager.ErrUnsupported) || !strings.Contains(err.Error(), "another trace") {
		t.Errorf("expected a tensor of another trace to be named, found %v", err)
	}
}

// TestFloorDivisionAtTheEnds of the range of integers.
func TestFloorDivisionAtTheEnds(t *testing.T) {
	x := slices.Wrap([]int64{math.MaxInt64, math.MinInt64, math.MinInt64 + 1}, 3)
	got, err := run(choicetest.Open(t, "ort"), func(xs []*Tensor) []*Tensor { return []*Tensor{eager.FloorDivScalar(xs[0], -3)} }, []*slices.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	quotients, err := slices.Values[int64](got[0])
	if text := fmt.Sprint(quotients); err != nil || text != "[-3074457345618258603 3074457345618258602 3074457345618258602]" {
		t.Errorf("found %s, %v", text, err)
	}
}

func BenchmarkTraceAnOperation(b *testing.B) {
	tr, err := begin("bench", false)
	if err != nil {
		b.Fatal(err)
	}
	x := tr.tensor(tr.builder.Input("x", tensor.Float32, graph.Dims(3)...))
	for b.Loop() {
		if y := x.Binary(eager.OpAdd, x); y.err != nil {
			b.Fatal(y.err)
		}
	}
}

// rescaled is a small function: x brought to length 1, clipped.
func rescaled[T eager.Tensor[T]](x T) T {
	return eager.Clip(eager.Div(x, eager.L2(x, true, 1)), -0.1, 0.1)
}

func BenchmarkRescale(b *testing.B) {
	x := slices.Wrap(make([]float32, 4*784), 4, 784)
	x = eager.AddScalar(x, 0.5)
	b.Run("slices", func(b *testing.B) {
		for b.Loop() {
			if y := rescaled(x); y.Err() != nil {
				b.Fatal(y.Err())
			}
		}
	})
	for _, name := range []string{"ort", "onednn"} {
		b.Run(name, func(b *testing.B) {
			f, err := Compile(context.Background(), choicetest.Open(b, name), engine.Options{}, each(rescaled[*Tensor]), Spec{eager.Float32, x.Shape()})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			host, err := x.Raw()
			if err != nil {
				b.Fatal(err)
			}
			in, out := []*tensor.Tensor{host}, []*tensor.Tensor{tensor.New(tensor.Float32, 4, 784)}
			for b.Loop() {
				if _, err := f.Run(context.Background(), in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("trace and compile with ort", func(b *testing.B) {
		e := choicetest.Open(b, "ort")
		for b.Loop() {
			f, err := Compile(context.Background(), e, engine.Options{}, each(rescaled[*Tensor]), Spec{eager.Float32, x.Shape()})
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkTraceAGradient: tracing sum(exp(x)²) and its gradient.
func BenchmarkTraceAGradient(b *testing.B) {
	f := gradientOf(func(x *Tensor) *Tensor { return eager.Square(eager.Exp(x)) })
	for b.Loop() {
		if _, err := Graph("gradient", f, Spec{eager.Float32, []int{3}}); err != nil {
			b.Fatal(err)
		}
	}
}
