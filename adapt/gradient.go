package adapt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

func (m Mode) learns() bool { return slices.Contains(Learners, m) }

// Step is what one batch did to a model that learns.
type Step struct {
	Loss      float64 `json:"loss"`      // before the step; of SAR at the point it steps from
	Entropy   float64 `json:"entropy"`   // mean H of the answers, in nats
	Kept      float64 `json:"kept"`      // the share of images that the loss is made of; where it is 0 nothing changes
	Histogram []int   `json:"histogram"` // images by the class answered
	Collapsed bool    `json:"collapsed"` // the answers were those of a collapse; what else is here comes after the reset, unless Lasting
	Reset     bool    `json:"reset"`     // SAR put everything back after this batch
	Skipped   bool    `json:"skipped"`   // the loss or a parameter would have been no finite number: what was before the step stayed
}

// learner runs steps. Shapes of gradients are fixed: there is one program a batch size, and the state moves from one to the next.
type learner struct {
	engine   engine.Engine
	model    *observer.Model
	method   Method
	network  *network
	learnt   []string                  // scales and biases, of CoTTA all weights
	frozen   []string                  // scales and biases that are not learnt
	fisher   map[string]*tensor.Tensor // of EATA
	programs map[int]*stepper
	last     *stepper // that has the state; nil before the first batch
	initial  map[string]*tensor.Tensor
	average  float64 // of SAR's loss; NaN before the first
	steps    []Step
}

// stepper is the step of one batch size.
type stepper struct {
	engine.Program
	state   []string
	outputs []*tensor.Tensor // logits, loss, kept, finite
	teacher *teacher         // of CoTTA
}

func newLearner(ctx context.Context, e engine.Engine, m *observer.Model, method Method, n *network) (*learner, error) {
	if n.layers[0].Kind != norm.BatchNorm {
		return nil, fmt.Errorf("adapt: %s: %s learns the scales of batch normalisation, which is folded here: %w", m.Name(), method.Mode, ErrNothing)
	}
	l := &learner{engine: e, model: m, method: method, network: n, programs: map[int]*stepper{}, average: math.NaN()}
	err := n.graph.Upgrade()
	if err == nil {
		err = l.choose()
	}
	if err == nil && method.Mode == EATA {
		l.fisher, err = l.importance(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("adapt: %s: %w", m.Name(), err)
	}
	return l, nil
}

// choose lists what is learnt.
func (l *learner) choose() error {
	all, err := affine(l.network.graph, l.network.layers)
	if err != nil {
		return err
	}
	switch l.method.Mode {
	case SAR:
		l.learnt, err = affine(l.network.graph, early(l.network.layers))
	case CoTTA:
		l.learnt = weights(l.network.graph, l.model.Output, all)
	default:
		l.learnt = all
	}
	l.frozen = slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(l.learnt, name) })
	return err
}

