package corruption

import (
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
)

// maker makes corrupted stimuli, one at a time.
type maker struct {
	worker corrupt.Worker
	source *corrupt.Source
	seed   uint64
}

func (x *examination) newMaker() (*maker, error) {
	m := &maker{worker: corrupt.Worker{AsPublished: x.Options.AsPublished}, source: corrupt.NewSource(0), seed: x.Options.Seed}
	if x.Options.Frost == "" {
		return m, nil
	}
	var err error
	m.worker.Frost, err = corrupt.LoadTextures(x.Options.Frost)
	return m, err
}

// make writes the corrupted image. Its random stream depends on the seed, the corruption, the severity and the stimulus's place in the
// data set alone, so that shards, workers and later runs make the same pixels.
func (m *maker) make(to, from *raster.Image, v view, c condition, stimulus int) error {
	m.worker.Parameters = v.parameters
	m.source.Reset(corrupt.Seed(m.seed, c.corruption.Name, c.severity, stimulus))
	return m.worker.Corrupt(to, from, c.corruption, c.severity, m.source)
}
