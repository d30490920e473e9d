package rescale

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// question is a random problem of one row.
type question struct {
	x, delta []float64
	eps      float64
	o        Options
}

func ask(t *rapid.T) question {
	n := rapid.IntRange(1, 60).Draw(t, "n")
	q := question{o: Options{P: rapid.SampledFrom([]float64{0.5, 1, 1.5, 2, 3, 4, 10, math.Inf(1)}).Draw(t, "p"), Low: -1, High: 2}}
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for range n {
		q.x = append(q.x, -1+3*random.Float64())
		d := random.NormFloat64()
		switch random.IntN(6) {
		case 0:
			d = 0
		case 1:
			d = math.Copysign(1, d) // ties
		case 2:
			q.x[len(q.x)-1] = 2 // at a bound
		}
		q.delta = append(q.delta, d)
	}
	q.eps = math.Exp(3*random.NormFloat64() - 1)
	return q
}

func (q question) solve(t *rapid.T) Report {
	reports, err := PerturbRows(make([]float64, len(q.x)), q.x, q.delta, []float64{q.eps}, 1, q.o)
	if err != nil {
		t.Fatal(err)
	}
	return reports[0]
}

func closeTo(t *rapid.T, what string, got, want float64) {
	if !(math.Abs(got-want) <= 1e-9*math.Abs(want)+1e-12) && got != want {
		t.Fatalf("%s: expected %v, found %v", what, want, got)
	}
}

// TestProperties are those of spec section 10.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := ask(t)
		r := q.solve(t)
		closeTo(t, "the length is eps, or the largest", r.Norm, min(q.eps, r.Largest))
		if r.Reached != (q.eps <= r.Largest*(1+1e-11)) {
			t.Fatalf("reached is %v for %v of at most %v", r.Reached, q.eps, r.Largest)
		}
		changed := func(f func(c *question)) float64 {
			c := question{append([]float64(nil), q.x...), append([]float64(nil), q.delta...), q.eps, q.o}
			f(&c)
			return c.solve(t).Eta
		}
		for _, k := range []float64{3, 1e-12, 1e-200, 1e100} {
			closeTo(t, "a perturbation that is longer", changed(func(c *question) {
				for i := range c.delta {
					c.delta[i] *= k
				}
			})*k, r.Eta)
		}
		if more := changed(func(c *question) { c.eps *= 1.1 }); more < r.Eta*(1-1e-12) {
			t.Fatalf("a larger length has the smaller factor %v, after %v", more, r.Eta)
		}
		closeTo(t, "elements in another order", changed(func(c *question) {
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(c.x), func(i, j int) {
				c.x[i], c.x[j] = c.x[j], c.x[i]
				c.delta[i], c.delta[j] = c.delta[j], c.delta[i]
			})
		}), r.Eta)
		closeTo(t, "mirrored", changed(func(c *question) {
			for i := range c.x {
				c.x[i], c.delta[i] = 1-c.x[i], -c.delta[i]
			}
		}), r.Eta)
		if !r.Reached {
			return
		}
		if wider := changed(func(c *question) { c.o.Low, c.o.High = -2, 4 }); wider > r.Eta*(1+1e-12) {
			t.Fatalf("a wider domain has the larger factor %v, after %v", wider, r.Eta)
		}
		naive := changed(func(c *question) { c.o.Low, c.o.High = math.Inf(-1), math.Inf(1) })
		if r.Eta < naive*(1-1e-12) || r.Clipped == 0 && math.Abs(r.Eta-naive) > 1e-9*naive {
			t.Fatalf("the factor is %v with %v clipped, %v without clipping", r.Eta, r.Clipped, naive)
		}
		shrunk := changed(func(c *question) { c.o.Shrink = true })
		closeTo(t, "shrunk", shrunk, min(r.Eta, 1))
	})
}

// TestCurve: the curve passes through what Perturb finds.
func TestCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := ask(t)
		r := q.solve(t)
		curve, err := Curve(q.x, q.delta, q.o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := At(curve, r.Eta, q.o.P)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got-r.Norm) <= 1e-6*r.Norm+1e-12) {
			t.Fatalf("at %v: expected %v, found %v", r.Eta, r.Norm, got)
		}
	})
}

// TestAtMost: what is stored in float32 is not longer than announced.
func TestAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := ask(t)
		q.o.P = max(q.o.P, 1) // below, lengths are made of roundings
		x, delta, v := make([]float32, len(q.x)), make([]float32, len(q.x)), make([]float32, len(q.x))
		for i := range x {
			x[i], delta[i] = float32(q.x[i]), float32(q.delta[i])
		}
		q.o.AtMost = true
		reports, err := PerturbRows(v, x, delta, []float64{q.eps}, 1, q.o)
		if err != nil {
			t.Fatal(err)
		}
		if r := reports[0]; r.Norm > q.eps || r.Reached && r.Norm < q.eps*(1-1e-5)-1e-5 { // a rounding of each element
			t.Fatalf("the length is %v of at most %v", r.Norm, q.eps)
		}
	})
}

