package nn

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/graph"
	"visus/internal/golden"
	"visus/tensor"
)

// TestGoldenLayers writes every golden module that consists of one layer with a Net, gives it the module's parameters, and compares.
func TestGoldenLayers(t *testing.T) {
	dir := golden.Dir(t, "graph")
	index := golden.JSON[struct {
		Cases []struct {
			Name      string
			Tolerance float64 `json:"tolerance_output"`
		}
	}](t, filepath.Join(dir, "index.json"))
	compared := map[string]int{}
	for _, c := range index.Cases {
		g, err := graph.Load(filepath.Join(dir, c.Name+".script.onnx"))
		if err != nil {
			continue // not every module has this exporter's file
		}
		n := New(c.Name, Options{})
		inputs := make([]graph.Value, len(g.Inputs))
		for i, v := range g.Inputs {
			inputs[i] = n.Input(v.Name, v.Type, v.Shape...)
		}
		y, parameters, kind := layer(n, g, inputs)
		if kind == "" {
			continue
		}
		network := finished(t, n, y)
		if err := Assign(network.Graph, parameters); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		arrays := golden.Arrays(t, filepath.Join(dir, c.Name+".npz"))
		got := compile(t, network.Graph, nil).run(arrays)
		near(t, c.Name, got["y"].Floats(), arrays["out0"].Floats(), c.Tolerance)
		compared[kind]++
	}
	if len(compared) == 0 {
		t.Error("no case was compared")
	}
	t.Logf("compared %v", compared)
}

// layer writes the module's layer, where it is one that Net has, and returns the module's parameters under the layer's names.
func layer(n *Net, g *graph.Graph, in []graph.Value) (y graph.Value, parameters map[string]*tensor.Tensor, kind string) {
	var nodes []*graph.Node
	for _, node := range g.Nodes {
		if node.Op != "Constant" {
			nodes = append(nodes, node)
		}
	}
	first := nodes[0]
	parameters = map[string]*tensor.Tensor{}
	for i, name := range []string{"", "l.weight", "l.bias"} {
		if c := g.Constant(first.Input(i)); c != nil && i > 0 {
			parameters[name] = c.Tensor
		}
	}
	switch {
	case len(nodes) == 1 && (first.Op == "Conv" || first.Op == "ConvTranspose"):
		o, same := window(first)
		if !same {
			return y, nil, "" // asymmetric: Net has none
		}
		o.NoBias = first.Input(2) == ""
		if weight := parameters["l.weight"].Shape(); first.Op == "Conv" {
			y = n.Conv("l", in[0], weight[0], o)
		} else {
			y = n.ConvTranspose("l", in[0], weight[1]*max(o.Group, 1), o)
		}
	case len(nodes) == 1 && first.Op == "Gemm":
		y = n.Linear("l", in[0], parameters["l.weight"].Shape()[0], Linear{})
	case len(nodes) == 1 && first.Op == "InstanceNormalization":
		y = n.InstanceNorm("l", in[0])
	case strings.HasPrefix(g.Name, "groupnorm") || len(nodes) == 6 && nodes[1].Op == "InstanceNormalization":
		groups, _ := g.InferShapes()
		return n.GroupNorm("l", in[0], groups[nodes[1].Output(0)].Shape[1].Size), map[string]*tensor.Tensor{}, "GroupNorm"
	case slices.ContainsFunc(g.Initializers, func(c graph.Initializer) bool { return c.Name == "c.weight_ih" }):
		return unrolled(n, g, in)
	default:
		return y, nil, ""
	}
	return y, parameters, first.Op
}

// unrolled is a GRU cell over the steps of the first input, from the state of the second, and a linear layer on the last state.
func unrolled(n *Net, g *graph.Graph, in []graph.Value) (graph.Value, map[string]*tensor.Tensor, string) {
	parameters := map[string]*tensor.Tensor{}
	for _, c := range g.Initializers {
		parameters[c.Name] = c.Tensor
	}
	h, cell := in[1], n
	for step := range in[0].Shape[1].Size {
		x := n.Op("Gather", []graph.Value{in[0], n.Scalar(tensor.Int64, float64(step))}, graph.Attribute{Name: "axis", Value: int64(1)})
		h = cell.GRUCell("c", x, h)
		cell = n.Again()
	}
	return n.Linear("o", h, parameters["o.bias"].Len(), Linear{}), parameters, "GRUCell"
}

// window reads a convolution's attributes, and says whether they are alike on every axis.
func window(node *graph.Node) (Conv, bool) {
	same := true
	one := func(name string, standard int64) int {
		list := node.Ints(name)
		if len(list) == 0 {
			return int(standard)
		}
		same = same && slices.Max(list) == slices.Min(list)
		return int(list[0])
	}
	o := Conv{
		Kernel: one("kernel_shape", 0), Stride: one("strides", 1), Pad: one("pads", 0), Dilation: one("dilations", 1),
		OutputPad: one("output_padding", 0), Group: int(node.Int("group", 1)),
	}
	return o, same
}
