package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// written compiles a network of one function of inputs [rank and sizes of each given tensor], and runs it.
func written(t *testing.T, o Options, inputs tensors, write func(n *Net, in map[string]graph.Value) graph.Value) []float64 {
	t.Helper()
	n, in := New("test", o), map[string]graph.Value{}
	for name, v := range inputs {
		in[name] = n.Input(name, v.Type(), graph.Dims(v.Shape()...)...)
	}
	network := finished(t, n, write(n, in))
	return compile(t, network.Graph, nil).run(inputs)["y"].Floats()
}

// TestBatchNorm trains for some batches: each is normalised by its own statistics, the running ones follow with the variance over n-1,
// and the network that is used, given these, normalises by them.
func TestBatchNorm(t *testing.T) {
	write := func(training bool, batch int) *Network {
		n := New("bn", Options{Training: training})
		x := n.Input("x", tensor.Float32, graph.Dims(batch, 2, 3)...)
		return finished(t, n, n.BatchNorm("bn", x, BatchNorm{Momentum: 0.2, Epsilon: 1e-3}))
	}
	trained := write(true, 4)
	if len(trained.Buffers) != 2 || !slices.Equal(trained.Parameters, []string{"bn.weight", "bn.bias"}) {
		t.Fatalf("buffers %v, parameters %v", trained.Buffers, trained.Parameters)
	}
	for _, s := range trained.Buffers {
		if _, err := trained.Graph.Release(s.Input); err != nil {
			t.Fatal(err)
		}
	}
	m := compile(t, trained.Graph, trained.Buffers)
	r := rand.New(rand.NewPCG(3, 4))
	mean, variance := []float64{0, 0}, []float64{1, 1}
	for range 5 {
		x := normal(r, 4, 2, 3)
		got := m.run(tensors{"x": x})["y"].Floats()
		values, want := x.Floats(), make([]float64, 24)
		for c := range 2 {
			var own []float64
			for i, v := range values {
				if i/3%2 == c {
					own = append(own, v)
				}
			}
			mu, squares := 0.0, 0.0
			for _, v := range own {
				mu += v / 12
			}
			for _, v := range own {
				squares += (v - mu) * (v - mu)
			}
			mean[c], variance[c] = 0.8*mean[c]+0.2*mu, 0.8*variance[c]+0.2*squares/11
			for i, v := range values {
				if i/3%2 == c {
					want[i] = (v - mu) / math.Sqrt(squares/12+1e-3)
				}
			}
		}
		near(t, "batch", got, want, 1e-5)
	}
	near(t, "running mean", m.state("bn.running_mean"), mean, 1e-5)
	near(t, "running variance", m.state("bn.running_var"), variance, 1e-5)

	used := write(false, -1)
	values := map[string]*tensor.Tensor{"bn.running_mean": floats(t, mean, 2), "bn.running_var": floats(t, variance, 2)}
	if err := Assign(used.Graph, values); err != nil {
		t.Fatal(err)
	}
	x := normal(r, 1, 2, 3)
	want := x.Floats()
	for i, v := range want {
		want[i] = (v - mean[i/3]) / math.Sqrt(variance[i/3]+1e-3)
	}
	near(t, "used", compile(t, used.Graph, nil).run(tensors{"x": x})["y"].Floats(), want, 1e-5)
}

// TestBatchNormAgain: a layer that is used twice moves its running statistics twice.
func TestBatchNormAgain(t *testing.T) {
	n := New("twice", Options{Training: true})
	x := n.Input("x", tensor.Float32, graph.Dims(2, 1)...)
	y := n.Add(n.BatchNorm("bn", x, BatchNorm{}), n.Again().BatchNorm("bn", n.Add(x, x), BatchNorm{}))
	network := finished(t, n, y)
	for _, s := range network.Buffers {
		if _, err := network.Graph.Release(s.Input); err != nil {
			t.Fatal(err)
		}
	}
	m := compile(t, network.Graph, network.Buffers)
	m.run(tensors{"x": floats(t, []float64{1, 3}, 2, 1)})
	near(t, "mean", m.state("bn.running_mean"), []float64{0.9*0.2 + 0.1*4}, 1e-6)
	near(t, "variance", m.state("bn.running_var"), []float64{0.9*(0.9+0.1*2) + 0.1*8}, 1e-6)
}

