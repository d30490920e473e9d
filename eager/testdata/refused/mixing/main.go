// Two engines in one operation.
package main

import (
	"visus/eager"
	"visus/eager/gonumeng"
	"visus/eager/slices"
)

func main() {
	x, y := slices.Wrap([]float64{1}, 1), gonumeng.Wrap(nil)
	eager.Add(x, y) // want "does not match inferred type"
}
