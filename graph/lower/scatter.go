package lower

import (
	"visus/graph"
	"visus/tensor"
)

// AddAt adds the entries of v to zeros of a shape, at the places of an axis that index [as v] names. Numbers of 16 bits are added in float32: sums
// keep their precision, and ONNX Runtime (1.32) has no kernel for the others.
func AddAt(b *graph.Builder, v, index graph.Value, axis int, shape []int) graph.Value {
	kind := v.Type
	if kind == tensor.Float16 || kind == tensor.BFloat16 {
		v = convert(b, v, tensor.Float32)
	}
	zeros := b.Op("ConstantOfShape", []graph.Value{b.Ints(int64s(shape...)...)}, attribute("value", tensor.New(v.Type, 1)))
	sum := b.Op("ScatterElements", []graph.Value{zeros, index, v}, attribute("axis", int64(axis)), attribute("reduction", "add"))
	if kind != v.Type {
		sum = convert(b, sum, kind)
	}
	return sum
}

func convert(b *graph.Builder, v graph.Value, to tensor.Type) graph.Value {
	return b.Op("Cast", []graph.Value{v}, attribute("to", graph.TypeNumber(to)))
}
