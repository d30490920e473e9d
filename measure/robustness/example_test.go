package robustness_test

import (
	"fmt"

	"visus/measure/robustness"
)

// A model that errs half as often as AlexNet everywhere has an mCE of 50.
func ExampleMeanCorruptionError() {
	alexNet := robustness.AlexNet5000()
	var model robustness.ErrorTable
	for _, c := range robustness.Corruptions() {
		for s := 1; s <= robustness.Severities; s++ {
			e, _ := alexNet.Cell(c, s)
			if err := model.Set(c, s, e/2); err != nil {
				fmt.Println(err)
			}
		}
	}
	mCE, err := robustness.MeanCorruptionError(model, alexNet)
	fmt.Printf("%.1f %v\n", mCE, err)
	// Output: 50.0 <nil>
}

func ExampleMeanError() {
	var model robustness.ErrorTable
	for s, e := range []float64{0.1, 0.2, 0.3, 0.4, 0.5} {
		if err := model.Set("fog", s+1, e); err != nil {
			fmt.Println(err)
		}
	}
	mean, err := robustness.MeanError(model, []string{"fog"}, nil)
	fmt.Printf("%.1f %v\n", mean, err)
	_, err = robustness.MeanError(model, nil, nil)
	fmt.Println(err)
	// Output:
	// 0.3 <nil>
	// robustness: the table lacks gaussian_noise
}
