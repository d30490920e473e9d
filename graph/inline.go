package graph

import (
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"visus/internal/onnx"
)

// inliner replaces calls of model-local functions by their bodies. It works on the file's messages, where attributes may still refer
// to those of the function. Values of a body are named after the call: "layer1/gelu" and "half" make "layer1/gelu/half".
// A body runs at the model's opsets, as ONNX demands of functions whose own opsets differ only in operators they do not use.
type inliner struct {
	functions map[functionID]*onnx.FunctionProto
	names     map[string]bool // every value and node name of the model
	budget    int             // bytes that bodies may still take
}

type functionID struct{ domain, name, overload string }

func (id functionID) String() string {
	if id.domain == "" {
		return id.name
	}
	return id.domain + "." + id.name
}

// expansion bounds how much larger a model may become by inlining, so that doubling functions in a small file stay harmless.
const expansion = 100

// inline rewrites the model's graph and notes the opsets that only functions name. size is the file's.
func inline(model *onnx.ModelProto, opsets map[string]int64, size int) error {
	if len(model.Functions) == 0 {
		return nil
	}
	in := &inliner{functions: map[functionID]*onnx.FunctionProto{}, names: map[string]bool{}, budget: 16<<20 + expansion*size}
	for _, f := range model.Functions {
		in.functions[functionID{plainDomain(f.GetDomain()), f.GetName(), f.GetOverload()}] = f
		for _, o := range f.OpsetImport {
			if _, ok := opsets[plainDomain(o.GetDomain())]; !ok {
				opsets[plainDomain(o.GetDomain())] = o.GetVersion()
			}
		}
	}
	collectNames(model.Graph, in.names, 0)
	return in.graph(model.Graph, nil, 0)
}

// collectNames notes every name of a graph and its subgraphs; what is nested too deeply is refused later.
func collectNames(g *onnx.GraphProto, names map[string]bool, depth int) {
	if depth > maxDepth {
		return
	}
	for _, v := range g.Input {
		names[v.GetName()] = true
	}
	for _, t := range g.Initializer {
		names[t.GetName()] = true
	}
	for _, n := range g.Node {
		names[n.GetName()] = true
		for _, o := range n.Output {
			names[o] = true
		}
		for _, a := range n.Attribute {
			if a.G != nil {
				collectNames(a.G, names, depth+1)
			}
		}
	}
}

// fresh returns a name that the model does not have, made of the wish and a number where it is taken.
func fresh(names map[string]bool, wish string) string {
	name := wish
	for i := 2; names[name] || name == ""; i++ {
		name = wish + "_" + strconv.Itoa(i)
	}
	names[name] = true
	return name
}

func (in *inliner) graph(g *onnx.GraphProto, stack []functionID, depth int) error {
	nodes, err := in.nodes(g.Node, stack, depth)
	g.Node = nodes
	return err
}

func (in *inliner) nodes(list []*onnx.NodeProto, stack []functionID, depth int) ([]*onnx.NodeProto, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("subgraphs and functions are nested deeper than %d", maxDepth)
	}
	var out []*onnx.NodeProto
	for _, n := range list {
		for _, a := range n.Attribute {
			if a.G == nil {
				continue
			}
			if err := in.graph(a.G, stack, depth+1); err != nil {
				return nil, err
			}
		}
		id := functionID{plainDomain(n.GetDomain()), n.GetOpType(), n.GetOverload()}
		f, ok := in.functions[id]
		if !ok {
			out = append(out, n)
			continue
		}
		if slices.Contains(stack, id) {
			return nil, fmt.Errorf("node %q: function %s calls itself", n.GetName(), id)
		}
		body, err := in.expand(n, f, id)
		if err != nil {
			return nil, fmt.Errorf("node %q: function %s: %w", n.GetName(), id, err)
		}
		if body, err = in.nodes(body, append(slices.Clone(stack), id), depth+1); err != nil {
			return nil, err
		}
		out = append(out, body...)
	}
	return out, nil
}

