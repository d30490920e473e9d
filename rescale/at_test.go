package rescale

import (
	"math"
	"strings"
	"testing"
)

func TestApplyRows(t *testing.T) {
	x, delta := []float64{0.5, 0.5, 0.9, 0.2}, []float64{0.3, -0.4, 1, 0}
	v := make([]float64, 4)
	reports, err := ApplyRows(v, x, delta, []float64{1, 2}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "image", v, []float64{0.8, 0.1, 1, 0.2}, 1e-15)
	if r := reports[0]; math.Abs(r.Norm-0.5) > 1e-15 || r.Eta != 1 || r.Clipped != 0 {
		t.Errorf("sample 0: %+v, expected the length 0.5 with nothing clipped", r)
	}
	if r := reports[1]; math.Abs(r.Norm-0.1) > 1e-15 || math.Abs(r.Largest-0.1) > 1e-15 || r.Clipped != 0.5 {
		t.Errorf("sample 1: %+v, expected the length 0.1, the largest, with one of two clipped", r)
	}
	for want, change := range map[string]func(){
		"sample 1: the factor is NaN":           func() { _, err = ApplyRows(v, x, delta, []float64{1, math.NaN()}, Options{}) },
		"sample 0, element 0: the image is 0.5": func() { _, err = ApplyRows(v, x, delta, []float64{1, 1}, Options{Low: 0.6, High: 1}) },
		"expected 4 elements for the result":    func() { _, err = ApplyRows(v[:1], x, delta, []float64{1, 1}, Options{}) },
	} {
		if change(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}
