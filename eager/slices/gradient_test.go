package slices

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"visus/eager"
)

func sum(x *Tensor) *Tensor { return eager.Reduce(x, eager.OpSum, false) }

// losses maps the formulas of the golden file to functions; in holds the inputs of the case.
var losses = map[string]func(x *Tensor, in []*Tensor) *Tensor{
	"sum(x^2)":                 func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Unary(eager.OpSquare)) },
	"sum(x*y) wrt x":           func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Binary(eager.OpMul, in[1])) },
	"sum(clip(x,-1,1))":        func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Clip(x, -1, 1)) },
	"sum(minimum(x, 1))":       func(x *Tensor, in []*Tensor) *Tensor { return sum(x.BinaryScalar(eager.OpMinimum, 1, false)) },
	"max(x)":                   func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.OpMax, false) },
	"sum(max(x, axis=1))":      func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Reduce(x, eager.OpMax, false, 1)) },
	"sum(sqrt(x)) with a zero": func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Unary(eager.OpSqrt)) },
	"l2 norm over all":         func(x *Tensor, in []*Tensor) *Tensor { return eager.L2(x, false) },
	"l1 norm":                  func(x *Tensor, in []*Tensor) *Tensor { return eager.L1(x, false) },
	"linf norm":                func(x *Tensor, in []*Tensor) *Tensor { return eager.LInf(x, false) },
	"sum(where(x>0, x^2, -x))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(x.Compare(eager.OpGreater, eager.Scalar(x, 0)).Where(x.Unary(eager.OpSquare), x.Unary(eager.OpNeg)))
	},
	"sum(softmax(x)^2)":               func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Softmax(x, -1).Unary(eager.OpSquare)) },
	"sum(crossentropy(x, inputs[1]))": func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.CrossEntropy(x, in[1])) },
	"sum(kl_div_with_logits(x, inputs[1]))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.KLDivergence(x, in[1], -1, false))
	},
	"prod(x)":               func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.OpProd, false) },
	"prod(x) with one zero": func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.OpProd, false) },
	"sum(sort(x)*[0,1,2,3])": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(two(eager.Sort(x, -1))[0].Binary(eager.OpMul, in[1]))
	},
	"sum(topk(x,2).values)": func(x *Tensor, in []*Tensor) *Tensor { return sum(two(eager.TopK(x, 2))[0]) },
	"sum(x[rows,cols]^2), rows=inputs[1], cols=inputs[2]": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Pick(x, in[1], in[2]).Unary(eager.OpSquare))
	},
	"sum(take_along_axis(x, inputs[1], -1)^2)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.TakeAlongAxis(x, in[1], -1).Unary(eager.OpSquare))
	},
	"sum(tile(x,(2,3)) * 0.5)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Tile(x, 2, 3).BinaryScalar(eager.OpMul, 0.5, false))
	},
	"sum(concatenate([x, x^2],0))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Concatenate(0, x, x.Unary(eager.OpSquare)))
	},
	"sum(flip(x,1)*inputs[1])": func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Flip(x, 1).Binary(eager.OpMul, in[1])) },
	"sum(transpose(x)[0]^2)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Index(eager.Transpose(x), eager.At(0)).Unary(eager.OpSquare))
	},
	"sum(x**x) x>0": func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Binary(eager.OpPow, x)) },
	"sum((x+b)^2), b=(4,) broadcast, wrt b": func(b *Tensor, in []*Tensor) *Tensor {
		return sum(in[1].Binary(eager.OpAdd, b).Unary(eager.OpSquare))
	},
	"sum(floor(x)+ceil(x))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(x.Unary(eager.OpFloor).Binary(eager.OpAdd, x.Unary(eager.OpCeil)))
	},
	"slogdet(x).logabsdet": func(x *Tensor, in []*Tensor) *Tensor { return two(x.SlogDet())[1] },
	"x^2 (not a scalar)":   func(x *Tensor, in []*Tensor) *Tensor { return x.Unary(eager.OpSquare) },
	"sum(x % 1)":           func(x *Tensor, in []*Tensor) *Tensor { return sum(x.BinaryScalar(eager.OpMod, 1, false)) },
}

func init() {
	for name, op := range unaries {
		losses["sum("+name+"(x))"] = func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Unary(op)) }
	}
}

func (c goldenCase) differentiate(x *Tensor, in []*Tensor) ([]*Tensor, bool) {
	formula := c.F
	withAux := strings.HasPrefix(formula, "loss sum(x^2), aux x^2")
	if withAux {
		formula = "sum(x^2)"
	}
	loss, found := losses[formula]
	if !found {
		return nil, false
	}
	value, aux, gradient, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
		return loss(x, in), []*Tensor{x.Unary(eager.OpSquare)}
	}, x)
	if err != nil {
		return one(failed(err)), true
	}
	if withAux {
		return []*Tensor{value, aux[0], gradient}, true
	}
	return two(value, gradient), true
}

