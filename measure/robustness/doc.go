// Package robustness scores how much a classifier's error grows under the common corruptions of Hendrycks & Dietterich (2019),
// "Benchmarking neural network robustness to common corruptions and perturbations".
package robustness

import "slices"

// Severities is the number of severities of a corruption; they count from 1.
const Severities = 5

// Corruptions returns the 15 corruptions that the benchmark's means run over, in the paper's order: noise, blur, weather, digital.
// The paper's four others (speckle noise, Gaussian blur, spatter, saturate) are for tuning only.
func Corruptions() []string { return slices.Clone(benchmark) }

var benchmark = []string{
	"gaussian_noise", "shot_noise", "impulse_noise",
	"defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
	"snow", "frost", "fog", "brightness",
	"contrast", "elastic_transform", "pixelate", "jpeg_compression",
}
