package grad

import (
	"errors"
	"fmt"
	"slices"

	"visus/graph"
)

// recurrent are the rules of recurrent layers, written step by step: a graph as long as the sequence.
var recurrent = map[string]rule{"RNN": composed(unroll), "GRU": composed(unroll), "LSTM": composed(unroll)}

// cell is one direction of a recurrent layer with H states: W [gates·H, C] and R [gates·H, H] with their biases, which may be left out.
type cell struct {
	op          string
	r, bias     graph.Value // R and its bias
	activations []string
	resetLast   bool // GRU: the reset gate works on the recurrent product (linear_before_reset), not on the state before it
}

// gatesOf is the number of gates; the activation functions are those that ONNX takes where a node names none.
var gatesOf = map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}

var activationsOf = map[string][]string{"RNN": {"Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "LSTM": {"Sigmoid", "Tanh", "Tanh"}}

// unroll writes the layer's outputs: y [length, directions, batch, H] and the last state of each direction, and of an LSTM's memory.
func unroll(b *graph.Builder, c call) []graph.Value {
	if err := plainRecurrence(c); err != nil {
		b.Fail(c.Op, err)
		return make([]graph.Value, len(c.y))
	}
	length, directions := sizes(c.x[0])[0], sizes(c.x[1])[0]
	var sequences, hidden, memory []graph.Value
	for d := range directions {
		steps := make([]int, length)
		for t := range steps {
			if steps[t] = t; d == 1 || c.Text("direction", "forward") == "reverse" {
				steps[t] = length - 1 - t
			}
		}
		ys, h, m := run(b, c, d, steps)
		sequences, hidden = append(sequences, concat(b, 0, ys...)), append(hidden, h)
		memory = append(memory, m)
	}
	out := []graph.Value{concat(b, 1, sequences...), concat(b, 0, hidden...)}
	if c.Op == "LSTM" {
		out = append(out, concat(b, 0, memory...))
	}
	return out[:len(c.y)]
}

// plainRecurrence reports what of a recurrent layer has no gradient here.
func plainRecurrence(c call) error {
	switch {
	case c.Input(4) != "":
		return errors.New("no gradient with sequence_lens")
	case c.Input(7) != "":
		return errors.New("no gradient with peepholes")
	case c.Attribute("clip") != nil:
		return errors.New("no gradient with clip")
	case c.Int("input_forget", 0) != 0:
		return errors.New("no gradient with input_forget")
	case c.Int("layout", 0) != 0:
		return errors.New("no gradient with layout 1")
	}
	names, _ := c.Attribute("activations").([]string)
	for _, name := range names {
		if !slices.Contains([]string{"Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"}, name) {
			return fmt.Errorf("no gradient with activation %q, expected Relu, Sigmoid, Softplus, Softsign or Tanh", name)
		}
	}
	return nil
}

// run goes through the sequence in one direction. It returns y [1, 1, batch, H] of each time, and the last state and memory, [1, batch, H].
func run(b *graph.Builder, c call, direction int, steps []int) (ys []graph.Value, h, memory graph.Value) {
	x, gates := sizes(c.x[0]), gatesOf[c.Op]
	size := sizes(c.x[2])[2]
	k := cell{op: c.Op, activations: activationsOf[c.Op], resetLast: c.Int("linear_before_reset", 0) != 0}
	if names, _ := c.Attribute("activations").([]string); names != nil {
		k.activations = names[direction*len(k.activations):]
	}
	var bias graph.Value // of W
	if c.Input(3) != "" {
		both := split(b, part(b, c.x[3], direction), 0, []int{gates * size, gates * size})
		bias, k.bias = both[0], both[1]
	}
	k.r = part(b, c.x[2], direction)
	inputs := b.Gemm(reshape(b, c.x[0], []int{x[0] * x[1], x[2]}), part(b, c.x[1], direction), bias)
	pieces := split(b, reshape(b, inputs, []int{x[0], x[1], gates * size}), 0, slices.Repeat([]int{1}, x[0]))
	state := []int{x[1], size}
	h, memory = start(b, c, 5, direction, state), start(b, c, 6, direction, state)
	ys = make([]graph.Value, x[0])
	for _, t := range steps {
		h, memory = k.step(b, reshape(b, pieces[t], []int{x[1], gates * size}), h, memory)
		ys[t] = reshape(b, h, []int{1, 1, x[1], size})
	}
	last := []int{1, x[1], size}
	return ys, reshape(b, h, last), reshape(b, memory, last)
}

// start is the first state of a direction: an input of the node, or zeros.
func start(b *graph.Builder, c call, i, direction int, shape []int) graph.Value {
	if c.Input(i) == "" {
		return zeros(b, c.x[0].Type, shape)
	}
	return part(b, c.x[i], direction)
}

// part takes entry i of the first axis away from the others.
func part(b *graph.Builder, v graph.Value, i int) graph.Value {
	shape := sizes(v)
	return reshape(b, split(b, v, 0, slices.Repeat([]int{1}, shape[0]))[i], shape[1:])
}

// step is one step from the product of x with W [batch, gates·H], the state and the memory [batch, H], in ONNX's order of gates.
func (k cell) step(b *graph.Builder, x, h, memory graph.Value) (nextH, nextMemory graph.Value) {
	activate := func(i int, v graph.Value) graph.Value { return unary(b, k.activations[i], v) }
	size := sizes(h)[1]
	parts := func(v graph.Value, n int) []graph.Value { return split(b, v, 1, slices.Repeat([]int{size}, n)) }
	switch k.op {
	case "RNN":
		return activate(0, b.Add(x, b.Gemm(h, k.r, k.bias))), memory
	case "LSTM": // input, output, forget, cell
		gates := parts(b.Add(x, b.Gemm(h, k.r, k.bias)), 4)
		memory = b.Add(mul(b, activate(0, gates[2]), memory), mul(b, activate(0, gates[0]), activate(1, gates[3])))
		return mul(b, activate(0, gates[1]), activate(2, memory)), memory
	}
	inputs := parts(x, 3) // update, reset, hidden
	var update, candidate graph.Value
	if k.resetLast {
		products := parts(b.Gemm(h, k.r, k.bias), 3)
		update = activate(0, b.Add(inputs[0], products[0]))
		reset := activate(0, b.Add(inputs[1], products[1]))
		candidate = activate(1, b.Add(inputs[2], mul(b, reset, products[2])))
	} else {
		gates, hidden := []int{2 * size, size}, [2]graph.Value{}
		weights := split(b, k.r, 0, gates)
		if k.bias.Name != "" {
			copy(hidden[:], split(b, k.bias, 0, gates))
		}
		products := parts(b.Gemm(h, weights[0], hidden[0]), 2)
		update = activate(0, b.Add(inputs[0], products[0]))
		reset := activate(0, b.Add(inputs[1], products[1]))
		candidate = activate(1, b.Add(inputs[2], b.Gemm(mul(b, reset, h), weights[1], hidden[1])))
	}
	return b.Add(candidate, mul(b, update, sub(b, h, candidate))), memory
}
