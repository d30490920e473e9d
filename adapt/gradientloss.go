package adapt

import (
	"fmt"

	"visus/graph"
	"visus/graph/nn"
	"visus/observer"
	"visus/tensor"
)

const (
	keptOutput, finiteOutput = "adapt.kept", "adapt.finite"
	answersState             = "adapt.answers" // ETA's mean answer
	taughtInput              = "adapt.taught"  // scores of CoTTA's teacher
)

// objective writes what a method makes of a batch's answers.
type objective struct {
	*nn.Net
	Learning
	scores           observer.Scores
	logs, p, entropy graph.Value // [n,K], [n,K], [n]
	classes          int
	buffers          []graph.State
}

// stepOf appends the loss, its gradients and the optimiser to a network in training form whose shapes are fixed.
func (l *learner) stepOf(g *graph.Graph) (*nn.StepGraph, error) {
	var kept string
	if l.method.Mode == SAR {
		var err error
		if kept, err = l.sharpen(g); err != nil {
			return nil, err
		}
	}
	output := l.model.Output
	if kept != "" {
		output = second + output
	}
	b, err := graph.Extend(g)
	if err != nil {
		return nil, err
	}
	o, err := l.look(b, output)
	if err != nil {
		return nil, err
	}
	loss, share := l.loss(o, kept)
	const lossOutput = "adapt.loss"
	b.Output(lossOutput, loss)
	b.Output(keptOutput, share)
	if g, err = b.Build(); err != nil {
		return nil, err
	}
	for _, name := range l.frozen {
		o.buffers = append(o.buffers, graph.State{Input: name, Initial: g.Constant(name).Tensor})
	}
	s, err := nn.Step(g, lossOutput, l.learnt, l.method.optimiser(), nn.StepOptions{Buffers: o.buffers, Average: l.method.memory()})
	if err != nil {
		return nil, err
	}
	return s, guard(s)
}

// look reads the answers in an output of the network.
func (l *learner) look(b *graph.Builder, output string) (*objective, error) {
	o := &objective{Net: nn.On(b, nn.Options{}), Learning: l.method.Learning, scores: l.model.Scores}
	logits := b.Value(output)
	if err := b.Err(); err != nil {
		return nil, err
	}
	sizes, fixed := logits.Sizes()
	if !fixed || len(sizes) != 2 {
		return nil, fmt.Errorf("output %q has shape %s, expected [images, classes]", output, graph.ShapeText(logits.Shape))
	}
	o.classes = sizes[1]
	o.logs = o.logarithms(logits)
	o.p = o.op("Exp", o.logs)
	o.entropy = o.op("Neg", o.Sum(o.op("Mul", o.p, o.logs), 1))
	return o, nil
}

// logarithms are the log-probabilities of scores.
func (o *objective) logarithms(scores graph.Value) graph.Value {
	if o.scores == observer.Probabilities {
		scores = o.op("Log", o.op("Max", scores, o.number(1e-30)))
	}
	return o.Op("LogSoftmax", []graph.Value{scores}, graph.Attribute{Name: "axis", Value: int64(1)})
}

func (o *objective) op(name string, inputs ...graph.Value) graph.Value { return o.Op(name, inputs) }

func (o *objective) number(v float64) graph.Value { return o.Scalar(tensor.Float32, v) }

// loss is that of the mode and the share of the images that it is made of. kept names the images that SAR kept in its first pass.
func (l *learner) loss(o *objective, kept string) (loss, share graph.Value) {
	switch l.method.Mode {
	case RPL:
		p := o.op("Exp", o.op("Mul", o.best(), o.number(power)))
		return o.Mean(o.op("Div", o.op("Sub", o.number(1), p), o.number(power))), o.number(1)
	case ETA:
		return o.selective()
	case EATA:
		loss, share = o.selective()
		return o.Add(loss, l.penalty(o)), share
	case SAR:
		return o.certain(o.op("Mul", o.float(o.sureOnes()), o.Value(kept)))
	case CoTTA:
		taught := o.Input(taughtInput, tensor.Float32, o.p.Shape...)
		return o.SoftCrossEntropy(o.logs, o.op("Exp", o.logarithms(taught))), o.number(1)
	}
	return o.Mean(o.entropy), o.number(1)
}

