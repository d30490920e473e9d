package graph

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"visus/internal/onnx"
)

// functionModel calls a function that calls another one, with an attribute by reference, a default, an If that captures, an output that
// is an input, and names that the model has already.
func functionModel() *onnx.ModelProto {
	m := message()
	node := func(name, op, domain string, in, out []string, attributes ...*onnx.AttributeProto) *onnx.NodeProto {
		return &onnx.NodeProto{Name: &name, OpType: &op, Domain: &domain, Input: in, Output: out, Attribute: attributes}
	}
	float := func(name string, v float32) *onnx.AttributeProto {
		return &onnx.AttributeProto{Name: &name, Type: onnx.AttributeProto_FLOAT.Enum(), F: &v}
	}
	ref := func(name, to string) *onnx.AttributeProto {
		return &onnx.AttributeProto{Name: &name, Type: onnx.AttributeProto_FLOAT.Enum(), RefAttrName: &to}
	}
	branch := func(op string) *onnx.GraphProto {
		return &onnx.GraphProto{
			Node:   []*onnx.NodeProto{node("in", op, "", []string{"m"}, []string{"z"}, ref("alpha", "slope"))},
			Output: []*onnx.ValueInfoProto{{Name: proto.String("z")}},
		}
	}
	choose := node("choose", "If", "", []string{"flag"}, []string{"b"},
		&onnx.AttributeProto{Name: proto.String("then_branch"), Type: onnx.AttributeProto_GRAPH.Enum(), G: branch("LeakyRelu")},
		&onnx.AttributeProto{Name: proto.String("else_branch"), Type: onnx.AttributeProto_GRAPH.Enum(), G: branch("Elu")})
	flag := node("flag", "Constant", "", nil, []string{"flag"}, &onnx.AttributeProto{Name: proto.String("value"), Type: onnx.AttributeProto_TENSOR.Enum(),
		T: &onnx.TensorProto{DataType: proto.Int32(9), Int32Data: []int32{1}}})
	m.Functions = []*onnx.FunctionProto{
		{
			Name: proto.String("Outer"), Domain: proto.String("local"), Input: []string{"a", "unused"}, Output: []string{"b", "a"},
			Attribute: []string{"slope"}, AttributeProto: []*onnx.AttributeProto{float("power", 3)},
			OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(17)}, {Domain: proto.String("local"), Version: proto.Int64(1)}},
			Node: []*onnx.NodeProto{
				node("twice", "Inner", "local", []string{"a"}, []string{"m"}, ref("alpha", "power")),
				flag, choose,
			},
		},
		{
			Name: proto.String("Inner"), Domain: proto.String("local"), Input: []string{"a"}, Output: []string{"b"}, Attribute: []string{"alpha", "beta"},
			Node: []*onnx.NodeProto{
				node("scale", "ThresholdedRelu", "", []string{"a"}, []string{"s"}, ref("alpha", "alpha")),
				node("more", "HardSigmoid", "", []string{"s"}, []string{"b"}, ref("beta", "beta")),
			},
		},
	}
	m.Graph.Node = []*onnx.NodeProto{
		m.Graph.Node[0],
		node("act", "Outer", "local", []string{"s"}, []string{"y", "same"}, float("slope", 0.5)),
		node("", "Outer", "local", []string{"s", "x"}, []string{"act/m"}, float("slope", 0.25)),
	}
	m.Graph.Output = append(m.Graph.Output, &onnx.ValueInfoProto{Name: proto.String("same")}, &onnx.ValueInfoProto{Name: proto.String("act/m")})
	return m
}

func TestInline(t *testing.T) {
	g, err := Decode(encoded(t, functionModel()), "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Name+" "+n.Op+" "+strings.Join(n.Inputs, ",")+" > "+strings.Join(n.Outputs, ","))
	}
	want := []string{
		"sum Add x,w > s",
		"act/twice/scale ThresholdedRelu s > act/twice/s",
		"act/twice/more HardSigmoid act/twice/s > act/m_2",
		"act/flag_2 Constant  > act/flag",
		"act/choose If act/flag > y",
		"act/a Identity s > same",
		"Outer/twice/scale ThresholdedRelu s > Outer/twice/s",
		"Outer/twice/more HardSigmoid Outer/twice/s > Outer/m",
		"Outer/flag_2 Constant  > Outer/flag",
		"Outer/choose If Outer/flag > act/m",
	}
	if !slices.Equal(names, want) {
		t.Errorf("nodes are\n%s\nexpected\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if got := g.Nodes[1].Float("alpha", 0); got != 3 {
		t.Errorf("the default of the function gives %v, expected 3", got)
	}
	if got := g.Nodes[2].Attribute("beta"); got != nil {
		t.Errorf("an attribute that the call lacks is %v, expected none", got)
	}
	branch, _ := g.Node("act/choose").Attribute("then_branch").(*Graph)
	if branch == nil || branch.Nodes[0].Float("alpha", 0) != 0.5 || branch.Nodes[0].Inputs[0] != "act/m_2" {
		t.Errorf("the branch is %+v", branch)
	}
	if err := g.FoldConstants(); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Op == "If" || n.Op == "Elu" }) {
		t.Errorf("an If with a constant condition is left: %v", g.Nodes)
	}
}
