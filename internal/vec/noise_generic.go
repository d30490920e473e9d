//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package vec

func addNoiseBlocks([]float32, []uint8, []float64, float64) int { return 0 }

func scaleNoiseBlocks([]float32, []uint8, []float64, float64) int { return 0 }

func addHazeBlocks([]float32, []uint8, []float64, float64, float64) int { return 0 }

func (x *Xoshiro) fillWide([]uint64) bool { return false }

func unitWide([]float64, []uint64) int { return 0 }

func displaceWide(dst, a, b, c, d, u []float64, amplitude float64) int { return 0 }

func interleaveWide(dst, a, b []float64) int { return 0 }

func boundsWide(v []float64) (done int, low, high float64) { return 0, v[0], v[0] }

func standardiseWide(v []float64, low, width float64) int { return 0 }

func maxByteWide([]uint8) (int, uint8) { return 0, 0 }
