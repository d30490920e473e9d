package adapt

import (
	"context"
	"encoding/json"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph/nn"
	"visus/internal/golden"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// learning are the golden methods by the name of their arrays.
var learning = map[string]Method{
	"tent_adam": {Mode: Tent},
	"tent_sgdm": {Mode: Tent, Learning: Learning{Optimiser: nn.SGD{Momentum: 0.9}}},
	"rpl_adam":  {Mode: RPL},
	"rpl_sgd":   {Mode: RPL, Learning: Learning{Optimiser: nn.SGD{}, Rate: 7.5e-4}},
	"eta_adam":  {Mode: ETA},
}

func resnet20(t testing.TB) (engine.Engine, *observer.Model) {
	t.Helper()
	return resnet20On(t, choicetest.Open(t, choice.ORT))
}

func resnet20On(t testing.TB, e engine.Engine) (engine.Engine, *observer.Model) {
	t.Helper()
	for _, file := range golden.Files(t, "corruptions/models", "resnet20*.onnx") {
		m, err := observer.Open(context.Background(), e, file, observer.Options{Preprocessing: "imagenet"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		if o, err := New(context.Background(), e, m, Method{Mode: Tent}); err == nil {
			o.Close()
			return e, m
		}
	}
	t.Fatal("no ResNet-20 with batch normalisation")
	return nil, nil
}

// tiles reads corruptions/adapt/NAME.png: images of 32×32 pixels, row by row.
func tiles(t testing.TB, name string) []*raster.Image {
	t.Helper()
	f, err := os.Open(filepath.Join(golden.Dir(t, "corruptions/adapt"), name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	columns := picture.Bounds().Dx() / 32
	out := make([]*raster.Image, columns*(picture.Bounds().Dy()/32))
	for i := range out {
		out[i] = raster.New(32, 32)
		for k := range 32 * 32 {
			r, g, b, _ := picture.At(i%columns*32+k%32, i/columns*32+k/32).RGBA()
			copy(out[i].Pix[3*k:], []uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)})
		}
	}
	return out
}

func learn(t testing.TB, method Method) *Observer {
	t.Helper()
	return learnOn(t, choicetest.Open(t, choice.ORT), method)
}

func learnOn(t testing.TB, e engine.Engine, method Method) *Observer {
	t.Helper()
	e, m := resnet20On(t, e)
	o, err := New(context.Background(), e, m, method)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// show answers images n at a time and returns the logits.
func show(t testing.TB, o *Observer, images []*raster.Image, n int) (logits []float64) {
	t.Helper()
	for batch := range slices.Chunk(images, n) {
		if _, err := o.Answer(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
		logits = append(logits, o.learner.last.outputs[0].Floats()...)
	}
	return logits
}

func farthest(a, b []float64) float64 {
	worst := 0.0
	for i := range b {
		if d := math.Abs(a[i] - b[i]); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

type outcome struct {
	Error  float64   `json:"error"`
	Losses []float64 `json:"losses"`
	Batch  int       `json:"batch"`
}

// TestGoldenLearning holds logits, losses, numbers of images kept, errors and final parameters of every stored run to the reference's.
func TestGoldenLearning(t *testing.T) { choicetest.Each(t, goldenLearning) }

func goldenLearning(t *testing.T, e engine.Engine) {
	arrays := golden.Arrays(t, golden.Files(t, "corruptions/adapt", "tta_golden.npz")[0])
	results := golden.JSON[map[string]json.RawMessage](t, golden.Files(t, "corruptions/adapt", "tta_golden.json")[0])
	classes := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0])["y"].Floats()
	runs, numbers := 0, 0
	for key, want := range arrays {
		parts := strings.Split(key, "/")
		if len(parts) != 3 || parts[2] != "logits" {
			continue
		}
		method, ok := learning[parts[1]]
		if !ok {
			continue
		}
		var result outcome
		if err := json.Unmarshal(results[parts[0]+"/"+parts[1]], &result); err != nil {
			t.Fatal(err)
		}
		size := result.Batch
		o := learnOn(t, e, method)
		images := tiles(t, parts[0])
		got := show(t, o, images, size)
		first := size * 10
		early, late := farthest(got[:first], want.Floats()[:first]), farthest(got[first:], want.Floats()[first:])
		if len(got) != want.Len() || !(early <= 5e-3) || !(late <= 5e-2) {
			t.Errorf("%s: logits differ by %.2g in the first batch, %.2g later", key, early, late)
		}
		for i, loss := range result.Losses {
			step, within := o.Steps()[i], 5e-3
			value := step.Loss
			if method.Mode == ETA { // where the reference tells the number of images kept
				value, within = math.Round(step.Kept*float64(size)), 1
			}
			if !(math.Abs(value-loss) <= within) {
				t.Errorf("%s, batch %d: %g, expected %g", key, i, value, loss)
			}
		}
		wrong := 0
		for i := range images {
			if row := got[10*i : 10*i+10]; slices.Index(row, slices.Max(row)) != int(classes[i]) {
				wrong++
			}
		}
		if want := result.Error * float64(len(images)); math.Abs(float64(wrong)-want) > 3 {
			t.Errorf("%s: %d wrong, expected %g", key, wrong, want)
		}
		parameters, err := o.Parameters()
		if err != nil {
			t.Fatal(err)
		}
		var final, expected []float64
		for name, p := range parameters {
			if stored := arrays[strings.Join(parts[:2], "/")+"/final/"+name]; stored != nil {
				final, expected = append(final, p.Floats()...), append(expected, stored.Floats()...)
			}
		}
		// The first step of Adam is the rate times the sign of the gradient: where that is noise, parameters go apart by twice the rate.
		worst, mean := farthest(final, expected), 0.0
		for i := range expected {
			mean += math.Abs(final[i]-expected[i]) / float64(len(expected))
		}
		if !(worst <= 5e-3 && mean <= 5e-5) {
			t.Errorf("%s: parameters differ by %.2g, in the mean by %.2g", key, worst, mean)
		}
		t.Logf("%s: logits differ by %.2g, later %.2g, %d parameters by %.2g, in the mean %.2g; %d wrong", key, early, late, len(expected), worst, mean, wrong)
		runs, numbers = runs+1, numbers+len(got)+len(expected)
	}
	if runs == 0 || numbers == 0 {
		t.Fatal("no case found")
	}
	t.Logf("%d runs, %d numbers", runs, numbers)
}

// TestGoldenGradients takes the gradients of the first batch from a step of gradient descent with rate 1 and holds them to those in float64,
// and the reference's too. The specification asks for 1e-3 of the largest entry between us and the reference, which nobody can reach who
// computes exactly: the reference's own logits are 2.5e-4 from those in float64 (ours 1.5e-5), some inputs of Relu have another sign
// there, and its gradients are up to 1e-2 of the largest entry off. Ours are so by less, for the same reason alone: with the signs that Relu sees in
// float32, ours are those in float64.
func TestGoldenGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("a network in float64")
	}
	arrays := golden.Arrays(t, golden.Files(t, "corruptions/adapt", "tta_golden.npz")[0])
	checked, modes := 0, map[string]Mode{"grad_entropy": Tent, "grad_gce0.8": RPL}
	for _, set := range []string{"gaussian_noise_5", "contrast_5"} {
		var exactly *tape
		var float32s map[string][]float64
		for prefix, mode := range modes {
			o := learn(t, Method{Mode: mode, Learning: Learning{Optimiser: nn.SGD{}, Rate: 1}})
			images := tiles(t, set)[:100]
			show(t, o, images, 100)
			if exactly == nil {
				in, err := o.model.Pixels(images)
				if err != nil {
					t.Fatal(err)
				}
				exactly, float32s = record(t, o.learner.network.graph, in), signs(t, o, in)
			}
			names := slices.DeleteFunc(slices.Clone(o.learner.learnt), func(name string) bool { return arrays[set+"/"+prefix+"/"+name] == nil })
			if len(names) == 0 {
				continue // not stored for this set
			}
			after, err := o.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			gradient := func(name string) []float64 {
				out := o.learner.initial[name].Floats()
				for c, v := range after[name].Floats() {
					out[c] -= v
				}
				return out
			}
			ours := gather64(names, gradient)
			stored := func(name string) []float64 { return arrays[set+"/"+prefix+"/"+name].Floats() }
			theirs := gather64(names, stored)
			slopes := slope(mode, exactly.output.v, exactly.output.shape[1])
			exactly.backward(slopes, nil)
			want := gather64(names, func(name string) []float64 { return exactly.values[name].d })
			exactly.backward(slopes, float32s)
			signed := gather64(names, func(name string) []float64 { return exactly.values[name].d })
			largest := farthest(make([]float64, len(want)), want)
			off, offSigned, offTheirs := farthest(ours, want)/largest, farthest(ours, signed)/largest, farthest(theirs, want)/largest
			if !(offSigned <= 2e-5 && off <= 2e-3 && off < offTheirs) {
				t.Errorf("%s/%s: gradients differ by %.2g of the largest from those in float64 (the reference's by %.2g), by %.2g with the same signs",
					set, prefix, off, offTheirs, offSigned)
			}
			// Behind the last normaliser there is no more than one Relu, so that there the reference can be met.
			last := o.learner.network.layers[len(o.learner.network.layers)-1].Name
			end := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, last) })
			apart := farthest(ours, theirs) / largest
			behind := farthest(gather64(end, gradient), gather64(end, stored)) / farthest(make([]float64, len(theirs)), theirs)
			length := distance(ours, theirs) / distance(make([]float64, len(theirs)), theirs)
			if len(end) == 0 || !(apart <= 2e-2 && behind <= 1e-3 && length <= 1e-2) {
				t.Errorf("%s/%s: gradients differ by %.2g of the largest from the reference's, the last layer's %d by %.2g; their difference is %.2g of their length",
					set, prefix, apart, len(end), behind, length)
			}
			t.Logf("%s/%s: %d gradients differ by %.2g of the largest from those in float64, by %.2g with the same signs; the reference's by %.2g, and ours from them by %.2g",
				set, prefix, len(want), off, offSigned, offTheirs, apart)
			checked += len(want)
		}
	}
	if checked == 0 {
		t.Fatal("no case found")
	}
}

