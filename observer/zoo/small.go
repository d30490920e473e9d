package zoo

import (
	"visus/graph"
	"visus/graph/nn"
)

// MLP is a perceptron with two hidden layers of 256 and ReLU.
func MLP(n *nn.Net, images graph.Value, classes int) graph.Value {
	x := n.Flatten(images, 1)
	for _, name := range []string{"fc1", "fc2"} {
		x = n.Relu(n.Linear(name, x, 256, nn.Linear{Weight: nn.He()}))
	}
	return n.Linear("fc3", x, classes, nn.Linear{})
}

// CNN is a small network for digits: two blocks of two 3×3 convolutions with batch norm and ReLU, of 16 and 32 channels, each block
// followed by a 2×2 max-pool, and a linear layer.
func CNN(n *nn.Net, images graph.Value, classes int) graph.Value {
	x := images
	for _, block := range []struct {
		name     string
		channels int
	}{{"block1", 16}, {"block2", 32}} {
		b := n.In(block.name)
		x = conv(b, "1", x, block.channels, 3, 1, true)
		x = conv(b, "2", x, block.channels, 3, 1, true)
		x = b.In("pool").MaxPool(x, graph.Window{Kernel: 2, Stride: 2})
	}
	return n.Linear("fc", n.Flatten(x, 1), classes, nn.Linear{})
}