// best are the log-probabilities of the classes answered, [n].
func (o *objective) best() graph.Value {
	return o.Op("ReduceMax", []graph.Value{o.logs, o.Ints(1)}, graph.Attribute{Name: "keepdims", Value: int64(0)})
}

// sureOnes says which images have H < E₀, [n].
func (o *objective) sureOnes() graph.Value {
	return o.op("Less", o.entropy, o.number(o.sure(o.classes)))
}

func (o *objective) float(yes graph.Value) graph.Value {
	return o.Op("Cast", []graph.Value{yes}, graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)})
}

// certain is the mean H of the images with keep [n] 1, not 0.
func (o *objective) certain(keep graph.Value) (loss, share graph.Value) {
	count := o.op("Max", o.Sum(keep), o.number(1))
	return o.op("Div", o.Sum(o.op("Mul", keep, o.entropy)), count), o.Mean(keep)
}

// selective is ETA: with m the mean answer of the images kept so far, m ← 0.9 m + 0.1 · this batch's, an image is kept where H < E₀ and
// |cos(p, m)| < d. The first batch has no m. The weight exp(E₀ − H) has no gradient.
func (o *objective) selective() (loss, share graph.Value) {
	m := o.Initializer(answersState, tensor.New(tensor.Float32, o.classes))
	seen := o.op("Greater", o.Sum(m), o.number(0.5))
	length := func(v graph.Value, axes ...int) graph.Value { return o.op("Sqrt", o.Sum(o.op("Mul", v, v), axes...)) }
	cosine := o.op("Div", o.Sum(o.op("Mul", o.p, m), 1), o.op("Max", o.op("Mul", length(o.p, 1), length(m)), o.number(1e-8)))
	differs := o.op("Or", o.op("Less", o.op("Abs", cosine), o.number(o.alike(o.classes))), o.op("Not", seen))
	keep := o.float(o.op("And", o.sureOnes(), differs))
	count := o.op("Max", o.Sum(keep), o.number(1))

	mean := o.op("Div", o.Sum(o.op("Mul", o.p, o.op("Unsqueeze", keep, o.Ints(1))), 0), count)
	blend := o.Add(o.op("Mul", m, o.number(past)), o.op("Mul", mean, o.number(1-past)))
	o.Output(answersState+".next", o.op("Where", seen, blend, mean))
	o.buffers = append(o.buffers, graph.State{Input: answersState, Output: answersState + ".next", Initial: tensor.New(tensor.Float32, o.classes)})

	weight := o.op("visus.StopGradient", o.op("Mul", keep, o.op("Exp", o.op("Sub", o.number(o.sure(o.classes)), o.entropy))))
	return o.op("Div", o.Sum(o.op("Mul", weight, o.entropy)), count), o.Mean(keep)
}

// guard keeps every state, moments included, as it is where no image was kept, or where the loss or what would be learnt is no finite number:
// x − x is 0 for finite x alone.
func guard(s *nn.StepGraph) error {
	b, err := graph.Extend(s.Graph)
	if err != nil {
		return err
	}
	op := func(name string, inputs ...graph.Value) graph.Value { return b.Op(name, inputs) }
	wrong := func(x graph.Value) graph.Value {
		return b.Op("ReduceSum", []graph.Value{op("Sub", x, x)}, graph.Attribute{Name: "keepdims", Value: int64(0)})
	}
	sum := []graph.Value{wrong(b.Value(s.Loss))}
	for _, state := range s.State {
		if next := state.Output; next != "" && b.Value(next).Type == tensor.Float32 {
			sum = append(sum, wrong(b.Value(next)))
		}
	}
	zero := b.Scalar(tensor.Float32, 0)
	finite := op("Equal", op("Sum", sum...), zero)
	b.Output(finiteOutput, b.Op("Cast", []graph.Value{finite}, graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)}))
	changes := op("And", finite, op("Greater", b.Value(keptOutput), zero))
	for i, state := range s.State {
		if state.Output == "" {
			continue
		}
		name := state.Output + ".kept"
		b.Output(name, op("Where", changes, b.Value(state.Output), b.Value(state.Input)))
		s.State[i].Output = name
	}
	s.Graph, err = b.Build()
	return err
}
