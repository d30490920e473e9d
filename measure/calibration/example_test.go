package calibration_test

import (
	"fmt"

	"visus/measure/calibration"
)

// A classifier that is always 90 % sure and right half of the time.
func ExampleDiagram() {
	d, err := calibration.NewDiagram(calibration.DefaultBins)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 10 {
		if err := d.Add(0.9, i%2 == 0); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("ECE %.2f\n", d.ExpectedError())
	// Output: ECE 0.40
}

func ExampleCrossEntropy() {
	var c calibration.CrossEntropy
	for _, p := range []float64{0.5, 0.25} {
		if err := c.Add(p); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.4f nats\n", c.Mean())
	// Output: 1.0397 nats
}
