package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
	"visus/internal/golden"
)

// subjects is the golden network with its images, right answers sought.
func subjects(t testing.TB, seed uint64) Task[*hosted] {
	t.Helper()
	arrays := golden.Arrays(t, filepath.Join(golden.Dir(t, "eager"), "attack_golden.npz"))
	return Task[*hosted]{Model: network(arrays), Images: host.From(arrays["x"]), Random: rand.New(rand.NewPCG(seed, 0)),
		Goal: Misclassified[*hosted]{host.From(arrays["labels"])}}
}

// quick are the attacks without gradients, and BrendelBethge's along the boundary, with fewer steps than usual, and the most that their median distance may be, by that of the nearest
// success that gradients find in the same norm (0: no bound).
var quick = map[string]struct {
	attack Attack
	factor float64
}{
	"boundary":           {Boundary[*hosted]{Steps: 4000}, 1.3},
	"hopskipjump-l2":     {HopSkipJump[*hosted]{Metric: L2, Steps: 20}, 1.3},
	"hopskipjump-inf":    {HopSkipJump[*hosted]{Metric: LInf, Steps: 20}, 2},
	"pointwise":          {Pointwise[*hosted]{Metric: L2}, 10},
	"salt and pepper":    {SaltAndPepper[*hosted]{Steps: 300}, 0},
	"blended noise":      {BlendedNoise[*hosted]{Metric: L2, Steps: 200}, 0},
	"blur":               {Blur[*hosted]{Metric: L2, Steps: 100}, 0},
	"linear contrast":    {LinearContrast[*hosted]{Metric: L2, Steps: 200}, 0},
	"brendel-bethge-l2":  {BrendelBethge[*hosted]{Metric: L2, Steps: 200, Rate: 0.02}, 1.1},
	"brendel-bethge-l1":  {BrendelBethge[*hosted]{Metric: L1, Steps: 200, Rate: 0.02}, 0},
	"brendel-bethge-inf": {BrendelBethge[*hosted]{Metric: LInf, Steps: 200, Rate: 0.02}, 1.5},
	"spatial":            {Spatial[*hosted]{Shift: 1}, 0},
	"genetic":            {Genetic[*hosted]{Steps: 40}, 0},
}

// TestDecisions: attacks that see answers only are the same for the same seed, stay within bounds, break no fewer images with more room, and
// come near to what gradients find.
func TestDecisions(t *testing.T) {
	epsilons := []float64{0.1, 0.5, 1.5, 4}
	nearest := map[Norm]float64{L2: median3(distances(t, FastMinimumNorm[*hosted]{Metric: L2})), LInf: median3(distances(t, FastMinimumNorm[*hosted]{Metric: LInf}))}
	for name, c := range quick {
		t.Run(name, func(t *testing.T) {
			task := subjects(t, 1)
			r, err := Run(context.Background(), c.attack, task, epsilons...)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Run(context.Background(), c.attack, subjects(t, 1), epsilons...)
			if err != nil || !slices.Equal(floats(t, r.Raw[0]), floats(t, again.Raw[0])) {
				t.Errorf("another result for the same seed, or an error: %v", err)
			}
			broken := make([]int, len(epsilons))
			for k := range epsilons {
				for _, s := range r.Success[k] {
					if s {
						broken[k]++
					}
				}
			}
			if !slices.IsSorted(broken) {
				t.Errorf("broken within %v: %v", epsilons, broken)
			}
			t.Logf("broken within %v: %v of 8, median distance %.3f, %+v", epsilons, broken, median3(r.Distance[0]), r.Queries)
			if c.factor > 0 && median3(r.Distance[len(epsilons)-1]) > c.factor*nearest[c.attack.Norm()] {
				t.Errorf("median distance %v, gradients find %v", median3(r.Distance[0]), nearest[c.attack.Norm()])
			}
			if r.Queries.Gradients > 0 && !strings.HasPrefix(name, "brendel") {
				t.Errorf("it asked for %d gradients", r.Queries.Gradients)
			}
		})
	}
}

func distances(t *testing.T, a Attack) []float64 {
	t.Helper()
	r, err := Run(context.Background(), a, subjects(t, 1), 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range r.Success[0] {
		if !ok {
			r.Distance[0][i] = math.Inf(1) // it was not found
		}
	}
	return r.Distance[0]
}

func median3(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// TestBudgets: no attack, on small random networks, returns an image within an epsilon that leaves the bounds or the epsilon, in float64.
func TestBudgets(t *testing.T) {
	all := map[string]Attack{}
	for _, k := range All[*hosted]() {
		all[k.Name] = k.Attack
	}
	for name, c := range quick {
		all[name] = c.attack
	}
	for _, slow := range []string{"cw", "ead"} {
		delete(all, slow)
	}
	all["cw"], all["ead"] = CarliniWagner[*hosted]{Searches: 2, Steps: 30}, ElasticNet[*hosted]{Searches: 2, Steps: 30}
	for name, a := range all {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(len(name)), 3))
			weights := eager.Normal(host.Wrap([]float32{0}), random, 0, 1, 36, 3)
			x := eager.Uniform(weights, random, 0, 1, 4, 1, 6, 6)
			model := Function[*hosted]{0, 1, func(x *hosted) *hosted {
				return eager.MatMul(eager.Tanh(eager.Flatten(x, 1, -1)), weights)
			}}
			labels := eager.ArgMax(model.Logits(x), 1)
			for _, early := range []bool{false, true} {
				task := Task[*hosted]{Model: model, Images: x, Goal: Misclassified[*hosted]{labels}, Random: random, Early: early}
				r, err := Run(context.Background(), a, task, 0.01, 0.3, 2)
				if err != nil {
					t.Fatal(err)
				}
				for k, e := range r.Epsilons {
					for i := range 4 {
						before, after := row(floats(t, x), i), row(floats(t, r.Within[k]), i)
						if length := lengthOf(a.Norm(), before, after); length > e {
							t.Errorf("early %v: image %d moved by %v, beyond %v", early, i, length, e)
						}
						if slices.Min(after) < 0 || slices.Max(after) > 1 {
							t.Errorf("early %v: image %d reaches from %v to %v", early, i, slices.Min(after), slices.Max(after))
						}
					}
				}
			}
		})
	}
}

func row(values []float64, i int) []float64 { return values[36*i : 36*(i+1)] }

func lengthOf(n Norm, a, b []float64) (out float64) {
	for i := range a {
		d := math.Abs(a[i] - b[i])
		switch {
		case n == LInf:
			out = max(out, d)
		case n == L0 && d != 0:
			out++
		case n != L0:
			out += math.Pow(d, float64(n))
		}
	}
	if n == L2 {
		return math.Sqrt(out)
	}
	return out
}
