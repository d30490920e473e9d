//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package vec

// WeighPixels and WeighRows have wide forms only; their plain forms, and what they compute, are in stimulus/resample.

// WeighPixels reports that it made no pixel.
func WeighPixels(_, _ []uint8, _, _, _ []int32) int { return 0 }

// WeighRows reports that it made no value.
func WeighRows(_, _ []uint8, _ int, _ []int32) int { return 0 }
