package adapt

import (
	"context"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"visus/graph"
	"visus/tensor"
)

// exact is a tensor of float64 with the gradient of a loss.
type exact struct {
	shape []int
	v, d  []float64
}

func zeros(shape ...int) *exact {
	n, _ := tensor.Elements(shape)
	return &exact{shape, make([]float64, n), make([]float64, n)}
}

// tape computes a residual network and its gradients in float64, plainly: what implementations in float32 are held to. Batch normalisation
// uses the statistics of the batch.
type tape struct {
	output *exact
	values map[string]*exact
	back   []func()
	signs  map[string][]float64 // what else than the tape's own values says where Relu lets a gradient through; nil: nothing
}

// record runs the graph forward.
func record(t testing.TB, g *graph.Graph, in *tensor.Tensor) *tape {
	t.Helper()
	p := &tape{values: map[string]*exact{}}
	for _, c := range g.Initializers {
		p.values[c.Name] = &exact{c.Tensor.Shape(), c.Tensor.Floats(), make([]float64, c.Tensor.Len())}
	}
	p.values[g.Inputs[0].Name] = &exact{in.Shape(), in.Floats(), make([]float64, in.Len())}
	for _, n := range g.Nodes {
		out, back := p.node(n)
		if out == nil {
			t.Fatalf("%s is not computed here", n)
		}
		p.values[n.Outputs[0]], p.back = out, append(p.back, back)
	}
	p.output = p.values[g.Outputs[0].Name]
	return p
}

// backward leaves in every value the gradient of a loss, given that of the output.
func (p *tape) backward(slope []float64, signs map[string][]float64) {
	for _, v := range p.values {
		clear(v.d)
	}
	p.signs = signs
	copy(p.output.d, slope)
	for _, back := range slices.Backward(p.back) {
		back()
	}
}

func (p *tape) node(n *graph.Node) (*exact, func()) {
	in := make([]*exact, len(n.Inputs))
	for i, name := range n.Inputs {
		in[i] = p.values[name]
	}
	switch n.Op {
	case "Conv":
		return convolve(in[0], in[1], int(n.Ints("strides")[0]), int(n.Ints("pads")[0]))
	case "BatchNormalization":
		return normalise(in[0], in[1], in[2], float64(n.Float("epsilon", 1e-5)))
	case "Relu":
		return p.relu(n.Outputs[0], in[0])
	case "Add":
		return add(in[0], in[1])
	case "Slice":
		return every(in[0], in[4].v, in[3].v)
	case "Pad":
		return embed(in[0], in[1].v)
	case "GlobalAveragePool":
		return average(in[0])
	case "Flatten":
		out := *in[0]
		out.shape = []int{out.shape[0], len(out.v) / out.shape[0]}
		return &out, func() {}
	case "Gemm":
		return gemm(in[0], in[1], in[2])
	}
	return nil, nil
}

func (p *tape) relu(name string, x *exact) (*exact, func()) {
	y := zeros(x.shape...)
	for i, v := range x.v {
		y.v[i] = max(v, 0)
	}
	return y, func() {
		signs := y.v
		if p.signs != nil {
			signs = p.signs[name]
		}
		for i, d := range y.d {
			if signs[i] > 0 {
				x.d[i] += d
			}
		}
	}
}

func add(a, b *exact) (*exact, func()) {
	y := zeros(a.shape...)
	for i := range y.v {
		y.v[i] = a.v[i] + b.v[i]
	}
	return y, func() {
		for i, d := range y.d {
			a.d[i] += d
			b.d[i] += d
		}
	}
}

// convolve is a convolution without bias, a product with the windows of each image; of the weights there is no gradient.
func convolve(x, w *exact, stride, pad int) (*exact, func()) {
	n, c, height, width := x.shape[0], x.shape[1], x.shape[2], x.shape[3]
	o, k := w.shape[0], w.shape[2]
	h2, w2 := (height+2*pad-k)/stride+1, (width+2*pad-k)/stride+1
	var source []int // of the values of all windows of an image, [c·k·k, h2·w2]; -1 outside
	for tap := range c * k * k {
		for at := range h2 * w2 {
			row, column := at/w2*stride+tap/k%k-pad, at%w2*stride+tap%k-pad
			i := (tap/(k*k)*height+row)*width + column
			if row < 0 || row >= height || column < 0 || column >= width {
				i = -1
			}
			source = append(source, i)
		}
	}
	y, kernel, windows := zeros(n, o, h2, w2), mat.NewDense(o, c*k*k, w.v), make([]float64, len(source))
	image := func(v []float64, i int) []float64 { return v[i*len(v)/n : (i+1)*len(v)/n] }
	product := mat.NewDense(c*k*k, h2*w2, windows)
	for i := range n {
		from := image(x.v, i)
		for at, s := range source {
			windows[at] = 0
			if s >= 0 {
				windows[at] = from[s]
			}
		}
		mat.NewDense(o, h2*w2, image(y.v, i)).Mul(kernel, product)
	}
	return y, func() {
		for i := range n {
			product.Mul(kernel.T(), mat.NewDense(o, h2*w2, image(y.d, i)))
			to := image(x.d, i)
			for at, s := range source {
				if s >= 0 {
					to[s] += windows[at]
				}
			}
		}
	}
}

