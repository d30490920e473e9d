package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// Genetic evolves perturbations toward a target, from answers alone (GenAttack, Alzantot et al. 2019).
type Genetic[T eager.Eager[T]] struct {
	Steps       int     // 0 means 1,000
	Population  int     // 0 means 10
	Mutation    float64 // the probability that an element mutates; 0 means 0.1
	Range       float64 // of mutations, by epsilon; 0 means 0.15
	Temperature float64 // of the choice of parents; 0 means 0.3
}

// Norm is LInf.
func (Genetic[T]) Norm() Norm { return LInf }

// Push evolves. The goal is Targeted; with Misclassified, whatever is not the label is fit.
func (a Genetic[T]) Push(ctx context.Context, t Task[T], epsilon T) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	x, size := t.Images, cmp.Or(a.Population, 10)
	bound := broad(epsilon, x)
	random := func() T { return eager.Mul(eager.Uniform(x, t.Random, -1, 1, x.Shape()...), bound) }
	people := make([]T, size)
	for i := range people {
		people[i] = random()
	}
	n := x.Shape()[0]
	stale, plateaus := make([]int, n), make([]int, n)
	elite := people[0]
	for range cmp.Or(a.Steps, 1000) {
		if ctx.Err() != nil {
			break
		}
		fitness := make([]T, size)
		for i, person := range people {
			logits := t.Model.Logits(eager.Clip(eager.Add(x, person), low, high))
			others := eager.Exp(eager.Sub(others(logits, classes), eager.Max(logits, true, 1)))
			rest := eager.Add(eager.Log(eager.Sum(others, false, 1)), eager.Max(logits, false, 1))
			fitness[i] = eager.MulScalar(eager.Sub(at(logits, classes), rest), -sign)
		}
		scores := eager.Stack(0, fitness[0], fitness[1:]...) // [people, n]
		fittest, err := eager.ArgMax(scores, 0).Floats()
		if err != nil {
			return x.Fail(err)
		}
		elite = choose(people, fittest)
		if done, err := t.reached(eager.Clip(eager.Add(x, elite), low, high)); err != nil || all(done) {
			break
		}
		chances, err := eager.Softmax(eager.DivScalar(scores, cmp.Or(a.Temperature, 0.3)), 0).Floats()
		if err != nil {
			return x.Fail(err)
		}
		probability, reach := a.adapt(fittest, stale, plateaus)
		next := []T{elite}
		for len(next) < size {
			first, second, share := a.parents(t, chances, size, n)
			each := eager.FromFloats(x, x.DType(), share, n)
			child := eager.Less(eager.Uniform(x, t.Random, 0, 1, x.Shape()...), broad(each, x)).Where(choose(people, first), choose(people, second))
			mutant := eager.Add(child, eager.Mul(random(), broad(eager.FromFloats(x, x.DType(), reach, n), x)))
			mutates := eager.Less(eager.Uniform(x, t.Random, 0, 1, x.Shape()...), broad(eager.FromFloats(x, x.DType(), probability, n), x))
			child = mutates.Where(mutant, child)
			next = append(next, eager.Maximum(eager.Minimum(child, bound), eager.Neg(bound)))
		}
		people = next
	}
	return stopped(ctx, eager.Clip(eager.Add(x, elite), low, high))
}

// choose takes, for each image, one of several tensors.
func choose[T eager.Eager[T]](from []T, which []float64) T {
	all := eager.Stack(0, from[0], from[1:]...)
	return eager.Pick(all, index(all, which), index(all, identity(len(which))))
}

// parents draws two of the people for each image by their chances [people, n], and says how much of the child is the first's.
func (a Genetic[T]) parents(t Task[T], chances []float64, size, n int) (first, second, share []float64) {
	draw := func(i int) float64 {
		u := t.Random.Float64()
		for p := range size {
			if u -= chances[p*n+i]; u < 0 {
				return float64(p)
			}
		}
		return float64(size - 1)
	}
	for i := range n {
		p, q := draw(i), draw(i)
		first, second = append(first, p), append(second, q)
		one, two := chances[int(p)*n+i], chances[int(q)*n+i]
		share = append(share, one/math.Max(one+two, 1e-30))
	}
	return first, second, share
}

// adapt lets mutations become rarer and smaller with every plateau of a hundred steps without a better person.
func (a Genetic[T]) adapt(fittest []float64, stale, plateaus []int) (probability, reach []float64) {
	for i, best := range fittest {
		stale[i]++
		if best != 0 {
			stale[i] = 0
		}
		if stale[i] >= 100 {
			stale[i] = 0
			plateaus[i]++
		}
		decay := math.Pow(0.9, float64(plateaus[i]))
		probability = append(probability, math.Max(cmp.Or(a.Mutation, 0.1), 0.5*decay))
		reach = append(reach, math.Max(cmp.Or(a.Range, 0.15), 0.4*decay))
	}
	return probability, reach
}
