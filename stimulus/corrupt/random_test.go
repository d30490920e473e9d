package corrupt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"visus/internal/golden"
)

// TestGoldenNumPy compares with the first values of NumPy's legacy generator, each call after seeding anew.
func TestGoldenNumPy(t *testing.T) {
	compared := 0
	for _, file := range golden.Files(t, goldenFolder, "numpy_legacy_rng*.json") {
		for seed, calls := range golden.JSON[map[string]map[string]any](t, file) {
			for call, want := range calls {
				source := NewNumPySource(uint32(number(t, seed)))
				replay, ok := replays(call)
				if !ok {
					t.Errorf("seed %s: no replay of %q", seed, call)
					continue
				}
				for i, v := range flatten(want) {
					if got := replay(source, i); got != v {
						t.Errorf("seed %s, %s, value %d: %v, want %v", seed, call, i, got, v)
						break
					}
				}
				compared++
			}
		}
	}
	t.Logf("compared %d cases", compared)
	if compared == 0 {
		t.Error("no case was compared")
	}
}

// replays reads the name of a call and returns what draws its value number i.
func replays(call string) (func(s *NumPySource, i int) float64, bool) {
	one := make([]float64, 1)
	integer := func(s *NumPySource, low, high int) float64 {
		var v [1]int32
		s.Integers(v[:], low, high)
		return float64(v[0])
	}
	var a, b int
	var mean float64
	if n, _ := fmt.Sscanf(call, "randint_0_%d_then_0_%d", &a, &b); n == 2 {
		return func(s *NumPySource, i int) float64 { return integer(s, 0, []int{a, b}[i%2]) }, true
	}
	if n, _ := fmt.Sscanf(call, "randint_%d_%d", &a, &b); n == 2 {
		return func(s *NumPySource, _ int) float64 { return integer(s, a, b) }, true
	}
	if n, _ := fmt.Sscanf(call, "uniform_%d_%d", &a, &b); n == 2 {
		return func(s *NumPySource, _ int) float64 {
			s.Uniform(one)
			return float64(a) + float64(float64(b-a)*one[0])
		}, true
	}
	if n, _ := fmt.Sscanf(call, "poisson_%g", &mean); n == 1 {
		means := &[256]float64{mean}
		return func(s *NumPySource, _ int) float64 { s.Poisson(one, means, []uint8{0}); return one[0] }, true
	}
	switch call {
	case "random_sample":
		return func(s *NumPySource, _ int) float64 { s.Uniform(one); return one[0] }, true
	case "standard_normal":
		return func(s *NumPySource, _ int) float64 { s.Normal(one); return one[0] }, true
	case "raw_uint32":
		return func(s *NumPySource, _ int) float64 { return float64(s.Uint32()) }, true
	}
	return nil, false
}

func flatten(v any) []float64 {
	if number, ok := v.(float64); ok {
		return []float64{number}
	}
	var out []float64
	for _, element := range v.([]any) {
		out = append(out, flatten(element)...)
	}
	return out
}

// TestNumPy holds a few values of numpy.random.seed(0) (NumPy 1.24.2), so that a clone without golden data tests them.
func TestNumPy(t *testing.T) {
	var u, z [2]float64
	NewNumPySource(0).Uniform(u[:])
	NewNumPySource(0).Normal(z[:])
	if want := [2]float64{0.5488135039273248, 0.7151893663724195}; u != want {
		t.Errorf("uniforms %v, want %v", u, want)
	}
	if want := [2]float64{1.764052345967664, 0.4001572083672233}; z != want {
		t.Errorf("normals %v, want %v", z, want)
	}
}

