package proportion_test

import (
	"fmt"

	"visus/measure/proportion"
)

func ExampleWilson() {
	accuracy, err := proportion.Wilson(8, 10, 0.95)
	fmt.Println(accuracy, err)
	// Output: 80.0 % [49.0, 94.3] <nil>
}

func ExampleMcNemar() {
	p, err := proportion.McNemar(1, 7)
	fmt.Printf("%.4f %v\n", p, err)
	// Output: 0.0703 <nil>
}
