package grad

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"visus/graph"
)

// recurrent are the rules of recurrent layers, written step by step: a graph as long as the sequence.
var recurrent = map[string]rule{"RNN": composed(unroll), "GRU": composed(unroll), "LSTM": composed(unroll)}

// cell is one direction of a recurrent layer with H states: W [gates·H, C] and R [gates·H, H] with their biases, which may be left out.
type cell struct {
	op          string
	r, bias     graph.Value   // R and its bias
	peepholes   []graph.Value // LSTM: P [H] of the gates input, output and forget, by which they see the memory; nil where they do not
	activations []activation
	clip        float64 // bounds what the gates' activations get; 0 does not
	resetLast   bool    // GRU: the reset gate works on the recurrent product (linear_before_reset), not on the state before it
	coupled     bool    // LSTM: what is forgotten makes room for what comes in (input_forget)
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
	if c.Int("layout", 0) != 0 {
		return errors.New("no gradient with layout 1")
	}
	names, _ := c.Attribute("activations").([]string)
	if want := sizes(c.x[1])[0] * len(activationsOf[c.Op]); names != nil && len(names) != want {
		return fmt.Errorf("%d activations, expected %d", len(names), want)
	}
	for _, name := range names {
		if _, ok := activationCalled(name); !ok {
			return fmt.Errorf("no gradient with activation %q, expected one of %s", name, strings.Join(slices.Sorted(maps.Keys(recurrentActivations)), ", "))
		}
	}
	return nil
}

// activation is an activation function of a recurrent layer with its numbers.
type activation struct {
	name        string
	alpha, beta float64
}

// recurrentActivations are those that ONNX knows, with how many of alpha and beta they take and what these are where a node does not say.
var recurrentActivations = map[string]struct {
	takes       int
	alpha, beta float64
}{
	"Affine": {2, 0, 0}, "Elu": {1, 1, 0}, "HardSigmoid": {2, 0.2, 0.5}, "LeakyRelu": {1, 0.01, 0}, "Relu": {}, "ScaledTanh": {2, 0, 0},
	"Sigmoid": {}, "Softplus": {}, "Softsign": {}, "Tanh": {}, "ThresholdedRelu": {1, 1, 0},
}

// activationCalled finds an activation; the case of letters does not count.
func activationCalled(name string) (activation, bool) {
	for known, with := range recurrentActivations {
		if strings.EqualFold(known, name) {
			return activation{known, with.alpha, with.beta}, true
		}
	}
	return activation{}, false
}

// activationsFor returns a node's activations, all directions in a row. The lists of alpha and beta have entries for those functions that take one.
func activationsFor(c call, directions int) []activation {
	names, _ := c.Attribute("activations").([]string)
	if names == nil {
		names = slices.Repeat(activationsOf[c.Op], directions)
	}
	alphas, _ := c.Attribute("activation_alpha").([]float32)
	betas, _ := c.Attribute("activation_beta").([]float32)
	out := make([]activation, len(names))
	for i, name := range names {
		a, _ := activationCalled(name)
		takes := recurrentActivations[a.name].takes
		if takes > 0 && len(alphas) > 0 {
			a.alpha, alphas = float64(alphas[0]), alphas[1:]
		}
		if takes > 1 && len(betas) > 0 {
			a.beta, betas = float64(betas[0]), betas[1:]
		}
		out[i] = a
	}
	return out
}

func (a activation) write(b *graph.Builder, v graph.Value) graph.Value {
	alpha := attribute("alpha", float32(a.alpha))
	switch a.name {
	case "Affine":
		return shift(b, scale(b, v, a.alpha), a.beta)
	case "ScaledTanh":
		return scale(b, unary(b, "Tanh", scale(b, v, a.beta)), a.alpha)
	case "HardSigmoid":
		return b.Op(a.name, []graph.Value{v}, alpha, attribute("beta", float32(a.beta)))
	case "Elu", "LeakyRelu", "ThresholdedRelu":
		return b.Op(a.name, []graph.Value{v}, alpha)
	}
	return unary(b, a.name, v)
}

// run goes through the sequence in one direction. It returns y [1, 1, batch, H] of each time, and the last state and memory, [1, batch, H].
func run(b *graph.Builder, c call, direction int, steps []int) (ys []graph.Value, h, memory graph.Value) {
	x, gates := sizes(c.x[0]), gatesOf[c.Op]
	size := sizes(c.x[2])[2]
	k := cell{
		op: c.Op, activations: activationsFor(c, sizes(c.x[1])[0])[direction*len(activationsOf[c.Op]):], clip: float64(c.Float("clip", 0)),
		resetLast: c.Int("linear_before_reset", 0) != 0, coupled: c.Int("input_forget", 0) != 0,
	}
	if c.Input(7) != "" {
		k.peepholes = split(b, part(b, c.x[7], direction), 0, []int{size, size, size})
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
		nextH, nextMemory := k.step(b, reshape(b, pieces[t], []int{x[1], gates * size}), h, memory)
		y := nextH
		if c.Input(4) != "" { // behind its end a sequence keeps its state and gives zeros
			goes := compare(b, "Greater", reshape(b, c.x[4], []int{x[1], 1}), number(b, c.x[4], float64(t)))
			nextH, nextMemory, y = where(b, goes, nextH, h), where(b, goes, nextMemory, memory), keep(b, goes, nextH)
		}
		h, memory = nextH, nextMemory
		ys[t] = reshape(b, y, []int{1, 1, x[1], size})
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
	activate := func(i int, v graph.Value) graph.Value {
		if k.clip > 0 {
			v = b.Op("Clip", []graph.Value{v, number(b, v, -k.clip), number(b, v, k.clip)})
		}
		return k.activations[i].write(b, v)
	}
	size := sizes(h)[1]
	parts := func(v graph.Value, n int) []graph.Value { return split(b, v, 1, slices.Repeat([]int{size}, n)) }
	switch k.op {
	case "RNN":
		return activate(0, b.Add(x, b.Gemm(h, k.r, k.bias))), memory
	case "LSTM":
		return k.stepLSTM(b, parts(b.Add(x, b.Gemm(h, k.r, k.bias)), 4), memory, activate)
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

// stepLSTM is a step from the sums of the gates input, output, forget and cell. The output gate sees the new memory. The memory's own activation is
// not clipped, as in ONNX Runtime.
func (k cell) stepLSTM(b *graph.Builder, gates []graph.Value, memory graph.Value, activate func(int, graph.Value) graph.Value) (h, next graph.Value) {
	open := func(gate int, memory graph.Value) graph.Value {
		if k.peepholes == nil {
			return activate(0, gates[gate])
		}
		return activate(0, b.Add(gates[gate], mul(b, k.peepholes[gate], memory)))
	}
	in := open(0, memory)
	var stays graph.Value
	if k.coupled {
		stays = less1(b, in)
	} else {
		stays = open(2, memory)
	}
	next = b.Add(mul(b, stays, memory), mul(b, in, activate(1, gates[3])))
	return mul(b, open(1, next), k.activations[2].write(b, next)), next
}
