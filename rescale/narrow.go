//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package rescale

func surveyWide(x, delta []float32, low, high float32) (done int, largest float32, ok bool) {
	return 0, 0, true
}

func splitWide(x, delta []float32, low, high, eta, unit, scale float32, square bool) (done int, clipped, free float64) {
	return 0, 0, 0
}

func exactlyWide(x, delta []float32, low, high, eta, larger, unit, scale float64, square bool) (done int, clipped, free float64, between int) {
	return 0, 0, 0, 0
}

func applyWide(v, x, delta []float32, low, high, eta, scale float64, square bool) (total sums, done int) {
	return sums{}, 0
}
