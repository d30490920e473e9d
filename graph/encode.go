package graph

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"visus/internal/onnx"
	"visus/tensor"
)

// irVersion is what graphs that were not read from a file are written as: opset 21 belongs to IR version 10.
const irVersion = 10

// SaveOptions says how Save writes.
type SaveOptions struct {
	// External is the size in bytes from which initializers go to one file beside the model, named as it with ".data" behind.
	// 0 means: only where the model would be larger than protobuf's 2 GB, and then those of 1 kB and more.
	External int
}

// Save writes the graph as an ONNX file of the opsets it has; nothing is converted. The file appears whole or not at all; an external file is in place before
// the model that names it. It reports an error where the graph is illegal (Check) or a file cannot be written.
func (g *Graph) Save(path string, o SaveOptions) error {
	threshold := o.External
	if threshold == 0 && g.bytes() > maxFile-1<<20 {
		threshold = 1 << 10
	}
	w := &encoder{threshold: threshold, location: filepath.Base(path) + ".data"}
	model, err := w.model(g)
	if err != nil {
		return fmt.Errorf("graph: %s: %w", path, err)
	}
	if len(w.external) > 0 {
		if err := writeFile(filepath.Join(filepath.Dir(path), w.location), w.writeExternal); err != nil {
			return fmt.Errorf("graph: %w", err)
		}
	}
	err = writeFile(path, func(f io.Writer) error {
		_, err := f.Write(model)
		return err
	})
	if err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	return nil
}

// Encode returns the graph as the bytes of an ONNX file. It reports an error where the graph is illegal or larger than 2 GB: save that.
func (g *Graph) Encode() ([]byte, error) {
	data, err := new(encoder).model(g)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	return data, nil
}

// bytes adds up the initializers of the graph and its subgraphs.
func (g *Graph) bytes() int {
	total := 0
	for _, c := range g.Initializers {
		if c.Tensor != nil {
			total += len(c.Bytes())
		}
	}
	for _, n := range g.Nodes {
		for _, sub := range n.subgraphs() {
			total += sub.bytes()
		}
	}
	return total
}

// writeFile writes to a temporary name and renames.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left of a failed write; after the rename the name is gone
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// encoder turns graphs into protobuf messages; with a threshold it sets large initializers aside for an external file.
type encoder struct {
	threshold int // 0: none
	location  string
	external  []*tensor.Tensor
	offset    int
}

// alignment of tensors in the external file: pages, so that readers may map it.
const alignment = 4096

func (w *encoder) writeExternal(f io.Writer) error {
	at := 0
	for _, t := range w.external {
		if gap := (alignment - at%alignment) % alignment; gap > 0 {
			if _, err := f.Write(make([]byte, gap)); err != nil {
				return err
			}
			at += gap
		}
		if _, err := f.Write(t.Bytes()); err != nil {
			return err
		}
		at += len(t.Bytes())
	}
	return nil
}

func (w *encoder) model(g *Graph) ([]byte, error) {
	if err := g.check(nil, g.Opsets); err != nil {
		return nil, err
	}
	if w.threshold == 0 && g.bytes() > maxFile {
		return nil, fmt.Errorf("%d bytes of constants are more than one ONNX file can hold; save them externally", g.bytes())
	}
	p := &onnx.ModelProto{IrVersion: proto.Int64(irVersion)}
	if g.model != nil {
		p = proto.CloneOf(g.model)
	}
	p.ProducerName, p.ProducerVersion = text(g.Producer), text(g.ProducerVersion)
	for _, domain := range slices.Sorted(maps.Keys(g.Opsets)) {
		p.OpsetImport = append(p.OpsetImport, &onnx.OperatorSetIdProto{Domain: &domain, Version: proto.Int64(g.Opsets[domain])})
	}
	for _, key := range slices.Sorted(maps.Keys(g.Metadata)) {
		p.MetadataProps = append(p.MetadataProps, &onnx.StringStringEntryProto{Key: &key, Value: proto.String(g.Metadata[key])})
	}
	p.Graph = w.graph(g)
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%d bytes are more than one ONNX file can hold", len(data))
	}
	return data, nil
}

// text leaves a field out where there is nothing to say.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (w *encoder) graph(g *Graph) *onnx.GraphProto {
	p := &onnx.GraphProto{}
	if g.kept != nil {
		p = proto.CloneOf(g.kept)
	}
	p.Name = &g.Name
	for _, c := range g.Initializers {
		if c.sparse != nil && c.Tensor == nil {
			s := proto.CloneOf(c.sparse)
			s.Values.Name = proto.String(c.Name)
			p.SparseInitializer = append(p.SparseInitializer, s)
			continue
		}
		t := w.tensor(c.Tensor, c.kept, true)
		t.Name = proto.String(c.Name)
		p.Initializer = append(p.Initializer, t)
	}
	p.Input, p.Output, p.ValueInfo = encodeValues(g.Inputs), encodeValues(g.Outputs), encodeValues(g.Known)
	for _, n := range g.Nodes {
		p.Node = append(p.Node, w.node(n))
	}
	return p
}