// TestLogarithm holds values that math.Log rounds the other way; computed with 40 digits.
func TestLogarithm(t *testing.T) {
	for x, want := range map[float64]float64{
		0x1.67192eefea57ep-1: -0x1.6b3de24bd03b5p-2, 0x1.455e386d77cedp-1: -0x1.d03f9a633066dp-2, 0x1.3e69930de9b60p-1: -0x1.e6606e1c7b8bdp-2,
		0x1.733d1abdc86f8p-3: -0x1.b530a94d53f4fp+0, 0x1.aa955d49d6cb4p-1: -0x1.75cb43e2ff19dp-3, 1: 0,
	} {
		if got := logarithm(x); got != want {
			t.Errorf("logarithm(%v) = %v, want %v", x, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		x := r.Float64() + 0x1p-60
		if got, want := logarithm(x), math.Log(x); math.Abs(got-want) > 3e-16*math.Abs(want) {
			t.Fatalf("logarithm(%v) = %v, want %v", x, got, want)
		}
	}
}

// TestSourceStream says that how a stream is cut into calls does not matter, that Reset begins anew and that seeds differ.
func TestSourceStream(t *testing.T) {
	whole, parts, other := make([]float64, 5000), make([]float64, 5000), make([]float64, 5000)
	a, b := NewSource(7), NewSource(8)
	b.Normal(other)
	b.Reset(7)
	a.Normal(whole)
	for from := 0; from < len(parts); {
		to := min(from+1+from%13, len(parts))
		b.Normal(parts[from:to])
		from = to
	}
	same := 0
	for i := range whole {
		if whole[i] != parts[i] {
			t.Fatalf("value %d: %v in one call, %v in several", i, whole[i], parts[i])
		}
		if whole[i] == other[i] {
			same++
		}
	}
	if same > 0 {
		t.Errorf("seeds 7 and 8 share %d values", same)
	}
	rand.New(a).Float64() // a Source of math/rand/v2
}

func TestSeed(t *testing.T) {
	seen := map[uint64]string{}
	for _, seed := range []uint64{0, 1, 2} {
		for _, c := range All {
			for severity := 1; severity <= Severities; severity++ {
				for index := range 20 {
					name := fmt.Sprint(seed, c.Name, severity, index)
					s := Seed(seed, c.Name, severity, index)
					if seen[s] != "" {
						t.Fatalf("%s and %s share the seed %d", name, seen[s], s)
					}
					seen[s] = name
				}
			}
		}
	}
}

// chiSquare fails where counts do not fit the expected numbers: χ² beyond 6 standard deviations of its law.
func chiSquare(t *testing.T, name string, counts map[int]int, expected func(k int) float64) {
	t.Helper()
	n, covered, sum, bins := 0, 0.0, 0.0, 0
	for _, c := range counts {
		n += c
	}
	rest := n
	for k := range counts {
		if e := expected(k) * float64(n); e >= 10 {
			d := float64(counts[k]) - e
			sum += d * d / e
			covered += e
			rest -= counts[k]
			bins++
		}
	}
	if e := float64(n) - covered; e >= 10 {
		d := float64(rest) - e
		sum += d * d / e
		bins++
	}
	if limit := float64(bins-1) + 6*math.Sqrt(2*float64(bins)); sum > limit {
		t.Errorf("%s: χ² = %.1f over %d bins, expected below %.1f", name, sum, bins, limit)
	}
}

func TestNormalLaw(t *testing.T) {
	const n = 2_000_000
	z := make([]float64, n)
	NewSource(3).Normal(z)
	counts := map[int]int{}
	var sum, squares float64
	beyond := 0
	for _, v := range z {
		counts[int(math.Floor(v*20))]++
		sum += v
		squares += v * v
		if math.Abs(v) > tailStart {
			beyond++
		}
	}
	chiSquare(t, "normals", counts, func(k int) float64 {
		return (math.Erf(float64(k+1)/20/math.Sqrt2) - math.Erf(float64(k)/20/math.Sqrt2)) / 2
	})
	if mean, variance := sum/n, squares/n; math.Abs(mean) > 5/math.Sqrt(n) || math.Abs(variance-1) > 5*math.Sqrt(2./n) {
		t.Errorf("mean %v and variance %v, want 0 and 1", mean, variance)
	}
	if want := n * math.Erfc(tailStart/math.Sqrt2); math.Abs(float64(beyond)-want) > 6*math.Sqrt(want) {
		t.Errorf("%d values beyond the ziggurat's layers, want about %.0f", beyond, want)
	}
}

// TestZiggurat says that the layers close: the last has the area of the others.
func TestZiggurat(t *testing.T) {
	z := ziggurat
	area := z.edge[0] * z.height[1]
	for i := 1; i < 256; i++ {
		if got := z.edge[i] * (z.height[i+1] - z.height[i]); math.Abs(got/area-1) > 1e-9 {
			t.Errorf("layer %d has area %v, want %v", i, got, area)
		}
	}
}

func TestPoissonLaw(t *testing.T) {
	const n = 300_000
	dst, level := make([]float64, n), make([]uint8, n)
	for _, c := range []float64{0.01, 3, 60, 500} {
		var means [256]float64
		for v := range means {
			means[v] = c * float64(v) / 255
		}
		for _, source := range []Random{NewSource(5), NewNumPySource(5)} {
			for _, l := range []uint8{0, 1, 77, 255} {
				for i := range level {
					level[i] = l
				}
				source.Poisson(dst, &means, level)
				counts := map[int]int{}
				for _, v := range dst {
					counts[int(v)]++
				}
				mean := means[l]
				chiSquare(t, fmt.Sprintf("%T, mean %.3g", source, mean), counts, func(k int) float64 {
					if mean == 0 {
						return map[bool]float64{true: 1}[k == 0]
					}
					logGamma, _ := math.Lgamma(float64(k) + 1)
					return math.Exp(float64(k)*math.Log(mean) - mean - logGamma)
				})
			}
		}
	}
}

func TestIntegersLaw(t *testing.T) {
	dst := make([]int32, 200_000)
	for _, source := range []Random{NewSource(6), NewNumPySource(6)} {
		for _, limits := range [][2]int{{0, 1}, {-2, 2}, {0, 5}, {-4, 3}, {10, 1000}} {
			low, high := limits[0], limits[1]
			source.Integers(dst, low, high)
			counts := map[int]int{}
			for _, v := range dst {
				counts[int(v)]++
			}
			chiSquare(t, fmt.Sprintf("%T, %d..%d", source, low, high-1), counts, func(k int) float64 {
				if k < low || k >= high {
					t.Errorf("%d is outside %d..%d", k, low, high-1)
				}
				return 1 / float64(high-low)
			})
		}
	}
}

func BenchmarkRandom(b *testing.B) {
	s := NewSource(1)
	dst := make([]float64, chunk)
	integers := make([]int32, chunk)
	levels := make([]uint8, chunk)
	var means [256]float64
	for v := range means {
		means[v] = float64(v) / 255 * 60
	}
	for i := range levels {
		levels[i] = uint8(i)
	}
	for name, draw := range map[string]func(){
		"normal": func() { s.Normal(dst) }, "uniform": func() { s.Uniform(dst) }, "integers": func() { s.Integers(integers, -4, 4) },
		"poisson": func() { s.Poisson(dst, &means, levels) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(chunk) // MB/s are millions of numbers a second
			for b.Loop() {
				draw()
			}
		})
	}
}
