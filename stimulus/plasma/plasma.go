// Package plasma makes fractal clouds on a torus by the diamond-square algorithm, as Hendrycks & Dietterich (2019) made their fog.
package plasma

import (
	"fmt"

	"visus/internal/vec"
)

// firstAmplitude is the reference's "wibble" at the coarsest level. Its square is the range of the draws.
const firstAmplitude = 100

// Largest is the largest side of a map.
const Largest = 1 << 14

// Side returns the smallest power of two that is at least n, and at least 2.
func Side(n int) int {
	side := 2
	for side < n {
		side *= 2
	}
	return side
}

// Maker makes maps and keeps its buffers. Its zero value is ready; one goroutine may use it at a time.
type Maker struct {
	// At each level k·k corners, and as many centres and points half a step right of and below the corners. Rows of corners
	// end with a copy of their first value, rows of centres begin with a copy of their last: the torus without index arithmetic.
	corners, finer, centres, right, below []float64
	draws                                 []float64
}

// Map fills cells, rows of a torus of side·side, with values of [0, 1], of which the smallest is 0 and the largest 1; a map without
// differences is 0. Decay, above 0, divides the amplitude of the noise at each finer level; its square divides the range of the draws.
// Uniform fills its argument with uniforms of [0, 1); it is called for side² − 1 values in all.
// It reports an error where side is not a power of two of 2..Largest or cells do not have its square.
func (m *Maker) Map(cells []float64, side int, decay float64, uniform func([]float64)) error {
	if side < 2 || side > Largest || side&(side-1) != 0 || len(cells) != side*side {
		return fmt.Errorf("plasma: %d cells do not fill a square whose side %d is a power of two of 2..%d", len(cells), side, Largest)
	}
	if !(decay > 0) {
		return fmt.Errorf("plasma: decay %g must be above 0", decay)
	}
	m.reserve(side)
	m.corners[0], m.corners[1] = 0, 0
	amplitude := float64(firstAmplitude)
	for k := 1; k < side; k *= 2 {
		m.squares(k, amplitude, uniform)
		m.diamonds(k, amplitude, uniform)
		if 2*k == side {
			m.weave(cells, k, side)
			break
		}
		m.weave(m.finer, k, 2*k+1)
		m.corners, m.finer = m.finer, m.corners
		amplitude /= decay
	}
	low, high := vec.Bounds(cells)
	if high == low {
		clear(cells)
		return nil
	}
	vec.Standardise(cells, low, high-low)
	return nil
}

// reserve makes room for the finest level, whose corners are side/2 in a row.
func (m *Maker) reserve(side int) {
	k := side / 2
	if n := k * (k + 1); len(m.draws) < n {
		for _, buffer := range []*[]float64{&m.corners, &m.finer, &m.centres, &m.right, &m.below, &m.draws} {
			*buffer = make([]float64, n)
		}
	}
}

// squares sets the centres to the mean of their four corners plus noise.
func (m *Maker) squares(k int, amplitude float64, uniform func([]float64)) {
	uniform(m.draws[:k*k])
	for i := range k {
		up, down := m.cornerRow(i, k), m.cornerRow((i+1)%k, k)
		row := m.centreRow(i, k)
		vec.Displace(row[1:], up, down, up[1:], down[1:], m.draws[i*k:][:k], amplitude)
		row[0] = row[k]
	}
}

// diamonds sets the points right of and below each corner to the mean of the two corners and the two centres around them plus noise:
// first all of those on the right.
func (m *Maker) diamonds(k int, amplitude float64, uniform func([]float64)) {
	uniform(m.draws[:k*k])
	for i := range k {
		corners := m.cornerRow(i, k)
		vec.Displace(m.right[i*k:][:k], m.centreRow(i, k)[1:], m.centreRow((i+k-1)%k, k)[1:], corners, corners[1:], m.draws[i*k:][:k], amplitude)
	}
	uniform(m.draws[:k*k])
	for i := range k {
		centres := m.centreRow(i, k)
		vec.Displace(m.below[i*k:][:k], centres[1:], centres, m.cornerRow(i, k), m.cornerRow((i+1)%k, k), m.draws[i*k:][:k], amplitude)
	}
}

// weave puts the four kinds of points together to 2k rows of 2k values that start stride apart. Where a row has room for one more,
// that is the copy of its first.
func (m *Maker) weave(dst []float64, k, stride int) {
	for i := range k {
		even, odd := dst[2*i*stride:][:stride], dst[(2*i+1)*stride:][:stride]
		vec.Interleave(even[:2*k], m.cornerRow(i, k), m.right[i*k:])
		vec.Interleave(odd[:2*k], m.below[i*k:], m.centreRow(i, k)[1:])
		if stride > 2*k {
			even[2*k], odd[2*k] = even[0], odd[0]
		}
	}
}

func (m *Maker) cornerRow(i, k int) []float64 { return m.corners[i*(k+1):][:k+1] }

func (m *Maker) centreRow(i, k int) []float64 { return m.centres[i*(k+1):][:k+1] }