func (w *encoder) node(n *Node) *onnx.NodeProto {
	p := &onnx.NodeProto{}
	if n.kept != nil {
		p = proto.CloneOf(n.kept)
	}
	p.Name, p.OpType, p.Domain, p.Input, p.Output = text(n.Name), text(n.Op), text(n.Domain), n.Inputs, n.Outputs
	for _, a := range n.Attributes {
		p.Attribute = append(p.Attribute, w.attribute(a))
	}
	return p
}

func (w *encoder) attribute(a Attribute) *onnx.AttributeProto {
	p := &onnx.AttributeProto{}
	if a.kept != nil {
		p = proto.CloneOf(a.kept)
	}
	p.Name = proto.String(a.Name)
	shell := p.T
	if a.Value != nil { // it may have been changed to one of another kind
		p.T, p.Tensors, p.Graphs, p.SparseTensor, p.SparseTensors, p.Tp, p.TypeProtos = nil, nil, nil, nil, nil, nil, nil
	}
	kind := onnx.AttributeProto_UNDEFINED
	switch v := a.Value.(type) {
	case int64:
		kind, p.I = onnx.AttributeProto_INT, &v
	case float32:
		kind, p.F = onnx.AttributeProto_FLOAT, &v
	case string:
		kind, p.S = onnx.AttributeProto_STRING, []byte(v)
	case *tensor.Tensor:
		kind, p.T = onnx.AttributeProto_TENSOR, w.tensor(v, shell, false)
	case *Graph:
		kind, p.G = onnx.AttributeProto_GRAPH, w.graph(v)
	case []int64:
		kind, p.Ints = onnx.AttributeProto_INTS, v
	case []float32:
		kind, p.Floats = onnx.AttributeProto_FLOATS, v
	case []string:
		kind = onnx.AttributeProto_STRINGS
		for _, s := range v {
			p.Strings = append(p.Strings, []byte(s))
		}
	default:
		return p // only kept
	}
	p.Type = &kind
	return p
}

// tensor writes the values raw, or sets them aside where they are large and may be.
func (w *encoder) tensor(t *tensor.Tensor, kept *onnx.TensorProto, mayMove bool) *onnx.TensorProto {
	p := &onnx.TensorProto{}
	if kept != nil {
		p = proto.CloneOf(kept)
	}
	if t == nil {
		return p
	}
	p.DataType, p.Dims, p.Segment = proto.Int32(int32(kinds[t.Type()])), nil, nil
	p.StringData, p.FloatData, p.Int32Data, p.Int64Data, p.DoubleData, p.Uint64Data = nil, nil, nil, nil, nil, nil
	for _, d := range t.Shape() {
		p.Dims = append(p.Dims, int64(d))
	}
	if !mayMove || w.threshold == 0 || len(t.Bytes()) < w.threshold {
		p.RawData = t.Bytes()
		if p.RawData == nil {
			p.RawData = []byte{} // an empty array has its bytes too: none
		}
		return p
	}
	w.offset += (alignment - w.offset%alignment) % alignment
	entry := func(key, value string) {
		p.ExternalData = append(p.ExternalData, &onnx.StringStringEntryProto{Key: &key, Value: &value})
	}
	entry("location", w.location)
	entry("offset", strconv.Itoa(w.offset))
	entry("length", strconv.Itoa(len(t.Bytes())))
	p.DataLocation = onnx.TensorProto_EXTERNAL.Enum()
	w.external = append(w.external, t)
	w.offset += len(t.Bytes())
	return p
}

func encodeValues(list []Value) []*onnx.ValueInfoProto {
	var out []*onnx.ValueInfoProto
	for _, v := range list {
		p := &onnx.ValueInfoProto{}
		if v.kept != nil {
			p = proto.CloneOf(v.kept)
		}
		p.Name = proto.String(v.Name)
		if v.Type != tensor.Invalid {
			t := encodeType(v)
			keepDenotations(t, p.Type)
			p.Type = t
		}
		out = append(out, p)
	}
	return out
}

func encodeType(v Value) *onnx.TypeProto {
	t := &onnx.TypeProto_Tensor{ElemType: proto.Int32(int32(kinds[v.Type]))}
	if v.Shape != nil {
		t.Shape = &onnx.TensorShapeProto{}
		for _, d := range v.Shape {
			dim := &onnx.TensorShapeProto_Dimension{}
			if d.Fixed() {
				dim.Value = &onnx.TensorShapeProto_Dimension_DimValue{DimValue: int64(d.Size)}
			} else if d.Symbol != "" {
				dim.Value = &onnx.TensorShapeProto_Dimension_DimParam{DimParam: d.Symbol}
			}
			t.Shape.Dim = append(t.Shape.Dim, dim)
		}
	}
	return &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{TensorType: t}}
}

// keepDenotations carries over what the file's type says beyond element type and dimensions.
func keepDenotations(t, kept *onnx.TypeProto) {
	if kept == nil {
		return
	}
	t.Denotation = kept.Denotation
	dims, old := t.GetTensorType().GetShape().GetDim(), kept.GetTensorType().GetShape().GetDim()
	for i := range min(len(dims), len(old)) {
		dims[i].Denotation = old[i].Denotation
	}
}
