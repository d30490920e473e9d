package kernel

import (
	"fmt"
	"unsafe"

	"visus/tensor"
)

// Loop is one pass over an iteration space. Registers are numbered: first the operands, then the instructions.
//
// A result may lie exactly where an operand of the same type and strides lies, which then is updated in place; apart from that no result may
// share elements with an operand or another result, and a folded result with none at all.
type Loop struct {
	Dims     []int // sizes, outermost first; a loop without any runs once
	Operands []Operand
	Code     []Instruction // instruction i writes register len(Operands)+i and reads registers before it
	Results  []Result
}

// Operand is what a register reads: the element at Σ index·stride.
// Its type is Float32, Float64, Int64, Int32, Uint8 or Bool; values turn into float32, so that integers beyond 2²⁴ are rounded.
type Operand struct {
	Memory  unsafe.Pointer
	Type    tensor.Type
	Strides []int // in elements, one a dimension; 0 repeats, negative ones run backwards from Memory
}

// Instruction computes a register from registers A, B and C, as many as the operator has.
type Instruction struct {
	Op      Op
	A, B, C int     // Index: A is a dimension
	Value   float32 // Constant
}

// Result stores a register, or folds it along the dimensions where its stride is 0.
// Numbers that an integer type lacks become its nearest one, NaN becomes 0; all but 0 is true.
type Result struct {
	Register int
	Memory   unsafe.Pointer
	Type     tensor.Type
	Strides  []int // as Operand has them
	Fold     Fold
	Scale    float64 // multiplies a folded result; 0 means 1
}

// Fold is how a result takes in many values. A fold of no values gives 0, -Inf, +Inf or 1.
type Fold int

// The folds. FoldMax and FoldMin of values among which is a NaN are NaN.
const (
	FoldNone Fold = iota
	FoldSum
	FoldMax
	FoldMin
	FoldProduct
)

// Op is an operator of an Instruction on float32 values. Truth is 1 and falsehood 0; every value but 0 counts as true.
type Op int

// The operators, in the order of the table in tiles.h.
const (
	Constant     Op = iota // Value
	Index                  // the position along dimension A
	Copy                   // A
	Neg                    // -A
	Abs                    // |A|
	Sign                   // -1, 0 or 1; NaN stays
	Sqrt                   // √A
	Reciprocal             // 1/A
	Exp                    // e^A
	Log                    // ln A
	Erf                    // 2/√π·∫exp(-t²) from 0 to A
	Sin                    // sin A, as those below
	Cos                    //
	Tan                    //
	Asin                   //
	Acos                   //
	Atan                   //
	Sinh                   //
	Cosh                   //
	Tanh                   //
	Asinh                  //
	Acosh                  //
	Atanh                  //
	Sigmoid                // 1/(1+exp(-A))
	Softplus               // ln(1+exp(A))
	Floor                  // the integer at or below A
	Ceil                   // the integer at or above A
	Round                  // the nearest integer, the even one of two
	Relu                   // max(A, 0); NaN stays
	Not                    // A = 0
	IsNaN                  // A is NaN
	IsInf                  // A is +Inf or -Inf
	Add                    // A + B
	Sub                    // A - B
	Mul                    // A·B
	Div                    // A/B
	Pow                    // A^B
	Mod                    // the remainder of A/B with the sign of A (C's fmod)
	Min                    // the smaller; NaN where either is
	Max                    // the larger; NaN where either is
	Less                   // A < B
	LessEqual              // A ≤ B
	Greater                // A > B
	GreaterEqual           // A ≥ B
	Equal                  // A = B
	And                    // A and B
	Or                     // A or B
	Xor                    // A or B, not both
	Where                  // B where A is true, else C; what is not chosen has no effect
	MulAdd                 // A·B + C
	operators
)

// arity is the number of registers that an operator reads.
func (o Op) arity() int {
	switch {
	case o <= Index:
		return 0
	case o < Add:
		return 1
	case o < Where:
		return 2
	}
	return 3
}

// readable are the element types in memory, with C's numbers of them.
var readable = map[tensor.Type]int{tensor.Float32: 0, tensor.Float64: 1, tensor.Int64: 2, tensor.Int32: 3, tensor.Uint8: 4, tensor.Bool: 5}

// check reports the first thing in l that makes no sense.
func (l Loop) check() error {
	for i, size := range l.Dims {
		if size < 0 {
			return fmt.Errorf("kernel: loop: dimension %d: expected a size of 0 or more, found %d", i, size)
		}
	}
	for i, o := range l.Operands {
		if err := l.checkAccess(o.Memory, o.Type, o.Strides); err != nil {
			return fmt.Errorf("kernel: loop: operand %d: %w", i, err)
		}
	}
	for i, c := range l.Code {
		if err := l.checkInstruction(i, c); err != nil {
			return fmt.Errorf("kernel: loop: instruction %d: %w", i, err)
		}
	}
	for i, r := range l.Results {
		if err := l.checkResult(r); err != nil {
			return fmt.Errorf("kernel: loop: result %d: %w", i, err)
		}
	}
	return nil
}

func (l Loop) checkAccess(memory unsafe.Pointer, t tensor.Type, strides []int) error {
	if _, ok := readable[t]; !ok {
		return fmt.Errorf("expected float32, float64, int64, int32, uint8 or bool, found %v", t)
	}
	if len(strides) != len(l.Dims) {
		return fmt.Errorf("expected %d strides, found %d", len(l.Dims), len(strides))
	}
	if memory == nil {
		return fmt.Errorf("expected memory, found none")
	}
	return nil
}

func (l Loop) checkInstruction(i int, c Instruction) error {
	if c.Op < 0 || c.Op >= operators {
		return fmt.Errorf("expected an operator below %d, found %d", operators, c.Op)
	}
	if c.Op == Index && (c.A < 0 || c.A >= len(l.Dims)) {
		return fmt.Errorf("expected a dimension below %d, found %d", len(l.Dims), c.A)
	}
	for _, register := range c.reads() {
		if register < 0 || register >= len(l.Operands)+i {
			return fmt.Errorf("expected a register below %d, found %d", len(l.Operands)+i, register)
		}
	}
	return nil
}

// reads lists the registers that c reads.
func (c Instruction) reads() []int {
	return []int{c.A, c.B, c.C}[:c.Op.arity()]
}

func (l Loop) checkResult(r Result) error {
	if err := l.checkAccess(r.Memory, r.Type, r.Strides); err != nil {
		return err
	}
	if n := len(l.Operands) + len(l.Code); r.Register < 0 || r.Register >= n {
		return fmt.Errorf("expected a register below %d, found %d", n, r.Register)
	}
	if r.Fold < FoldNone || r.Fold > FoldProduct {
		return fmt.Errorf("expected a fold up to %d, found %d", FoldProduct, r.Fold)
	}
	for i, stride := range r.Strides {
		if r.Fold == FoldNone && stride == 0 && l.Dims[i] > 1 {
			return fmt.Errorf("expected strides other than 0 where nothing is folded, found 0 along dimension %d of size %d", i, l.Dims[i])
		}
	}
	return nil
}