// normalise has the gradients of the specification, corruptions, section 12.
func normalise(x, scale, bias *exact, epsilon float64) (*exact, func()) {
	n, c, area := x.shape[0], x.shape[1], x.shape[2]*x.shape[3]
	m := float64(n * area)
	y, unit, spread := zeros(x.shape...), make([]float64, len(x.v)), make([]float64, c)
	channel := func(ch int, do func(i int)) {
		for image := range n {
			for i := (image*c + ch) * area; i < (image*c+ch+1)*area; i++ {
				do(i)
			}
		}
	}
	for ch := range c {
		mean, variance := 0.0, 0.0
		channel(ch, func(i int) { mean += x.v[i] / m })
		channel(ch, func(i int) { variance += (x.v[i] - mean) * (x.v[i] - mean) / m })
		spread[ch] = math.Sqrt(variance + epsilon)
		channel(ch, func(i int) {
			unit[i] = (x.v[i] - mean) / spread[ch]
			y.v[i] = scale.v[ch]*unit[i] + bias.v[ch]
		})
	}
	return y, func() {
		for ch := range c {
			channel(ch, func(i int) {
				scale.d[ch] += y.d[i] * unit[i]
				bias.d[ch] += y.d[i]
			})
			channel(ch, func(i int) {
				x.d[i] += scale.v[ch] / spread[ch] * (y.d[i] - bias.d[ch]/m - unit[i]*scale.d[ch]/m)
			})
		}
	}
}

// gather takes y[i] = x[from(place of i)], 0 where from is negative.
func gather(x *exact, shape []int, from func(place []int) int) (*exact, func()) {
	y := zeros(shape...)
	source, place := make([]int, len(y.v)), make([]int, len(shape))
	for i := range source {
		rest := i
		for a := len(shape) - 1; a >= 0; a-- {
			place[a], rest = rest%shape[a], rest/shape[a]
		}
		if source[i] = from(place); source[i] >= 0 {
			y.v[i] = x.v[source[i]]
		}
	}
	return y, func() {
		for i, s := range source {
			if s >= 0 {
				x.d[s] += y.d[i]
			}
		}
	}
}

// every is a Slice that takes every step-th value along axes, from the first.
func every(x *exact, steps, axes []float64) (*exact, func()) {
	stride, shape := []int{1, 1, 1, 1}, slices.Clone(x.shape)
	for k, a := range axes {
		stride[int(a)] = int(steps[k])
		shape[int(a)] = (x.shape[int(a)]-1)/int(steps[k]) + 1
	}
	return gather(x, shape, func(p []int) int {
		i := 0
		for a := range p {
			i = i*x.shape[a] + p[a]*stride[a]
		}
		return i
	})
}

// embed is a Pad with zeros.
func embed(x *exact, pads []float64) (*exact, func()) {
	shape := slices.Clone(x.shape)
	for a := range shape {
		shape[a] += int(pads[a] + pads[len(shape)+a])
	}
	return gather(x, shape, func(p []int) int {
		i := 0
		for a := range p {
			at := p[a] - int(pads[a])
			if at < 0 || at >= x.shape[a] {
				return -1
			}
			i = i*x.shape[a] + at
		}
		return i
	})
}

func average(x *exact) (*exact, func()) {
	area := x.shape[2] * x.shape[3]
	y := zeros(x.shape[0], x.shape[1], 1, 1)
	for i, v := range x.v {
		y.v[i/area] += v / float64(area)
	}
	return y, func() {
		for i := range x.d {
			x.d[i] += y.d[i/area] / float64(area)
		}
	}
}

// gemm is x wᵀ + b; of w and b there is no gradient.
func gemm(x, w, b *exact) (*exact, func()) {
	n, k, o := x.shape[0], x.shape[1], w.shape[0]
	y := zeros(n, o)
	for i := range n {
		for j := range o {
			sum := b.v[j]
			for a := range k {
				sum += x.v[i*k+a] * w.v[j*k+a]
			}
			y.v[i*o+j] = sum
		}
	}
	return y, func() {
		for i := range n {
			for j := range o {
				for a := range k {
					x.d[i*k+a] += y.d[i*o+j] * w.v[j*k+a]
				}
			}
		}
	}
}

// slope is the gradient of a mode's loss with respect to the logits (specification, corruptions, section 12).
func slope(mode Mode, logits []float64, classes int) []float64 {
	var out []float64
	n := float64(len(logits) / classes)
	for row := range slices.Chunk(logits, classes) {
		most, sum, entropy := slices.Max(row), 0.0, 0.0
		for _, v := range row {
			sum += math.Exp(v - most)
		}
		log := func(v float64) float64 { return v - most - math.Log(sum) }
		for _, v := range row {
			entropy -= math.Exp(log(v)) * log(v)
		}
		for _, v := range row {
			p := math.Exp(log(v))
			switch {
			case mode == Tent:
				out = append(out, -p*(log(v)+entropy)/n)
			case v == most:
				out = append(out, math.Pow(1/sum, power)*(p-1)/n)
			default:
				out = append(out, math.Pow(1/sum, power)*p/n)
			}
		}
	}
	return out
}

// signs are the outputs of every Relu as the engine computes them, in float32.
func signs(t testing.TB, o *Observer, in *tensor.Tensor) map[string][]float64 {
	t.Helper()
	g, err := o.learner.forward(in.Shape())
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = nil
	var names []string
	for _, n := range g.Nodes {
		if n.Op == "Relu" {
			names = append(names, n.Outputs[0])
			g.Outputs = append(g.Outputs, graph.Value{Name: n.Outputs[0], Type: tensor.Float32})
		}
	}
	p, err := o.learner.still(context.Background(), g, names...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	outputs := make([]*tensor.Tensor, len(names))
	if err := p.Run(context.Background(), []*tensor.Tensor{in}, outputs); err != nil {
		t.Fatal(err)
	}
	found := map[string][]float64{}
	for i, name := range names {
		found[name] = outputs[i].Floats()
	}
	return found
}
