package nn

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"visus/graph"
	"visus/graph/grad"
	"visus/internal/golden"
	"visus/tensor"
)

// slowVAE is the golden network's description.
type slowVAE struct {
	Z        int `json:"z_dim"`
	Channels int `json:"nc"`
	Rows     int // images, in pairs
	Beta     float64
	Gamma    float64
	Rate     float64 // λ of the Laplace prior
	Steps    []struct {
		Recon, H, Total float64
		CENormal        float64 `json:"CE_normal"`
		CELaplace       float64 `json:"CE_laplace"`
	} `json:"adam_lr1e-4_steps_0_to_5"`
	After map[string]float64 `json:"param_abs_sum_after_6_steps"`
}

// encode and decode are the network of Klindt et al. 2021.
func encode(n *Net, x graph.Value, z int) (mu, logVariance graph.Value) {
	for i, l := range []struct{ out, stride, pad int }{{32, 2, 1}, {32, 2, 1}, {64, 2, 1}, {64, 2, 1}, {256, 1, 0}} {
		x = n.Relu(n.Conv(fmt.Sprint(2*i), x, l.out, Conv{Kernel: 4, Stride: l.stride, Pad: l.pad, Weight: He(), Bias: Constant(0)}))
	}
	y := n.Linear("11", n.Flatten(x, 1), 2*z, Linear{Weight: He(), Bias: Constant(0)})
	halves := n.Ops("Split", 2, []graph.Value{y, n.Ints(int64(z), int64(z))}, graph.Attribute{Name: "axis", Value: int64(1)})
	return halves[0], halves[1]
}

// decode sends its activations through relu.
func decode(n *Net, z graph.Value, channels int, relu func(x graph.Value) graph.Value) graph.Value {
	x := relu(n.op("Reshape", n.Linear("0", z, 256, Linear{}), n.Ints(-1, 256, 1, 1)))
	for i, l := range []struct{ out, stride, pad int }{{64, 1, 0}, {64, 2, 1}, {32, 2, 1}, {32, 2, 1}, {channels, 2, 1}} {
		x = n.ConvTranspose(fmt.Sprint(2*i+3), x, l.out, Conv{Kernel: 4, Stride: l.stride, Pad: l.pad})
		if l.out != channels {
			x = relu(x)
		}
	}
	return x
}

// write writes network and reference loss, with every golden quantity as an output. It returns what goes into the decoder's ReLUs: each is
// an output, to which an input of the name with "nudge " before is added.
func (c slowVAE) write(n *Net) (kinks []graph.Value) {
	x := n.Input("x", tensor.Float32, graph.Dims(c.Rows, c.Channels, 64, 64)...)
	eps := n.Input("eps", tensor.Float32, graph.Dims(c.Rows, c.Z)...)
	mu, logVariance := encode(n.In("encoder"), x, c.Z)
	s := n.op("Exp", n.op("Mul", logVariance, n.scalar(0.5)))
	z := n.Add(mu, n.op("Mul", s, eps))
	logits := decode(n.In("decoder"), z, c.Channels, func(x graph.Value) graph.Value {
		kink := fmt.Sprint("kink ", len(kinks))
		x = n.Add(x, n.Input("nudge "+kink, tensor.Float32, x.Shape...))
		n.Output(kink, x)
		kinks = append(kinks, graph.Value{Name: kink, Type: x.Type, Shape: x.Shape})
		return n.Relu(x)
	})
	perRow := func(v graph.Value) graph.Value { return n.op("Div", n.Sum(v), n.scalar(float64(c.Rows))) }
	half := n.scalar(0.5)

	recon := n.op("Neg", perRow(n.BernoulliLogits(logits, x)))
	h := perRow(n.op("Mul", n.Add(logVariance, n.scalar(math.Log(2*math.Pi)+1)), half))
	squares := n.Add(n.op("Mul", mu, mu), n.op("Mul", s, s))
	normal := perRow(n.op("Mul", n.Add(squares, n.scalar(math.Log(2*math.Pi))), half))
	pairs := n.op("Reshape", mu, n.Ints(-1, 2, int64(c.Z)))
	swapped := n.Op("Slice", []graph.Value{pairs, n.Ints(1), n.Ints(-3), n.Ints(1), n.Ints(-1)})
	d := n.op("Sub", mu, n.op("Reshape", swapped, n.Ints(-1, int64(c.Z))))
	ratio := n.op("Div", d, s)
	bell := n.op("Mul", s, n.op("Exp", n.op("Mul", n.op("Mul", ratio, ratio), n.scalar(-0.5))))
	folded := n.Add(n.op("Mul", bell, n.scalar(math.Sqrt(2/math.Pi))), n.op("Mul", d, n.op("Erf", n.op("Mul", ratio, n.scalar(1/math.Sqrt2)))))
	laplace := perRow(n.Add(n.op("Mul", folded, n.scalar(c.Rate)), n.scalar(-math.Log(c.Rate/2))))
	laplace = n.Add(laplace, laplace) // two rows a pair

	kl := n.op("Mul", n.op("Sub", normal, h), n.scalar(c.Beta))
	slow := n.op("Mul", n.op("Sub", laplace, h), n.scalar(c.Gamma))
	for name, v := range map[string]graph.Value{
		"mu": mu, "logvar": logVariance, "z": z, "recon_logits": logits, "recon": recon, "H": h, "normal": normal, "laplace": laplace,
		"total": n.Add(n.Add(recon, recon), n.Add(kl, slow)),
	} {
		n.Output(name, v)
	}
	return kinks
}

