package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"visus/graph"
	"visus/tensor"
)

// opset of the models that are made here.
const opset = 17

// network draws a network's weights as it is built.
type network struct {
	*graph.Builder
	random *rand.Rand
}

func newNetwork(name string) network {
	return network{graph.NewBuilder(name, opset), rand.New(rand.NewPCG(1, 1))}
}

func (n network) in(scope string) network { return network{n.Scope(scope), n.random} }

// images adds the input [batch, 3, side, side].
func (n network) images(side int) graph.Value {
	return n.Input("images", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"}, graph.Dim{Size: 3}, graph.Dim{Size: side}, graph.Dim{Size: side})
}

// normal adds a constant of normal numbers.
func (n network) normal(name string, deviation float64, shape ...int) graph.Value {
	t := tensor.New(tensor.Float32, shape...)
	values := tensor.Values[float32](t)
	for i := range values {
		values[i] = float32(deviation * n.random.NormFloat64())
	}
	return n.Initializer(name, t)
}

// filled adds a constant list of one number.
func (n network) filled(name string, size int, value float32) graph.Value {
	t := tensor.New(tensor.Float32, size)
	values := tensor.Values[float32](t)
	for i := range values {
		values[i] = value
	}
	return n.Initializer(name, t)
}

// conv adds a convolution with weights of He et al. (2015) and batch normalisation, whose scale keeps sums of residuals in range.
func (n network) conv(name string, x graph.Value, channels, kernel, stride int, scale float32) graph.Value {
	in := x.Shape[1].Size
	s := n.in(name)
	weights := s.normal("weight", math.Sqrt(2/float64(in*kernel*kernel)), channels, in, kernel, kernel)
	x = s.Conv(x, weights, graph.Value{}, graph.Window{Stride: stride, Pad: kernel / 2})
	return s.BatchNormalization(x, s.filled("scale", channels, scale), s.filled("bias", channels, 0), s.filled("mean", channels, 0), s.filled("variance", channels, 1))
}

// head averages over the image and adds a linear layer.
func (n network) head(x graph.Value, classes int) {
	features := x.Shape[1].Size
	x = n.Flatten(n.GlobalAveragePool(x), 1)
	n.Output("logits", n.Gemm(x, n.normal("fc.weight", 1/math.Sqrt(float64(features)), classes, features), n.filled("fc.bias", classes, 0)))
}

// bottleneck is 1×1, 3×3, 1×1 with a shortcut; the stride lies on the 3×3, as in torchvision.
func (n network) bottleneck(name string, x graph.Value, width, stride int) graph.Value {
	s := n.in(name)
	y := s.Relu(s.conv("conv1", x, width, 1, 1, 1))
	y = s.Relu(s.conv("conv2", y, width, 3, stride, 1))
	y = s.conv("conv3", y, 4*width, 1, 1, 0.5)
	if stride != 1 || x.Shape[1].Size != 4*width {
		x = s.conv("downsample", x, 4*width, 1, stride, 1)
	}
	return s.Relu(s.Add(x, y))
}

// saveResNet50 writes a network of the size of ResNet-50 (He et al. 2016): 25.6 million parameters, 4.1 billion multiply-adds at 224×224.
func saveResNet50(path string) error {
	n := newNetwork("resnet50")
	x := n.Relu(n.conv("conv1", n.images(224), 64, 7, 2, 1))
	x = n.MaxPool(x, graph.Window{Kernel: 3, Stride: 2, Pad: 1})
	for stage, blocks := range []int{3, 4, 6, 3} {
		for block := range blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			x = n.bottleneck(fmt.Sprintf("layer%d.%d", stage+1, block), x, 64<<stage, stride)
		}
	}
	n.head(x, 1000)
	return n.save(path)
}

// saveTiny writes a network for 32×32 that takes next to no time.
func saveTiny(path string) error {
	n := newNetwork("tiny")
	n.head(n.Relu(n.conv("conv", n.images(32), 8, 3, 4, 1)), 10)
	return n.save(path)
}

// saveMegabyte writes a network of 1 MB for 32×32.
func saveMegabyte(path string) error {
	n := newNetwork("megabyte")
	x := n.images(32)
	for i := range 8 {
		x = n.Relu(n.conv(fmt.Sprintf("conv%d", i), x, 64, 3, 1, 1))
	}
	n.head(x, 10)
	return n.save(path)
}

func (n network) save(path string) error {
	g, err := n.Build()
	if err != nil {
		return err
	}
	return g.Save(path, graph.SaveOptions{})
}
