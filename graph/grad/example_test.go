package grad_test

import (
	"fmt"

	"visus/graph"
	"visus/graph/grad"
	"visus/tensor"
)

// The gradient of a loss becomes part of the graph: here that of the cross-entropy of a small classifier with respect to its images. A model
// from a file (graph.Load) is treated alike, once its shapes are fixed (FixDims).
func ExampleAppend() {
	b := graph.NewBuilder("classifier", 18)
	images := b.Input("images", tensor.Float32, graph.Dims(1, 3)...)
	labels := b.Input("labels", tensor.Int64, graph.Dims(1)...)
	weights, err := tensor.Of([]float32{1, -1, 0, 2, 0, 1}, 3, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	logits := b.Op("MatMul", []graph.Value{images, b.Constant(weights)})
	b.Output("loss", b.Op("SoftmaxCrossEntropyLoss", []graph.Value{logits, labels}))
	g, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	gradients, err := grad.Append(g, "loss", "images")
	if err != nil {
		fmt.Println(err)
		return
	}
	shapes, err := g.InferShapes()
	if err != nil {
		fmt.Println(err)
		return
	}
	gradient := shapes[gradients["images"]]
	fmt.Println(gradient.Name, gradient.Type, graph.ShapeText(gradient.Shape))
	g.Outputs = append(g.Outputs, gradient) // any engine gives its numbers

	_, err = grad.Append(g, "loss", "labels")
	fmt.Println(err)
	// Output:
	// grad/images float32 [1, 3]
	// grad: "labels" is int64, expected floating-point numbers
}
