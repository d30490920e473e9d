package enginetest

import (
	"fmt"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// copies is y = x.
func copies(kind tensor.Type, shape []int) *graph.Graph {
	return &graph.Graph{
		Name: "copies", Opsets: map[string]int64{"": 17},
		Inputs:  []graph.Value{{Name: "x", Type: kind, Shape: graph.Dims(shape...)}},
		Outputs: []graph.Value{{Name: "y", Type: kind, Shape: graph.Dims(shape...)}},
		Nodes:   []*graph.Node{{Name: "only node", Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
}

var (
	weights = []float32{1, -2, 3, 4, -5, 6} // [3, 2]
	bias    = []float32{10, 20}
)

// linear is y = x·weights + bias with a free batch: x is [batch, 3], y is [batch, 2].
func linear(name string) *graph.Graph {
	w, b := tensor.New(tensor.Float32, 3, 2), tensor.New(tensor.Float32, 2)
	copy(tensor.Values[float32](w), weights)
	copy(tensor.Values[float32](b), bias)
	batch := graph.Dim{Size: -1, Symbol: "batch"}
	return &graph.Graph{
		Name: name, Opsets: map[string]int64{"": 17},
		Inputs:       []graph.Value{{Name: "x", Type: tensor.Float32, Shape: []graph.Dim{batch, {Size: 3}}}},
		Outputs:      []graph.Value{{Name: "y", Type: tensor.Float32, Shape: []graph.Dim{batch, {Size: 2}}}},
		Initializers: []graph.Initializer{{Name: "weights", Tensor: w}, {Name: "bias", Tensor: b}},
		Nodes: []*graph.Node{
			{Name: "multiply", Op: "MatMul", Inputs: []string{"x", "weights"}, Outputs: []string{"product"}},
			{Name: "add", Op: "Add", Inputs: []string{"product", "bias"}, Outputs: []string{"y"}},
		},
	}
}

// question gives an input of linear and the output that it must have.
func question(t testing.TB, batch int) (*tensor.Tensor, []float32) {
	t.Helper()
	x := tensor.New(tensor.Float32, batch, 3)
	values, want := tensor.Values[float32](x), make([]float32, 2*batch)
	for i := range values {
		values[i] = float32(i%11 - 4)
	}
	for i := range batch {
		for j := range 2 {
			want[2*i+j] = bias[j]
			for k := range 3 {
				want[2*i+j] += values[3*i+k] * weights[2*k+j]
			}
		}
	}
	return x, want
}

// powers gives square, cube and fourth power of two numbers, each from the one before.
func powers() *graph.Graph {
	shape := graph.Dims(2)
	return &graph.Graph{
		Name: "powers", Opsets: map[string]int64{"": 17},
		Inputs: []graph.Value{{Name: "x", Type: tensor.Float32, Shape: shape}},
		Outputs: []graph.Value{
			{Name: "square", Type: tensor.Float32, Shape: shape},
			{Name: "cube", Type: tensor.Float32, Shape: shape},
			{Name: "fourth", Type: tensor.Float32, Shape: shape},
		},
		Nodes: []*graph.Node{
			{Name: "a", Op: "Mul", Inputs: []string{"x", "x"}, Outputs: []string{"square"}},
			{Name: "b", Op: "Mul", Inputs: []string{"square", "x"}, Outputs: []string{"cube"}},
			{Name: "c", Op: "Mul", Inputs: []string{"square", "square"}, Outputs: []string{"fourth"}},
		},
	}
}

// countdown counts to x, one loop iteration a step.
func countdown() *graph.Graph {
	scalar := func(name string, kind tensor.Type) graph.Value {
		return graph.Value{Name: name, Type: kind, Shape: graph.Dims()}
	}
	zero, one := tensor.New(tensor.Int64), tensor.New(tensor.Int64)
	tensor.Values[int64](one)[0] = 1
	yes := tensor.New(tensor.Bool)
	tensor.Values[bool](yes)[0] = true
	body := &graph.Graph{
		Name:    "body",
		Inputs:  []graph.Value{scalar("step", tensor.Int64), scalar("before", tensor.Bool), scalar("count", tensor.Int64)},
		Outputs: []graph.Value{scalar("after", tensor.Bool), scalar("next", tensor.Int64)},
		Nodes: []*graph.Node{
			{Name: "keep on", Op: "Identity", Inputs: []string{"before"}, Outputs: []string{"after"}},
			{Name: "increase", Op: "Add", Inputs: []string{"count", "one"}, Outputs: []string{"next"}},
		},
	}
	return &graph.Graph{
		Name: "countdown", Opsets: map[string]int64{"": 17},
		Inputs:       []graph.Value{scalar("x", tensor.Int64)},
		Outputs:      []graph.Value{scalar("y", tensor.Int64)},
		Initializers: []graph.Initializer{{Name: "zero", Tensor: zero}, {Name: "one", Tensor: one}, {Name: "yes", Tensor: yes}},
		Nodes: []*graph.Node{{
			Name: "loop", Op: "Loop", Inputs: []string{"x", "yes", "zero"}, Outputs: []string{"y"},
			Attributes: []graph.Attribute{{Name: "body", Value: body}},
		}},
	}
}

// constants is a long chain of products of constants, which a compiler computes before it is done.
func constants() *graph.Graph {
	const size, length = 512, 60
	g := &graph.Graph{
		Name: "constants", Opsets: map[string]int64{"": 17},
		Outputs:      []graph.Value{{Name: "y", Type: tensor.Float32, Shape: graph.Dims(size, size)}},
		Initializers: []graph.Initializer{{Name: "c", Tensor: tensor.New(tensor.Float32, size, size)}},
	}
	last := "c"
	for i := range length {
		next := fmt.Sprint("product", i)
		g.Nodes = append(g.Nodes, &graph.Node{Name: next, Op: "MatMul", Inputs: []string{last, "c"}, Outputs: []string{next}})
		last = next
	}
	g.Nodes[length-1].Outputs[0] = "y"
	return g
}
