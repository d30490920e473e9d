package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/dnnl"
	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var windows = map[string]operator{
	"Conv": convolution, "ConvTranspose": deconvolution, "visus.ConvGradInput": convGradInput, "visus.ConvGradWeight": convGradWeight,
	"MaxPool": maxPool, "AveragePool": averagePool, "visus.MaxPoolGrad": maxPoolGrad, "visus.AveragePoolGrad": averagePoolGrad,
}

// window is what slides over the spatial dimensions.
type window struct{ kernel, strides, dilations, before, after []int }

// window reads the attributes of a node whose window has the given size and slides over the spatial sizes.
func (n *node) window(kernel, spatial []int) (window, error) {
	rank := len(spatial)
	if rank < 1 || rank > 3 {
		return window{}, fmt.Errorf("%d spatial dimensions", rank)
	}
	w := window{kernel: kernel, strides: n.each("strides", rank), dilations: n.each("dilations", rank)}
	pads := n.Ints("pads")
	w.before, w.after = make([]int, rank), make([]int, rank)
	for d := range rank {
		if pads != nil {
			w.before[d], w.after[d] = int(pads[d]), int(pads[rank+d])
		}
		total := max((w.outputs(spatial[d], d)-1)*w.strides[d]+w.reach(d)-spatial[d], 0)
		switch n.Text("auto_pad", "NOTSET") {
		case "SAME_UPPER":
			w.before[d], w.after[d] = total/2, total-total/2
		case "SAME_LOWER":
			w.before[d], w.after[d] = total-total/2, total/2
		}
	}
	return w, nil
}

// outputs is how many windows auto_pad SAME has along a dimension.
func (w window) outputs(size, d int) int { return (size + w.strides[d] - 1) / w.strides[d] }

// reach is how far a window extends.
func (w window) reach(d int) int { return (w.kernel[d]-1)*w.dilations[d] + 1 }

func (w window) key() string { return fmt.Sprint(w) }

// each is an attribute of one number a spatial dimension, 1 where it is left out.
func (n *node) each(name string, rank int) []int {
	out := slices.Repeat([]int{1}, rank)
	for i, v := range n.Ints(name) {
		out[i] = int(v)
	}
	return out
}

// grouped shows weights [O, I/g, k...] as oneDNN takes those of groups: [g, O/g, I/g, k...].
func (t *translator) grouped(weights *value, groups int) *value {
	if groups == 1 {
		return weights
	}
	shape := append([]int{groups, weights.shape[0] / groups}, weights.shape[1:]...)
	return t.reshape(weights, shape...)
}

func (w window) convolution(d dnnl.Direction) dnnl.Convolution {
	return dnnl.Convolution{Direction: d, Strides: w.strides, Dilations: w.dilations, PadsBegin: w.before, PadsEnd: w.after}
}

func convolution(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	x, weights, bias := n.in[0], n.in[1], n.arg(2)
	w, err := n.window(weights.shape[2:], x.shape[2:])
	if err != nil {
		return nil, err
	}
	groups := int(n.Int("group", 1))
	if w.whole(x.shape[2:], groups) {
		return list(t.wholeConvolution(x, weights, bias, n.shape[0])), nil
	}
	weights = t.grouped(weights, groups)
	c := call{name: "Conv", in: []*value{x, weights, bias}, fusable: true}
	c.plan = func(p *planner, c *call) error {
		return p.window("Conv", p.scope.Convolution, w.convolution(dnnl.ForwardTraining), c, x, weights, bias)
	}
	return t.invoke(w.key(), c, x.kind, n.shape[0]), nil
}

