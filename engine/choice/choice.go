// Package choice opens the engines and decides which of them runs a graph.
package choice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"visus/engine"
	"visus/engine/library"
	"visus/engine/onednn"
	"visus/engine/ort"
	"visus/graph"
	"visus/tensor"
)

// The names that Open knows. Auto takes oneDNN for what has to be learnt, differentiated or normalised by its batch, and ONNX Runtime for the rest.
const (
	Auto   = "auto"
	ORT    = "ort"
	OneDNN = "onednn"
)

// Names lists them, the default first.
var Names = []string{Auto, ORT, OneDNN}

// Options says what to open.
type Options struct {
	Engine string            // one of Names; empty: Auto
	Say    func(text string) // is told for every graph which engine runs it and why; nil: nobody
}

// Open opens the engine of a name. For Auto, ONNX Runtime has to be there, oneDNN not, unless a person has said where it is.
func Open(o Options) (engine.Engine, error) {
	switch o.Engine {
	case ORT:
		return ort.Open(ort.Options{})
	case OneDNN:
		return onednn.Open(onednn.Options{})
	case "", Auto:
	default:
		return nil, fmt.Errorf("choice: no engine %q; there are %s", o.Engine, strings.Join(Names, ", "))
	}
	e := &automatic{say: o.Say}
	if e.say == nil {
		e.say = func(string) {}
	}
	general, err := ort.Open(ort.Options{})
	if err != nil {
		return nil, err
	}
	e.general = general
	learner, err := onednn.Open(onednn.Options{})
	if err != nil && os.Getenv(library.OneDNN.Variable) != "" {
		return nil, err
	}
	if e.lacking = err; err == nil {
		e.learner = learner
	}
	return e, nil
}

// By returns which of Names opens the engine whose Name is given, whatever its versions: what computed a result computes it again.
func By(engine string) string {
	general, learner := strings.Contains(engine, "onnxruntime "), strings.Contains(engine, "onednn ")
	switch {
	case general && !learner:
		return ORT
	case learner && !general:
		return OneDNN
	}
	return Auto
}

// automatic decides for each graph.
type automatic struct {
	general, learner engine.Engine // learner is nil where oneDNN is lacking
	lacking          error
	say              func(string)
}

// Name names both engines, as either may have computed a result.
func (e *automatic) Name() string {
	if e.learner == nil {
		return e.general.Name()
	}
	return e.general.Name() + ", " + e.learner.Name()
}

// Compile compiles the graph with the engine that Suits names; where oneDNN lacks what the graph needs, with ONNX Runtime.
func (e *automatic) Compile(ctx context.Context, g *graph.Graph, o engine.Options) (engine.Program, error) {
	name, reason := Suits(g, o)
	if name == OneDNN && e.learner == nil {
		name, reason = ORT, fmt.Sprintf("%s, but oneDNN is not there: %v", reason, e.lacking)
	}
	if name == OneDNN {
		p, err := e.learner.Compile(ctx, g, o)
		var lacks *engine.Unsupported
		if !errors.As(err, &lacks) {
			if err == nil {
				e.tell(e.learner, g, reason)
			}
			return p, err
		}
		reason = fmt.Sprintf("%s, but oneDNN's engine does not take %v", reason, lacks)
	}
	e.tell(e.general, g, reason)
	return e.general.Compile(ctx, g, o)
}

func (e *automatic) tell(by engine.Engine, g *graph.Graph, reason string) {
	e.say(fmt.Sprintf("engine: %s runs %s: %s", by.Name(), graphName(g), reason))
}

func graphName(g *graph.Graph) string {
	if g.Name == "" {
		return "a graph"
	}
	return "graph " + g.Name
}

// Suits says which engine a graph is for, OneDNN or ORT, and why. It looks at nothing but the graph and the options.
func Suits(g *graph.Graph, o engine.Options) (name, reason string) {
	switch {
	case o.Device != "" && o.Device != "cpu":
		return ORT, "device " + o.Device
	case slices.ContainsFunc(o.State, func(s engine.State) bool { return s.Output != "" }):
		return OneDNN, "it changes its state"
	case slices.ContainsFunc(g.Nodes, func(n *graph.Node) bool { return n.Domain == graph.OwnDomain }):
		return OneDNN, "it has gradients"
	case slices.ContainsFunc(g.Nodes, func(n *graph.Node) bool { return overBatch(g, n) }):
		return OneDNN, "it normalises by the statistics of its batch"
	}
	return ORT, "it neither learns nor has gradients"
}

// overBatch says whether a node averages over the images of a batch. ONNX Runtime then needs a third more time than for the same network with
// statistics that it knows, oneDNN's engine next to none (graph/norm's benchmark).
func overBatch(g *graph.Graph, n *graph.Node) bool {
	if n.Op != "ReduceMean" || n.Domain != "" {
		return false
	}
	axes := n.Ints("axes")
	if c := g.Constant(n.Input(1)); c != nil && c.Tensor.Type() == tensor.Int64 {
		axes = tensor.Values[int64](c.Tensor)
	}
	return slices.Contains(axes, 0)
}
