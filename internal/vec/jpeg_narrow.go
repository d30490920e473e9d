//go:build !(goexperiment.simd && amd64 && go1.26 && !go1.27)

package vec

// Recode, ToYCC, WidenBetween and ToRGB have wide forms only; their plain forms, and what they compute, are in stimulus/jpeg.

// Recode reports that it did nothing.
func Recode([]uint8, int, int, int, *[64]int32, *[64]int32) bool { return false }

// ToYCC reports that it converted no pixel.
func ToYCC(_, _, _, _, _, _ []uint8) int { return 0 }

// WidenBetween reports that it made no sample.
func WidenBetween(_, _, _ []uint8) int { return 0 }

// ToRGB reports that it converted no pixel.
func ToRGB(_, _, _, _ []uint8) int { return 0 }
