//go:build unix && cgo

package dnnl

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestMatmul(t *testing.T) {
	for _, c := range []struct {
		name                   string
		batch, weightBatch     int
		rows, inner, columns   int
		transposed, bias, relu bool
	}{
		{"plain", 1, 1, 5, 7, 3, false, false, false},
		{"bias and relu", 1, 1, 17, 33, 20, false, true, true},
		{"transposed", 1, 1, 6, 16, 32, true, true, false},
		{"batch", 4, 4, 3, 5, 6, false, false, false},
		{"repeated weights", 4, 1, 3, 5, 6, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := scope(t)
			m := Matmul{
				Src: must(s.Plain(F32, c.batch, c.rows, c.inner))(t), Weights: must(s.Any(F32, c.weightBatch, c.inner, c.columns))(t),
				Dst: must(s.Plain(F32, c.batch, c.rows, c.columns))(t),
			}
			if c.transposed {
				m.Weights = must(s.Strided(F32, []int{c.weightBatch, c.inner, c.columns}, []int{c.inner * c.columns, 1, c.inner}))(t)
			}
			inputs := map[Arg][]float32{Src: draw(1, c.batch*c.rows*c.inner), Weights: draw(2, c.weightBatch*c.inner*c.columns)}
			bias := make([]float32, c.columns)
			if c.bias {
				bias = draw(3, c.columns)
				inputs[Bias] = bias
				m.Bias = must(s.Plain(F32, 1, 1, c.columns))(t)
			}
			if c.relu {
				m.PostOps = []PostOp{{Kind: Eltwise, Algorithm: EltwiseRelu}}
			}
			var want []float64
			for i := range c.batch * c.rows * c.columns {
				row, column, weights := i/c.columns, i%c.columns, i/c.columns/c.rows%c.weightBatch*c.inner
				sum := float64(bias[column])
				for k := range c.inner {
					sum += float64(inputs[Src][row*c.inner+k]) * float64(inputs[Weights][(weights+k)*c.columns+column])
				}
				if c.relu {
					sum = max(sum, 0)
				}
				want = append(want, sum)
			}
			p := must(s.Matmul(m))(t)
			t.Log(p.Implementation())
			near(t, "destination", run(t, p, inputs, Dst)[Dst], want)
		})
	}
}

// windows visits the source elements that each dst element of a pooling over size x size sees; -1 is a padded place.
func windows(planes, size, to, kernel, stride, gap, before int, visit func(dst int, sources []int)) {
	for i := range planes * to * to {
		plane, y, x := i/(to*to), i/to%to, i%to
		var seen []int
		for ky := range kernel {
			for kx := range kernel {
				sy, sx := y*stride+ky*gap-before, x*stride+kx*gap-before
				source := -1
				if sy >= 0 && sx >= 0 && sy < size && sx < size {
					source = (plane*size+sy)*size + sx
				}
				seen = append(seen, source)
			}
		}
		visit(i, seen)
	}
}

func TestPooling(t *testing.T) {
	const batch, channels, size = 2, 19, 9
	for _, c := range []struct {
		name                               string
		algorithm                          Algorithm
		kernel, stride, gap, before, after int
	}{
		{"max", PoolMax, 2, 2, 1, 0, 0},
		{"max, overlapping and padded", PoolMax, 3, 2, 1, 1, 1},
		{"max, dilated", PoolMax, 2, 1, 2, 0, 0},
		{"average with padding", PoolAverageInclude, 3, 2, 1, 1, 1},
		{"average without padding", PoolAverageExclude, 3, 2, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := scope(t)
			to := (size+c.before+c.after-(c.kernel-1)*c.gap-1)/c.stride + 1
			pair := func(k int) []int { return []int{k, k} }
			p := Pooling{
				Direction: ForwardTraining, Algorithm: c.algorithm,
				Src: must(s.Plain(F32, batch, channels, size, size))(t), Dst: must(s.Any(F32, batch, channels, to, to))(t),
				Kernel: pair(c.kernel), Strides: pair(c.stride), Dilations: pair(c.gap), PadsBegin: pair(c.before), PadsEnd: pair(c.after),
			}
			forward := must(s.Pooling(p))(t)
			src, diff := draw(1, batch*channels*size*size), draw(2, batch*channels*to*to)
			dst, diffSrc := make([]float64, len(diff)), make([]float64, len(src))
			windows(batch*channels, size, to, c.kernel, c.stride, c.gap, c.before, func(i int, seen []int) {
				inside := slices.DeleteFunc(slices.Clone(seen), func(k int) bool { return k < 0 })
				if c.algorithm == PoolMax {
					best := slices.MaxFunc(inside, func(a, b int) int { return int(math.Copysign(1, float64(src[a]-src[b]))) })
					dst[i] = float64(src[best])
					diffSrc[best] += float64(diff[i])
					return
				}
				n := len(inside)
				if c.algorithm == PoolAverageInclude {
					n = len(seen)
				}
				for _, k := range inside {
					dst[i] += float64(src[k]) / float64(n)
					diffSrc[k] += float64(diff[i]) / float64(n)
				}
			})
			near(t, "destination", run(t, forward, map[Arg][]float32{Src: src}, Dst)[Dst], dst)

			p.Direction, p.Hint = BackwardData, forward
			p.Dst = forward.Want(Dst)
			poolBack(t, forward, must(s.Pooling(p))(t), src, diff, diffSrc)
			p.Hint = nil
			if _, err := s.Pooling(p); err == nil || !strings.Contains(err.Error(), "its forward primitive") {
				t.Errorf("without a hint: %v", err)
			}
		})
	}
}

