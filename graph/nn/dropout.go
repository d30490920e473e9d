package nn

import (
	"fmt"
	"math/rand/v2"

	"visus/graph"
	"visus/tensor"
)

// Mask is an input of a training graph that a dropout multiplies with: the caller draws it anew for each step.
type Mask struct {
	Input graph.Value // of float32 and the shape of what is dropped
	Keep  float64     // the probability that a number stays
}

// Draw fills a mask: 1/Keep with probability Keep, else 0.
func (m Mask) Draw(r *rand.Rand, into *tensor.Tensor) error {
	if into.Type() != tensor.Float32 {
		return fmt.Errorf("nn: mask %s: expected a tensor of float32, found %s", m.Input.Name, into.Type())
	}
	keep, scale := m.Keep, float32(1/m.Keep)
	values := tensor.Values[float32](into)
	for i := range values {
		values[i] = 0
		if r.Float64() < keep {
			values[i] = scale
		}
	}
	return nil
}

// Dropout zeroes numbers of x with probability drop while training, and scales the others so that the mean stays (Srivastava et al.
// 2014); a network that is used has nothing here. What is dropped comes from outside, through an input named as the layer with ".mask"
// behind (see Network.Masks), so that a step is repeatable. x has a fixed shape while training.
func (n *Net) Dropout(name string, x graph.Value, drop float64) graph.Value {
	if !n.Training || n.Err() != nil {
		return x
	}
	if _, fixed := x.Sizes(); !fixed || drop < 0 || drop >= 1 {
		n.Fail("Dropout", fmt.Errorf("probability %g of an input of shape %s; expected one in [0, 1) and a fixed shape", drop, graph.ShapeText(x.Shape)))
		return graph.Value{}
	}
	l := n.In(name)
	mask := l.Input(l.full("mask"), tensor.Float32, x.Shape...)
	n.masks = append(n.masks, Mask{Input: mask, Keep: 1 - drop})
	return l.op("Mul", x, mask)
}
