package shift_test

import (
	"fmt"

	"visus/measure/shift"
)

// How far has a layer of two channels moved, and how many source samples steady an estimate from eight images?
func Example() {
	layer, err := shift.Channels([]float64{0, 1}, []float64{1, 4}, []float64{0.5, 1}, []float64{1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := shift.Suggest(layer, 8, 0.05, shift.Lower)
	fmt.Printf("W̃² = %.3f, N = %d %v\n", shift.Layer(layer), n, err)
	// Output: W̃² = 0.250, N = 2 <nil>
}
