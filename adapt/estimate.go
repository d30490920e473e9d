package adapt

import (
	"context"
	"fmt"
	"maps"

	"visus/engine"
	"visus/graph"
	"visus/graph/nn"
	"visus/graph/norm"
	"visus/measure/shift"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// estimationBatch is how many images are measured at a time where the method does not say.
const estimationBatch = 128

// Calibrate returns the statistics that clean images have in the network as it is, for Method.Clean. A few hundred images are enough.
func Calibrate(ctx context.Context, e engine.Engine, m *observer.Model, images Images) (norm.Statistics, error) {
	n, err := open(m, Method{Clean: norm.Statistics{}})
	if err != nil {
		return nil, err
	}
	return n.measure(ctx, e, m, images, n.layers, estimationBatch, 0)
}

// Estimate returns the statistics of a set of images that Deployable puts into a model. Batches are drawn in an order that depends on the seed.
//
// Full measures layer by layer, each in the network whose earlier layers are adapted already: exact, at one pass over the set for each layer.
// The other modes take one pass: each batch is normalised as the mode says, while the statistics of all batches are pooled or, of Cumulative,
// averaged.
func Estimate(ctx context.Context, e engine.Engine, m *observer.Model, images Images, method Method, seed uint64) (norm.Statistics, error) {
	if method.Mode.learns() {
		return nil, fmt.Errorf("adapt: mode %s learns parameters, and no statistics", method.Mode)
	}
	n, err := open(m, method)
	if err != nil {
		return nil, err
	}
	size := method.Images
	if size == 0 {
		size = estimationBatch
	}
	if images.Len() == 0 {
		return nil, fmt.Errorf("adapt: %s: no images to adapt to", m.Name())
	}
	if method.Mode == Full {
		return n.layerByLayer(ctx, e, m, images, size, seed)
	}
	if method.Mode == Cumulative {
		return n.cumulate(ctx, e, m, images, method, size, seed)
	}
	o := n.options
	if o.Prior > 0 && o.Images == 0 { // the source counts as N images beside the whole set, not beside each batch
		o.Images = float64(images.Len())
	}
	if n.graph, err = norm.Batch(n.graph, n.layers, o); err != nil {
		return nil, err
	}
	return n.measure(ctx, e, m, images, n.layers, size, seed)
}

// cumulate shows the set to an observer and takes what its state holds then.
func (n *network) cumulate(ctx context.Context, e engine.Engine, m *observer.Model, images Images, method Method, size int, seed uint64) (norm.Statistics, error) {
	o, err := New(ctx, e, m, method)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	err = walk(ctx, images, m.Geometry(), shuffled(images.Len(), seed), size, func(batch []*raster.Image) error {
		_, err := o.Answer(ctx, batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	state, err := o.program.ReadState(o.state.Input, nil)
	if err != nil {
		return nil, err
	}
	return norm.Unpack(n.layers, state)
}

func (n *network) layerByLayer(ctx context.Context, e engine.Engine, m *observer.Model, images Images, size int, seed uint64) (norm.Statistics, error) {
	source, found := n.graph, norm.Statistics{}
	for i := range n.layers {
		if i > 0 {
			var err error
			if n.graph, err = norm.Deployable(source, n.layers[:i], found, n.restricted(n.layers[:i])); err != nil {
				return nil, err
			}
		}
		layer, err := n.measure(ctx, e, m, images, n.layers[i:i+1], size, seed)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, layer)
	}
	return found, nil
}

// measure pools the statistics of layers over a set.
func (n *network) measure(ctx context.Context, e engine.Engine, m *observer.Model, images Images, layers []norm.Layer, size int, seed uint64) (norm.Statistics, error) {
	g, output, err := norm.Probe(n.graph, layers)
	if err != nil {
		return nil, err
	}
	options := m.CompileOptions()
	options.Outputs = []string{output}
	program, err := e.Compile(ctx, g, options)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	var pool norm.Accumulator
	outputs := make([]*tensor.Tensor, 1)
	err = walk(ctx, images, m.Geometry(), shuffled(images.Len(), seed), size, func(batch []*raster.Image) error {
		in, err := m.Pixels(batch)
		if err != nil {
			return err
		}
		if err := program.Run(ctx, []*tensor.Tensor{in}, outputs); err != nil {
			return err
		}
		found, err := norm.Unpack(layers, outputs[0])
		if err != nil {
			return err
		}
		return pool.Add(found)
	})
	return pool.Statistics(), err
}

// Deployable returns the model's graph with the statistics put in as constants: an ordinary ONNX model.
func Deployable(m *observer.Model, target norm.Statistics, method Method) (*graph.Graph, error) {
	n, err := open(m, method)
	if err != nil {
		return nil, err
	}
	if n.graph, err = m.Graph(); err != nil { // with the batch that its file fixes
		return nil, err
	}
	if err := nn.Assign(n.graph, method.Parameters); err != nil {
		return nil, err
	}
	return n.deployable(target, method)
}

func (n *network) deployable(target norm.Statistics, method Method) (*graph.Graph, error) {
	o := n.options
	if method.Mode == Cumulative { // the state is mixed already
		o = norm.Options{Only: o.Only, Clean: o.Clean}
	}
	return norm.Deployable(n.graph, n.layers, target, o)
}

// Shift is how far the values of one layer have moved from those of the source, in the network as it is.
type Shift struct {
	Layer    string
	Channels []shift.Channel
}

// Measure returns the shift of every adaptable layer on a set of images: from what the layers hold, or from clean statistics where given.
func Measure(ctx context.Context, e engine.Engine, m *observer.Model, images Images, clean norm.Statistics) ([]Shift, error) {
	n, err := open(m, Method{Clean: norm.Statistics{}})
	if err != nil {
		return nil, err
	}
	source := clean
	if source == nil {
		if source = norm.Source(n.layers); len(source) == 0 {
			return nil, fmt.Errorf("adapt: %s holds no statistics to compare with; give clean images: %w", m.Name(), ErrNothing)
		}
	}
	target, err := n.measure(ctx, e, m, images, n.layers, estimationBatch, 0)
	if err != nil {
		return nil, err
	}
	var out []Shift
	for _, l := range n.layers {
		s, t := source[l.Name], target[l.Name]
		channels, err := shift.Channels(s.Mean, s.Variance, t.Mean, t.Variance)
		if err != nil {
			return nil, fmt.Errorf("adapt: layer %s: %w", l.Name, err)
		}
		out = append(out, Shift{l.Name, channels})
	}
	return out, nil
}

// restricted are the options for some of the layers.
func (n *network) restricted(layers []norm.Layer) norm.Options {
	o := n.options
	if o.Clean != nil {
		o.Clean = o.Clean.Of(layers)
	}
	return o
}
