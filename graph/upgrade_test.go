package graph_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/ort"
	"visus/graph"
	"visus/tensor"
)

// old is one operator in the form that an old opset has for it; x is [2,3,4,4].
type old struct {
	op         string
	opset      int64
	outputs    int
	inputs     [][]float64 // further ones, vectors of float32
	attributes []graph.Attribute
}

func attribute(name string, value any) graph.Attribute {
	return graph.Attribute{Name: name, Value: value}
}

var olds = []old{
	{op: "BatchNormalization", opset: 8, inputs: [][]float64{{1, 2, 3}, {0, 1, 2}, {.1, .2, .3}, {1, 2, 3}}, attributes: []graph.Attribute{attribute("momentum", float32(.8))}},
	{op: "BatchNormalization", opset: 13, inputs: [][]float64{{1, 2, 3}, {0, 1, 2}, {.1, .2, .3}, {1, 2, 3}}},
	{op: "Clip", opset: 10, attributes: []graph.Attribute{attribute("min", float32(-.5)), attribute("max", float32(.5))}},
	{op: "Clip", opset: 7, attributes: []graph.Attribute{attribute("max", float32(.5))}},
	{op: "Dropout", opset: 11, attributes: []graph.Attribute{attribute("ratio", float32(.5))}},
	{op: "Hardmax", opset: 11, attributes: []graph.Attribute{attribute("axis", int64(2))}},
	{op: "LogSoftmax", opset: 12},
	{op: "Softmax", opset: 12, attributes: []graph.Attribute{attribute("axis", int64(3))}},
	{op: "Softmax", opset: 7, attributes: []graph.Attribute{attribute("axis", int64(2))}},
	{op: "Pad", opset: 10, attributes: []graph.Attribute{attribute("pads", []int64{0, 0, 1, 0, 0, 0, 1, 2}), attribute("value", float32(7))}},
	{op: "Pad", opset: 7, attributes: []graph.Attribute{attribute("pads", []int64{0, 0, 1, 0, 0, 0, 1, 2}), attribute("mode", "reflect")}},
	{op: "ReduceL1", opset: 13, attributes: []graph.Attribute{attribute("axes", []int64{1, 2})}},
	{op: "ReduceL2", opset: 17, attributes: []graph.Attribute{attribute("axes", []int64{-1}), attribute("keepdims", int64(0))}},
	{op: "ReduceLogSum", opset: 11, attributes: []graph.Attribute{attribute("axes", []int64{1})}},
	{op: "ReduceLogSumExp", opset: 17, attributes: []graph.Attribute{attribute("axes", []int64{1})}},
	{op: "ReduceMax", opset: 7, attributes: []graph.Attribute{attribute("axes", []int64{1})}},
	{op: "ReduceMean", opset: 13, attributes: []graph.Attribute{attribute("axes", []int64{2, 3})}},
	{op: "ReduceMean", opset: 13},
	{op: "ReduceMin", opset: 12, attributes: []graph.Attribute{attribute("axes", []int64{0})}},
	{op: "ReduceProd", opset: 17, attributes: []graph.Attribute{attribute("axes", []int64{0})}},
	{op: "ReduceSum", opset: 11, attributes: []graph.Attribute{attribute("axes", []int64{0, 3})}},
	{op: "ReduceSumSquare", opset: 13, attributes: []graph.Attribute{attribute("axes", []int64{0, 3})}},
	{op: "Resize", opset: 10, inputs: [][]float64{{1, 1, 2, 2}}, attributes: []graph.Attribute{attribute("mode", "linear")}},
	{op: "Resize", opset: 10, inputs: [][]float64{{1, 1, 1.5, 2}}, attributes: []graph.Attribute{attribute("mode", "nearest")}},
	{op: "Resize", opset: 10, inputs: [][]float64{{1, 1, .5, .5}}, attributes: []graph.Attribute{attribute("mode", "nearest")}},
	{op: "Slice", opset: 9, attributes: []graph.Attribute{attribute("starts", []int64{1, 0}), attribute("ends", []int64{3, 2}), attribute("axes", []int64{1, 3})}},
	{op: "Slice", opset: 7, attributes: []graph.Attribute{attribute("starts", []int64{1, 0}), attribute("ends", []int64{2, -1})}},
	{op: "Split", opset: 11, outputs: 2, attributes: []graph.Attribute{attribute("axis", int64(2))}},
	{op: "Split", opset: 11, outputs: 2, attributes: []graph.Attribute{attribute("axis", int64(1)), attribute("split", []int64{1, 2})}},
	{op: "Split", opset: 17, outputs: 2, attributes: []graph.Attribute{attribute("axis", int64(3))}},
	{op: "Squeeze", opset: 11, attributes: []graph.Attribute{attribute("axes", []int64{})}},
	{op: "TopK", opset: 9, outputs: 2, attributes: []graph.Attribute{attribute("k", int64(2)), attribute("axis", int64(1))}},
	{op: "Unsqueeze", opset: 11, attributes: []graph.Attribute{attribute("axes", []int64{0, 3})}},
	{op: "Upsample", opset: 9, inputs: [][]float64{{1, 1, 2, 2}}, attributes: []graph.Attribute{attribute("mode", "linear")}},
	{op: "Upsample", opset: 7, attributes: []graph.Attribute{attribute("scales", []float32{1, 1, 2, 3}), attribute("mode", "nearest")}},
}

