// The data of a tensor that is only traced.
package main

import (
	"visus/eager"
	"visus/eager/traced"
)

func first[T eager.Eager[T]](x T) (float64, error) { return x.Item() }

func main() {
	first((*traced.Tensor)(nil)) // want "missing method Floats"
}