func deconvolution(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	x, weights, bias := n.in[0], n.in[1], n.arg(2)
	w, err := n.window(weights.shape[2:], n.shape[0][2:])
	if err != nil {
		return nil, err
	}
	for d := range w.after { // what the sizes say, whatever the attributes (output_padding, output_shape, auto_pad) did
		w.after[d] = (x.shape[2+d]-1)*w.strides[d] + w.reach(d) - n.shape[0][2+d] - w.before[d]
	}
	groups := int(n.Int("group", 1))
	if w.whole(n.shape[0][2:], groups) && size(x.shape[2:]) == 1 {
		return list(t.wholeDeconvolution(x, weights, bias, n.shape[0])), nil
	}
	if groups == 1 && narrow(weights, x.shape[0]) {
		y := t.overlap(w, x, weights, n.shape[0])
		if bias != nil {
			y = t.el(kernel.Add, y, t.channels(bias, len(y.shape)))
		}
		return list(y), nil
	}
	if groups > 1 {
		weights = t.reshape(weights, append([]int{groups, x.shape[1] / groups}, weights.shape[1:]...)...)
		weights = t.transpose(weights, append([]int{0, 2, 1}, all(len(weights.shape))[3:]...)...)
	} else {
		weights = t.transpose(weights, append([]int{1, 0}, all(len(weights.shape))[2:]...)...)
	}
	c := call{name: "ConvTranspose", in: []*value{x, weights, bias}, fusable: true}
	c.plan = func(p *planner, c *call) error {
		return p.window("ConvTranspose", p.scope.Deconvolution, w.convolution(dnnl.ForwardTraining), c, x, weights, bias)
	}
	return t.invoke(w.key(), c, x.kind, n.shape[0]), nil
}

// narrow says whether a transposed convolution with weights [C, O, k...] is one of the plane with so few outputs O that oneDNN, which works on vectors of
// outputs, would mostly compute nothing, and whether there are samples enough for all threads.
func narrow(weights *value, samples int) bool {
	return len(weights.shape) == 4 && weights.shape[1] <= block/4 && size(weights.shape[1:]) <= 4*block && samples > 1
}

// overlap is the transposed convolution, without groups, of x [N, C, H, W] with weights [C, O, k, k].
func (t *translator) overlap(w window, x, weights *value, shape []int) *value {
	c := call{name: "Overlap", in: []*value{x, weights}}
	c.plan = func(p *planner, c *call) error {
		last, err := p.channelsLast(x.shape)
		if err != nil {
			return err
		}
		from, err := p.as(x, last)
		if err != nil {
			return err
		}
		by, err := p.plain(weights)
		if err != nil {
			return err
		}
		k := kernel.Overlap{Samples: x.shape[0], Channels: x.shape[1], Outputs: shape[1], Size: [2]int(x.shape[2:]), OutSize: [2]int(shape[2:]),
			Window: [2]int(w.kernel), Stride: [2]int(w.strides), Dilation: [2]int(w.dilations), Pad: [2]int(w.before)}
		out := p.room(tensor.Float32, dense(shape))
		p.places[c.out[0]] = out
		p.kernel(c.name, func() stepper {
			k.X, k.Weights, k.Out = from.pointer(), by.pointer(), out.pointer()
			return k
		}, out, from, by)
		return nil
	}
	return t.invoke(w.key(), c, x.kind, shape)[0]
}

// window plans a convolution forward, whose layouts the primitive chooses.
func (p *planner) window(name string, choose func(dnnl.Convolution) (*dnnl.Primitive, error), c dnnl.Convolution, by *call, x, weights, bias *value) error {
	out := by.out[0]
	c.Attributes = rectified(by)
	var err error
	if c.Src, err = p.wish(x); err != nil {
		return err
	}
	if c.Weights, err = p.scope.Any(dnnl.F32, weights.shape...); err != nil {
		return err
	}
	if c.Dst, err = p.free(out.shape); err != nil {
		return err
	}
	args := make([]arg, 0, 4)
	if bias != nil {
		at, err := p.plain(bias)
		if err != nil {
			return err
		}
		c.Bias = at.desc
		args = append(args, arg{dnnl.Bias, at})
	}
	primitive, err := choose(c)
	if err != nil {
		return err
	}
	for _, in := range []struct {
		arg dnnl.Arg
		of  *value
	}{{dnnl.Src, x}, {dnnl.Weights, weights}} {
		at, err := p.as(in.of, primitive.Want(in.arg))
		if err != nil {
			return err
		}
		args = append(args, arg{in.arg, at})
	}
	made, err := p.give(out, primitive.Want(dnnl.Dst))
	if err != nil {
		return err
	}
	return p.execute(name, primitive, args, arg{dnnl.Dst, made})
}

