// Package eager writes a numerical function once, over a tensor type, and runs it on every engine that has the primitives.
//
// An engine implements the methods of [Tensor]; everything else is a free function here, written once from them. Methods return the
// engine's own type, so the compiler keeps engines apart, and a function that needs more asks for it: [Eager] looks at the data,
// [Grad] differentiates. [Of] chains: Of(x).Flatten(1, -1).L2(false, 1).X. A failed operation returns a tensor that carries the error, and every later operation returns it unchanged.
package eager

import (
	"errors"
	"fmt"
)

// DType is the element type of a tensor.
type DType uint8

// The element types of eager tensors. Masks are Bool, indices are Int64.
const (
	Float32 DType = iota
	Float64
	Int64
	Bool
)

func (d DType) String() string {
	return [...]string{"float32", "float64", "int64", "bool"}[d]
}

// Float reports whether the elements are real numbers.
func (d DType) Float() bool { return d <= Float64 }

// UnaryOp is an element-wise function of one argument.
type UnaryOp uint8

// The unary operations. Round goes half to even; IsNaN, IsInf and Not give masks.
const (
	OpAbs UnaryOp = iota
	OpNeg
	OpSign
	OpSquare
	OpSqrt
	OpExp
	OpLog
	OpLog2
	OpLog10
	OpLog1p
	OpSin
	OpCos
	OpTan
	OpSinh
	OpCosh
	OpTanh
	OpArcsin
	OpArccos
	OpArctan
	OpArcsinh
	OpArccosh
	OpArctanh
	OpRound
	OpCeil
	OpFloor
	OpIsNaN
	OpIsInf
	OpNot
)

