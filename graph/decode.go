package graph

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/proto"

	"visus/internal/onnx"
)

// The opset versions of the ONNX domain that Load reads.
const (
	OldestOpset = 7
	NewestOpset = 24
)

const (
	maxDepth = 48                // subgraphs within subgraphs
	maxFile  = 2<<30 - 1         // bytes of one protobuf message; larger models keep their weights in external files
	maxWire  = 3*maxDepth*2 + 32 // nesting of protobuf messages: a subgraph is three levels below the graph around it
)

// Load reads an ONNX file, and the external files of its weights where it names some: they must lie in the model's own folder.
// Model-local functions are inlined, nodes sorted, and Check has passed. What is read keeps the opset it has (7 to 24).
// A malformed file is one error that names the file and, where there is one, the node.
func Load(path string) (*Graph, error) {
	data, err := readModel(path)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	g, err := decode(data, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("graph: %s: %w", path, err)
	}
	setPath(g, path)
	return g, nil
}

func readModel(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes; an ONNX file has at most 2 GiB, larger models keep their weights in external files", path, info.Size())
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// Decode reads an ONNX model from memory as Load does. External files are looked for in folder; where folder is empty, none may be named.
func Decode(data []byte, folder string) (*Graph, error) {
	g, err := decode(data, folder)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	return g, nil
}

func decode(data []byte, folder string) (*Graph, error) {
	model := &onnx.ModelProto{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxWire}).Unmarshal(data, model); err != nil {
		return nil, fmt.Errorf("not an ONNX model, damaged or incomplete: %w", err)
	}
	if model.Graph == nil {
		return nil, errors.New("not an ONNX model: it holds no graph")
	}
	opsets, err := decodeOpsets(model.OpsetImport)
	if err != nil {
		return nil, err
	}
	if err := inline(model, opsets, len(data)); err != nil {
		return nil, err
	}
	d := &decoder{files: externalFiles{folder: folder}}
	defer d.files.close()
	g, err := d.graph(model.Graph, 0)
	if err != nil {
		return nil, err
	}
	g.Producer, g.ProducerVersion, g.Opsets = model.GetProducerName(), model.GetProducerVersion(), opsets
	g.Metadata = map[string]string{}
	for _, p := range model.MetadataProps {
		g.Metadata[p.GetKey()] = p.GetValue()
	}
	model.Graph, model.Functions, model.MetadataProps, model.OpsetImport = nil, nil, nil, nil
	model.ProducerName, model.ProducerVersion = nil, nil
	if model.GetIrVersion() < 4 { // before 4 every initializer had to be listed as an input; ours are not
		model.IrVersion = proto.Int64(4)
	}
	g.model = model
	if err := g.Check(); err != nil {
		return nil, errors.Unwrap(err)
	}
	return g, nil
}

// setPath notes the file in the graph and its subgraphs.
func setPath(g *Graph, path string) {
	g.path = path
	for _, n := range g.Nodes {
		for _, sub := range n.subgraphs() {
			setPath(sub, path)
		}
	}
}

func decodeOpsets(imports []*onnx.OperatorSetIdProto) (map[string]int64, error) {
	opsets := map[string]int64{}
	for _, o := range imports {
		domain := plainDomain(o.GetDomain())
		if domain == "" && (o.GetVersion() < OldestOpset || o.GetVersion() > NewestOpset) {
			return nil, fmt.Errorf("opset %d is outside %d..%d", o.GetVersion(), OldestOpset, NewestOpset)
		}
		opsets[domain] = max(opsets[domain], o.GetVersion())
	}
	if len(opsets) == 0 {
		return nil, errors.New("not an ONNX model: it names no opset")
	}
	return opsets, nil
}

// plainDomain gives ONNX's own domain its short name.
func plainDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// decoder turns protobuf messages, which it owns and empties, into graphs.
type decoder struct {
	files externalFiles
}