// TestOneFunctionTwoGraphs: training and use draw the same parameters, whatever else they write.
func TestOneFunctionTwoGraphs(t *testing.T) {
	write := func(training bool, seed uint64) *Network {
		n := New("net", Options{Training: training, Seed: seed})
		x := n.Input("x", tensor.Float32, graph.Dims(2, 3)...)
		x = n.Dropout("drop", n.Linear("fc1", x, 4, Linear{}), 0.5)
		return finished(t, n, n.In("head").Linear("fc2", x, 2, Linear{NoBias: true}))
	}
	trained, used, other := write(true, 1), write(false, 1), write(false, 2)
	if want := []string{"fc1.weight", "fc1.bias", "head.fc2.weight"}; !slices.Equal(trained.Parameters, want) || !slices.Equal(used.Parameters, want) {
		t.Errorf("parameters %v and %v, expected %v", trained.Parameters, used.Parameters, want)
	}
	for _, name := range used.Parameters {
		a, b, c := trained.Graph.Constant(name).Floats(), used.Graph.Constant(name).Floats(), other.Graph.Constant(name).Floats()
		if !slices.Equal(a, b) || slices.Equal(a, c) {
			t.Errorf("%s: the same seed must draw the same numbers, another seed others", name)
		}
	}
	if len(trained.Masks) != 1 || len(used.Masks) != 0 || trained.Masks[0].Input.Name != "drop.mask" {
		t.Errorf("masks %v and %v", trained.Masks, used.Masks)
	}
	if used.Graph.Node("head.fc2") == nil || used.Graph.Node("fc1") == nil {
		t.Error("a node that is alone in its layer has the layer's name")
	}
}

func TestDropout(t *testing.T) {
	n := New("drop", Options{Training: true})
	x := n.Input("x", tensor.Float32, graph.Dims(100, 100)...)
	network := finished(t, n, n.Dropout("d", x, 0.3))
	mask := tensor.New(tensor.Float32, 100, 100)
	if err := network.Masks[0].Draw(rand.New(rand.NewPCG(1, 1)), mask); err != nil {
		t.Fatal(err)
	}
	ones := tensor.New(tensor.Float32, 100, 100)
	Constant(1)(nil, tensor.Values[float32](ones), nil)
	y := compile(t, network.Graph, nil).run(tensors{"x": ones, "d.mask": mask})["y"].Floats()
	kept := 0.0
	for _, v := range y {
		if v != 0 {
			kept++
			near(t, "what stays", []float64{v}, []float64{1 / 0.7}, 1e-6)
		}
	}
	if sd := math.Sqrt(0.3 * 0.7 * 1e4); math.Abs(kept-7000) > 5*sd { // five standard deviations of a binomial
		t.Errorf("%g of 10000 stay, expected 7000 ± %.0f", kept, 5*sd)
	}
}