// TestVectors: long rows of float32, which vectors take, have the factors of the same rows in float64.
func TestVectors(t *testing.T) {
	for _, p := range []float64{1, 2} {
		for _, share := range []float64{1e-4, 0.1, 0.5, 0.9, 0.99, 0.9999} {
			const rows, n = 2, 10_007
			x, delta := gaussian(rows, n, 7)
			wide, wideDelta := make([]float64, len(x)), make([]float64, len(x))
			for i := range x {
				wide[i], wideDelta[i] = float64(x[i]), float64(delta[i])
			}
			reports, err := PerturbRows(make([]float64, len(x)), wide, wideDelta, []float64{1}, rows, Options{P: p})
			if err != nil {
				t.Fatal(err)
			}
			eps := []float64{share * reports[0].Largest, share * reports[1].Largest}
			want, got := make([]float64, rows), make([]float64, rows)
			if err := EtaRows(want, wide, wideDelta, eps, Options{P: p}); err != nil {
				t.Fatal(err)
			}
			if err := EtaRows(got, x, delta, eps, Options{P: p}); err != nil {
				t.Fatal(err)
			}
			near(t, "float32", got, want, 1e-7)
		}
	}
}

// TestWeightsAndMasks: weights count, equal bounds freeze.
func TestWeightsAndMasks(t *testing.T) {
	x, delta := []float64{0.5, 0.5, 0.5}, []float64{0.1, 0.1, 0.1}
	v := make([]float64, 3)
	r, err := PerturbRows(v, x, delta, []float64{0.2}, 1, Options{Lows: []float64{0, 0.5, 0}, Highs: []float64{1, 0.5, 1}, Weights: []float64{1, 1, 3}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "frozen and weighted", v, []float64{0.6, 0.5, 0.6}, 1e-12)
	near(t, "length", []float64{r[0].Norm}, []float64{0.2}, 1e-12)
	if _, err := PerturbRows(v, x, delta, []float64{0.2}, 1, Options{Mean: true}); err != nil {
		t.Fatal(err)
	}
	near(t, "root mean square", v, []float64{0.7, 0.7, 0.7}, 1e-12)
}

func TestErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]struct {
		x, delta, eps []float64
		o             Options
	}{
		"sample 1, element 0: the image is NaN":               {[]float64{0, 0, nan, 0}, []float64{1, 1, 1, 1}, []float64{1}, Options{}},
		"sample 0, element 1: the perturbation is +Inf":       {[]float64{0, 0, 0, 0}, []float64{1, inf, 1, 1}, []float64{1}, Options{P: 1}},
		"sample 1, element 1: the image is 2, outside [0, 1]": {[]float64{0, 0, 0, 2}, []float64{1, 1, 1, 1}, []float64{1}, Options{P: inf}},
		"sample 1: the length is -1":                          {[]float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}, []float64{1, -1}, Options{}},
		"p is -1":                                             {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{P: -1}},
		"the domain is [2, 1]":                                {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{Low: 2, High: 1}},
		"expected one length or 2, found 3":                   {[]float64{0, 0}, []float64{1, 1}, []float64{1, 1, 1}, Options{}},
		"expected 1 weights, found 2":                         {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{Weights: []float64{1, 1}}},
		"the weight of element 0 is -1":                       {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{Weights: []float64{-1}}},
		"found 2 elements and 3 of a perturbation in 2 rows":  {[]float64{0, 0}, []float64{1, 1, 1}, []float64{1}, Options{}},
		"lower and upper bounds of the elements, found one":   {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{Lows: []float64{0}}},
		"element 0 has the domain [1, 0]":                     {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{Lows: []float64{1}, Highs: []float64{0}}},
		"the largest element has no weights":                  {[]float64{0, 0}, []float64{1, 1}, []float64{1}, Options{P: inf, Weights: []float64{1}}},
	} {
		err := EtaRows(make([]float64, 2), c.x, c.delta, c.eps, c.o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
	// Long rows go through vectors; what is wrong is found all the same.
	x, delta := gaussian(1, 1000, 3)
	x[777] = float32(nan)
	if err := EtaRows(make([]float64, 1), x, delta, []float64{1}, Options{}); err == nil || !strings.Contains(err.Error(), "element 777") {
		t.Errorf("expected element 777 to be named, found %v", err)
	}
}
