package filter

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/internal/golden"
)

// photo returns random bytes as floats.
func photo(seed uint64, size Size) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([]float32, size.Height*size.stride())
	for i := range out {
		out[i] = float32(r.IntN(256))
	}
	return out
}

// correlate is the definition: dst(y, x) = Σ kernel(j, i)·src(y+j, x+i), in float64.
func correlate(src []float32, size Size, border Border, taps map[[2]int]float64) []float64 {
	out := make([]float64, len(src))
	for i := range out {
		c, x, y := i%size.Channels, i/size.Channels%size.Width, i/size.stride()
		for at, weight := range taps {
			column, row := border.Index(x+at[0], size.Width), border.Index(y+at[1], size.Height)
			out[i] += weight * float64(src[row*size.stride()+column*size.Channels+c])
		}
	}
	return out
}

func worst(got []float32, want []float64) float64 {
	d := 0.0
	for i := range want {
		d = max(d, math.Abs(float64(got[i])-want[i]))
	}
	return d
}

func drawSize(t *rapid.T) Size {
	return Size{rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 40).Draw(t, "height"), rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")}
}

func TestBorders(t *testing.T) {
	for border, want := range map[Border]string{ // what stands at −5..7 over abc
		Replicate:  "aaaaaabcccccc",
		Reflect101: "babcbabcbabcb",
		HalfSample: "bccbaabccbaab",
	} {
		got := ""
		for i := -5; i <= 7; i++ {
			got += string("abc"[border.Index(i, 3)])
		}
		if got != want {
			t.Errorf("border %d: %s, want %s", border, got, want)
		}
		if at := border.Index(-7, 1); at != 0 {
			t.Errorf("border %d of one pixel: %d", border, at)
		}
	}
}

func TestGaussianIsItsDefinition(t *testing.T) {
	var w Workspace
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		g := Gaussian{
			SigmaX: rapid.Float64Range(0, 9).Draw(t, "σx"), SigmaY: rapid.Float64Range(0, 9).Draw(t, "σy"),
			Truncate: rapid.SampledFrom([]float64{0, 3}).Draw(t, "truncate"), Border: Border(rapid.IntRange(0, 2).Draw(t, "border")),
		}
		src := photo(1, size)
		got := make([]float32, len(src))
		w.Gaussian(got, src, size, g)
		truncate := g.Truncate
		if truncate == 0 {
			truncate = 4
		}
		along := func(sigma float64, src []float32, axis int) []float64 {
			taps := map[[2]int]float64{}
			weights := GaussianWeights(sigma, truncate)
			for i, v := range weights {
				at := [2]int{}
				at[axis] = i - len(weights)/2
				taps[at] = v
			}
			return correlate(src, size, g.Border, taps)
		}
		middle := make([]float32, len(src))
		for i, v := range along(g.SigmaX, src, 0) {
			middle[i] = float32(v)
		}
		if d := worst(got, along(g.SigmaY, middle, 1)); d > 1e-3 {
			t.Fatalf("%+v of %+v deviates by %g", g, size, d)
		}
		w.Gaussian(src, src, size, g)
		for i := range src {
			if src[i] != got[i] {
				t.Fatalf("in place: value %d is %v, elsewhere %v", i, src[i], got[i])
			}
		}
	})
}

func TestGaussianAt(t *testing.T) {
	var w Workspace
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		g := Gaussian{SigmaX: rapid.Float64Range(0, 2).Draw(t, "σx"), SigmaY: rapid.Float64Range(0, 2).Draw(t, "σy")}
		src := photo(9, size)
		got := make([]float32, len(src))
		w.Gaussian(got, src, size, g)
		at := rapid.IntRange(0, len(src)-1).Draw(t, "at")
		v := w.GaussianAt(func(i int) float64 { return float64(src[i]) }, size, g, at)
		if math.Abs(v-float64(got[at])) > Undecided {
			t.Fatalf("value %d is %v, in double precision %v", at, got[at], v)
		}
		flat := rapid.Float64Range(0, 1).Draw(t, "flat")
		if v, want := w.GaussianFlat(flat), w.GaussianAt(func(int) float64 { return flat }, size, g, at); v != want {
			t.Fatalf("%v everywhere: %v, want %v", flat, v, want)
		}
	})
}

func TestDiskIsItsKernel(t *testing.T) {
	var w Workspace
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		radius := rapid.SampledFrom([]float64{0.3, 1, 1.5, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 9.5}).Draw(t, "radius")
		alias := rapid.SampledFrom([]float64{0.01, 0.1, 0.5, 0.6}).Draw(t, "alias")
		kernel, side := DiskKernel(radius, alias)
		taps := map[[2]int]float64{}
		for i, v := range kernel {
			if v != 0 {
				taps[[2]int{i%side - side/2, i/side - side/2}] = float64(v)
			}
		}
		src := photo(2, size)
		got := make([]float32, len(src))
		w.Disk(got, src, size, radius, alias)
		if d := worst(got, correlate(src, size, Reflect101, taps)); d > 2e-3 {
			t.Fatalf("radius %v, alias %v of %+v deviates by %g", radius, alias, size, d)
		}
	})
}

