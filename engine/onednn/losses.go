package onednn

import (
	"fmt"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var losses = map[string]operator{"SoftmaxCrossEntropyLoss": crossEntropy, "NegativeLogLikelihoodLoss": likelihood}

func crossEntropy(t *translator, n *node) ([]*value, error) {
	logs := t.logSoftmax(n.in[0], 1)
	loss, err := t.likelihood(n, logs)
	return []*value{loss, logs}, err
}

func likelihood(t *translator, n *node) ([]*value, error) {
	loss, err := t.likelihood(n, n.in[0])
	return list(loss), err
}

// likelihood is −Σ w·log p of the labels [N, ...] among logs [N, C, ...], where a label to be ignored has no weight; for the mean it is
// divided by the sum of the weights.
func (t *translator) likelihood(n *node, logs *value) (*value, error) {
	labels := n.in[1]
	if labels.kind != tensor.Int64 && labels.kind != tensor.Int32 {
		return nil, fmt.Errorf("labels of %s", labels.kind)
	}
	if err := floats(logs, n.arg(2)); err != nil {
		return nil, err
	}
	shape := append([]int{labels.shape[0], 1}, labels.shape[1:]...)
	places := make([]int, len(logs.shape))
	for i := range places {
		places[i] = 1
	}
	places[1] = logs.shape[1]
	at := t.reshape(labels, shape...)
	weight := t.el(kernel.Copy, t.test(kernel.Equal, at, t.index(logs.shape[1], places...)))
	if w := n.arg(2); w != nil {
		weight = t.el(kernel.Mul, weight, t.channels(w, len(logs.shape)))
	}
	if n.Attribute("ignore_index") != nil {
		ignored := t.test(kernel.Equal, at, t.number(float64(n.Int("ignore_index", 0))))
		weight = t.where(ignored, t.number(0), weight)
	}
	hit := t.where(t.test(kernel.Equal, weight, t.number(0)), t.number(0), t.el(kernel.Mul, weight, t.el(kernel.Neg, logs)))
	switch n.Text("reduction", "mean") {
	case "none":
		return t.reshape(t.sum(hit, 1), n.shape[0]...), nil
	case "sum":
		return t.reshape(t.sum(hit, all(len(hit.shape))...), n.shape[0]...), nil
	}
	every := all(len(hit.shape))
	return t.reshape(t.el(kernel.Div, t.sum(hit, every...), t.sum(weight, every...)), n.shape[0]...), nil
}