func convGradInput(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	dy, weights := n.in[0], n.in[1]
	w, err := n.window(weights.shape[2:], n.shape[0][2:])
	if err != nil {
		return nil, err
	}
	groups := int(n.Int("group", 1))
	if w.whole(n.shape[0][2:], groups) {
		return list(t.wholeDeconvolution(dy, weights, nil, n.shape[0])), nil
	}
	if groups == 1 && narrow(weights, dy.shape[0]) {
		return list(t.overlap(w, dy, weights, n.shape[0])), nil
	}
	weights = t.grouped(weights, groups)
	c := call{name: "ConvGradInput", in: []*value{dy, weights}}
	c.plan = func(p *planner, c *call) error {
		return p.backward("ConvGradInput", w.convolution(dnnl.BackwardData), c.out[0],
			operand{dnnl.DiffDst, dy}, operand{dnnl.Weights, weights}, dnnl.DiffSrc)
	}
	return t.invoke(w.key(), c, dy.kind, n.shape[0]), nil
}

func convGradWeight(t *translator, n *node) ([]*value, error) {
	if err := floats(n.in...); err != nil {
		return nil, err
	}
	x, dy := n.in[0], n.in[1]
	w, err := n.window(n.shape[0][2:], x.shape[2:])
	if err != nil {
		return nil, err
	}
	groups := int(n.Int("group", 1))
	shape := n.shape[0]
	if w.whole(x.shape[2:], groups) {
		return list(t.wholeGradWeight(x, dy, shape)), nil
	}
	if groups > 1 {
		shape = append([]int{groups, shape[0] / groups}, shape[1:]...)
	}
	c := call{name: "ConvGradWeight", in: []*value{x, dy}}
	c.plan = func(p *planner, c *call) error {
		return p.backward("ConvGradWeight", w.convolution(dnnl.BackwardWeights), c.out[0],
			operand{dnnl.Src, x}, operand{dnnl.DiffDst, dy}, dnnl.DiffWeights)
	}
	return list(t.reshape(t.invoke(w.key(), c, x.kind, shape)[0], n.shape[0]...)), nil
}

// operand is a value in its role.
type operand struct {
	arg dnnl.Arg
	of  *value
}

// skips says whether a gradient of weights [.., I, k...] is one that oneDNN must not compute with channels last: that of a convolution of
// 1×1 with strides, for which it first packs its source. Unless the channels are whole vectors, oneDNN 3.2 then writes beyond its
// scratchpad (AVX-512) or adds up what lies beside the source (AVX2).
func skips(strides, weights []int) bool {
	kernel := len(weights) - len(strides)
	return slices.Max(strides) > 1 && slices.Max(weights[kernel:]) == 1 && weights[kernel-1]%block != 0
}

