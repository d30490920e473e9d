package steps

import (
	"fmt"

	"visus/graph"
	"visus/graph/grad"
	"visus/graph/nn"
	"visus/observer/zoo"
	"visus/tensor"
)

const (
	seed = 1
	rate = 1e-4 // of every optimiser: small, so that sides that round differently stay together
)

func slowVAE(batch int) (*Step, error) {
	network, err := zoo.PublishedSlowVAE.Trained(seed, batch)
	if err != nil {
		return nil, err
	}
	return trained(network, network.Parameters, nn.Adam{})
}

func resNet20(batch int) (*Step, error) {
	return classifier("resnet20", zoo.Options{}, batch, nn.SGD{Momentum: 0.9, WeightDecay: 5e-4})
}

func mlp(batch int) (*Step, error) {
	return classifier("mlp", zoo.Options{Channels: 1, Height: 50, Width: 50, Classes: 2}, batch, nn.Adam{})
}

func classifier(name string, o zoo.Options, batch int, optimiser nn.Optimiser) (*Step, error) {
	a, err := zoo.ByName(name)
	if err != nil {
		return nil, err
	}
	network, err := a.Trained(o, seed, batch, 0)
	if err != nil {
		return nil, err
	}
	return trained(network, network.Parameters, optimiser)
}

// trained is a step of an optimiser for some of a network's parameters.
func trained(network *nn.Network, parameters []string, o nn.Optimiser) (*Step, error) {
	s, err := nn.Step(network.Graph, zoo.Loss, parameters, o, nn.StepOptions{Buffers: network.Buffers})
	if err != nil {
		return nil, err
	}
	return step(network, s.Graph, s.State, zoo.Loss), nil
}

func step(network *nn.Network, g *graph.Graph, state []graph.State, outputs ...string) *Step {
	s := &Step{Graph: g, State: state, Outputs: outputs, network: network.Graph}
	for _, name := range network.Parameters {
		s.Parameters += network.Graph.Constant(name).Tensor.Len()
	}
	return s
}

// convBlocks has the layers of PyTorch's Sequential: a convolution "0", then convolutions "1", "4", ..., each with its batch norm and ReLU. The
// loss is the mean of what comes out; a run gives the gradients of all parameters.
func convBlocks(batch int) (*Step, error) {
	n := nn.New("convblocks", nn.Options{Seed: seed, Training: true})
	x := n.Conv("0", n.Input(zoo.Images, tensor.Float32, graph.Dims(batch, 3, 64, 64)...), 32, nn.Conv{Kernel: 3, Pad: 1})
	for i := 1; i < 12; i += 3 {
		x = n.Conv(fmt.Sprint(i), x, 32, nn.Conv{Kernel: 3, Pad: 1})
		x = n.Relu(n.BatchNorm(fmt.Sprint(i+1), x, nn.BatchNorm{}))
	}
	n.Output(zoo.Loss, n.Mean(x))
	network, err := n.Finish()
	if err != nil {
		return nil, err
	}
	g := network.Graph.Clone()
	for _, b := range network.Buffers {
		if _, err := g.Release(b.Input); err != nil {
			return nil, err
		}
	}
	g, outputs, err := withGradients(g, network.Parameters)
	if err != nil {
		return nil, err
	}
	return step(network, g, network.Buffers, outputs...), nil
}

// withGradients returns the graph with the gradients of the loss as outputs, and the names of these and of the loss.
func withGradients(g *graph.Graph, of []string) (*graph.Graph, []string, error) {
	names, err := grad.Append(g, zoo.Loss, of...)
	if err != nil {
		return nil, nil, err
	}
	b, err := graph.Extend(g)
	if err != nil {
		return nil, nil, err
	}
	var outputs []string
	for _, name := range of {
		outputs = append(outputs, "gradient of "+name)
		b.Output("gradient of "+name, b.Value(names[name]))
	}
	g, err = b.Build()
	return g, append(outputs, zoo.Loss), err
}

// tent trains scales and biases of the normalisers by the mean entropy of the answers, with the statistics of the batch (Wang et al. 2021).
func tent(batch int) (*Step, error) {
	network, err := resNet(batch, true, func(n *nn.Net, logits graph.Value) graph.Value {
		logs := n.Op("LogSoftmax", []graph.Value{logits}, graph.Attribute{Name: "axis", Value: int64(1)})
		weighted := n.Op("Mul", []graph.Value{n.Op("Exp", []graph.Value{logs}), logs})
		return n.Op("Neg", []graph.Value{n.Mean(n.Sum(weighted, 1))})
	})
	if err != nil {
		return nil, err
	}
	var affine []string
	for _, node := range network.Graph.Nodes {
		if node.Op == "BatchNormalization" {
			affine = append(affine, node.Inputs[1], node.Inputs[2])
		}
	}
	s, err := trained(network, affine, nn.Adam{})
	if err == nil {
		s.Outputs = append(s.Outputs, zoo.Logits) // the answers
	}
	return s, err
}

// imageGradient is what attacks and visualisations need: of the network as it is used.
func imageGradient(batch int) (*Step, error) {
	network, err := resNet(batch, false, func(n *nn.Net, logits graph.Value) graph.Value {
		return n.CrossEntropy(logits, n.Input(zoo.Labels, tensor.Int64, graph.Dim{Size: batch}), 0)
	})
	if err != nil {
		return nil, err
	}
	g, outputs, err := withGradients(network.Graph.Clone(), []string{zoo.Images})
	if err != nil {
		return nil, err
	}
	return step(network, g, nil, outputs...), nil
}

func inference(batch int) (*Step, error) {
	network, err := resNet(batch, false, nil)
	if err != nil {
		return nil, err
	}
	return step(network, network.Graph, nil, zoo.Logits), nil
}

// resNet is ResNet-20 with a loss, none where it is nil.
func resNet(batch int, training bool, loss func(n *nn.Net, logits graph.Value) graph.Value) (*nn.Network, error) {
	a, err := zoo.ByName("resnet20")
	if err != nil {
		return nil, err
	}
	n := nn.New(a.Name, nn.Options{Seed: seed, Training: training})
	logits := a.Write(n, n.Input(zoo.Images, tensor.Float32, graph.Dims(batch, 3, 32, 32)...), 10)
	n.Output(zoo.Logits, logits)
	if loss != nil {
		n.Output(zoo.Loss, loss(n, logits))
	}
	return n.Finish()
}
