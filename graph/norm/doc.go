// Package norm finds a graph's normalisers and lets them use other statistics.
//
// A normaliser holds the mean and variance that its input had in training. Where the world has changed since, those of the images at
// hand do better (Schneider et al. 2020, Nado et al. 2020). Everything here is rewriting of graphs: Layers finds the places, Probe
// measures, Deployable puts constants in, Batch and Stateful leave graphs that measure for themselves and run in any ONNX runtime.
// Graphs that are given are not changed; inputs, outputs and values of the result keep their names.
//
// A layer normalises as y = scale·(u − mean)/√(variance + epsilon) + bias, per channel. Statistics that are put in are a mixture of the
// source's and the target's: see Options. A convolution that swallowed its batch normalisation at export is treated as one whose
// source statistics are those measured on clean images (Options.Clean).
package norm
