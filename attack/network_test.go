package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/internal/golden"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/tensor"
)

// resnet opens the supplied ResNet-20 and a number of labelled CIFAR images.
func resnet(t testing.TB, e engine.Engine, count int) (*Network, Task[*host.Tensor]) {
	t.Helper()
	folder := golden.Dir(t, "corruptions")
	path := filepath.Join(folder, "models", "resnet20.onnx")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the network is not there")
	}
	ctx := context.Background()
	m, err := observer.Open(ctx, e, path, observer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	set, err := stimulus.Open(filepath.Join(folder, "cifar", "lossless600.npz"), stimulus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	source, sample := set.Conditions[0], observer.Sample{}
	for i := range count {
		image, err := source.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		sample.Images = append(sample.Images, image)
		sample.Categories = append(sample.Categories, source.Item(i).Category)
	}
	sample.All = sample.Categories
	chosen, err := observer.Choose(ctx, m, sample)
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewNetwork(e, m, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n, taskOf(t, n, sample.Images, sample.Categories, chosen.Truth)
}

func taskOf(t testing.TB, n *Network, images []*raster.Image, categories []string, truth observer.Truth) Task[*host.Tensor] {
	t.Helper()
	x, err := n.Images(images)
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]int64, len(categories))
	for i, c := range categories {
		labels[i] = int64(truth[c])
	}
	return Task[*host.Tensor]{Model: n, Images: x, Goal: Misclassified[*host.Tensor]{host.Wrap(labels, len(labels))},
		Random: rand.New(rand.NewPCG(1, 0))}
}

