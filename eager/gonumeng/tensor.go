// Package gonumeng is the engine of gonum's matrices: eager tensors of up to two axes whose data is a *mat.Dense of float64.
//
// Arithmetic, products, inverses and determinants are gonum's. What gonum lacks (broadcasting, sorting, indexing, comparing) the
// reference engine does on the same data, which it shares. There are no gradients, so functions that need them do not compile.
package gonumeng

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"visus/eager"
	reference "visus/eager/slices"
)

// Tensor is a matrix, a vector (one row) or a number (one element). Masks hold 0 and 1, indices whole numbers.
type Tensor struct {
	matrix *mat.Dense // nil where there are no elements
	shape  []int
	dtype  eager.DType
	err    error
}

// Wrap makes a tensor of two axes that shares the matrix, which must not change while the tensor is used.
func Wrap(m *mat.Dense) *Tensor {
	if m == nil || m.IsEmpty() {
		return &Tensor{shape: []int{0, 0}, dtype: eager.Float64}
	}
	rows, columns := m.Dims()
	return &Tensor{matrix: m, shape: []int{rows, columns}, dtype: eager.Float64}
}

// Raw returns the matrix without a copy; one without elements is empty.
func (t *Tensor) Raw() (*mat.Dense, error) {
	switch {
	case t.err != nil:
		return nil, t.err
	case t.matrix == nil:
		return &mat.Dense{}, nil
	}
	return t.matrix, nil
}

// From makes a tensor of the values of one of the reference engine, of up to two axes of float64, int64 or bool.
func From(x *reference.Tensor) *Tensor {
	if err := x.Err(); err != nil {
		return failed(err)
	}
	shape := x.Shape()
	if len(shape) > 2 {
		return failed(eager.Errorf("shape", eager.ErrUnsupported, "gonum has matrices of two axes, found more"))
	}
	if x.DType() == eager.Float32 {
		return failed(eager.Errorf("dtype", eager.ErrUnsupported, "gonum has float64, found float32"))
	}
	data, err := reference.Values[float64](x.Cast(eager.Float64))
	if err != nil {
		return failed(err)
	}
	t := &Tensor{shape: shape, dtype: x.DType()}
	if len(data) > 0 {
		rows, columns := sides(shape)
		t.matrix = mat.NewDense(rows, columns, data)
	}
	return t
}

// sides lays a shape out as a matrix.
func sides(shape []int) (rows, columns int) {
	switch len(shape) {
	case 0:
		return 1, 1
	case 1:
		return 1, shape[0]
	}
	return shape[0], shape[1]
}

// host shares the data with a tensor of the reference engine; masks and indices are converted.
func (t *Tensor) host() *reference.Tensor {
	switch {
	case t.err != nil:
		return new(reference.Tensor).Fail(t.err)
	case t.matrix == nil:
		return reference.Wrap([]float64{}, t.shape...).Cast(t.dtype)
	}
	raw := t.matrix.RawMatrix()
	if raw.Stride != raw.Cols { // a part of a larger matrix
		raw = mat.DenseCopyOf(t.matrix).RawMatrix()
	}
	return reference.Wrap(raw.Data[:raw.Rows*raw.Cols], t.shape...).Cast(t.dtype)
}

func hosts(tensors []*Tensor) []*reference.Tensor {
	out := make([]*reference.Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = t.host()
	}
	return out
}

func failed(err error) *Tensor { return &Tensor{err: err} }

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
func (t *Tensor) Item() (float64, error) { return t.host().Item() }

// Floats returns a copy of the elements; masks are 0 and 1.
func (t *Tensor) Floats() ([]float64, error) { return t.host().Floats() }

// Full returns a tensor with one value everywhere.
func (t *Tensor) Full(d eager.DType, value float64, shape []int) *Tensor {
	return From(t.host().Full(d, value, shape))
}

// FromFlat converts values in C order.
func (t *Tensor) FromFlat(d eager.DType, values []float64, shape []int) *Tensor {
	return From(t.host().FromFlat(d, values, shape))
}

// Arange returns start, start+step, ... before stop.
func (t *Tensor) Arange(start, stop, step int) *Tensor {
	return From(t.host().Arange(start, stop, step))
}

// Cast converts: to integers toward zero, to bool whether it is not zero.
func (t *Tensor) Cast(to eager.DType) *Tensor { return From(t.host().Cast(to)) }

// Unary applies an element-wise function.
func (t *Tensor) Unary(op eager.UnaryOp) *Tensor { return From(t.host().Unary(op)) }

// Binary applies an element-wise function of two tensors of one type, which broadcast.
func (t *Tensor) Binary(op eager.BinaryOp, y *Tensor) *Tensor {
	same := t.err == nil && y.err == nil && t.dtype == eager.Float64 && y.dtype == eager.Float64 && slices.Equal(t.shape, y.shape)
	if f := arithmetic[op]; f != nil && same && t.matrix != nil {
		out := mat.NewDense(t.matrix.RawMatrix().Rows, t.matrix.RawMatrix().Cols, nil)
		f(out, t.matrix, y.matrix)
		return &Tensor{matrix: out, shape: t.shape, dtype: eager.Float64}
	}
	return From(t.host().Binary(op, y.host()))
}

