package corrupt

import (
	"visus/internal/vec"
	"visus/stimulus/filter"
	"visus/stimulus/warp"
)

// blurScratch is what the laws that smooth and warp reuse.
type blurScratch struct {
	filter  filter.Workspace
	line    filter.Line
	zoom    warp.Zoom
	pixels  []float32 // the image on the 0..255 scale
	bytes   []uint8
	draws   []int32
	packed  []uint32
	unclear []int32
	draw    [8]float64
}

// size returns the image's extent.
func (j *job) size() filter.Size {
	return filter.Size{Width: j.src.Width, Height: j.src.Height, Channels: 3}
}

// pixels returns the image as floats on the 0..255 scale.
func (j *job) pixels() []float32 {
	pixels := grow(&j.scratch.blur.pixels, len(j.src.Pix))
	vec.FromBytes(pixels, j.src.Pix)
	return pixels
}

// uniform draws one number of [low, high).
func (j *job) uniform(low, high float64) float64 {
	draw := j.scratch.blur.draw[:1]
	j.random.Uniform(draw)
	return low + (high-low)*draw[0]
}

// undecided lists the values whose truncation single precision does not tell.
func (j *job) undecided(values []float32) []int32 {
	b := &j.scratch.blur
	b.unclear = vec.NearInteger(b.unclear[:0], values, filter.Undecided)
	return b.unclear
}
