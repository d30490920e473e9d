package zoo

import (
	"fmt"
	"math"

	"visus/graph"
	"visus/graph/nn"
)

// conv is a convolution without bias and its batch norm, "conv1" and "bn1" where the name is "1", and "relu1" where active.
func conv(n *nn.Net, name string, x graph.Value, out, kernel, stride int, active bool) graph.Value {
	x = n.Conv("conv"+name, x, out, nn.Conv{Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: true, Weight: nn.HeOut()})
	x = n.BatchNorm("bn"+name, x, nn.BatchNorm{})
	if active {
		x = relu(n, "relu"+name, x)
	}
	return x
}

func relu(n *nn.Net, name string, x graph.Value) graph.Value { return n.In(name).Relu(x) }

// residual is the CIFAR ResNet of He et al. 2016, section 4.2, with 6k + 2 layers: a 3×3 convolution to 16 channels, three stages of k
// blocks with 16, 32 and 64 channels, each stage but the first halving the size, then the mean over space and a linear layer. Shortcuts
// have no parameters (option A): every second pixel, and zeros for the new channels, half of them before and half behind.
func residual(layers int) func(n *nn.Net, images graph.Value, classes int) graph.Value {
	return func(n *nn.Net, images graph.Value, classes int) graph.Value {
		x := conv(n, "1", images, 16, 3, 1, true)
		for stage, channels := range []int{16, 32, 64} {
			for block := range (layers - 2) / 6 {
				stride := 1
				if stage > 0 && block == 0 {
					stride = 2
				}
				x = basic(n.In(fmt.Sprintf("layer%d.%d", stage+1, block)), x, channels, stride)
			}
		}
		x = n.In("flatten").Flatten(n.In("avgpool").GlobalAveragePool(x), 1)
		return n.Linear("linear", x, classes, nn.Linear{Weight: nn.He()})
	}
}

func basic(n *nn.Net, x graph.Value, channels, stride int) graph.Value {
	y := conv(n, "1", x, channels, 3, stride, true)
	y = conv(n, "2", y, channels, 3, 1, false)
	if stride > 1 {
		x = thinned(n.In("shortcut"), x, channels)
	}
	return relu(n, "relu2", n.In("add").Add(y, x))
}

// thinned takes every second pixel and pads the channels with zeros.
func thinned(n *nn.Net, x graph.Value, channels int) graph.Value {
	if n.Err() != nil {
		return graph.Value{}
	}
	end := int64(math.MaxInt32)
	x = n.In("slice").Op("Slice", []graph.Value{x, n.Ints(0, 0), n.Ints(end, end), n.Ints(2, 3), n.Ints(2, 2)})
	more := channels - x.Shape[1].Size
	return n.In("pad").Op("Pad", []graph.Value{x, n.Ints(0, int64(more/2), 0, 0, 0, int64(more-more/2), 0, 0)})
}

// ResNet50 is the network of He et al. 2016 for ImageNet under torchvision's names, with the stride on the 3×3 convolution of a
// bottleneck: 25.6 million parameters with 1000 classes.
func ResNet50(n *nn.Net, images graph.Value, classes int) graph.Value {
	x := conv(n, "1", images, 64, 7, 2, true)
	x = n.In("maxpool").MaxPool(x, graph.Window{Kernel: 3, Stride: 2, Pad: 1})
	for stage, blocks := range []int{3, 4, 6, 3} {
		for block := range blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			x = bottleneck(n.In(fmt.Sprintf("layer%d.%d", stage+1, block)), x, 64<<stage, stride)
		}
	}
	x = n.In("flatten").Flatten(n.In("avgpool").GlobalAveragePool(x), 1)
	return n.Linear("fc", x, classes, nn.Linear{})
}

func bottleneck(n *nn.Net, x graph.Value, width, stride int) graph.Value {
	y := conv(n, "1", x, width, 1, 1, true)
	y = conv(n, "2", y, width, 3, stride, true)
	y = conv(n, "3", y, 4*width, 1, 1, false)
	if stride > 1 || len(x.Shape) > 1 && x.Shape[1].Size != 4*width {
		d := n.In("downsample") // torchvision's names: a convolution "0" and its norm "1"
		x = d.Conv("0", x, 4*width, nn.Conv{Kernel: 1, Stride: stride, NoBias: true, Weight: nn.HeOut()})
		x = d.BatchNorm("1", x, nn.BatchNorm{})
	}
	return relu(n, "relu3", n.In("add").Add(y, x))
}
