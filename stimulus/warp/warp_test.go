package warp

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"visus/stimulus/filter"
)

func photo(size filter.Size) []float32 {
	r := rand.New(rand.NewPCG(5, 6))
	out := make([]float32, size.Width*size.Height*size.Channels)
	for i := range out {
		out[i] = float32(r.IntN(256))
	}
	return out
}

// sample is bilinear interpolation by its definition, in float64.
func sample(src []float32, size filter.Size, border filter.Border, x, y float64, c int) float64 {
	left, upper := math.Floor(x), math.Floor(y)
	u, v := x-left, y-upper
	at := func(dx, dy int) float64 {
		column, row := border.Index(int(left)+dx, size.Width), border.Index(int(upper)+dy, size.Height)
		return float64(src[(row*size.Width+column)*size.Channels+c])
	}
	return (1-v)*((1-u)*at(0, 0)+u*at(1, 0)) + v*((1-u)*at(0, 1)+u*at(1, 1))
}

func drawSize(t *rapid.T) filter.Size {
	return filter.Size{Width: rapid.IntRange(1, 40).Draw(t, "width"), Height: rapid.IntRange(1, 40).Draw(t, "height"), Channels: 3}
}

func TestZoomIsItsDefinition(t *testing.T) {
	var z Zoom
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		size.Channels = rapid.SampledFrom([]int{1, 3}).Draw(t, "channels")
		factor := rapid.Float64Range(1, 5).Draw(t, "factor")
		y, x := Centre(size.Height, factor), Centre(size.Width, factor)
		if rapid.Bool().Draw(t, "corner") {
			y, x = Corner(size.Height, factor), Corner(size.Width, factor)
		}
		src := photo(size)
		got := make([]float32, len(src))
		z.Add(got, size.Width*size.Channels, src, size, y, x)
		position := func(a Axis, i int) float64 {
			if a.To < 2 {
				return float64(a.From)
			}
			return float64(a.From) + float64(i+a.Trim)*float64(a.Crop-1)/float64(a.To-1)
		}
		for row := range y.Keep {
			for column := range x.Keep {
				for c := range size.Channels {
					want := sample(src, size, filter.Replicate, position(x, column), position(y, row), c)
					if v := float64(got[(row*size.Width+column)*size.Channels+c]); math.Abs(v-want) > 1e-3 {
						t.Fatalf("factor %v: (%d, %d) is %v, want %v", factor, column, row, v, want)
					}
				}
			}
		}
	})
}

func TestDisplaceIsItsDefinition(t *testing.T) {
	var s Sampler
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		dx, dy := make([]float32, size.Width*size.Height), make([]float32, size.Width*size.Height)
		reach := rapid.SampledFrom([]float64{0, 1, 100}).Draw(t, "reach")
		for i := range dx {
			dx[i], dy[i] = float32(reach*r.NormFloat64()), float32(reach*r.NormFloat64())
		}
		src := photo(size)
		got := make([]float32, len(src))
		s.Displace(got, src, size, dx, dy)
		for i, v := range got {
			p := i / 3
			want := sample(src, size, filter.HalfSample, float64(p%size.Width)+float64(dx[p]), float64(p/size.Width)+float64(dy[p]), i%3)
			if math.Abs(float64(v)-want) > 1e-2 {
				t.Fatalf("value %d is %v, want %v", i, v, want)
			}
		}
	})
}

func TestAffine(t *testing.T) {
	var s Sampler
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(t)
		m := Matrix{1, 0, 0, 0, 1, 0}
		for i := range m {
			m[i] += rapid.Float64Range(-0.3, 0.3).Draw(t, "m")
		}
		m[2], m[5] = 60*m[2], 60*m[5]
		src := photo(size)
		got := make([]float32, len(src))
		s.Affine(got, src, size, m)
		inverse := m.Inverse()
		for i, v := range got {
			x, y := float64(i/3%size.Width), float64(i/3/size.Width)
			// Positions are snapped to 1/32; sums of two roundings to 1/1024 decide, so either neighbour may be right.
			at := func(a, b, c float64) float64 { return math.Floor((a*x+b*y+c)*32 + 0.5) }
			X, Y := at(inverse[0], inverse[1], inverse[2]), at(inverse[3], inverse[4], inverse[5])
			best := math.Inf(1)
			for dy := -1.0; dy <= 1; dy++ {
				for dx := -1.0; dx <= 1; dx++ {
					want := sample(src, size, filter.Reflect101, (X+dx)/32, (Y+dy)/32, i%3)
					best = min(best, math.Abs(float64(v)-want))
				}
			}
			if best > 1e-3 {
				t.Fatalf("value %d is %v, which is %g off at %v, %v", i, v, best, X/32, Y/32)
			}
		}
	})
}

func TestAffineByWholePixels(t *testing.T) {
	size := filter.Size{Width: 5, Height: 4, Channels: 3}
	src := photo(size)
	got := make([]float32, len(src))
	new(Sampler).Affine(got, src, size, Matrix{1, 0, 2, 0, 1, 1}) // two to the right, one down
	for y := range 4 {
		for x := range 5 {
			want := src[(filter.Reflect101.Index(y-1, 4)*5+filter.Reflect101.Index(x-2, 5))*3]
			if v := got[(y*5+x)*3]; v != want {
				t.Errorf("(%d, %d) is %v, want %v", x, y, v, want)
			}
		}
	}
}

func TestThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coordinate := rapid.Float64Range(-100, 100)
		var from, to [3][2]float64
		for i := range 3 {
			from[i] = [2]float64{coordinate.Draw(t, "x"), coordinate.Draw(t, "y")}
			to[i] = [2]float64{coordinate.Draw(t, "X"), coordinate.Draw(t, "Y")}
		}
		from[1] = [2]float64{from[0][0] + 10, from[0][1]} // never on a line
		from[2] = [2]float64{from[0][0], from[0][1] + 10}
		m, err := Through(from, to)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range from {
			x, y := m[0]*p[0]+m[1]*p[1]+m[2], m[3]*p[0]+m[4]*p[1]+m[5]
			if math.Hypot(x-to[i][0], y-to[i][1]) > 1e-9 {
				t.Fatalf("%v goes to (%v, %v), want %v", p, x, y, to[i])
			}
		}
	})
	if _, err := Through([3][2]float64{{0, 0}, {1, 1}, {2, 2}}, [3][2]float64{}); err == nil {
		t.Error("three points on a line were accepted")
	}
}

func BenchmarkWarp(b *testing.B) {
	size := filter.Size{Width: 224, Height: 224, Channels: 3}
	src := photo(size)
	dst := make([]float32, len(src))
	d := make([]float32, 224*224)
	var s Sampler
	var z Zoom
	b.Run("Zoom", func(b *testing.B) {
		y := Centre(224, 1.1)
		for b.Loop() {
			z.Add(dst, 672, src, size, y, y)
		}
	})
	b.Run("Affine", func(b *testing.B) {
		for b.Loop() {
			s.Affine(dst, src, size, Matrix{1.01, 0.02, 3, 0.03, 0.98, 2})
		}
	})
	b.Run("Displace", func(b *testing.B) {
		for b.Loop() {
			s.Displace(dst, src, size, d, d)
		}
	})
}
