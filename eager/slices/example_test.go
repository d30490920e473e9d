package slices_test

import (
	"fmt"

	"visus/eager"
	"visus/eager/slices"
)

// sharpness is 1 for a certain answer and 1/sqrt(classes) for one that knows nothing; logits [n, classes].
func sharpness[T eager.Tensor[T]](logits T) T {
	return eager.L2(eager.Softmax(logits, -1), false, -1)
}

func Example() {
	logits := slices.Wrap([]float32{0, 0, 0, 0, 100, 0, 0, 0}, 2, 4)
	fmt.Println(sharpness(logits).Floats())
	// Output: [0.5 1] <nil>
}