// backward plans one of the gradients of a convolution.
func (p *planner) backward(name string, c dnnl.Convolution, out *value, a, b operand, role dnnl.Arg) error {
	free, err := p.free(out.shape)
	if role == dnnl.DiffWeights && err == nil {
		free, err = p.scope.Any(dnnl.F32, out.shape...)
	}
	if err != nil {
		return err
	}
	descs := map[dnnl.Arg]*dnnl.Desc{dnnl.Src: &c.Src, dnnl.DiffSrc: &c.Src, dnnl.Weights: &c.Weights, dnnl.DiffWeights: &c.Weights, dnnl.DiffDst: &c.Dst}
	*descs[role] = free
	anything := role == dnnl.DiffWeights && skips(c.Strides, out.shape)
	for _, o := range []operand{a, b} {
		wish, err := p.wish(o.of)
		if (o.arg == dnnl.Weights || anything) && err == nil {
			wish, err = p.scope.Any(dnnl.F32, o.of.shape...)
		}
		if err != nil {
			return err
		}
		*descs[o.arg] = wish
	}
	primitive, err := p.scope.Convolution(c)
	if err != nil {
		return err
	}
	var args []arg
	for _, o := range []operand{a, b} {
		at, err := p.as(o.of, primitive.Want(o.arg))
		if err != nil {
			return err
		}
		args = append(args, arg{o.arg, at})
	}
	made, err := p.give(out, primitive.Want(role))
	if err != nil {
		return err
	}
	return p.execute(name, primitive, args, arg{role, made})
}

// pool is a pooling with what its gradient needs.
type pool struct {
	window
	algorithm dnnl.Algorithm
}

// pooling reads a node that pools sizes to others. Windows that ceil_mode adds reach over the padded end: the padding is made to fit.
func (n *node) pooling(from, to []int, algorithm dnnl.Algorithm) (pool, error) {
	var size []int
	for _, k := range n.Ints("kernel_shape") {
		size = append(size, int(k))
	}
	w, err := n.window(size, from)
	if err != nil {
		return pool{}, err
	}
	p := pool{w, algorithm}
	for d := range from {
		need := (to[d]-1)*w.strides[d] + w.reach(d) - from[d] - w.before[d]
		if need > w.after[d] {
			if algorithm == dnnl.PoolAverageInclude {
				return pool{}, fmt.Errorf("ceil_mode with padding that counts")
			}
			w.after[d] = need
		}
		if w.before[d] >= w.reach(d) || w.after[d] >= w.reach(d) {
			return pool{}, fmt.Errorf("windows that lie in the padding")
		}
	}
	return p, nil
}

func (q pool) forward(src, dst dnnl.Desc) dnnl.Pooling {
	return dnnl.Pooling{Direction: dnnl.ForwardTraining, Algorithm: q.algorithm, Src: src, Dst: dst,
		Kernel: q.kernel, Strides: q.strides, Dilations: q.dilations, PadsBegin: q.before, PadsEnd: q.after}
}

func averaging(n *node) dnnl.Algorithm {
	if n.Int("count_include_pad", 0) != 0 {
		return dnnl.PoolAverageInclude
	}
	return dnnl.PoolAverageExclude
}

func maxPool(t *translator, n *node) ([]*value, error) {
	if len(n.Outputs) > 1 && n.Outputs[1] != "" {
		return nil, fmt.Errorf("the indices of the maxima")
	}
	q, err := n.pooling(n.in[0].shape[2:], n.shape[0][2:], dnnl.PoolMax)
	if err != nil {
		return nil, err
	}
	return t.pool(q, n.in[0], n.shape[0])[:1], floats(n.in[0])
}

func averagePool(t *translator, n *node) ([]*value, error) {
	q, err := n.pooling(n.in[0].shape[2:], n.shape[0][2:], averaging(n))
	if err != nil {
		return nil, err
	}
	return t.pool(q, n.in[0], n.shape[0])[:1], floats(n.in[0])
}

