//go:build unix && cgo

package dnnl

import (
	"fmt"
	"testing"
)

// geometry is a convolution from source to dst in two dimensions; a deconvolution goes the other way.
type geometry struct {
	name                   string
	batch, groups, in, out int // channels of source and dst
	size                   [2]int
	kernel, stride, gap    int // gap: the dilation
	before, after          int
}

var geometries = []geometry{
	{"dense", 2, 1, 16, 32, [2]int{6, 5}, 3, 1, 1, 1, 1},
	{"odd channels", 2, 1, 5, 7, [2]int{6, 7}, 3, 2, 1, 0, 1},
	{"one channel", 3, 1, 1, 20, [2]int{8, 8}, 4, 2, 1, 1, 1},
	{"groups", 1, 2, 6, 10, [2]int{7, 6}, 3, 1, 1, 1, 1},
	{"depthwise", 2, 24, 24, 24, [2]int{5, 5}, 3, 1, 1, 1, 1},
	{"dilated", 1, 1, 3, 18, [2]int{9, 9}, 3, 1, 2, 2, 2},
	{"point", 2, 1, 33, 17, [2]int{3, 3}, 1, 1, 1, 0, 0},
}

func (g geometry) dst() [2]int {
	reach := (g.kernel-1)*g.gap + 1
	return [2]int{(g.size[0]+g.before+g.after-reach)/g.stride + 1, (g.size[1]+g.before+g.after-reach)/g.stride + 1}
}

// each visits the products of the convolution by the row-major numbers of their elements. Weights are [groups, out, in, kernel, kernel].
func (g geometry) each(visit func(src, weight, dst, channel int)) {
	to, in, out := g.dst(), g.in/g.groups, g.out/g.groups
	for n := range g.batch {
		for o := range g.out {
			group := o / out
			for y := range to[0] {
				for x := range to[1] {
					for i := range in {
						for ky := range g.kernel {
							for kx := range g.kernel {
								sy, sx := y*g.stride+ky*g.gap-g.before, x*g.stride+kx*g.gap-g.before
								if sy < 0 || sx < 0 || sy >= g.size[0] || sx >= g.size[1] {
									continue
								}
								visit(((n*g.in+group*in+i)*g.size[0]+sy)*g.size[1]+sx, ((o*in+i)*g.kernel+ky)*g.kernel+kx, ((n*g.out+o)*to[0]+y)*to[1]+x, o)
							}
						}
					}
				}
			}
		}
	}
}

// descs are free in their layouts.
func (g geometry) descs(t *testing.T, s *Scope) (src, weights, bias, dst Desc) {
	to := g.dst()
	dims := []int{g.out, g.in, g.kernel, g.kernel}
	if g.groups > 1 {
		dims = []int{g.groups, g.out / g.groups, g.in / g.groups, g.kernel, g.kernel}
	}
	return must(s.Any(F32, g.batch, g.in, g.size[0], g.size[1]))(t), must(s.Any(F32, dims...))(t), must(s.Any(F32, g.out))(t),
		must(s.Any(F32, g.batch, g.out, to[0], to[1]))(t)
}

func (g geometry) convolution(t *testing.T, s *Scope, d Direction) Convolution {
	c := Convolution{
		Direction: d, Strides: []int{g.stride, g.stride}, Dilations: []int{g.gap, g.gap},
		PadsBegin: []int{g.before, g.before}, PadsEnd: []int{g.after, g.after},
	}
	c.Src, c.Weights, c.Bias, c.Dst = g.descs(t, s)
	return c
}

func TestConvolution(t *testing.T) {
	for _, g := range geometries {
		t.Run(g.name, func(t *testing.T) {
			s := scope(t)
			forward := must(s.Convolution(g.convolution(t, s, ForwardTraining)))(t)
			t.Log(forward.Implementation())
			src, weights, bias := draw(1, product(forward.Want(Src).Layout().Dims)), draw(2, product(forward.Want(Weights).Layout().Dims)), draw(3, g.out)
			dst := make([]float64, product(forward.Want(Dst).Layout().Dims))
			to := g.dst()
			for i := range dst {
				dst[i] = float64(bias[i/(to[0]*to[1])%g.out])
			}
			diff := draw(4, len(dst))
			diffSrc, diffWeights, diffBias := make([]float64, len(src)), make([]float64, len(weights)), make([]float64, g.out)
			for i, d := range diff {
				diffBias[i/(to[0]*to[1])%g.out] += float64(d)
			}
			g.each(func(a, w, b, _ int) {
				dst[b] += float64(src[a]) * float64(weights[w])
				diffSrc[a] += float64(diff[b]) * float64(weights[w])
				diffWeights[w] += float64(src[a]) * float64(diff[b])
			})
			got := run(t, forward, map[Arg][]float32{Src: src, Weights: weights, Bias: bias}, Dst)
			near(t, "destination", got[Dst], dst)

			c := g.convolution(t, s, BackwardData)
			c.Bias = Desc{}
			got = run(t, must(s.Convolution(c))(t), map[Arg][]float32{DiffDst: diff, Weights: weights}, DiffSrc)
			near(t, "gradient of the source", got[DiffSrc], diffSrc)

			c = g.convolution(t, s, BackwardWeights)
			c.Hint = forward
			got = run(t, must(s.Convolution(c))(t), map[Arg][]float32{DiffDst: diff, Src: src}, DiffWeights, DiffBias)
			near(t, "gradient of the weights", got[DiffWeights], diffWeights)
			near(t, "gradient of the bias", got[DiffBias], diffBias)
		})
	}
}

