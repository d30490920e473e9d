//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package vec

func addNoiseBlocks([]float32, []uint8, []float64, float64) int { return 0 }

func scaleNoiseBlocks([]float32, []uint8, []float64, float64) int { return 0 }

func addHazeBlocks([]float32, []uint8, []float64, float64, float64) int { return 0 }
