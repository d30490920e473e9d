package adapt

import (
	"fmt"
	"math"

	"visus/graph"
	"visus/graph/nn"
	"visus/observer"
	"visus/tensor"
)

const (
	power  = 0.8 // q of RPL
	sure   = 0.4 // E₀ of ETA is so many times log K
	memory = 0.9 // weight of the past in ETA's mean answer

	entropyOutput, keptOutput = "adapt.entropy", "adapt.kept"
	answersState              = "adapt.answers" // ETA's mean answer
)

func (o Learning) rate() float64 {
	if o.Rate == 0 {
		return 1e-3
	}
	return o.Rate
}

func (o Learning) optimiser() nn.Optimiser {
	if o.Optimiser == nil {
		return nn.Adam{}
	}
	return o.Optimiser
}

// redundant is the cosine to the mean answer from which on ETA drops an image: 0.4 was chosen for 10 and 100 classes, 0.05 for 1000.
func redundant(classes int) float64 {
	if classes <= 100 {
		return 0.4
	}
	return 0.05
}

// objective writes what a method makes of a batch's answers.
type objective struct {
	*nn.Net
	logs, p, entropy graph.Value // [n,K], [n,K], [n]
	classes          int
	buffers          []graph.State
}

// stepOf appends the loss, its gradients and the optimiser to a network in training form whose shapes are fixed.
func stepOf(g *graph.Graph, output string, scores observer.Scores, method Method, affine []string) (*nn.StepGraph, error) {
	b, err := graph.Extend(g)
	if err != nil {
		return nil, err
	}
	o, err := look(b, output, scores)
	if err != nil {
		return nil, err
	}
	loss, kept := o.of(method.Mode)
	const lossOutput = "adapt.loss"
	b.Output(lossOutput, loss)
	b.Output(entropyOutput, o.Mean(o.entropy))
	b.Output(keptOutput, kept)
	if g, err = b.Build(); err != nil {
		return nil, err
	}
	s, err := nn.Step(g, lossOutput, affine, method.Learning.optimiser(), nn.StepOptions{Buffers: o.buffers})
	if err != nil || method.Mode != ETA {
		return s, err
	}
	return s, guard(s)
}

func look(b *graph.Builder, output string, scores observer.Scores) (*objective, error) {
	o := &objective{Net: nn.On(b, nn.Options{})}
	logits := b.Value(output)
	if err := b.Err(); err != nil {
		return nil, err
	}
	sizes, fixed := logits.Sizes()
	if !fixed || len(sizes) != 2 {
		return nil, fmt.Errorf("output %q has shape %s, expected [images, classes]", output, graph.ShapeText(logits.Shape))
	}
	o.classes = sizes[1]
	if scores == observer.Probabilities {
		logits = o.op("Log", o.op("Max", logits, o.number(1e-30)))
	}
	o.logs = o.Op("LogSoftmax", []graph.Value{logits}, graph.Attribute{Name: "axis", Value: int64(1)})
	o.p = o.op("Exp", o.logs)
	o.entropy = o.op("Neg", o.Sum(o.op("Mul", o.p, o.logs), 1))
	return o, nil
}

func (o *objective) op(name string, inputs ...graph.Value) graph.Value { return o.Op(name, inputs) }

func (o *objective) number(v float64) graph.Value { return o.Scalar(tensor.Float32, v) }

// of is the loss of a mode and the share of the images that it is made of.
func (o *objective) of(mode Mode) (loss, kept graph.Value) {
	switch mode {
	case RPL:
		best := o.Op("ReduceMax", []graph.Value{o.logs, o.Ints(1)}, graph.Attribute{Name: "keepdims", Value: int64(0)})
		p := o.op("Exp", o.op("Mul", best, o.number(power)))
		return o.Mean(o.op("Div", o.op("Sub", o.number(1), p), o.number(power))), o.number(1)
	case ETA:
		return o.selective()
	}
	return o.Mean(o.entropy), o.number(1)
}

// selective is ETA: with m the mean answer of the images kept so far, m ← 0.9 m + 0.1 · this batch's, an image is kept where H < E₀ and
// |cos(p, m)| < d. The first batch has no m. The weight exp(E₀ − H) has no gradient.
func (o *objective) selective() (loss, kept graph.Value) {
	limit := sure * math.Log(float64(o.classes))
	m := o.Initializer(answersState, tensor.New(tensor.Float32, o.classes))
	seen := o.op("Greater", o.Sum(m), o.number(0.5))
	length := func(v graph.Value, axes ...int) graph.Value { return o.op("Sqrt", o.Sum(o.op("Mul", v, v), axes...)) }
	cosine := o.op("Div", o.Sum(o.op("Mul", o.p, m), 1), o.op("Max", o.op("Mul", length(o.p, 1), length(m)), o.number(1e-8)))
	differs := o.op("Or", o.op("Less", o.op("Abs", cosine), o.number(redundant(o.classes))), o.op("Not", seen))
	keep := o.Op("Cast", []graph.Value{o.op("And", o.op("Less", o.entropy, o.number(limit)), differs)}, graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)})
	count := o.op("Max", o.Sum(keep), o.number(1))

	mean := o.op("Div", o.Sum(o.op("Mul", o.p, o.op("Unsqueeze", keep, o.Ints(1))), 0), count)
	blend := o.Add(o.op("Mul", m, o.number(memory)), o.op("Mul", mean, o.number(1-memory)))
	o.Output(answersState+".next", o.op("Where", seen, blend, mean))
	o.buffers = append(o.buffers, graph.State{Input: answersState, Output: answersState + ".next", Initial: tensor.New(tensor.Float32, o.classes)})

	weight := o.op("visus.StopGradient", o.op("Mul", keep, o.op("Exp", o.op("Sub", o.number(limit), o.entropy))))
	return o.op("Div", o.Sum(o.op("Mul", weight, o.entropy)), count), o.Mean(keep)
}

// guard keeps every state, moments included, as it is where no image was kept.
func guard(s *nn.StepGraph) error {
	b, err := graph.Extend(s.Graph)
	if err != nil {
		return err
	}
	any := b.Op("Greater", []graph.Value{b.Value(keptOutput), b.Scalar(tensor.Float32, 0)})
	for i, state := range s.State {
		name := state.Output + ".kept"
		b.Output(name, b.Op("Where", []graph.Value{any, b.Value(state.Output), b.Value(state.Input)}))
		s.State[i].Output = name
	}
	s.Graph, err = b.Build()
	return err
}
