package grad

import (
	"visus/graph"
	"visus/tensor"
)

// losses are the rules of losses of class scores x [N,C,...] with labels t [N,...] and, where given, weights w [C] of the classes:
//
//	loss_i = -w[t_i]·logp[i,t_i]
//
// for each label that is not ignored, 0 for those that are; "mean" divides the sum by that of w[t_i]. logp is x for
// NegativeLogLikelihoodLoss and the logarithm of its softmax along C for SoftmaxCrossEntropyLoss.
var losses = map[string]rule{
	"NegativeLogLikelihoodLoss": func(b *graph.Builder, c call) []graph.Value {
		l := likelihood(b, c, c.x[0])
		return []graph.Value{neg(b, l.hits), {}, l.weights}
	},
	// The gradient of logp goes through the softmax: dx = dlogp - p·sum_C dlogp, where the sum of a one-hot row is its one entry.
	"SoftmaxCrossEntropyLoss": func(b *graph.Builder, c call) []graph.Value {
		logp := c.y[len(c.y)-1]
		if c.Output(1) == "" {
			logp = b.Op("LogSoftmax", c.x[:1], graph.Attribute{Name: "axis", Value: int64(1)})
		}
		p := unary(b, "Exp", logp)
		dx, dw := graph.Value{}, graph.Value{}
		if c.dy[0].Name != "" {
			l := likelihood(b, c, logp)
			dx, dw = sub(b, mul(b, p, l.labels), l.hits), l.weights
		}
		if len(c.dy) < 2 || c.dy[1].Name == "" {
			return []graph.Value{dx, {}, dw}
		}
		more := sub(b, c.dy[1], mul(b, p, reduceSum(b, c.dy[1], []int{1})))
		if dx.Name != "" {
			more = b.Add(dx, more)
		}
		return []graph.Value{more, {}, dw}
	},
}

// likelihoods are the parts of a loss's gradient.
type likelihoods struct {
	labels  graph.Value // dy·w[t_i], of the mean the part: [N,1,...]
	hits    graph.Value // the same in the label's class, 0 in the others: [N,C,...]
	weights graph.Value // gradient of w; a zero Value where there is none
}

func likelihood(b *graph.Builder, c call, logp graph.Value) likelihoods {
	shape := sizes(c.x[0])
	column := append([]int{shape[0], 1}, shape[2:]...)
	labels := reshape(b, c.x[1], column)
	classes := make([]int64, shape[1])
	for i := range classes {
		classes[i] = int64(i)
	}
	numbers := reshape(b, b.Ints(classes...), append([]int{shape[1]}, ones(len(shape)-2)...))
	hit := compare(b, "Equal", convert(b, labels, tensor.Int64), numbers)
	if ignored, ok := c.Attribute("ignore_index").(int64); ok {
		counts := b.Op("Not", []graph.Value{compare(b, "Equal", labels, b.Scalar(labels.Type, float64(ignored)))})
		hit = b.Op("And", []graph.Value{hit, counts})
	}
	each := keep(b, hit, classWeights(b, c)) // [N,C,...]: w[t_i] in the label's class
	all := make([]int, len(shape))
	for i := range all {
		all[i] = i
	}
	dy := c.dy[0]
	mean := c.Text("reduction", "mean") == "mean"
	switch {
	case mean:
		dy = div(b, dy, reduceSum(b, each, all))
	case c.Text("reduction", "mean") == "none":
		dy = reshape(b, dy, column)
	}
	out := likelihoods{hits: mul(b, each, dy)}
	out.labels = reduceSum(b, out.hits, []int{1})
	if c.Input(2) == "" {
		return out
	}
	loss := neg(b, logp)
	if mean {
		loss = sub(b, loss, c.y[0])
	}
	perClass := keep(b, hit, mul(b, dy, loss))
	out.weights = reshape(b, reduceSum(b, perClass, append([]int{0}, all[2:]...)), []int{shape[1]})
	return out
}

// classWeights are w as [C,1,...], or 1.
func classWeights(b *graph.Builder, c call) graph.Value {
	if c.Input(2) == "" {
		return number(b, c.x[0], 1)
	}
	shape := sizes(c.x[0])
	return reshape(b, c.x[2], append([]int{shape[1]}, ones(len(shape)-2)...))
}

func ones(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
