package onednn

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"visus/engine"
	"visus/engine/ort"
	"visus/graph"
)

// TestFound repeats what random graphs found, each with what went wrong.
func TestFound(t *testing.T) {
	e := open(t)
	other, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skip(err)
	}
	every := func(d *drawing, x graph.Value, axis, step int64) graph.Value {
		return d.op("Slice", []graph.Value{x, d.b.Ints(0), d.b.Ints(1 << 30), d.b.Ints(axis), d.b.Ints(step)})
	}
	for _, c := range []struct {
		name  string
		build func(d *drawing) graph.Value
	}{
		{"every second of three channels, which oneDNN cannot describe", func(d *drawing) graph.Value {
			x := every(d, d.input("x", 1, 2, 3, 1, 1), 1, 2)
			return d.op("ConvTranspose", []graph.Value{x, d.parameter(1, 2, 1, 1, 1)})
		}},
		{"a pooled source with gaps and channels last, to which oneDNN adds its gradient", func(d *drawing) graph.Value {
			x := d.op("ConvTranspose", []graph.Value{d.input("x", 1, 1, 24, 6, 1), d.parameter(0.2, 24, 16, 2, 2)})
			return d.op("MaxPool", []graph.Value{every(d, x, 3, 2)}, attr("kernel_shape", ints(1, 1)))
		}},
		{"weights of a strided 1×1 convolution of few channels, which oneDNN gets wrong on AVX2", func(d *drawing) graph.Value {
			return d.op("Conv", []graph.Value{d.input("x", 1, 2, 3, 8, 34), d.parameter(0.5, 24, 3, 1, 1)}, attr("strides", ints(2, 2)))
		}},
		{"a maximum of sums with products, which loops rounded in two ways", func(d *drawing) graph.Value {
			product := d.op("Mul", []graph.Value{d.input("x", 1, 40, 1, 9), d.parameter(1, 40, 1, 1)})
			sum := d.op("Add", []graph.Value{product, d.input("y", 1, 40, 1, 9)})
			top := d.op("ReduceMax", []graph.Value{sum, d.b.Ints(2)})
			return d.op("Add", []graph.Value{d.op("Relu", []graph.Value{product}), top})
		}},
	} {
		t.Run(c.name, rapid.MakeCheck(func(t *rapid.T) {
			d := newDrawing(t)
			d.made(c.build(d))
			g, states := d.step()
			p, err := e.Compile(context.Background(), g, engine.Options{State: states, Threads: d.number("threads", 1, 2)})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			q, err := other.Compile(context.Background(), g, engine.Options{State: states, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer q.Close()
			compare(t, d, g, p, q, states, 0)
		}))
	}
}
