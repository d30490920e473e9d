package rescale

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"visus/eager"
	"visus/eager/gonumeng"
	"visus/eager/slices"
	"visus/eager/traced"
	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/tensor"

	"gonum.org/v1/gonum/mat"
)

// tensors are x, delta [rows, n] and eps of a golden file.
func (p problem) tensors() (x, delta, eps *slices.Tensor) {
	n := len(p.x) / p.rows
	return slices.Wrap(p.x, p.rows, n), slices.Wrap(p.delta, p.rows, n), slices.Wrap(p.eps, p.rows)
}

// reachableOnly leaves out files that Newton's fixed steps are not for: those made to need many.
func portable(p problem) bool { return !strings.HasPrefix(p.name, "newton_") }

func TestGoldenEtaOfTensors(t *testing.T) {
	e := choicetest.Open(t, "ort")
	for _, p := range problems(t, "*.npz") {
		t.Run(p.name, func(t *testing.T) {
			x, delta, eps := p.tensors()
			got, err := Eta(x, delta, eps, p.o).Floats()
			if err != nil {
				t.Fatal(err)
			}
			near(t, "slices", got, p.eta, 1e-9)
			if !portable(p) {
				return
			}
			near(t, "traced", trace(t, e, func(in []*traced.Tensor) []*traced.Tensor {
				return []*traced.Tensor{Eta(in[0], in[1], in[2], p.o)}
			}, x, delta, eps)[0], p.eta, 1e-9)
			if len(p.x) > 10_000 {
				return
			}
			n := len(p.x) / p.rows
			gonum := func(values []float64, columns int) *gonumeng.Tensor {
				return gonumeng.Wrap(mat.NewDense(p.rows, columns, values))
			}
			got, err = Eta(gonum(p.x, n), gonum(p.delta, n), eager.Flatten(gonum(p.eps, 1), 0, -1), p.o).Floats()
			if err != nil {
				t.Fatal(err)
			}
			near(t, "gonum", got, p.eta, 1e-9)
		})
	}
}

