package grad

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/lower"
	"visus/tensor"
)

// TestMain lets each operator draw a few specimens; -rapid.checks=N draws more.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", "30") // ONNX Runtime compiles three graphs for each
	}
	os.Exit(m.Run())
}

// runtime opens ONNX Runtime, and skips the test where there is none.
func runtime(t testing.TB) engine.Engine {
	t.Helper()
	return choicetest.Open(t, choice.ORT)
}

// specimen is a small graph with one use of an operator, drawn at random, and the numbers of its inputs.
type specimen struct {
	r       *rapid.T
	b       *graph.Builder
	kind    tensor.Type // Float64 where ONNX Runtime has the operator in it, Float32 otherwise: of all that the methods below make
	values  map[string]*tensor.Tensor
	wrt     []string
	outputs []string
	random  *rand.Rand
}

func newSpecimen(r *rapid.T, kind tensor.Type, opset int64) *specimen {
	seed := rapid.Uint64().Draw(r, "seed")
	return &specimen{
		r: r, b: graph.NewBuilder("specimen", opset), kind: kind, values: map[string]*tensor.Tensor{}, random: rand.New(rand.NewPCG(seed, 1)),
	}
}

// number draws a whole number between two, both included.
func (s *specimen) number(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(s.r, name)
}

// yes draws true or false.
func (s *specimen) yes(name string) bool { return rapid.Bool().Draw(s.r, name) }

// pick draws one of several.
func pick[T any](s *specimen, name string, choices ...T) T {
	return rapid.SampledFrom(choices).Draw(s.r, name)
}

// shape draws a shape of low to high dimensions, each of 1 to 4.
func (s *specimen) shape(low, high int) []int {
	return rapid.SliceOfN(rapid.IntRange(1, 4), low, high).Draw(s.r, "shape")
}

// smooth adds an input of numbers between low and high, whose gradient is checked.
func (s *specimen) smooth(low, high float64, shape ...int) graph.Value {
	n := elements(shape)
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = low + (high-low)*s.random.Float64()
	}
	return s.given(numbers, shape...)
}

// apart adds an input whose numbers are all different and away from 0, by at least 0.05: small steps reach no kink.
func (s *specimen) apart(shape ...int) graph.Value {
	n := elements(shape)
	numbers := make([]float64, n)
	for i, k := range s.random.Perm(n) {
		numbers[i] = 0.1 * (float64(k) + 0.5 - float64(n/2))
	}
	return s.given(numbers, shape...)
}

// given adds an input of the given numbers, whose gradient is checked.
func (s *specimen) given(numbers []float64, shape ...int) graph.Value {
	v := s.data(floats(s.kind, numbers, shape...))
	s.wrt = append(s.wrt, v.Name)
	return v
}

// data adds an input that has no gradient: indices, conditions.
func (s *specimen) data(t *tensor.Tensor) graph.Value {
	name := fmt.Sprint("in", len(s.values))
	s.values[name] = t
	return s.b.Input(name, t.Type(), graph.Dims(t.Shape()...)...)
}

// integers adds an input of whole numbers.
func (s *specimen) integers(numbers []int64, shape ...int) graph.Value {
	t, err := tensor.Of(numbers, shape...)
	if err != nil {
		s.r.Fatal(err)
	}
	return s.data(t)
}

// out makes values outputs: their products with random cotangents are what is differentiated.
func (s *specimen) out(values ...graph.Value) {
	for _, v := range values {
		name := fmt.Sprint("out", len(s.outputs))
		s.b.Output(name, v)
		s.outputs = append(s.outputs, name)
	}
}

func floats(kind tensor.Type, numbers []float64, shape ...int) *tensor.Tensor {
	t := tensor.New(kind, shape...)
	for i, v := range numbers {
		setFloat(t, i, v)
	}
	return t
}

func setFloat(t *tensor.Tensor, i int, v float64) {
	switch t.Type() {
	case tensor.Float64:
		tensor.Values[float64](t)[i] = v
	case tensor.Float16:
		tensor.Values[tensor.Half](t)[i] = tensor.HalfOf(float32(v))
	default:
		tensor.Values[float32](t)[i] = float32(v)
	}
}

// accuracy is how central differences are taken: the step, and how far they may be off, in parts of the largest entry (at least 1). With
// float64 the error is that of the third derivative, about step²; in float32 an output's rounding, 6e-8, is divided by the step besides.
var accuracy = map[tensor.Type]struct{ step, tolerance float64 }{
	tensor.Float64: {1e-5, 1e-6},
	tensor.Float32: {1e-2, 1e-2},
}