// expand returns the function's body with the names and attributes of the call.
func (in *inliner) expand(call *onnx.NodeProto, f *onnx.FunctionProto, id functionID) ([]*onnx.NodeProto, error) {
	if len(call.Input) > len(f.Input) || len(call.Output) > len(f.Output) {
		return nil, fmt.Errorf("it has %d inputs and %d outputs, the call %d and %d", len(f.Input), len(f.Output), len(call.Input), len(call.Output))
	}
	if in.budget -= proto.Size(f) + 256*len(f.Node); in.budget < 0 { // 256: a node in memory
		return nil, fmt.Errorf("the functions make the model more than %d times as large", expansion)
	}
	prefix := call.GetName()
	if prefix == "" {
		prefix = fresh(in.names, id.name)
	}
	b := &binder{in: in, prefix: prefix, call: call, f: f, names: map[string]string{"": ""}}
	for i, name := range f.Input {
		b.names[name] = ""
		if i < len(call.Input) {
			b.names[name] = call.Input[i]
		}
	}
	var through []*onnx.NodeProto // outputs that are inputs, or stand twice, pass through an Identity
	for i, name := range call.Output {
		if name == "" {
			continue
		}
		if bound, taken := b.names[f.Output[i]]; taken {
			through = append(through, &onnx.NodeProto{
				Name: proto.String(fresh(in.names, prefix+"/"+f.Output[i])), OpType: proto.String("Identity"),
				Input: []string{bound}, Output: []string{name},
			})
			continue
		}
		b.names[f.Output[i]] = name
	}
	body := make([]*onnx.NodeProto, len(f.Node))
	for i, n := range f.Node {
		body[i] = proto.CloneOf(n)
	}
	if err := b.nodes(body); err != nil {
		return nil, err
	}
	return append(body, through...), nil
}

// binder renames a copy of a function's body for one call.
type binder struct {
	in     *inliner
	prefix string
	call   *onnx.NodeProto
	f      *onnx.FunctionProto
	names  map[string]string // the body's names -> the model's
}

func (b *binder) define(name string, names map[string]string) {
	if name != "" {
		names[name] = fresh(b.in.names, b.prefix+"/"+name)
	}
}

func (b *binder) nodes(list []*onnx.NodeProto) error {
	for _, n := range list {
		for _, o := range n.Output {
			if _, bound := b.names[o]; !bound {
				b.define(o, b.names)
			}
		}
	}
	return b.rename(list)
}

func (b *binder) rename(list []*onnx.NodeProto) error {
	for _, n := range list {
		for i, name := range n.Input {
			bound, ok := b.names[name]
			if !ok {
				return fmt.Errorf("node %q (%s): input %q is not defined", n.GetName(), n.GetOpType(), name)
			}
			n.Input[i] = bound
		}
		for i, name := range n.Output {
			n.Output[i] = b.names[name]
		}
		if n.GetName() != "" {
			n.Name = proto.String(fresh(b.in.names, b.prefix+"/"+n.GetName()))
		}
		n.Attribute = b.attributes(n.Attribute)
		for _, a := range n.Attribute {
			if a.G == nil {
				continue
			}
			if err := b.subgraph(a.G); err != nil {
				return fmt.Errorf("node %q (%s): %w", n.GetName(), n.GetOpType(), err)
			}
		}
	}
	return nil
}

// attributes puts the call's attribute, or the function's default, where one refers to the function's; without either the attribute is left out.
func (b *binder) attributes(list []*onnx.AttributeProto) []*onnx.AttributeProto {
	var out []*onnx.AttributeProto
	for _, a := range list {
		if ref := a.GetRefAttrName(); ref != "" {
			given := find(b.call.Attribute, ref)
			if given == nil {
				given = find(b.f.AttributeProto, ref)
			}
			if given == nil {
				continue
			}
			name := a.Name
			a = proto.CloneOf(given)
			a.Name = name
		}
		out = append(out, a)
	}
	return out
}

func find(list []*onnx.AttributeProto, name string) *onnx.AttributeProto {
	for _, a := range list {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

// subgraph renames a graph inside the body: its own names are new ones, all others are the body's.
func (b *binder) subgraph(g *onnx.GraphProto) error {
	inner := *b
	inner.names = make(map[string]string, len(b.names))
	for k, v := range b.names {
		inner.names[k] = v
	}
	for _, v := range g.Input {
		b.define(v.GetName(), inner.names)
		v.Name = proto.String(inner.names[v.GetName()])
	}
	for _, t := range g.Initializer {
		if _, also := inner.names[t.GetName()]; !also || b.names[t.GetName()] == inner.names[t.GetName()] {
			b.define(t.GetName(), inner.names)
		}
		t.Name = proto.String(inner.names[t.GetName()])
	}
	for _, n := range g.Node {
		for _, o := range n.Output {
			b.define(o, inner.names)
		}
	}
	for _, v := range g.Output {
		bound, ok := inner.names[v.GetName()]
		if !ok {
			return fmt.Errorf("output %q of its subgraph is not defined", v.GetName())
		}
		v.Name = proto.String(bound)
	}
	g.ValueInfo = nil // types of values by their old names
	return inner.rename(g.Node)
}