// TestGoldenSlowVAE: forward pass, gradients, and steps of Adam with the losses before each.
func TestGoldenSlowVAE(t *testing.T) {
	for _, path := range golden.Files(t, "slowvae/net", "*.json") {
		c := golden.JSON[slowVAE](t, path)
		base := strings.TrimSuffix(path, ".json")
		weights, io := golden.Arrays(t, base+"_weights.npz"), golden.Arrays(t, base+"_io.npz")
		pixels := io["x"].Floats()
		for i := range pixels {
			pixels[i] /= 255
		}
		inputs := tensors{"x": floats(t, pixels, io["x"].Shape()...), "eps": io["eps"], Rate: floats(t, []float64{1e-4})}

		n := New("slowvae", Options{})
		kinks := c.write(n)
		network, err := n.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if err := Assign(network.Graph, weights); err != nil {
			t.Fatal(err)
		}
		for _, v := range kinks {
			shape, _ := v.Sizes()
			inputs["nudge "+v.Name] = tensor.New(tensor.Float32, shape...)
		}
		out := compile(t, network.Graph, nil).run(inputs)
		for _, name := range []string{"mu", "logvar", "z", "recon_logits"} {
			near(t, name, out[name].Floats(), io[name].Floats(), 1e-4)
		}
		nudged, undecided := crossed(kinks, out, inputs)
		wanted := golden.Arrays(t, base+"_grads.npz")
		name, worst := gradients(t, network, wanted, inputs)
		if undecided > 0 {
			if other, error := gradients(t, network, wanted, nudged); error < worst {
				name, worst = other, error
			}
		}
		if !(worst <= 1e-4) {
			t.Errorf("the gradient of %s has the relative error %g", name, worst)
		}

		step, err := network.Step("total", Adam{}, StepOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m := compile(t, step.Graph, step.State)
		for k, want := range c.Steps {
			out := m.run(inputs)
			got := []float64{}
			for _, name := range []string{"recon", "H", "normal", "laplace", "total"} {
				got = append(got, out[name].Floats()[0])
			}
			for i, v := range []float64{want.Recon, want.H, want.CENormal, want.CELaplace, want.Total} {
				near(t, fmt.Sprintf("loss term %d before step %d", i, k), got[i:i+1], []float64{v}, 1e-5)
			}
		}
		for name, want := range c.After {
			sum := 0.0
			for _, v := range m.state(name) {
				sum += math.Abs(v)
			}
			near(t, "sum of |"+name+"|", []float64{sum}, []float64{want}, 1e-5)
		}
		t.Logf("%s: %d gradients, largest relative L2 error %.1e (%d ReLUs within rounding of their kink); %d steps, %d parameters",
			filepath.Base(base), len(network.Parameters), worst, undecided, len(c.Steps), len(c.After))
	}
}

// crossed returns the inputs with nudges that carry what lies within rounding of a ReLU's kink to its other side, and how many there are: on
// which side the reference stood, its rounding decided.
func crossed(kinks []graph.Value, out, inputs tensors) (nudged tensors, undecided int) {
	nudged = maps.Clone(inputs)
	for _, v := range kinks {
		shape, _ := v.Sizes()
		nudge := tensor.New(tensor.Float32, shape...)
		for i, x := range tensor.Values[float32](out[v.Name]) {
			if x != 0 && math.Abs(float64(x)) < 1e-7 { // float32's spacing at 1, the size of the terms of the sum
				tensor.Values[float32](nudge)[i] = -2 * x
				undecided++
			}
		}
		nudged["nudge "+v.Name] = nudge
	}
	return nudged, undecided
}

// gradients compares those of the total loss, and returns the largest relative L2 error with its parameter; large gradients are given as
// every 16th element, and the norm of all.
func gradients(t *testing.T, network *Network, want map[string]*tensor.Tensor, inputs tensors) (name string, worst float64) {
	t.Helper()
	g := network.Graph.Clone()
	names, err := grad.Append(g, "total", network.Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := graph.Extend(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range network.Parameters {
		b.Output("d "+name, b.Value(names[name]))
	}
	if g, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	out := compile(t, g, nil).run(inputs)
	for _, parameter := range network.Parameters {
		all, some := out["d "+parameter].Floats(), want[parameter].Floats()
		norm := math.Sqrt(dot(all, all))
		near(t, "norm of the gradient of "+parameter, []float64{norm}, want["norm:"+parameter].Floats()[:1], 1e-4)
		stride := 1
		if len(some) < len(all) {
			stride = 16
		}
		errors, squares := 0.0, 0.0
		for i, v := range some {
			errors += (all[i*stride] - v) * (all[i*stride] - v)
			squares += v * v
		}
		if relative := math.Sqrt(errors / squares); !(relative <= worst) {
			name, worst = parameter, relative
		}
	}
	return name, worst
}
