package grad

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// The words that rules are written in.

func sub(b *graph.Builder, x, y graph.Value) graph.Value { return b.Op("Sub", []graph.Value{x, y}) }
func mul(b *graph.Builder, x, y graph.Value) graph.Value { return b.Op("Mul", []graph.Value{x, y}) }
func div(b *graph.Builder, x, y graph.Value) graph.Value { return b.Op("Div", []graph.Value{x, y}) }
func neg(b *graph.Builder, x graph.Value) graph.Value    { return b.Op("Neg", []graph.Value{x}) }

// number is a constant of x's type, without dimensions.
func number(b *graph.Builder, x graph.Value, c float64) graph.Value { return b.Scalar(x.Type, c) }

// scale is x·c.
func scale(b *graph.Builder, x graph.Value, c float64) graph.Value { return mul(b, x, number(b, x, c)) }

// compare is Less, Greater, Equal, LessOrEqual or GreaterOrEqual.
func compare(b *graph.Builder, op string, x, y graph.Value) graph.Value {
	return b.Op(op, []graph.Value{x, y})
}

// where takes x where the condition holds and y elsewhere.
func where(b *graph.Builder, condition, x, y graph.Value) graph.Value {
	return b.Op("Where", []graph.Value{condition, x, y})
}

// keep is x where the condition holds and exactly 0 elsewhere, also where x is not a number there.
func keep(b *graph.Builder, condition, x graph.Value) graph.Value {
	return where(b, condition, x, number(b, x, 0))
}

// fill is a value of one number throughout.
func fill(b *graph.Builder, kind tensor.Type, c float64, shape []int) graph.Value {
	return expand(b, b.Scalar(kind, c), shape)
}

// expand broadcasts x to a shape.
func expand(b *graph.Builder, x graph.Value, shape []int) graph.Value {
	if slices.Equal(sizes(x), shape) {
		return x
	}
	return b.Op("Expand", []graph.Value{x, list(b, shape)})
}

// list is a constant list of integers, such as a shape or axes.
func list(b *graph.Builder, values []int) graph.Value {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return b.Ints(out...)
}

// reduceSum adds up x over axes, which stay with size 1; no axes means x itself.
func reduceSum(b *graph.Builder, x graph.Value, axes []int) graph.Value {
	if len(axes) == 0 {
		return x
	}
	return b.Op("ReduceSum", []graph.Value{x, list(b, axes)})
}

// unbroadcast sums a gradient over the axes that broadcasting gave its input, and checks that it is of the input's type and shape then.
func unbroadcast(b *graph.Builder, d, input graph.Value) (graph.Value, error) {
	have, ok := d.Sizes()
	want := sizes(input)
	wrong := fmt.Errorf("it is %s, expected %s", describe(d), describe(input))
	if !ok || d.Type != input.Type || len(have) < len(want) {
		return d, wrong
	}
	if slices.Equal(have, want) {
		return d, nil
	}
	extra := len(have) - len(want)
	var axes []int
	for i, size := range have {
		switch {
		case i < extra:
			axes = append(axes, i)
		case size == want[i-extra]:
		case want[i-extra] == 1:
			axes = append(axes, i)
		default:
			return d, wrong
		}
	}
	return reshape(b, reduceSum(b, d, axes), want), nil
}

// unary is an operator of one input.
func unary(b *graph.Builder, op string, x graph.Value) graph.Value {
	return b.Op(op, []graph.Value{x})
}

func square(b *graph.Builder, x graph.Value) graph.Value { return mul(b, x, x) }

// shift is x + c.
func shift(b *graph.Builder, x graph.Value, c float64) graph.Value {
	return b.Add(x, number(b, x, c))
}

// less1 is 1 - x.
func less1(b *graph.Builder, x graph.Value) graph.Value { return sub(b, number(b, x, 1), x) }

// convert casts x to a type, where it is of another.
func convert(b *graph.Builder, x graph.Value, to tensor.Type) graph.Value {
	if x.Type == to {
		return x
	}
	return b.Op("Cast", []graph.Value{x}, graph.Attribute{Name: "to", Value: graph.TypeNumber(to)})
}
