package graph

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"visus/internal/onnx"
	"visus/tensor"
)

// attributeKinds names, for attributes that mean the same in every operator of ONNX, the type they must have.
var attributeKinds = map[string]string{
	"kernel_shape": "list of integers", "strides": "list of integers", "dilations": "list of integers", "pads": "list of integers",
	"output_padding": "list of integers", "output_shape": "list of integers", "perm": "list of integers", "axes": "list of integers",
	"group": "integer", "axis": "integer", "keepdims": "integer", "to": "integer", "transA": "integer", "transB": "integer",
	"ceil_mode": "integer", "count_include_pad": "integer", "epsilon": "number", "momentum": "number", "alpha": "number", "beta": "number",
	"auto_pad": "text", "mode": "text", "then_branch": "graph", "else_branch": "graph", "body": "graph",
}

func kindOf(v any) string {
	switch v.(type) {
	case int64:
		return "integer"
	case float32:
		return "number"
	case string:
		return "text"
	case *tensor.Tensor:
		return "tensor"
	case *Graph:
		return "graph"
	case []int64:
		return "list of integers"
	case []float32:
		return "list of numbers"
	case []string:
		return "list of texts"
	}
	return "value of another kind"
}

func checkAttribute(n *Node, a Attribute) error {
	want, ok := attributeKinds[a.Name]
	if n.Domain != "" || !ok || want == kindOf(a.Value) {
		return nil
	}
	return fmt.Errorf("attribute %q is a %s, expected a %s", a.Name, kindOf(a.Value), want)
}

// attribute reads what the attribute's type names; old files leave the type out, then the field that is set decides.
func (d *decoder) attribute(p *onnx.AttributeProto, depth int) (Attribute, error) {
	a := Attribute{Name: p.GetName()}
	if p.GetRefAttrName() != "" {
		return a, fmt.Errorf("it refers to attribute %q of a function, but stands in none", p.GetRefAttrName())
	}
	set := setFields(p)
	kind := p.GetType()
	if kind == onnx.AttributeProto_UNDEFINED && len(set) == 1 {
		kind = set[0]
	}
	if len(set) > 1 || len(set) == 1 && set[0] != kind {
		return a, fmt.Errorf("its type is %s but it holds %v", kind, set)
	}
	if err := d.attributeValue(&a, kind, p, depth); err != nil {
		return a, err
	}
	p.Name = nil
	if a.Value != nil {
		p.Type, p.F, p.I, p.S, p.G, p.Floats, p.Ints, p.Strings = nil, nil, nil, nil, nil, nil, nil, nil
		if p.T != nil && proto.Size(p.T) == 0 {
			p.T = nil
		}
	}
	if proto.Size(p) > 0 {
		a.kept = p
	}
	return a, nil
}

func (d *decoder) attributeValue(a *Attribute, kind onnx.AttributeProto_AttributeType, p *onnx.AttributeProto, depth int) error {
	switch kind {
	case onnx.AttributeProto_FLOAT:
		a.Value = p.GetF()
	case onnx.AttributeProto_INT:
		a.Value = p.GetI()
	case onnx.AttributeProto_STRING:
		a.Value = string(p.GetS())
	case onnx.AttributeProto_FLOATS:
		a.Value = p.Floats
	case onnx.AttributeProto_INTS:
		a.Value = p.Ints
	case onnx.AttributeProto_STRINGS:
		texts := make([]string, len(p.Strings))
		for i, s := range p.Strings {
			texts[i] = string(s)
		}
		a.Value = texts
	case onnx.AttributeProto_TENSOR:
		if p.T == nil {
			return errors.New("its type is TENSOR but it holds none")
		}
		t, err := d.tensor(p.T)
		if err != nil {
			return err
		}
		if t != nil {
			a.Value = t
		}
	case onnx.AttributeProto_GRAPH:
		if p.G == nil {
			return errors.New("its type is GRAPH but it holds none")
		}
		g, err := d.graph(p.G, depth+1)
		if err != nil {
			return err
		}
		a.Value = g
	}
	return nil
}

// setFields lists the value fields that the message holds.
func setFields(p *onnx.AttributeProto) []onnx.AttributeProto_AttributeType {
	var set []onnx.AttributeProto_AttributeType
	add := func(present bool, kind onnx.AttributeProto_AttributeType) {
		if present {
			set = append(set, kind)
		}
	}
	add(p.F != nil, onnx.AttributeProto_FLOAT)
	add(p.I != nil, onnx.AttributeProto_INT)
	add(p.S != nil, onnx.AttributeProto_STRING)
	add(p.T != nil, onnx.AttributeProto_TENSOR)
	add(p.G != nil, onnx.AttributeProto_GRAPH)
	add(len(p.Floats) > 0, onnx.AttributeProto_FLOATS)
	add(len(p.Ints) > 0, onnx.AttributeProto_INTS)
	add(len(p.Strings) > 0, onnx.AttributeProto_STRINGS)
	add(len(p.Tensors) > 0, onnx.AttributeProto_TENSORS)
	add(len(p.Graphs) > 0, onnx.AttributeProto_GRAPHS)
	add(p.SparseTensor != nil, onnx.AttributeProto_SPARSE_TENSOR)
	add(len(p.SparseTensors) > 0, onnx.AttributeProto_SPARSE_TENSORS)
	add(p.Tp != nil, onnx.AttributeProto_TYPE_PROTO)
	add(len(p.TypeProtos) > 0, onnx.AttributeProto_TYPE_PROTOS)
	return set
}
