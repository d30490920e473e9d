package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var shaping = map[string]operator{
	"Reshape": reshaped, "Flatten": reshaped, "Squeeze": reshaped, "Unsqueeze": reshaped,
	"Transpose": transposed, "Expand": expanded, "Slice": sliced, "Split": split, "Concat": concat, "Pad": padded,
	"DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth, "Tile": tiled, "ConstantOfShape": constant, "GlobalAveragePool": globalAverage, "GlobalMaxPool": globalMax,
}

func reshaped(t *translator, n *node) ([]*value, error) {
	return list(t.reshape(n.in[0], n.shape[0]...)), nil
}

func transposed(t *translator, n *node) ([]*value, error) {
	rank := len(n.in[0].shape)
	perm := make([]int, rank)
	given := n.Ints("perm")
	for i := range perm {
		perm[i] = rank - 1 - i
		if given != nil {
			perm[i] = int(given[i])
		}
	}
	return list(t.transpose(n.in[0], perm...)), nil
}

func expanded(t *translator, n *node) ([]*value, error) {
	return list(t.expand(n.in[0], n.shape[0]...)), nil
}

func sliced(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	starts, ok1 := n.constants(1)
	axes, ok2 := n.constants(3)
	steps, ok3 := n.constants(4)
	if !ok1 || !ok2 || !ok3 || n.Ints("starts") != nil {
		return nil, fmt.Errorf("a slice that is not constant")
	}
	for i, start := range starts {
		axis, step := i, 1
		if axes != nil {
			axis = from0(axes[i], len(x.shape))
		}
		if steps != nil {
			step = steps[i]
		}
		length := x.shape[axis]
		if start < 0 {
			start += length
		}
		start = min(max(start, 0), length)
		if step < 0 {
			start = min(start, length-1)
		}
		count := n.shape[0][axis]
		if count == 0 {
			return nil, fmt.Errorf("a slice without elements")
		}
		x = t.slice(x, axis, start, step, count)
	}
	return list(x), nil
}

func split(t *translator, n *node) ([]*value, error) {
	axis := n.axis("axis", 0)
	var out []*value
	start := 0
	for _, shape := range n.shape {
		if shape == nil {
			return nil, fmt.Errorf("a part that is left out")
		}
		out = append(out, t.slice(n.in[0], axis, start, 1, shape[axis]))
		start += shape[axis]
	}
	return out, nil
}

func concat(t *translator, n *node) ([]*value, error) {
	return list(t.concat(n.axis("axis", 0), n.in)), sameKind(n.in)
}

func sameKind(in []*value) error {
	for _, v := range in {
		if v.kind != in[0].kind {
			return fmt.Errorf("operands of %s and %s", in[0].kind, v.kind)
		}
	}
	return nil
}

// part is where an operand goes in what is put together.
type part struct {
	of    *value
	start []int
}

// assemble puts operands into a tensor that is fill elsewhere.
func (t *translator) assemble(shape []int, fill float32, whole bool, parts ...part) *value {
	key := fmt.Sprint(shape, fill)
	c := call{name: "Assemble"}
	for _, p := range parts {
		key += fmt.Sprint(p.start)
		c.in = append(c.in, p.of)
	}
	c.plan = func(p *planner, c *call) error { return p.assemble(c.out[0], fill, whole, parts) }
	return t.invoke(key, c, parts[0].of.kind, shape)[0]
}

func (t *translator) concat(axis int, in []*value) *value {
	if len(in) == 1 {
		return in[0]
	}
	shape := slices.Clone(in[0].shape)
	shape[axis] = 0
	var parts []part
	for _, v := range in {
		start := make([]int, len(shape))
		start[axis] = shape[axis]
		shape[axis] += v.shape[axis]
		parts = append(parts, part{v, start})
	}
	return t.assemble(shape, 0, true, parts...)
}

