package dnnl

import (
	"fmt"
	"unsafe"
)

// Direction is what a primitive computes.
type Direction int

// The directions.
const (
	ForwardInference Direction = iota
	ForwardTraining            // also writes what the backward primitive needs (Workspace)
	BackwardData               // the gradient of the source
	BackwardWeights            // the gradients of weights and bias
)

// propagation gives oneDNN's numbers of the directions (dnnl_prop_kind_t).
var propagation = [...]int{ForwardInference: 96, ForwardTraining: 64, BackwardData: 160, BackwardWeights: 192}

func (d Direction) backward() bool { return d == BackwardData || d == BackwardWeights }

// Algorithm is the function of a primitive or post-op.
type Algorithm int

// The algorithms, with oneDNN's numbers (dnnl_alg_kind_t). Alpha and Beta are a post-op's.
const (
	PoolMax            Algorithm = 0x1ff
	PoolAverageInclude Algorithm = 0x2ff // padding counts
	PoolAverageExclude Algorithm = 0x3ff

	EltwiseRelu     Algorithm = 0x20 // x for x > 0, else Alpha x
	EltwiseTanh     Algorithm = 0x21
	EltwiseElu      Algorithm = 0x22 // x for x > 0, else Alpha (exp x - 1)
	EltwiseLinear   Algorithm = 0x26 // Alpha x + Beta
	EltwiseLogistic Algorithm = 0x29

	BinaryAdd Algorithm = 0x1fff0
	BinaryMul Algorithm = 0x1fff1
	BinaryMax Algorithm = 0x1fff2
	BinaryMin Algorithm = 0x1fff3
	BinaryDiv Algorithm = 0x1fff4
	BinarySub Algorithm = 0x1fff5
)

// PostOpKind says how a post-op changes a result.
type PostOpKind int

// The kinds, with oneDNN's numbers (dnnl_primitive_kind_t).
const (
	Sum     PostOpKind = 4  // adds Scale times what was in the destination before
	Eltwise PostOpKind = 7  // applies Algorithm
	Binary  PostOpKind = 13 // combines with Operand
)

// PostOp changes a result before it is stored.
type PostOp struct {
	Kind        PostOpKind
	Algorithm   Algorithm // of Eltwise and Binary
	Scale       float32   // of Sum
	Alpha, Beta float32   // of Eltwise
	Operand     Desc      // of Binary: sizes are the result's or 1, where it is repeated. It is bound as PostOperand(i)
}

// Attributes are a primitive's extras.
type Attributes struct {
	PostOps []PostOp // in the order in which they are applied
}

// Arg names an argument of a primitive.
type Arg int

// The arguments, with oneDNN's numbers (DNNL_ARG_...).
const (
	Src         Arg = 1
	Dst         Arg = 17
	Weights     Arg = 33
	Bias        Arg = 41
	Workspace   Arg = 64
	Scratchpad  Arg = 80
	DiffSrc     Arg = 129
	DiffDst     Arg = 145
	DiffWeights Arg = 161
	DiffBias    Arg = 169
	From            = Src
	To              = Dst
)

// PostOperand is the operand of the binary post-op at index i.
func PostOperand(i int) Arg { return Arg(32768*(i+1) | 2) }

// String returns the argument's name.
func (a Arg) String() string {
	names := map[Arg]string{
		Src: "source", Dst: "destination", Weights: "weights", Bias: "bias", Workspace: "workspace", Scratchpad: "scratchpad",
		DiffSrc: "gradient of the source", DiffDst: "gradient of the destination",
		DiffWeights: "gradient of the weights", DiffBias: "gradient of the bias",
	}
	if name, known := names[a]; known {
		return name
	}
	if a >= 32768 {
		return fmt.Sprintf("operand of post-op %d", int(a)/32768-1)
	}
	return fmt.Sprintf("argument %d", int(a))
}

// kind is a kind of primitive, with oneDNN's number (dnnl_primitive_kind_t).
type kind int

const (
	kindReorder       kind = 1
	kindConvolution   kind = 5
	kindDeconvolution kind = 6
	kindMatmul        kind = 14
	kindPooling       kind = 16
)

// dimensions are a list that C reads.
type dimensions [MaxRank]int64

// request is what the creation of any primitive may need.
type request struct {
	kind                                      kind
	direction                                 Direction
	algorithm                                 Algorithm
	src, weights, bias, dst                   Desc // their gradients where the direction asks for these
	kernel, strides, dilations, before, after dimensions
	postOps                                   []PostOp
	hint                                      *Primitive
	threads                                   int
}

