//go:build unix && cgo

package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"visus/tensor"
)

// meaning is what an instruction computes, in float64.
func meaning(c Instruction, registers []float64, index []int) float64 {
	var v [3]float64
	for i, r := range c.reads() {
		v[i] = registers[r]
	}
	switch c.Op {
	case Constant:
		return float64(c.Value)
	case Index:
		return float64(index[c.A])
	}
	return meanings[c.Op](v[0], v[1], v[2])
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var meanings = map[Op]func(a, b, c float64) float64{
	Copy:       func(a, _, _ float64) float64 { return a },
	Neg:        func(a, _, _ float64) float64 { return -a },
	Abs:        func(a, _, _ float64) float64 { return math.Abs(a) },
	Sign:       func(a, _, _ float64) float64 { return sign(a) },
	Sqrt:       func(a, _, _ float64) float64 { return math.Sqrt(a) },
	Reciprocal: func(a, _, _ float64) float64 { return 1 / a },
	Exp:        func(a, _, _ float64) float64 { return math.Exp(a) },
	Log:        func(a, _, _ float64) float64 { return math.Log(a) },
	Erf:        func(a, _, _ float64) float64 { return math.Erf(a) },
	Sin:        func(a, _, _ float64) float64 { return math.Sin(a) },
	Cos:        func(a, _, _ float64) float64 { return math.Cos(a) },
	Tan:        func(a, _, _ float64) float64 { return math.Tan(a) },
	Asin:       func(a, _, _ float64) float64 { return math.Asin(a) },
	Acos:       func(a, _, _ float64) float64 { return math.Acos(a) },
	Atan:       func(a, _, _ float64) float64 { return math.Atan(a) },
	Sinh:       func(a, _, _ float64) float64 { return math.Sinh(a) },
	Cosh:       func(a, _, _ float64) float64 { return math.Cosh(a) },
	Tanh:       func(a, _, _ float64) float64 { return math.Tanh(a) },
	Asinh:      func(a, _, _ float64) float64 { return math.Asinh(a) },
	Acosh:      func(a, _, _ float64) float64 { return math.Acosh(a) },
	Atanh:      func(a, _, _ float64) float64 { return math.Atanh(a) },
	Sigmoid:    func(a, _, _ float64) float64 { return sigmoid(a) },
	Softplus:   func(a, _, _ float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) },
	Floor:      func(a, _, _ float64) float64 { return math.Floor(a) },
	Ceil:       func(a, _, _ float64) float64 { return math.Ceil(a) },
	Round:      func(a, _, _ float64) float64 { return math.RoundToEven(a) },
	Relu:       func(a, _, _ float64) float64 { return max(a, 0) },
	Not:        func(a, _, _ float64) float64 { return truth(a == 0) },
	IsNaN:      func(a, _, _ float64) float64 { return truth(math.IsNaN(a)) },
	IsInf:      func(a, _, _ float64) float64 { return truth(math.IsInf(a, 0)) },

	Add:          func(a, b, _ float64) float64 { return a + b },
	Sub:          func(a, b, _ float64) float64 { return a - b },
	Mul:          func(a, b, _ float64) float64 { return a * b },
	Div:          func(a, b, _ float64) float64 { return a / b },
	Pow:          func(a, b, _ float64) float64 { return math.Pow(a, b) },
	Mod:          func(a, b, _ float64) float64 { return math.Mod(a, b) },
	Min:          func(a, b, _ float64) float64 { return min(a, b) },
	Max:          func(a, b, _ float64) float64 { return max(a, b) },
	Less:         func(a, b, _ float64) float64 { return truth(a < b) },
	LessEqual:    func(a, b, _ float64) float64 { return truth(a <= b) },
	Greater:      func(a, b, _ float64) float64 { return truth(a > b) },
	GreaterEqual: func(a, b, _ float64) float64 { return truth(a >= b) },
	Equal:        func(a, b, _ float64) float64 { return truth(a == b) },
	And:          func(a, b, _ float64) float64 { return truth(a != 0 && b != 0) },
	Or:           func(a, b, _ float64) float64 { return truth(a != 0 || b != 0) },
	Xor:          func(a, b, _ float64) float64 { return truth((a != 0) != (b != 0)) },

	Where:  func(a, b, c float64) float64 { return map[bool]float64{true: b, false: c}[a != 0] },
	MulAdd: func(a, b, c float64) float64 { return a*b + c },
}

func sign(a float64) float64 {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return -1
	}
	return a
}

func sigmoid(a float64) float64 {
	if a < 0 {
		return math.Exp(a) / (1 + math.Exp(a))
	}
	return 1 / (1 + math.Exp(-a))
}