// inexact are operators whose kernels of ONNX Runtime 1.32 take float64 and compute in float32.
var inexact = []string{"Shrink", "LayerNormalization", "GroupNormalization"}

// checkRule compares an operator's gradients with central differences: on random specimens, in float64 where ONNX Runtime has kernels.
func checkRule(t *testing.T, op string, opset int64, draw func(s *specimen)) {
	t.Helper()
	e := runtime(t)
	kind, compared := tensor.Float64, 0
	if slices.Contains(inexact, op) {
		kind = tensor.Float32
	}
	rapid.Check(t, func(r *rapid.T) {
		s := newSpecimen(r, kind, opset)
		draw(s)
		g, err := s.b.Build()
		if err != nil {
			r.Fatal(err)
		}
		n, err := s.compare(e, g)
		if kind == tensor.Float64 && unsupported(err) {
			kind = tensor.Float32 // this one specimen is left out
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		compared += n
	})
	if compared == 0 {
		t.Errorf("%s: nothing was compared", op)
	}
	t.Logf("%s: %d partial derivatives in %s", op, compared, kind)
}

// unsupported says whether the error is that of an engine without a kernel for float64.
func unsupported(err error) bool {
	var fault *engine.Error
	return errors.As(err, &fault) && (strings.Contains(fault.Error(), "double") || strings.Contains(fault.Error(), "not find an implementation"))
}

// compare differentiates the graph and returns how many partial derivatives agreed.
func (s *specimen) compare(e engine.Engine, forward *graph.Graph) (int, error) {
	g := forward.Clone()
	cotangents, err := s.seed(g)
	if err != nil {
		return 0, err
	}
	names, err := VJP(g, s.outputs, cotangents, s.wrt)
	if err != nil {
		return 0, err
	}
	gradients, err := s.gradients(e, g, names)
	if err != nil {
		return 0, err
	}
	p, err := compile(e, forward)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	compared := 0
	for i, name := range s.wrt {
		n, err := s.differences(p, name, gradients[i], cotangents)
		if err != nil {
			return 0, err
		}
		compared += n
	}
	return compared, nil
}

// seed adds an input with random numbers for the cotangent of each output.
func (s *specimen) seed(g *graph.Graph) ([]string, error) {
	values, err := g.InferShapes()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range s.outputs {
		v := values[name]
		shape, ok := v.Sizes()
		if !ok {
			return nil, fmt.Errorf("output %s has the shape %v", name, v.Shape)
		}
		numbers := make([]float64, elements(shape))
		for i := range numbers {
			numbers[i] = s.random.Float64()*2 - 1
		}
		cot := g.Fresh("cot_" + name)
		s.values[cot] = floats(v.Type, numbers, shape...)
		g.Inputs = append(g.Inputs, graph.Value{Name: cot, Type: v.Type, Shape: v.Shape})
		names = append(names, cot)
	}
	return names, nil
}

// gradients makes the gradients the only outputs of the graph and runs it.
func (s *specimen) gradients(e engine.Engine, g *graph.Graph, names map[string]string) ([]*tensor.Tensor, error) {
	values, err := g.InferShapes()
	if err != nil {
		return nil, err
	}
	g.Outputs = nil
	for _, name := range s.wrt {
		g.Outputs = append(g.Outputs, values[names[name]])
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	p, err := compile(e, g)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return s.run(p)
}

// compile runs our own operators as ordinary ones.
func compile(e engine.Engine, g *graph.Graph) (engine.Program, error) {
	g = g.Clone()
	if err := lower.Lower(g); err != nil {
		return nil, err
	}
	return e.Compile(context.Background(), g, engine.Options{Threads: 1})
}

func (s *specimen) run(p engine.Program) ([]*tensor.Tensor, error) {
	var inputs []*tensor.Tensor
	for _, v := range p.Inputs() {
		inputs = append(inputs, s.values[v.Name])
	}
	outputs := make([]*tensor.Tensor, len(p.Outputs()))
	return outputs, p.Run(context.Background(), inputs, outputs)
}

// most bounds the partial derivatives that are compared for one input.
const most = 24

// differences compares the gradient of one input, at up to most places, with central differences of sum <cotangent, output>.
func (s *specimen) differences(p engine.Program, name string, gradient *tensor.Tensor, cotangents []string) (int, error) {
	x, how := s.values[name], accuracy[s.kind]
	original, got := x.Floats(), gradient.Floats()
	if !slices.Equal(gradient.Shape(), x.Shape()) {
		return 0, fmt.Errorf("gradient of %s has the shape %v, expected %v", name, gradient.Shape(), x.Shape())
	}
	places := s.random.Perm(len(got))
	places = places[:min(most, len(places))]
	largest := 1.0
	for _, v := range got {
		largest = max(largest, math.Abs(v))
	}
	for _, i := range places {
		var sides [2]float64
		for k, sign := range []float64{-1, 1} {
			setFloat(x, i, original[i]+sign*how.step)
			y, err := s.run(p)
			if err != nil {
				return 0, err
			}
			for j, cot := range cotangents {
				a, b := s.values[cot].Floats(), y[j].Floats()
				for m := range a {
					sides[k] += a[m] * b[m]
				}
			}
		}
		setFloat(x, i, original[i])
		want := (sides[1] - sides[0]) / (2 * how.step)
		if !(math.Abs(got[i]-want) <= how.tolerance*largest) {
			return 0, fmt.Errorf("d/d%s[%d] at %g is %g, central differences give %g (largest %g)", name, i, original[i], got[i], want, largest)
		}
	}
	return len(places), nil
}

// checkSecond compares second derivatives: the gradient is an output of a graph like any other.
func checkSecond(t *testing.T, op string, opset int64, draw func(s *specimen)) {
	t.Helper()
	e := runtime(t)
	kind, compared := tensor.Float64, 0
	if slices.Contains(inexact, op) {
		kind = tensor.Float32
	}
	rapid.Check(t, func(r *rapid.T) {
		s := newSpecimen(r, kind, opset)
		draw(s)
		g, err := s.b.Build()
		if err != nil {
			r.Fatal(err)
		}
		cotangents, err := s.seed(g)
		if err != nil {
			r.Fatal(err)
		}
		names, err := VJP(g, s.outputs, cotangents, s.wrt)
		if err != nil {
			r.Fatal(err)
		}
		values, err := g.InferShapes()
		if err != nil {
			r.Fatal(err)
		}
		g.Outputs, s.outputs = nil, nil
		for _, name := range s.wrt {
			g.Outputs = append(g.Outputs, values[names[name]])
			s.outputs = append(s.outputs, names[name])
		}
		s.wrt = append(s.wrt, cotangents...)
		s.wrt = slices.DeleteFunc(s.wrt, func(name string) bool { return !dependsOn(g, name) })
		if len(s.wrt) == 0 {
			return // the gradient is a constant: that of x to the power of 0
		}
		n, err := s.compare(e, g)
		if kind == tensor.Float64 && unsupported(err) {
			kind = tensor.Float32
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		compared += n
	})
	if compared == 0 {
		t.Errorf("%s: nothing was compared", op)
	}
}

// dependsOn says whether an output of the graph depends on a value.
func dependsOn(g *graph.Graph, name string) bool {
	reached := map[string]bool{name: true}
	for _, n := range g.Nodes {
		found := false
		n.Reads(func(name string) { found = found || reached[name] })
		for _, out := range n.Outputs {
			reached[out] = reached[out] || found
		}
	}
	return slices.ContainsFunc(g.Outputs, func(v graph.Value) bool { return reached[v.Name] })
}

// specimens tells, for every operator with a rule, how to draw uses of it. Each family's test file has its own table.
var specimens = []map[string]func(s *specimen){elementwiseSpecimens, activationSpecimens, reductionSpecimens, lossSpecimens, shapeSpecimens, indexSpecimens, windowSpecimens, normSpecimens, resampleSpecimens, matrixSpecimens, recurrentSpecimens}

// newest are operators that are younger than the opset that specimens are written in.
var newest = map[string]int64{"Gelu": 20, "GroupNormalization": 21, "Swish": 24, "RMSNormalization": 23, "Attention": 23}

// isShaping says whether an operator's gradient is none of a function's: TestShaping has those.
func isShaping(op string) bool {
	_, ok := shaping[op]
	return ok
}

// TestRules holds every rule to central differences, and every rule must have specimens.
func TestRules(t *testing.T) {
	all := map[string]func(s *specimen){}
	for _, family := range specimens {
		for op, draw := range family {
			if all[op] != nil {
				t.Errorf("%s has two specimens", op)
			}
			all[op] = draw
		}
	}
	for _, op := range slices.Sorted(maps.Keys(rules)) {
		if rules[op] != nil && all[op] == nil && !isShaping(op) {
			t.Errorf("%s has a rule and no specimen to test it", op)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(all)) {
		if rules[op] == nil {
			t.Errorf("%s has a specimen and no rule", op)
			continue
		}
		t.Run(op, func(t *testing.T) { checkRule(t, op, max(newest[op], graph.CommonOpset), all[op]) })
	}
}
