package slices

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"visus/eager"
)

func sum(x *Tensor) *Tensor { return eager.Reduce(x, eager.Sum, false) }

// losses maps the formulas of the golden file to functions; in holds the inputs of the case.
var losses = map[string]func(x *Tensor, in []*Tensor) *Tensor{
	"sum(x^2)":                 func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Unary(eager.Square)) },
	"sum(x*y) wrt x":           func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Binary(eager.Mul, in[1])) },
	"sum(clip(x,-1,1))":        func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Clip(x, -1, 1)) },
	"sum(minimum(x, 1))":       func(x *Tensor, in []*Tensor) *Tensor { return sum(x.BinaryScalar(eager.Minimum, 1, false)) },
	"max(x)":                   func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.Max, false) },
	"sum(max(x, axis=1))":      func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Reduce(x, eager.Max, false, 1)) },
	"sum(sqrt(x)) with a zero": func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Unary(eager.Sqrt)) },
	"l2 norm over all":         func(x *Tensor, in []*Tensor) *Tensor { return eager.L2(x, false) },
	"l1 norm":                  func(x *Tensor, in []*Tensor) *Tensor { return eager.L1(x, false) },
	"linf norm":                func(x *Tensor, in []*Tensor) *Tensor { return eager.LInf(x, false) },
	"sum(where(x>0, x^2, -x))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(x.Compare(eager.Greater, eager.Scalar(x, 0)).Where(x.Unary(eager.Square), x.Unary(eager.Neg)))
	},
	"sum(softmax(x)^2)":               func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Softmax(x, -1).Unary(eager.Square)) },
	"sum(crossentropy(x, inputs[1]))": func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.CrossEntropy(x, in[1])) },
	"sum(kl_div_with_logits(x, inputs[1]))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.KLDivergence(x, in[1], -1, false))
	},
	"prod(x)":                func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.Prod, false) },
	"prod(x) with one zero":  func(x *Tensor, in []*Tensor) *Tensor { return eager.Reduce(x, eager.Prod, false) },
	"sum(sort(x)*[0,1,2,3])": func(x *Tensor, in []*Tensor) *Tensor { return sum(two(eager.Sort(x, -1))[0].Binary(eager.Mul, in[1])) },
	"sum(topk(x,2).values)":  func(x *Tensor, in []*Tensor) *Tensor { return sum(two(eager.TopK(x, 2))[0]) },
	"sum(x[rows,cols]^2), rows=inputs[1], cols=inputs[2]": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Pick(x, in[1], in[2]).Unary(eager.Square))
	},
	"sum(take_along_axis(x, inputs[1], -1)^2)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.TakeAlongAxis(x, in[1], -1).Unary(eager.Square))
	},
	"sum(tile(x,(2,3)) * 0.5)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Tile(x, 2, 3).BinaryScalar(eager.Mul, 0.5, false))
	},
	"sum(concatenate([x, x^2],0))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Concatenate(0, x, x.Unary(eager.Square)))
	},
	"sum(flip(x,1)*inputs[1])": func(x *Tensor, in []*Tensor) *Tensor { return sum(eager.Flip(x, 1).Binary(eager.Mul, in[1])) },
	"sum(transpose(x)[0]^2)": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(eager.Index(eager.Transpose(x), eager.At(0)).Unary(eager.Square))
	},
	"sum(x**x) x>0": func(x *Tensor, in []*Tensor) *Tensor { return sum(x.Binary(eager.Pow, x)) },
	"sum((x+b)^2), b=(4,) broadcast, wrt b": func(b *Tensor, in []*Tensor) *Tensor {
		return sum(in[1].Binary(eager.Add, b).Unary(eager.Square))
	},
	"sum(floor(x)+ceil(x))": func(x *Tensor, in []*Tensor) *Tensor {
		return sum(x.Unary(eager.Floor).Binary(eager.Add, x.Unary(eager.Ceil)))
	},
	"slogdet(x).logabsdet": func(x *Tensor, in []*Tensor) *Tensor { return two(x.SlogDet())[1] },
	"x^2 (not a scalar)":   func(x *Tensor, in []*Tensor) *Tensor { return x.Unary(eager.Square) },
	"sum(x % 1)":           func(x *Tensor, in []*Tensor) *Tensor { return sum(x.BinaryScalar(eager.Mod, 1, false)) },
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
	value, aux, gradient, err := x.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
		return loss(x, in), []*Tensor{x.Unary(eager.Square)}
	})
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
	square := func(x *Tensor) *Tensor { return x.Unary(eager.Square) }
	functions := map[string]func(x *Tensor) *Tensor{
		"cumsum":  func(x *Tensor) *Tensor { return eager.CumSum(x, 0) },
		"pad":     func(x *Tensor) *Tensor { return eager.Pad(x, 2, [2]int{1, 0}, [2]int{0, 2}) },
		"reflect": func(x *Tensor) *Tensor { return eager.PadReflect(x, [2]int{1, 2}, [2]int{0, 2}) },
		"matmul":  func(x *Tensor) *Tensor { return x.MatMul(square(x)) },
		"slogdet": func(x *Tensor) *Tensor { return two(x.SlogDet())[1] },
		"put":     func(x *Tensor) *Tensor { return eager.Put(x, []eager.Part{eager.At(1)}, eager.Index(x, eager.At(0))) },
		"prod":    func(x *Tensor) *Tensor { return eager.Reduce(x, eager.Prod, false, 1) },
		"min":     func(x *Tensor) *Tensor { return eager.Reduce(x, eager.Min, false, 0) },
		"mean":    func(x *Tensor) *Tensor { return eager.Mean(x, true, -1) },
		"l3":      func(x *Tensor) *Tensor { return eager.Lp(x, 3, false, 1) },
		"cast":    func(x *Tensor) *Tensor { return x.Cast(eager.Float64) },
	}
	for name, op := range unaries {
		if op < eager.IsNaN && op != eager.Arccosh {
			functions[name] = func(x *Tensor) *Tensor { return x.Unary(op) }
		}
	}
	for name, op := range binaries {
		if op < eager.And && op != eager.FloorDiv {
			functions[name] = func(x *Tensor) *Tensor {
				return x.Binary(op, eager.Flip(x, 0).BinaryScalar(eager.Mul, 0.71, false))
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
	_, _, gradient, err := Wrap(data, 3, 3).ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return loss(x), nil })
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
	_, _, gradient, err := x.ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) {
		zero := eager.Scalar(x, 0)
		return sum(x.Compare(eager.Greater, zero).Where(x.Unary(eager.Sqrt), zero)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(values[float64](gradient)); got != "[0 0 0.25]" {
		t.Errorf("expected [0 0 0.25], found %s", got)
	}
	_, _, gradient, _ = Wrap(make([]float64, 2), 2).ValueAndGrad(func(x *Tensor) (*Tensor, []*Tensor) { return eager.L2(x, false), nil })
	if got := fmt.Sprint(values[float64](gradient)); got != "[0 0]" {
		t.Errorf("l2 at 0: expected [0 0], found %s", got)
	}
}
