package corrupt

// Random is the stream that a law draws from. The order of the draws is part of each law; how a stream is cut into calls is not.
type Random interface {
	// Normal fills dst with independent standard normals.
	Normal(dst []float64)
	// Uniform fills dst with independent uniforms of [0, 1).
	Uniform(dst []float64)
	// Integers fills dst with independent integers of low..high-1. High must exceed low.
	Integers(dst []int32, low, high int)
	// Poisson fills dst with counts: dst[i] has mean means[level[i]]; len(level) = len(dst). Means are in 0..10⁶.
	Poisson(dst []float64, means *[256]float64, level []uint8)
}
