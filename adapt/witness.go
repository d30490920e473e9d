package adapt

import (
	"context"
	"errors"

	"visus/engine"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// witness looks for batches of few classes where the answers themselves cannot tell. Statistics of a batch of one class remove what its images
// have in common, their class, so that answers spread evenly: of 32 images of one class a ResNet-20 names 17 % rightly, and pairs of answers
// agree as often as those of shuffled images (10 %; CIFAR-10, with N = 0). With statistics that lean to the source, N = 2n, it names half of
// them rightly and agrees in 14 % to 60 %; shuffled, in 13 % at most, under any of nine corruptions. The network as it is does not serve:
// severe noise alone makes it name one class in half of the cases.
type witness struct {
	program engine.Program
	outputs []*tensor.Tensor
	batches int // since the last Reset
}

// watchEvery is how many batches pass between two that are looked at: the cost stays below 2 % of a long run's.
const watchEvery = 64

func newWitness(ctx context.Context, e engine.Engine, m *observer.Model, n *network) (*witness, error) {
	o := n.options
	o.Prior, o.Images, o.Weight, o.Unbiased = 0, 0, usualWeight, true
	g, err := norm.Batch(n.graph, n.layers, o)
	if err != nil {
		return nil, err
	}
	program, err := e.Compile(ctx, g, m.CompileOptions())
	if err != nil {
		return nil, err
	}
	return &witness{program: program, outputs: make([]*tensor.Tensor, 1)}, nil
}

// balanceImages are enough to see how a set is mixed.
const balanceImages = 512

// Balance warns where a set of images seems to hold few classes, so that its statistics are doubtful. It looks at up to 512 of them, drawn by
// the seed.
func Balance(ctx context.Context, e engine.Engine, m *observer.Model, images Images, method Method, seed uint64) ([]Warning, error) {
	n, err := open(m, method)
	if err != nil {
		return nil, err
	}
	w, err := newWitness(ctx, e, m, n)
	if err != nil {
		return nil, err
	}
	defer w.program.Close()
	var all []observer.Answer
	order := shuffled(images.Len(), seed)
	err = walk(ctx, images, m.Geometry(), order[:min(len(order), balanceImages)], 32, func(batch []*raster.Image) error {
		in, err := m.Pixels(batch)
		if err != nil {
			return err
		}
		answers, err := w.answer(ctx, m, in)
		all = append(all, answers...)
		return err
	})
	if err != nil {
		return nil, err
	}
	var found warnings
	found.balance(all)
	return found, nil
}

// look answers the first batch and every watchEvery-th after it, nil to others.
func (w *witness) look(ctx context.Context, m *observer.Model, in *tensor.Tensor) ([]observer.Answer, error) {
	w.batches++
	if w.batches%watchEvery != 1 {
		return nil, nil
	}
	return w.answer(ctx, m, in)
}

func (w *witness) answer(ctx context.Context, m *observer.Model, in *tensor.Tensor) ([]observer.Answer, error) {
	w.outputs[0] = nil
	if err := w.program.Run(ctx, []*tensor.Tensor{in}, w.outputs); err != nil {
		return nil, err
	}
	return m.Read(w.outputs[0], in.Shape()[0])
}

// blind says whether a method's answers to a batch of one class do not show that it is one: nothing leans to the source.
func (m Method) blind() bool {
	o := m.options()
	return o.Prior == 0 && o.Weight == 0
}

// close also closes what an observer answers with.
func (w *witness) close(answering error) error {
	if w == nil {
		return answering
	}
	return errors.Join(answering, w.program.Close())
}
