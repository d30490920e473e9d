package graph

import "visus/tensor"

// State is a tensor that a graph carries from one run to the next: the graph input that reads it and the graph output, of the same type
// and shape, that replaces it after each run. Parameters, optimisers' moments and running statistics are such.
type State struct {
	Input, Output string
	Initial       *tensor.Tensor // what the first run reads
}
