package onednn

import (
	"cmp"
	"slices"
)

// layout says where the elements of a tensor lie: each of its dimensions is a list of factors, outermost first, whose sizes multiply to the
// dimension's. A plain tensor has one factor a dimension; oneDNN's blocked ones, such as [N, C/16, H, W, 16], split channels in two.
type layout struct {
	dims   [][]factor
	offset int // in elements
}

// factor is a part of a dimension: size steps of stride elements. Stride 0 repeats.
type factor struct{ size, stride int }

// dense is the layout of a tensor in the order of its dimensions.
func dense(shape []int) layout {
	l := layout{dims: make([][]factor, len(shape))}
	stride := 1
	for d := len(shape) - 1; d >= 0; d-- {
		l.dims[d] = []factor{{shape[d], stride}}
		stride *= shape[d]
	}
	return l
}

func (l layout) shape() []int {
	out := make([]int, len(l.dims))
	for d, factors := range l.dims {
		out[d] = 1
		for _, f := range factors {
			out[d] *= f.size
		}
	}
	return out
}

// axis is a factor with the dimension it is part of.
type axis struct {
	factor
	dim, inner int // inner: the product of the factors within it
}

// axes lists the factors of more than one step, largest stride first.
func (l layout) axes() []axis {
	var out []axis
	for d, factors := range l.dims {
		inner := 1
		for i := len(factors) - 1; i >= 0; i-- {
			if factors[i].size != 1 {
				out = append(out, axis{factors[i], d, inner})
			}
			inner *= factors[i].size
		}
	}
	slices.SortStableFunc(out, func(a, b axis) int {
		return cmp.Or(cmp.Compare(magnitude(b.stride), magnitude(a.stride)), cmp.Compare(a.dim, b.dim), cmp.Compare(b.inner, a.inner))
	})
	return out
}

func magnitude(v int) int { return max(v, -v) }

