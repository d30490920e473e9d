package nn

import "visus/graph"

// Recompute marks x as the end of a segment: what x is made of, back to the segments before it, is not kept for the gradient but computed
// again from what the segment reads (Chen et al. 2016). Training then takes less memory and more time, and comes to the same numbers. A network
// that is used has nothing here.
//
// The oneDNN engine saves the memory; ONNX Runtime finds out that the same is computed twice, and keeps it.
func (n *Net) Recompute(x graph.Value) graph.Value {
	if !n.Training {
		return x
	}
	return n.op("visus.Recompute", x)
}
