package adapt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"visus/adapt"
	"visus/graph"
	"visus/graph/norm"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/tensor"
)

// network is a tiny classifier of ten classes for images of 8×8: two convolutions, each with a normaliser of its kind.
type network struct {
	normaliser string // BatchNormalization, InstanceNormalization; "" none
	batch      int    // 0: free
}

// save writes the network with random weights and returns its path.
func (n network) save(t testing.TB) string {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 0))
	b := graph.NewBuilder("tiny", 17)
	constant := func(name string, low, high float64, shape ...int) graph.Value {
		c := tensor.New(tensor.Float32, shape...)
		for i := range tensor.Values[float32](c) {
			tensor.Values[float32](c)[i] = float32(low + (high-low)*random.Float64())
		}
		return b.Initializer(name, c)
	}
	batch := graph.Dim{Size: -1, Symbol: "batch"}
	if n.batch > 0 {
		batch = graph.Dim{Size: n.batch}
	}
	x := b.Input("x", tensor.Float32, batch, graph.Dim{Size: 3}, graph.Dim{Size: 8}, graph.Dim{Size: 8})
	const channels = 6
	for i, in := range []int{3, channels} {
		name := fmt.Sprintf("layer%d.", i+1)
		x = b.Scope(name+"conv").Conv(x, constant(name+"w", -0.6, 0.6, channels, in, 3, 3), constant(name+"b", -0.2, 0.2, channels), graph.Window{Pad: 1})
		scale, bias := constant(name+"scale", 0.5, 1.5, channels), constant(name+"bias", -0.5, 0.5, channels)
		switch n.normaliser {
		case "BatchNormalization":
			x = b.Scope(name+"bn").BatchNormalization(x, scale, bias, constant(name+"mean", -0.2, 0.2, channels), constant(name+"variance", 0.5, 1, channels))
		case "InstanceNormalization":
			x = b.Op("InstanceNormalization", []graph.Value{x, scale, bias})
		}
		x = b.Relu(x)
	}
	b.Output("logits", b.Gemm(b.Flatten(b.GlobalAveragePool(x), 1), constant("head", -3, 3, 10, channels), graph.Value{}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tiny.onnx")
	if err := g.Save(path, graph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func (n network) open(t testing.TB) *observer.Model {
	t.Helper()
	return openModel(t, n.save(t), observer.Options{Preprocessing: "none"})
}

// noise returns random images of 8×8, brighter from one to the next.
func noise(n int, seed uint64) set {
	random := rand.New(rand.NewPCG(seed, 0))
	images := make(set, n)
	for i := range images {
		images[i] = raster.New(8, 8)
		for k := range images[i].Pix {
			images[i].Pix[k] = uint8(random.IntN(60 + 195*(i+1)/n))
		}
	}
	return images
}

func answer(t testing.TB, o answerer, images set) []observer.Answer {
	t.Helper()
	answers, err := o.Answer(context.Background(), images)
	if err != nil {
		t.Fatal(err)
	}
	return append([]observer.Answer(nil), answers...)
}

// apart is the largest difference of two lists of probabilities.
func apart(a, b []observer.Answer) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range a {
		for k, p := range a[i].Probabilities {
			worst = max(worst, math.Abs(float64(p-b[i].Probabilities[k])))
		}
	}
	return worst
}

const same, other = 2e-4, 5e-3 // probabilities that are the same but for rounding, and that are not

func TestModes(t *testing.T) {
	for name, n := range map[string]network{"free batch": {"BatchNormalization", 0}, "fixed batch": {"BatchNormalization", 4}} {
		t.Run(name, func(t *testing.T) {
			m := n.open(t)
			first, second := noise(6, 1), noise(5, 2)
			source := answer(t, m, first)
			batch := answer(t, adapted(t, m, adapt.Method{Mode: adapt.Batch}), first)
			if d := apart(batch, source); d < other {
				t.Errorf("adaptation changes probabilities by %g only", d)
			}
			if d := apart(answer(t, adapted(t, m, adapt.Method{Mode: adapt.Prior, Prior: 1e7}), first), source); d > same {
				t.Errorf("with very many source samples probabilities are %g from the source's", d)
			}
			own, nominal := adapt.Method{Mode: adapt.Prior}, adapt.Method{Mode: adapt.Prior, Images: 6, Prior: 12}
			if d := apart(answer(t, adapted(t, m, own), first), answer(t, adapted(t, m, nominal), first)); d > same {
				t.Errorf("the usual prior is %g from N = 2n", d)
			}
			cumulative := adapted(t, m, adapt.Method{Mode: adapt.Cumulative})
			if d := apart(answer(t, cumulative, first), batch); d > same {
				t.Errorf("the first cumulative batch is %g from batch statistics", d)
			}
			fresh := answer(t, adapted(t, m, adapt.Method{Mode: adapt.Batch}), second)
			if d := apart(answer(t, cumulative, second), fresh); d < other {
				t.Errorf("the second cumulative batch forgets the first: %g", d)
			}
			if err := cumulative.Reset(); err != nil {
				t.Fatal(err)
			}
			if d := apart(answer(t, cumulative, second), fresh); d > same {
				t.Errorf("after Reset the first batch is %g from batch statistics", d)
			}
		})
	}
}

// Corrected to the statistics of the very images that it was calibrated on, a network answers as it is: with batch normalisation or without.
func TestCalibratedOnItself(t *testing.T) {
	for _, n := range []network{{"BatchNormalization", 0}, {"", 0}, {"InstanceNormalization", 0}} {
		m := n.open(t)
		images := noise(40, 1)
		clean, err := adapt.Calibrate(context.Background(), openEngine(t), m, images)
		if err != nil {
			t.Fatal(err)
		}
		o := adapted(t, m, adapt.Method{Mode: adapt.Calibrated, Clean: clean})
		if d := apart(answer(t, o, images), answer(t, m, images)); d > same {
			t.Errorf("%q: probabilities move by %g", n.normaliser, d)
		}
		if n.normaliser == "InstanceNormalization" {
			continue // darkness is nothing to adapt to where each image is normalised by itself
		}
		dark := noise(40, 2)
		for _, image := range dark {
			for k := range image.Pix {
				image.Pix[k] /= 4
			}
		}
		if d := apart(answer(t, o, dark), answer(t, m, dark)); d < other {
			t.Errorf("%q: dark images are not adapted to: %g", n.normaliser, d)
		}
	}
}

// Statistics of a whole set, put in, answer as a batch of the whole set does: exactly for Full, and for one batch that is the set. The
// file that a user deploys answers the same.
func TestDeployed(t *testing.T) {
	ctx, e := context.Background(), openEngine(t)
	for _, n := range []network{{"BatchNormalization", 0}, {"BatchNormalization", 4}} {
		m := n.open(t)
		images := noise(24, 1)
		clean, err := adapt.Calibrate(ctx, e, m, noise(30, 5))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ estimated, shown adapt.Method }{
			{adapt.Method{Mode: adapt.Full, Images: 7}, adapt.Method{Mode: adapt.Batch}},
			{adapt.Method{Mode: adapt.Full, Images: 7, Layers: []string{"layer2"}}, adapt.Method{Mode: adapt.Batch, Layers: []string{"layer2"}}},
			{adapt.Method{Mode: adapt.Batch, Images: 24}, adapt.Method{Mode: adapt.Batch}},
			{adapt.Method{Mode: adapt.Prior, Images: 24}, adapt.Method{Mode: adapt.Prior}},
			{adapt.Method{Mode: adapt.Prior, Prior: 5}, adapt.Method{Mode: adapt.Prior, Prior: 5}},
			{adapt.Method{Mode: adapt.Cumulative, Images: 24}, adapt.Method{Mode: adapt.Cumulative}},
			{adapt.Method{Mode: adapt.Cumulative, Prior: 9}, adapt.Method{Mode: adapt.Prior, Prior: 9}},
			{adapt.Method{Mode: adapt.Calibrated, Images: 24, Clean: clean}, adapt.Method{Mode: adapt.Calibrated, Clean: clean}},
			{adapt.Method{Mode: adapt.Full, Clean: clean}, adapt.Method{Mode: adapt.Batch}},
			{adapt.Method{Mode: adapt.Batch, Only: norm.MeanOnly}, adapt.Method{Mode: adapt.Batch, Only: norm.MeanOnly}},
		} {
			target, err := adapt.Estimate(ctx, e, m, images, c.estimated, 1)
			if err != nil {
				t.Fatal(err)
			}
			o, err := adapt.Deployed(ctx, e, m, target, c.estimated)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			got, want := answer(t, o, images), answer(t, adapted(t, m, c.shown), images)
			within := same
			if c.estimated.Mode == adapt.Cumulative && c.shown.Mode == adapt.Prior {
				within = 5 * same // Prior divides the variance by M−1
			}
			if d := apart(got, want); d > within {
				t.Errorf("%v, batch %d: %g from a batch of the whole set", c.estimated, n.batch, d)
			}
			g, err := adapt.Deployable(m, target, c.estimated)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "adapted.onnx")
			if err := g.Save(path, graph.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			if d := apart(answer(t, openModel(t, path, observer.Options{Preprocessing: "none"}), images), got); d > same {
				t.Errorf("%v, batch %d: the file is %g from the observer", c.estimated, n.batch, d)
			}
		}
	}
}

// broken cannot load its last image.
type broken struct{ set }

func (b broken) Len() int { return b.set.Len() + 1 }
func (b broken) Image(i int) (*raster.Image, error) {
	if i == b.set.Len() {
		return nil, errors.New("no such file")
	}
	return b.set.Image(i)
}

func TestEstimateStops(t *testing.T) {
	e := openEngine(t)
	m := network{normaliser: "BatchNormalization"}.open(t)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, mode := range []adapt.Mode{adapt.Batch, adapt.Full, adapt.Cumulative} {
		if _, err := adapt.Estimate(cancelled, e, m, noise(9, 1), adapt.Method{Mode: mode}, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", mode, err)
		}
		if _, err := adapt.Estimate(context.Background(), e, m, broken{noise(9, 1)}, adapt.Method{Mode: mode, Images: 2}, 0); err == nil || !strings.Contains(err.Error(), "image 9: no such file") {
			t.Errorf("%s, a broken image: %v", mode, err)
		}
		if _, err := adapt.Estimate(context.Background(), e, m, set{}, adapt.Method{Mode: mode}, 0); err == nil || !strings.Contains(err.Error(), "no images to adapt to") {
			t.Errorf("%s, no images: %v", mode, err)
		}
	}
	twice := [2]norm.Statistics{}
	for i := range twice {
		var err error
		if twice[i], err = adapt.Estimate(context.Background(), e, m, noise(50, 1), adapt.Method{Mode: adapt.Batch, Images: 8}, 7); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(twice[0]) != fmt.Sprint(twice[1]) {
		t.Error("the same seed gives other statistics")
	}
}

func TestNothingToAdapt(t *testing.T) {
	ctx, e := context.Background(), openEngine(t)
	free, instance := network{}.open(t), network{normaliser: "InstanceNormalization"}.open(t)
	batch := network{normaliser: "BatchNormalization"}.open(t)
	for _, c := range []struct {
		model  *observer.Model
		method adapt.Method
		want   string
		none   bool
	}{
		{free, adapt.Method{Mode: adapt.Batch}, "tiny has no batch normalisation; the outputs of its 2 convolutions and linear layers can be corrected with clean images", true},
		{instance, adapt.Method{Mode: adapt.Prior}, "(it has InstanceNormalization, which normalise each image by itself)", true},
		{batch, adapt.Method{Mode: adapt.Calibrated}, "calibrated statistics need clean images", false},
		{batch, adapt.Method{Mode: "batches"}, `mode "batches" is none of [batch prior calibrated cumulative`, false},
		{batch, adapt.Method{Mode: adapt.Full}, `mode "full" is none of`, false},
		{batch, adapt.Method{Mode: adapt.Batch, Layers: []string{"layer7"}}, `no layer is named "layer7"; there are layer1`, false},
	} {
		_, err := adapt.New(ctx, e, c.model, c.method)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, adapt.ErrNothing) != c.none {
			t.Errorf("%v: %v, want %q", c.method, err, c.want)
		}
	}
	if _, err := adapt.Measure(ctx, e, free, noise(4, 1), nil); !errors.Is(err, adapt.ErrNothing) {
		t.Errorf("shift without source statistics: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	m := network{normaliser: "BatchNormalization"}.open(t)
	alike := noise(1, 1)
	for len(alike) < 20 {
		alike = append(alike, alike[0])
	}
	for _, c := range []struct {
		method adapt.Method
		shown  []set
		want   string
	}{
		{adapt.Method{Mode: adapt.Batch}, []set{noise(1, 1), noise(1, 2)}, "single image ×2"},
		{adapt.Method{Mode: adapt.Prior}, []set{noise(1, 1)}, ""},
		{adapt.Method{Mode: adapt.Cumulative}, []set{noise(1, 1)}, ""},
		{adapt.Method{Mode: adapt.Prior, Images: 8}, []set{noise(3, 1)}, "few images ×1"},
		{adapt.Method{Mode: adapt.Prior, Images: 20}, []set{alike}, "unbalanced labels ×1"},
	} {
		o := adapted(t, m, c.method)
		for _, images := range c.shown {
			answer(t, o, images)
		}
		var words []string
		for _, w := range o.Warnings() {
			words = append(words, fmt.Sprintf("%s ×%d", w.Doubt, w.Batches))
		}
		if got := strings.Join(words, ", "); got != c.want {
			t.Errorf("%v: warnings %q, want %q", c.method, got, c.want)
		}
		if err := o.Reset(); err != nil || len(o.Warnings()) > 0 {
			t.Errorf("%v: after Reset %v, %v", c.method, o.Warnings(), err)
		}
	}
}

func TestBalance(t *testing.T) {
	m := network{normaliser: "BatchNormalization"}.open(t)
	alike := noise(1, 1)
	for len(alike) < 70 {
		alike = append(alike, alike[0])
	}
	found, err := adapt.Balance(context.Background(), openEngine(t), m, alike, adapt.Method{Mode: adapt.Full}, 1)
	if err != nil || len(found) != 1 || found[0].Doubt != adapt.Unbalanced || !strings.HasPrefix(found[0].Text, "70 images seem to hold few classes (two answers agree in 100 % of pairs, in 10 % where classes are balanced)") {
		t.Errorf("images of one kind: %+v, %v", found, err)
	}
	if found, err := adapt.Balance(context.Background(), openEngine(t), m, alike[:3], adapt.Method{Mode: adapt.Full}, 1); err != nil || len(found) > 0 {
		t.Errorf("three images tell nothing: %+v, %v", found, err)
	}
}

func TestCoincidence(t *testing.T) {
	answers := func(classes ...int) []observer.Answer {
		var out []observer.Answer
		for _, k := range classes {
			p := make([]float32, 4)
			p[k] = 1
			out = append(out, observer.Answer{Probabilities: p})
		}
		return out
	}
	for _, c := range []struct {
		answers []observer.Answer
		rho, z  float64
	}{
		{answers(), 0, 0},
		{answers(2), 0, 0},
		{answers(0, 1, 2, 3), 0, -math.Sqrt2},           // no pair agrees, 1.5 of 6 are expected: (0 − 6/4)/√(6·1/4·3/4)
		{answers(1, 1, 1, 1), 1, 4.5 / math.Sqrt(9./8)}, // (6 − 6/4)/√(6·1/4·3/4)
	} {
		if rho, z := adapt.Coincidence(c.answers); math.Abs(rho-c.rho) > 1e-12 || math.Abs(z-c.z) > 1e-9 {
			t.Errorf("%d answers: ρ = %g, z = %g, want %g and %g", len(c.answers), rho, z, c.rho, c.z)
		}
	}
}
