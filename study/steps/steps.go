// Package steps is the study of how long a step takes: of training, of gradients and of inference, for named networks on made data.
package steps

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"visus/graph"
	"visus/graph/nn"
	"visus/observer/zoo"
	"visus/tensor"
	"visus/train/safetensors"
)

// Work is a step of a named network.
type Work struct {
	Name  string
	About string // one line for people
	Batch int    // the usual number of images
	write func(batch int) (*Step, error)
}

// Step is a work at one size of batch, with its data. Equal works have equal parameters and data in every process.
type Step struct {
	Graph      *graph.Graph // shapes are fixed
	State      []graph.State
	Outputs    []string                  // of a run
	Inputs     map[string]*tensor.Tensor // all that are not state
	Parameters int                       // numbers in the network's parameters, also where the step leaves them as they are
	network    *graph.Graph              // with the parameters as they are before the first step
}

// All lists the works.
var All = []Work{
	{"slowvae", "SlowVAE on frames of one channel, Adam", 64, slowVAE},
	{"resnet20", "CIFAR ResNet of 20 layers, momentum and weight decay", 128, resNet20},
	{"convblocks", "a convolution and four blocks of convolution, batch norm and ReLU, 32 channels of 64 × 64, gradients alone", 32, convBlocks},
	{"mlp", "perceptron 2500-256-256-2, Adam", 100, mlp},
	{"tent", "ResNet-20 adapts its batch norms by the entropy of its answers (Tent), Adam", 100, tent},
	{"gradient", "gradient of the loss of ResNet-20 with respect to the images", 100, imageGradient},
	{"inference", "answers of ResNet-20", 100, inference},
}

// Names lists the names of All.
func Names() []string {
	names := make([]string, len(All))
	for i, w := range All {
		names[i] = w.Name
	}
	return names
}

// ByName returns the work of that name; an unknown one is an error that lists those there are.
func ByName(name string) (Work, error) {
	at := slices.IndexFunc(All, func(w Work) bool { return w.Name == name })
	if at < 0 {
		return Work{}, fmt.Errorf("steps: no network %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return All[at], nil
}

// Step writes the step for batches of a size. It reports an error for a size that the network cannot have.
func (w Work) Step(batch int) (*Step, error) {
	if batch < 1 {
		return nil, fmt.Errorf("steps: %s: a batch of %d images, expected 1 or more", w.Name, batch)
	}
	s, err := w.write(batch)
	if err == nil {
		err = s.fill()
	}
	if err != nil {
		return nil, fmt.Errorf("steps: %s: %w", w.Name, err)
	}
	return s, nil
}

// fill makes the data: images and noise at random, labels of two classes, which every classifier has.
func (s *Step) fill() error {
	s.Inputs = map[string]*tensor.Tensor{}
	random := rand.New(rand.NewPCG(seed, 1))
	for _, v := range s.Graph.Inputs {
		if slices.ContainsFunc(s.State, func(state graph.State) bool { return state.Input == v.Name }) {
			continue
		}
		shape, fixed := v.Sizes()
		if !fixed {
			return fmt.Errorf("input %q has shape %s, expected a fixed one", v.Name, graph.ShapeText(v.Shape))
		}
		t := tensor.New(v.Type, shape...)
		switch v.Name {
		case zoo.Images:
			for i := range tensor.Values[float32](t) {
				tensor.Values[float32](t)[i] = random.Float32()
			}
		case zoo.Noise:
			nn.Normal(1)(random, tensor.Values[float32](t), shape)
		case zoo.Labels:
			for i := range tensor.Values[int64](t) {
				tensor.Values[int64](t)[i] = random.Int64N(2)
			}
		case nn.Rate:
			tensor.Values[float32](t)[0] = rate
		default:
			return fmt.Errorf("nothing is known to fill input %q with", v.Name)
		}
		s.Inputs[v.Name] = t
	}
	return nil
}

// Write writes the data, and the network's parameters and running statistics before the first step, as safetensors: what another program needs to
// do the same steps. Names are those of the graph, for the parameters PyTorch's.
func (s *Step) Write(w io.Writer) error {
	f := safetensors.File{Tensors: maps.Clone(s.Inputs)}
	for _, c := range s.network.Initializers {
		if c.Tensor != nil && c.Tensor.Type() == tensor.Float32 {
			f.Tensors[c.Name] = c.Tensor
		}
	}
	return safetensors.Write(w, f)
}