// notRun lists what cannot be run in one line: RoiAlign and Scatter, which have several inputs of other shapes, and Scan, which is refused.
var notRun = []string{"RoiAlign", "Scan", "Scatter"}

func (o old) graph(t *testing.T) *graph.Graph {
	b := graph.NewBuilder(o.op, o.opset)
	in := []graph.Value{b.Input("x", tensor.Float32, graph.Dims(2, 3, 4, 4)...)}
	for i, list := range o.inputs {
		c := tensor.New(tensor.Float32, len(list))
		for k, v := range list {
			tensor.Values[float32](c)[k] = float32(v)
		}
		in = append(in, b.Initializer("c"+string(rune('0'+i)), c))
	}
	for i, v := range b.Ops(o.op, max(o.outputs, 1), in, o.attributes...) {
		b.Output("y"+string(rune('0'+i)), v)
	}
	g, err := b.Build()
	if err != nil {
		t.Fatalf("%s at opset %d: %v", o.op, o.opset, err)
	}
	return g
}

func run(t *testing.T, e engine.Engine, g *graph.Graph, x *tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	p, err := e.Compile(context.Background(), g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := make([]*tensor.Tensor, len(g.Outputs))
	if err := p.Run(context.Background(), []*tensor.Tensor{x}, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestUpgradeKeepsOutputs runs every operator whose form changed before and after, on ONNX Runtime, which knows all opsets.
func TestUpgradeKeepsOutputs(t *testing.T) {
	e, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skip(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	x := tensor.New(tensor.Float32, 2, 3, 4, 4)
	for i := range x.Len() {
		tensor.Values[float32](x)[i] = random.Float32() + .1
	}
	seen := slices.Clone(notRun)
	for _, o := range olds {
		seen = append(seen, o.op)
		g := o.graph(t)
		before := run(t, e, g, x)
		if err := g.Upgrade(); err != nil {
			t.Errorf("%s at opset %d: %v", o.op, o.opset, err)
			continue
		}
		for i, after := range run(t, e, g, x) {
			if !slices.Equal(after.Shape(), before[i].Shape()) {
				t.Errorf("%s at opset %d: output %d has shape %v, was %v", o.op, o.opset, i, after.Shape(), before[i].Shape())
				continue
			}
			want := before[i].Floats()
			for k, v := range after.Floats() {
				if math.Abs(v-want[k]) > 1e-6*max(1, math.Abs(want[k])) {
					t.Errorf("%s at opset %d: output %d[%d] is %v, was %v", o.op, o.opset, i, k, v, want[k])
					break
				}
			}
		}
	}
	for _, op := range graph.Changed() {
		if !slices.Contains(seen, op) {
			t.Errorf("%s is not tested", op)
		}
	}
}

func TestUpgradeRefuses(t *testing.T) {
	g := old{op: "BatchNormalization", opset: 8, inputs: [][]float64{{1, 2, 3}, {0, 1, 2}, {.1, .2, .3}, {1, 2, 3}},
		attributes: []graph.Attribute{attribute("spatial", int64(0))}}.graph(t)
	err := g.Upgrade()
	if err == nil || !strings.Contains(err.Error(), "BatchNormalization") || !strings.Contains(err.Error(), "spatial") {
		t.Errorf("error is %v", err)
	}
	if g.Opsets[""] != 8 {
		t.Errorf("a graph that was refused has opset %d", g.Opsets[""])
	}
}
