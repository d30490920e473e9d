package rescaling

import (
	"math/rand/v2"

	"visus/stimulus/corrupt"
)

// Noises are the kinds of directions: Gaussian and uniform (-1, 1) noise of each element, a random sign of each, and Gaussian noise of a few.
var Noises = []string{"gaussian", "uniform", "sign", "sparse"}

// draw fills delta with noise that depends on the seed, its kind and the sample's place in the set alone.
func draw[E float32 | float64](delta []E, o Options, sample int) {
	random := rand.New(rand.NewPCG(corrupt.Seed(o.Seed, "rescaling "+o.Noise, 0, sample), uint64(sample)))
	for i := range delta {
		switch o.Noise {
		case "uniform":
			delta[i] = E(2*random.Float64() - 1)
		case "sign":
			delta[i] = E(2*random.IntN(2) - 1)
		case "sparse":
			delta[i] = 0
			if random.Float64() < o.Share {
				delta[i] = E(random.NormFloat64())
			}
		default:
			delta[i] = E(random.NormFloat64())
		}
	}
}
