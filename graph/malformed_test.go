package graph

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"visus/internal/onnx"
)

// message is a small legal model: y = relu(x + w), with a name for everything.
func message() *onnx.ModelProto {
	value := func(name string) *onnx.ValueInfoProto {
		return &onnx.ValueInfoProto{Name: &name, Type: encodeType(Value{Type: 1, Shape: Dims(-1, 2)})}
	}
	return &onnx.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnx.GraphProto{
			Name: proto.String("small"), Input: []*onnx.ValueInfoProto{value("x")}, Output: []*onnx.ValueInfoProto{value("y")},
			Initializer: []*onnx.TensorProto{{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1, -2}}},
			Node: []*onnx.NodeProto{
				{Name: proto.String("sum"), OpType: proto.String("Add"), Input: []string{"x", "w"}, Output: []string{"s"}},
				{Name: proto.String("act"), OpType: proto.String("Relu"), Input: []string{"s"}, Output: []string{"y"}},
			},
		},
	}
}

func encoded(t testing.TB, m *onnx.ModelProto) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// nested returns a graph of If nodes within If nodes.
func nested(depth int) *onnx.GraphProto {
	g := &onnx.GraphProto{Node: []*onnx.NodeProto{{Name: proto.String("deep"), OpType: proto.String("Neg"), Input: []string{"x"}, Output: []string{"z"}}}}
	for range depth {
		attribute := &onnx.AttributeProto{Name: proto.String("then_branch"), Type: onnx.AttributeProto_GRAPH.Enum(), G: g}
		g = &onnx.GraphProto{Node: []*onnx.NodeProto{{Name: proto.String("if"), OpType: proto.String("If"), Input: []string{"x"},
			Output: []string{"z"}, Attribute: []*onnx.AttributeProto{attribute}}}}
	}
	return g
}

