package adapt

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/choice/choicetest"
	"visus/graph/nn"
	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

// held is a set of images in memory.
type held []*raster.Image

func (h held) Len() int                           { return len(h) }
func (h held) Image(i int) (*raster.Image, error) { return h[i], nil }

// cleanImages are the first n of the stored ones.
func cleanImages(t testing.TB, n int) held {
	t.Helper()
	x := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0])["x"]
	side := x.Shape()[1]
	out := make(held, n)
	for i := range out {
		out[i] = raster.New(side, side)
		copy(out[i].Pix, x.Bytes()[i*len(out[i].Pix):])
	}
	return out
}

// state is a copy of what a learner holds.
func state(t testing.TB, o *Observer) map[string][]float64 {
	t.Helper()
	saved, err := o.learner.last.save()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float64{}
	for name, v := range saved {
		out[name] = v.Floats()
	}
	return out
}

// moved is how far the parameters are from those that the model came with: the length of the difference.
func moved(t testing.TB, o *Observer) float64 {
	t.Helper()
	now, sum := state(t, o), 0.0
	for _, name := range o.learner.learnt {
		d := distance(now[name], o.learner.initial[name].Floats())
		sum += d * d
	}
	return math.Sqrt(sum)
}

// TestGoldenModesLearn shows each mode a shifted set and counts errors: none may do worse than the statistics of the batch by more than chance.
func TestGoldenModesLearn(t *testing.T) { choicetest.Each(t, modesLearn) }

func modesLearn(t *testing.T, e engine.Engine) {
	classes := golden.Arrays(t, golden.Files(t, "corruptions/cifar", "lossless*.npz")[0])["y"].Floats()
	images := tiles(t, "gaussian_noise_5")
	wrong := func(logits []float64) (n int) {
		for i := range images {
			if row := logits[10*i : 10*i+10]; slices.Index(row, slices.Max(row)) != int(classes[i]) {
				n++
			}
		}
		return n
	}
	e, m := resnet20On(t, e)
	source := 0
	for i, image := range images {
		answers, err := m.Answer(context.Background(), []*raster.Image{image})
		if err != nil {
			t.Fatal(err)
		}
		if answers[0].Top(1)[0] != int(classes[i]) {
			source++
		}
	}
	for _, mode := range Learners {
		o, err := New(context.Background(), e, m, Method{Mode: mode, Learning: Learning{Clean: cleanImages(t, 200), Views: 4}})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		var logits []float64
		for batch := range slices.Chunk(images, 100) {
			answers, err := o.Answer(context.Background(), batch)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range answers {
				for _, p := range a.Probabilities {
					logits = append(logits, float64(p))
				}
			}
		}
		n := wrong(logits)
		if len(o.Steps()) != 5 || moved(t, o) == 0 && !slices.ContainsFunc(o.Steps(), func(s Step) bool { return s.Reset }) {
			t.Errorf("%s: nothing was learnt in %d steps", mode, len(o.Steps()))
		}
		if n > 245 { // statistics of the batch alone: 227 wrong
			t.Errorf("%s: %d of 500 wrong, %d as the model is", mode, n, source)
		}
		t.Logf("%s: %d of 500 wrong, %d as the model is; last step %+v; moved by %.3g", mode, n, source, o.Steps()[4], moved(t, o))
	}
}

// TestPenalty: the gradient of EATA is that of ETA and 2 α F (θ − θ⁰), which is 0 in the first step.
func TestPenalty(t *testing.T) {
	const alpha, rate = 50, 0.5
	images := tiles(t, "contrast_5")[:100]
	method := Method{Mode: EATA, Learning: Learning{Optimiser: nn.SGD{}, Rate: rate, Clean: cleanImages(t, 64), Anchor: alpha}}
	anchored := learn(t, method)
	method.Mode = ETA
	free := learn(t, method)
	show(t, anchored, images, 100)
	show(t, free, images, 100)
	first := state(t, anchored)
	for name, v := range state(t, free) {
		if d := farthest(v, first[name]); d > 1e-6 {
			t.Fatalf("%s differs by %g after the first step, where nothing is to be held", name, d)
		}
	}
	show(t, anchored, images, 100)
	show(t, free, images, 100)
	second, without := state(t, anchored), state(t, free)
	compared, largest := 0, 0.0
	for _, name := range free.learner.learnt {
		f, source := anchored.learner.fisher[name].Floats(), anchored.learner.initial[name].Floats()
		for i := range f {
			pull := rate * 2 * alpha * f[i] * (first[name][i] - source[i])
			if d := (without[name][i] - second[name][i]) - pull; !(math.Abs(d) <= 1e-5) {
				t.Fatalf("%s[%d]: held back by %g, expected %g", name, i, without[name][i]-second[name][i], pull)
			}
			compared, largest = compared+1, max(largest, math.Abs(pull))
		}
	}
	if largest < 1e-4 {
		t.Errorf("the largest pull is %g: nothing was tested", largest)
	}
	t.Logf("%d parameters, held back by up to %.3g", compared, largest)
}

