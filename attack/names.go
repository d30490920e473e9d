package attack

import (
	"fmt"
	"slices"
	"strings"

	"visus/eager"
)

// Known is an attack with its defaults, under the name that a command line gives it.
type Known[T eager.Eager[T]] struct {
	Name     string
	About    string
	Gradient bool // it needs the model's gradients
	Attack   Attack
}

// All lists the attacks.
func All[T eager.Eager[T]]() []Known[T] {
	var out []Known[T]
	add := func(name, about string, gradient bool, a Attack) {
		out = append(out, Known[T]{name, about, gradient, a})
	}
	for _, n := range []Norm{LInf, L2, L1} {
		exact := func(d Descent[T]) Descent[T] { d.Exact = true; return d }
		adam, momentum := ProjectedGradient[T](n), BasicIterative[T](n)
		adam.Adam, momentum.Momentum = true, 1
		if n == LInf {
			adam.Steps, adam.Relative = 50, 0.025
		}
		name := map[Norm]string{LInf: "fgsm", L2: "fgm-l2", L1: "fgm-l1"}[n]
		add(name, "fast gradient method, one step", true, FastGradient[T](n))
		add("bim-"+n.String(), "basic iterative method, 10 steps", true, BasicIterative[T](n))
		add("pgd-"+n.String(), "projected gradient descent from a random start, 40 or 50 steps", true, ProjectedGradient[T](n))
		add("adam-pgd-"+n.String(), "projected gradient descent with Adam", true, adam)
		add("mi-fgsm-"+n.String(), "iterative method with momentum", true, momentum)
		if n != LInf {
			add("pgd-"+n.String()+"-exact", "the same, spending its whole budget after clipping", true, exact(ProjectedGradient[T](n)))
		}
	}
	add("sparse-l1", "descent along the largest gradients", true, SparseDescent[T]{})
	add("vat", "virtual adversarial direction, no labels", true, VirtualAdversarial[T]{Steps: 5, Xi: 1e-2})
	add("deepfool", "steps to the nearest linearised boundary, l2", true, DeepFool[T]{Metric: L2})
	add("deepfool-linf", "steps to the nearest linearised boundary, linf", true, DeepFool[T]{Metric: LInf})
	add("newtonfool", "Newton steps that lower the label's probability", true, NewtonFool[T]{})
	add("ddn", "decoupled direction and norm", true, DDN[T]{})
	add("ddn-exact", "the same, with the length after clipping", true, DDN[T]{Exact: true})
	add("cw", "Carlini and Wagner, l2; slow", true, CarliniWagner[T]{Searches: 9, Steps: 1000})
	add("ead", "elastic net; slow", true, ElasticNet[T]{Searches: 9, Steps: 1000})
	for _, n := range []Norm{L0, L1, L2, LInf} {
		add("fmn-"+n.String(), "fast minimum norm", true, FastMinimumNorm[T]{Metric: n})
	}
	for _, n := range []Norm{L2, LInf, L1} {
		add("bb-"+n.String(), "Brendel and Bethge: along the boundary, by its gradient; slow", true, BrendelBethge[T]{Metric: n, Steps: 300})
	}
	add("boundary", "random walk along the boundary, answers only; slow", false, Boundary[T]{Steps: 5000})
	add("hopskipjump", "estimated normals of the boundary, answers only, l2; slow", false, HopSkipJump[T]{Metric: L2, Steps: 32, Most: 1000})
	add("hopskipjump-linf", "the same, linf; slow", false, HopSkipJump[T]{Metric: LInf, Steps: 32, Most: 1000})
	add("pointwise", "element by element back to the image, answers only; slow", false, Pointwise[T]{Metric: L2})
	add("salt-and-pepper", "as few extreme pixels as are enough", false, SaltAndPepper[T]{})
	add("blended-noise", "as little uniform noise mixed in as is enough", false, BlendedNoise[T]{Metric: L2, Directions: 100, Steps: 200})
	add("blur", "as little Gaussian blur as is enough", false, Blur[T]{Metric: L2, Steps: 200})
	add("genetic", "an evolution within epsilon, answers only; slow", false, Genetic[T]{Steps: 200})
	add("spatial", "turns and shifts, whatever their size in pixels", false, Spatial[T]{})
	add("noise", "Gaussian noise of exactly epsilon after clipping, 20 draws", false, Noise[T]{Metric: L2, Exact: true, Repeats: 20})
	add("noise-naive", "Gaussian noise scaled before clipping, 20 draws", false, Noise[T]{Metric: L2, Repeats: 20})
	add("noise-linf", "uniform noise, 20 draws", false, Noise[T]{Metric: LInf, Uniform: true, Repeats: 20})
	add("contrast", "moves toward grey by epsilon", false, Contrast[T]{})
	add("contrast-search", "the smallest reduction of contrast", false, ContrastSearch[T]{Metric: L2})
	add("inversion", "the negative", false, Inversion[T]{Metric: L2})
	return out
}

// Find returns the attacks of the names.
func Find[T eager.Eager[T]](names []string) ([]Known[T], error) {
	all, out := All[T](), []Known[T]{}
	for _, name := range names {
		i := slices.IndexFunc(all, func(k Known[T]) bool { return k.Name == name })
		if i < 0 {
			known := make([]string, len(all))
			for j, k := range all {
				known[j] = k.Name
			}
			return nil, fmt.Errorf("attack: there is no attack %q; expected some of %s", name, strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}
