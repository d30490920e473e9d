package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// bench is a graph with two parameters, a matrix and a vector, whose gradients are inputs.
func bench(t testing.TB, o Optimiser, options StepOptions) (*StepGraph, map[string]*tensor.Tensor) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	initial := map[string]*tensor.Tensor{"w": normal(r, 3, 4), "b": normal(r, 4)}
	b := graph.NewBuilder("bench", Opset)
	w, v := b.Initializer("w", initial["w"]), b.Initializer("b", initial["b"])
	b.Input("dw", tensor.Float32, graph.Dims(3, 4)...)
	b.Input("db", tensor.Float32, graph.Dims(4)...)
	b.Output("loss", b.Op("ReduceSum", []graph.Value{b.Add(w, v)}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"w", "b"}
	released, err := g.Release(names...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := update(g, "loss", names, released, map[string]string{"w": "dw", "b": "db"}, o, options)
	if err != nil {
		t.Fatal(err)
	}
	return s, initial
}

// reference is an optimiser in plain Go: it changes p by g at step t, counted from 1. m holds what it likes, zeros at first.
type reference func(p, g []float64, m [][]float64, t int, rate float64)

func each(rule func(p, g float64, m []float64, t float64, rate float64) float64) reference {
	return func(p, g []float64, m [][]float64, t int, rate float64) {
		for i := range p {
			p[i] = rule(p[i], g[i], m[i], float64(t), rate)
		}
	}
}

func adam(epsilonHat, decoupled bool, decay float64) reference {
	return each(func(p, g float64, m []float64, t, rate float64) float64 {
		if decoupled {
			p -= rate * decay * p
		} else {
			g += decay * p
		}
		m[0], m[1] = 0.9*m[0]+0.1*g, 0.999*m[1]+0.001*g*g
		c1, c2 := 1-math.Pow(0.9, t), 1-math.Pow(0.999, t)
		if epsilonHat {
			return p - rate*math.Sqrt(c2)/c1*m[0]/(math.Sqrt(m[1])+1e-3)
		}
		return p - rate*(m[0]/c1)/(math.Sqrt(m[1]/c2)+1e-3)
	})
}

func lars(p, g []float64, m [][]float64, _ int, rate float64) {
	decay := 1e-2
	norm := func(x []float64) float64 { return math.Sqrt(dot(x, x)) }
	trust, full := 1.0, append([]float64(nil), g...)
	if len(p) > 4 { // the matrix
		for i := range full {
			full[i] += decay * p[i]
		}
		if norm(p) > 0 && norm(full) > 0 {
			trust = 0.001 * norm(p) / norm(full)
		}
	}
	for i := range p {
		m[i][0] = 0.9*m[i][0] + rate*trust*full[i]
		p[i] -= m[i][0]
	}
}

// TestOptimisers follows each for many steps, with rates that change, next to its formula in plain Go in float64.
func TestOptimisers(t *testing.T) {
	for _, c := range []struct {
		name      string
		optimiser Optimiser
		options   StepOptions
		want      reference
	}{
		{"sgd", SGD{}, StepOptions{}, each(func(p, g float64, _ []float64, _, rate float64) float64 { return p - rate*g })},
		{"sgd momentum", SGD{Momentum: 0.9, WeightDecay: 0.01}, StepOptions{}, each(func(p, g float64, m []float64, _, rate float64) float64 {
			m[0] = 0.9*m[0] + g + 0.01*p
			return p - rate*m[0]
		})},
		{"sgd nesterov", SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}, StepOptions{}, each(func(p, g float64, m []float64, _, rate float64) float64 {
			g += 0.01 * p
			m[0] = 0.9*m[0] + g
			return p - rate*(g+0.9*m[0])
		})},
		{"adam", Adam{Epsilon: 1e-3, WeightDecay: 0.01}, StepOptions{}, adam(false, false, 0.01)},
		{"adam epsilon hat", Adam{Epsilon: 1e-3, EpsilonHat: true}, StepOptions{}, adam(true, false, 0)},
		{"adamw", Adam{Epsilon: 1e-3, WeightDecay: 0.1, Decoupled: true}, StepOptions{}, adam(false, true, 0.1)},
		{"rmsprop", RMSprop{WeightDecay: 0.01}, StepOptions{}, each(func(p, g float64, m []float64, _, rate float64) float64 {
			g += 0.01 * p
			m[0] = 0.99*m[0] + 0.01*g*g
			return p - rate*g/(math.Sqrt(m[0])+1e-8)
		})},
		{"rmsprop centred", RMSprop{Alpha: 0.9, Momentum: 0.8, Centred: true, Epsilon: 1e-2}, StepOptions{}, each(func(p, g float64, m []float64, _, rate float64) float64 {
			m[0], m[1] = 0.9*m[0]+0.1*g*g, 0.9*m[1]+0.1*g
			m[2] = 0.8*m[2] + g/(math.Sqrt(m[0]-m[1]*m[1])+1e-2)
			return p - rate*m[2]
		})},
		{"lars", LARS{WeightDecay: 1e-2}, StepOptions{Exempt: Vectors}, lars},
		{"adabound", AdaBound{Base: 0.01}, StepOptions{}, each(func(p, g float64, m []float64, t, rate float64) float64 {
			m[0], m[1] = 0.9*m[0]+0.1*g, 0.999*m[1]+0.001*g*g
			final := 0.1 * rate / 0.01
			s := rate * math.Sqrt(1-math.Pow(0.999, t)) / (1 - math.Pow(0.9, t)) / (math.Sqrt(m[1]) + 1e-8)
			return p - max(final*(1-1/(1e-3*t+1)), min(final*(1+1/(1e-3*t)), s))*m[0]
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			const steps = 60
			s, initial := bench(t, c.optimiser, c.options)
			m := compile(t, s.Graph, s.State)
			r := rand.New(rand.NewPCG(1, 2))
			moments := map[string][][]float64{}
			want := map[string][]float64{}
			for name, p := range initial {
				want[name] = p.Floats()
				for range want[name] {
					moments[name] = append(moments[name], make([]float64, 3))
				}
			}
			for step := 1; step <= steps; step++ {
				rate := float64(float32(0.01 / math.Sqrt(float64(step))))
				dw, db := normal(r, 3, 4), normal(r, 4)
				m.run(tensors{"dw": dw, "db": db, Rate: floats(t, []float64{rate})})
				c.want(want["w"], dw.Floats(), moments["w"], step, rate)
				c.want(want["b"], db.Floats(), moments["b"], step, rate)
			}
			for name := range want {
				near(t, fmt.Sprintf("%s after %d steps", name, steps), m.state(name), want[name], 2e-6)
				if initial[name].Floats()[0] == m.state(name)[0] {
					t.Errorf("%s has not moved", name)
				}
			}
		})
	}
}

func TestClippingAveragesAndPeaks(t *testing.T) {
	s, initial := bench(t, SGD{}, StepOptions{ClipValue: 3, ClipNorm: 2, Average: 0.9})
	m := compile(t, s.Graph, s.State)
	dw, db := make([]float64, 12), []float64{0, -7, 0, 1}
	dw[5] = 2
	out := m.run(tensors{"dw": floats(t, dw, 3, 4), "db": floats(t, db, 4), Rate: floats(t, []float64{0.5})})
	near(t, "peaks", out[Peaks].Floats(), []float64{2, 7}, 0)

	factor := 2 / (math.Sqrt(4+9+1) + 1e-6) // -7 is cut to -3 first
	wantB, average := initial["b"].Floats(), initial["b"].Floats()
	for i, g := range []float64{0, -3, 0, 1} {
		wantB[i] -= 0.5 * factor * g
		average[i] = 0.9*average[i] + 0.1*wantB[i]
	}
	near(t, "b", m.state("b"), wantB, 1e-6)
	near(t, "average of b", m.state(s.Averages["b"]), average, 1e-6)

	m.run(tensors{"dw": floats(t, make([]float64, 12), 3, 4), "db": floats(t, make([]float64, 4), 4), Rate: floats(t, []float64{0.5})})
	near(t, "b without a gradient", m.state("b"), wantB, 1e-6)
}

// TestPeaksShowNaN: a gradient that is no number, wherever it stands, is seen in the peaks.
func TestPeaksShowNaN(t *testing.T) {
	s, _ := bench(t, SGD{}, StepOptions{})
	for at := range 12 {
		m := compile(t, s.Graph, s.State)
		dw := make([]float64, 12)
		for i := range dw {
			dw[i] = float64(i)
		}
		dw[at] = math.NaN()
		out := m.run(tensors{"dw": floats(t, dw, 3, 4), "db": floats(t, make([]float64, 4), 4), Rate: floats(t, []float64{0.5})})
		if peak := out[Peaks].Floats()[0]; !math.IsNaN(peak) {
			t.Errorf("NaN at %d: the peak is %g", at, peak)
		}
	}
}