// pool makes the pooled value. What the gradient of a maximum needs to know besides, where the maxima were, the planner keeps.
func (t *translator) pool(q pool, x *value, shape []int) []*value {
	c := call{name: "Pool", in: []*value{x}}
	c.plan = func(p *planner, c *call) error {
		from, err := p.filled(x)
		if err != nil {
			return err
		}
		dst, err := p.scope.Any(dnnl.F32, shape...)
		if err != nil {
			return err
		}
		primitive, err := p.scope.Pooling(q.forward(from.desc, dst))
		if err != nil {
			return err
		}
		made, err := p.give(c.out[0], primitive.Want(dnnl.Dst))
		if err != nil {
			return err
		}
		p.pools[c] = pooled{primitive: primitive, source: from.desc}
		outs := []arg{{dnnl.Dst, made}}
		if space := primitive.Want(dnnl.Workspace); space.Bytes() > 0 {
			at := place{buffer: p.memory(space.Bytes()), desc: space}
			p.pools[c] = pooled{primitive, from.desc, at}
			outs = append(outs, arg{dnnl.Workspace, at})
		}
		return p.execute("Pool", primitive, []arg{{dnnl.Src, from}}, outs...)
	}
	return t.invoke(q.key()+fmt.Sprint(q.algorithm), c, x.kind, shape)
}

// filled is where a value lies without gaps: of a source with gaps and channels last, oneDNN's gradient of a pooling adds to what its memory held.
func (p *planner) filled(v *value) (place, error) {
	at, err := p.known(v)
	if err != nil || at.opaque || at.layout.compact() {
		return at, err
	}
	if at, err = p.dense(at); err != nil {
		return place{}, err
	}
	return p.described(at)
}

// pooled is what a pooling leaves for its gradient.
type pooled struct {
	primitive *dnnl.Primitive
	source    dnnl.Desc
	workspace place
}

func maxPoolGrad(t *translator, n *node) ([]*value, error) {
	x, dy := n.in[0], n.in[1]
	q, err := n.pooling(x.shape[2:], dy.shape[2:], dnnl.PoolMax)
	if err != nil {
		return nil, err
	}
	y := t.pool(q, x, dy.shape)[0] // the forward pool, which the graph has already
	return list(t.poolGrad(q, y, dy, x.shape)), floats(x, dy)
}

func averagePoolGrad(t *translator, n *node) ([]*value, error) {
	dy := n.in[0]
	q, err := n.pooling(n.shape[0][2:], dy.shape[2:], averaging(n))
	if err != nil {
		return nil, err
	}
	return list(t.poolGrad(q, nil, dy, n.shape[0])), floats(dy)
}

// poolGrad is the gradient of a pool; y is what a maximum gave.
func (t *translator) poolGrad(q pool, y, dy *value, shape []int) *value {
	c := call{name: "PoolGrad", in: []*value{dy, y}}
	c.plan = func(p *planner, c *call) error {
		out := c.out[0]
		forward := pooled{}
		if y != nil {
			forward = p.pools[y.maker.(*result).call]
		} else {
			src, err := p.scope.Plain(dnnl.F32, shape...)
			if err != nil {
				return err
			}
			dst, err := p.scope.Any(dnnl.F32, dy.shape...)
			if err != nil {
				return err
			}
			if forward.primitive, err = p.scope.Pooling(q.forward(src, dst)); err != nil {
				return err
			}
			forward.source = forward.primitive.Want(dnnl.Src)
		}
		to := forward.primitive.Want(dnnl.Dst)
		request := q.forward(forward.source, to)
		request.Direction, request.Hint = dnnl.BackwardData, forward.primitive
		primitive, err := p.scope.Pooling(request)
		if err != nil {
			return err
		}
		from, err := p.as(dy, primitive.Want(dnnl.DiffDst))
		if err != nil {
			return err
		}
		made, err := p.give(out, primitive.Want(dnnl.DiffSrc))
		if err != nil {
			return err
		}
		args := []arg{{dnnl.DiffDst, from}}
		if forward.workspace.buffer != nil {
			args = append(args, arg{dnnl.Workspace, forward.workspace})
		}
		return p.execute("PoolGrad", primitive, args, arg{dnnl.DiffSrc, made})
	}
	return t.invoke(q.key()+fmt.Sprint(q.algorithm, shape), c, dy.kind, shape)[0]
}
