// Package plasma makes fractal clouds on a torus by the diamond-square algorithm, as Hendrycks & Dietterich (2019) made their fog.
package plasma

import "fmt"

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

// Maker makes maps and keeps its buffer of draws. Its zero value is ready; one goroutine may use it at a time.
type Maker struct{ draws []float64 }

// Map fills cells, rows of a torus of side·side, with values of [0, 1], of which the smallest is 0 and the largest 1.
// Decay, above 0, divides the amplitude of the noise at each finer level; its square divides the range of the draws.
// Uniform fills its argument with uniforms of [0, 1); it is called for side² − 1 values in all.
// It reports an error where side is not a power of two of 2..Largest or cells do not have its square.
func (m *Maker) Map(cells []float64, side int, decay float64, uniform func([]float64)) error {
	if side < 2 || side > Largest || side&(side-1) != 0 || len(cells) != side*side {
		return fmt.Errorf("plasma: %d cells do not fill a square whose side %d is a power of two of 2..%d", len(cells), side, Largest)
	}
	if !(decay > 0) {
		return fmt.Errorf("plasma: decay %g must be above 0", decay)
	}
	if len(m.draws) < side*side/4 {
		m.draws = make([]float64, side*side/4)
	}
	cells[0] = 0
	amplitude := float64(firstAmplitude)
	for step := side; step >= 2; step /= 2 {
		l := level{cells: cells, side: side, step: step, amplitude: amplitude, draws: m.draws[:(side/step)*(side/step)]}
		uniform(l.draws)
		l.squares()
		uniform(l.draws)
		l.diamonds(0, step/2)
		uniform(l.draws)
		l.diamonds(step/2, 0)
		amplitude /= decay
	}
	stretch(cells)
	return nil
}

// level is one halving of the step: corners lie at multiples of step, centres half a step off in both directions.
type level struct {
	cells     []float64
	side      int
	step      int
	amplitude float64
	draws     []float64
}

func (l *level) row(y int) []float64 { return l.cells[(y&(l.side-1))*l.side:][:l.side] }

// squares sets the centres to the mean of their four corners plus noise.
func (l *level) squares() {
	k, half, low, width := l.side/l.step, l.step/2, -l.amplitude, 2*l.amplitude
	for i := range k {
		up, down, out := l.row(i*l.step), l.row((i+1)*l.step), l.row(i*l.step+half)
		draws := l.draws[i*k:][:k]
		left := up[0] + down[0]
		first := left
		x := 0
		for j, u := range draws {
			right := first
			if j+1 < k {
				right = up[x+l.step] + down[x+l.step]
			}
			out[x+half] = (left+right)/4 + float64(l.amplitude*(low+float64(width*u)))
			left = right
			x += l.step
		}
	}
}

// diamonds sets the points that lie (dy, dx) from each corner, one of which is 0 and the other half a step, to the mean of
// the two centres and the two corners around them plus noise.
func (l *level) diamonds(dy, dx int) {
	k, half, low, width := l.side/l.step, l.step/2, -l.amplitude, 2*l.amplitude
	wrap := l.side - 1
	for i := range k {
		y := i * l.step
		centres, out := l.row(y+half), l.row(y+dy)
		draws := l.draws[i*k:][:k]
		if dy == 0 { // centres above and below, corners left and right
			above, corners := l.row(y-half), l.row(y)
			for j, u := range draws {
				x := j * l.step
				sum := (centres[x+half] + above[x+half]) + (corners[x] + corners[(x+l.step)&wrap])
				out[x+dx] = sum/4 + float64(l.amplitude*(low+float64(width*u)))
			}
			continue
		}
		up, down := l.row(y), l.row(y+l.step)
		for j, u := range draws {
			x := j * l.step
			sum := (centres[x+half] + centres[(x-half)&wrap]) + (up[x] + down[x])
			out[x] = sum/4 + float64(l.amplitude*(low+float64(width*u)))
		}
	}
}

// stretch maps the smallest value to 0 and the largest to 1; a flat map becomes 0.
func stretch(cells []float64) {
	low, high := cells[0], cells[0]
	for _, v := range cells {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	if high -= low; high == 0 {
		high = 1
	}
	for i, v := range cells {
		cells[i] = (v - low) / high
	}
}
