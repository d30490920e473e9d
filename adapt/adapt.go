// Package adapt makes observers whose normalisers follow the images they are shown (Schneider et al. 2020, "Improving robustness against
// common corruptions by covariate shift adaptation").
package adapt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// Mode is a way to choose the statistics that normalisers use.
type Mode string

// The modes.
const (
	Batch      Mode = "batch"      // those of the batch alone, variance biased: normalisation as in training
	Prior      Mode = "prior"      // mixed with those of the source, λ = N/(N+n), variance unbiased
	Calibrated Mode = "calibrated" // those of the batch, corrected so that clean images keep what they have in the network as it is
	Cumulative Mode = "cumulative" // of all batches since the last Reset, the one at hand included
	Full       Mode = "full"       // of a whole set, layer by layer; for Estimate alone
)

// Modes lists the modes of observers.
var Modes = append([]Mode{Batch, Prior, Calibrated, Cumulative}, Learners...)

// Method says how a model is adapted. The zero value of every field but Mode is a default.
type Method struct {
	Mode     Mode
	Images   int             // n: the size of a full batch, which λ of Prior is computed from; 0: every batch's own size
	Prior    float64         // N: source pseudo-samples; 0: of mode Prior 2n, else none
	Layers   []string        // names, stages or patterns (norm.Select); none: all
	Only     norm.Part       // what follows the target: both, means or variances
	Pooled   bool            // the mixture's variance gains the spread between the means
	Clean    norm.Statistics // of clean images (Calibrate); mode Calibrated and networks without batch normalisation need them
	Learning Learning        // of the modes that learn

	// Parameters take the place of the model's own: what an observer has learnt (Observer.Parameters), to be used with other modes.
	Parameters map[string]*tensor.Tensor
}

// usualWeight is λ where nobody says N: N = 2n. The useful N grows with n: 16, 64, 256 were best of those tried for n = 8, 32, 200 (ResNet-20,
// CIFAR-10, 15 corrupted sets).
const usualWeight = 2. / 3

// String is the method as a name: "batch", "prior N=64", and "prior N=2n" where every batch's own size counts.
func (m Method) String() string {
	switch n := m.prior(); {
	case n > 0:
		return fmt.Sprintf("%s N=%g", m.Mode, n)
	case m.Mode == Prior:
		return string(m.Mode) + " N=2n"
	}
	return string(m.Mode)
}

// prior is N; 0 where there is none or where it depends on the batch.
func (m Method) prior() float64 {
	if m.Mode == Prior && m.Prior == 0 {
		return float64(2 * m.Images)
	}
	return m.Prior
}

func (m Method) options() norm.Options {
	o := norm.Options{Prior: m.prior(), Only: m.Only, Pooled: m.Pooled}
	switch m.Mode {
	case Prior:
		o.Images, o.Unbiased = float64(m.Images), true
		if o.Prior == 0 {
			o.Weight = usualWeight
		}
	case Calibrated:
		o.Clean = m.Clean
	}
	return o
}

// network is a model's graph with the layers that a method adapts.
type network struct {
	graph   *graph.Graph
	layers  []norm.Layer
	options norm.Options
}

// ErrNothing says that a model has no normaliser that can follow its images.
var ErrNothing = errors.New("no batch normalisation")

func open(m *observer.Model, method Method) (*network, error) {
	g, err := m.Graph()
	if err != nil {
		return nil, err
	}
	if in := m.Input(); len(in.Shape) > 0 && in.Shape[0].Fixed() {
		if err := g.FreeBatch("batch"); err != nil {
			return nil, fmt.Errorf("adapt: %s takes %d images at a time, too few or too many to adapt to: %w", m.Name(), in.Shape[0].Size, err)
		}
	}
	if err := nn.Assign(g, method.Parameters); err != nil {
		return nil, fmt.Errorf("adapt: %s: %w", m.Name(), err)
	}
	all, err := norm.Layers(g)
	if err != nil {
		return nil, err
	}
	if method.Mode == Calibrated && method.Clean == nil {
		return nil, fmt.Errorf("adapt: %s: calibrated statistics need clean images (--clean DIR)", m.Name())
	}
	n := &network{graph: g, layers: norm.Adaptable(all), options: method.options()}
	if len(n.layers) == 0 || n.layers[0].Kind == norm.Folded && method.Clean == nil {
		return nil, nothing(m, all)
	}
	if n.layers[0].Kind == norm.Folded {
		n.options.Clean = method.Clean
	}
	if len(method.Layers) > 0 {
		if n.layers, err = norm.Select(n.layers, method.Layers...); err != nil {
			return nil, err
		}
	}
	if n.options.Clean != nil {
		n.options.Clean = n.options.Clean.Of(n.layers)
	}
	return n, nil
}

// nothing says what a model has in the place of batch normalisation.
func nothing(m *observer.Model, all []norm.Layer) error {
	text := ""
	var others []string
	for _, l := range norm.OfKind(all, norm.Fixed) {
		if !slices.Contains(others, l.Operator) {
			others = append(others, l.Operator)
		}
	}
	if len(others) > 0 {
		text += fmt.Sprintf(" (it has %s, which normalise each image by itself)", strings.Join(others, ", "))
	}
	if folded := len(norm.OfKind(all, norm.Folded)); folded > 0 {
		text += fmt.Sprintf("; the outputs of its %d convolutions and linear layers can be corrected with clean images to calibrate on (--clean DIR)", folded)
	}
	return fmt.Errorf("adapt: %s has %w%s", m.Name(), ErrNothing, text)
}

