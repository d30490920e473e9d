package attack

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
	"visus/internal/golden"
	"visus/tensor"
)

type hosted = host.Tensor

// network is the model of the golden file.
func network(arrays map[string]*tensor.Tensor) Function[*hosted] {
	weights := func(name string) *hosted { return host.From(arrays[name]) }
	return Function[*hosted]{0, 1, func(x *hosted) *hosted {
		in := eager.DivScalar(eager.SubScalar(eager.Flatten(x, 1, -1), 0.45), 0.25)
		hidden := eager.Tanh(eager.Add(eager.MulScalar(eager.MatMul(in, weights("W1")), 0.3), weights("b1")))
		return eager.Add(eager.MatMul(hidden, weights("W2")), weights("b2"))
	}}
}

// attacks are those of the file by their names there, with the tolerance of their outputs: one step 1e-5, many 1e-3 (spec 12).
var attacks = map[string]struct {
	attack    Attack
	tolerance float64
}{
	"LinfFGSM":                {FastGradient[*hosted](LInf), 1e-5},
	"L2FGM":                   {FastGradient[*hosted](L2), 1e-5},
	"L1FGM":                   {FastGradient[*hosted](L1), 1e-5},
	"LinfPGD_nostart":         {Descent[*hosted]{Metric: LInf, Steps: 40, Relative: 0.01 / 0.3}, 1e-3},
	"L2PGD_nostart":           {Descent[*hosted]{Metric: L2, Steps: 50, Relative: 0.025}, 1e-3},
	"L1PGD_nostart":           {Descent[*hosted]{Metric: L1, Steps: 50, Relative: 0.025}, 1e-3},
	"LinfBIM":                 {BasicIterative[*hosted](LInf), 1e-3},
	"L2BIM":                   {BasicIterative[*hosted](L2), 1e-3},
	"L1BIM":                   {BasicIterative[*hosted](L1), 1e-3},
	"LinfAdamPGD_nostart":     {Descent[*hosted]{Metric: LInf, Steps: 50, Relative: 0.025, Adam: true}, 1e-3},
	"L2AdamPGD_nostart":       {Descent[*hosted]{Metric: L2, Steps: 50, Relative: 0.025, Adam: true}, 1e-3},
	"L1AdamPGD_nostart":       {Descent[*hosted]{Metric: L1, Steps: 50, Relative: 0.025, Adam: true}, 1e-3},
	"LinfMIFGSM":              {Descent[*hosted]{Metric: LInf, Steps: 10, Relative: 0.2, Momentum: 1}, 1e-3},
	"L2MIFGSM":                {Descent[*hosted]{Metric: L2, Steps: 10, Relative: 0.2, Momentum: 1}, 1e-3},
	"L1MIFGSM":                {Descent[*hosted]{Metric: L1, Steps: 10, Relative: 0.2, Momentum: 1}, 1e-3},
	"SparseL1Descent":         {SparseDescent[*hosted]{project: foolboxL1}, 1e-3},
	"L2DeepFool":              {DeepFool[*hosted]{Metric: L2}, 1e-4},
	"L2DeepFool_ce":           {DeepFool[*hosted]{Metric: L2}, 1e-4}, // logsumexp cancels in differences of cross-entropies
	"LinfDeepFool":            {DeepFool[*hosted]{Metric: LInf}, 1e-4},
	"LinfDeepFool_ce":         {DeepFool[*hosted]{Metric: LInf}, 1e-4},
	"NewtonFool":              {NewtonFool[*hosted]{}, 1e-3},
	"L2CarliniWagner_b3_s100": {CarliniWagner[*hosted]{Searches: 3, Steps: 100}, 1e-3},
	"EAD_b3_s100":             {ElasticNet[*hosted]{Searches: 3, Steps: 100}, 1e-3},
	"DDN":                     {DDN[*hosted]{}, 1e-3},
	"DDN_s50":                 {DDN[*hosted]{Steps: 50}, 1e-3},
	"L2FMN":                   {FastMinimumNorm[*hosted]{Metric: L2, unprojected: true}, 1e-3},
	"L1FMN":                   {FastMinimumNorm[*hosted]{Metric: L1}, 1e-3},
	"LinfFMN":                 {FastMinimumNorm[*hosted]{Metric: LInf}, 1e-3},
	"L0FMN":                   {FastMinimumNorm[*hosted]{Metric: L0}, 1e-3},
	"L2FMN_s50":               {FastMinimumNorm[*hosted]{Metric: L2, Steps: 50, unprojected: true}, 1e-3},
	"L2ContrastReduction":     {Contrast[*hosted]{}, 1e-5},
	"BinarySearchContrast_l2": {ContrastSearch[*hosted]{Metric: L2}, 1e-4},
	"Inversion_l2":            {Inversion[*hosted]{Metric: L2}, 1e-5},
}

// foolboxL1 is the projection of foolbox 3.3.4's SparseL1Descent, which is none: the threshold is that of one element too many, and once an
// image is outside of the ball those inside grow to its surface.
func foolboxL1(x, epsilon *hosted) *hosted {
	n := x.Shape()[0]
	var parts []*hosted
	for k := 0; k < n; k += 8 { // of eight images, what another epsilon does must not count
		rows := eager.Span(k, k+8, 1)
		parts = append(parts, foolboxPart(eager.Index(x, rows), eager.Index(epsilon, rows)))
	}
	return eager.Concatenate(0, parts[0], parts[1:]...)
}

