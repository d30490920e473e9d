package graph

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"visus/internal/golden"
	"visus/internal/onnx"
	"visus/tensor"
)

// models walks the golden folder for ONNX files.
func models(t testing.TB) []string {
	var out []string
	err := filepath.WalkDir(golden.Dir(t, "."), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".onnx") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no ONNX file below the golden folder")
	}
	return out
}

// TestGoldenLoadSave: every file loads and is legal; what is saved says the same as the file did, and loads as the same graph again,
// with its weights inside or in an external file.
func TestGoldenLoadSave(t *testing.T) {
	compared, literally := 0, 0
	for _, path := range models(t) {
		g, err := Load(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if sameAsFile(t, path, g) {
			literally++
		}
		for _, o := range []SaveOptions{{}, {External: 100}} {
			again := filepath.Join(t.TempDir(), "model.onnx")
			if err := g.Save(again, o); err != nil {
				t.Errorf("%v", err)
				continue
			}
			second, err := Load(again)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			same(t, path, g, second)
		}
		compared++
	}
	t.Logf("compared %d cases, %d of them field by field with the file", compared, literally)
}

// same compares two graphs by what they would be written as.
func same(t *testing.T, name string, a, b *Graph) {
	t.Helper()
	x, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(x) != string(y) {
		t.Errorf("%s: loading what was saved gives another graph", name)
	}
}

// sameAsFile compares the messages themselves, with this package's decoder on one side only, where nothing was inlined or moved.
func sameAsFile(t *testing.T, path string, g *Graph) bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want, got onnx.ModelProto
	if err := proto.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Functions) > 0 || strings.Contains(string(data), "external") {
		return false
	}
	if data, err = g.Encode(); err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	plain(&want)
	plain(&got)
	if !proto.Equal(&want, &got) {
		t.Errorf("%s: what is written says something else: %s", path, difference(want.ProtoReflect(), got.ProtoReflect()))
	}
	return true
}

// plain removes the freedoms of the format: the layout of tensors, the order of properties, absence against emptiness.
func plain(m *onnx.ModelProto) {
	byKey := func(a, b *onnx.StringStringEntryProto) int { return strings.Compare(a.GetKey(), b.GetKey()) }
	slices.SortFunc(m.MetadataProps, byKey)
	slices.SortFunc(m.OpsetImport, func(a, b *onnx.OperatorSetIdProto) int { return strings.Compare(a.GetDomain(), b.GetDomain()) })
	plainMessage(m.ProtoReflect())
}

func plainMessage(m protoreflect.Message) {
	if p, ok := m.Interface().(*onnx.TensorProto); ok {
		plainTensor(p)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.MessageKind && f.IsList():
			for i := range v.List().Len() {
				plainMessage(v.List().Get(i).Message())
			}
		case f.Kind() == protoreflect.MessageKind:
			plainMessage(v.Message())
		case f.Kind() == protoreflect.StringKind && !f.IsList() && v.String() == "" && f.ContainingOneof() == nil:
			m.Clear(f)
		}
		return true
	})
}

