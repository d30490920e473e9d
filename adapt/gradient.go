package adapt

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// The modes that learn: layers use the statistics of the batch, variance biased, and a step of an optimiser on each batch changes their scales
// and biases. Answers are those before the step. With p the softmax of an image's logits and H = −Σ p log p in nats, the losses are:
const (
	Tent Mode = "tent" // mean H (Wang et al. 2021)
	RPL  Mode = "rpl"  // mean (1 − p_ŷ^q)/q, ŷ the class answered, q = 0.8: robust pseudo-labels (Rusak et al. 2022)
	ETA  Mode = "eta"  // mean H·exp(E₀ − H) of the images with H < E₀ = 0.4 log K that differ from those before (Niu et al. 2022)
)

func (m Mode) learns() bool { return m == Tent || m == RPL || m == ETA }

// Learning says how the modes that learn do it. The zero value is a default.
type Learning struct {
	Optimiser nn.Optimiser // nil: Adam
	Rate      float64      // 0: 1e-3
	Steps     int          // on each batch, whose answers are those before the last one; 0: 1
	Episodic  bool         // every batch begins with the source's parameters; of use with several steps
	Lasting   bool         // a collapse is told, and the parameters stay
}

// Step is what one batch did to a model that learns.
type Step struct {
	Loss      float64 `json:"loss"`      // before the step
	Entropy   float64 `json:"entropy"`   // mean H of the batch, in nats
	Kept      float64 `json:"kept"`      // the share of images that the loss is made of; where it is 0 nothing changes
	Histogram []int   `json:"histogram"` // images by the class answered
	Collapsed bool    `json:"collapsed"` // the answers were those of a collapse; what else is here comes after the reset, unless Lasting
}

// learner runs steps. Shapes of gradients are fixed: there is one program a batch size, and the state moves from one to the next.
type learner struct {
	engine   engine.Engine
	model    *observer.Model
	method   Method
	network  *network
	affine   []string // scales and biases
	programs map[int]*stepper
	last     *stepper // that has the state; nil before the first batch
	initial  map[string]*tensor.Tensor
	steps    []Step
}

// stepper is the step of one batch size.
type stepper struct {
	engine.Program
	state   []string
	outputs []*tensor.Tensor // logits, loss, entropy, kept
}

func newLearner(e engine.Engine, m *observer.Model, method Method, n *network) (*learner, error) {
	if n.layers[0].Kind != norm.BatchNorm {
		return nil, fmt.Errorf("adapt: %s: %s learns the scales of batch normalisation, which is folded here: %w", m.Name(), method.Mode, ErrNothing)
	}
	if err := n.graph.Upgrade(); err != nil {
		return nil, fmt.Errorf("adapt: %s: %w", m.Name(), err)
	}
	l := &learner{engine: e, model: m, method: method, network: n, programs: map[int]*stepper{}}
	for _, layer := range n.layers {
		node, err := normaliser(n.graph, layer)
		if err != nil {
			return nil, fmt.Errorf("adapt: %s: %w", m.Name(), err)
		}
		l.affine = append(l.affine, node.Inputs[1], node.Inputs[2])
	}
	slices.Sort(l.affine)
	l.affine = slices.Compact(l.affine) // layers may share them
	return l, nil
}

// normaliser is a layer's node.
func normaliser(g *graph.Graph, l norm.Layer) (*graph.Node, error) {
	for _, n := range g.Nodes {
		if n.Op == "BatchNormalization" && n.Inputs[0] == l.Value && (n.Name == l.Name || n.Outputs[0] == l.Name) {
			return n, nil
		}
	}
	return nil, fmt.Errorf("layer %s is no node of the graph", l.Name)
}

// training lets a layer use the statistics of the batch. The operator writes running statistics over its last two inputs, so these are values
// that nothing else reads; made of the scale, which is state, they are no constants that an engine would fold or share.
func training(g *graph.Graph, l norm.Layer) error {
	node, err := normaliser(g, l)
	if err != nil {
		return err
	}
	next := node.Clone()
	with := []*graph.Node{nil, nil, next}
	for k := range 2 {
		value := g.Fresh(fmt.Sprintf("%s.running%d", node.Outputs[0], k))
		with[k] = &graph.Node{Name: value, Op: []string{"Neg", "Abs"}[k], Inputs: []string{node.Inputs[1]}, Outputs: []string{value}}
		next.Inputs[3+k] = value
		next.Outputs = append(next.Outputs[:1+k], g.Fresh(value+".next"))
	}
	next.Attributes = append(slices.DeleteFunc(next.Attributes, func(a graph.Attribute) bool { return a.Name == "momentum" || a.Name == "training_mode" }),
		graph.Attribute{Name: "momentum", Value: float32(0)}, graph.Attribute{Name: "training_mode", Value: int64(1)})
	return g.Replace(node, with...)
}

// forward is the network in training form for a batch of a shape.
func (l *learner) forward(shape []int) (*graph.Graph, error) {
	g := l.network.graph.Clone()
	for _, layer := range l.network.layers {
		if err := training(g, layer); err != nil {
			return nil, err
		}
	}
	return g, g.FixDims(map[string][]int{l.model.Input().Name: shape})
}

