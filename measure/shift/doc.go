// Package shift measures how far the activations of a network have moved from those it was trained on, and how many source samples would
// steady an estimate of the new ones.
//
// Each channel of a layer is taken as a normal distribution, independent of the others. Formulas follow Schneider et al. 2020, "Improving
// robustness against common corruptions by covariate shift adaptation".
package shift
