// Package enginetest is the suite that every engine of eager tensors passes: EagerPy's results, and what a primitive has to do besides.
//
// An engine is told how a function runs on it. Run reports, for each group of cases, how many pass, how many the engine says it cannot do
// (eager.ErrUnsupported), and fails for every other difference.
package enginetest

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
)

// Engine is what the suite asks of an engine; make it with Looking or Tracing, and add Differentiating.
type Engine[T eager.Tensor[T]] struct {
	Name string

	double bool
	run    func(f func(xs []T) []T, inputs []*host.Tensor) ([]*host.Tensor, error)
	item   func(x T) (float64, error)
	mask   func(x, mask T) T
	grad   func(f func(x T) (T, []T), x T) (T, []T, T, error)
}

// Looking is an engine whose data can be looked at; wrap makes a tensor of the same values.
func Looking[T eager.Eager[T]](name string, wrap func(*host.Tensor) T) Engine[T] {
	run := func(f func(xs []T) []T, inputs []*host.Tensor) ([]*host.Tensor, error) {
		xs := make([]T, len(inputs))
		for i, x := range inputs {
			if xs[i] = wrap(x); xs[i].Err() != nil {
				return nil, xs[i].Err()
			}
		}
		results := f(xs)
		out := make([]*host.Tensor, len(results))
		for i, r := range results {
			values, err := r.Floats()
			if err != nil {
				return nil, err
			}
			out[i] = host.Wrap(values, r.Shape()...).Cast(r.DType())
		}
		return out, nil
	}
	return Engine[T]{Name: name, run: run, item: T.Item, mask: eager.Mask[T]}
}

// Tracing is an engine that runs whole functions; run gives the results of f on the inputs.
func Tracing[T eager.Tensor[T]](name string, run func(f func(xs []T) []T, inputs []*host.Tensor) ([]*host.Tensor, error)) Engine[T] {
	return Engine[T]{Name: name, run: run}
}

// Differentiating adds gradients.
func Differentiating[T eager.Grad[T]](e Engine[T]) Engine[T] {
	e.grad = eager.ValueAndGrad[T]
	return e
}

// InDouble is for an engine without float32: the cases in float32 are computed in float64 and held to their own tolerance.
func InDouble[T eager.Tensor[T]](e Engine[T]) Engine[T] {
	e.double = true
	return e
}

// Group counts the cases of a group, and says what the engine does not do: operation and reason, without repetition.
type Group struct {
	Name                string
	Passed, Unsupported int
	Reasons             []string
}

// Run runs the suite. It fails for every case that neither passes nor is unsupported.
func Run[T eager.Tensor[T]](t *testing.T, e Engine[T]) []Group {
	t.Helper()
	suite := suite[T]{engine: e, groups: map[string]*Group{}}
	t.Run("golden", suite.golden)
	t.Run("behaviours", suite.behaviours)
	t.Run("arguments", suite.arguments)
	t.Run("gradients", suite.gradients)
	out := make([]Group, len(suite.order))
	for i, name := range suite.order {
		out[i] = *suite.groups[name]
	}
	return out
}

type suite[T eager.Tensor[T]] struct {
	engine Engine[T]
	groups map[string]*Group
	order  []string
}

func (s *suite[T]) group(name string) *Group {
	if s.groups[name] == nil {
		s.groups[name] = &Group{Name: name}
		s.order = append(s.order, name)
	}
	return s.groups[name]
}

// unsupported counts an error of that kind and says whether it was one.
func (s *suite[T]) unsupported(group string, err error) bool {
	if !errors.Is(err, eager.ErrUnsupported) {
		return false
	}
	g := s.group(group)
	g.Unsupported++
	if text := err.Error(); !slices.Contains(g.Reasons, text) {
		g.Reasons = append(g.Reasons, text)
	}
	return true
}

// golds is the group of the golden cases.
const golds = "golden cases"

// errUnmapped is that of a case, in a file that is not the supplied one, whose text has no function here.
var errUnmapped = errors.New("no function here")

// golden holds the engine to EagerPy's results.
func (s *suite[T]) golden(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			inputs, double := c.inputs(t), s.engine.double && !c.mixed()
			for i := range inputs {
				if double && inputs[i].DType() == eager.Float32 {
					inputs[i] = inputs[i].Cast(eager.Float64)
				}
			}
			got, err := s.engine.run(call[T]{c, s.engine}.run, inputs)
			switch {
			case errors.Is(err, errUnmapped):
				t.Skip(err)
			case s.unsupported(golds, err):
				return
			case c.refused() != (err != nil) && !strings.HasPrefix(ours[c.ID], "more"):
				t.Fatalf("expected an error: %v, found %v", c.refused(), err)
			}
			if want := c.want(t); err == nil && want != nil {
				tolerance := c.tolerance
				if double {
					tolerance = func(eager.DType) float64 { return c.tolerance(want[0].DType()) }
				}
				same(t, got, want, tolerance, c.CorrectValuesOnly != nil || double && want[0].DType() == eager.Float32)
			}
			s.group(golds).Passed++
		})
	}
}

// same compares results, whose types count unless values are all that does.
func same(t *testing.T, got, want []*host.Tensor, tolerance func(eager.DType) float64, valuesOnly bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("expected %d results, found %d", len(want), len(got))
	}
	for i := range want {
		near(t, got[i], want[i], tolerance(got[i].DType()), valuesOnly)
	}
}

func near(t *testing.T, got, want *host.Tensor, tolerance float64, valuesOnly bool) {
	t.Helper()
	if !slices.Equal(got.Shape(), want.Shape()) || got.DType() != want.DType() && !valuesOnly {
		t.Fatalf("expected %v, found %v", want, got)
	}
	a, err := got.Floats()
	if err != nil {
		t.Fatal(err)
	}
	b, err := want.Floats()
	if err != nil {
		t.Fatal(err)
	}
	for i := range a {
		equal := a[i] == b[i] || a[i] != a[i] && b[i] != b[i] || math.Abs(a[i]-b[i]) <= tolerance*math.Abs(b[i])+1e-7*tolerance/2e-6
		if !equal {
			t.Fatalf("element %d: expected %v, found %v", i, b[i], a[i])
		}
	}
}