func entries(pairs ...string) []*onnx.StringStringEntryProto {
	var out []*onnx.StringStringEntryProto
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &onnx.StringStringEntryProto{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return out
}

func TestMalformed(t *testing.T) {
	function := func(name string, nodes ...*onnx.NodeProto) *onnx.FunctionProto {
		return &onnx.FunctionProto{Name: &name, Domain: proto.String("local"), Input: []string{"a"}, Output: []string{"b"}, Node: nodes}
	}
	calls := func(to string) *onnx.NodeProto {
		return &onnx.NodeProto{Name: proto.String("call"), OpType: &to, Domain: proto.String("local"), Input: []string{"a"}, Output: []string{"b"}}
	}
	external := func(m *onnx.ModelProto, pairs ...string) {
		w := m.Graph.Initializer[0]
		w.FloatData, w.DataLocation, w.ExternalData = nil, onnx.TensorProto_EXTERNAL.Enum(), entries(pairs...)
	}
	cases := map[string]struct {
		spoil func(m *onnx.ModelProto)
		want  []string // in the message
	}{
		"no graph":          {func(m *onnx.ModelProto) { m.Graph = nil }, []string{"no graph"}},
		"no opset":          {func(m *onnx.ModelProto) { m.OpsetImport = nil }, []string{"no opset"}},
		"old opset":         {func(m *onnx.ModelProto) { m.OpsetImport[0].Version = proto.Int64(6) }, []string{"opset 6", "7..24"}},
		"cycle":             {func(m *onnx.ModelProto) { m.Graph.Node[0].Input[1] = "y" }, []string{"cycle", "Relu", "act"}},
		"self-cycle":        {func(m *onnx.ModelProto) { m.Graph.Node[0].Input[1] = "s" }, []string{"cycle", "sum"}},
		"missing input":     {func(m *onnx.ModelProto) { m.Graph.Node[0].Input[1] = "nowhere" }, []string{`"sum"`, `"nowhere"`, "not defined"}},
		"missing output":    {func(m *onnx.ModelProto) { m.Graph.Output[0].Name = proto.String("q") }, []string{`output "q"`}},
		"defined twice":     {func(m *onnx.ModelProto) { m.Graph.Node[1].Output[0] = "s" }, []string{`"act"`, `"s" is defined twice`}},
		"defined twice, 2":  {func(m *onnx.ModelProto) { m.Graph.Node[1].Output[0] = "w" }, []string{`"act"`, `"w" is defined twice`}},
		"no operator":       {func(m *onnx.ModelProto) { m.Graph.Node[1].OpType = nil }, []string{`"act"`, "no operator"}},
		"unknown domain":    {func(m *onnx.ModelProto) { m.Graph.Node[1].Domain = proto.String("my") }, []string{`"act"`, `"my"`}},
		"nameless constant": {func(m *onnx.ModelProto) { m.Graph.Initializer[0].Name = nil; m.Graph.Node[0].Input[1] = "x" }, []string{"without a name"}},
		"attribute of a wrong type": {func(m *onnx.ModelProto) {
			m.Graph.Node[1].OpType = proto.String("MaxPool")
			m.Graph.Node[1].Attribute = []*onnx.AttributeProto{{Name: proto.String("strides"), Type: onnx.AttributeProto_FLOAT.Enum(), F: proto.Float32(1)}}
		}, []string{`"act"`, `"strides"`, "number", "list of integers"}},
		"attribute with another value": {func(m *onnx.ModelProto) {
			m.Graph.Node[1].Attribute = []*onnx.AttributeProto{{Name: proto.String("a"), Type: onnx.AttributeProto_INTS.Enum(), F: proto.Float32(1)}}
		}, []string{`"act"`, `"a"`, "INTS", "FLOAT"}},
		"reference outside of a function": {func(m *onnx.ModelProto) {
			m.Graph.Node[1].Attribute = []*onnx.AttributeProto{{Name: proto.String("a"), RefAttrName: proto.String("b")}}
		}, []string{`"act"`, "function"}},
		"tensor attribute without a tensor": {func(m *onnx.ModelProto) {
			m.Graph.Node[1].Attribute = []*onnx.AttributeProto{{Name: proto.String("value"), Type: onnx.AttributeProto_TENSOR.Enum()}}
		}, []string{`"act"`, "TENSOR"}},
		"too few elements":    {func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims[0] = 3 }, []string{`"w"`, "3", "found 2"}},
		"too many bytes":      {func(m *onnx.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 12) }, []string{`"w"`, "found 12 bytes"}},
		"odd bytes":           {func(m *onnx.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 9) }, []string{`"w"`, "found 9 bytes"}},
		"2 GB claimed":        {func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims[0] = 1 << 29 }, []string{`"w"`, "536870912"}},
		"dimensions overflow": {func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40, 1 << 40} }, []string{`"w"`, "too many elements"}},
		"negative dimension":  {func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims[0] = -2 }, []string{`"w"`, "not a size"}},
		"unknown type":        {func(m *onnx.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(99) }, []string{`"w"`, "99"}},
		"number out of range": {func(m *onnx.ModelProto) {
			w := m.Graph.Initializer[0]
			w.DataType, w.FloatData, w.Int32Data = proto.Int32(2), nil, []int32{1, 256}
		}, []string{`"w"`, "256", "uint8"}},
		"texts missing":          {func(m *onnx.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(8) }, []string{`"w"`, "texts"}},
		"external file absent":   {func(m *onnx.ModelProto) { external(m, "location", "gone") }, []string{`"w"`, "gone"}},
		"external file above":    {func(m *onnx.ModelProto) { external(m, "location", "../weights") }, []string{`"w"`, "leaves the model's folder"}},
		"external file absolute": {func(m *onnx.ModelProto) { external(m, "location", "/etc/hostname") }, []string{`"w"`, "leaves the model's folder"}},
		"external link":          {func(m *onnx.ModelProto) { external(m, "location", "link") }, []string{`"w"`, "link"}},
		"external folder":        {func(m *onnx.ModelProto) { external(m, "location", "folder") }, []string{`"w"`, "not a file"}},
		"external too short":     {func(m *onnx.ModelProto) { external(m, "location", "weights", "length", "8", "offset", "4") }, []string{`"w"`, "has 8 bytes"}},
		"external other length":  {func(m *onnx.ModelProto) { external(m, "location", "weights", "length", "4") }, []string{`"w"`, "claims 4 bytes"}},
		"external odd offset":    {func(m *onnx.ModelProto) { external(m, "location", "weights", "offset", "-4") }, []string{`"w"`, "-4"}},
		"external no number":     {func(m *onnx.ModelProto) { external(m, "location", "weights", "offset", "x") }, []string{`"w"`, "offset", "x"}},
		"subgraphs too deep":     {func(m *onnx.ModelProto) { m.Graph = nested(60) }, []string{"deep"}},
		"subgraphs far too deep": {func(m *onnx.ModelProto) { m.Graph = nested(3000) }, []string{"recursion"}},
		"function calls itself": {func(m *onnx.ModelProto) {
			m.Graph.Node[1] = &onnx.NodeProto{Name: proto.String("act"), OpType: proto.String("F"), Domain: proto.String("local"), Input: []string{"s"}, Output: []string{"y"}}
			m.Functions = []*onnx.FunctionProto{function("F", calls("G")), function("G", calls("F"))}
		}, []string{"calls itself", "local.F"}},
		"function reads what is not there": {func(m *onnx.ModelProto) {
			m.Graph.Node[1] = &onnx.NodeProto{Name: proto.String("act"), OpType: proto.String("F"), Domain: proto.String("local"), Input: []string{"s"}, Output: []string{"y"}}
			m.Functions = []*onnx.FunctionProto{function("F", &onnx.NodeProto{Name: proto.String("in"), OpType: proto.String("Neg"), Input: []string{"s"}, Output: []string{"b"}})}
		}, []string{`"act"`, `"in"`, `"s"`}},
		"function with too many inputs": {func(m *onnx.ModelProto) {
			m.Graph.Node[1] = &onnx.NodeProto{Name: proto.String("act"), OpType: proto.String("F"), Domain: proto.String("local"), Input: []string{"s", "x"}, Output: []string{"y"}}
			m.Functions = []*onnx.FunctionProto{function("F")}
		}, []string{`"act"`, "1 inputs", "the call 2"}},
		"functions that double": {func(m *onnx.ModelProto) {
			m.Graph.Node[1] = &onnx.NodeProto{Name: proto.String("act"), OpType: proto.String("F0"), Domain: proto.String("local"), Input: []string{"s"}, Output: []string{"y"}}
			for i := range 40 {
				a, b := calls("F"+string(rune('0'+i+1))), calls("F"+string(rune('0'+i+1)))
				a.Output[0], b.Input[0] = "m", "m"
				m.Functions = append(m.Functions, function("F"+string(rune('0'+i)), a, b))
			}
		}, []string{"times as large"}},
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "weights"), make([]byte, 8), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "model.onnx")
	for name, c := range cases {
		m := message()
		c.spoil(m)
		if err := os.WriteFile(path, encoded(t, m), 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Load(path)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range append(c.want, "model.onnx") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; expected it to say %q", name, err, want)
			}
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 128<<20 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
	t.Logf("compared %d cases", len(cases))
}

