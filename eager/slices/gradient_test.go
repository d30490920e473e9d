package slices

import (
	"errors"
	"fmt"
	"testing"

	"visus/eager"
)

func sum(x *Tensor) *Tensor { return eager.Sum(x, false) }

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
