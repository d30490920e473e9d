package session

import (
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
)

// Maker makes corrupted stimuli, one at a time.
type Maker struct {
	worker corrupt.Worker
	source *corrupt.Source
	seed   uint64
}

// NewMaker returns a maker for one goroutine.
func (s *Session) NewMaker() (*Maker, error) {
	m := &Maker{worker: corrupt.Worker{AsPublished: s.options.AsPublished}, source: corrupt.NewSource(0), seed: s.options.Seed}
	if s.options.Frost == "" {
		return m, nil
	}
	var err error
	m.worker.Frost, err = corrupt.LoadTextures(s.options.Frost)
	return m, err
}

// Make writes the corrupted image. Its random stream depends on the seed, the corruption, the severity and the stimulus's place in the
// data set alone, so that shards, workers and later runs make the same pixels.
func (m *Maker) Make(to, from *raster.Image, v View, c Condition, stimulus int) error {
	m.worker.Parameters = v.Parameters
	m.source.Reset(corrupt.Seed(m.seed, c.Corruption.Name, c.Severity, stimulus))
	return m.worker.Corrupt(to, from, c.Corruption, c.Severity, m.source)
}
