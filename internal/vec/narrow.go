//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package vec

// Without vectors no wide form does anything.

func tapsWide(dst, src []float32, offsets []int32, weights []float32) int { return 0 }

func fromBytesWide(dst []float32, src []uint8) int { return 0 }

func truncateWide(dst []uint8, src []float32) int { return 0 }

func addWide(dst, a, b []float32) int { return 0 }

func lerpWide(dst, a, b []float32, t float32) int { return 0 }

func clipWide(dst []float32, scale, offset, low, high float32) int { return 0 }

func nearIntegerWide(found []int32, x []float32, tolerance float32) ([]int32, int) { return found, 0 }

func (s *Stretch) wide(dst, src []float32) int { return 0 }

func bilinearWide(dst []float32, step int, src []float32, stride int, index []int32, fx, fy []float32) int {
	return 0
}

func minTapsWide(dst, src []int32, offsets, costs []int32) int { return 0 }

// Level names the vectors in use.
func Level() string { return "none (built without GOEXPERIMENT=simd)" }

func thresholdWide(dst []float32, low float32) int { return 0 }
