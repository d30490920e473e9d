// Package zoo holds network architectures of our own, written with graph/nn: small classifiers that visus trains, a ResNet-50, and
// the autoencoder of SlowVAE.
package zoo

import (
	"fmt"
	"slices"
	"strings"

	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

// Options says what images a network takes and how many classes it tells apart. Zero values are CIFAR's: 3 channels of 32 × 32, 10 classes.
type Options struct {
	Channels      int // 0 means 3
	Height, Width int // in pixels; 0 means 32
	Classes       int // 0 means 10
}

func (o Options) filled() Options {
	for _, f := range []struct {
		field    *int
		standard int
	}{{&o.Channels, 3}, {&o.Height, 32}, {&o.Width, 32}, {&o.Classes, 10}} {
		if *f.field == 0 {
			*f.field = f.standard
		}
	}
	return o
}

// Architecture is a classifier: it writes the logits [batch, classes] of images [batch, channels, height, width].
type Architecture struct {
	Name  string
	About string // one line for people
	Least int    // smallest side of its images, in pixels; 0: 1
	Write func(n *nn.Net, images graph.Value, classes int) graph.Value
}

// All lists the architectures, small ones first.
var All = []Architecture{
	{"mlp", "two hidden layers of 256", 1, MLP},
	{"cnn", "two blocks of convolutions with batch norm, for digits", 4, CNN}, // two halvings
	{"resnet20", "CIFAR ResNet of 20 layers", 1, residual(20)},
	{"resnet32", "CIFAR ResNet of 32 layers", 1, residual(32)},
	{"resnet44", "CIFAR ResNet of 44 layers", 1, residual(44)},
	{"resnet56", "CIFAR ResNet of 56 layers", 1, residual(56)},
	{"resnet50", "ImageNet ResNet of 50 layers", 1, ResNet50},
}

// ByName returns the architecture of that name; an unknown one is an error that lists those there are.
func ByName(name string) (Architecture, error) {
	at := slices.IndexFunc(All, func(a Architecture) bool { return a.Name == name })
	if at < 0 {
		names := make([]string, len(All))
		for i, a := range All {
			names[i] = a.Name
		}
		return Architecture{}, fmt.Errorf("zoo: no network %q; there are %s", name, strings.Join(names, ", "))
	}
	return All[at], nil
}

// The names of a classifier's inputs and outputs.
const (
	Images   = "input"    // input [batch, channels, height, width] of float32
	Labels   = "labels"   // input of the training graph [batch] of int64
	Logits   = "logits"   // output [batch, classes]
	Loss     = "loss"     // output of the training graph: the mean cross-entropy of the batch
	Accuracy = "accuracy" // output of the training graph: the fraction of the batch that is right
)

// Classifier returns the network as it is used, for batches of any size.
func (a Architecture) Classifier(o Options, seed uint64) (*nn.Network, error) {
	if err := a.fits(o.filled()); err != nil {
		return nil, err
	}
	n := nn.New(a.Name, nn.Options{Seed: seed})
	a.logits(n, o, graph.Dim{Size: -1, Symbol: "batch"})
	return a.finish(n)
}

// Trained returns the network as it is trained, with its loss and accuracy, on batches of a fixed size. It has the parameters of Classifier with the
// same seed. smoothing is that of the labels (nn.Net.CrossEntropy).
func (a Architecture) Trained(o Options, seed uint64, batch int, smoothing float64) (*nn.Network, error) {
	if err := a.fits(o.filled()); err != nil {
		return nil, err
	}
	n := nn.New(a.Name, nn.Options{Seed: seed, Training: true})
	logits := a.logits(n, o, graph.Dim{Size: batch})
	labels := n.Input(Labels, tensor.Int64, graph.Dim{Size: batch})
	n.Output(Loss, n.CrossEntropy(logits, labels, smoothing))
	n.Output(Accuracy, n.Accuracy(logits, labels))
	return a.finish(n)
}

// fits reports an error for images that the network has nothing left of.
func (a Architecture) fits(o Options) error {
	if min(o.Height, o.Width) < a.Least {
		return fmt.Errorf("zoo: %s: it takes images of %d×%[2]d pixels or larger, not of %d×%d", a.Name, a.Least, o.Width, o.Height)
	}
	return nil
}

func (a Architecture) logits(n *nn.Net, o Options, batch graph.Dim) graph.Value {
	o = o.filled()
	size := graph.Dims(o.Channels, o.Height, o.Width)
	logits := a.Write(n, n.Input(Images, tensor.Float32, append([]graph.Dim{batch}, size...)...), o.Classes)
	n.Output(Logits, logits)
	return logits
}

func (a Architecture) finish(n *nn.Net) (*nn.Network, error) {
	network, err := n.Finish()
	if err != nil {
		return nil, fmt.Errorf("zoo: %s: %w", a.Name, err)
	}
	return network, nil
}
