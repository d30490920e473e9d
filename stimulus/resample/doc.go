// Package resample resizes images as Pillow does, bit for bit, and so as torchvision does with Pillow images.
//
// Reducing is antialiased: a filter is stretched by the scale, so that every source pixel counts. Width comes first, then height, each
// rounded to 8 bit, with weights in 22-bit fixed point (Pillow's src/libImaging/Resample.c). Pillow 13 takes height first where a resize
// takes away more than twice as many rows as columns; all versions before it, with which the published results were made, do as this package.
package resample
