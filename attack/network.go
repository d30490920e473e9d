package attack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"visus/eager"
	host "visus/eager/slices"
	"visus/eager/traced"
	"visus/engine"
	"visus/graph"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// Network is an ONNX classifier as a model to attack. Its images are pixels in [0, 1], in the layout of the model's input; preprocessing is
// part of the graph, so that bounds and distances are those of the image.
type Network struct {
	observer *observer.Model
	engine   engine.Engine
	options  engine.Options
	graph    *graph.Graph
	batch    int

	mutex    sync.Mutex
	programs map[program]*traced.Function
}

// program is what a compiled function computes: answers, or a loss's gradient too, of so many images.
type program struct {
	gradient bool
	loss     Loss
	images   int
}

// batchElements is how many elements a batch has at most, where nothing else is said: memory grows with them.
const batchElements = 1 << 21

// NewNetwork takes an observer whose preprocessing and scores are settled. batch is the number of images that one run takes at most; 0 means
// 128 of CIFAR's size, 13 of ImageNet's. Nothing is compiled yet; close the network, not only the observer.
func NewNetwork(e engine.Engine, m *observer.Model, batch int) (*Network, error) {
	g, err := m.Graph()
	if err != nil {
		return nil, err
	}
	if kind := m.Input().Type; kind != tensor.Float32 {
		return nil, fmt.Errorf("attack: the input of %s is %v; expected float32", m.Name(), kind)
	}
	if d := m.Input().Shape[0]; d.Fixed() {
		if err := g.FreeBatch("batch"); err != nil {
			return nil, fmt.Errorf("attack: %w", err)
		}
	}
	own, size := m.CompileOptions(), m.Geometry()
	if batch == 0 {
		batch = min(max(batchElements/max(1, 3*size.Width*size.Height), 4), 128)
	}
	return &Network{observer: m, engine: e, options: engine.Options{Threads: own.Threads, Device: own.Device}, graph: g, batch: batch,
		programs: map[program]*traced.Function{}}, nil
}

// Close frees the compiled functions.
func (n *Network) Close() error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	var errs []error
	for key, f := range n.programs {
		errs = append(errs, f.Close())
		delete(n.programs, key)
	}
	return errors.Join(errs...)
}

// Bounds returns 0 and 1.
func (n *Network) Bounds() (low, high float64) { return 0, 1 }

// Images returns raster images, of the model's size, as pixels in [0, 1].
func (n *Network) Images(images []*raster.Image) (*host.Tensor, error) {
	fed, err := n.observer.Pixels(images)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(tensor.Values[float32](fed))
	scale, shift := n.affine()
	channels, axis := n.observer.Channels()
	step := 1 // from one channel to the next
	for _, size := range fed.Shape()[axis+1:] {
		step *= size
	}
	for i, v := range out {
		c := i / step % channels
		value := (float64(v) - shift[c]) / scale[c] // what the graph's preprocessing undoes
		out[i] = float32(math.Round(255*value) / 255)
	}
	return host.Wrap(out, fed.Shape()...), nil
}

// Picture is one image of Images as a raster image, rounded to 8 bits; values beyond [0, 1] are cut.
func (n *Network) Picture(pixels []float32) *raster.Image {
	channels, axis := n.observer.Channels()
	g := n.observer.Geometry()
	if g.Width*g.Height*channels != len(pixels) { // a model that takes any size: images of theirs are square
		side := int(math.Round(math.Sqrt(float64(len(pixels) / channels))))
		g.Width, g.Height = side, len(pixels)/channels/side
	}
	out := raster.New(g.Width, g.Height)
	for i := range g.Width * g.Height {
		for c := range 3 {
			from := min(c, channels-1)
			if n.observer.Preprocessing.BGR {
				from = channels - 1 - from
			}
			at := from*g.Width*g.Height + i
			if axis == 3 {
				at = i*channels + from
			}
			out.Pix[3*i+c] = uint8(math.Round(255 * float64(min(max(pixels[at], 0), 1))))
		}
	}
	return out
}

// affine is the preprocessing of pixels in [0, 1], a factor and a summand for each channel of the input.
func (n *Network) affine() (scale, shift [3]float64) {
	p := n.observer.Preprocessing
	factor := p.Scale
	if factor == 0 {
		factor = 1
	}
	for c := range scale {
		std := p.Std[c]
		if std == 0 {
			std = 1
		}
		scale[c], shift[c] = 255*factor/std, (p.Shift-p.Mean[c])/std
	}
	return scale, shift
}

// answers are the model's logits, for images as Images gives them.
func (n *Network) answers(x *traced.Tensor) *traced.Tensor {
	scale, shift := n.affine()
	channels, axis := n.observer.Channels()
	each := []int{1, 1, 1, 1}
	each[axis] = channels
	factor := eager.FromFloats(x, x.DType(), scale[:channels], each...)
	summand := eager.FromFloats(x, x.DType(), shift[:channels], each...)
	scores := traced.Model(n.graph)(eager.Add(eager.Mul(x, factor), summand))
	if scores.Err() == nil && len(scores.Shape()) != 2 {
		scores = eager.Flatten(scores, 1, -1)
	}
	if n.observer.Scores == observer.Probabilities {
		return eager.Log(eager.MaximumScalar(scores, 1e-30))
	}
	return scores
}