func TestLineIsItsDefinition(t *testing.T) {
	var w Workspace
	var l Line
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		l.Set(rapid.Float64Range(1, 20).Draw(t, "radius"), rapid.Float64Range(1, 15).Draw(t, "σ"), rapid.Float64Range(-180, 180).Draw(t, "θ"))
		src := photo(3, size)
		got, want := make([]float32, len(src)), make([]float64, len(src))
		for i := range want {
			want[i] = l.At(src, size, i)
		}
		w.Line(got, src, size, &l)
		if d := worst(got, want); d > 1e-3 {
			t.Fatalf("deviates by %g", d)
		}
	})
}

// kernels is the format of the golden kernels.
type kernels struct {
	Disk map[string]struct {
		Radius, Alias float64
		Size          int
		Kernel        [][]float64
	}
	Gaussian map[string][]float64
	Motion   map[string]struct {
		Weights []float64
		DX, DY  []int
	}
}

func TestGoldenKernels(t *testing.T) {
	compared, deviation := 0, 0.0
	for _, file := range golden.Files(t, "corruptions/golden", "kernels*.json") {
		k := golden.JSON[kernels](t, file)
		for name, c := range k.Disk {
			got, side := DiskKernel(c.Radius, c.Alias)
			if side != c.Size {
				t.Errorf("disk %s is %d wide, want %d", name, side, c.Size)
				continue
			}
			for y, line := range c.Kernel {
				deviation = max(deviation, worst(got[y*side:(y+1)*side], line))
			}
			compared++
		}
		for name, want := range k.Gaussian {
			sigma, err := strconv.ParseFloat(name, 64)
			got := GaussianWeights(sigma, 4)
			if err != nil || len(got) != len(want) {
				t.Errorf("Gaussian %s: %d weights, want %d (%v)", name, len(got), len(want), err)
				continue
			}
			for i := range want {
				deviation = max(deviation, math.Abs(got[i]-want[i]))
			}
			compared++
		}
		for name, want := range k.Motion {
			var radius, sigma, angle float64
			for _, field := range strings.Split(name, "_") { // "r10_s3_a30"
				v, err := strconv.ParseFloat(field[1:], 64)
				if err != nil {
					t.Fatalf("motion %s: %v", name, err)
				}
				*map[byte]*float64{'r': &radius, 's': &sigma, 'a': &angle}[field[0]] = v
			}
			var l Line
			l.Set(radius, sigma, angle)
			for i := range want.Weights {
				deviation = max(deviation, math.Abs(l.Weights[i]-want.Weights[i]))
				if l.X[i] != want.DX[i] || l.Y[i] != want.DY[i] {
					t.Errorf("motion %s: offset %d is (%d, %d), want (%d, %d)", name, i, l.X[i], l.Y[i], want.DX[i], want.DY[i])
				}
			}
			compared++
		}
	}
	t.Logf("compared %d cases, worst deviation %.2g", compared, deviation)
	if compared == 0 || deviation > 1e-6 {
		t.Errorf("compared %d kernels, worst deviation %g, want at most 1e-6", compared, deviation)
	}
}

func BenchmarkFilters(b *testing.B) {
	size := Size{224, 224, 3}
	src := photo(4, size)
	dst := make([]float32, len(src))
	var w Workspace
	for _, sigma := range []float64{1, 6} {
		b.Run("Gaussian"+strconv.Itoa(int(sigma)), func(b *testing.B) {
			for b.Loop() {
				w.Gaussian(dst, src, size, Gaussian{SigmaX: sigma, SigmaY: sigma})
			}
		})
	}
	plane := Size{224, 224, 1}
	b.Run("GaussianFolded", func(b *testing.B) {
		for b.Loop() {
			w.Gaussian(dst[:224*224], src[:224*224], plane, Gaussian{SigmaX: 170.8, SigmaY: 170.8, Truncate: 3, Border: HalfSample})
		}
	})
	for _, radius := range []float64{3, 6, 8, 10} {
		b.Run("Disk"+strconv.Itoa(int(radius)), func(b *testing.B) {
			for b.Loop() {
				w.Disk(dst, src, size, radius, 0.5)
			}
		})
	}
	var l Line
	l.Set(20, 15, 30)
	b.Run("Line41", func(b *testing.B) {
		for b.Loop() {
			w.Line(dst, src, size, &l)
		}
	})
}

// A kernel in use must not make room for the other axis's: with a full list of kernels, the oldest along x, a new one along y.
func TestKernelsInUseAreKept(t *testing.T) {
	var w Workspace
	size := Size{Width: 9, Height: 7, Channels: 1}
	src := photo(3, size)
	got, want := make([]float32, len(src)), make([]float32, len(src))
	oldest := Gaussian{SigmaX: 0.5, SigmaY: 0.5}
	w.Gaussian(got, src, size, oldest)
	for i := range maxGaussians - 2 {
		w.Gaussian(got, src, size, Gaussian{SigmaX: 0.5, SigmaY: 0.6 + 0.01*float64(i)})
	}
	mixed := Gaussian{SigmaX: 0.5, SigmaY: 1.7}
	w.Gaussian(got, src, size, mixed)
	new(Workspace).Gaussian(want, src, size, mixed)
	if !slices.Equal(got, want) {
		t.Errorf("a workspace with many kernels gives %v, a new one %v", got[:3], want[:3])
	}
}
