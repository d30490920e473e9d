package nn

import (
	"path/filepath"
	"slices"
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
	case len(nodes) == 6 && nodes[1].Op == "InstanceNormalization":
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

// TestGoldenLARS takes one step of LARS, and one of a moving average, from the given parameters, gradients and moments.
func TestGoldenLARS(t *testing.T) {
	compared := 0
	for _, path := range golden.Files(t, "humans/golden", "ssl*.json") {
		c := golden.JSON[struct {
			LARS struct {
				W, G, V  [][]float64
				Rate     float64 `json:"lr"`
				Momentum float64
				Decay    float64     `json:"weight_decay"`
				Trust    float64     `json:"eeta"`
				NextV    [][]float64 `json:"v_next"`
				NextW    [][]float64 `json:"w_next"`
			} `json:"lars_step"`
			EMA struct {
				Weight  float64     `json:"m"`
				P       [][]float64 `json:"p"`
				Average [][]float64 `json:"p_ema"`
				Next    [][]float64 `json:"p_ema_next"`
			} `json:"ema"`
		}](t, path)
		l := c.LARS
		m := stepped(t, LARS{Momentum: l.Momentum, Trust: l.Trust, WeightDecay: l.Decay}, StepOptions{}, l.W)
		if err := m.WriteState("w.momentum", matrix(t, l.V)); err != nil {
			t.Fatal(err)
		}
		m.run(tensors{"dw": matrix(t, l.G), Rate: floats(t, []float64{l.Rate})})
		near(t, "w", m.state("w"), flat(l.NextW), 1e-6)
		near(t, "v", m.state("w.momentum"), flat(l.NextV), 1e-6)

		a := c.EMA
		m = stepped(t, SGD{}, StepOptions{Average: a.Weight}, a.P)
		if err := m.WriteState("w.average", matrix(t, a.Average)); err != nil {
			t.Fatal(err)
		}
		m.run(tensors{"dw": matrix(t, a.P), Rate: floats(t, []float64{0})})
		near(t, "average", m.state("w.average"), flat(a.Next), 1e-6)
		compared += len(flat(l.NextW)) + len(flat(l.NextV)) + len(flat(a.Next))
	}
	t.Logf("compared %d numbers", compared)
}

// stepped compiles a step for one matrix "w" whose gradient is the input "dw".
func stepped(t *testing.T, o Optimiser, options StepOptions, w [][]float64) machine {
	t.Helper()
	b := graph.NewBuilder("one", Opset)
	initial := matrix(t, w)
	v := b.Initializer("w", initial)
	b.Input("dw", tensor.Float32, v.Shape...)
	b.Output("loss", b.Op("ReduceSum", []graph.Value{v}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	released, err := g.Release("w")
	if err != nil {
		t.Fatal(err)
	}
	s, err := update(g, "loss", []string{"w"}, released, map[string]string{"w": "dw"}, o, options)
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, s.Graph, s.State)
}

func flat(rows [][]float64) []float64 { return slices.Concat(rows...) }

func matrix(t *testing.T, rows [][]float64) *tensor.Tensor {
	t.Helper()
	return floats(t, flat(rows), len(rows), len(rows[0]))
}
