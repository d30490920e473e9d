package graph

import (
	"math"
	"slices"

	"visus/tensor"
)

// maxConstant bounds the elements of a constant that is computed here: shape arithmetic is small, weights are none of its business.
const maxConstant = 1 << 16

// constant is an array that is known while nothing runs. An element of an integer array may be known by its symbol only: the batch size
// that Shape reads. Integers, booleans among them, lie in ints; floating-point numbers in floats.
type constant struct {
	kind    tensor.Type
	shape   []int
	ints    []int64
	floats  []float64
	symbols []string // nil where all is known; else "" for a known element, a dimension's symbol, or unknown
}

const unknown = "?"

func isFloat(t tensor.Type) bool {
	return t == tensor.Float32 || t == tensor.Float64 || t == tensor.Float16 || t == tensor.BFloat16
}

// constantOf reads a small tensor; nil where it is large.
func constantOf(t *tensor.Tensor) *constant {
	if t == nil || t.Len() > maxConstant {
		return nil
	}
	c := &constant{kind: t.Type(), shape: t.Shape()}
	switch t.Type() {
	case tensor.Int64:
		c.ints = tensor.Values[int64](t)
	case tensor.Uint64:
		for _, v := range tensor.Values[uint64](t) {
			c.ints = append(c.ints, int64(v))
		}
	default:
		c.floats = t.Floats()
		if !isFloat(t.Type()) {
			for _, v := range c.floats {
				c.ints = append(c.ints, int64(v))
			}
			c.floats = nil
		}
	}
	return c
}

// tensor writes the constant as a tensor; nil where an element is unknown or the type is none that constants are folded to.
func (c *constant) tensor() *tensor.Tensor {
	if !c.known() {
		return nil
	}
	t := tensor.New(c.kind, c.shape...)
	switch c.kind {
	case tensor.Int64:
		copy(tensor.Values[int64](t), c.ints)
	case tensor.Int32:
		for i, v := range c.ints {
			tensor.Values[int32](t)[i] = int32(v)
		}
	case tensor.Bool:
		for i, v := range c.ints {
			t.Bytes()[i] = byte(v)
		}
	case tensor.Float32:
		for i, v := range c.floats {
			tensor.Values[float32](t)[i] = float32(v)
		}
	case tensor.Float64:
		copy(tensor.Values[float64](t), c.floats)
	case tensor.Float16:
		for i, v := range c.floats {
			tensor.Values[tensor.Half](t)[i] = tensor.HalfOf(float32(v))
		}
	default:
		return nil
	}
	return t
}

// vector returns integers as a constant of rank 1.
func vector(values ...int64) *constant {
	return &constant{kind: tensor.Int64, shape: []int{len(values)}, ints: values}
}

// shapeConstant is what the operator Shape gives.
func shapeConstant(shape []Dim) *constant {
	c := vector(make([]int64, len(shape))...)
	for i, d := range shape {
		c.ints[i] = int64(d.Size)
		if !d.Fixed() {
			if c.symbols == nil {
				c.symbols = make([]string, len(shape))
			}
			c.symbols[i], c.ints[i] = unknown, 0
			if d.Symbol != "" {
				c.symbols[i] = d.Symbol
			}
		}
	}
	return c
}

// dims reads the constant as a list of dimensions.
func (c *constant) dims() []Dim {
	out := make([]Dim, len(c.ints))
	for i, v := range c.ints {
		out[i] = Dim{Size: int(v)}
		if s := c.symbol(i); s != "" {
			out[i] = Dim{Size: -1, Symbol: s}
			if s == unknown {
				out[i].Symbol = ""
			}
		}
	}
	return out
}

func (c *constant) symbol(i int) string {
	if c.symbols == nil {
		return ""
	}
	return c.symbols[i]
}

// known says whether every element is.
func (c *constant) known() bool {
	return c != nil && !slices.ContainsFunc(c.symbols, func(s string) bool { return s != "" })
}