func TestTruncated(t *testing.T) {
	whole := encoded(t, message())
	if _, err := Decode(whole, ""); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 1 {
		g, err := Decode(whole[:n], "")
		if err == nil && g.Check() != nil {
			t.Errorf("%d of %d bytes: an illegal graph", n, len(whole))
		}
	}
	if _, err := Decode(nil, ""); err == nil || !strings.Contains(err.Error(), "not an ONNX model") {
		t.Errorf("no bytes: %v", err)
	}
	if _, err := Decode(bytes.Repeat([]byte{0xff}, 100), ""); err == nil || !strings.Contains(err.Error(), "not an ONNX model") {
		t.Errorf("noise: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
}

// seedFiles lists golden graphs where they are there; fuzzing goes without them too.
func seedFiles(f *testing.F, pattern string) []string {
	root := cmp.Or(os.Getenv("VISUS_GOLDEN"), "../../shared/data")
	files, err := filepath.Glob(filepath.Join(root, "graph", pattern))
	if err != nil {
		f.Fatal(err)
	}
	return files
}

// FuzzDecode: no input makes the loader panic, and what it accepts can be written, read again, described and folded.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, message()))
	f.Add(encoded(f, functionModel()))
	for _, path := range seedFiles(f, "s_*.onnx") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(exercise)
}

// exercise does all that can be done with bytes: nothing may panic, and what is accepted comes through writing and folding.
func exercise(t *testing.T, data []byte) {
	g, err := Decode(data, "")
	if err != nil {
		return
	}
	out, err := g.Encode()
	if err != nil {
		t.Fatalf("cannot be written: %v", err)
	}
	again, err := Decode(out, "")
	if err != nil {
		t.Fatalf("cannot be read again: %v", err)
	}
	if second, err := again.Encode(); err != nil || !bytes.Equal(out, second) {
		t.Fatalf("reading and writing changes it (%v)", err)
	}
	if _, err := g.Describe(); err != nil {
		return
	}
	freed := g.Clone()
	if err := freed.FreeBatch("n"); err == nil {
		if err := freed.Check(); err != nil {
			t.Fatalf("freed: %v", err)
		}
	}
	for _, v := range g.Outputs {
		if part, err := g.Extract(nil, []string{v.Name}); err == nil && part.Check() != nil {
			t.Fatalf("extracted: %v", part.Check())
		}
	}
	if err := g.FoldConstants(); err == nil {
		if err := g.Check(); err != nil {
			t.Fatalf("folded: %v", err)
		}
	}
}

// FuzzMutated changes legal models field by field, which reaches deeper than changing their bytes.
func FuzzMutated(f *testing.F) {
	seeds := []*onnx.ModelProto{message(), functionModel()}
	for _, path := range seedFiles(f, "*.script.onnx") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		m := &onnx.ModelProto{}
		if err := proto.Unmarshal(data, m); err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, m)
	}
	for i := range uint64(300) {
		f.Add(i)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		m := proto.CloneOf(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(3) {
			mutate(m.ProtoReflect(), random)
		}
		exercise(t, encoded(t, m))
	})
}

