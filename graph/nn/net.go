// Package nn writes networks and their training into graphs: layers, losses, initialisers, optimisers.
//
// A network is a function that writes layers through a Net. The same function gives the graph that is trained and the graph that is
// used: the Net knows which of the two it writes, and draws the same parameters for both.
//
//	func digits(n *nn.Net, x graph.Value) graph.Value {
//		x = n.Relu(n.BatchNorm("bn1", n.Conv("conv1", x, 16, nn.Conv{Kernel: 3, NoBias: true}), nn.BatchNorm{}))
//		return n.Linear("fc", n.Flatten(x, 1), 10, nn.Linear{})
//	}
//
// Parameters are named initializers, "layer1.0.conv1.weight", under PyTorch's names and in PyTorch's layouts. Step turns them into state
// and appends gradients and an optimiser.
package nn

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// Opset is the version of ONNX's operators that New writes: 18, the first in which every reduction takes its axes as an input.
const Opset = 18

// Options says what a Net writes.
type Options struct {
	Training bool   // batch statistics, dropout, and running statistics that follow; false: the network as it is used
	Seed     uint64 // of the parameters; each draws from a stream of its own, named by seed and parameter
}

// Net writes the layers of a network: a graph.Builder, which it is too, with what layers need besides. The first error is kept, with the
// layer and the line that called it, and returned by Build.
type Net struct {
	*graph.Builder
	*network
	scope string
	again bool
}

// network is what a Net and its scopes share.
type network struct {
	Options
	parameters map[string]graph.Value
	order      []string // names of trainable parameters
	buffers    []buffer
	masks      []Mask
}

// buffer is a tensor that training changes without a gradient.
type buffer struct {
	name    string
	initial *tensor.Tensor
	next    graph.Value
}

// Network is a finished graph with the roles of its constants.
type Network struct {
	Graph      *graph.Graph
	Parameters []string      // the initializers to be trained, in the order they were written
	Buffers    []graph.State // running statistics of a training graph: the initializer, the output that replaces it, its value
	Masks      []Mask        // the inputs of a training graph's dropouts, for the caller to draw
}

// New starts a network.
func New(name string, o Options) *Net { return On(graph.NewBuilder(name, Opset), o) }

// On writes layers and losses behind what a builder has; the graph's opset must be 18 or later.
func On(b *graph.Builder, o Options) *Net {
	return &Net{Builder: b, network: &network{Options: o, parameters: map[string]graph.Value{}}}
}

// In returns a Net of the same network that puts name and a dot before the names of its layers. Scopes nest.
func (n *Net) In(name string) *Net {
	return &Net{Builder: n.Scope(name), network: n.network, scope: n.full(name), again: n.again}
}

// Again returns a Net whose layers share the parameters of layers written before under the same names, instead of drawing their own.
func (n *Net) Again() *Net {
	out := *n
	out.again = true
	return &out
}

// full is a name with its scope before it.
func (n *Net) full(name string) string {
	if n.scope == "" {
		return name
	}
	return n.scope + "." + name
}

// Parameter returns a trainable tensor of float32 that is drawn by the initialiser.
func (n *Net) Parameter(name string, draw Initialiser, shape ...int) graph.Value {
	return n.constant(name, draw, shape, true)
}

// Buffer returns a tensor that gradients do not train, such as a running mean. Replace changes it.
func (n *Net) Buffer(name string, draw Initialiser, shape ...int) graph.Value {
	return n.constant(name, draw, shape, false)
}

// Replace says what a buffer holds after each step of training. Called again for the same buffer it replaces what it said before.
func (n *Net) Replace(name string, next graph.Value) {
	full := n.full(name)
	for i := range n.buffers {
		if n.buffers[i].name == full {
			n.buffers[i].next = next
			return
		}
	}
	n.Fail("Replace", fmt.Errorf("the network has no buffer %q", full))
}

// current is what a buffer will hold after what was written so far.
func (n *Net) current(name string) graph.Value {
	full := n.full(name)
	for _, b := range n.buffers {
		if b.name == full && b.next.Name != "" {
			return b.next
		}
	}
	return n.parameters[full]
}