// TestGradientsMeetDifferences compares with central differences in float64 (step 1e-6, so an error of about 1e-9) at points that are
// no kinks of the functions.
func TestGradientsMeetDifferences(t *testing.T) {
	square := func(x *Tensor) *Tensor { return x.Unary(eager.OpSquare) }
	functions := map[string]func(x *Tensor) *Tensor{
		"cumsum":  func(x *Tensor) *Tensor { return eager.CumSum(x, 0) },
		"pad":     func(x *Tensor) *Tensor { return eager.Pad(x, 2, [2]int{1, 0}, [2]int{0, 2}) },
		"reflect": func(x *Tensor) *Tensor { return eager.PadReflect(x, [2]int{1, 2}, [2]int{0, 2}) },
		"matmul":  func(x *Tensor) *Tensor { return x.MatMul(square(x)) },
		"inverse": func(x *Tensor) *Tensor { return eager.Stack(0, x, square(x)).Inverse() },
		"slogdet": func(x *Tensor) *Tensor { return two(x.SlogDet())[1] },
		"put":     func(x *Tensor) *Tensor { return eager.Put(x, []eager.Part{eager.At(1)}, eager.Index(x, eager.At(0))) },
		"prod":    func(x *Tensor) *Tensor { return eager.Reduce(x, eager.OpProd, false, 1) },
		"min":     func(x *Tensor) *Tensor { return eager.Reduce(x, eager.OpMin, false, 0) },
		"mean":    func(x *Tensor) *Tensor { return eager.Mean(x, true, -1) },
		"l3":      func(x *Tensor) *Tensor { return eager.Lp(x, 3, false, 1) },
		"cast":    func(x *Tensor) *Tensor { return x.Cast(eager.Float64) },
	}
	for name, op := range unaries {
		if op < eager.OpIsNaN && op != eager.OpArccosh {
			functions[name] = func(x *Tensor) *Tensor { return x.Unary(op) }
		}
	}
	for name, op := range binaries {
		if op < eager.OpAnd && op != eager.OpFloorDiv {
			functions[name] = func(x *Tensor) *Tensor {
				return x.Binary(op, eager.Flip(x, 0).BinaryScalar(eager.OpMul, 0.71, false))
			}
		}
	}
	for name, f := range functions {
		t.Run(name, func(t *testing.T) { meetsDifferences(t, func(x *Tensor) *Tensor { return sum(square(f(x))) }) })
	}
}

func meetsDifferences(t *testing.T, loss func(x *Tensor) *Tensor) {
	random, data := rand.New(rand.NewPCG(7, 1)), make([]float64, 9)
	for i := range data {
		data[i] = 0.05 + 0.9*random.Float64()
	}
	_, _, gradient, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return loss(x), nil }, Wrap(data, 3, 3))
	if err != nil {
		t.Fatal(err)
	}
	const step = 1e-6
	at := func(i int, move float64) float64 {
		moved := append([]float64(nil), data...)
		moved[i] += move
		v, err := loss(Wrap(moved, 3, 3)).Item()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, got := range values[float64](gradient) {
		want := (at(i, step) - at(i, -step)) / (2 * step)
		if math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
			t.Errorf("element %d: expected %v, found %v", i, want, got)
		}
	}
}

func TestWhereDoesNotLeak(t *testing.T) {
	x := Wrap([]float64{-1, 0, 4}, 3)
	_, _, gradient, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
		zero := eager.Scalar(x, 0)
		return sum(x.Compare(eager.OpGreater, zero).Where(x.Unary(eager.OpSqrt), zero)), nil
	}, x)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(values[float64](gradient)); got != "[0 0 0.25]" {
		t.Errorf("expected [0 0 0.25], found %s", got)
	}
	_, _, gradient, _ = eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return eager.L2(x, false), nil }, Wrap(make([]float64, 2), 2))
	if got := fmt.Sprint(values[float64](gradient)); got != "[0 0]" {
		t.Errorf("l2 at 0: expected [0 0], found %s", got)
	}
}

// TestVJP: one forward pass serves several pulls; every input has its gradient, one that is not used zeros.
func TestVJP(t *testing.T) {
	x, y := Wrap([]float64{1, 2}, 2), Wrap([]float64{3, 4}, 2)
	product, _, pull, err := x.VJP(func(xs []*Tensor) (*Tensor, []*Tensor) { return eager.Mul(xs[0], xs[1]), nil }, []*Tensor{x, y, x})
	if err != nil || fmt.Sprint(values[float64](product)) != "[3 8]" {
		t.Fatal(product, err)
	}
	for _, c := range []struct {
		cotangent []float64
		want      string
	}{{[]float64{1, 0}, "[3 0] [1 0] [0 0]"}, {[]float64{0, 10}, "[0 40] [0 20] [0 0]"}} {
		g, err := pull(Wrap(c.cotangent, 2))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(values[float64](g[0]), values[float64](g[1]), values[float64](g[2])); got != c.want {
			t.Errorf("expected %s, found %s", c.want, got)
		}
	}
	if _, err := pull(Wrap([]float64{1}, 1)); !errors.Is(err, eager.ErrShape) {
		t.Errorf("a cotangent of another shape: expected ErrShape, found %v", err)
	}
}

// TestCustomVJP: the gradient given is used, though it is not that of the function; one of another shape is an error.
func TestCustomVJP(t *testing.T) {
	given := func(gradient func(x, y, g *Tensor) *Tensor) (*Tensor, error) {
		_, _, g, err := eager.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
			y := eager.CustomVJP([]*Tensor{eager.MulScalar(x, 2)}, func(xs []*Tensor) *Tensor { return eager.Square(xs[0]) },
				func(xs []*Tensor, y, g *Tensor) []*Tensor { return []*Tensor{gradient(xs[0], y, g)} })
			return eager.Sum(y, false), nil
		}, Wrap([]float64{1, 3}, 2))
		return g, err
	}
	g, err := given(func(x, y, g *Tensor) *Tensor { return eager.Mul(g, eager.Add(x, y)) })
	if err != nil || fmt.Sprint(values[float64](g)) != "[12 84]" {
		t.Errorf("expected 2(2x+4x²), found %v, %v", g, err)
	}
	if _, err := given(func(_, _, g *Tensor) *Tensor { return eager.Sum(g, false) }); !errors.Is(err, eager.ErrShape) {
		t.Errorf("a gradient of another shape: expected ErrShape, found %v", err)
	}
}
