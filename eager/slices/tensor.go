// Package slices is the reference engine of eager tensors: dense Go slices in C order, every operation, gradients by a tape.
//
// Sums of float32 are kept in float64. Only BinaryInto changes a tensor after it is made, so
// results may share their data.
package slices

import (
	"fmt"
	"slices"
	"unsafe"

	"visus/eager"
	"visus/tensor"
)

// Tensor is a dense array of float32, float64, int64 or bool.
type Tensor struct {
	shape []int
	dtype eager.DType
	data  unsafe.Pointer // the first of size elements, in C order
	size  int
	node  *node // where it stands on a tape; nil for constants
	err   error
}

type element interface {
	float32 | float64 | int64 | bool
}
type number interface{ float32 | float64 | int64 }

// Wrap makes a tensor that shares the data, which is in C order and must not change while the tensor is used.
func Wrap[E element](data []E, shape ...int) *Tensor {
	if err := eager.CheckShape("wrap", shape, len(data)); err != nil {
		return failed(err)
	}
	return of(data, slices.Clone(shape))
}

// From is Wrap for a host tensor of one of the four types.
func From(t *tensor.Tensor) *Tensor {
	switch t.Type() {
	case tensor.Float32:
		return Wrap(tensor.Values[float32](t), t.Shape()...)
	case tensor.Float64:
		return Wrap(tensor.Values[float64](t), t.Shape()...)
	case tensor.Int64:
		return Wrap(tensor.Values[int64](t), t.Shape()...)
	case tensor.Bool:
		return Wrap(tensor.Values[bool](t), t.Shape()...)
	}
	return failed(eager.Errorf("from", eager.ErrDType, "expected float32, float64, int64 or bool, found %v", t.Type()))
}

// Raw returns a host tensor that shares the data.
func (t *Tensor) Raw() (*tensor.Tensor, error) {
	if t.err != nil {
		return nil, t.err
	}
	switch t.dtype {
	case eager.Float32:
		return tensor.Of(values[float32](t), t.shape...)
	case eager.Float64:
		return tensor.Of(values[float64](t), t.shape...)
	case eager.Int64:
		return tensor.Of(values[int64](t), t.shape...)
	}
	return tensor.Of(values[bool](t), t.shape...)
}

// Values returns the data without a copy, in C order. Another element type than the tensor's is an error.
func Values[E element](t *Tensor) ([]E, error) {
	if t.err != nil {
		return nil, t.err
	}
	if d := typeOf[E](); d != t.dtype {
		return nil, eager.Errorf("values", eager.ErrDType, "expected a tensor of %v, found %v", d, t.dtype)
	}
	return values[E](t), nil
}

func of[E element](data []E, shape []int) *Tensor {
	return &Tensor{shape: shape, dtype: typeOf[E](), data: unsafe.Pointer(unsafe.SliceData(data)), size: len(data)}
}

func typeOf[E element]() eager.DType {
	var zero E
	switch any(zero).(type) {
	case float32:
		return eager.Float32
	case float64:
		return eager.Float64
	case int64:
		return eager.Int64
	}
	return eager.Bool
}

// values views the data as its own element type.
func values[E element](t *Tensor) []E { return unsafe.Slice((*E)(t.data), t.size) }

func empty(d eager.DType, shape []int) *Tensor {
	n := eager.Size(shape)
	switch d {
	case eager.Float32:
		return of(make([]float32, n), shape)
	case eager.Float64:
		return of(make([]float64, n), shape)
	case eager.Int64:
		return of(make([]int64, n), shape)
	}
	return of(make([]bool, n), shape)
}

func failed(err error) *Tensor { return &Tensor{err: err} }

// first returns the first tensor that carries an error, or nil.
func first(tensors ...*Tensor) *Tensor {
	for _, t := range tensors {
		if t.err != nil {
			return t
		}
	}
	return nil
}

// Shape returns the sizes of the axes; it is not to be changed.
func (t *Tensor) Shape() []int { return t.shape }

// DType returns the element type.
func (t *Tensor) DType() eager.DType { return t.dtype }

// Err returns the error of the first operation that failed on the way here.
func (t *Tensor) Err() error { return t.err }