// TestLayers compares with numbers worked out by hand.
func TestLayers(t *testing.T) {
	x := floats(t, []float64{1, 2, 3, 6}, 1, 1, 2, 2)
	row := floats(t, []float64{1, 2, 6}, 1, 3)
	sd := math.Sqrt(14.0/3 + 1e-5) // of 1, 2, 6, whose mean is 3
	for _, c := range []struct {
		name  string
		input *tensor.Tensor
		write func(n *Net, x graph.Value) graph.Value
		want  []float64
	}{
		{"layer norm", row, func(n *Net, x graph.Value) graph.Value { return n.LayerNorm("ln", x) }, []float64{-2 / sd, -1 / sd, 3 / sd}},
		{"average pool", x, func(n *Net, x graph.Value) graph.Value { return n.AveragePool(x, graph.Window{Kernel: 2}) }, []float64{3}},
		{"average pool pads", x, func(n *Net, x graph.Value) graph.Value {
			return n.AveragePool(x, graph.Window{Kernel: 2, Stride: 2, Pad: 1})
		}, []float64{1, 2, 3, 6}},
		{"resize nearest", row, func(n *Net, x graph.Value) graph.Value { return n.Resize(n.op("Unsqueeze", x, n.Ints(0)), 2, false) }, []float64{1, 1, 2, 2, 6, 6}},
		{"resize linear", row, func(n *Net, x graph.Value) graph.Value { return n.Resize(n.op("Unsqueeze", x, n.Ints(0)), 2, true) }, []float64{1, 1.25, 1.75, 3, 5, 6}},
		{"coordinates", x, func(n *Net, x graph.Value) graph.Value { return n.Coordinates(x) }, []float64{1, 2, 3, 6, -1, -1, 1, 1, -1, 1, -1, 1}},
		{"broadcast", row, func(n *Net, x graph.Value) graph.Value { return n.Broadcast(x, 1, 2) }, []float64{1, 1, 2, 2, 6, 6, 0, 0, -1, 1}},
		{"residual", row, func(n *Net, x graph.Value) graph.Value { return n.Residual(x, n.Relu) }, []float64{2, 4, 12}},
		{"linear of rank 3", floats(t, []float64{1, 2}, 1, 1, 2), func(n *Net, x graph.Value) graph.Value {
			return n.Linear("fc", x, 3, Linear{Weight: Constant(2), Bias: Constant(1)})
		}, []float64{7, 7, 7}},
		{"sum", x, func(n *Net, x graph.Value) graph.Value { return n.Sum(x, 1, 3) }, []float64{3, 9}},
		{"mean", x, func(n *Net, x graph.Value) graph.Value { return n.Mean(x) }, []float64{3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := written(t, Options{}, tensors{"x": c.input}, func(n *Net, in map[string]graph.Value) graph.Value { return c.write(n, in["x"]) })
			near(t, c.name, got, c.want, 1e-5)
		})
	}
}

// TestLSTMCell compares with the formula, with one hidden unit and all weights alike.
func TestLSTMCell(t *testing.T) {
	x, h, c := 0.5, -0.25, 0.75
	run := func(second bool) float64 {
		return written(t, Options{}, tensors{"x": floats(t, []float64{x}, 1, 1), "h": floats(t, []float64{h}, 1, 1), "c": floats(t, []float64{c}, 1, 1)},
			func(n *Net, in map[string]graph.Value) graph.Value {
				nextH, nextC := n.LSTMCell("cell", in["x"], in["h"], in["c"])
				if second {
					return nextC
				}
				return nextH
			})[0]
	}
	n := New("cell", Options{})
	v := n.Input("x", tensor.Float32, graph.Dims(1, 1)...)
	nextH, _ := n.LSTMCell("cell", v, v, v)
	g := finished(t, n, nextH).Graph
	value := func(name string) []float64 { return g.Constant("cell." + name).Floats() }
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	gate := func(k int) float64 {
		return value("weight_ih")[k]*x + value("bias_ih")[k] + value("weight_hh")[k]*h + value("bias_hh")[k]
	}
	wantC := sigmoid(gate(1))*c + sigmoid(gate(0))*math.Tanh(gate(2))
	near(t, "c", []float64{run(true)}, []float64{wantC}, 1e-6)
	near(t, "h", []float64{run(false)}, []float64{sigmoid(gate(3)) * math.Tanh(wantC)}, 1e-6)
}

