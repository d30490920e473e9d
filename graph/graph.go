// Package graph holds ONNX graphs as values: load, save, edit, infer shapes, fold constants.
//
// A Graph is plain data. Values are named by strings, as in the file, so that a user finds "layer2.0.bn1" again; nodes lie in one
// slice in topological order, and every edit keeps that order. Nothing is shared between graphs but the bytes of tensors, which nobody changes.
package graph

import "visus/tensor"

// Graph is an ONNX model: its main graph, with model-local functions already inlined.
type Graph struct {
	Name         string
	Producer     string            // name and version of the program that wrote the file
	Metadata     map[string]string // the model's metadata properties
	Opsets       map[string]int64  // version by domain; "" is the ONNX domain
	Inputs       []Value           // what a caller must give; initializers that old files list here are left out
	Outputs      []Value
	Initializers []Initializer
	Nodes        []*Node // topologically ordered

	path string // the file it was loaded from, for messages
}

// Value is a named edge of the graph with what is known of it.
type Value struct {
	Name  string
	Type  tensor.Type // Invalid where unknown or not a number (strings, sequences)
	Shape []Dim       // nil where even the rank is unknown
}

// Dim is a dimension: Size where it is fixed (>= 0), or -1 with the symbol's name ("batch"; empty where the file gives none).
type Dim struct {
	Size   int
	Symbol string
}

// Fixed says whether the dimension has a size.
func (d Dim) Fixed() bool { return d.Size >= 0 }

// Initializer is a named constant.
type Initializer struct {
	Name string
	*tensor.Tensor
}

// Node is one operator call. An empty input name is an optional input left out.
type Node struct {
	Name       string
	Op         string // "Conv"
	Domain     string // "" is ONNX's own
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is a named constant of a node. Value is one of int64, float32, string, *tensor.Tensor, *Graph, []int64, []float32, []string;
// what else a file may hold survives loading and saving untouched.
type Attribute struct {
	Name  string
	Value any
}