// Fail returns a tensor that carries err, or t where it carries one already.
func (t *Tensor) Fail(err error) *Tensor {
	if t.err != nil {
		return t
	}
	return failed(err)
}

// Item returns the value of a tensor with one element; masks are 0 and 1.
func (t *Tensor) Item() (float64, error) {
	if t.err != nil {
		return 0, t.err
	}
	if t.size != 1 {
		return 0, eager.Errorf("item", eager.ErrNotScalar, "expected one element, found shape %v", t.shape)
	}
	all, err := t.Floats()
	if err != nil {
		return 0, err
	}
	return all[0], nil
}

// Floats returns a copy of the elements as float64; masks are 0 and 1.
func (t *Tensor) Floats() ([]float64, error) {
	if t.err != nil {
		return nil, t.err
	}
	return slices.Clone(values[float64](t.plain().Cast(eager.Float64))), nil
}

// String returns the type, shape and, of short tensors, the values.
func (t *Tensor) String() string {
	if t.err != nil {
		return t.err.Error()
	}
	if t.size > 100 {
		return fmt.Sprintf("%v%v", t.dtype, t.shape)
	}
	floats, _ := t.Floats()
	return fmt.Sprintf("%v%v%v", t.dtype, t.shape, floats)
}

// plain returns t without its tape.
func (t *Tensor) plain() *Tensor {
	if t.node == nil {
		return t
	}
	out := *t
	out.node = nil
	return &out
}

// Full returns a tensor with one value everywhere. Of the receiver only an error matters.
func (t *Tensor) Full(d eager.DType, value float64, shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckShape("full", shape, -1); err != nil {
		return failed(err)
	}
	out := empty(d, slices.Clone(shape))
	switch d {
	case eager.Float32:
		fill(values[float32](out), float32(value))
	case eager.Float64:
		fill(values[float64](out), value)
	case eager.Int64:
		whole := int64(value)
		if float64(whole) != value {
			return failed(eager.Errorf("full", eager.ErrDType, "expected a whole number for int64, found %v; cast first", value))
		}
		fill(values[int64](out), whole)
	default:
		fill(values[bool](out), value != 0)
	}
	return out
}

func fill[E element](dst []E, v E) {
	for i := range dst {
		dst[i] = v
	}
}

// FromFlat converts values in C order.
func (t *Tensor) FromFlat(d eager.DType, data []float64, shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	return Wrap(slices.Clone(data), shape...).Cast(d)
}

// Arange returns start, start+step, ... before stop.
func (t *Tensor) Arange(start, stop, step int) *Tensor {
	if t.err != nil {
		return t
	}
	if step == 0 {
		return failed(eager.Errorf("arange", eager.ErrIndex, "expected a step that is not 0"))
	}
	data := make([]int64, eager.Range{Start: start, Stop: stop, Step: step}.Len())
	for i := range data {
		data[i] = int64(start + i*step)
	}
	return of(data, []int{len(data)})
}

// Cast converts: to integers toward zero, to bool whether it is not zero.
func (t *Tensor) Cast(to eager.DType) *Tensor {
	if t.err != nil || t.dtype == to {
		return t
	}
	out := empty(to, t.shape)
	switch t.dtype {
	case eager.Float32:
		castFrom(out, values[float32](t))
	case eager.Float64:
		castFrom(out, values[float64](t))
	case eager.Int64:
		castFrom(out, values[int64](t))
	default:
		castFrom(out, bits(values[bool](t)))
	}
	if !to.Float() {
		return out
	}
	return record(out, func(g *Tensor) []*Tensor { return []*Tensor{g.Cast(t.dtype)} }, t)
}

func castFrom[F number](out *Tensor, src []F) {
	switch out.dtype {
	case eager.Float32:
		convert(values[float32](out), src)
	case eager.Float64:
		convert(values[float64](out), src)
	case eager.Int64:
		convert(values[int64](out), src)
	default:
		dst := values[bool](out)
		for i, v := range src {
			dst[i] = v != 0
		}
	}
}

func convert[E, F number](dst []E, src []F) {
	for i, v := range src {
		dst[i] = E(v)
	}
}

func bits(masks []bool) []int64 {
	out := make([]int64, len(masks))
	for i, v := range masks {
		if v {
			out[i] = 1
		}
	}
	return out
}
