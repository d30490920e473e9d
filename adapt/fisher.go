package adapt

import (
	"context"
	"errors"
	"fmt"

	"visus/engine"
	"visus/graph"
	"visus/graph/grad"
	"visus/stimulus/raster"
	"visus/tensor"
)

const (
	fisherImages = 2000 // as in the paper
	fisherBatch  = 64
	fisherOutput = "adapt.fisher/"
)

// importance is EATA's F: with the classes answered as labels, the gradient of the mean cross-entropy of a batch of clean images, squared,
// averaged over the batches. That is the reference's diagonal of the Fisher information (mr-eggplant/EATA).
func (l *learner) importance(ctx context.Context) (map[string]*tensor.Tensor, error) {
	clean := l.method.Learning.Clean
	if clean == nil || clean.Len() == 0 {
		return nil, errors.New("eata needs clean images, which tell what matters to them (--clean DIR)")
	}
	order := shuffled(clean.Len(), l.method.Learning.Seed)
	sums, batches := map[string]*tensor.Tensor{}, 0
	programs := map[int]engine.Program{}
	defer func() {
		for _, p := range programs {
			p.Close()
		}
	}()
	outputs := make([]*tensor.Tensor, len(l.learnt))
	err := walk(ctx, clean, l.model.Geometry(), order[:min(len(order), fisherImages)], fisherBatch, func(images []*raster.Image) (err error) {
		if l.model.Scores == "" { // decides the loss
			if _, err := l.model.Answer(ctx, images); err != nil {
				return err
			}
		}
		in, err := l.model.Pixels(images)
		if err != nil {
			return err
		}
		p := programs[len(images)]
		if p == nil {
			if p, err = l.squares(ctx, in.Shape()); err != nil {
				return err
			}
			programs[len(images)] = p
		}
		if err := p.Run(ctx, []*tensor.Tensor{in}, outputs); err != nil {
			return err
		}
		batches++
		for i, name := range l.learnt {
			accumulate(sums, name, outputs[i])
		}
		return nil
	})
	for _, t := range sums {
		v := tensor.Values[float32](t)
		for i := range v {
			v[i] /= float32(batches)
		}
	}
	return sums, err
}

func accumulate(sums map[string]*tensor.Tensor, name string, t *tensor.Tensor) {
	if sums[name] == nil {
		sums[name] = tensor.New(tensor.Float32, t.Shape()...)
	}
	sum := tensor.Values[float32](sums[name])
	for i, v := range tensor.Values[float32](t) {
		sum[i] += v
	}
}

// squares compiles the squared gradients of a batch, one output for each of what is learnt.
func (l *learner) squares(ctx context.Context, shape []int) (engine.Program, error) {
	g, err := l.forward(shape)
	if err != nil {
		return nil, err
	}
	b, err := graph.Extend(g)
	if err != nil {
		return nil, err
	}
	o, err := l.look(b, l.model.Output)
	if err != nil {
		return nil, err
	}
	const loss = "adapt.loss"
	b.Output(loss, o.op("Neg", o.Mean(o.best())))
	if g, err = b.Build(); err != nil {
		return nil, err
	}
	gradients, err := grad.Append(g, loss, l.learnt...)
	if err != nil {
		return nil, err
	}
	if b, err = graph.Extend(g); err != nil {
		return nil, err
	}
	var outputs []string
	for _, name := range l.learnt {
		gradient := b.Value(gradients[name])
		outputs = append(outputs, fisherOutput+name)
		b.Output(fisherOutput+name, b.Op("Mul", []graph.Value{gradient, gradient}))
	}
	if g, err = b.Build(); err != nil {
		return nil, err
	}
	return l.still(ctx, g, outputs...)
}

// penalty is α Σ F (θ − θ⁰)², with θ⁰ the source's.
func (l *learner) penalty(o *objective) graph.Value {
	var parts []graph.Value
	for _, name := range l.learnt {
		c := l.network.graph.Constant(name)
		if c == nil || c.Tensor == nil {
			o.Fail("penalty", fmt.Errorf("%q is no constant of the graph", name))
			return graph.Value{}
		}
		d := o.op("Sub", o.Value(name), o.Constant(c.Tensor))
		parts = append(parts, o.Sum(o.op("Mul", o.Constant(l.fisher[name]), o.op("Mul", d, d))))
	}
	return o.op("Mul", o.number(o.anchor(o.classes)), o.op("Sum", parts...))
}
