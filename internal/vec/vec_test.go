package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// noise returns n values of −scale..scale.
func noise(t *rapid.T, n int, scale float32) []float32 {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = scale * (2*r.Float32() - 1)
	}
	return out
}

func near(t *rapid.T, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tolerance) {
			t.Fatalf("element %d of %d: got %v, want %v", i, len(want), got[i], want[i])
		}
	}
}

func TestTapsIsItsPlainForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		offsets := rapid.SliceOfN(rapid.Int32Range(0, 200), 0, 40).Draw(t, "offsets")
		src, weights := noise(t, n+200, 255), noise(t, len(offsets), 1)
		got, want := make([]float32, n), make([]float32, n)
		Taps(got, src, offsets, weights)
		tapsPlain(want, src, offsets, weights)
		near(t, got, want, 2e-3)
		for i := range want { // the definition in float64
			var sum float64
			for k, offset := range offsets {
				sum += float64(weights[k]) * float64(src[i+int(offset)])
			}
			if math.Abs(sum-float64(got[i])) > 2e-3 {
				t.Fatalf("element %d: got %v, want %v", i, got[i], sum)
			}
		}
	})
}

func TestTapsRefusesToReadOutside(t *testing.T) {
	for _, offset := range []int32{-1, 3} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("offset %d read outside", offset)
				}
			}()
			Taps(make([]float32, 8), make([]float32, 10), []int32{offset}, []float32{1})
		}()
	}
}

func TestElementwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		a, b, weight := noise(t, n, 300), noise(t, n, 300), rapid.Float32Range(0, 1).Draw(t, "t")
		got, want := make([]float32, n), make([]float32, n)
		Add(got, a, b)
		for i := range want {
			want[i] = a[i] + b[i]
		}
		near(t, got, want, 0)
		Lerp(got, a, b, weight)
		for i := range want {
			want[i] = a[i] + weight*(b[i]-a[i])
		}
		near(t, got, want, 1e-3)
		copy(got, a)
		Threshold(got, 17)
		for i, v := range a {
			if want[i] = v; v < 17 {
				want[i] = 0
			}
		}
		near(t, got, want, 0)
		copy(got, a)
		Clip(got, weight, 3, -10, 100)
		for i := range want {
			want[i] = min(100, max(-10, weight*a[i]+3))
		}
		near(t, got, want, 1e-3)
	})
}

func TestBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")
		floats := make([]float32, len(raw))
		FromBytes(floats, raw)
		back := make([]uint8, len(raw))
		Truncate(back, floats)
		for i := range raw {
			if floats[i] != float32(raw[i]) || back[i] != raw[i] {
				t.Fatalf("%d became %v and %d", raw[i], floats[i], back[i])
			}
		}
	})
	// 18 values, so that the wide form sees each too.
	odd := []float32{-1, -0.5, 0, 0.999, 1, 254.999, 255, 255.5, 256, 1e9, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 7.5, 127.99, 128, 3e9, 200}
	want := []uint8{0, 0, 0, 0, 1, 254, 255, 255, 255, 255, 255, 0, 0, 7, 127, 128, 255, 200}
	for shift := range odd {
		in := append(append([]float32(nil), odd[shift:]...), odd[:shift]...)
		got := make([]uint8, len(in))
		Truncate(got, in)
		for i, v := range got {
			if expect := want[(i+shift)%len(odd)]; v != expect {
				t.Errorf("%v became %d, want %d", in[i], v, expect)
			}
		}
	}
}

func TestNearInteger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := noise(t, rapid.IntRange(0, 100).Draw(t, "n"), 30)
		got := NearInteger(nil, x, 0.1)
		for i, v := range x {
			if math.Abs(float64(v)-math.RoundToEven(float64(v))) < float64(float32(0.1)) {
				if len(got) == 0 || got[0] != int32(i) {
					t.Fatalf("element %d = %v was missed: %v", i, v, got)
				}
				got = got[1:]
			}
		}
		if len(got) != 0 {
			t.Fatalf("%v are not near an integer", got)
		}
	})
}

func TestStretchIsItsPlainForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, step := rapid.IntRange(1, 120).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "step")
		from := rapid.IntRange(1, 150).Draw(t, "from")
		src := noise(t, from+step+rapid.IntRange(0, 40).Draw(t, "spare"), 255)
		index, weights := make([]int32, n), make([]float32, n)
		for i := range index {
			at := float64(i) * float64(from-1) / float64(n)
			index[i], weights[i] = int32(at), float32(at-math.Floor(at))
		}
		var s Stretch
		s.Set(index, weights, step)
		got, want := noise(t, n, 1), make([]float32, n)
		copy(want, got)
		s.Add(got, src)
		s.plain(want, src, 0)
		near(t, got, want, 1e-3)
	})
}

func BenchmarkTaps(b *testing.B) {
	src, dst := make([]float32, 672+3*33), make([]float32, 672)
	offsets, weights := make([]int32, 33), make([]float32, 33)
	for k := range offsets {
		offsets[k], weights[k] = int32(3*k), 1
	}
	b.Run("row672x33", func(b *testing.B) {
		b.SetBytes(4 * 672 * 33)
		for b.Loop() {
			Taps(dst, src, offsets, weights)
		}
	})
	b.Run("row672x33/plain", func(b *testing.B) {
		b.SetBytes(4 * 672 * 33)
		for b.Loop() {
			tapsPlain(dst, src, offsets, weights)
		}
	})
}

func BenchmarkBytes(b *testing.B) {
	floats, raw := make([]float32, 150528), make([]uint8, 150528)
	b.Run("FromBytes", func(b *testing.B) {
		for b.Loop() {
			FromBytes(floats, raw)
		}
	})
	b.Run("Truncate", func(b *testing.B) {
		for b.Loop() {
			Truncate(raw, floats)
		}
	})
}

func BenchmarkStretch(b *testing.B) {
	index, weights := make([]int32, 672), make([]float32, 672)
	for i := range index {
		at := float64(i/3) * 200 / 224
		index[i], weights[i] = 3*int32(at)+int32(i%3), float32(at-math.Floor(at))
	}
	var s Stretch
	s.Set(index, weights, 3)
	dst, src := make([]float32, 672), make([]float32, 704)
	for b.Loop() {
		s.Add(dst, src)
	}
}

func TestBilinearIsItsPlainForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, step := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "step")
		const stride = 20
		src := noise(t, 5*stride, 255)
		index := rapid.SliceOfN(rapid.Int32Range(0, 5*stride-stride-8), n, n).Draw(t, "index")
		fx, fy := noise(t, n, 1), noise(t, n, 1)
		got, want := make([]float32, n*step), make([]float32, n*step)
		Bilinear(got, step, src, stride, index, fx, fy)
		bilinearPlain(want, step, src, stride, index, fx, fy)
		near(t, got, want, 1e-2)
	})
}

func BenchmarkBilinear(b *testing.B) {
	const n = 10000
	src, dst := make([]float32, 4*n+1000), make([]float32, 3*n)
	index, f := make([]int32, n), make([]float32, n)
	for i := range index {
		index[i] = int32(4 * i)
	}
	for b.Loop() {
		Bilinear(dst, 3, src, 900, index, f, f)
	}
}

func TestMinTaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		src := rapid.SliceOfN(rapid.Int32Range(-1000, 1000), n+20, n+20).Draw(t, "src")
		offsets := rapid.SliceOfN(rapid.Int32Range(0, 20), 1, 9).Draw(t, "offsets")
		costs := rapid.SliceOfN(rapid.Int32Range(-50, 50), len(offsets), len(offsets)).Draw(t, "costs")
		got := make([]int32, n)
		MinTaps(got, src, offsets, costs)
		for i, v := range got {
			want := int32(math.MaxInt32)
			for k, offset := range offsets {
				want = min(want, src[i+int(offset)]+costs[k])
			}
			if v != want {
				t.Fatalf("element %d: %d, want %d", i, v, want)
			}
		}
	})
}
