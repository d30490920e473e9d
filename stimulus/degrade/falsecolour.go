package degrade

import (
	_ "embed"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// matrix is 3×3, by rows.
type matrix [3][3]float64

var (
	// conesOf gives what the three kinds of cones take in from a monitor's red, green and blue light.
	conesOf = matrix{
		{0.1619982647, 0.208049264, 0.0389347448},
		{0.0330275785, 0.2496504557, 0.0618343518},
		{0.0015524055, 0.0198861001, 0.1890224274},
	}
	// opponentOf gives luminance, L−M and S of what cones take in beyond white (the space of Derrington, Krauskopf and Lennie 1984).
	opponentOf = matrix{
		{9.27590805, 9.27590805, 0},
		{7.86421647, -9.33587662, 0},
		{-3.39709047, -3.39709047, 12.16230246},
	}
	whiteCones = [3]float64{0.20449114, 0.17225619, 0.10523047}

	conesBack    = conesOf.inverse()
	opponentBack = opponentOf.inverse()
)

// monitorFile holds the light that the monitor of the published experiments gave for each intensity 0..255, as a share of the most: the file
// x_gamma_function.csv of github.com/rgeirhos/generalisation-humans-DNNs, CC BY 4.0.
//
//go:embed monitor.csv
var monitorFile string

// monitor is the table of monitorFile.
var monitor = func() (t [256]float64) {
	lines := strings.Fields(monitorFile)
	for v := range t {
		var err error
		if t[v], err = strconv.ParseFloat(lines[v], 64); err != nil {
			panic(fmt.Sprintf("degrade: monitor.csv is damaged: %v", err))
		}
	}
	return t
}()

// falseColour: true leaves the image as it is, false turns each colour into its opponent of the same luminance.
func falseColour(j *job) (*Values, error) {
	v := j.inColour()
	if j.level == "true" {
		return v, nil
	}
	for i := 0; i < len(v.Pix); i += 3 {
		p := j.src.Pix[i : i+3]
		light := opponent([3]float64{monitor[p[0]], monitor[p[1]], monitor[p[2]]})
		for c, l := range light {
			v.Pix[i+c] = unit[intensity(l)]
		}
	}
	return v, nil
}

// opponent negates L−M and S of a light.
func opponent(light [3]float64) [3]float64 {
	cones := conesOf.times(light)
	for i, w := range whiteCones {
		cones[i] -= w
	}
	dkl := opponentOf.times(cones)
	dkl[1], dkl[2] = -dkl[1], -dkl[2]
	cones = opponentBack.times(dkl)
	for i, w := range whiteCones {
		cones[i] += w
	}
	return conesBack.times(cones)
}

// intensity returns the intensity whose light is nearest, the lower one of two as near.
func intensity(light float64) int {
	at := sort.SearchFloat64s(monitor[:], light)
	if at == len(monitor) || at > 0 && light-monitor[at-1] <= monitor[at]-light {
		return at - 1
	}
	return at
}

func (m *matrix) times(v [3]float64) (out [3]float64) {
	for i, row := range m {
		out[i] = row[0]*v[0] + row[1]*v[1] + row[2]*v[2]
	}
	return out
}

// inverse is the matrix of cofactors, transposed, over the determinant.
func (m *matrix) inverse() (out matrix) {
	cofactor := func(i, k int) float64 {
		a, b, c, d := (i+1)%3, (i+2)%3, (k+1)%3, (k+2)%3
		return m[a][c]*m[b][d] - m[a][d]*m[b][c]
	}
	determinant := m[0][0]*cofactor(0, 0) + m[0][1]*cofactor(0, 1) + m[0][2]*cofactor(0, 2)
	for i := range 3 {
		for k := range 3 {
			out[k][i] = cofactor(i, k) / determinant
		}
	}
	return out
}