// arithmetic is what gonum has for matrices of one shape.
var arithmetic = map[eager.BinaryOp]func(out *mat.Dense, x, y mat.Matrix){
	eager.OpAdd: (*mat.Dense).Add, eager.OpSub: (*mat.Dense).Sub, eager.OpMul: (*mat.Dense).MulElem, eager.OpDiv: (*mat.Dense).DivElem,
}

// BinaryScalar applies the function to a scalar of the tensor's type; reversed puts the scalar on the left.
func (t *Tensor) BinaryScalar(op eager.BinaryOp, s float64, reversed bool) *Tensor {
	return From(t.host().BinaryScalar(op, s, reversed))
}

// Compare gives a mask; comparisons with NaN are false, except that NaN differs from everything.
func (t *Tensor) Compare(op eager.CompareOp, y *Tensor) *Tensor {
	return From(t.host().Compare(op, y.host()))
}

// Where takes a where the mask is true and b elsewhere; all three broadcast.
func (t *Tensor) Where(a, b *Tensor) *Tensor { return From(t.host().Where(a.host(), b.host())) }

// Reduce folds the axes.
func (t *Tensor) Reduce(op eager.ReduceOp, axes []int, keep bool) *Tensor {
	return From(t.host().Reduce(op, axes, keep))
}

// ArgReduce returns the first position of the extreme; NaN counts as the extreme.
func (t *Tensor) ArgReduce(op eager.ReduceOp, axis int, keep bool) *Tensor {
	return From(t.host().ArgReduce(op, axis, keep))
}

// SortWithIndex sorts along an axis, stable.
func (t *Tensor) SortWithIndex(axis int, descending bool) (sorted, index *Tensor) {
	s, i := t.host().SortWithIndex(axis, descending)
	return From(s), From(i)
}

// CumSum returns running sums along the axis.
func (t *Tensor) CumSum(axis int) *Tensor { return From(t.host().CumSum(axis)) }

// Reshape shares the data.
func (t *Tensor) Reshape(shape []int) *Tensor { return From(t.host().Reshape(shape)) }

// Transpose permutes the axes.
func (t *Tensor) Transpose(axes []int) *Tensor {
	if t.err == nil && t.matrix != nil && t.dtype == eager.Float64 && slices.Equal(axes, []int{1, 0}) && len(t.shape) == 2 {
		return Wrap(mat.DenseCopyOf(t.matrix.T()))
	}
	return From(t.host().Transpose(axes))
}

// BroadcastTo repeats axes of size 1.
func (t *Tensor) BroadcastTo(shape []int) *Tensor { return From(t.host().BroadcastTo(shape)) }

// Slice selects a range on each axis.
func (t *Tensor) Slice(ranges []eager.Range) *Tensor { return From(t.host().Slice(ranges)) }

// Gather replaces an axis by the positions of index.
func (t *Tensor) Gather(axis int, index *Tensor) *Tensor {
	return From(t.host().Gather(axis, index.host()))
}

// ScatterSet returns t with positions of the flattened tensor replaced.
func (t *Tensor) ScatterSet(index, values *Tensor) *Tensor {
	return From(t.host().ScatterSet(index.host(), values.host()))
}

// Concat joins tensors that differ only on the axis.
func (t *Tensor) Concat(axis int, others []*Tensor) *Tensor {
	return From(t.host().Concat(axis, hosts(others)))
}

// Pad puts value around t.
func (t *Tensor) Pad(paddings [][2]int, value float64) *Tensor {
	return From(t.host().Pad(paddings, value))
}

// MatMul multiplies two matrices.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if t.err != nil || y.err != nil || t.matrix == nil || y.matrix == nil || t.dtype != eager.Float64 || y.dtype != eager.Float64 {
		return From(t.host().MatMul(y.host()))
	}
	if _, err := eager.MatMulShape(t.shape, y.shape); err != nil {
		return failed(err)
	}
	var out mat.Dense
	out.Mul(t.matrix, y.matrix)
	return Wrap(&out)
}

// Inverse inverts a matrix; a singular one is an error, one that is nearly so is not.
func (t *Tensor) Inverse() *Tensor {
	if err := t.square("inv"); err != nil {
		return t.Fail(err)
	}
	var out mat.Dense
	var condition mat.Condition
	if err := out.Inverse(t.matrix); errors.As(err, &condition) && math.IsInf(float64(condition), 1) {
		return failed(eager.Errorf("inv", eager.ErrEngine, "expected an invertible matrix: %v", err))
	}
	return Wrap(&out)
}

// SlogDet returns sign and log of the absolute determinant of a matrix; a singular one has 0 and -Inf.
func (t *Tensor) SlogDet() (sign, logAbs *Tensor) {
	if err := t.square("slogdet"); err != nil {
		return t.Fail(err), t.Fail(err)
	}
	log, s := mat.LogDet(t.matrix)
	if math.IsInf(log, -1) {
		s = 0
	}
	return t.Full(eager.Float64, s, nil), t.Full(eager.Float64, log, nil)
}

func (t *Tensor) square(op string) error {
	switch {
	case t.err != nil:
		return t.err
	case len(t.shape) != 2 || t.shape[0] != t.shape[1] || t.dtype != eager.Float64 || t.matrix == nil:
		return eager.Errorf(op, eager.ErrShape, "expected floats [n, n], found %v%v", t.dtype, t.shape)
	}
	return nil
}
