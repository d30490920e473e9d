package corrupt

import (
	"fmt"

	"visus/internal/vec"
	"visus/stimulus/plasma"
)

// fogScratch holds the map of the fog and one row of it, repeated for the channels.
type fogScratch struct {
	maker plasma.Maker
	cells []float64
	row   []float64
}

// fog adds a fractal cloud p and scales back to the image's brightest value m: 255·clip((x + a·p)·m/(m + a)).
func fog(j *job) error {
	p, s := j.set.Fog[j.severity-1], &j.scratch.fog
	longest := max(j.src.Width, j.src.Height)
	side := j.set.PlasmaSize
	if side == 0 {
		side = plasma.Side(longest)
	}
	if longest > side {
		return fmt.Errorf("parameters %q make a fog of %d×%d, too small for an image of %d×%d", j.set.Name, side, side, j.src.Width, j.src.Height)
	}
	cells := grow(&s.cells, side*side)
	if err := s.maker.Map(cells, side, p.Decay, j.random.Uniform); err != nil {
		return err
	}
	brightest := float64(vec.MaxByte(j.src.Pix)) / 255
	if brightest+p.Amount == 0 {
		clear(j.out)
		return nil
	}
	n := 3 * j.src.Width
	row := grow(&s.row, n)
	for y := range j.src.Height {
		for x, v := range cells[y*side:][:j.src.Width] {
			v *= p.Amount
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
		vec.AddHaze(j.out[y*n:][:n], j.src.Pix[y*n:][:n], row, brightest, brightest+p.Amount)
	}
	return nil
}
