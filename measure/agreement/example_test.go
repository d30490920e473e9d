package agreement_test

import (
	"fmt"
	"math/rand/v2"

	"visus/measure/agreement"
	"visus/measure/bootstrap"
)

// Does the model err on the same images as the person, beyond what their accuracies explain?
func Example() {
	truth := []uint8{0, 0, 1, 1, 2, 2, 3, 3}
	person, err := agreement.FromResponses(truth, []uint8{0, 0, 1, 2, 2, 2, 3, 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := agreement.FromResponses(truth, []uint8{0, 1, 1, 3, 2, 2, 3, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	pair, err := agreement.Compare(person, model)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("observed %.3f, expected %.3f, kappa %.3f\n", pair.Observed(), pair.Expected(), pair.ErrorConsistency())

	resamples, err := agreement.Resample([]agreement.Answers{person, model}, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	kappa, err := resamples.Of(0, 1, agreement.Pair.ErrorConsistency).Interval(0.95)
	fmt.Printf("from %.1f to %.1f, %v\n", kappa.Low, kappa.High, err)
	// Output:
	// observed 0.875, expected 0.562, kappa 0.714
	// from 0.0 to 1.0, <nil>
}