// canonical lists the axes with those joined that are one run through one dimension: equal layouts have equal lists.
func (l layout) canonical() []axis {
	var out []axis
	for _, a := range l.axes() {
		if n := len(out); n > 0 {
			b := &out[n-1]
			if b.dim == a.dim && b.inner == a.inner*a.size && b.stride == a.stride*a.size {
				*b = axis{factor{a.size * b.size, a.stride}, a.dim, a.inner}
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

// same says whether both put every element at the same place, apart from the offset.
func (l layout) same(m layout) bool { return slices.Equal(l.canonical(), m.canonical()) }

// plain says whether the elements lie one after the other in the order of the dimensions.
func (l layout) plain() bool { return l.same(dense(l.shape())) }

// compact says whether the elements fill the memory without gaps or repetition, in whatever order.
func (l layout) compact() bool {
	stride := 1
	axes := l.axes()
	for i := len(axes) - 1; i >= 0; i-- {
		if axes[i].stride != stride {
			return false
		}
		stride *= axes[i].size
	}
	return true
}

// nested says whether one step of each axis goes beyond all steps of those with smaller strides: oneDNN takes no others, such as rows of
// three of which every second entry counts.
func (l layout) nested() bool {
	axes := l.axes()
	for i := 1; i < len(axes); i++ {
		if axes[i-1].stride < axes[i].size*axes[i].stride {
			return false
		}
	}
	return true
}

// packed is the layout without gaps whose factors lie in the order of l's.
func (l layout) packed() layout {
	out := layout{dims: make([][]factor, len(l.dims))}
	place := map[[2]int]int{}
	stride := 1
	axes := l.axes()
	for i := len(axes) - 1; i >= 0; i-- {
		place[[2]int{axes[i].dim, axes[i].inner}] = stride
		stride *= axes[i].size
	}
	for d, factors := range l.dims {
		out.dims[d] = slices.Clone(factors)
		inner := 1
		for i := len(factors) - 1; i >= 0; i-- {
			if factors[i].size != 1 {
				out.dims[d][i].stride = place[[2]int{d, inner}]
			}
			inner *= factors[i].size
		}
	}
	return out
}

// strides returns one stride a dimension, where each has one factor of more than one step at most.
func (l layout) strides() (out []int, ok bool) {
	out = make([]int, len(l.dims))
	for d, factors := range l.dims {
		joined := layout{dims: [][]factor{factors}}.canonical()
		if len(joined) > 1 {
			return nil, false
		}
		out[d] = 1
		if len(joined) == 1 {
			out[d] = joined[0].stride
		}
	}
	return out, true
}

// permute orders the dimensions anew: dimension i of the result is perm[i] of l.
func (l layout) permute(perm []int) layout {
	out := layout{dims: make([][]factor, len(perm)), offset: l.offset}
	for i, d := range perm {
		out.dims[i] = l.dims[d]
	}
	return out
}

// broadcast repeats dimensions of one element, and leading ones that l lacks, so that its shape becomes the given one.
func (l layout) broadcast(shape []int) layout {
	out := layout{dims: make([][]factor, len(shape)), offset: l.offset}
	ahead := len(shape) - len(l.dims)
	have := l.shape()
	for d, n := range shape {
		if d < ahead || have[d-ahead] == 1 && n != 1 {
			out.dims[d] = []factor{{n, 0}}
			continue
		}
		out.dims[d] = l.dims[d-ahead]
	}
	return out
}

// slice takes count entries of dimension d from start on, every step-th. ok is false where the dimension is split so that they are no run.
func (l layout) slice(d, start, step, count int) (out layout, ok bool) {
	joined := layout{dims: [][]factor{l.dims[d]}}.canonical()
	if len(joined) > 1 {
		return layout{}, false
	}
	stride := 0
	if len(joined) == 1 {
		stride = joined[0].stride
	}
	out = layout{dims: slices.Clone(l.dims), offset: l.offset + start*stride}
	out.dims[d] = []factor{{count, step * stride}}
	return out, true
}

// reshape gives the elements another shape. ok is false where no layout does so.
func (l layout) reshape(shape []int) (out layout, ok bool) {
	out = layout{dims: make([][]factor, len(shape)), offset: l.offset}
	have := l.shape()
	i, d := 0, 0
	for i < len(have) || d < len(shape) { // groups of dimensions with equal products
		first, into := i, d
		p, q := 1, 1
		if i < len(have) {
			p = have[i]
			i++
		}
		if d < len(shape) {
			q = shape[d]
			d++
		}
		for p != q {
			switch {
			case p < q && i < len(have):
				p *= have[i]
				i++
			case p > q && d < len(shape):
				q *= shape[d]
				d++
			default:
				return layout{}, false
			}
		}
		if !regroup(l.dims[first:i], shape[into:d], out.dims[into:d]) {
			return layout{}, false
		}
	}
	return out, true
}

// regroup spreads dimensions over others of the same product.
func regroup(dims [][]factor, shape []int, out [][]factor) bool {
	var rest []factor // all factors, outermost first, runs joined
	for _, factors := range dims {
		for _, f := range factors {
			if f.size == 1 {
				continue
			}
			if n := len(rest); n > 0 && rest[n-1].stride == f.size*f.stride {
				rest[n-1] = factor{rest[n-1].size * f.size, f.stride}
				continue
			}
			rest = append(rest, f)
		}
	}
	for d := len(shape) - 1; d >= 0; d-- {
		out[d] = nil
		need := shape[d]
		for need > 1 {
			if len(rest) == 0 {
				return false
			}
			f := &rest[len(rest)-1]
			switch {
			case need%f.size == 0:
				out[d] = append([]factor{*f}, out[d]...)
				need /= f.size
				rest = rest[:len(rest)-1]
			case f.size%need == 0:
				out[d] = append([]factor{{need, f.stride}}, out[d]...)
				f.size, f.stride = f.size/need, f.stride*need
				need = 1
			default:
				return false
			}
		}
		if out[d] == nil {
			out[d] = []factor{{1, 0}}
		}
	}
	return len(rest) == 0
}

// space is what a loop goes over, outermost first: the shape's dimensions, split as finely as any layout splits them.
type space []axis

// walk returns the space of a loop over tensors of one shape, in the order in which the first layout has its elements. ok is false where
// two layouts split a dimension in ways that do not fit into each other.
func walk(layouts ...layout) (out space, ok bool) {
	first := layouts[0]
	for d := range first.dims {
		cuts := []int{1}
		n := 1
		for i, l := range layouts {
			inner := 1
			for k := len(l.dims[d]) - 1; k >= 0; k-- {
				inner *= l.dims[d][k].size
				if !slices.Contains(cuts, inner) {
					cuts = append(cuts, inner)
				}
			}
			if i == 0 {
				n = inner
			}
		}
		slices.Sort(cuts)
		for i := range len(cuts) - 1 {
			if cuts[i+1]%cuts[i] != 0 || cuts[i+1] > n {
				return nil, false
			}
			a := axis{factor{size: cuts[i+1] / cuts[i]}, d, cuts[i]}
			a.stride = first.stride(a)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b axis) int {
		return cmp.Or(cmp.Compare(magnitude(b.stride), magnitude(a.stride)), cmp.Compare(a.dim, b.dim), cmp.Compare(b.inner, a.inner))
	})
	return out, true
}

// sizes lists how many steps each axis has.
func (s space) sizes() []int {
	out := make([]int, len(s))
	for i, a := range s {
		out[i] = a.size
	}
	return out
}

// over returns the strides of a layout along the axes of a space.
func (l layout) over(s space) []int {
	out := make([]int, len(s))
	for i, a := range s {
		out[i] = l.stride(a)
	}
	return out
}

// stride is that along an axis which lies within one factor.
func (l layout) stride(a axis) int {
	inner := 1
	factors := l.dims[a.dim]
	for k := len(factors) - 1; k >= 0; k-- {
		if f := factors[k]; a.inner < inner*f.size {
			return f.stride * (a.inner / inner)
		}
		inner *= factors[k].size
	}
	return 0
}