// TestNetworkGradient: the gradient is that of the logits' loss, by differences, and the logits are those of the observer.
func TestNetworkGradient(t *testing.T) {
	choicetest.Each(t, func(t *testing.T, e engine.Engine) {
		n, task := resnet(t, e, 70) // more than a batch
		labels := task.Goal.(Misclassified[*host.Tensor]).Labels
		logits, gradient := n.Gradient(CrossEntropy, task.Images, labels)
		if worst, at := apart(floats(t, logits), floats(t, n.Logits(task.Images)), 1e-4); at >= 0 {
			t.Errorf("logits beside the gradient differ by %v", worst)
		}
		answers, err := truths(eager.Equal(eager.ArgMax(logits, 1), labels))
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, ok := range answers {
			if ok {
				right++
			}
		}
		if right < 60 {
			t.Errorf("expected at least 60 of 70 right answers, found %d", right)
		}
		// Along its own gradient the loss rises by its square, to first order.
		const step = 1e-3
		loss := func(x *host.Tensor) float64 {
			v, err := eager.Sum(eager.CrossEntropy(n.Logits(x), labels).Cast(eager.Float64), false).Item()
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		direction := unit(L2, eager.Reshape(gradient, 1, -1)).Reshape(gradient.Shape())
		move := eager.MulScalar(direction, step)
		want, err := size(L2, eager.Reshape(gradient, 1, -1)).Item()
		if err != nil {
			t.Fatal(err)
		}
		got := (loss(eager.Add(task.Images, move)) - loss(eager.Sub(task.Images, move))) / (2 * step)
		if !(math.Abs(got-want) <= 0.02*want) {
			t.Errorf("expected the slope %v, found %v", want, got)
		}
	})
}

func floats(t testing.TB, x *host.Tensor) []float64 {
	t.Helper()
	v, err := x.Floats()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNetworkBreaks: projected gradients of 8/255 leave at most 1 % of the right answers, with and without leaving early; what is returned
// stays within bounds and epsilon.
func TestNetworkBreaks(t *testing.T) {
	_, task := resnet(t, choicetest.Open(t, "auto"), 100)
	for _, early := range []bool{false, true} {
		task.Early = early
		r, err := Run(context.Background(), ProjectedGradient[*host.Tensor](LInf), task, 1./255, 8./255)
		if err != nil {
			t.Fatal(err)
		}
		for k, broken := range [][]bool{r.Success[0], r.Success[1]} {
			share := 0
			for _, b := range broken {
				if b {
					share++
				}
			}
			t.Logf("early %v: epsilon %v: %d of 100 broken, %+v", early, r.Epsilons[k], share, r.Queries)
			if k == 1 && share < 99 {
				t.Errorf("early %v: expected at least 99 of 100 broken, found %d", early, share)
			}
			within := floats(t, r.Within[k])
			for i, v := range floats(t, task.Images) {
				if within[i] < 0 || within[i] > 1 || math.Abs(within[i]-v) > r.Epsilons[k] {
					t.Fatalf("pixel %d moved from %v to %v, beyond %v or the bounds", i, v, within[i], r.Epsilons[k])
				}
			}
		}
	}
}

func BenchmarkProjectedGradient(b *testing.B) {
	_, task := resnet(b, choicetest.Open(b, "auto"), 100)
	for _, early := range []bool{false, true} {
		for name, epsilons := range map[string][]float64{"one": {8. / 255}, "eight": {.25 / 255, .5 / 255, 1. / 255, 2. / 255, 3. / 255, 4. / 255, 6. / 255, 8. / 255}} {
			b.Run(map[bool]string{false: "whole-", true: "early-"}[early]+name, func(b *testing.B) {
				task.Early = early
				for b.Loop() {
					if _, err := Run(context.Background(), ProjectedGradient[*host.Tensor](LInf), task, epsilons...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestNoGradient: an operator without a gradient is named, to attacks that need one; others run.
func TestNoGradient(t *testing.T) {
	e := choicetest.Open(t, "ort")
	b := graph.NewBuilder("reverses", 20)
	x := b.Input("x", tensor.Float32, graph.Dim{Size: -1, Symbol: "n"}, graph.Dim{Size: 3}, graph.Dim{Size: 4}, graph.Dim{Size: 4})
	weights := tensor.New(tensor.Float32, 2, 48)
	tensor.Values[float32](weights)[0] = 1
	swap := func(v graph.Value) graph.Value {
		return b.Op("Transpose", []graph.Value{v}, graph.Attribute{Name: "perm", Value: []int64{1, 0, 2, 3}})
	}
	turned := b.Op("ReverseSequence", []graph.Value{swap(x), b.Ints(1)}, graph.Attribute{Name: "time_axis", Value: int64(0)}, graph.Attribute{Name: "batch_axis", Value: int64(1)})
	b.Output("y", b.Gemm(b.Flatten(swap(turned), 1), b.Initializer("w", weights), graph.Value{}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "reverses.onnx")
	if err := g.Save(path, graph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	m, err := observer.Open(context.Background(), e, path, observer.Options{Preprocessing: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n, err := NewNetwork(e, m, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	images, err := n.Images([]*raster.Image{raster.New(4, 4)})
	if err != nil {
		t.Fatal(err)
	}
	task := Task[*host.Tensor]{Model: n, Images: images, Goal: Misclassified[*host.Tensor]{host.Wrap([]int64{0}, 1)}, Random: rand.New(rand.NewPCG(1, 0))}
	if _, err := Run(context.Background(), FastGradient[*host.Tensor](LInf), task, 0.1); err == nil || !strings.Contains(err.Error(), "ReverseSequence") {
		t.Errorf("expected the operator to be named, found %v", err)
	}
	if _, err := Run(context.Background(), Noise[*host.Tensor]{Metric: LInf}, task, 0.1); err != nil {
		t.Errorf("noise needs no gradient: %v", err)
	}
	for want, change := range map[string]func(task *Task[*host.Tensor]){
		"image 0 has the value 2":                  func(task *Task[*host.Tensor]) { task.Images = eager.FullLike(images, 2) },
		"expected a random generator":              func(task *Task[*host.Tensor]) { task.Random = nil },
		"expected positions within":                func(task *Task[*host.Tensor]) { task.Goal = Misclassified[*host.Tensor]{host.Wrap([]int64{7}, 1)} },
		"gradients need Misclassified or Targeted": func(task *Task[*host.Tensor]) { task.Goal = Both[*host.Tensor]{task.Goal, task.Goal} },
		"expected images [n, ...], found shape":    func(task *Task[*host.Tensor]) { task.Images = host.Wrap([]float32{}, 0, 3) },
	} {
		wrong := task
		wrong.Model = network2{}
		change(&wrong)
		if _, err := Run(context.Background(), FastGradient[*host.Tensor](LInf), wrong, 0.1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
	if _, err := Run(context.Background(), FastGradient[*host.Tensor](LInf), task, 0.1, -1); err == nil || !strings.Contains(err.Error(), "epsilon is -1") {
		t.Errorf("expected the epsilon to be named, found %v", err)
	}
}

// network2 tells two classes by the mean of an image.
type network2 struct{}

func (network2) Bounds() (low, high float64) { return 0, 1 }

func (network2) Logits(x *host.Tensor) *host.Tensor {
	mean := eager.Mean(eager.Flatten(x, 1, -1), true, 1)
	return eager.Concatenate(1, mean, eager.Neg(mean))
}

func (n network2) Gradient(loss Loss, x *host.Tensor, args ...*host.Tensor) (logits, gradient *host.Tensor) {
	return Function[*host.Tensor]{0, 1, n.Logits}.Gradient(loss, x, args...)
}
