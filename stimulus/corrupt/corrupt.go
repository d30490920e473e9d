// Package corrupt degrades images by the 19 common corruptions at five severities.
//
// A corruption is a law: a short function over the operators of filter, plasma, hsv, jpeg and resample that reads one image, its
// parameters and a source of random numbers, and writes the corrupted values before they are truncated to 8 bits.
// Laws, parameters and the order of random draws are those of Hendrycks & Dietterich (2019) and of their any-size port.
package corrupt

import (
	"visus/stimulus/raster"
)

// job is one corruption of one image: what a law may read and where it writes.
type job struct {
	src      *raster.Image
	out      []float32 // [height, width, channel] on the 0..255 scale, before truncation; never rounded up across an integer
	set      *Parameters
	severity int // 1..5
	random   Random
	scratch  *scratch // buffers reused between images
}

// law computes one corruption.
type law func(j *job) error

// Random is the stream that a law draws from. The order of the draws is part of each law.
type Random interface {
	// Normal fills dst with independent standard normals.
	Normal(dst []float64)
	// Uniform fills dst with independent uniforms of [0, 1).
	Uniform(dst []float64)
	// Poisson fills dst with counts whose means are given; len(mean) = len(dst).
	Poisson(dst, mean []float64)
}