func trace(t *testing.T, e engine.Engine, f func(in []*traced.Tensor) []*traced.Tensor, inputs ...*slices.Tensor) [][]float64 {
	t.Helper()
	var specs []traced.Spec
	var hosts []*tensor.Tensor
	for _, x := range inputs {
		host, err := x.Raw()
		if err != nil {
			t.Fatal(err)
		}
		specs, hosts = append(specs, traced.Spec{Type: x.DType(), Shape: x.Shape()}), append(hosts, host)
	}
	function, err := traced.Compile(context.Background(), e, engine.Options{}, f, specs...)
	if err != nil {
		t.Fatal(err)
	}
	defer function.Close()
	results, err := function.Run(context.Background(), hosts, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, r := range results {
		out = append(out, r.Floats())
	}
	return out
}

// TestGoldenGradients holds the gradients of eta and of the perturbed image to those of the files, on a tape and in a graph.
func TestGoldenGradients(t *testing.T) {
	e := choicetest.Open(t, "ort")
	for _, p := range problems(t, "grad_*.npz") {
		t.Run(p.name, func(t *testing.T) {
			x, delta, eps := p.tensors()
			cotangent := slices.Wrap(p.arrays["cotangent"].Floats(), 1, len(p.x))
			for name, got := range map[string][][]float64{
				"slices": values(t, gradients(p.o, x, delta, eps, cotangent)),
				"traced": trace(t, e, func(in []*traced.Tensor) []*traced.Tensor { return gradients(p.o, in[0], in[1], in[2], in[3]) },
					x, delta, eps, cotangent),
			} {
				for i, array := range []string{"deta_dx", "deta_ddelta", "deta_deps", "vjp_x", "vjp_delta", "vjp_eps"} {
					want, most := p.arrays[array].Floats(), 0.0
					for _, v := range want {
						most = max(most, math.Abs(v))
					}
					t.Run(name+" "+array, func(t *testing.T) { atLeast(t, got[i], want, 1e-8*most) })
				}
			}
		})
	}
}

// gradients are those of eta in x, delta and eps, and of the image, times the cotangent.
func gradients[T eager.Grad[T]](o Options, x, delta, eps, cotangent T) []T {
	var out []T
	for _, of := range []func(in []T) (T, []T){
		func(in []T) (T, []T) { return eager.Sum(Eta(in[0], in[1], in[2], o), false), nil },
		func(in []T) (T, []T) {
			v, _ := Perturb(in[0], in[1], in[2], o)
			return eager.Sum(eager.Mul(v, cotangent), false), nil
		},
	} {
		y, _, pull, err := x.VJP(of, []T{x, delta, eps})
		if err != nil {
			return []T{x.Fail(err)}
		}
		parts, err := pull(eager.OnesLike(y))
		if err != nil {
			return []T{x.Fail(err)}
		}
		out = append(out, parts...)
	}
	return out
}

func values(t *testing.T, tensors []*slices.Tensor) [][]float64 {
	t.Helper()
	var out [][]float64
	for _, x := range tensors {
		v, err := x.Floats()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// TestGradientsMeetDifferences covers what the golden files do not: p = +Inf, lengths out of reach, a length of 0 and elements that do not
// move.
func TestGradientsMeetDifferences(t *testing.T) {
	x := []float64{0.2, 0.9, 0.5, 0.35, 0.6, 0.05}
	delta := []float64{0.7, 0.3, -0.45, 0, 1.1, -0.8}
	for name, c := range map[string]struct {
		eps float64
		o   Options
	}{
		"p=2": {0.7, Options{}}, "p=1": {1.1, Options{P: 1}}, "p=4": {0.5, Options{P: 4}}, "p=inf": {0.3, Options{P: math.Inf(1)}},
		"out of reach": {5, Options{}}, "p=inf out of reach": {0.95, Options{P: math.Inf(1)}}, "p=0.5": {2, Options{P: 0.5}},
		"another domain": {1.5, Options{Low: -1, High: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			wrap := func(v []float64) *slices.Tensor { return slices.Wrap(v, 1, len(v)) }
			eta := func(x, delta []float64, eps float64) float64 {
				v, err := eager.Sum(Eta(wrap(x), wrap(delta), slices.Wrap([]float64{eps}, 1), c.o), false).Item()
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			got := values(t, gradients(c.o, wrap(x), wrap(delta), slices.Wrap([]float64{c.eps}, 1), wrap(make([]float64, len(x)))))
			const h = 1e-6
			for i := range x {
				move := func(v []float64, by float64) []float64 {
					out := append([]float64(nil), v...)
					out[i] += by
					return out
				}
				wantX := (eta(move(x, h), delta, c.eps) - eta(move(x, -h), delta, c.eps)) / (2 * h)
				atLeast(t, got[0][i:i+1], []float64{wantX}, 1e-6)
				if delta[i] != 0 { // it would begin to move
					wantDelta := (eta(x, move(delta, h), c.eps) - eta(x, move(delta, -h), c.eps)) / (2 * h)
					atLeast(t, got[1][i:i+1], []float64{wantDelta}, 1e-6)
				}
			}
			atLeast(t, got[2], []float64{(eta(x, delta, c.eps+h) - eta(x, delta, c.eps-h)) / (2 * h)}, 1e-6)
		})
	}
}

func TestTensorErrors(t *testing.T) {
	x := slices.Wrap([]float32{0.5, 2}, 1, 2)
	_, err := Eta(x, x, slices.Wrap([]float32{1}), Options{}).Floats()
	if err == nil || !strings.Contains(err.Error(), "sample 0, element 1: the image is 2, outside [0, 1]") {
		t.Errorf("expected the element outside to be named, found %v", err)
	}
	if _, err := Eta(x, x, slices.Wrap([]float32{1, 2}, 2), Options{Clip: true}).Floats(); !errors.Is(err, eager.ErrShape) {
		t.Errorf("expected two lengths for one sample to be refused, found %v", err)
	}
	v, eta := Perturb(x, x, slices.Wrap([]float32{0.25}), Options{Clip: true})
	if a, err := v.Floats(); err != nil || a[1] != 1 || a[0] != 0.75 {
		t.Errorf("expected [0.75 1], found %v, %v, %v", a, eta, err)
	}
}