func (d *decoder) graph(p *onnx.GraphProto, depth int) (*Graph, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("subgraphs are nested deeper than %d", maxDepth)
	}
	g := &Graph{Name: p.GetName()}
	constants := map[string]bool{}
	for _, t := range p.Initializer {
		init, err := d.initializer(t)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", t.GetName(), err)
		}
		g.Initializers = append(g.Initializers, init)
		constants[init.Name] = true
	}
	for _, s := range p.SparseInitializer {
		name := s.GetValues().GetName()
		g.Initializers = append(g.Initializers, Initializer{Name: name, sparse: s})
		constants[name] = true
	}
	for _, v := range p.Input {
		if !constants[v.GetName()] {
			g.Inputs = append(g.Inputs, decodeValue(v))
		}
	}
	g.Outputs, g.Known = decodeValues(p.Output), decodeValues(p.ValueInfo)
	g.Nodes = make([]*Node, len(p.Node))
	for i, n := range p.Node {
		var err error
		if g.Nodes[i], err = d.node(n, depth); err != nil {
			return nil, err
		}
	}
	p.Name, p.Initializer, p.SparseInitializer, p.Input, p.Output, p.ValueInfo, p.Node = nil, nil, nil, nil, nil, nil, nil
	if proto.Size(p) > 0 {
		g.kept = p
	}
	if err := g.unique(); err != nil {
		return nil, err
	}
	sorted, err := sortNodes(g.Nodes)
	g.Nodes = sorted
	return g, err
}

func (d *decoder) initializer(p *onnx.TensorProto) (Initializer, error) {
	init := Initializer{Name: p.GetName()}
	t, err := d.tensor(p)
	if err != nil {
		return init, err
	}
	init.Tensor, p.Name = t, nil
	if proto.Size(p) > 0 {
		init.kept = p
	}
	return init, nil
}

func (d *decoder) node(p *onnx.NodeProto, depth int) (*Node, error) {
	n := &Node{
		Name: p.GetName(), Op: p.GetOpType(), Domain: plainDomain(p.GetDomain()),
		Inputs: p.Input, Outputs: p.Output, Attributes: make([]Attribute, len(p.Attribute)),
	}
	for i, a := range p.Attribute {
		var err error
		if n.Attributes[i], err = d.attribute(a, depth); err != nil {
			return nil, fmt.Errorf("%s: attribute %q: %w", n, a.GetName(), err)
		}
		if err := checkAttribute(n, n.Attributes[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	p.Name, p.OpType, p.Domain, p.Input, p.Output, p.Attribute = nil, nil, nil, nil, nil, nil
	if proto.Size(p) > 0 {
		n.kept = p
	}
	return n, nil
}

func decodeValues(list []*onnx.ValueInfoProto) []Value {
	out := make([]Value, len(list))
	for i, p := range list {
		out[i] = decodeValue(p)
	}
	return out
}

// decodeValue keeps the message's type beside ours only where it says more: sequences, strings, denotations, unknown fields.
func decodeValue(p *onnx.ValueInfoProto) Value {
	v := Value{Name: p.GetName()}
	p.Name = nil
	if t := p.GetType().GetTensorType(); t != nil {
		v.Type, v.Shape = typeOf(t.GetElemType()), decodeShape(t.Shape)
		if proto.Equal(encodeType(v), p.Type) {
			p.Type = nil
		}
	}
	if proto.Size(p) > 0 {
		v.kept = p
	}
	return v
}

func decodeShape(p *onnx.TensorShapeProto) []Dim {
	if p == nil {
		return nil
	}
	shape := make([]Dim, len(p.Dim))
	for i, d := range p.Dim {
		shape[i] = Dim{Size: -1, Symbol: d.GetDimParam()}
		if v, ok := d.Value.(*onnx.TensorShapeProto_Dimension_DimValue); ok && v.DimValue >= 0 {
			shape[i].Size = int(v.DimValue)
		}
	}
	return shape
}

// names returns the subgraph's own definitions: inputs, constants and what its nodes make.
func (g *Graph) names() map[string]bool {
	own := map[string]bool{}
	for _, v := range g.Inputs {
		own[v.Name] = true
	}
	for _, c := range g.Initializers {
		own[c.Name] = true
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			own[o] = true
		}
	}
	delete(own, "")
	return own
}

// captures returns the names that the graph reads from around it, in order of first use.
func (g *Graph) captures() []string {
	own := g.names()
	var out []string
	see := func(name string) {
		if name != "" && !own[name] && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, n := range g.Nodes {
		n.Reads(see)
	}
	for _, v := range g.Outputs {
		see(v.Name)
	}
	return out
}

// Reads calls see with every name that the node reads: its inputs and what its subgraphs capture.
func (n *Node) Reads(see func(name string)) {
	for _, name := range n.Inputs {
		if name != "" {
			see(name)
		}
	}
	for _, sub := range n.subgraphs() {
		for _, name := range sub.captures() {
			see(name)
		}
	}
}

// subgraphs returns the graphs among the node's attributes.
func (n *Node) subgraphs() []*Graph {
	var out []*Graph
	for _, a := range n.Attributes {
		if g, ok := a.Value.(*Graph); ok {
			out = append(out, g)
		}
	}
	return out
}