// TestLosses compares each with its formula in float64.
func TestLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	a, b, c, d := normal(r, 3, 4), normal(r, 3, 4), normal(r, 3, 4), normal(r, 3, 4)
	unit := tensor.New(tensor.Float32, 3, 4)
	for i := range 12 {
		tensor.Values[float32](unit)[i] = r.Float32()
	}
	labels := []int64{2, 0, 3}
	inputs := tensors{"a": a, "b": b, "c": c, "d": d, "unit": unit, "labels": integers(t, labels, 3)}
	A, B, C, D, U := a.Floats(), b.Floats(), c.Floats(), d.Floats(), unit.Floats()
	logSoftmax := func(row, class int) float64 {
		sum := 0.0
		for k := range 4 {
			sum += math.Exp(A[4*row+k])
		}
		return A[4*row+class] - math.Log(sum)
	}
	crossEntropy := func(smoothing float64) (loss float64) {
		for row, label := range labels {
			for k := range 4 {
				target := smoothing / 4
				if int(label) == k {
					target += 1 - smoothing
				}
				loss -= target * logSoftmax(row, k) / 3
			}
		}
		return loss
	}
	elements := func(f func(i int) float64) (out []float64) {
		for i := range 12 {
			out = append(out, f(i))
		}
		return out
	}
	mean := func(f func(i int) float64) []float64 {
		sum := 0.0
		for _, v := range elements(f) {
			sum += v
		}
		return []float64{sum / 12}
	}
	bernoulli := func(i int) float64 {
		p := 1 / (1 + math.Exp(-A[i]))
		return U[i]*math.Log(p) + (1-U[i])*math.Log(1-p)
	}
	hits := 0.0
	for row, label := range labels {
		if top := A[4*row : 4*row+4]; slices.Max(top) == top[label] {
			hits++
		}
	}
	type values = map[string]graph.Value
	for _, l := range []struct {
		name  string
		write func(n *Net, v values) graph.Value
		want  []float64
	}{
		{"cross-entropy", func(n *Net, v values) graph.Value { return n.CrossEntropy(v["a"], v["labels"], 0) }, []float64{crossEntropy(0)}},
		{"smoothed cross-entropy", func(n *Net, v values) graph.Value { return n.CrossEntropy(v["a"], v["labels"], 0.1) }, []float64{crossEntropy(0.1)}},
		{"accuracy", func(n *Net, v values) graph.Value { return n.Accuracy(v["a"], v["labels"]) }, []float64{hits / 3}},
		{"mse", func(n *Net, v values) graph.Value { return n.MSE(v["a"], v["b"]) }, mean(func(i int) float64 { return (A[i] - B[i]) * (A[i] - B[i]) })},
		{"bernoulli", func(n *Net, v values) graph.Value { return n.BernoulliLogits(v["a"], v["unit"]) }, elements(bernoulli)},
		{"bce", func(n *Net, v values) graph.Value { return n.BCEWithLogits(v["a"], v["unit"]) }, mean(func(i int) float64 { return -bernoulli(i) })},
		{"gaussian", func(n *Net, v values) graph.Value { return n.Gaussian(v["a"], v["b"], v["c"]) }, elements(func(i int) float64 {
			s := math.Exp(C[i])
			return math.Log(1 / math.Sqrt(2*math.Pi*s) * math.Exp(-(A[i]-B[i])*(A[i]-B[i])/(2*s)))
		})},
		{"kl", func(n *Net, v values) graph.Value { return n.GaussianKL(v["a"], v["b"], v["c"], v["d"]) }, elements(func(i int) float64 {
			s1, s2 := math.Exp(B[i]/2), math.Exp(D[i]/2) // standard deviations
			return math.Log(s2/s1) + (s1*s1+(A[i]-C[i])*(A[i]-C[i]))/(2*s2*s2) - 0.5
		})},
		{"standard kl", func(n *Net, v values) graph.Value { return n.StandardKL(v["a"], v["b"]) }, elements(func(i int) float64 {
			return (A[i]*A[i]+math.Exp(B[i])-1)/2 - B[i]/2
		})},
		{"mixture", func(n *Net, v values) graph.Value { return n.Mixture(v["a"], v["b"], 0) }, func() (out []float64) {
			for k := range 4 {
				out = append(out, math.Log(math.Exp(A[k]+B[k])+math.Exp(A[4+k]+B[4+k])+math.Exp(A[8+k]+B[8+k])))
			}
			return out
		}()},
	} {
		t.Run(l.name, func(t *testing.T) {
			used := tensors{}
			probe, in := New("probe", Options{}), values{}
			for name, v := range inputs {
				in[name] = probe.Input(name, v.Type(), graph.Dims(v.Shape()...)...)
			}
			l.write(probe, in)
			for name, v := range inputs {
				used[name] = v
			}
			near(t, l.name, written(t, Options{}, used, l.write), l.want, 2e-6)
		})
	}
	far := floats(t, []float64{-1000, -1001}, 2, 1)
	got := written(t, Options{}, tensors{"x": far}, func(n *Net, in map[string]graph.Value) graph.Value {
		return n.Mixture(in["x"], n.scalar(0), 0)
	})
	near(t, "a mixture of far components", got, []float64{-1000 + math.Log1p(math.Exp(-1))}, 1e-6)
}