func (c *constant) len() int { return max(len(c.ints), len(c.floats)) }

// list returns known integers; ok is false for what is missing, partly unknown, or not integer.
func (c *constant) list() (values []int64, ok bool) {
	if !c.known() || isFloat(c.kind) {
		return nil, false
	}
	return c.ints, true
}

// pick returns the elements at the given places in a new shape.
func (c *constant) pick(shape []int, at []int) *constant {
	out := &constant{kind: c.kind, shape: shape}
	for _, i := range at {
		if isFloat(c.kind) {
			out.floats = append(out.floats, c.floats[i])
		} else {
			out.ints = append(out.ints, c.ints[i])
		}
		if c.symbols != nil {
			out.symbols = append(out.symbols, c.symbols[i])
		}
	}
	return out
}

// reshaped returns the same elements in another shape of equal size.
func (c *constant) reshaped(shape []int) *constant {
	out := *c
	out.shape = shape
	return &out
}

// cast converts to another type, rounding as that type does; nil where the type is none of those that tensor writes.
func (c *constant) cast(to tensor.Type) *constant {
	out := &constant{kind: to, shape: c.shape, symbols: c.symbols}
	for i := range c.len() {
		switch {
		case isFloat(c.kind) && isFloat(to):
			out.floats = append(out.floats, round(c.floats[i], to))
		case isFloat(c.kind) && to == tensor.Bool:
			out.ints = append(out.ints, truth(c.floats[i] != 0))
		case isFloat(c.kind):
			if math.IsNaN(c.floats[i]) || math.Abs(c.floats[i]) >= 1<<62 {
				return nil // no two machines agree on these
			}
			out.ints = append(out.ints, narrowInt(int64(c.floats[i]), to))
		case isFloat(to):
			if c.symbol(i) != "" {
				return nil // symbols are of integers
			}
			out.floats = append(out.floats, round(float64(c.ints[i]), to))
		default:
			out.ints = append(out.ints, narrowInt(c.ints[i], to))
		}
	}
	if isFloat(to) {
		out.symbols = nil
	}
	return out
}

func round(v float64, to tensor.Type) float64 {
	switch to {
	case tensor.Float32:
		return float64(float32(v))
	case tensor.Float16:
		return float64(tensor.HalfOf(float32(v)).Float32())
	}
	return v
}

func narrowInt(v int64, to tensor.Type) int64 {
	switch to {
	case tensor.Bool:
		return truth(v != 0)
	case tensor.Int32:
		return int64(int32(v))
	}
	return v
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// positions walks a row-major array of the given shape and calls f with each index; f must not keep it.
func positions(shape []int, f func(index []int)) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	index := make([]int, len(shape))
	for range n {
		f(index)
		for axis := len(shape) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
}

// flat returns the place of an index in a row-major array.
func flat(index, shape []int) int {
	at := 0
	for i, d := range shape {
		at = at*d + index[i]
	}
	return at
}

// small returns the element count of a shape, or false where it is illegal or more than maxConstant.
func small(shape []int) (int, bool) {
	n, err := tensor.Elements(shape)
	return n, err == nil && n <= maxConstant
}

// broadcast returns the common shape of two constants by NumPy's rule.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case out[at] == 1:
			out[at] = d
		case d != 1 && d != out[at]:
			return nil, false
		}
	}
	_, ok := small(out)
	return out, ok
}

// stretch repeats the constant to a shape that it broadcasts to.
func (c *constant) stretch(shape []int) *constant {
	if slices.Equal(c.shape, shape) {
		return c
	}
	var at []int
	mine := make([]int, len(c.shape))
	positions(shape, func(index []int) {
		for i := range mine {
			mine[i] = index[len(index)-len(mine)+i]
			if c.shape[i] == 1 {
				mine[i] = 0
			}
		}
		at = append(at, flat(mine, c.shape))
	})
	return c.pick(shape, at)
}
