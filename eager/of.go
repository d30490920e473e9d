package eager

//go:generate go run ./generate

// Chain has every function of one tensor as a method, so that calls read from left to right: Of(x).Flatten(1, -1).L2(false, 1).X.
// Errors travel along, as they do without it.
type Chain[T Tensor[T]] struct{ X T }

// Of begins a chain.
func Of[T Tensor[T]](x T) Chain[T] { return Chain[T]{x} }