func (n *Net) constant(name string, draw Initialiser, shape []int, trained bool) graph.Value {
	if n.Err() != nil {
		return graph.Value{}
	}
	full := n.full(name)
	if n.again {
		return n.shared(full, shape)
	}
	if size, err := tensor.Elements(shape); err != nil || size == 0 {
		n.Fail("Parameter", fmt.Errorf("%s has shape %v; every size must be positive", full, shape))
		return graph.Value{}
	}
	t := tensor.New(tensor.Float32, shape...)
	draw(stream(n.Seed, full), tensor.Values[float32](t), shape)
	v := n.Initializer(name, t)
	n.parameters[full] = v
	if trained {
		n.order = append(n.order, full)
	} else {
		n.buffers = append(n.buffers, buffer{name: full, initial: t})
	}
	return v
}

// shared finds a parameter that an earlier layer drew.
func (n *Net) shared(full string, shape []int) graph.Value {
	v, ok := n.parameters[full]
	if !ok {
		n.Fail("Again", fmt.Errorf("no layer before has the parameter %q", full))
		return graph.Value{}
	}
	if sizes, _ := v.Sizes(); !slices.Equal(sizes, shape) {
		n.Fail("Again", fmt.Errorf("the parameter %q has shape %v, this layer needs %v", full, sizes, shape))
		return graph.Value{}
	}
	return v
}

// stream is the generator of one parameter.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Finish returns the network, or the first error. What was made an output comes first; the next values of buffers come behind, as
// "bn1.running_mean.next". A node that is alone under its layer's name has that name: "layer1.0.conv1".
func (n *Net) Finish() (*Network, error) {
	out := &Network{Parameters: n.order, Masks: n.masks}
	for _, b := range n.buffers {
		if b.next.Name == "" {
			continue
		}
		n.Output(b.name+".next", b.next)
		out.Buffers = append(out.Buffers, graph.State{Input: b.name, Output: b.name + ".next", Initial: b.initial})
	}
	g, err := n.Build()
	if err != nil {
		return nil, err
	}
	nameNodes(g)
	out.Graph = g
	return out, nil
}

// nameNodes gives a node that is alone under its layer's name that name.
func nameNodes(g *graph.Graph) {
	alone, taken := map[string]int{}, map[string]bool{}
	for _, node := range g.Nodes {
		if at := strings.LastIndexByte(node.Name, '/'); at >= 0 {
			alone[node.Name[:at]]++
		}
		taken[node.Name] = true
	}
	for _, node := range g.Nodes {
		at := strings.LastIndexByte(node.Name, '/')
		if at >= 0 && alone[node.Name[:at]] == 1 && !taken[node.Name[:at]] {
			node.Name = node.Name[:at]
		}
	}
}

// op is an operator without attributes.
func (n *Net) op(name string, inputs ...graph.Value) graph.Value { return n.Op(name, inputs) }

// scalar is a constant of float32.
func (n *Net) scalar(value float64) graph.Value { return n.Builder.Scalar(tensor.Float32, value) }

// rank returns the number of dimensions of x, and reports an error where it is unknown or outside of the given range.
func (n *Net) rank(layer string, x graph.Value, least, most int) (int, bool) {
	if n.Err() != nil {
		return 0, false
	}
	r := len(x.Shape)
	if x.Shape == nil || r < least || r > most {
		n.Fail(layer, fmt.Errorf("the input has shape %s, expected %d to %d dimensions", graph.ShapeText(x.Shape), least, most))
		return 0, false
	}
	return r, true
}

// width returns the fixed size of an axis of x.
func (n *Net) width(layer string, x graph.Value, axis int) (int, bool) {
	if n.Err() != nil {
		return 0, false
	}
	if axis >= len(x.Shape) || !x.Shape[axis].Fixed() {
		n.Fail(layer, fmt.Errorf("the input has shape %s, expected a fixed size at dimension %d", graph.ShapeText(x.Shape), axis))
		return 0, false
	}
	return x.Shape[axis].Size, true
}
