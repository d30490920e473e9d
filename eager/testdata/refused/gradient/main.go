// A gradient on an engine without.
package main

import (
	"visus/eager"
	"visus/eager/gonumeng"
)

func main() {
	eager.ValueAndGrad(func(x *gonumeng.Tensor) (*gonumeng.Tensor, []*gonumeng.Tensor) { return x, nil }, gonumeng.Wrap(nil)) // want "missing method CustomVJP"
}