// poolBack runs forward, which writes the workspace, and backward on that.
func poolBack(t *testing.T, forward, backward *Primitive, src, diff []float32, want []float64) {
	t.Helper()
	args := bindings(t, forward, Src, Dst)
	put(args[0], src)
	if err := must(forward.Bind(args...))(t).Run(); err != nil {
		t.Fatal(err)
	}
	back := bindings(t, backward, DiffSrc, DiffDst)
	if !back[2].Desc.Equal(args[2].Desc) {
		t.Fatalf("forward writes the workspace %v, backward reads %v", args[2].Desc, back[2].Desc)
	}
	back[2].Memory = args[2].Memory
	put(back[1], diff)
	if err := must(backward.Bind(back...))(t).Run(); err != nil {
		t.Fatal(err)
	}
	near(t, "gradient of the source", get(back[0]), want)
}

func TestReorder(t *testing.T) {
	s := scope(t)
	want := small(t, s) // its weights lie in blocks on every processor with vectors
	plain := must(s.Plain(F32, 8, 4, 3, 3))(t)
	there := must(s.Reorder(plain, want.Want(Weights), Attributes{}))(t)
	back := must(s.Reorder(want.Want(Weights), plain, Attributes{}))(t)
	values := draw(1, 8*4*3*3)
	near(t, "there", run(t, there, map[Arg][]float32{From: values}, To)[To], widen(values))
	near(t, "back", run(t, back, map[Arg][]float32{From: values}, To)[To], widen(values))

	add := must(s.Reorder(plain, plain, Attributes{PostOps: []PostOp{{Kind: Sum, Scale: 2}}}))(t)
	before := draw(2, len(values))
	sums := widen(values)
	for i, v := range before {
		sums[i] += 2 * float64(v)
	}
	near(t, "sum", run(t, add, map[Arg][]float32{From: values, To: before}, To)[To], sums)
}

func TestLayout(t *testing.T) {
	s := scope(t)
	plain := must(s.Plain(F32, 2, 3, 4))(t)
	l := plain.Layout()
	if !slices.Equal(l.Strides, []int{12, 4, 1}) || !slices.Equal(l.Dims, l.Padded) || l.Opaque || l.Type != F32 || plain.Bytes() != 96 {
		t.Errorf("plain: %+v of %d bytes", l, plain.Bytes())
	}
	spread := must(s.Strided(U8, []int{2, 3}, []int{8, 2}))(t)
	if l := spread.Layout(); !slices.Equal(l.Strides, []int{8, 2}) || l.Opaque || spread.Bytes() != 16 {
		t.Errorf("strided: %+v of %d bytes", l, spread.Bytes())
	}
	if l := must(s.Any(S32, 5))(t).Layout(); !l.Opaque || l.Strides != nil || !slices.Equal(l.Dims, []int{5}) || l.Type != S32 {
		t.Errorf("any: %+v", l)
	}
	if !plain.Equal(must(s.Plain(F32, 2, 3, 4))(t)) || plain.Equal(spread) || plain.Equal(Desc{}) || !(Desc{}).Equal(Desc{}) {
		t.Error("Equal is wrong")
	}
	if empty := must(s.Plain(F32, 0, 3))(t); empty.Bytes() != 0 || empty.Layout().Opaque {
		t.Errorf("empty: %+v", empty.Layout())
	}
	if d := (Desc{}); d.Bytes() != 0 || d.Layout().Dims != nil || d.String() != "none" {
		t.Error("the zero Desc is not none")
	}
	for name, dims := range map[string][]int{"no dimensions": nil, "too many": make([]int, MaxRank+1), "negative": {-1}} {
		if _, err := s.Plain(F32, dims...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := s.Strided(F32, []int{2, 2}, []int{1}); err == nil {
		t.Error("too few strides: no error")
	}
}