// TestImportance: F of one batch is the squared gradient of its mean cross-entropy, computed here in float64; F of two is their mean.
func TestImportance(t *testing.T) {
	all := cleanImages(t, 2*fisherBatch)
	importance := func(images held) *Observer {
		return learn(t, Method{Mode: EATA, Learning: Learning{Clean: images}})
	}
	var parts []held
	for places := range slices.Chunk(shuffled(len(all), 0), fisherBatch) {
		var part held
		for _, i := range places {
			part = append(part, all[i])
		}
		parts = append(parts, part)
	}
	both, once, other := importance(all), importance(parts[0]), importance(parts[1])
	images := parts[0]
	exactly := record(t, once.learner.network.graph, pixels(t, once, images))
	logits, classes := exactly.output.v, exactly.output.shape[1]
	var slopes []float64
	for row := range slices.Chunk(logits, classes) {
		most, sum := slices.Max(row), 0.0
		for _, v := range row {
			sum += math.Exp(v - most)
		}
		for _, v := range row {
			slope := math.Exp(v-most) / sum
			if v == most {
				slope--
			}
			slopes = append(slopes, slope/float64(len(images)))
		}
	}
	exactly.backward(slopes, signs(t, once, pixels(t, once, images)))
	for _, name := range once.learner.learnt {
		want := exactly.values[name].d
		for i := range want {
			want[i] *= want[i]
		}
		largest := slices.Max(want)
		if d := farthest(once.learner.fisher[name].Floats(), want); d > 1e-3*largest {
			t.Errorf("%s: F differs by %g of %g", name, d, largest)
		}
		mean := other.learner.fisher[name].Floats()
		for i, v := range once.learner.fisher[name].Floats() {
			mean[i] = (mean[i] + v) / 2
		}
		if d := farthest(both.learner.fisher[name].Floats(), mean); d > 1e-4*slices.Max(mean) {
			t.Errorf("%s: F of two batches differs by %g from the mean of theirs", name, d)
		}
	}
}