func plainTensor(p *onnx.TensorProto) {
	raw := p.RawData
	for _, v := range p.FloatData {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	for _, v := range p.Int64Data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	for _, v := range p.Int32Data {
		wide := binary.LittleEndian.AppendUint32(nil, uint32(v))
		raw = append(raw, wide[:typeOf(p.GetDataType()).Size()]...)
	}
	p.FloatData, p.Int64Data, p.Int32Data = nil, nil, nil
	p.RawData = append([]byte{}, raw...)
}

// difference finds the first field in which two messages differ.
func difference(a, b protoreflect.Message) string {
	out := ""
	a.Descriptor().Fields()
	for i := range a.Descriptor().Fields().Len() {
		f := a.Descriptor().Fields().Get(i)
		x, y := a.Get(f), b.Get(f)
		switch {
		case x.Equal(y) && a.Has(f) == b.Has(f):
		case f.IsList() && f.Kind() == protoreflect.MessageKind && x.List().Len() == y.List().Len():
			for k := range x.List().Len() {
				if d := difference(x.List().Get(k).Message(), y.List().Get(k).Message()); d != "" {
					return fmt.Sprintf("%s[%d].%s", f.Name(), k, d)
				}
			}
		case f.Kind() == protoreflect.MessageKind && !f.IsList():
			return fmt.Sprintf("%s.%s", f.Name(), difference(x.Message(), y.Message()))
		default:
			return fmt.Sprintf("%s: %.200v, expected %.200v", f.Name(), y, x)
		}
	}
	return out
}

// TestPreserved: what is not computed survives loading and saving.
func TestPreserved(t *testing.T) {
	m := message()
	m.DocString, m.Domain, m.ModelVersion = proto.String("a model"), proto.String("org.example"), proto.Int64(3)
	m.ProducerName, m.ProducerVersion = proto.String("exporter"), proto.String("2.1")
	m.MetadataProps = entries("author", "someone", "zip", "1")
	m.TrainingInfo = []*onnx.TrainingInfoProto{{UpdateBinding: entries("w", "v")}}
	g := m.Graph
	g.DocString, g.MetadataProps = proto.String("a graph"), entries("k", "v")
	g.QuantizationAnnotation = []*onnx.TensorAnnotation{{TensorName: proto.String("s"), QuantParameterTensorNames: entries("SCALE_TENSOR", "w")}}
	g.ValueInfo = []*onnx.ValueInfoProto{{Name: proto.String("s"), DocString: proto.String("inner"), Type: encodeType(Value{Type: tensor.Float32, Shape: Dims(-1, 2)})}}
	g.Input[0].Type.Denotation = proto.String("IMAGE")
	g.Input[0].Type.GetTensorType().Shape.Dim[0].Denotation = proto.String("DATA_BATCH")
	g.Input = append(g.Input, &onnx.ValueInfoProto{Name: proto.String("list"), Type: &onnx.TypeProto{Value: &onnx.TypeProto_OptionalType{
		OptionalType: &onnx.TypeProto_Optional{ElemType: &onnx.TypeProto{Value: &onnx.TypeProto_SequenceType{
			SequenceType: &onnx.TypeProto_Sequence{ElemType: encodeType(Value{Type: tensor.Int64})}}}}}}})
	opaque := func(name string, kind onnx.TensorProto_DataType, p *onnx.TensorProto) {
		p.Name, p.DataType, p.Dims = &name, proto.Int32(int32(kind)), []int64{2}
		g.Initializer = append(g.Initializer, p)
	}
	opaque("texts", onnx.TensorProto_STRING, &onnx.TensorProto{StringData: [][]byte{[]byte("a"), {0xff}}})
	opaque("complex", onnx.TensorProto_COMPLEX64, &onnx.TensorProto{FloatData: []float32{1, 2, 3, 4}})
	opaque("four bits", onnx.TensorProto_INT4, &onnx.TensorProto{RawData: []byte{0x21}})
	opaque("eight bits", onnx.TensorProto_FLOAT8E4M3FN, &onnx.TensorProto{Int32Data: []int32{1, 2}})
	g.SparseInitializer = []*onnx.SparseTensorProto{{
		Values:  &onnx.TensorProto{Name: proto.String("sparse"), DataType: proto.Int32(1), Dims: []int64{1}, FloatData: []float32{5}},
		Indices: &onnx.TensorProto{DataType: proto.Int32(7), Dims: []int64{1}, Int64Data: []int64{3}}, Dims: []int64{10},
	}}
	act := g.Node[1]
	act.OpType, act.Domain, act.DocString, act.Overload = proto.String("Strange"), proto.String("my.domain"), proto.String("a node"), proto.String("o")
	act.MetadataProps = entries("pkg.torch.onnx.name_scopes", "['']")
	m.OpsetImport = append(m.OpsetImport, &onnx.OperatorSetIdProto{Domain: proto.String("my.domain"), Version: proto.Int64(1)})
	attribute := func(name string, kind onnx.AttributeProto_AttributeType, a *onnx.AttributeProto) {
		a.Name, a.Type = &name, &kind
		act.Attribute = append(act.Attribute, a)
	}
	attribute("types", onnx.AttributeProto_TYPE_PROTOS, &onnx.AttributeProto{TypeProtos: []*onnx.TypeProto{g.Input[1].Type}})
	attribute("tensors", onnx.AttributeProto_TENSORS, &onnx.AttributeProto{Tensors: []*onnx.TensorProto{g.Initializer[0]}})
	attribute("texts", onnx.AttributeProto_STRINGS, &onnx.AttributeProto{Strings: [][]byte{[]byte("x"), []byte("y")}, DocString: proto.String("doc")})
	attribute("none", onnx.AttributeProto_INTS, &onnx.AttributeProto{})
	attribute("zero", onnx.AttributeProto_INT, &onnx.AttributeProto{I: proto.Int64(0)})
	attribute("array", onnx.AttributeProto_TENSOR, &onnx.AttributeProto{T: &onnx.TensorProto{
		Name: proto.String("named"), DataType: proto.Int32(10), Dims: []int64{2}, Int32Data: []int32{0x3c00, 0xc000}}})
	future := []byte{0xfa, 0x3f, 2, 'h', 'i'} // field 1023, a text that no version has yet
	for _, p := range []proto.Message{m, g, act, act.Attribute[4], g.Initializer[0], g.Input[0]} {
		p.ProtoReflect().SetUnknown(future)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, encoded(t, m), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !sameAsFile(t, path, first) {
		t.Fatal("not compared")
	}
	if v := first.Node("act").Attribute("array").(*tensor.Tensor).Floats(); !slices.Equal(v, []float64{1, -2}) {
		t.Errorf("float16 in int32_data is %v", v)
	}
	if first.Metadata["author"] != "someone" || first.Producer != "exporter" || first.ProducerVersion != "2.1" {
		t.Errorf("%+v", first)
	}
	same(t, "a copy", first, first.Clone())
}

// TestTypedData reads every element type from the field that the format names for it, and writes it raw.
func TestTypedData(t *testing.T) {
	cases := []struct {
		kind tensor.Type
		data *onnx.TensorProto
		want []float64
	}{
		{tensor.Float32, &onnx.TensorProto{FloatData: []float32{1.5, -2}}, []float64{1.5, -2}},
		{tensor.Float64, &onnx.TensorProto{DoubleData: []float64{1e300, -2}}, []float64{1e300, -2}},
		{tensor.Float16, &onnx.TensorProto{Int32Data: []int32{0x3c00, 0xc000}}, []float64{1, -2}},
		{tensor.BFloat16, &onnx.TensorProto{Int32Data: []int32{0x3f80, 0xc000}}, []float64{1, -2}},
		{tensor.Int8, &onnx.TensorProto{Int32Data: []int32{127, -128}}, []float64{127, -128}},
		{tensor.Int16, &onnx.TensorProto{Int32Data: []int32{32767, -32768}}, []float64{32767, -32768}},
		{tensor.Int32, &onnx.TensorProto{Int32Data: []int32{1, -2}}, []float64{1, -2}},
		{tensor.Int64, &onnx.TensorProto{Int64Data: []int64{1, -2}}, []float64{1, -2}},
		{tensor.Uint8, &onnx.TensorProto{Int32Data: []int32{0, 255}}, []float64{0, 255}},
		{tensor.Uint16, &onnx.TensorProto{Int32Data: []int32{0, 65535}}, []float64{0, 65535}},
		{tensor.Uint32, &onnx.TensorProto{Uint64Data: []uint64{0, 1<<32 - 1}}, []float64{0, 1<<32 - 1}},
		{tensor.Uint64, &onnx.TensorProto{Uint64Data: []uint64{0, 1 << 53}}, []float64{0, 1 << 53}},
		{tensor.Bool, &onnx.TensorProto{Int32Data: []int32{0, 1}}, []float64{0, 1}},
		{tensor.Bool, &onnx.TensorProto{RawData: []byte{0, 7}}, []float64{0, 1}},
	}
	for _, c := range cases {
		m := message()
		c.data.Name, c.data.DataType, c.data.Dims = proto.String("w"), proto.Int32(int32(TypeNumber(c.kind))), []int64{2}
		m.Graph.Initializer[0] = c.data
		g, err := Decode(encoded(t, m), "")
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		w := g.Constant("w")
		if got := w.Floats(); w.Type() != c.kind || !slices.Equal(got, c.want) {
			t.Errorf("%s: read as %s %v, expected %v", c.kind, w.Type(), got, c.want)
		}
		data, err := g.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(data, "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, c.kind.String(), g, again)
	}
}

// TestOrder: nodes in a wrong order are sorted; those in a right one stay as they are.
func TestOrder(t *testing.T) {
	m := message()
	slices.Reverse(m.Graph.Node)
	g, err := Decode(encoded(t, m), "")
	if err != nil {
		t.Fatal(err)
	}
	if g.Nodes[0].Name != "sum" || g.Nodes[1].Name != "act" {
		t.Errorf("the order is %v", g.Nodes)
	}
}

// TestOldInputs: files of IR version 3 list initializers among the inputs; ours do not, and say IR version 4.
func TestOldInputs(t *testing.T) {
	m := message()
	m.IrVersion = proto.Int64(3)
	m.Graph.Input = append(m.Graph.Input, &onnx.ValueInfoProto{Name: proto.String("w"), Type: encodeType(Value{Type: tensor.Float32, Shape: Dims(2)})})
	g, err := Decode(encoded(t, m), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Inputs) != 1 || g.model.GetIrVersion() != 4 {
		t.Errorf("inputs %v, IR version %d", g.Inputs, g.model.GetIrVersion())
	}
}

// TestSaveLeavesNothing: a save that fails leaves the old file and no other.
func TestSaveLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model.onnx")
	g, err := Decode(encoded(t, message()), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	g.Nodes[0].Inputs[1] = "nowhere"
	if err := g.Save(path, SaveOptions{}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an illegal graph: %v", err)
	}
	if err := g.Save(filepath.Join(folder, "absent", "model.onnx"), SaveOptions{}); err == nil {
		t.Error("a folder that is not there: no error")
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are left (%v), expected the first one", len(files), err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
}

// TestMemory: a weight is copied once out of the file's bytes, not more, and not at all from an external file.
func TestMemory(t *testing.T) {
	const size = 32 << 20
	b := NewBuilder("large", 17)
	b.Output("y", b.Add(b.Input("x", tensor.Float32, Dim{Size: 1}), b.Initializer("w", tensor.New(tensor.Float32, size/4))))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for most, o := range map[uint64]SaveOptions{2*size + size/2: {}, size + size/2: {External: 1 << 10}} {
		path := filepath.Join(t.TempDir(), "model.onnx")
		if err := g.Save(path, o); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Load(path); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%+v: loading %d bytes allocates %d", o, size, got)
		}
	}
}
