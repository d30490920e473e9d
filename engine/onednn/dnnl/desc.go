package dnnl

import (
	"fmt"
	"unsafe"
)

// MaxRank is the most dimensions that a descriptor has.
const MaxRank = 12

// Type is the type of elements.
type Type int

// The element types, with oneDNN's numbers (dnnl_data_type_t).
const (
	F16  Type = 1
	BF16 Type = 2
	F32  Type = 3
	S32  Type = 4
	S8   Type = 5
	U8   Type = 6
)

// String returns oneDNN's name of the type.
func (t Type) String() string {
	switch t {
	case F16:
		return "f16"
	case BF16:
		return "bf16"
	case F32:
		return "f32"
	case S32:
		return "s32"
	case S8:
		return "s8"
	case U8:
		return "u8"
	}
	return fmt.Sprintf("type %d", int(t))
}

// Size returns the bytes of an element, 0 for an unknown type.
func (t Type) Size() int {
	switch t {
	case F32, S32:
		return 4
	case F16, BF16:
		return 2
	case S8, U8:
		return 1
	}
	return 0
}

// Desc describes a tensor in memory: type, sizes, how its elements lie. The zero Desc means "none". It is valid until its scope is closed;
// afterwards it is as good as none.
type Desc struct {
	scope *Scope
	c     unsafe.Pointer // oneDNN's descriptor
}

// Plain describes a dense tensor in row-major order.
func (s *Scope) Plain(t Type, dims ...int) (Desc, error) {
	strides := make([]int, len(dims))
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(dims[i], 1)
	}
	return s.Strided(t, dims, strides)
}

// Strided describes a tensor whose neighbours along dimension i lie strides[i] elements apart.
func (s *Scope) Strided(t Type, dims, strides []int) (Desc, error) {
	if len(strides) != len(dims) {
		return Desc{}, fmt.Errorf("dnnl: descriptor of %d dimensions: %d strides expected, found %d", len(dims), len(dims), len(strides))
	}
	return s.desc(t, dims, strides)
}

// Any describes a tensor whose layout a primitive chooses; Want tells which.
func (s *Scope) Any(t Type, dims ...int) (Desc, error) { return s.desc(t, dims, nil) }

func (s *Scope) desc(t Type, dims, strides []int) (Desc, error) {
	if s.closed {
		return Desc{}, errClosed
	}
	if len(dims) == 0 || len(dims) > MaxRank {
		return Desc{}, fmt.Errorf("dnnl: descriptor: 1 to %d dimensions expected, found %d", MaxRank, len(dims))
	}
	c, err := newDesc(t, dims, strides)
	if err != nil {
		return Desc{}, fmt.Errorf("%w (%v%v, strides %v)", err, t, dims, strides)
	}
	s.own(func() { freeDesc(c) })
	return Desc{s, c}, nil
}

// none says that there is nothing to look at.
func (d Desc) none() bool { return d.c == nil || d.scope.closed }

// Bytes returns the size of the tensor's memory with its padding, 0 for none and where a primitive is still to choose the layout.
func (d Desc) Bytes() int {
	if d.none() {
		return 0
	}
	return descBytes(d.c)
}

// Equal says whether both describe the same elements in the same places.
func (d Desc) Equal(e Desc) bool {
	if d.none() || e.none() {
		return d.none() == e.none()
	}
	return d.c == e.c || descEqual(d.c, e.c)
}

// Layout tells how a tensor's elements lie. Element (i0, i1, ...) of dimension sizes Dims lies in inner blocks: what Blocks divide an index by is
// its block's index, which counts with Strides; the remainders, outermost block first, are the place in the dense innermost block.
type Layout struct {
	Type    Type
	Dims    []int
	Padded  []int   // Dims rounded up to whole blocks; the elements beyond Dims are 0
	Strides []int   // in elements, between blocks along each dimension
	Blocks  []Block // outermost first
	Offset  int     // of the first element, in elements
	Opaque  bool    // the elements lie in a way that only oneDNN knows or has yet to choose: no Strides, no Blocks
}

// Block is an inner block: Size indices of dimension Dim.
type Block struct{ Dim, Size int }

// Layout returns how the elements lie; the zero Layout for none.
func (d Desc) Layout() Layout {
	if d.none() {
		return Layout{}
	}
	l := layout(d.c)
	// A descriptor of int8 weights may ask for sums behind the elements, which shows in nothing but its size.
	if l.Opaque || l.bytes() != d.Bytes() {
		l.Opaque, l.Strides, l.Blocks = true, nil, nil
	}
	return l
}

// bytes returns the size of the memory that the layout spans.
func (l Layout) bytes() int {
	counts := append([]int(nil), l.Padded...)
	inner := 1
	for _, b := range l.Blocks {
		counts[b.Dim] /= b.Size
		inner *= b.Size
	}
	span := inner
	for i, n := range counts {
		if n == 0 {
			return 0
		}
		if n > 1 {
			span = max(span, n*l.Strides[i])
		}
	}
	return span * l.Type.Size()
}

// String shows type and sizes: "f32[8 3 32 32]".
func (d Desc) String() string {
	if d.none() {
		return "none"
	}
	l := layout(d.c)
	return fmt.Sprintf("%v%v", l.Type, l.Dims)
}
