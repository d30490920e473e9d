package rank_test

import (
	"fmt"
	"math/rand/v2"

	"visus/measure/rank"
)

// Do two benchmarks order five models alike?
func ExampleSpearman() {
	x := []float64{76.4, 64.2, 60.0, 68.7, 47.6}
	y := []float64{107.3, 81.3, 70.9, 84.0, 51.1}
	r, err := rank.Spearman(x, y)
	fmt.Printf("%.2f %v\n", r, err)
	// Output: 1.00 <nil>
}

func ExamplePermutationTest() {
	x := []float64{1, 2, 3, 4}
	y := []float64{5, 5, 6, 5}
	p, err := rank.PermutationTest(x, y, rank.KendallTauB, rand.New(rand.NewPCG(1, 0)), 1000)
	fmt.Println(p > 0.2, err)
	// Output: true <nil>
}