// Observer is an adapted model. It is not safe for concurrent use, nor is the model used by others while it answers.
type Observer struct {
	model    *observer.Model
	method   Method
	program  engine.Program
	state    norm.State // of Cumulative; else without a name
	deployed bool       // statistics are constants: no batch can spoil them
	outputs  []*tensor.Tensor
	learner  *learner // of the modes that learn; nil in others, and then there is a program
	witness  *witness // of blind methods
	warnings warnings
}

// New makes an observer of a model whose choices are made (observer.Choose). The model stays the caller's and must outlive it. It reports an
// error that wraps ErrNothing where the model has nothing to adapt.
func New(ctx context.Context, e engine.Engine, m *observer.Model, method Method) (*Observer, error) {
	n, err := open(m, method)
	if err != nil {
		return nil, err
	}
	o, err := build(ctx, e, m, method, *n)
	if err != nil || !method.blind() {
		return o, err
	}
	if o.witness, err = newWitness(ctx, e, m, n); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func build(ctx context.Context, e engine.Engine, m *observer.Model, method Method, n network) (*Observer, error) {
	if method.Mode.learns() {
		l, err := newLearner(ctx, e, m, method, &n)
		if err != nil {
			return nil, err
		}
		return &Observer{model: m, method: method, learner: l}, nil
	}
	var state norm.State
	var err error
	switch method.Mode {
	case Batch, Prior, Calibrated:
		n.graph, err = norm.Batch(n.graph, n.layers, n.options)
	case Cumulative:
		n.graph, state, err = norm.Stateful(n.graph, n.layers, n.options)
	default:
		return nil, fmt.Errorf("adapt: mode %q is none of %s", method.Mode, Modes)
	}
	if err != nil {
		return nil, err
	}
	return compile(ctx, e, m, method, n.graph, state)
}

// Deployed makes an observer of a model with the statistics of Estimate put in: what Deployable's graph answers, for batches of any size.
func Deployed(ctx context.Context, e engine.Engine, m *observer.Model, target norm.Statistics, method Method) (*Observer, error) {
	n, err := open(m, method)
	if err != nil {
		return nil, err
	}
	g, err := n.deployable(target, method)
	if err != nil {
		return nil, err
	}
	o, err := compile(ctx, e, m, method, g, norm.State{})
	if err != nil {
		return nil, err
	}
	o.deployed = true
	return o, nil
}

func compile(ctx context.Context, e engine.Engine, m *observer.Model, method Method, g *graph.Graph, state norm.State) (*Observer, error) {
	options := m.CompileOptions()
	if state.Input != "" {
		options.State = []engine.State{{Input: state.Input, Output: state.Output, Initial: state.Initial}}
	}
	program, err := e.Compile(ctx, g, options)
	if err != nil {
		return nil, err
	}
	return &Observer{model: m, method: method, program: program, state: state, outputs: make([]*tensor.Tensor, 1)}, nil
}

// Name is the model's name and the method.
func (o *Observer) Name() string { return o.model.Name() + " · " + o.method.String() }

// Answer answers images of the model's size as one batch: adapted to all of them together. Answers are the caller's own.
func (o *Observer) Answer(ctx context.Context, images []*raster.Image) ([]observer.Answer, error) {
	answers, err := o.answer(ctx, images)
	if err != nil || o.deployed {
		return answers, err
	}
	return answers, o.judge(ctx, images, answers)
}

func (o *Observer) answer(ctx context.Context, images []*raster.Image) ([]observer.Answer, error) {
	if o.learner != nil {
		return o.learner.answer(ctx, images, &o.warnings)
	}
	in, err := o.model.Pixels(images)
	if err != nil {
		return nil, err
	}
	o.outputs[0] = nil
	if err := o.program.Run(ctx, []*tensor.Tensor{in}, o.outputs); err != nil {
		return nil, err
	}
	return o.model.Read(o.outputs[0], len(images))
}

// judge raises the doubts that a batch gives cause for.
func (o *Observer) judge(ctx context.Context, images []*raster.Image, answers []observer.Answer) error {
	o.warnings.size(o.method, len(images))
	if o.witness != nil {
		in, err := o.model.Pixels(images)
		if err != nil {
			return err
		}
		if answers, err = o.witness.look(ctx, o.model, in); err != nil {
			return err
		}
	}
	o.warnings.balance(answers)
	return nil
}

// Warnings are the doubts that the batches since the last Reset raised.
func (o *Observer) Warnings() []Warning { return slices.Clone(o.warnings) }

// Reset forgets all batches.
func (o *Observer) Reset() error {
	o.warnings = nil
	if o.witness != nil {
		o.witness.batches = 0
	}
	if o.learner != nil {
		return o.learner.reset()
	}
	if o.state.Input == "" {
		return nil
	}
	return o.program.WriteState(o.state.Input, o.state.Initial)
}

// Close frees the observer, not its model.
func (o *Observer) Close() error {
	if o.learner != nil {
		return o.witness.close(o.learner.close())
	}
	return o.witness.close(o.program.Close())
}

// Steps are what the batches since the last Reset did, one each; nil of modes that do not learn.
func (o *Observer) Steps() []Step {
	if o.learner == nil {
		return nil
	}
	return slices.Clone(o.learner.steps)
}

// Parameters are copies of what has been learnt, of CoTTA by the teacher, by the names of the model's initializers; nil before the first batch, and
// of modes that do not learn.
func (o *Observer) Parameters() (map[string]*tensor.Tensor, error) {
	if o.learner == nil {
		return nil, nil
	}
	return o.learner.parameters()
}
