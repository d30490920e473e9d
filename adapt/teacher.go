package adapt

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/stimulus/augment"
	"visus/stimulus/raster"
	"visus/tensor"
)

// teacher is CoTTA's: the network with the moving averages of the weights, and with those that the model came with.
type teacher struct {
	mean, source engine.Program
	states       map[string]string // of a step: the average of each weight
	held         map[string]*tensor.Tensor
}

func (l *learner) newTeacher(ctx context.Context, shape []int, averages map[string]string) (*teacher, error) {
	t := &teacher{states: averages, held: map[string]*tensor.Tensor{}}
	for _, p := range []*engine.Program{&t.mean, &t.source} {
		g, err := l.forward(shape)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		if *p, err = l.still(ctx, g, l.model.Output); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	return t, nil
}

// averages are the teacher's weights by the names of the student's.
func (s *stepper) averages() (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for name, state := range s.teacher.states {
		t, err := s.ReadState(state, nil)
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

func (t *teacher) close() error {
	if t == nil {
		return nil
	}
	var all error
	for _, p := range []engine.Program{t.mean, t.source} {
		if p != nil {
			all = errors.Join(all, p.Close())
		}
	}
	return all
}

// teach gives the scores that the student learns from: the teacher's of the images, or, where the model as it came is not sure of them, the
// mean over views of each.
func (l *learner) teach(ctx context.Context, p *stepper, in batch, random *rand.Rand) (*tensor.Tensor, error) {
	t := p.teacher
	for name, state := range t.states {
		var err error
		if t.held[name], err = p.ReadState(state, t.held[name]); err != nil {
			return nil, err
		}
		if err := t.mean.WriteState(name, t.held[name]); err != nil {
			return nil, err
		}
	}
	outputs := make([]*tensor.Tensor, 1)
	if err := t.source.Run(ctx, []*tensor.Tensor{in.pixels}, outputs); err != nil {
		return nil, err
	}
	confidence, err := l.confidence(outputs[0], len(in.images))
	if err != nil {
		return nil, err
	}
	if confidence < cmp.Or(l.method.Learning.Doubt, 0.92) {
		return l.overViews(ctx, t, in, random)
	}
	outputs[0] = nil
	err = t.mean.Run(ctx, []*tensor.Tensor{in.pixels}, outputs)
	return outputs[0], err
}

// confidence is the mean probability of the classes answered.
func (l *learner) confidence(scores *tensor.Tensor, n int) (float64, error) {
	answers, err := l.model.Read(scores, n)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, a := range answers {
		sum += float64(slices.Max(a.Probabilities))
	}
	return sum / float64(n), nil
}

// views are what the teacher looks at: crops moved by up to a sixteenth of the side, mirrored or not, in other colours, drawn anew for each
// image. The ranges are the authors'; their small rotations, zooms, blur, noise and gamma are left out.
func views(m *raster.Image) augment.Policy {
	return augment.Policy{Pad: (max(m.Width, m.Height) + 8) / 16, Flip: 0.5, Brightness: 0.4, Contrast: 0.3, Saturation: 0.5, Hue: 0.06}
}

func (l *learner) overViews(ctx context.Context, t *teacher, in batch, random *rand.Rand) (*tensor.Tensor, error) {
	first := in.images[0]
	level := augment.Affine{Gain: 255, Offset: 0.5} // cut to bytes, it rounds
	w, err := augment.NewWorker(views(first), augment.Layout{Width: first.Width, Height: first.Height, Channels: 3}, [3]augment.Affine{level, level, level})
	if err != nil {
		return nil, err
	}
	plane := make([]float32, len(first.Pix))
	shown := make([]*raster.Image, len(in.images))
	var sum *tensor.Tensor
	outputs, count := make([]*tensor.Tensor, 1), l.method.Learning.views()
	for range count {
		for i, m := range in.images {
			w.Augment(plane, m.Pix, random.Uint64())
			shown[i] = interleaved(plane, m.Width, m.Height)
		}
		pixels, err := l.model.Pixels(shown)
		if err != nil {
			return nil, err
		}
		if err := t.mean.Run(ctx, []*tensor.Tensor{pixels}, outputs); err != nil {
			return nil, err
		}
		if sum == nil {
			sum = tensor.New(tensor.Float32, outputs[0].Shape()...)
		}
		total := tensor.Values[float32](sum)
		for i, v := range tensor.Values[float32](outputs[0]) {
			total[i] += v / float32(count)
		}
	}
	return sum, nil
}

// interleaved turns planes of levels into an image.
func interleaved(planes []float32, width, height int) *raster.Image {
	m := raster.New(width, height)
	for c := range 3 {
		for i, v := range planes[c*width*height : (c+1)*width*height] {
			m.Pix[3*i+c] = uint8(v)
		}
	}
	return m
}

// restore puts each number of each weight of the student back to the source's with the same small probability. The teacher's follow later.
func (l *learner) restore(p *stepper, random *rand.Rand) error {
	probability := cmp.Or(l.method.Learning.Restore, 0.01)
	if probability < 0 {
		return nil
	}
	for _, name := range l.learnt {
		t, err := p.ReadState(name, p.teacher.held[name])
		if err != nil {
			return err
		}
		p.teacher.held[name] = t
		now, source := tensor.Values[float32](t), tensor.Values[float32](l.initial[name])
		drawn(len(now), probability, random, func(i int) { now[i] = source[i] })
		if err := p.WriteState(name, t); err != nil {
			return err
		}
	}
	return nil
}

// drawn calls take for each of n places with a probability. It draws the distances between places that are taken, which are geometric.
func drawn(n int, probability float64, random *rand.Rand, take func(i int)) {
	gap := func() float64 { // from one place to the next that is taken
		if probability >= 1 {
			return 1
		}
		return 1 + math.Floor(math.Log(1-random.Float64())/math.Log1p(-probability))
	}
	for at := gap() - 1; at < float64(n); at += gap() {
		take(int(at))
	}
}

// weights lists the parameters that CoTTA learns: what is constant in the convolutions, linear layers and normalisers that the output needs.
func weights(g *graph.Graph, output string, affine []string) []string {
	needed := g.Clone()
	needed.Outputs = slices.DeleteFunc(needed.Outputs, func(v graph.Value) bool { return v.Name != output })
	needed.Prune()
	names, products := slices.Clone(affine), map[string]bool{}
	for _, n := range needed.Nodes {
		read := n.Inputs
		switch n.Op {
		case "MatMul":
			products[n.Output(0)] = true
		case "Add": // a bias
			if !slices.ContainsFunc(read, func(name string) bool { return products[name] }) {
				continue
			}
		case "Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "PRelu":
		case "BatchNormalization":
			read = read[1:3]
		default:
			continue
		}
		for _, name := range read {
			if c := needed.Constant(name); c != nil && c.Tensor != nil && c.Tensor.Type() == tensor.Float32 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
