// Package tensor holds dense host arrays: a type, a shape and row-major values.
package tensor

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Type is the element type of a tensor.
type Type uint8

// The element types that models and array files use. Bool is one byte (0 or 1); Float16 and BFloat16 are stored as their bits.
const (
	Invalid Type = iota
	Float32
	Float64
	Float16
	BFloat16
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Bool
)

var types = [...]struct {
	name string
	size int
}{
	Invalid: {"invalid", 0}, Float32: {"float32", 4}, Float64: {"float64", 8}, Float16: {"float16", 2}, BFloat16: {"bfloat16", 2},
	Int8: {"int8", 1}, Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8},
	Uint8: {"uint8", 1}, Uint16: {"uint16", 2}, Uint32: {"uint32", 4}, Uint64: {"uint64", 8}, Bool: {"bool", 1},
}

func (t Type) String() string {
	if int(t) < len(types) {
		return types[t].name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Size returns the bytes of one element.
func (t Type) Size() int {
	if int(t) < len(types) {
		return types[t].size
	}
	return 0
}

// Half is an IEEE 754 half-precision number as its bits.
type Half uint16

// Brain is a bfloat16 number as its bits.
type Brain uint16

// Element is a Go type that tensors can be viewed as.
type Element interface {
	float32 | float64 | Half | Brain | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool
}

// TypeOf returns the tensor type whose elements are T.
func TypeOf[T Element]() Type {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case Half:
		return Float16
	case Brain:
		return BFloat16
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	}
	return Bool
}

// Tensor is a dense row-major array. A scalar has an empty shape. The zero value is not a tensor; make one with New or Of.
type Tensor struct {
	kind  Type
	shape []int
	bytes []byte // little-endian elements, aligned for every element type
}

// Elements returns the product of the dimensions: 1 for a scalar, 0 where a dimension is 0.
// It reports an error for a negative dimension and for a product that overflows an int.
func Elements(shape []int) (int, error) {
	n := 1
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("tensor: dimension %d of shape %v is negative", i, shape)
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("tensor: shape %v has too many elements", shape)
		}
		n *= d
	}
	return n, nil
}

// New returns a tensor of zeros. It panics where the shape is negative or too large: sizes that come from a file are checked with Elements first.
func New(t Type, shape ...int) *Tensor {
	n, err := Elements(shape)
	if err != nil {
		panic(err)
	}
	words := make([]uint64, (n*t.Size()+7)/8)
	var data []byte
	if len(words) > 0 {
		data = unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n*t.Size())
	}
	return &Tensor{kind: t, shape: slices.Clone(shape), bytes: data}
}

// Of returns a tensor that shares values. It reports an error where their number does not match the shape.
func Of[T Element](values []T, shape ...int) (*Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return nil, err
	}
	if n != len(values) {
		return nil, fmt.Errorf("tensor: shape %v has %d elements, found %d values", shape, n, len(values))
	}
	t := &Tensor{kind: TypeOf[T](), shape: slices.Clone(shape)}
	if n > 0 {
		t.bytes = unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), n*t.kind.Size())
	}
	return t, nil
}

// Type returns the element type.
func (t *Tensor) Type() Type { return t.kind }

// Shape returns the dimensions; the caller does not change them.
func (t *Tensor) Shape() []int { return t.shape }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	if t.kind.Size() == 0 {
		return 0
	}
	return len(t.bytes) / t.kind.Size()
}

// Bytes returns the elements as they lie in memory (little-endian), shared with the tensor.
func (t *Tensor) Bytes() []byte { return t.bytes }

// Values returns the elements as a slice that shares the tensor's memory. It panics where T is not the tensor's element type;
// values of unknown type are read with Floats.
func Values[T Element](t *Tensor) []T {
	if want := TypeOf[T](); t.kind != want {
		panic(fmt.Sprintf("tensor: values of a %s tensor asked for as %s", t.kind, want))
	}
	if len(t.bytes) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&t.bytes[0])), t.Len())
}

// Floats returns the elements converted to float64 (bool as 0 and 1) in a new slice.
func (t *Tensor) Floats() []float64 {
	out := make([]float64, t.Len())
	switch t.kind {
	case Float32:
		convert(out, Values[float32](t))
	case Float64:
		copy(out, Values[float64](t))
	case Float16:
		for i, h := range Values[Half](t) {
			out[i] = float64(h.Float32())
		}
	case BFloat16:
		for i, b := range Values[Brain](t) {
			out[i] = float64(math.Float32frombits(uint32(b) << 16))
		}
	case Int8:
		convert(out, Values[int8](t))
	case Int16:
		convert(out, Values[int16](t))
	case Int32:
		convert(out, Values[int32](t))
	case Int64:
		convert(out, Values[int64](t))
	case Uint8:
		convert(out, Values[uint8](t))
	case Uint16:
		convert(out, Values[uint16](t))
	case Uint32:
		convert(out, Values[uint32](t))
	case Uint64:
		convert(out, Values[uint64](t))
	case Bool:
		convert(out, t.bytes)
	}
	return out
}

func convert[T float32 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](out []float64, in []T) {
	for i, v := range in {
		out[i] = float64(v)
	}
}

// Float32 returns the number that the half-precision bits stand for.
func (h Half) Float32() float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 31
	fraction := uint32(h) & 1023
	switch {
	case exponent == 31: // infinity and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	case exponent > 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
	v := float32(fraction) / (1 << 24) // subnormal: fraction * 2^-24, exact in float32
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// HalfOf rounds a number to half precision, ties to even; what is too large becomes infinite.
func HalfOf(v float32) Half {
	bits := math.Float32bits(v)
	sign := Half(bits>>16) & 0x8000
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return sign | 0x7e00 // NaN
	case magnitude >= 0x477ff000:
		return sign | 0x7c00 // rounds beyond 65504
	case magnitude < 0x38800000: // subnormal half: a multiple of 2^-24
		scaled := math.Float32frombits(magnitude) * (1 << 24)
		return sign | Half(math.RoundToEven(float64(scaled)))
	}
	rounded := magnitude + 0xfff + (magnitude >> 13 & 1)
	return sign | Half((rounded-112<<23)>>13)
}