// A deconvolution is the convolution's way back: its source is the convolution's destination, its weights' first two sizes change places.
func TestDeconvolution(t *testing.T) {
	for _, g := range geometries {
		if g.groups > 1 {
			continue // one more transposition of the same weights
		}
		t.Run(g.name, func(t *testing.T) {
			s := scope(t)
			described := func(d Direction) Convolution {
				c := g.convolution(t, s, d)
				c.Src, c.Dst = c.Dst, c.Src
				c.Weights = must(s.Any(F32, g.in, g.out, g.kernel, g.kernel))(t)
				c.Bias = Desc{}
				return c
			}
			forward := must(s.Deconvolution(described(ForwardTraining)))(t)
			t.Log(forward.Implementation())
			swapped := func(w []float64) []float64 { // [out, in, ...] as [in, out, ...]
				var out []float64
				area := g.kernel * g.kernel
				for i := range g.in {
					for o := range g.out {
						out = append(out, w[(o*g.in+i)*area:][:area]...)
					}
				}
				return out
			}
			src, diff := draw(1, product(forward.Want(Src).Layout().Dims)), draw(2, product(forward.Want(Dst).Layout().Dims))
			weights := widen(draw(3, product(forward.Want(Weights).Layout().Dims)))
			dst, diffSrc, diffWeights := make([]float64, len(diff)), make([]float64, len(src)), make([]float64, len(weights))
			g.each(func(a, w, b, _ int) {
				dst[a] += float64(src[b]) * weights[w]
				diffSrc[b] += float64(diff[a]) * weights[w]
				diffWeights[w] += float64(src[b]) * float64(diff[a])
			})
			w := narrow(swapped(weights))
			near(t, "destination", run(t, forward, map[Arg][]float32{Src: src, Weights: w}, Dst)[Dst], dst)
			back := must(s.Deconvolution(described(BackwardData)))(t)
			near(t, "gradient of the source", run(t, back, map[Arg][]float32{DiffDst: diff, Weights: w}, DiffSrc)[DiffSrc], diffSrc)
			back = must(s.Deconvolution(described(BackwardWeights)))(t)
			got := run(t, back, map[Arg][]float32{DiffDst: diff, Src: src}, DiffWeights)
			near(t, "gradient of the weights", got[DiffWeights], swapped(diffWeights))
		})
	}
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func TestConvolutionWithPostOps(t *testing.T) {
	s := scope(t)
	g := geometries[0]
	c := g.convolution(t, s, ForwardInference)
	scale := must(s.Plain(F32, 1, g.out, 1, 1))(t)
	c.PostOps = []PostOp{
		{Kind: Sum, Scale: 0.5},
		{Kind: Binary, Algorithm: BinaryMul, Operand: scale},
		{Kind: Eltwise, Algorithm: EltwiseRelu, Alpha: 0.25},
	}
	p := must(s.Convolution(c))(t)
	src, weights, bias := draw(1, product(p.Want(Src).Layout().Dims)), draw(2, product(p.Want(Weights).Layout().Dims)), draw(3, g.out)
	before, factors := draw(4, product(p.Want(Dst).Layout().Dims)), draw(5, g.out)
	want := make([]float64, len(before))
	g.each(func(a, w, b, _ int) { want[b] += float64(src[a]) * float64(weights[w]) })
	area := product(p.Want(Dst).Layout().Dims[2:])
	for i := range want {
		o := i / area % g.out
		want[i] = (want[i] + float64(bias[o]) + 0.5*float64(before[i])) * float64(factors[o])
		if want[i] < 0 {
			want[i] *= 0.25
		}
	}
	inputs := map[Arg][]float32{Src: src, Weights: weights, Bias: bias, Dst: before, PostOperand(1): factors}
	near(t, "destination", run(t, p, inputs, Dst)[Dst], want)
}

func TestConvolutionRefusesBadShapes(t *testing.T) {
	s := scope(t)
	g := geometries[0]
	c := g.convolution(t, s, ForwardTraining)
	c.Dst = must(s.Any(F32, 2, 32, 6, 6))(t)
	_, err := s.Convolution(c)
	want := "dnnl: dnnl_convolution_forward_primitive_desc_create: invalid_arguments (source f32[2 16 6 5], destination f32[2 32 6 6], " +
		"weights f32[32 16 3 3], bias f32[32])"
	if err == nil || err.Error() != want {
		t.Errorf("reports %v, want %s", err, want)
	}
	c.Strides = []int{1}
	if _, err := s.Convolution(c); fmt.Sprint(err) != "dnnl: convolution: 2 strides expected, found 1" {
		t.Errorf("reports %v", err)
	}
}