// affine lists the scales and biases of layers, which may share them.
func affine(g *graph.Graph, layers []norm.Layer) ([]string, error) {
	var names []string
	for _, layer := range layers {
		node, err := normaliser(g, layer)
		if err != nil {
			return nil, err
		}
		names = append(names, node.Inputs[1], node.Inputs[2])
	}
	slices.Sort(names)
	return slices.Compact(names), nil
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

// forward is the network in training form for a batch of a shape. Scales and biases must be state when it runs.
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
	s, err := l.stepOf(g)
	if err != nil {
		return nil, err
	}
	options := l.model.CompileOptions()
	options.State = s.State
	options.Outputs = []string{l.model.Output, s.Loss, keptOutput, finiteOutput}
	p, err := l.engine.Compile(ctx, s.Graph, options)
	if err != nil {
		return nil, err
	}
	out := &stepper{Program: p, outputs: make([]*tensor.Tensor, len(options.Outputs))}
	for _, state := range s.State {
		out.state = append(out.state, state.Input)
	}
	if l.method.Mode == CoTTA {
		if out.teacher, err = l.newTeacher(ctx, shape, s.Averages); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return out, nil
}

// still compiles a network whose parameters are state that running it does not change.
func (l *learner) still(ctx context.Context, g *graph.Graph, outputs ...string) (engine.Program, error) {
	parameters := slices.Concat(l.learnt, l.frozen)
	initial, err := g.Release(parameters...)
	if err != nil {
		return nil, err
	}
	options := l.model.CompileOptions()
	options.Outputs = outputs
	for _, name := range parameters {
		options.State = append(options.State, engine.State{Input: name, Initial: initial[name]})
	}
	return l.engine.Compile(ctx, g, options)
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

// batch is what a step is made on.
type batch struct {
	images []*raster.Image
	pixels *tensor.Tensor
}

// answer answers a batch and learns from it. A collapse is put back to the source's parameters, and the batch answered anew.
func (l *learner) answer(ctx context.Context, images []*raster.Image, w *warnings) ([]observer.Answer, error) {
	if l.model.Scores == "" { // what the output means decides the loss: the model as it is tells
		if _, err := l.model.Answer(ctx, images); err != nil {
			return nil, err
		}
	}
	pixels, err := l.model.Pixels(images)
	if err != nil {
		return nil, err
	}
	in := batch{images, tensor.New(pixels.Type(), pixels.Shape()...)} // the model fills the same memory with CoTTA's views
	copy(in.pixels.Bytes(), pixels.Bytes())
	fresh := l.last == nil || l.method.Learning.Episodic
	p, err := l.stepperOf(ctx, pixels.Shape())
	if err != nil {
		return nil, err
	}
	if fresh {
		err = l.restart()
	}
	if err != nil {
		return nil, err
	}
	answers, step, err := l.run(ctx, p, in, w)
	if err != nil {
		return nil, err
	}
	if !fresh && doubtful(answers, step) {
		if answers, step, err = l.doubt(ctx, p, in, answers, step, w); err != nil {
			return nil, err
		}
	}
	if step.Skipped {
		w.add(Diverged, "batch %d: the loss, or what a step would have learnt, is no finite number; the parameters stay as they were", len(l.steps)+1)
	}
	l.steps = append(l.steps, step)
	return answers, nil
}

// run makes the steps of one batch; answers are those before the last of them.
func (l *learner) run(ctx context.Context, p *stepper, in batch, w *warnings) (answers []observer.Answer, step Step, err error) {
	random := rand.New(rand.NewPCG(l.method.Learning.Seed, uint64(len(l.steps))))
	for range max(l.method.Learning.Steps, 1) {
		scores, err := l.step(ctx, p, in, random)
		if err != nil {
			return nil, Step{}, err
		}
		if answers, err = l.model.Read(scores, len(in.images)); err != nil {
			return nil, Step{}, err
		}
		number := func(i int) float64 { return p.outputs[i].Floats()[0] }
		step.Loss, step.Kept, step.Skipped = number(1), number(2), step.Skipped || number(3) == 0
		if l.method.Mode == SAR && step.Kept > 0 && number(3) != 0 {
			back, err := l.recover(step.Loss, w)
			if err != nil {
				return nil, Step{}, err
			}
			step.Reset = step.Reset || back
		}
	}
	step.Histogram = make([]int, len(answers[0].Probabilities))
	for _, a := range answers {
		step.Histogram[a.Top(1)[0]]++
		step.Entropy += entropy(a.Probabilities) / float64(len(answers))
	}
	return answers, step, nil
}

// step runs one step and returns the scores that answer.
func (l *learner) step(ctx context.Context, p *stepper, in batch, random *rand.Rand) (*tensor.Tensor, error) {
	rate := tensor.New(tensor.Float32)
	tensor.Values[float32](rate)[0] = float32(l.method.rate())
	if p.teacher == nil {
		err := p.Run(ctx, []*tensor.Tensor{in.pixels, rate}, p.outputs)
		return p.outputs[0], err
	}
	taught, err := l.teach(ctx, p, in, random)
	if err != nil {
		return nil, err
	}
	if err := p.Run(ctx, []*tensor.Tensor{in.pixels, taught, rate}, p.outputs); err != nil {
		return nil, err
	}
	return taught, l.restore(p, random)
}

func entropy(p []float32) float64 {
	sum := 0.0
	for _, v := range p {
		if v != 0 { // 0 log 0 = 0; NaN stays
			sum -= float64(v) * math.Log(float64(v))
		}
	}
	return sum
}

// doubtful says whether a batch looks like one after a collapse.
func doubtful(answers []observer.Answer, step Step) bool {
	return step.Skipped || Concentrated(answers)
}

// doubt looks whether that is learnt: with the source's parameters the same images have answers of more classes.
func (l *learner) doubt(ctx context.Context, p *stepper, in batch, answers []observer.Answer, step Step, w *warnings) ([]observer.Answer, Step, error) {
	state, err := p.save()
	if err != nil {
		return nil, Step{}, err
	}
	average := l.average
	if err := l.restart(); err != nil {
		return nil, Step{}, err
	}
	anew, again, err := l.run(ctx, p, in, w)
	if err != nil {
		return nil, Step{}, err
	}
	collapsed := !doubtful(anew, again)
	if collapsed {
		w.add(Collapsed, "batch %d is answered with few classes, and not with the parameters that the model came with: what was learnt has collapsed", len(l.steps)+1)
	}
	if !collapsed || l.method.Learning.Lasting {
		step.Collapsed, l.average = collapsed, average
		return answers, step, p.load(state)
	}
	again.Collapsed = true
	return anew, again, nil
}

// restart puts back what was learnt: parameters, the optimiser's moments and SAR's average together.
func (l *learner) restart() error {
	l.average = math.NaN()
	if l.last == nil {
		return nil
	}
	return l.last.load(l.initial)
}

func (l *learner) reset() error {
	l.steps = nil
	return l.restart()
}

// parameters are what was learnt as it is, of CoTTA the teacher's; nil before the first batch.
func (l *learner) parameters() (map[string]*tensor.Tensor, error) {
	if l.last == nil {
		return nil, nil
	}
	if l.last.teacher != nil {
		return l.last.averages()
	}
	state, err := l.last.save()
	maps.DeleteFunc(state, func(name string, _ *tensor.Tensor) bool { return !slices.Contains(l.learnt, name) })
	return state, err
}

func (l *learner) close() error {
	var all error
	for _, p := range l.programs {
		all = errors.Join(all, p.teacher.close(), p.Close())
	}
	return all
}
