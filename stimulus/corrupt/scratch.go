package corrupt

import "visus/stimulus/jpeg"

// scratch holds buffers that laws reuse between images. Each file of laws keeps its own in one named field, whose type stands beside them.
type scratch struct {
	out      []float32
	jpeg     jpeg.Scratch
	noise    noiseScratch
	fog      fogScratch
	blur     blurScratch
	elastic  elasticScratch
	snow     snowScratch
	frost    frostScratch
	spatter  spatterScratch
	pixelate pixelateScratch
}

// grow returns n elements of the buffer, enlarged if need be; their contents are arbitrary.
func grow[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}
