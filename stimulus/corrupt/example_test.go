package corrupt_test

import (
	"fmt"

	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
)

// One worker and one source serve many images; the seed of each image follows from what it is, so that any order gives the same result.
func ExampleWorker() {
	image := raster.New(224, 224) // black
	var worker corrupt.Worker
	var out raster.Image
	source := corrupt.NewSource(0)
	for _, name := range []string{"brightness", "contrast"} {
		corruption, ok := corrupt.ByName(name)
		if !ok {
			fmt.Println("no corruption", name)
			continue
		}
		for severity := 1; severity <= corrupt.Severities; severity++ {
			source.Reset(corrupt.Seed(42, name, severity, 0))
			if err := worker.Corrupt(&out, image, corruption, severity, source); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("%s-%d: grey %d\n", name, severity, out.Pix[0])
		}
	}
	// Output:
	// brightness-1: grey 25
	// brightness-2: grey 51
	// brightness-3: grey 76
	// brightness-4: grey 102
	// brightness-5: grey 127
	// contrast-1: grey 0
	// contrast-2: grey 0
	// contrast-3: grey 0
	// contrast-4: grey 0
	// contrast-5: grey 0
}
