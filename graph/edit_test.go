package graph

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/tensor"
)

// chain is x -> a (Relu) -> b (Add w) -> c (Dropout) -> y (Neg), and a second output b.
func chain(t testing.TB) *Graph {
	t.Helper()
	w, err := tensor.Of([]float32{1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	g := &Graph{
		Opsets: map[string]int64{"": 17}, Inputs: []Value{{Name: "x", Type: tensor.Float32, Shape: []Dim{{Size: -1, Symbol: "batch"}, {Size: 2}}}},
		Outputs: []Value{{Name: "y", Type: tensor.Float32}, {Name: "b", Type: tensor.Float32}}, Initializers: []Initializer{{Name: "w", Tensor: w}},
		Nodes: []*Node{
			{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}},
			{Name: "add", Op: "Add", Inputs: []string{"a", "w"}, Outputs: []string{"b"}},
			{Name: "drop", Op: "Dropout", Inputs: []string{"b"}, Outputs: []string{"c"}},
			{Name: "neg", Op: "Neg", Inputs: []string{"c"}, Outputs: []string{"y"}},
		},
	}
	legal(t, g)
	return g
}

func legal(t testing.TB, g *Graph) {
	t.Helper()
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
}

// written lists the nodes as "Op in,in > out".
func written(g *Graph) []string {
	var out []string
	for _, n := range g.Nodes {
		out = append(out, n.Op+" "+strings.Join(n.Inputs, ",")+" > "+strings.Join(n.Outputs, ","))
	}
	return out
}

func expect(t *testing.T, g *Graph, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	legal(t, g)
	if got := written(g); !slices.Equal(got, want) {
		t.Errorf("the graph is\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func refused(t *testing.T, g *Graph, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; expected it to say %q", err, want)
	}
	if got, before := written(g), written(chain(t)); !slices.Equal(got, before) {
		t.Errorf("a refused edit changed the graph: %v", got)
	}
}

func TestRename(t *testing.T) {
	g := chain(t)
	expect(t, g, g.Rename("b", "sum"), "Relu x > a", "Add a,w > sum", "Dropout sum > c", "Neg c > y")
	if g.Outputs[1].Name != "sum" {
		t.Errorf("the output is %q", g.Outputs[1].Name)
	}
	g = chain(t)
	expect(t, g, g.Rename("w", "weight"), "Relu x > a", "Add a,weight > b", "Dropout b > c", "Neg c > y")
	g = chain(t)
	refused(t, g, g.Rename("b", "w"), `"w" is taken`)
	refused(t, g, g.Rename("q", "p"), `no value "q"`)
}

func TestRemove(t *testing.T) {
	g := chain(t)
	expect(t, g, g.Remove(g.Node("drop")), "Relu x > a", "Add a,w > b", "Neg b > y")
	expect(t, g, g.Remove(g.Node("relu")), "Add x,w > b", "Neg b > y")
	g = chain(t)
	expect(t, g, g.Remove(g.Node("neg")), "Relu x > a", "Add a,w > b", "Dropout b > y")
	g = chain(t)
	g.Outputs = g.Outputs[:1]
	expect(t, g, g.Remove(g.Node("add")), "Relu x > a", "Dropout a > c", "Neg c > y")
	g = chain(t)
	refused(t, g, g.Remove(&Node{Name: "stranger", Op: "Neg"}), "not a node of this graph")
}

func TestReplace(t *testing.T) {
	g := chain(t)
	err := g.Replace(g.Node("relu"), &Node{Op: "Abs", Inputs: []string{"x"}, Outputs: []string{"m"}}, &Node{Op: "Exp", Inputs: []string{"m"}, Outputs: []string{"a"}})
	expect(t, g, err, "Abs x > m", "Exp m > a", "Add a,w > b", "Dropout b > c", "Neg c > y")
	g = chain(t)
	refused(t, g, g.Replace(g.Node("relu")), `"a", is not defined`)
}

func TestInsertAfter(t *testing.T) {
	g := chain(t)
	name, err := g.InsertAfter("a", &Node{Op: "Exp", Inputs: []string{"a"}, Outputs: []string{"e"}}, &Node{Op: "Mul", Inputs: []string{"e", "a"}, Outputs: []string{"m"}})
	expect(t, g, err, "Relu x > a", "Exp a > e", "Mul e,a > m", "Add m,w > b", "Dropout b > c", "Neg c > y")
	if name != "a" {
		t.Errorf("the value is now %q", name)
	}
	g = chain(t)
	name, err = g.InsertAfter("b", &Node{Op: "Exp", Inputs: []string{"b"}, Outputs: []string{"e"}})
	expect(t, g, err, "Relu x > a", "Add a,w > b/before", "Exp b/before > b", "Dropout b > c", "Neg c > y")
	if name != "b/before" {
		t.Errorf("the value is now %q", name)
	}
	g = chain(t)
	_, err = g.InsertAfter("x", &Node{Op: "Exp", Inputs: []string{"x"}, Outputs: []string{"e"}})
	expect(t, g, err, "Exp x > e", "Relu e > a", "Add a,w > b", "Dropout b > c", "Neg c > y")
	g = chain(t)
	_, err = g.InsertAfter("a", &Node{Op: "Mul", Inputs: []string{"a", "y"}, Outputs: []string{"e"}})
	refused(t, g, err, "cycle")
	_, err = g.InsertAfter("nothing", &Node{Op: "Exp", Inputs: []string{"a"}, Outputs: []string{"e"}})
	refused(t, g, err, `no value "nothing"`)
}

func TestExtract(t *testing.T) {
	g := chain(t)
	part, err := g.Extract([]string{"a"}, []string{"c"})
	expect(t, part, err, "Add a,w > b", "Dropout b > c")
	if in := part.Inputs[0]; in.Type != tensor.Float32 || len(in.Shape) != 2 || in.Shape[0].Symbol != "batch" || in.Shape[1].Size != 2 {
		t.Errorf("the input is %+v", in)
	}
	part, err = g.Extract([]string{"x"}, []string{"a"})
	expect(t, part, err, "Relu x > a")
	if len(part.Initializers) != 0 {
		t.Errorf("%d constants are left", len(part.Initializers))
	}
	_, err = g.Extract([]string{"c"}, []string{"a"})
	refused(t, g, err, `also need "x"`)
	_, err = g.Extract([]string{"x"}, []string{"nothing"})
	refused(t, g, err, `no value "nothing"`)
}

func TestSplice(t *testing.T) {
	g := chain(t)
	outputs, err := g.Splice(chain(t), "second/", map[string]string{"x": "y"})
	expect(t, g, err, "Relu x > a", "Add a,w > b", "Dropout b > c", "Neg c > y",
		"Relu y > second/a", "Add second/a,second/w > second/b", "Dropout second/b > second/c", "Neg second/c > second/y")
	if outputs["y"] != "second/y" || len(g.Inputs) != 1 || len(g.Outputs) != 2 {
		t.Errorf("outputs %v, inputs %v", outputs, g.Inputs)
	}
	g = chain(t)
	_, err = g.Splice(chain(t), "", nil)
	refused(t, g, err, "defined twice")
	other := chain(t)
	other.Opsets[""] = 18
	_, err = g.Splice(other, "p", nil)
	refused(t, g, err, "opset 17 here and 18 there")
	_, err = g.Splice(chain(t), "p", map[string]string{"z": "y"})
	refused(t, g, err, `no input "z"`)
}

// TestEditsKeepGraphsLegal does random edits to random graphs.
func TestEditsKeepGraphsLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder("random", 17)
		values := []Value{b.Input("x", tensor.Float32, Dims(2, 3)...), b.Input("y", tensor.Float32, Dims(2, 3)...)}
		pick := func(label string) Value { return values[rapid.IntRange(0, len(values)-1).Draw(t, label)] }
		for range rapid.IntRange(1, 12).Draw(t, "nodes") {
			op := rapid.SampledFrom([]string{"Relu", "Add", "Mul", "Neg"}).Draw(t, "op")
			inputs := []Value{pick("input")}
			if op == "Add" || op == "Mul" {
				inputs = append(inputs, pick("input"))
			}
			values = append(values, b.Op(op, inputs))
		}
		b.Output("out", values[len(values)-1])
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			names := []string{g.Inputs[0].Name, g.Inputs[1].Name}
			for _, n := range g.Nodes {
				names = append(names, n.Outputs...)
			}
			name := rapid.SampledFrom(names).Draw(t, "value")
			switch rapid.IntRange(0, 3).Draw(t, "edit") {
			case 0:
				if err := g.Rename(name, g.Fresh(name+"'")); err != nil {
					t.Fatal(err)
				}
			case 1:
				if _, err := g.InsertAfter(name, &Node{Op: "Exp", Inputs: []string{name}, Outputs: []string{g.Fresh("e")}}); err != nil {
					t.Fatal(err)
				}
			case 2:
				if n := g.Producing(name); n != nil {
					before := len(g.Nodes)
					if err := g.Remove(n); err == nil && len(g.Nodes) != before-1 {
						t.Fatalf("%d nodes after removing one of %d", len(g.Nodes), before)
					}
				}
			case 3:
				part, err := g.Extract([]string{g.Inputs[0].Name, g.Inputs[1].Name}, []string{name})
				if err != nil {
					t.Fatal(err)
				}
				if err := part.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if err := g.Check(); err != nil {
				t.Fatal(err)
			}
			if shapes, err := g.InferShapes(); err != nil || len(shapes[g.Outputs[0].Name].Shape) != 2 {
				t.Fatalf("the output is now %v (%v)", shapes[g.Outputs[0].Name], err)
			}
		}
	})
}
