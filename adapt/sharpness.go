package adapt

import (
	"cmp"
	"math"
	"strings"

	"visus/graph"
	"visus/graph/grad"
	"visus/graph/norm"
	"visus/tensor"
)

// second is before the names of what SAR's second pass computes.
const second = "second/"

// early are the layers that SAR learns: all but those of the last stage, which its authors found unstable in deep layers. The stages are those
// of norm.Select, so that the last one of a CIFAR ResNet, layer3, is skipped as is layer4 of larger ones. Names without stages, or with one
// alone, leave nothing out.
func early(layers []norm.Layer) []norm.Layer {
	name := strings.TrimPrefix(layers[len(layers)-1].Name, "/")
	end := strings.IndexAny(name, "./")
	if end < 0 {
		return layers
	}
	rest, err := norm.Select(layers, "!"+name[:end])
	if err != nil || len(rest) == 0 {
		return layers
	}
	return rest
}

// sharpen appends SAR's second pass to a network: with g the gradient of the mean H of the images with H < E₀, the network once more at
// θ + ρ g/‖g‖, a point that later gradients take for θ. Its values have the prefix second; the weights are shared. It returns the name of what
// the first pass kept, [n].
func (l *learner) sharpen(g *graph.Graph) (kept string, err error) {
	again := g.Clone()
	b, err := graph.Extend(g)
	if err != nil {
		return "", err
	}
	o, err := l.look(b, l.model.Output)
	if err != nil {
		return "", err
	}
	keep := o.float(o.sureOnes())
	loss, _ := o.certain(keep)
	if err := b.Err(); err != nil {
		return "", err
	}
	gradients, err := grad.Append(g, loss.Name, l.learnt...)
	if err != nil {
		return "", err
	}
	moved, err := l.ascend(g, gradients)
	if err != nil {
		return "", err
	}
	return keep.Name, attach(g, again, moved)
}

// ascend appends θ + ρ g/‖g‖, with one norm over all parameters. It returns the names.
func (l *learner) ascend(g *graph.Graph, gradients map[string]string) (map[string]string, error) {
	b, err := graph.Extend(g)
	if err != nil {
		return nil, err
	}
	op := func(name string, inputs ...graph.Value) graph.Value { return b.Op(name, inputs) }
	var squares []graph.Value
	for _, name := range l.learnt {
		squares = append(squares, b.Op("ReduceSumSquare", []graph.Value{b.Value(gradients[name])}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	}
	length := op("Add", op("Sqrt", op("Sum", squares...)), b.Scalar(tensor.Float32, 1e-12))
	factor := op("Div", b.Scalar(tensor.Float32, cmp.Or(l.method.Learning.Radius, 0.05)), length)
	moved := map[string]string{}
	for _, name := range l.learnt {
		step := op("visus.StopGradient", op("Mul", b.Value(gradients[name]), factor))
		moved[name] = op("Add", b.Value(name), step).Name
	}
	return moved, b.Err()
}

// attach splices a network into a graph that has the same inputs and constants. moved names other values for some of them.
func attach(g, again *graph.Graph, moved map[string]string) error {
	bind := map[string]string{}
	for _, v := range again.Inputs {
		bind[v.Name] = v.Name
	}
	var shared []string
	for _, c := range again.Initializers {
		if c.Tensor != nil {
			shared = append(shared, c.Name)
			bind[c.Name] = c.Name
		}
	}
	for name, value := range moved {
		bind[name] = value
	}
	if _, err := again.Release(shared...); err != nil {
		return err
	}
	_, err := g.Splice(again, second, bind)
	return err
}

// recover follows the mean of SAR's loss over the steps, 0.9 of the mean and 0.1 of the new one, and puts everything back where it is so small
// that the model is about to answer one class always. It says whether it did. (In the authors' code the mean survives its reset.)
func (l *learner) recover(loss float64, w *warnings) (bool, error) {
	if math.IsNaN(l.average) {
		l.average = loss
	}
	l.average = past*l.average + (1-past)*loss
	if !(l.average < cmp.Or(l.method.Learning.Floor, 0.2)) {
		return false, nil
	}
	text := "batch %d: the moving average of the loss is %.3g: the parameters that the model came with are put back"
	if l.method.Learning.Lasting {
		w.add(Recovered, strings.Replace(text, "are put back", "would be put back", 1), len(l.steps)+1, l.average)
		return false, nil
	}
	w.add(Recovered, text, len(l.steps)+1, l.average)
	return true, l.restart()
}
