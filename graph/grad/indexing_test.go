package grad

import (
	"strings"
	"testing"

	"visus/graph"
)

// index draws places on an axis, negative ones among them: an input, or a constant.
func (s *specimen) index(size int, shape ...int) graph.Value {
	numbers := make([]int64, elements(shape))
	for i := range numbers {
		numbers[i] = int64(s.random.IntN(2*size) - size)
	}
	if s.yes("constant index") {
		return reshape(s.b, s.b.Ints(numbers...), shape)
	}
	return s.integers(numbers, shape...)
}

// distinct draws different places on an axis.
func (s *specimen) distinct(size, count int) graph.Value {
	return s.integers(integers(s.random.Perm(size)[:count]), count)
}

var indexSpecimens = map[string]func(s *specimen){
	"Gather": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", 0, len(shape)-1)
		x := s.smooth(-1, 1, shape...)
		at := s.index(shape[axis], s.shape(0, 2)...)
		if s.yes("run") {
			at = s.b.Ints(int64(shape[axis] - 1))
		}
		s.out(s.b.Op("Gather", []graph.Value{x, at}, attribute("axis", int64(axis))))
	},
	"GatherElements": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", 0, len(shape)-1)
		x := s.smooth(-1, 1, shape...)
		size := shape[axis]
		shape[axis] = s.number("taken", 1, 5)
		s.out(s.b.Op("GatherElements", []graph.Value{x, s.index(size, shape...)}, attribute("axis", int64(axis-len(shape)))))
	},
	"GatherND": func(s *specimen) {
		shape := []int{2, 2, 2, 2}[:s.number("rank", 2, 4)]
		batch := s.number("batch", 0, 1)
		depth := s.number("depth", 1, len(shape)-batch)
		index := append([]int{2, 3}, depth)
		s.out(s.b.Op("GatherND", []graph.Value{s.smooth(-1, 1, shape...), s.index(2, index...)}, attribute("batch_dims", int64(batch))))
	},
	"ScatterElements": func(s *specimen) {
		size, count := 5, s.number("count", 1, 5)
		x, updates := s.smooth(-1, 1, size, 3), s.smooth(-1, 1, count, 2)
		if s.yes("add") {
			s.out(s.b.Op("ScatterElements", []graph.Value{x, s.index(size, count, 2), updates}, attribute("reduction", "add")))
			return
		}
		at := expand(s.b, reshape(s.b, s.distinct(size, count), []int{count, 1}), []int{count, 2})
		s.out(s.b.Op("ScatterElements", []graph.Value{x, at, updates}, attribute("axis", int64(-2))))
	},
	"ScatterND": func(s *specimen) {
		size, count := 5, s.number("count", 1, 5)
		x, updates := s.smooth(-1, 1, size, 3), s.smooth(-1, 1, count, 3)
		if s.yes("add") {
			s.out(s.b.Op("ScatterND", []graph.Value{x, s.index(size, count, 1), updates}, attribute("reduction", "add")))
			return
		}
		s.out(s.b.Op("ScatterND", []graph.Value{x, reshape(s.b, s.distinct(size, count), []int{count, 1}), updates}))
	},
}

// TestGatherManyRows takes rows of a long axis, whose gradients ScatterElements adds.
func TestGatherManyRows(t *testing.T) {
	checkRule(t, "Gather", graph.CommonOpset, func(s *specimen) {
		x := s.smooth(-1, 1, few+1, 2)
		at := make([]int64, 4)
		for i := range at {
			at[i] = int64(s.random.IntN(3))
		}
		s.out(s.b.Op("Gather", []graph.Value{x, s.integers(at, 2, 2)}))
	})
}

func TestIndexingSecond(t *testing.T) {
	for _, op := range []string{"Gather", "GatherND", "GatherElements", "ScatterElements"} {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, indexSpecimens[op]) })
	}
}

func TestScatterReductionsWithoutGradient(t *testing.T) {
	b := graph.NewBuilder("largest", graph.CommonOpset)
	x := b.Scalar(1, 0)
	x = expand(b, x, []int{3})
	y := b.Op("ScatterElements", []graph.Value{x, b.Ints(1), reshape(b, b.Scalar(1, 2), []int{1})}, attribute("reduction", "max"))
	b.Output("y", total(b, y))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Append(g, "y", x.Name)
	if err == nil || !strings.Contains(err.Error(), `ScatterElements: no gradient with reduction "max"`) {
		t.Errorf("reduction max: %v", err)
	}
}
