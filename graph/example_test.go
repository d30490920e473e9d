package graph_test

import (
	"fmt"

	"visus/graph"
	"visus/tensor"
)

// A classifier of one layer, written, described, and cut before its softmax.
func Example() {
	b := graph.NewBuilder("classifier", 17)
	image := b.Input("image", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"}, graph.Dim{Size: 1}, graph.Dim{Size: 28}, graph.Dim{Size: 28})
	fc := b.Scope("fc")
	logits := fc.Gemm(b.Flatten(image, 1), fc.Initializer("weight", tensor.New(tensor.Float32, 10, 784)), graph.Value{})
	b.Output("probabilities", b.Softmax(logits, -1))
	g, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := g.Describe()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Outputs[0].Name, d.Outputs[0].Shape, d.Parameters, d.MultiplyAdds)
	headless, err := g.Extract([]string{"image"}, []string{logits.Name})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(headless.Nodes)
	// Output:
	// probabilities [batch 10] 7840 7840
	// [node "Flatten" (Flatten) node "fc/Gemm" (Gemm)]
}