func padded(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	pads, ok := n.constants(1)
	if !ok || pads == nil {
		return nil, fmt.Errorf("pads that are not constant")
	}
	axes, ok := n.constants(3)
	if !ok {
		return nil, fmt.Errorf("axes that are not constant")
	}
	if axes == nil {
		axes = all(len(x.shape))
	}
	begin, end := make([]int, len(x.shape)), make([]int, len(x.shape))
	for i, a := range axes {
		a = from0(a, len(x.shape))
		begin[a], end[a] = pads[i], pads[len(axes)+i]
	}
	for d := range begin { // negative pads cut
		cut := max(-begin[d], 0)
		count := x.shape[d] - cut - max(-end[d], 0)
		if count <= 0 {
			return nil, fmt.Errorf("pads that leave nothing")
		}
		x = t.slice(x, d, cut, 1, count)
		begin[d], end[d] = max(begin[d], 0), max(end[d], 0)
	}
	if slices.Max(begin) == 0 && slices.Max(end) == 0 {
		return list(x), nil
	}
	switch mode := n.Text("mode", "constant"); mode {
	case "constant":
		fill := float32(0)
		if v := n.arg(2); v != nil {
			if fill, ok = scalar(v); !ok {
				return nil, fmt.Errorf("a value to pad with that is not constant")
			}
		}
		return list(t.assemble(n.shape[0], fill, false, part{x, begin})), nil
	case "reflect", "edge", "wrap":
		for d := range begin {
			x = t.mirror(x, d, begin[d], end[d], mode)
		}
		return list(x), nil
	default:
		return nil, fmt.Errorf("padding of mode %q", mode)
	}
}

// mirror pads one dimension with entries of its own.
func (t *translator) mirror(x *value, d, begin, end int, mode string) *value {
	n := x.shape[d]
	if begin == 0 && end == 0 {
		return x
	}
	var before, after []*value
	one := func(at int) *value { return t.slice(x, d, ((at%n)+n)%n, 1, 1) }
	for i := range begin {
		switch k := begin - i; mode { // the entry k places before the first
		case "reflect":
			before = append(before, one(k))
		case "edge":
			before = append(before, one(0))
		default:
			before = append(before, one(-k))
		}
	}
	for k := range end {
		switch mode {
		case "reflect":
			after = append(after, one(n-2-k))
		case "edge":
			after = append(after, one(n-1))
		default:
			after = append(after, one(k))
		}
	}
	return t.concat(d, slices.Concat(before, list(x), after))
}

func tiled(t *translator, n *node) ([]*value, error) {
	repeats, ok := n.constants(1)
	if !ok {
		return nil, fmt.Errorf("repeats that are not constant")
	}
	x := n.in[0]
	var inner, outer []int
	for d, r := range repeats {
		inner = append(inner, 1, x.shape[d])
		outer = append(outer, r, x.shape[d])
	}
	return list(t.reshape(t.expand(t.reshape(x, inner...), outer...), n.shape[0]...)), nil
}

// constant is one number everywhere.
func constant(t *translator, n *node) ([]*value, error) {
	one, ok := n.Attribute("value").(*tensor.Tensor)
	if !ok {
		one = tensor.New(tensor.Float32, 1)
	}
	return list(t.expand(t.leaf("", one.Type(), one.Shape(), one), n.shape[0]...)), t.held(one.Type(), n.shape[0])
}

func depthToSpace(t *translator, n *node) ([]*value, error) {
	x, b := n.in[0], int(n.Int("blocksize", 1))
	s := x.shape
	if n.Text("mode", "DCR") == "CRD" {
		x = t.transpose(t.reshape(x, s[0], s[1]/(b*b), b, b, s[2], s[3]), 0, 1, 4, 2, 5, 3)
	} else {
		x = t.transpose(t.reshape(x, s[0], b, b, s[1]/(b*b), s[2], s[3]), 0, 3, 4, 1, 5, 2)
	}
	return list(t.reshape(x, n.shape[0]...)), nil
}

func spaceToDepth(t *translator, n *node) ([]*value, error) {
	x, b := n.in[0], int(n.Int("blocksize", 1))
	s := x.shape
	x = t.transpose(t.reshape(x, s[0], s[1], s[2]/b, b, s[3]/b, b), 0, 3, 5, 1, 2, 4)
	return list(t.reshape(x, n.shape[0]...)), nil
}

func globalAverage(t *translator, n *node) ([]*value, error) {
	return list(t.mean(n.in[0], all(len(n.in[0].shape))[2:]...)), floats(n.in[0])
}

func globalMax(t *translator, n *node) ([]*value, error) {
	return list(t.fold(kernel.FoldMax, n.in[0], 1, all(len(n.in[0].shape))[2:]...)), floats(n.in[0])
}