func pixels(t testing.TB, o *Observer, images []*raster.Image) *tensor.Tensor {
	t.Helper()
	p, err := o.model.Pixels(images)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSharpness computes SAR's step in two: Tent's gradient with all images kept leads to the point θ + ρ g/‖g‖, and from there Tent's gradient
// again, which SAR steps along from θ.
func TestSharpness(t *testing.T) {
	const rate, radius = 0.25, 0.05
	images := tiles(t, "gaussian_noise_5")[:100]
	sharp := learn(t, Method{Mode: SAR, Learning: Learning{Optimiser: nn.SGD{}, Rate: rate, Radius: radius, Sure: 100, Floor: -1}})
	show(t, sharp, images, 100)
	plain := learn(t, Method{Mode: Tent, Learning: Learning{Optimiser: nn.SGD{}, Rate: rate}})
	show(t, plain, images, 100)
	gradient := func(from map[string][]float64) map[string][]float64 { // of what SAR learns
		after, out := state(t, plain), map[string][]float64{}
		for _, name := range sharp.learner.learnt {
			for i, v := range after[name] {
				out[name] = append(out[name], (from[name][i]-v)/rate)
			}
		}
		return out
	}
	source := map[string][]float64{}
	for name, v := range plain.learner.initial {
		source[name] = v.Floats()
	}
	g, square := gradient(source), 0.0
	for _, v := range g {
		for _, x := range v {
			square += x * x
		}
	}
	point := map[string][]float64{}
	for name, v := range plain.learner.initial {
		point[name] = v.Floats()
		values := tensor.New(tensor.Float32, v.Shape()...)
		for i := range point[name] {
			if g[name] != nil {
				point[name][i] += radius * g[name][i] / math.Sqrt(square)
			}
			tensor.Values[float32](values)[i] = float32(point[name][i])
		}
		if err := plain.learner.last.WriteState(name, values); err != nil {
			t.Fatal(err)
		}
	}
	show(t, plain, images, 100)
	there, loss := gradient(point), plain.Steps()[1].Loss
	if d := math.Abs(sharp.Steps()[0].Loss - loss); d > 1e-5 || loss <= plain.Steps()[0].Loss {
		t.Errorf("the second loss is %g, expected %g, more than %g", sharp.Steps()[0].Loss, loss, plain.Steps()[0].Loss)
	}
	after, compared := state(t, sharp), 0
	for name, v := range there {
		for i := range v {
			if want := source[name][i] - rate*v[i]; !(math.Abs(after[name][i]-want) <= 2e-5) {
				t.Fatalf("%s[%d] is %g, expected %g", name, i, after[name][i], want)
			}
			compared++
		}
	}
	for _, name := range sharp.learner.frozen {
		if !strings.HasPrefix(name, "layer3.") || !slices.Equal(after[name], source[name]) {
			t.Errorf("%s is of the last stage or has changed", name)
		}
	}
	if len(sharp.learner.frozen) != 12 {
		t.Errorf("%d parameters are frozen, expected those of six layers", len(sharp.learner.frozen))
	}
	t.Logf("%d parameters; the loss is %.4f, at the second point %.4f", compared, plain.Steps()[0].Loss, loss)
}

// TestRecovery: SAR follows the mean of its loss and puts back parameters, moments and mean together.
func TestRecovery(t *testing.T) {
	images := tiles(t, "gaussian_noise_5")
	learning := Learning{Floor: -1}
	free := learn(t, Method{Mode: SAR, Learning: learning})
	show(t, free, images, 100)
	mean := free.Steps()[0].Loss
	var means []float64
	for _, s := range free.Steps() {
		mean = 0.9*mean + 0.1*s.Loss
		means = append(means, mean)
	}
	if d := math.Abs(free.learner.average - mean); d > 1e-12 {
		t.Errorf("the mean is %g, expected %g", free.learner.average, mean)
	}
	low := slices.Min(means) // the floor just above the lowest mean, that some batch reaches
	at := slices.IndexFunc(means, func(m float64) bool { return m < low+1e-6 })
	learning.Floor = low + 1e-6
	o := learn(t, Method{Mode: SAR, Learning: learning})
	show(t, o, images[:100*(at+1)], 100)
	if s := o.Steps()[at]; !s.Reset || slices.ContainsFunc(o.Steps()[:at], func(s Step) bool { return s.Reset }) {
		t.Fatalf("no reset at batch %d: %+v", at, o.Steps())
	}
	if !math.IsNaN(o.learner.average) || !slices.ContainsFunc(o.Warnings(), func(w Warning) bool { return w.Doubt == Recovered }) {
		t.Errorf("after the reset the mean is %g, the warnings are %v", o.learner.average, o.Warnings())
	}
	for name, v := range state(t, o) {
		if !slices.Equal(v, o.learner.initial[name].Floats()) {
			t.Errorf("%s is not put back", name)
		}
	}
}

// TestTeacher: after a step of CoTTA the teacher is m · teacher + (1 − m) · student before anything was restored, and it answers.
func TestTeacher(t *testing.T) {
	const memory, rate = 0.75, 0.125
	images := tiles(t, "contrast_5")[:50]
	learning := Learning{Optimiser: nn.SGD{}, Rate: rate, Memory: memory, Restore: -1, Doubt: 1e-9}
	o := learn(t, Method{Mode: CoTTA, Learning: learning})
	if n := len(o.learner.learnt); n != 19+2*19+2 {
		t.Fatalf("%d weights are learnt, expected those of 19 convolutions, 19 normalisers and a linear layer", n)
	}
	logits := show(t, o, images, 50)
	student := state(t, o)
	teacher, err := o.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range o.learner.learnt {
		source := o.learner.initial[name].Floats()
		for i, v := range teacher[name].Floats() {
			if want := memory*source[i] + (1-memory)*student[name][i]; math.Abs(v-want) > 1e-6 {
				t.Fatalf("%s[%d] of the teacher is %g, expected %g", name, i, v, want)
			}
		}
	}
	if moved(t, o) == 0 {
		t.Error("the student has not moved")
	}
	// At first teacher and student are one: the loss is the entropy, and the answer the student's.
	if s := o.Steps()[0]; math.Abs(s.Loss-s.Entropy) > 1e-5 {
		t.Errorf("the loss of a student that is its teacher is %g, its entropy %g", s.Loss, s.Entropy)
	}
	answers, err := o.Answer(context.Background(), images)
	if err != nil {
		t.Fatal(err)
	}
	own := o.learner.last.outputs[0].Floats()
	if farthest(own, logits) == 0 {
		t.Fatal("the student answers as before")
	}
	best := make([]int, len(images))
	apart := 0.0
	for i, a := range answers {
		best[i] = a.Top(1)[0]
		row, sum := own[10*i:10*i+10], 0.0
		for _, v := range row {
			sum += math.Exp(v)
		}
		for k, v := range row {
			apart = max(apart, math.Abs(float64(a.Probabilities[k])-math.Exp(v)/sum))
		}
	}
	if apart < 1e-6 {
		t.Error("the answers are the student's, not the teacher's")
	}
}

// TestViews: unsure of the images, the teacher averages over views of them, drawn by the seed.
func TestViews(t *testing.T) {
	images := tiles(t, "gaussian_noise_5")[:20]
	loss := func(doubt float64, seed uint64) float64 {
		o := learn(t, Method{Mode: CoTTA, Learning: Learning{Doubt: doubt, Views: 3, Seed: seed}})
		show(t, o, images, 20)
		return o.Steps()[0].Loss
	}
	plain, viewed := loss(1e-9, 1), loss(1.1, 1)
	if plain == viewed || loss(1.1, 1) != viewed || loss(1.1, 2) == viewed {
		t.Errorf("losses %g without views, %g with", plain, viewed)
	}
}

// TestRestore: the share of restored weights is the probability, the same for the same seed, and the others stay.
func TestRestore(t *testing.T) {
	const n, probability = 1_000_000, 0.01
	taken := func(seed uint64) (at []int) {
		drawn(n, probability, rand.New(rand.NewPCG(seed, 0)), func(i int) { at = append(at, i) })
		return at
	}
	first := taken(1)
	if d := math.Abs(float64(len(first))-n*probability) / math.Sqrt(n*probability*(1-probability)); d > 4 {
		t.Errorf("%d of %d taken, %.1f standard deviations from %g", len(first), n, d, n*probability)
	}
	if !slices.Equal(first, taken(1)) || slices.Equal(first, taken(2)) || !slices.IsSorted(first) || len(slices.Compact(slices.Clone(first))) != len(first) {
		t.Error("places do not depend on the seed alone, or come twice")
	}
	for _, c := range []struct {
		probability float64
		want        int
	}{{1, 7}, {1e-300, 0}} {
		count := 0
		drawn(7, c.probability, rand.New(rand.NewPCG(1, 1)), func(int) { count++ })
		if count != c.want {
			t.Errorf("probability %g takes %d of 7", c.probability, count)
		}
	}
	first = nil
	tally := make([]int, 4) // every place is as likely, the first and the last too
	random := rand.New(rand.NewPCG(3, 3))
	for range 40_000 {
		drawn(4, 0.25, random, func(i int) { tally[i]++ })
	}
	for i, c := range tally {
		if math.Abs(float64(c)-10_000) > 4*math.Sqrt(40_000*0.25*0.75) {
			t.Errorf("place %d is taken %d times of 40000", i, c)
		}
	}
	images := tiles(t, "contrast_5")[:20]
	after := func(restore float64) (map[string][]float64, *learner) {
		o := learn(t, Method{Mode: CoTTA, Learning: Learning{Restore: restore, Doubt: 1e-9}})
		show(t, o, images, 20)
		return state(t, o), o.learner
	}
	learnt, _ := after(-1)
	now, l := after(0.3)
	back, all := 0., 0.
	for _, name := range l.learnt {
		for i, v := range l.initial[name].Floats() {
			switch {
			case learnt[name][i] == v: // without a gradient
			case now[name][i] == v:
				back, all = back+1, all+1
			default:
				all++
			}
		}
	}
	if d := math.Abs(back-0.3*all) / math.Sqrt(all*0.3*0.7); all < 100_000 || d > 4 {
		t.Errorf("%g of %g weights are the source's again, %.1f standard deviations from 0.3 of them", back, all, d)
	}
}

// TestDiverged: a step to what is no finite number is not made; it counts, and is told.
func TestDiverged(t *testing.T) {
	images := tiles(t, "contrast_5")[:100]
	for _, mode := range []Mode{Tent, SAR, CoTTA} {
		o := learn(t, Method{Mode: mode, Learning: Learning{Optimiser: nn.SGD{}, Rate: math.Inf(1), Floor: -1, Restore: -1, Doubt: 1e-9}})
		show(t, o, images, 50)
		if steps := o.Steps(); len(steps) != 2 || !steps[0].Skipped || !steps[1].Skipped || steps[0].Collapsed {
			t.Errorf("%s: steps %+v", mode, steps)
		}
		if w := o.Warnings(); len(w) != 1 || w[0].Doubt != Diverged || w[0].Batches != 2 {
			t.Errorf("%s: warnings %v", mode, w)
		}
		for name, v := range state(t, o) {
			if !slices.Equal(v, o.learner.initial[name].Floats()) {
				t.Errorf("%s: %s has changed", mode, name)
			}
		}
	}
}

// TestNoClean: EATA says what it needs.
func TestNoClean(t *testing.T) {
	e, m := resnet20(t)
	_, err := New(context.Background(), e, m, Method{Mode: EATA})
	if err == nil || !strings.Contains(err.Error(), "eata needs clean images") {
		t.Errorf("without clean images: %v", err)
	}
}

// TestThresholds: E₀ and d choose the images.
func TestThresholds(t *testing.T) {
	images := tiles(t, "gaussian_noise_5")[:100]
	kept := func(o Learning) []float64 {
		x := learn(t, Method{Mode: ETA, Learning: o})
		show(t, x, images, 50)
		return []float64{x.Steps()[0].Kept, x.Steps()[1].Kept}
	}
	usual, all, none := kept(Learning{}), kept(Learning{Sure: 10, Alike: 2}), kept(Learning{Sure: 1e-9})
	if !slices.Equal(all, []float64{1, 1}) || !slices.Equal(none, []float64{0, 0}) || usual[0] >= 1 || usual[1] >= usual[0] {
		t.Errorf("kept %v usually, %v where all are sure and none alike, %v where none is sure", usual, all, none)
	}
}

// TestLearntDeployed: what was learnt, with the statistics of the images, is an ordinary model whose answers are those of the learner's parameters.
func TestLearntDeployed(t *testing.T) {
	ctx, images := context.Background(), held(tiles(t, "contrast_5")[:200])
	for _, mode := range []Mode{Tent, CoTTA} {
		o := learn(t, Method{Mode: mode, Learning: Learning{Doubt: 1e-9}})
		show(t, o, images, 50)
		parameters, err := o.Parameters()
		if err != nil {
			t.Fatal(err)
		}
		method := Method{Mode: Batch, Images: len(images), Parameters: parameters}
		statistics, err := Estimate(ctx, o.learner.engine, o.model, images, method, 0)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Deployable(o.model, statistics, method)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range parameters {
			if c := g.Constant(name); c == nil || !slices.Equal(c.Tensor.Floats(), want.Floats()) {
				t.Errorf("%s: %s is not the learnt one", mode, name)
			}
		}
		fixed, err := Deployed(ctx, o.learner.engine, o.model, statistics, method)
		if err != nil {
			t.Fatal(err)
		}
		defer fixed.Close()
		batch, err := New(ctx, o.learner.engine, o.model, method)
		if err != nil {
			t.Fatal(err)
		}
		defer batch.Close()
		a, err := fixed.Answer(ctx, images[:10])
		if err != nil {
			t.Fatal(err)
		}
		b, err := batch.Answer(ctx, images) // one batch has the statistics of the set
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			for k, p := range a[i].Probabilities {
				if math.Abs(float64(p-b[i].Probabilities[k])) > 1e-3 {
					t.Fatalf("%s: image %d, class %d: %g deployed, %g in a batch of the set", mode, i, k, p, b[i].Probabilities[k])
				}
			}
		}
	}
}
