package rescale

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/tensor"
)

// problem is a golden file: what rescale is asked, and what it has to answer.
type problem struct {
	name         string
	arrays       map[string]*tensor.Tensor
	rows         int
	eps, eta     []float64
	o            Options
	float32s     bool
	x, delta     []float64
	x32, delta32 []float32
	reachable    []bool
}

func problems(t *testing.T, pattern string) (out []problem) {
	t.Helper()
	for _, path := range golden.Files(t, "rescale", pattern) {
		p := problem{name: strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], ".npz"), arrays: golden.Arrays(t, path)}
		number := func(name string) float64 { return p.arrays[name].Floats()[0] }
		p.o = Options{P: number("p"), Low: number("a"), High: number("b")}
		p.eps, p.eta = p.arrays["eps"].Floats(), p.arrays["eta"].Floats()
		p.rows = len(p.eta)
		p.read()
		out = append(out, p)
	}
	return out
}

// read takes x and delta, of images their integers with scales.
func (p *problem) read() {
	if in := p.arrays["x_u8"]; in != nil {
		scaled := func(name, scale string) []float64 {
			values, by := p.arrays[name].Floats(), p.arrays[scale].Floats()[0]
			for i := range values {
				values[i] *= by
			}
			return values
		}
		p.x, p.delta = scaled("x_u8", "x_scale"), scaled("delta_i8", "delta_scale")
	} else {
		p.x, p.delta = p.arrays["x"].Floats(), p.arrays["delta"].Floats()
		p.float32s = p.arrays["x"].Type() == tensor.Float32
	}
	for i := range p.x {
		p.x32, p.delta32 = append(p.x32, float32(p.x[i])), append(p.delta32, float32(p.delta[i]))
	}
	if flags := p.arrays["reachable"]; flags != nil {
		for _, v := range flags.Floats() {
			p.reachable = append(p.reachable, v != 0)
		}
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: expected %d values, found %d", what, len(want), len(got))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Abs(want[i])+1e-300) && got[i] != want[i] {
			t.Errorf("%s: %d: expected %v, found %v (off by %.2g)", what, i, want[i], got[i], got[i]/want[i]-1)
		}
	}
}

// TestGoldenEta holds both precisions to the expected factors, lengths and flags.
func TestGoldenEta(t *testing.T) {
	for _, p := range problems(t, "*.npz") {
		t.Run(p.name, func(t *testing.T) {
			tolerance := 1e-10
			if strings.HasPrefix(p.name, "deg_") || strings.HasPrefix(p.name, "newton_") {
				tolerance = 1e-9
			}
			eta := make([]float64, p.rows)
			if err := EtaRows(eta, p.x, p.delta, p.eps, p.o); err != nil {
				t.Fatal(err)
			}
			near(t, "float64", eta, p.eta, tolerance)
			if p.float32s || p.arrays["x_u8"] != nil {
				if err := EtaRows(eta, p.x32, p.delta32, p.eps, p.o); err != nil {
					t.Fatal(err)
				}
				near(t, "float32", eta, p.eta, 1e-6)
				return
			}
		})
	}
}

func TestGoldenPerturb(t *testing.T) {
	for _, p := range problems(t, "*.npz") {
		t.Run(p.name, func(t *testing.T) {
			v := make([]float64, len(p.x))
			reports, err := PerturbRows(v, p.x, p.delta, p.eps, p.rows, p.o)
			if err != nil {
				t.Fatal(err)
			}
			p.lengths(t, reports, 1e-9)
			p.images(t, v, 1e-9)
			if p.float32s || p.arrays["x_u8"] != nil {
				v32 := make([]float32, len(p.x))
				reports, err := PerturbRows(v32, p.x32, p.delta32, p.eps, p.rows, p.o)
				if err != nil {
					t.Fatal(err)
				}
				p.lengths(t, reports, 4e-6) // of what is stored: next to 1, float32 has steps of 6e-8
				p.lengths(t, p.exact(reports), 1e-6)
				for i, value := range v32 {
					v[i] = float64(value)
				}
				p.images(t, v, 1e-6)
			}
		})
	}
}

