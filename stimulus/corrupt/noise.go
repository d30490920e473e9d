package corrupt

import (
	"fmt"

	"visus/internal/vec"
)

// chunk is the number of values for which random numbers are drawn at once: few enough to stay in the processor's first cache.
const chunk = 1024

// noiseScratch holds what the noises draw, a chunk at a time.
type noiseScratch struct {
	draws   [chunk]float64
	means   [256]float64 // photons of each intensity
	salt    [chunk]uint8
	flipped []uint8
	photons []float32
}

// chunks calls do for consecutive ranges of n values.
func chunks(n int, do func(from, to int)) {
	for from := 0; from < n; from += chunk {
		do(from, min(from+chunk, n))
	}
}

// gaussianNoise adds normal noise: 255·clip(x + c·Z).
func gaussianNoise(j *job) error {
	c := j.set.GaussianNoise[j.severity-1]
	chunks(len(j.out), func(from, to int) {
		z := j.scratch.noise.draws[:to-from]
		j.random.Normal(z)
		vec.AddNoise(j.out[from:to], j.src.Pix[from:to], z, c)
	})
	return nil
}

// speckleNoise multiplies by normal noise: 255·clip(x + x·c·Z).
func speckleNoise(j *job) error {
	c := j.set.SpeckleNoise[j.severity-1]
	chunks(len(j.out), func(from, to int) {
		z := j.scratch.noise.draws[:to-from]
		j.random.Normal(z)
		vec.ScaleNoise(j.out[from:to], j.src.Pix[from:to], z, c)
	})
	return nil
}

// mostPhotons bounds the parameter of shot noise; the published ones are 3 to 500.
const mostPhotons = 1e6

// shotNoise counts photons: 255·clip(Poisson(c·x)/c).
func shotNoise(j *job) error {
	c := j.set.ShotNoise[j.severity-1]
	if !(c > 0 && c <= mostPhotons) {
		return fmt.Errorf("%g photons at full intensity are outside (0, %g]", c, float64(mostPhotons))
	}
	means := &j.scratch.noise.means
	for v := range means {
		means[v] = float64(v) / 255 * c
	}
	last := int(c) + 1 // counts from here on are white
	photons := grow(&j.scratch.noise.photons, last+1)
	for k := range photons {
		photons[k] = towardZero(255 * min(1, float64(k)/c))
	}
	chunks(len(j.out), func(from, to int) {
		counts := j.scratch.noise.draws[:to-from]
		j.random.Poisson(counts, means, j.src.Pix[from:to])
		out := j.out[from:to]
		for i, count := range counts {
			out[i] = photons[min(int(count), last)]
		}
	})
	return nil
}

// impulseNoise turns values black or white, each channel on its own: where U₁ ≤ c, white if U₂ ≤ ½. All of U₁ is drawn before U₂.
func impulseNoise(j *job) error {
	c := j.set.ImpulseNoise[j.severity-1]
	flipped := grow(&j.scratch.noise.flipped, len(j.out))
	chunks(len(j.out), func(from, to int) {
		u := j.scratch.noise.draws[:to-from]
		j.random.Uniform(u)
		vec.NotAbove(flipped[from:to], u, c)
	})
	levels := &intensities
	chunks(len(j.out), func(from, to int) {
		u, salt := j.scratch.noise.draws[:to-from], j.scratch.noise.salt[:to-from]
		j.random.Uniform(u)
		vec.NotAbove(salt, u, 0.5)
		flips, pix, out := flipped[from:to], j.src.Pix[from:to], j.out[from:to]
		for i, flip := range flips {
			out[i] = levels[pix[i]&^flip|salt[i]&flip]
		}
	})
	return nil
}

// intensities are the 8-bit values as they come back from x = v/255: 255·x.
var intensities = func() (t [256]float32) {
	for v := range t {
		t[v] = towardZero(255 * (float64(v) / 255))
	}
	return t
}()
