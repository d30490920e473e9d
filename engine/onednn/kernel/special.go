package kernel

import (
	"fmt"
	"unsafe"
)

// The kernels here do what no Loop does. All arrays are dense; where a dimension is singled out they are seen as [Before, N, Behind].
// Indices are int64 and count from the end where they are negative; a run with one that is outside of its dimension fails.

// Take copies slices of Bytes bytes: Out [Batches, Count] takes those of Data at tuples of indices.
type Take struct {
	Data, Indices, Out    unsafe.Pointer
	Batches, Count, Bytes int
	Batch                 int // bytes of Data from one batch to the next
	Own                   int // indices from one batch's to the next one's; 0: all have the same
	Tuple
}

// Tuple tells what the numbers of a tuple of indices mean: one a dimension of the size, whose entries lie stride bytes apart.
type Tuple struct{ Sizes, Strides []int }

// Put joins slices of Bytes bytes of Out, which has Whole bytes, with Updates [Count] at tuples of indices, in their order.
type Put struct {
	Out, Indices, Updates unsafe.Pointer
	Count, Bytes, Whole   int
	Reduction             Reduction
	Tuple
}

// Reduction is how an update joins what is there.
type Reduction int

// The reductions, in the order of special.h. All but Replace are for float32.
const (
	Replace Reduction = iota
	Accumulate
	Multiply
	Largest
	Smallest
)

// Pick takes elements of Width bytes along a dimension of Data [Before, N, Behind] at Indices [Before, Count, Behind]. Where there are Updates
// [Before, Count, Behind], these join Out [Before, N, Behind] there instead, in their order. Where they are Shared, one index [Before, Count] is
// for all that lies behind.
type Pick struct {
	Data, Updates, Indices, Out     unsafe.Pointer
	Before, N, Count, Behind, Width int
	Shared                          bool
	Reduction                       Reduction
}

// Top finds the places, int64 [Before, K, Behind], of the K largest or smallest entries along a dimension of X, float32, best first. Equal
// ones stay in their order; NaN is larger than every number.
type Top struct {
	X, Out               unsafe.Pointer
	Before, N, Behind, K int
	Smallest             bool
}

// Running makes running sums of float32 along a dimension, from its end where Backward, each without its own entry where Exclusive. They are
// added up in float64.
type Running struct {
	X, Out              unsafe.Pointer
	Before, N, Behind   int
	Exclusive, Backward bool
}

// Mix multiplies float32 along a dimension by a sparse matrix: X [Before, N, Behind] becomes Out [Before, rows, Behind].
type Mix struct {
	X, Out            unsafe.Pointer
	Before, N, Behind int
	Matrix            Sparse
}

// Sparse is a sparse matrix: row r is Σ Weight[i]·x[At[i]] over i from First[r] to First[r+1].
type Sparse struct {
	First  []int64
	At     []int32
	Weight []float32
}

// Rows is the number of rows.
func (m Sparse) Rows() int { return len(m.First) - 1 }

// Sample is ONNX's GridSample of X [Samples, Channels, Size...] at Grid [Samples, Places, axes], in float32, or one of its gradients.
type Sample struct {
	X, Grid, DY, Out unsafe.Pointer // DY [Samples, Channels, Places]: for gradients
	Of               SampleOutput
	Size             []int
	Samples          int
	Channels, Places int
	Nearest          bool
	Padding          Padding
	Corners          bool // ONNX's align_corners
}

// SampleOutput is what a Sample makes.
type SampleOutput int

// The outputs: what is sampled, [Samples, Channels, Places]; the gradient of X, which does not read X; the gradient of Grid.
const (
	Sampled SampleOutput = iota
	InputGradient
	GridGradient
)

// Padding is what lies outside of the input, in the order of special.h.
type Padding int

// The paddings of GridSample.
const (
	Zeros Padding = iota
	Border
	Reflection
)

// Overlap is a transposed convolution of few outputs in the plane: each pixel of X [Samples, Size, Channels] times Weights [Channels, Outputs,
// Window] is added to Out [Samples, Outputs, OutSize] where the pixel's window lies, that of the first pixel Pad before the first output.
type Overlap struct {
	X, Weights, Out                              unsafe.Pointer
	Samples, Channels, Outputs                   int
	Size, OutSize, Window, Stride, Dilation, Pad [2]int
}

// Integers is a Loop in int64, whose types are int64, int32, uint8 and bool, without folds: exact, one element after the other, with
// the operators that are Whole.
type Integers Loop

const (
	mostAxes = 3 // of a Sample
	outside  = 1001
	byZero   = 1002
)

// reason says in words what a status of our own means.
func reason(status int) string {
	switch status {
	case outside:
		return "an index is outside of its dimension"
	case byZero:
		return "an integer is divided by 0"
	}
	return fmt.Sprintf("status %d", status)
}

// Whole says whether Integers have the operator.
func (o Op) Whole() bool {
	switch o {
	case Copy, Neg, Abs, Sign, Add, Sub, Mul, Div, Mod, Min, Max, Less, LessEqual, Greater, GreaterEqual, Equal, Where:
		return true
	}
	return false
}

func (l Integers) check() error {
	if err := Loop(l).check(); err != nil {
		return err
	}
	for i, c := range l.Code {
		if !c.Op.Whole() {
			return fmt.Errorf("kernel: loop: instruction %d: expected an operator for integers, found %d", i, c.Op)
		}
	}
	return nil
}

func (t Tuple) check() error {
	if len(t.Sizes) == 0 || len(t.Sizes) != len(t.Strides) || len(t.Sizes) > mostIndexed {
		return fmt.Errorf("kernel: indices: expected 1 to %d dimensions with a stride each, found %d and %d", mostIndexed, len(t.Sizes), len(t.Strides))
	}
	return nil
}

const mostIndexed = 12 // KERNEL_RANK

func (t Top) check() error {
	if t.K < 0 || t.K > t.N {
		return fmt.Errorf("kernel: top: expected at most the dimension's %d entries, found %d", t.N, t.K)
	}
	return nil
}

func (m Mix) check() error {
	for _, at := range m.Matrix.At {
		if int(at) < 0 || int(at) >= m.N {
			return fmt.Errorf("kernel: mix: expected a column below %d, found %d", m.N, at)
		}
	}
	return nil
}

func (s Sample) check() error {
	if len(s.Size) == 0 || len(s.Size) > mostAxes {
		return fmt.Errorf("kernel: sample: expected 1 to %d axes, found %d", mostAxes, len(s.Size))
	}
	return nil
}