func TestErrorsNameTheLayer(t *testing.T) {
	x := func(n *Net, shape ...int) graph.Value { return n.Input("x", tensor.Float32, graph.Dims(shape...)...) }
	for _, c := range []struct {
		write func(n *Net)
		want  string
	}{
		{func(n *Net) { n.Linear("fc", x(n, 2, -1), 3, Linear{}) }, "Linear: the input has shape [2, ?], expected a fixed size at dimension 1"},
		{func(n *Net) { n.Conv("c", x(n, 2, 3), 3, Conv{Kernel: 3}) }, "Conv: the input has shape [2, 3], expected 3 to 5 dimensions"},
		{func(n *Net) { n.Conv("c", x(n, 2, 3, 8, 8), 4, Conv{Kernel: 3, Group: 2}) }, "Conv: kernel 3, 3 channels to 4 in 2 groups"},
		{func(n *Net) { n.BatchNorm("bn", x(n, -1, 3, 8, 8), BatchNorm{}) }, "BatchNorm: the input has shape [?, 3, 8, 8]; training needs fixed sizes"},
		{func(n *Net) { n.BatchNorm("bn", x(n, 1, 3), BatchNorm{}) }, "more than one value a channel"},
		{func(n *Net) { n.GroupNorm("gn", x(n, 1, 3, 2), 2) }, "3 channels in 2 groups"},
		{func(n *Net) { n.Dropout("d", x(n, 2, 3), 1) }, "Dropout: probability 1"},
		{func(n *Net) { n.Again().Linear("fc", x(n, 2, 3), 3, Linear{}) }, `no layer before has the parameter "fc.weight"`},
		{func(n *Net) {
			v := x(n, 2, 3)
			n.Linear("fc", v, 3, Linear{})
			n.Again().Linear("fc", v, 4, Linear{})
		}, `"fc.weight" has shape [3 3], this layer needs [4 3]`},
		{func(n *Net) {
			v := x(n, 2, 3)
			n.Linear("fc", v, 3, Linear{})
			n.Linear("fc", v, 3, Linear{})
		}, `the name "fc.weight" is empty or taken`},
		{func(n *Net) {
			n.Residual(x(n, 2, 3), func(x graph.Value) graph.Value { return n.Linear("fc", x, 1, Linear{}) })
		}, "Residual: the branch makes [2, 1] of [2, 3]"},
	} {
		n := New("wrong", Options{Training: true})
		c.write(n)
		_, err := n.Finish()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; expected %q", err, c.want)
		} else if !strings.Contains(err.Error(), "layers_test.go:") {
			t.Errorf("%v does not name the caller's line", err)
		}
	}
}

func TestAssignRefuses(t *testing.T) {
	n := New("net", Options{})
	network := finished(t, n, n.Linear("fc", n.Input("x", tensor.Float32, graph.Dims(1, 2)...), 3, Linear{}))
	before := fmt.Sprint(network.Graph.Constant("fc.bias").Floats())
	for _, c := range []struct {
		name string
		t    *tensor.Tensor
		want string
	}{
		{"fc2.bias", tensor.New(tensor.Float32, 3), `no parameter "fc2.bias"`},
		{"fc.weight", tensor.New(tensor.Float32, 2, 3), "is float32 [2 3] here, expected float32 [3 2]"},
		{"fc.weight", tensor.New(tensor.Float64, 3, 2), "is float64 [3 2] here"},
	} {
		err := Assign(network.Graph, map[string]*tensor.Tensor{c.name: c.t, "fc.bias": tensor.New(tensor.Float32, 3)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; expected %q", err, c.want)
		}
	}
	if after := fmt.Sprint(network.Graph.Constant("fc.bias").Floats()); after != before {
		t.Error("a refused call has changed the graph")
	}
}