var unaryNames = [...]string{"abs", "neg", "sign", "square", "sqrt", "exp", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh",
	"cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "round", "ceil", "floor", "isnan", "isinf", "logical_not"}

func (op UnaryOp) String() string { return unaryNames[op] }

// BinaryOp is an element-wise function of two arguments of one type.
type BinaryOp uint8

// The binary operations. FloorDiv and Mod round toward minus infinity, so Mod has the sign of the divisor. And and Or take masks.
const (
	OpAdd BinaryOp = iota
	OpSub
	OpMul
	OpDiv
	OpFloorDiv
	OpMod
	OpPow
	OpMinimum
	OpMaximum
	OpAnd
	OpOr
)

var binaryNames = [...]string{"add", "sub", "mul", "div", "floordiv", "mod", "pow", "minimum", "maximum", "logical_and", "logical_or"}

func (op BinaryOp) String() string { return binaryNames[op] }

// CompareOp compares two arguments of one type and gives a mask.
type CompareOp uint8

// The comparisons.
const (
	OpLess CompareOp = iota
	OpLessEqual
	OpGreater
	OpGreaterEqual
	OpEqual
	OpNotEqual
)

func (op CompareOp) String() string { return [...]string{"lt", "le", "gt", "ge", "eq", "ne"}[op] }

// ReduceOp folds axes of a tensor.
type ReduceOp uint8

// The reductions. Sum and Prod of integers and masks are Int64; All and Any take masks.
const (
	OpSum ReduceOp = iota
	OpProd
	OpMin
	OpMax
	OpAll
	OpAny
)

func (op ReduceOp) String() string { return [...]string{"sum", "prod", "min", "max", "all", "any"}[op] }

// Range selects Start, Start+Step, ... before Stop on one axis. All are in range already: Step may be negative, Stop is then -1 or more.
type Range struct{ Start, Stop, Step int }

// Len counts the selected positions.
func (r Range) Len() int {
	if r.Step > 0 {
		return max(0, (r.Stop-r.Start+r.Step-1)/r.Step)
	}
	return max(0, (r.Start-r.Stop-r.Step-1)/-r.Step)
}

// Tensor is what an engine implements; T is the engine's own tensor type. Shapes broadcast as in NumPy. Two tensors of an operation
// have the same type, which is cast explicitly; a scalar takes the tensor's type. Axes and ranges count from zero here; the functions of
// this package resolve negative ones. What an engine cannot do is an ErrUnsupported; nothing panics.
type Tensor[T any] interface {
	Shape() []int
	DType() DType
	Err() error
	Fail(err error) T // a tensor that carries err; the first error wins

	Unary(op UnaryOp) T
	Binary(op BinaryOp, y T) T
	BinaryScalar(op BinaryOp, s float64, reversed bool) T // reversed: the scalar is on the left
	Compare(op CompareOp, y T) T
	Where(a, b T) T // the receiver is the mask
	Reduce(op ReduceOp, axes []int, keep bool) T
	ArgReduce(op ReduceOp, axis int, keep bool) T              // Min or Max: the first position
	SortWithIndex(axis int, descending bool) (sorted, index T) // stable; NaN last in ascending order
	CumSum(axis int) T
	Reshape(shape []int) T
	Transpose(axes []int) T
	BroadcastTo(shape []int) T
	Slice(ranges []Range) T        // one range an axis
	Gather(axis int, index T) T    // index replaces the axis; negative positions count from the end
	ScatterSet(index, values T) T  // sets positions of the flattened tensor; the last of duplicates wins
	Concat(axis int, others []T) T // the receiver comes first
	Pad(paddings [][2]int, value float64) T
	MatMul(y T) T
	Inverse() T // [..., n, n]; a singular matrix is an error
	SlogDet() (sign, logAbs T)
	Cast(to DType) T

	Full(d DType, value float64, shape []int) T // the receiver only chooses engine and device, as below
	FromFlat(d DType, values []float64, shape []int) T
	Arange(start, stop, step int) T // Int64
}

// Eager is a tensor whose data can be looked at now. Traced tensors are none.
type Eager[T any] interface {
	Tensor[T]
	Item() (float64, error)     // the value of a tensor with one element
	Floats() ([]float64, error) // a copy of all elements in C order; masks are 0 and 1
}

// Grad is a tensor that can be differentiated; see [ValueAndGrad] and [CustomVJP].
type Grad[T any] interface {
	Tensor[T]
	// VJP returns y = f(xs), what f returned beside it, and pull, which maps a cotangent with the shape of y to the gradients of xs: the
	// vector-Jacobian product. One forward pass serves any number of pulls. The receiver only chooses the engine. A traced engine runs f
	// once, while it traces, so f must be pure and hand out what it makes.
	VJP(f func(xs []T) (y T, aux []T), xs []T) (y T, aux []T, pull func(cotangent T) ([]T, error), err error)
	// CustomVJP returns f(xs), whose gradients are what vjp makes of the inputs, the output and its cotangent: one for each of xs, of its
	// shape. Neither function may use tensors that depend on xs otherwise. The receiver only chooses the engine.
	CustomVJP(xs []T, f func(xs []T) T, vjp func(xs []T, y, cotangent T) []T) T
}

// Native is a tensor that hands out the engine's own data.
type Native[T, R any] interface {
	Tensor[T]
	Raw() (R, error)
}

// What an operation can fail for; test with errors.Is.
var (
	ErrShape       = errors.New("shape")
	ErrDType       = errors.New("dtype")
	ErrAxis        = errors.New("axis")
	ErrIndex       = errors.New("index")
	ErrNotScalar   = errors.New("not a scalar")
	ErrUnsupported = errors.New("unsupported")
	ErrEngine      = errors.New("engine")
)

// Error is a failed operation. Kind is one of the errors above.
type Error struct {
	Op     string
	Kind   error
	Reason string
}

func (e *Error) Error() string { return "eager: " + e.Op + ": " + e.Reason }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Errorf makes the error of an operation.
func Errorf(op string, kind error, format string, args ...any) error {
	return &Error{op, kind, fmt.Sprintf(format, args...)}
}