// mutate changes one field somewhere in the message.
func mutate(m protoreflect.Message, random *rand.Rand) {
	var fields []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		fields = append(fields, f)
		return true
	})
	if len(fields) == 0 {
		return
	}
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	f := fields[random.IntN(len(fields))]
	number := []int64{-1 << 63, -7, -1, 0, 1, 2, 3, 7, 11, 1000, 1 << 31, 1<<63 - 1}[random.IntN(12)]
	scalar := func(old protoreflect.Value) protoreflect.Value {
		switch f.Kind() {
		case protoreflect.Int64Kind:
			return protoreflect.ValueOfInt64(number)
		case protoreflect.Int32Kind:
			return protoreflect.ValueOfInt32(int32(number))
		case protoreflect.StringKind:
			return protoreflect.ValueOfString([]string{"", "x", "s", "axes", "Reshape", "Slice", "Conv", "Gather", "Identity", "Resize", "value"}[random.IntN(11)])
		case protoreflect.BytesKind:
			return protoreflect.ValueOfBytes(old.Bytes()[:random.IntN(len(old.Bytes())+1)])
		}
		return old
	}
	switch {
	case f.IsList():
		list := m.Mutable(f).List()
		i := random.IntN(list.Len())
		switch {
		case random.IntN(5) == 0:
			list.Truncate(i)
		case f.Kind() == protoreflect.MessageKind && random.IntN(10) > 0:
			mutate(list.Get(i).Message(), random)
		case f.Kind() == protoreflect.MessageKind:
			list.Append(list.Get(i))
		default:
			list.Set(i, scalar(list.Get(i)))
		}
	case random.IntN(20) == 0:
		m.Clear(f)
	case f.Kind() == protoreflect.MessageKind:
		mutate(m.Mutable(f).Message(), random)
	default:
		m.Set(f, scalar(m.Get(f)))
	}
}
