package training

import (
	"context"
	"math"

	"visus/engine"
	"visus/graph"
	"visus/stimulus/augment"
	"visus/tensor"
	"visus/train"
)

// shown are pictures as the network takes them: changed at random, then normalised. They are a train.Data.
type shown struct {
	*pictures
	policy augment.Policy
	feed   [3]augment.Affine
}

// Filler implements train.Data: images [batch, channels, height, width], then, where they are asked for, labels [batch].
func (s shown) Filler() (train.Filler, error) {
	worker, err := augment.NewWorker(s.policy, s.layout, s.feed)
	if err != nil {
		return nil, err
	}
	n := s.layout.Len()
	scratch := make([]uint8, n)
	return func(batch []*tensor.Tensor, row, item int, seed uint64) error {
		image, err := s.bytes(item, scratch)
		if err != nil {
			return err
		}
		worker.Augment(tensor.Values[float32](batch[0])[row*n:(row+1)*n], image, seed)
		if len(batch) > 1 {
			tensor.Values[int64](batch[1])[row] = int64(s.labels[item])
		}
		return nil
	}, nil
}

// feed is the preprocessing: less the mean, divided by the deviation.
func feed(mean, std [3]float64) (f [3]augment.Affine) {
	for c := range f {
		f[c] = augment.Affine{Gain: float32(1 / std[c]), Offset: float32(-mean[c] / std[c])}
	}
	return f
}

// validationBatch is how many validation images run together.
const validationBatch = 256

// measure returns the accuracy and the mean cross-entropy, in nats, of a network on pictures as they are.
func (r *run) measure(ctx context.Context, g *graph.Graph, s shown) (accuracy, loss float64, err error) {
	program, err := r.Engine.Compile(ctx, g, engine.Options{Threads: r.Options.Threads})
	if err != nil {
		return 0, 0, err
	}
	defer program.Close()
	right := 0
	see := func(first, items int, outputs []*tensor.Tensor) error {
		logits, classes := tensor.Values[float32](outputs[0]), len(r.classes)
		for i := range items {
			row, label := logits[i*classes:(i+1)*classes], int(s.labels[first+i])
			if top(row) == label {
				right++
			}
			loss += crossEntropy(row, label)
		}
		return nil
	}
	err = train.Evaluation{Program: program, Data: s, Batch: validationBatch, Workers: r.Options.Workers}.Run(ctx, see)
	return float64(right) / float64(s.Len()), loss / float64(s.Len()), err
}

// top is the class with the largest score, the first of equal ones.
func top(scores []float32) int {
	best := 0
	for i, v := range scores {
		if v > scores[best] {
			best = i
		}
	}
	return best
}

// crossEntropy is log Σ e^scores less the label's score.
func crossEntropy(scores []float32, label int) float64 {
	highest := float64(scores[top(scores)])
	sum := 0.
	for _, v := range scores {
		sum += math.Exp(float64(v) - highest)
	}
	return highest + math.Log(sum) - float64(scores[label])
}