// String lists the descriptors for messages.
func (r request) String() string {
	text := fmt.Sprintf("source %v, destination %v", r.src, r.dst)
	if r.weights.c != nil {
		text += fmt.Sprintf(", weights %v, bias %v", r.weights, r.bias)
	}
	return text
}

// descs are the request's own descriptors.
func (r *request) descs() []*Desc { return []*Desc{&r.src, &r.weights, &r.bias, &r.dst} }

// Primitive is a computation with its implementation chosen.
type Primitive struct {
	scope    *Scope
	plan     unsafe.Pointer
	compiled unsafe.Pointer // nil until the first Bind
}

// primitive chooses an implementation.
func (s *Scope) primitive(r request) (*Primitive, error) {
	if s.closed {
		return nil, errClosed
	}
	for _, d := range r.descs() {
		if d.c != nil && d.scope.closed {
			return nil, errClosed
		}
	}
	if r.hint != nil && r.hint.scope.closed {
		return nil, errClosed
	}
	r.threads = s.threads
	plan, err := newPlan(r)
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", err, r)
	}
	s.own(func() { freePlan(plan) })
	return &Primitive{scope: s, plan: plan}, nil
}

// Want returns how the primitive wants an argument to lie, none where it has no such argument or its scope is closed.
func (p *Primitive) Want(a Arg) Desc {
	if p.scope.closed {
		return Desc{}
	}
	c := planWant(p.plan, a)
	if c == nil {
		return Desc{}
	}
	return Desc{p.scope, c}
}

// Implementation returns oneDNN's name of the chosen code: "brgconv:avx512_core".
func (p *Primitive) Implementation() string {
	if p.scope.closed {
		return ""
	}
	return planName(p.plan)
}

// Binding gives an argument its memory: at least Desc.Bytes() bytes of C's memory, 64-byte aligned for speed, as long as calls use them.
type Binding struct {
	Arg    Arg
	Desc   Desc
	Memory unsafe.Pointer
}

// Call is a primitive with the memory of its arguments.
type Call struct {
	scope *Scope
	c     unsafe.Pointer
}

// Bind returns a call, which belongs to the primitive's scope. Bindings without a descriptor are left out, so that every argument that some
// primitives lack, such as the scratchpad, may be named. It compiles the primitive where that is still to be done. It reports an error
// where a descriptor is not the one that Want returns, or memory is missing.
func (p *Primitive) Bind(args ...Binding) (*Call, error) {
	if p.scope.closed {
		return nil, errClosed
	}
	var given []Binding
	for _, b := range args {
		if b.Desc.c == nil {
			continue
		}
		if err := p.check(b); err != nil {
			return nil, err
		}
		given = append(given, b)
	}
	if err := p.compile(); err != nil {
		return nil, err
	}
	c, err := newCall(p.compiled, given)
	if err != nil {
		return nil, err
	}
	p.scope.own(func() { freeCall(c) })
	return &Call{p.scope, c}, nil
}

func (p *Primitive) check(b Binding) error {
	if b.Desc.scope.closed {
		return errClosed
	}
	want := p.Want(b.Arg)
	if !b.Desc.Equal(want) {
		return fmt.Errorf("dnnl: bind %s: %v: the primitive wants %v in its own layout, found %v", p.Implementation(), b.Arg, want, b.Desc)
	}
	if b.Memory == nil && b.Desc.Bytes() > 0 {
		return fmt.Errorf("dnnl: bind %s: %v: %d bytes of memory expected, found none", p.Implementation(), b.Arg, b.Desc.Bytes())
	}
	return nil
}

func (p *Primitive) compile() error {
	if p.compiled != nil {
		return nil
	}
	c, err := newPrimitive(p.plan, p.scope.threads)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, p.Implementation())
	}
	p.compiled = c
	p.scope.own(func() { freePrimitive(c) })
	return nil
}

// Function returns the C function that runs a call, int (*)(void *argument). It returns a status for ExecuteError.
func (c *Call) Function() unsafe.Pointer { return runFunction() }

// Argument returns the argument that makes Function run this call, valid until the scope is closed.
func (c *Call) Argument() unsafe.Pointer { return c.c }

// Run runs the call.
func (c *Call) Run() error {
	if c.scope.closed {
		return errClosed
	}
	return ExecuteError(runCall(c.c))
}

// ExecuteError returns the error that a status of Function means, nil for 0.
func ExecuteError(status int) error {
	if status == 0 {
		return nil
	}
	return fmt.Errorf("dnnl: dnnl_primitive_execute: %s", statusText(status))
}
