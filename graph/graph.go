// Package graph holds ONNX graphs as values: load, save, edit, infer shapes, fold constants.
//
// A Graph is plain data. Values are named by strings, as in the file, so that a user finds "layer2.0.bn1" again; nodes lie in one
// slice in topological order, and every edit keeps that order. Nothing is shared between graphs but the bytes of tensors, which nobody changes.
package graph

import (
	"fmt"
	"strings"

	"visus/internal/onnx"
	"visus/tensor"
)

// Graph is an ONNX model: its main graph, with model-local functions already inlined. A subgraph (the value of an attribute of If, Loop
// or Scan) is a Graph too; it sees the names of the graphs around it, and its Opsets and Metadata are nil: those of the model hold.
type Graph struct {
	Name            string
	Producer        string            // the program that wrote the file
	ProducerVersion string            // that program's version
	Metadata        map[string]string // the model's metadata properties
	Opsets          map[string]int64  // version by domain; "" is the ONNX domain
	Inputs          []Value           // what a caller must give; initializers that old files list here are left out
	Outputs         []Value
	Initializers    []Initializer
	Nodes           []*Node // topologically ordered
	Known           []Value // what the file says of inner values; may be incomplete

	path  string           // the file it was loaded from, for messages
	model *onnx.ModelProto // what only survives: documentation, training information, fields we do not know
	kept  *onnx.GraphProto
}

// Path returns the file the graph was loaded from, for messages; empty where it came from elsewhere.
func (g *Graph) Path() string { return g.path }

// Value is a named edge of the graph with what is known of it.
type Value struct {
	Name  string
	Type  tensor.Type // Invalid where unknown or not a number (strings, sequences)
	Shape []Dim       // nil where even the rank is unknown

	kept *onnx.ValueInfoProto
}

// Dim is a dimension: Size where it is fixed (>= 0), or -1 with the symbol's name ("batch"; empty where the file gives none).
type Dim struct {
	Size   int
	Symbol string
}

// Fixed says whether the dimension has a size.
func (d Dim) Fixed() bool { return d.Size >= 0 }

// String returns the size, the symbol, or "?".
func (d Dim) String() string {
	switch {
	case d.Fixed():
		return fmt.Sprint(d.Size)
	case d.Symbol != "":
		return d.Symbol
	}
	return "?"
}

// ShapeText writes a shape as [batch, 3, 32, 32].
func ShapeText(shape []Dim) string {
	words := make([]string, len(shape))
	for i, d := range shape {
		words[i] = d.String()
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// Dims returns fixed dimensions; a negative size is a free one without a symbol.
func Dims(sizes ...int) []Dim {
	out := make([]Dim, len(sizes))
	for i, size := range sizes {
		out[i] = Dim{Size: max(size, -1)}
	}
	return out
}

// Sizes returns the dimensions as numbers where all are fixed (and the rank is known).
func (v Value) Sizes() ([]int, bool) {
	if v.Shape == nil {
		return nil, false
	}
	out := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		if !d.Fixed() {
			return nil, false
		}
		out[i] = d.Size
	}
	return out, true
}

// Initializer is a named constant. Tensor is nil where the file holds what tensors cannot: strings, complex numbers, numbers of four
// bits, sparse arrays. Such a constant survives loading and saving untouched.
type Initializer struct {
	Name string
	*tensor.Tensor

	kept   *onnx.TensorProto
	sparse *onnx.SparseTensorProto
}

// Node is one operator call. An empty input name is an optional input left out.
type Node struct {
	Name       string
	Op         string // "Conv"
	Domain     string // "" is ONNX's own
	Inputs     []string
	Outputs    []string
	Attributes []Attribute

	kept *onnx.NodeProto
}

// String names the node in messages: its name and operator, or the value it makes where it has no name.
func (n *Node) String() string {
	op := n.Op
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	switch {
	case n.Name != "":
		return fmt.Sprintf("node %q (%s)", n.Name, op)
	case len(n.Outputs) > 0:
		return fmt.Sprintf("node that makes %q (%s)", n.Outputs[0], op)
	}
	return fmt.Sprintf("unnamed node (%s)", op)
}

// Attribute is a named constant of a node. Value is one of int64, float32, string, *tensor.Tensor, *Graph, []int64, []float32, []string,
// or nil for what else a file may hold, which survives loading and saving untouched.
type Attribute struct {
	Name  string
	Value any

	kept *onnx.AttributeProto
}

// Input returns the name of the i-th input, "" where it is left out.
func (n *Node) Input(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// Output returns the name of the i-th output, "" where it is left out.
func (n *Node) Output(i int) string {
	if i < len(n.Outputs) {
		return n.Outputs[i]
	}
	return ""
}

// Attribute returns the value of an attribute, nil where the node does not have it.
func (n *Node) Attribute(name string) any {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

// SetAttribute gives an attribute a value, adding it where the node does not have it.
func (n *Node) SetAttribute(name string, value any) {
	for i, a := range n.Attributes {
		if a.Name == name {
			n.Attributes[i] = Attribute{Name: name, Value: value}
			return
		}
	}
	n.Attributes = append(n.Attributes, Attribute{Name: name, Value: value})
}

// Int returns an integer attribute, or the default where the node has none of that name and type.
func (n *Node) Int(name string, otherwise int64) int64 {
	return attribute(n, name, otherwise)
}

// Float returns a float attribute, or the default where the node has none of that name and type.
func (n *Node) Float(name string, otherwise float32) float32 {
	return attribute(n, name, otherwise)
}

// Text returns a string attribute, or the default where the node has none of that name and type.
func (n *Node) Text(name, otherwise string) string {
	return attribute(n, name, otherwise)
}

// Ints returns a list of integers, nil where the node has none of that name. The caller does not change it.
func (n *Node) Ints(name string) []int64 {
	return attribute[[]int64](n, name, nil)
}

func attribute[T any](n *Node, name string, otherwise T) T {
	if v, ok := n.Attribute(name).(T); ok {
		return v
	}
	return otherwise
}
