package nn

import (
	"math"

	"visus/graph"
	"visus/tensor"
)

// Sum adds up along axes, which go; without axes all of x, to a scalar.
func (n *Net) Sum(x graph.Value, axes ...int) graph.Value { return n.reduce("ReduceSum", x, axes) }

// Mean averages along axes, which go; without axes all of x, to a scalar.
func (n *Net) Mean(x graph.Value, axes ...int) graph.Value { return n.reduce("ReduceMean", x, axes) }

func (n *Net) reduce(op string, x graph.Value, axes []int) graph.Value {
	inputs := []graph.Value{x}
	if len(axes) > 0 {
		list := make([]int64, len(axes))
		for i, axis := range axes {
			list[i] = int64(axis)
		}
		inputs = append(inputs, n.Ints(list...))
	}
	return n.Op(op, inputs, graph.Attribute{Name: "keepdims", Value: int64(0)})
}

// CrossEntropy is the mean over a batch of -Σ_c t_c log p_c, a scalar, with p the softmax of logits [batch, classes, ...] over classes and
// labels (int64) [batch, ...]. t is 1 at the label; smoothing ε spreads a part of it: t = (1-ε) · [c = label] + ε/classes (Szegedy et al.
// 2016). A label outside 0..classes-1 counts for no class, and so must not occur.
func (n *Net) CrossEntropy(logits, labels graph.Value, smoothing float64) graph.Value {
	classes, ok := n.width("CrossEntropy", logits, 1)
	if !ok {
		return graph.Value{}
	}
	rest := smoothing / float64(classes)
	values := tensor.New(tensor.Float32, 2) // of the other classes, of the label's
	copy(tensor.Values[float32](values), []float32{float32(rest), float32(1 - smoothing + rest)})
	targets := n.Op("OneHot", []graph.Value{labels, n.Ints(int64(classes)), n.Constant(values)}, graph.Attribute{Name: "axis", Value: int64(1)})
	return n.SoftCrossEntropy(logits, targets)
}

// SoftCrossEntropy is CrossEntropy with the probabilities of all classes given: targets have the shape of logits [batch, classes, ...].
func (n *Net) SoftCrossEntropy(logits, targets graph.Value) graph.Value {
	logs := n.Op("LogSoftmax", []graph.Value{logits}, graph.Attribute{Name: "axis", Value: int64(1)})
	return n.op("Neg", n.Mean(n.Sum(n.op("Mul", targets, logs), 1)))
}

// Accuracy is the fraction of a batch whose largest logit [batch, classes] is that of the label [batch], a scalar.
func (n *Net) Accuracy(logits, labels graph.Value) graph.Value {
	top := n.Op("ArgMax", []graph.Value{logits}, graph.Attribute{Name: "axis", Value: int64(1)}, graph.Attribute{Name: "keepdims", Value: int64(0)})
	hit := n.Op("Cast", []graph.Value{n.op("Equal", top, labels)}, graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)})
	return n.Mean(hit)
}

// MSE is the mean of (x - target)² over all elements, a scalar.
func (n *Net) MSE(x, target graph.Value) graph.Value {
	d := n.op("Sub", x, target)
	return n.Mean(n.op("Mul", d, d))
}

// BCEWithLogits is the mean over all elements of the binary cross-entropy of targets in [0, 1], a scalar: -BernoulliLogits.
func (n *Net) BCEWithLogits(logits, targets graph.Value) graph.Value {
	return n.op("Neg", n.Mean(n.BernoulliLogits(logits, targets)))
}

// BernoulliLogits is log p(x) for each element of x in [0, 1] where p(1) = σ(l): x·l - softplus(l).
func (n *Net) BernoulliLogits(logits, x graph.Value) graph.Value {
	return n.op("Sub", n.op("Mul", x, logits), n.op("Softplus", logits))
}

// Gaussian is log N(x; mean, e^s) for each element, where s is the logarithm of the variance: -½ (log 2π + s + (x-mean)² e^-s).
func (n *Net) Gaussian(x, mean, logVariance graph.Value) graph.Value {
	d := n.op("Sub", x, mean)
	squares := n.op("Mul", n.op("Mul", d, d), n.op("Exp", n.op("Neg", logVariance)))
	return n.op("Mul", n.Add(n.Add(squares, logVariance), n.scalar(math.Log(2*math.Pi))), n.scalar(-0.5))
}

// GaussianKL is KL(N(m, e^s) ‖ N(m₂, e^s₂)) for each element, where s are the logarithms of variances:
// ½ (s₂ - s + (e^s + (m-m₂)²) e^-s₂ - 1).
func (n *Net) GaussianKL(mean, logVariance, mean2, logVariance2 graph.Value) graph.Value {
	d := n.op("Sub", mean, mean2)
	spread := n.op("Mul", n.Add(n.op("Exp", logVariance), n.op("Mul", d, d)), n.op("Exp", n.op("Neg", logVariance2)))
	return n.half(n.Add(n.op("Sub", logVariance2, logVariance), spread))
}

// StandardKL is KL(N(m, e^s) ‖ N(0, 1)) for each element: ½ (m² + e^s - s - 1).
func (n *Net) StandardKL(mean, logVariance graph.Value) graph.Value {
	return n.half(n.op("Sub", n.Add(n.op("Mul", mean, mean), n.op("Exp", logVariance)), logVariance))
}

// half is ½ (x - 1).
func (n *Net) half(x graph.Value) graph.Value {
	return n.op("Mul", n.op("Sub", x, n.scalar(1)), n.scalar(0.5))
}

// Mixture is the log-likelihood of a mixture along an axis of components, which goes: log Σ_k e^(logWeights_k + logLikelihoods_k),
// without overflow.
func (n *Net) Mixture(logWeights, logLikelihoods graph.Value, axis int) graph.Value {
	return n.reduce("ReduceLogSumExp", n.Add(logWeights, logLikelihoods), []int{axis})
}
