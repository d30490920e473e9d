package nn

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// AveragePool averages each window of x [batch, channels, ...]; padding is not counted.
func (n *Net) AveragePool(x graph.Value, w graph.Window) graph.Value {
	rank, ok := n.rank("AveragePool", x, 3, 5)
	if !ok {
		return graph.Value{}
	}
	return n.Op("AveragePool", []graph.Value{x},
		graph.Attribute{Name: "kernel_shape", Value: repeat(w.Kernel, rank-2)},
		graph.Attribute{Name: "strides", Value: repeat(max(w.Stride, 1), rank-2)},
		graph.Attribute{Name: "pads", Value: repeat(w.Pad, 2*(rank-2))})
}

// Resize scales every spatial axis of x [batch, channels, ...] by a factor. smooth interpolates linearly between pixel centres (PyTorch's
// align_corners=False); otherwise pixels are repeated.
func (n *Net) Resize(x graph.Value, factor float64, smooth bool) graph.Value {
	rank, ok := n.rank("Resize", x, 3, 5)
	if !ok {
		return graph.Value{}
	}
	scales := tensor.New(tensor.Float32, rank)
	Constant(factor)(nil, tensor.Values[float32](scales), nil)
	copy(tensor.Values[float32](scales), []float32{1, 1})
	inputs := []graph.Value{x, {}, n.Constant(scales)}
	if smooth {
		return n.Op("Resize", inputs, graph.Attribute{Name: "mode", Value: "linear"}, graph.Attribute{Name: "coordinate_transformation_mode", Value: "half_pixel"})
	}
	return n.Op("Resize", inputs, graph.Attribute{Name: "mode", Value: "nearest"}, graph.Attribute{Name: "nearest_mode", Value: "floor"},
		graph.Attribute{Name: "coordinate_transformation_mode", Value: "asymmetric"})
}

// Residual is x + branch(x); both have the same shape.
func (n *Net) Residual(x graph.Value, branch func(x graph.Value) graph.Value) graph.Value {
	y := branch(x)
	if n.Err() == nil && !slices.Equal(x.Shape, y.Shape) {
		n.Fail("Residual", fmt.Errorf("the branch makes %s of %s, expected the same shape", graph.ShapeText(y.Shape), graph.ShapeText(x.Shape)))
	}
	return n.Add(x, y)
}

// Coordinates appends two channels to x [batch, channels, height, width]: the row and the column of each pixel, evenly from -1 at the
// first to 1 at the last (0 where there is one only), as CoordConv does (Liu et al. 2018).
func (n *Net) Coordinates(x graph.Value) graph.Value {
	if _, ok := n.rank("Coordinates", x, 4, 4); !ok {
		return graph.Value{}
	}
	height, _ := n.width("Coordinates", x, 2)
	width, ok := n.width("Coordinates", x, 3)
	if !ok {
		return graph.Value{}
	}
	grid := tensor.New(tensor.Float32, 1, 2, height, width)
	values := tensor.Values[float32](grid)
	for r := range height {
		for c := range width {
			values[r*width+c], values[(height+r)*width+c] = even(r, height), even(c, width)
		}
	}
	batch := n.Op("Shape", []graph.Value{x}, graph.Attribute{Name: "end", Value: int64(1)})
	shape := n.Op("Concat", []graph.Value{batch, n.Ints(1, 1, 1)}, graph.Attribute{Name: "axis", Value: int64(0)})
	return n.Op("Concat", []graph.Value{x, n.op("Expand", n.Constant(grid), shape)}, graph.Attribute{Name: "axis", Value: int64(1)})
}

func even(i, count int) float32 {
	if count == 1 {
		return 0
	}
	return float32(2*float64(i)/float64(count-1) - 1)
}

// Broadcast gives every pixel of an image the same code: z [batch, width] becomes [batch, width + 2, height, width] with Coordinates
// behind, the beginning of a spatial broadcast decoder (Watters et al. 2019).
func (n *Net) Broadcast(z graph.Value, height, width int) graph.Value {
	if _, ok := n.rank("Broadcast", z, 2, 2); !ok {
		return graph.Value{}
	}
	pixel := n.op("Unsqueeze", z, n.Ints(2, 3))
	return n.Coordinates(n.op("Expand", pixel, n.Ints(1, 1, int64(height), int64(width))))
}