// Logits runs the model.
func (n *Network) Logits(x *host.Tensor) *host.Tensor {
	out, err := n.run(program{}, []*host.Tensor{x})
	if err != nil {
		return x.Fail(err)
	}
	return out[0]
}

// Gradient runs the model and its derivative.
func (n *Network) Gradient(loss Loss, x *host.Tensor, args ...*host.Tensor) (logits, gradient *host.Tensor) {
	out, err := n.run(program{gradient: true, loss: loss}, append([]*host.Tensor{x}, args...))
	if err != nil {
		return x.Fail(err), x.Fail(err)
	}
	return out[0], out[1]
}

// run computes in even batches. A program that was compiled for a few images more serves too: the batch is filled up with its last image.
func (n *Network) run(p program, inputs []*host.Tensor) ([]*host.Tensor, error) {
	for _, in := range inputs {
		if in.Err() != nil {
			return nil, in.Err()
		}
	}
	var parts [][]*host.Tensor
	total := inputs[0].Shape()[0]
	batches := (total + n.batch - 1) / n.batch
	for b := range batches {
		start, end := b*total/batches, (b+1)*total/batches
		p.images = n.fitting(p, (total+batches-1)/batches)
		fed := make([]*host.Tensor, len(inputs))
		for i, in := range inputs {
			fed[i] = filled(in, start, end, p.images)
		}
		f, err := n.program(p, fed)
		if err != nil {
			return nil, err
		}
		results, err := f.Call(context.Background(), fed...)
		if err != nil {
			return nil, err
		}
		for i := range results {
			results[i] = results[i].Slice(firstRows(results[i].Shape(), end-start))
		}
		parts = append(parts, results)
	}
	return joined(parts), nil
}

// fitting is the smallest size of a compiled program that is at most a third larger than what is needed, or that itself.
func (n *Network) fitting(p program, images int) int {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	best := 0
	for have := range n.programs {
		same := have.gradient == p.gradient && have.loss == p.loss
		if same && have.images >= images && 3*have.images <= 4*images && (best == 0 || have.images < best) {
			best = have.images
		}
	}
	if best == 0 {
		return images
	}
	return best
}

// filled is rows of x, the last one repeated up to a number.
func filled(x *host.Tensor, from, to, rows int) *host.Tensor {
	if from == 0 && to == x.Shape()[0] && to == rows {
		return x
	}
	part := eager.Index(x, eager.Span(from, to, 1))
	if missing := rows - (to - from); missing > 0 {
		last := eager.Index(x, eager.Span(to-1, to, 1))
		return part.Concat(0, slices.Repeat([]*host.Tensor{last}, missing))
	}
	return part
}

func firstRows(shape []int, rows int) []eager.Range {
	out := make([]eager.Range, len(shape))
	for i, size := range shape {
		out[i] = eager.Range{Stop: size, Step: 1}
	}
	out[0].Stop = rows
	return out
}

func joined(parts [][]*host.Tensor) []*host.Tensor {
	out := slices.Clone(parts[0])
	for i := range out {
		var others []*host.Tensor
		for _, part := range parts[1:] {
			others = append(others, part[i])
		}
		if len(others) > 0 {
			out[i] = out[i].Concat(0, others)
		}
	}
	return out
}

// program compiles what is not there yet.
func (n *Network) program(p program, like []*host.Tensor) (*traced.Function, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if f := n.programs[p]; f != nil {
		return f, nil
	}
	specs := make([]traced.Spec, len(like))
	for i, x := range like {
		specs[i] = traced.Spec{Type: x.DType(), Shape: x.Shape()}
	}
	f, err := traced.Compile(context.Background(), n.engine, n.options, func(in []*traced.Tensor) []*traced.Tensor { return n.trace(p, in) }, specs...)
	if err != nil {
		return nil, fmt.Errorf("attack: %s: %w", n.observer.Name(), err)
	}
	n.programs[p] = f
	return f, nil
}

func (n *Network) trace(p program, in []*traced.Tensor) []*traced.Tensor {
	if !p.gradient {
		return []*traced.Tensor{n.answers(in[0])}
	}
	_, aux, gradient, err := eager.ValueAndGrad(func(x *traced.Tensor) (*traced.Tensor, []*traced.Tensor) {
		logits := n.answers(x)
		return eager.Sum(Of(p.loss, logits, in[1:]), false), []*traced.Tensor{logits}
	}, in[0])
	if err != nil {
		return []*traced.Tensor{in[0].Fail(err)}
	}
	return []*traced.Tensor{aux[0], gradient}
}
