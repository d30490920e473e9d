package grad

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/internal/golden"
	"visus/tensor"
)

// TestGoldenGraph holds outputs and gradients of every graph in the folder to what PyTorch computed: gradients with respect to all inputs, and
// to the parameters that the file names as PyTorch does.
func TestGoldenGraph(t *testing.T) {
	e := runtime(t)
	dir := golden.Dir(t, "graph")
	index := golden.JSON[golden.GraphCases](t, filepath.Join(dir, "index.json"))
	passed, all := map[string]int{}, map[string]int{}
	files, compared := 0, 0
	for _, c := range index.Cases {
		arrays := golden.Arrays(t, filepath.Join(dir, c.Name+".npz"))
		family, _, _ := strings.Cut(c.Name, "_")
		for _, exporter := range c.Exporters {
			all[family]++
			files++
			n, err := goldenCase(e, filepath.Join(dir, c.Name+"."+exporter+".onnx"), arrays, c.Output, c.Gradient)
			compared += n
			if err != nil {
				t.Errorf("%s.%s: %v", c.Name, exporter, err)
				continue
			}
			passed[family]++
		}
	}
	if compared == 0 {
		t.Fatal("no gradient was compared")
	}
	sum, words := 0, []string{}
	for _, family := range slices.Sorted(maps.Keys(all)) {
		sum += passed[family]
		words = append(words, fmt.Sprintf("%s %d/%d", family, passed[family], all[family]))
	}
	t.Logf("%d of %d files pass, %d gradients compared: %s", sum, files, compared, strings.Join(words, ", "))
}

// goldenCase returns how many gradients were compared.
func goldenCase(e engine.Engine, path string, arrays map[string]*tensor.Tensor, output, gradient float64) (int, error) {
	g, err := graph.Load(path)
	if err != nil {
		return 0, err
	}
	values := map[string]*tensor.Tensor{}
	want := map[string]*tensor.Tensor{} // by wrt
	var wrt, outputs, cotangents []string
	for i, v := range g.Inputs {
		values[v.Name] = arrays[fmt.Sprint("in", i)]
		if d := arrays[fmt.Sprint("grad_in", i)]; d != nil {
			wrt, want[v.Name] = append(wrt, v.Name), d
		}
	}
	for _, name := range parameters(g, arrays) {
		wrt, want[name] = append(wrt, name), parameterGradient(g, arrays, name)
	}
	for i, v := range g.Outputs {
		cot := arrays[fmt.Sprint("cot", i)]
		if cot == nil {
			continue // an output of integers
		}
		name := g.Fresh(fmt.Sprint("cot", i))
		outputs, cotangents, values[name] = append(outputs, v.Name), append(cotangents, name), cot
		g.Inputs = append(g.Inputs, graph.Value{Name: name, Type: cot.Type(), Shape: graph.Dims(cot.Shape()...)})
	}
	names, err := VJP(g, outputs, cotangents, wrt)
	if err != nil {
		return 0, err
	}
	facts, err := g.InferShapes()
	if err != nil {
		return 0, err
	}
	for _, name := range wrt {
		g.Outputs = append(g.Outputs, facts[names[name]])
	}
	p, err := compile(e, g)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	inputs := make([]*tensor.Tensor, len(p.Inputs()))
	for i, v := range p.Inputs() {
		inputs[i] = values[v.Name]
	}
	got := make([]*tensor.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), inputs, got); err != nil {
		return 0, err
	}
	first := len(got) - len(wrt)
	for i := range first {
		if err := golden.Near(got[i], arrays[fmt.Sprint("out", i)], output); err != nil {
			return 0, fmt.Errorf("output %d: %w", i, err)
		}
	}
	for i, name := range wrt {
		if err := golden.Near(got[first+i], want[name], gradient); err != nil {
			return i, fmt.Errorf("gradient of %q: %w", name, err)
		}
	}
	return len(wrt), nil
}

// parameters lists the parameters of the PyTorch module that the file holds as they were.
func parameters(g *graph.Graph, arrays map[string]*tensor.Tensor) []string {
	var names []string
	for key := range arrays {
		name, ok := strings.CutPrefix(key, "grad_param/")
		if ok && g.Constant(name) != nil && !folded(g, arrays, name) && parameterGradient(g, arrays, name) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// folded says whether an exporter merged the convolution that a parameter belongs to with a batch normalisation, so that it is another number
// with another gradient: none comes behind it, but the module has scales for as many channels that the file lacks.
func folded(g *graph.Graph, arrays map[string]*tensor.Tensor, name string) bool {
	module, _, _ := cutLast(name)
	weight := arrays["grad_param/"+module+".weight"]
	if weight == nil || len(weight.Shape()) < 3 {
		return false
	}
	for _, n := range g.Nodes {
		if conv := g.Producing(n.Input(0)); n.Op == "BatchNormalization" && conv != nil && conv.Input(1) == module+".weight" {
			return false
		}
	}
	for key, d := range arrays {
		other, ok := strings.CutPrefix(key, "grad_param/")
		if ok && strings.HasSuffix(other, ".weight") && g.Constant(other) == nil && slices.Equal(d.Shape(), weight.Shape()[:1]) {
			return true
		}
	}
	return false
}

// parameterGradient returns what the gradient of a parameter has to be. Exporters keep one of several equal parameters (the ones and zeros
// of fresh normalisations), and its gradient is then the sum of theirs: those of its shape that the file lacks. nil where it is not clear
// which these are.
func parameterGradient(g *graph.Graph, arrays map[string]*tensor.Tensor, name string) *tensor.Tensor {
	readers := 0
	for _, n := range g.Nodes {
		n.Reads(func(v string) {
			if v == name {
				readers++
			}
		})
	}
	own := arrays["grad_param/"+name]
	if readers < 2 || len(own.Shape()) > 1 { // what fresh modules have equal ones of are vectors
		return own
	}
	_, kind, _ := cutLast(name)
	sum, merged := own, 1
	for key, d := range arrays {
		other, ok := strings.CutPrefix(key, "grad_param/")
		if _, k, _ := cutLast(other); !ok || g.Constant(other) != nil || k != kind || !slices.Equal(d.Shape(), own.Shape()) {
			continue
		}
		sum, merged = plus(sum, d), merged+1
	}
	switch {
	case merged == 1:
		return own // a module that uses one parameter twice
	case merged == readers:
		return sum
	}
	return nil
}

// cutLast cuts "layer.0.weight" before "weight".
func cutLast(name string) (before, after string, found bool) {
	at := strings.LastIndexByte(name, '.')
	return name[:max(at, 0)], name[at+1:], at >= 0
}

func plus(a, b *tensor.Tensor) *tensor.Tensor {
	out := tensor.New(tensor.Float32, a.Shape()...)
	x, y := a.Floats(), b.Floats()
	for i := range x {
		tensor.Values[float32](out)[i] = float32(x[i] + y[i])
	}
	return out
}
