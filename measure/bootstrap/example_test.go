package bootstrap_test

import (
	"fmt"
	"math/rand/v2"

	"visus/measure/bootstrap"
)

// Each image's mean error over all corruptions, for two models.
func ExamplePairedDifference() {
	first := []float64{0.10, 0.40, 0.25, 0.80, 0.05, 0.60, 0.30, 0.55}
	second := []float64{0.20, 0.45, 0.40, 0.85, 0.20, 0.65, 0.45, 0.60}
	d, err := bootstrap.PairedDifference(first, second, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{})
	fmt.Printf("%.3f, significant: %t, %v\n", d.Value, d.P < 0.05, err)
	// Output: -0.094, significant: true, <nil>
}

func ExampleMean() {
	accuracy, err := bootstrap.Mean([]float64{1, 1, 0, 1}, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{})
	fmt.Println(accuracy.Value, err)
	// Output: 0.75 <nil>
}