func gather64(names []string, of func(name string) []float64) (all []float64) {
	for _, name := range names {
		all = append(all, of(name)...)
	}
	return all
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range b {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

// TestSlope: a short step of gradient descent lowers the loss by rate · ‖gradient‖², for every loss.
func TestSlope(t *testing.T) {
	const rate = 1e-4
	images := tiles(t, "gaussian_noise_5")[:100]
	for _, mode := range []Mode{Tent, RPL} {
		o := learn(t, Method{Mode: mode, Learning: Learning{Optimiser: nn.SGD{}, Rate: rate}})
		show(t, o, images, 100)
		after, err := o.Parameters()
		if err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for name, p := range after {
			d := distance(p.Floats(), o.learner.initial[name].Floats()) / rate
			square += d * d
		}
		show(t, o, images, 100)
		fell := (o.Steps()[0].Loss - o.Steps()[1].Loss) / rate
		if !(math.Abs(fell/square-1) < 0.05) {
			t.Errorf("%s: the loss falls by %g for a rate of 1, expected %g", mode, fell, square)
		}
		t.Logf("%s: %.4g of %.4g", mode, fell, square)
	}
}

// TestLearningResets: Reset and Episodic begin again, another batch size goes on.
func TestLearningResets(t *testing.T) {
	images := tiles(t, "contrast_5")[:100]
	o := learn(t, Method{Mode: ETA})
	first := show(t, o, images, 40)
	before, err := o.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	if maps.EqualFunc(before, o.learner.initial, func(a, b *tensor.Tensor) bool { return slices.Equal(a.Floats(), b.Floats()) }) || len(o.Steps()) != 3 {
		t.Fatal("nothing was learnt")
	}
	again := show(t, o, images, 40)
	if slices.Equal(first, again) {
		t.Fatal("the second round is as the first: the state did not last")
	}
	if err := o.Reset(); err != nil {
		t.Fatal(err)
	}
	if d := farthest(show(t, o, images, 40), first); d > 1e-4 {
		t.Errorf("after a reset logits differ by %g", d)
	}
	episodic := learn(t, Method{Mode: Tent, Learning: Learning{Episodic: true, Steps: 3}})
	if d := farthest(show(t, episodic, images, 100), show(t, episodic, images, 100)); d > 1e-4 {
		t.Errorf("episodes differ by %g", d)
	}
}

// TestNothingKept: a batch of which no image is sure changes nothing, moments included.
func TestNothingKept(t *testing.T) {
	o := learn(t, Method{Mode: ETA})
	noise := raster.New(32, 32)
	images := []*raster.Image{noise, noise, noise}
	logits := show(t, o, images, 3)
	if kept := o.Steps()[0].Kept; kept != 0 {
		t.Skipf("%g of identical images were kept, with logits %v", kept, logits[:10])
	}
	state, err := o.learner.last.save()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range state {
		if !slices.Equal(v.Floats(), o.learner.initial[name].Floats()) {
			t.Errorf("%s has changed", name)
		}
	}
}

// TestCollapse drives Tent into a collapse by a large rate: it is told, and put back.
func TestCollapse(t *testing.T) {
	images := tiles(t, "contrast_5")
	o := learn(t, Method{Mode: Tent, Learning: Learning{Optimiser: nn.SGD{}, Rate: 20}})
	show(t, o, images, 100)
	collapsed := slices.IndexFunc(o.Steps(), func(s Step) bool { return s.Collapsed })
	if collapsed < 1 {
		t.Fatalf("no collapse: %+v", o.Steps())
	}
	if s := o.Steps()[collapsed]; slices.Max(s.Histogram) > 50 {
		t.Errorf("after the reset the answers are %v", s.Histogram)
	}
	if !slices.ContainsFunc(o.Warnings(), func(w Warning) bool { return w.Doubt == Collapsed }) {
		t.Errorf("no warning: %v", o.Warnings())
	}
}

// BenchmarkTent is one step of Tent on 100 images with ResNet-20; PyTorch takes 0.120-0.133 s (specification, graph, section 5).
func BenchmarkTent(b *testing.B) {
	images := tiles(b, "contrast_5")[:100]
	o := learn(b, Method{Mode: Tent})
	show(b, o, images, 100)
	for b.Loop() {
		show(b, o, images, 100)
	}
}