// compile makes the step for a batch of a shape.
func (l *learner) compile(ctx context.Context, shape []int) (*stepper, error) {
	g, err := l.forward(shape)
	if err != nil {
		return nil, err
	}
	s, err := stepOf(g, l.model.Output, l.model.Scores, l.method, l.affine)
	if err != nil {
		return nil, err
	}
	options := l.model.CompileOptions()
	options.State = s.State
	options.Outputs = []string{l.model.Output, s.Loss, entropyOutput, keptOutput}
	p, err := l.engine.Compile(ctx, s.Graph, options)
	if err != nil {
		return nil, err
	}
	out := &stepper{Program: p, outputs: make([]*tensor.Tensor, len(options.Outputs))}
	for _, state := range s.State {
		out.state = append(out.state, state.Input)
	}
	return out, nil
}

// stepperOf returns the step for a batch, with the state in it.
func (l *learner) stepperOf(ctx context.Context, shape []int) (*stepper, error) {
	p := l.programs[shape[0]]
	if p == nil {
		var err error
		if p, err = l.compile(ctx, shape); err != nil {
			return nil, fmt.Errorf("adapt: %s: %w", l.model.Name(), err)
		}
		l.programs[shape[0]] = p
	}
	var err error
	switch {
	case l.last == nil:
		l.initial, err = p.save()
	case l.last != p:
		var state map[string]*tensor.Tensor
		if state, err = l.last.save(); err == nil {
			err = p.load(state)
		}
	}
	l.last = p
	return p, err
}

func (s *stepper) save() (map[string]*tensor.Tensor, error) {
	out := map[string]*tensor.Tensor{}
	for _, name := range s.state {
		t, err := s.ReadState(name, nil)
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

func (s *stepper) load(state map[string]*tensor.Tensor) error {
	for _, name := range s.state {
		if err := s.WriteState(name, state[name]); err != nil {
			return err
		}
	}
	return nil
}

// answer answers a batch and learns from it. A collapse is put back to the source's parameters, and the batch answered anew.
func (l *learner) answer(ctx context.Context, images []*raster.Image, w *warnings) ([]observer.Answer, error) {
	if l.model.Scores == "" { // what the output means decides the loss: the model as it is tells
		if _, err := l.model.Answer(ctx, images); err != nil {
			return nil, err
		}
	}
	in, err := l.model.Pixels(images)
	if err != nil {
		return nil, err
	}
	fresh := l.last == nil || l.method.Learning.Episodic
	p, err := l.stepperOf(ctx, in.Shape())
	if err != nil {
		return nil, err
	}
	if fresh {
		err = p.load(l.initial)
	}
	if err != nil {
		return nil, err
	}
	answers, step, err := l.run(ctx, p, in, len(images))
	if err != nil {
		return nil, err
	}
	if !fresh && Concentrated(answers) {
		if answers, step, err = l.doubt(ctx, p, in, answers, step, w); err != nil {
			return nil, err
		}
	}
	l.steps = append(l.steps, step)
	return answers, nil
}

func (l *learner) run(ctx context.Context, p *stepper, in *tensor.Tensor, n int) ([]observer.Answer, Step, error) {
	rate := tensor.New(tensor.Float32)
	tensor.Values[float32](rate)[0] = float32(l.method.Learning.rate())
	inputs := []*tensor.Tensor{in, rate}
	for range max(l.method.Learning.Steps, 1) {
		if err := p.Run(ctx, inputs, p.outputs); err != nil {
			return nil, Step{}, err
		}
	}
	answers, err := l.model.Read(p.outputs[0], n)
	if err != nil {
		return nil, Step{}, err
	}
	number := func(i int) float64 { return p.outputs[i].Floats()[0] }
	step := Step{Loss: number(1), Entropy: number(2), Kept: number(3), Histogram: make([]int, len(answers[0].Probabilities))}
	for _, a := range answers {
		step.Histogram[a.Top(1)[0]]++
	}
	return answers, step, nil
}

// doubt looks whether answers of few classes are learnt, a collapse: with the source's parameters the same images have those of more.
func (l *learner) doubt(ctx context.Context, p *stepper, in *tensor.Tensor, answers []observer.Answer, step Step, w *warnings) ([]observer.Answer, Step, error) {
	state, err := p.save()
	if err != nil {
		return nil, Step{}, err
	}
	if err := p.load(l.initial); err != nil {
		return nil, Step{}, err
	}
	anew, again, err := l.run(ctx, p, in, len(answers))
	if err != nil {
		return nil, Step{}, err
	}
	collapsed := !Concentrated(anew)
	if collapsed {
		w.add(Collapsed, "batch %d is answered with few classes, and not with the parameters that the model came with: what was learnt has collapsed", len(l.steps)+1)
	}
	if !collapsed || l.method.Learning.Lasting {
		step.Collapsed = collapsed
		return answers, step, p.load(state)
	}
	again.Collapsed = true
	return anew, again, nil
}

func (l *learner) reset() error {
	l.steps = nil
	if l.last == nil {
		return nil
	}
	return l.last.load(l.initial)
}

// parameters are the scales and biases as they are, nil before the first batch.
func (l *learner) parameters() (map[string]*tensor.Tensor, error) {
	if l.last == nil {
		return nil, nil
	}
	state, err := l.last.save()
	maps.DeleteFunc(state, func(name string, _ *tensor.Tensor) bool { return !slices.Contains(l.affine, name) })
	return state, err
}

func (l *learner) close() error {
	for _, p := range l.programs {
		if err := p.Close(); err != nil {
			return err
		}
	}
	return nil
}