// ulps are the most that operators may be off, in units in the last place; those that are not listed are exact. Of MulAdd it is how much the
// number that it is compared with may be off.
var ulps = map[Op]float64{
	Exp: 1.5, Log: 1, Erf: 1.5, Tanh: 2, Sigmoid: 2.5, Softplus: 2, Sin: 2, Cos: 2, Tan: 2, Asin: 2, Acos: 2, Atan: 2, Sinh: 2.5, Cosh: 2.5,
	Asinh: 2.5, Acosh: 2.5, Atanh: 2.5, Pow: 2, MulAdd: 0.51,
}

// specials are numbers at which functions may go wrong.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, 10, -10, 88, 89, -87.5, -104, 1e10, -1e10, 1e-10, 0.92, 0.625, 4, 16.7,
	math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, -1e-39, 0x1p-126, 1 << 24, 1<<23 + 1, 0x1p-63,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

// TestOperators computes every operator, in every form (arguments that are tiles or single values), of special numbers, and of random ones
// of every size and of size 1 to 10, and logs the worst errors.
func TestOperators(t *testing.T) {
	for op := Copy; op < operators; op++ {
		worst := 0.0
		for form := range 1 << op.arity() {
			worst = max(worst, checkOperator(t, op, form))
		}
		if t.Failed() {
			return
		}
		if worst > 0 {
			t.Logf("operator %d: off by up to %.2f units in the last place", op, worst)
		}
	}
}

// checkOperator returns the largest error in units in the last place. Bits of form say which arguments are one value.
func checkOperator(t *testing.T, op Op, form int) (worst float64) {
	t.Helper()
	const n = 3000
	random := rand.New(rand.NewPCG(uint64(op), uint64(form)))
	l := &testLoop{Loop: Loop{Dims: []int{len(specials), n}, Code: []Instruction{{Op: op, A: 0, B: 1, C: 2}}}}
	defer l.free()
	for k := range op.arity() {
		strides := []int{n, 1}
		if form>>k&1 == 1 {
			strides = []int{1, 0}
		}
		r := roomFor(tensor.Float32, l.Dims, strides)
		each(l.Dims, func(index []int) {
			v := argument(random, index, k)
			if strides[1] == 0 {
				v = specials[(index[0]+5*k)%len(specials)]
			}
			r.put(dot(index, strides), float64(v))
		})
		l.Operands, l.in = append(l.Operands, Operand{Memory: r.at(0), Type: tensor.Float32, Strides: strides}), append(l.in, r)
	}
	out := roomFor(tensor.Float32, l.Dims, []int{n, 1})
	l.Results, l.out = []Result{{Register: op.arity(), Memory: out.at(0), Type: tensor.Float32, Strides: []int{n, 1}}}, []*room{out}
	l.run(t, 2)
	each(l.Dims, func(index []int) {
		var v []float64
		for k, o := range l.Operands {
			v = append(v, l.in[k].get(dot(index, o.Strides)))
		}
		got := float32(out.get(index[0]*n + index[1]))
		off := distance(got, op, append(slices.Clone(v), 0, 0))
		if worst = max(worst, off); off > ulps[op] {
			t.Fatalf("operator %d, form %d: %v of %v is %v units in the last place off", op, form, got, v, off)
		}
	})
	return worst
}

// argument is special for each line's first argument and for the beginnings of the second and third, random elsewhere.
func argument(random *rand.Rand, index []int, k int) float32 {
	at, n := index[1], len(specials)
	switch {
	case k == 0 && at < n*n:
		return specials[index[0]]
	case k == 1 && at < n*n:
		return specials[at%n]
	case k == 2 && at < n*n:
		return specials[at/n]
	case at%3 == 0:
		return math.Float32frombits(random.Uint32())
	}
	return 20*random.Float32() - 10
}

// distance is how many units in the last place a result is off; infinite where one is NaN and the other is not. A MulAdd may round once or twice.
func distance(got float32, op Op, v []float64) float64 {
	want := meanings[op](v[0], v[1], v[2])
	off := unitsOff(got, want)
	if got == 0 && math.Signbit(float64(got)) != math.Signbit(want) && op != Relu && op != Min && op != Max && op != Tanh && op != MulAdd {
		return math.Inf(1) // the wrong zero
	}
	if op == MulAdd {
		off = min(off, unitsOff(got, float64(float32(float32(v[0])*float32(v[1]))+float32(v[2]))))
	}
	return off
}

func unitsOff(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case got == rounded || math.IsNaN(float64(got)) && math.IsNaN(want):
		return 0
	case math.IsInf(float64(rounded), 0) && math.Abs(float64(got)) == math.MaxFloat32: // the next number
		return 1
	case math.IsNaN(float64(got)) || math.IsNaN(want) || math.IsInf(float64(got), 0) || math.IsInf(float64(rounded), 0):
		return math.Inf(1)
	}
	_, exponent := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exponent-24, -149))
}
