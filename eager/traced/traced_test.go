package traced

import (
	"context"
	"math"
	"testing"

	"visus/eager"
	"visus/eager/slices"
	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/tensor"
)

// The engine has what the constraints ask for; it has no data, so it is no eager.Eager.
var _ eager.Grad[*Tensor] = (*Tensor)(nil)

// run traces f, runs it on the inputs and returns the results.
func run(e engine.Engine, f func(xs []*Tensor) []*Tensor, inputs []*slices.Tensor) ([]*slices.Tensor, error) {
	specs, hosts := make([]Spec, len(inputs)), make([]*tensor.Tensor, len(inputs))
	for i, x := range inputs {
		specs[i] = Spec{x.DType(), x.Shape()}
		host, err := x.Raw()
		if err != nil {
			return nil, err
		}
		hosts[i] = host
	}
	function, err := Compile(context.Background(), e, engine.Options{}, f, specs...)
	if err != nil {
		return nil, err
	}
	defer function.Close()
	results, err := function.Run(context.Background(), hosts, nil)
	out := make([]*slices.Tensor, len(results))
	for i, r := range results {
		if err == nil {
			out[i] = slices.From(r)
		}
	}
	return out, err
}

func TestTry(t *testing.T) {
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
	for _, d := range []eager.DType{eager.Float32, eager.Float64} {
		x := slices.Wrap([]float64{-2.5, -1, -0.5, 0, 0.3, 1, 2.5, 7, math.NaN(), math.Inf(1), math.Inf(-1), 1e-8}, 3, 4).Cast(d)
		y := slices.Wrap([]float64{2, -1, 0.5, 0, 0.3, -2, 3, -7, 1, 2, math.NaN(), 3}, 3, 4).Cast(d)
		for op := eager.OpAbs; op <= eager.OpIsInf; op++ {
			got, err := run(e, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Unary(op)} }, []*slices.Tensor{x})
			if err != nil { t.Errorf("%v %v: %v", d, op, err); continue }
			a, _ := got[0].Floats(); b, _ := x.Unary(op).Floats()
			for i := range a { if !(math.Abs(a[i]-b[i]) <= 2e-6*math.Abs(b[i])) && !(a[i]!=a[i] && b[i]!=b[i]) && a[i]!=b[i] { xs, _ := x.Floats(); t.Errorf("%v %v(%v) = %v, want %v", d, op, xs[i], a[i], b[i]) } }
		}
		for op := eager.OpAdd; op <= eager.OpMaximum; op++ {
			got, err := run(e, func(xs []*Tensor) []*Tensor { return []*Tensor{xs[0].Binary(op, xs[1])} }, []*slices.Tensor{x, y})
			if err != nil { t.Errorf("%v %v: %v", d, op, err); continue }
			a, _ := got[0].Floats(); b, _ := x.Binary(op, y).Floats()
			for i := range a { if !(math.Abs(a[i]-b[i]) <= 2e-6*math.Abs(b[i])) && !(a[i]!=a[i] && b[i]!=b[i]) && a[i]!=b[i] { xs, _ := x.Floats(); ys, _ := y.Floats(); t.Errorf("%v %v(%v, %v) = %v, want %v", d, op, xs[i], ys[i], a[i], b[i]) } }
		}
	}
	})
}