// exact measures, in float64, what factors for float32 give.
func (p problem) exact(reports []Report) []Report {
	n := len(p.x) / p.rows
	out := append([]Report(nil), reports...)
	for row := range out {
		b := batch[float64]{x: p.x, delta: p.delta, eps: p.eps, rows: p.rows, n: n, o: p.o}
		out[row].Norm = b.write(make([]float64, len(p.x)), row, reports[row].Eta).Norm
	}
	return out
}

func (p problem) lengths(t *testing.T, reports []Report, tolerance float64) {
	t.Helper()
	norms, most := make([]float64, p.rows), make([]float64, p.rows)
	for i, r := range reports {
		norms[i], most[i] = r.Norm, r.Largest
		if p.reachable != nil && r.Reached != p.reachable[i] {
			t.Errorf("sample %d: expected reached %v, found %v", i, p.reachable[i], r.Reached)
		}
	}
	if p.arrays["effective_norm"] != nil {
		near(t, "length", norms, p.arrays["effective_norm"].Floats(), tolerance)
	}
	if p.arrays["max_norm"] != nil {
		near(t, "largest length", most, p.arrays["max_norm"].Floats(), tolerance)
	}
}

func (p problem) images(t *testing.T, v []float64, tolerance float64) {
	t.Helper()
	switch {
	case p.arrays["v_sample"] != nil:
		n := len(v) / p.rows
		at, want := p.arrays["sample_index"].Floats(), p.arrays["v_sample"].Floats()
		sums := make([]float64, p.rows)
		var got []float64
		for row := range p.rows {
			for _, i := range at {
				got = append(got, v[row*n+int(i)])
			}
			for _, value := range v[row*n : (row+1)*n] {
				sums[row] += value
			}
		}
		near(t, "sum", sums, p.arrays["v_sum"].Floats(), tolerance)
		atLeast(t, got, want, tolerance)
	case p.arrays["v"] != nil && p.arrays["cotangent"] == nil:
		atLeast(t, v, p.arrays["v"].Floats(), tolerance*max(math.Abs(p.o.Low), math.Abs(p.o.High)))
	}
}

// atLeast compares images, whose values are of the size of the domain.
func atLeast(t *testing.T, got, want []float64, tolerance float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Fatalf("image value %d: expected %v, found %v", i, want[i], got[i])
		}
	}
}

// TestGoldenVisits: selection looks at fewer than 5n elements where Newton's method would pass the breakpoints one by one.
func TestGoldenVisits(t *testing.T) {
	for _, p := range problems(t, "newton_worst_*.npz") {
		b, err := prepare(make([]float64, p.rows), p.x, p.delta, p.eps, p.o)
		if err != nil {
			t.Fatal(err)
		}
		for row := range p.rows {
			w := &workspace{}
			if _, err := b.solve(w, row); err != nil {
				t.Fatal(err)
			}
			if w.visits >= 5*b.n {
				t.Errorf("%s: sample %d: %d visits of %d elements", p.name, row, w.visits, b.n)
			}
		}
	}
}

func gaussian(rows, n int, seed uint64) (x, delta []float32) {
	random := rand.New(rand.NewPCG(seed, 0))
	x, delta = make([]float32, rows*n), make([]float32, rows*n)
	for i := range x {
		x[i], delta[i] = random.Float32(), float32(random.NormFloat64())
	}
	return x, delta
}

func BenchmarkEta(b *testing.B) {
	const rows, n = 16, 3 * 224 * 224
	x, delta := gaussian(rows, n, 1)
	eta, eps := make([]float64, rows), []float64{0.13 * math.Sqrt(n)}
	b.SetBytes(2 * 4 * rows * n)
	for _, p := range []float64{1, 2, 3, math.Inf(1)} {
		b.Run(fmt.Sprintf("p=%v", p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := EtaRows(eta, x, delta, eps, Options{P: p}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPerturb(b *testing.B) {
	const rows, n = 16, 3 * 224 * 224
	x, delta := gaussian(rows, n, 1)
	v, eps := make([]float32, rows*n), []float64{0.13 * math.Sqrt(n)}
	for b.Loop() {
		if _, err := PerturbRows(v, x, delta, eps, rows, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