func foolboxPart(x, epsilon *hosted) *hosted {
	if inside, err := truths(eager.LessEqual(size(L1, x), epsilon)); err != nil || all(inside) {
		return x
	}
	flat := eager.Flatten(x, 1, -1)
	n := flat.Shape()[1]
	falling, _ := eager.TopK(eager.Abs(flat), n)
	excess := eager.Sub(eager.CumSum(falling, 1), eager.ExpandDims(epsilon, 1))
	count := eager.Cast(eager.Arange(x, 1, n+1, 1), x.DType())
	ends := eager.LessEqualScalar(eager.Sub(falling, eager.Div(excess, count)), 0)
	rho := eager.ExpandDims(eager.ArgMax(ends.Cast(eager.Int64), 1), 1)
	threshold := eager.Div(eager.TakeAlongAxis(excess, rho, 1), eager.AddScalar(rho.Cast(x.DType()), 1))
	return eager.Reshape(eager.Mul(eager.Sign(flat), eager.MaximumScalar(eager.Sub(eager.Abs(flat), threshold), 0)), x.Shape()...)
}

func TestGoldenAttacks(t *testing.T) {
	arrays := golden.Arrays(t, filepath.Join(golden.Dir(t, "eager"), "attack_golden.npz"))
	model, x := network(arrays), host.From(arrays["x"])
	floats := func(x *hosted) []float64 {
		v, err := x.Floats()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if worst, at := apart(floats(model.Logits(x)), arrays["logits"].Floats(), 1e-5); at >= 0 {
		t.Fatalf("logits differ by %v", worst)
	}
	compared := 0
	for array := range arrays {
		name, isAttack := strings.CutSuffix(array, ".success")
		if !isAttack {
			continue
		}
		plain, targeted := strings.CutSuffix(name, "_targeted")
		a, known := attacks[plain]
		if !known {
			t.Logf("%s has no counterpart here", name)
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			task := Task[*hosted]{Model: model, Images: x, Random: rand.New(rand.NewPCG(1, 0)),
				Goal: Misclassified[*hosted]{host.From(arrays["labels"])}}
			if targeted {
				task.Goal = Targeted[*hosted]{host.From(arrays["targets"])}
			}
			r, err := Run(context.Background(), a.attack, task, arrays[name+".eps"].Floats()...)
			if err != nil {
				t.Fatal(err)
			}
			want := arrays[name+".success"].Floats()
			for k := range r.Epsilons {
				for i, got := range r.Success[k] {
					if got != (want[k*len(r.Success[k])+i] != 0) {
						t.Errorf("epsilon %v, image %d: success is %v", r.Epsilons[k], i, got)
					}
				}
			}
			each := eager.Size(x.Shape())
			raw, clipped := arrays[name+".raw"].Floats(), arrays[name+".clipped"].Floats()
			for k := range r.Epsilons {
				at := k * each % len(raw)
				similar(t, "raw", floats(r.Raw[k]), raw[at:at+each], a.tolerance)
				similar(t, "within", floats(r.Within[k]), clipped[k*each:(k+1)*each], a.tolerance)
			}
		})
	}
	t.Logf("%d attacks compared", compared)
}

// similar allows 0.5 % of the pixels to differ: signs flip where a gradient is next to 0.
func similar(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	off := 0
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			off++
		}
	}
	if off > len(want)/200 {
		worst, at := apart(got, want, tolerance)
		t.Errorf("%s: %d of %d pixels are off, by up to %v (pixel %d)", what, off, len(want), worst, at)
	}
}

// apart returns the largest difference and where it is, -1 where it is within the tolerance.
func apart(got, want []float64, tolerance float64) (worst float64, at int) {
	at = -1
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= max(worst, tolerance)) {
			worst, at = d, i
		}
	}
	return worst, at
}

func TestGoldenDistances(t *testing.T) {
	arrays := golden.Arrays(t, filepath.Join(golden.Dir(t, "eager"), "attack_golden.npz"))
	x, y := host.From(arrays["x"]), host.From(arrays["dist.y"])
	for _, n := range []Norm{L0, L1, L2, LInf} {
		name := "dist." + n.String()
		got, err := Distance(n, x, y).Floats()
		if err != nil {
			t.Fatal(err)
		}
		if worst, at := apart(got, arrays[name].Floats(), 1e-5); at >= 0 {
			t.Errorf("%v: image %d differs by %v", n, at, worst)
		}
		if arrays[name+".eps"] == nil {
			continue
		}
		within, err := Within(n, x, y, eager.Full(x, arrays[name+".eps"].Floats()[0], x.Shape()[0])).Floats()
		if err != nil {
			t.Fatal(err)
		}
		if worst, at := apart(within, arrays[name+".clip_perturbation"].Floats(), 1e-6); at >= 0 {
			t.Errorf("%v: pixel %d of what is within differs by %v", n, at, worst)
		}
	}
}
