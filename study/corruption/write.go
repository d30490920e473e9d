package corruption

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"visus/internal/progress"
	"visus/stimulus"
	"visus/stimulus/raster"
)

// Writing says which corrupted images to write where.
type Writing struct {
	Options
	Out      string
	Format   string // png (default) or jpeg
	Quality  int    // of jpeg; 0: 85
	Progress progress.Meter
}

// Written is what Write did.
type Written struct {
	Files int // written now
	Kept  int // there already
	Lost  []Lost
}

// Write writes the images of a data set under every corruption and severity asked for, as OUT/corruption/severity/ID.png: the layout of
// ImageNet-C. Images keep their size. What an earlier, interrupted call wrote is kept.
func Write(ctx context.Context, w Writing) (Written, error) {
	x := &examination{Study: Study{Options: w.Options}}
	if err := x.openData(); err != nil {
		return Written{}, err
	}
	if x.conditions[0].severity > 0 || len(x.conditions) == 1 {
		return Written{}, fmt.Errorf("corruption: %s is corrupted already", w.Images)
	}
	v := view{}
	if err := x.nameParameters(&v); err != nil {
		return Written{}, err
	}
	makers := make([]*maker, x.workers())
	for i := range makers {
		var err error
		if makers[i], err = x.newMaker(); err != nil {
			return Written{}, err
		}
	}
	jobs := x.conditions[1:]
	w.Progress.Begin("corrupting", 0, len(x.stimuli)*len(jobs))
	defer w.Progress.End()
	results := make([]Written, len(makers))
	err := parallel(ctx, len(makers), len(x.stimuli), func(worker, k int) error {
		return w.writeStimulus(x, makers[worker], v, x.stimuli[k], jobs, &results[worker])
	})
	var sum Written
	for _, r := range results {
		sum.Files, sum.Kept, sum.Lost = sum.Files+r.Files, sum.Kept+r.Kept, append(sum.Lost, r.Lost...)
	}
	if ctx.Err() != nil {
		return sum, ErrInterrupted
	}
	return sum, err
}

func (w Writing) writeStimulus(x *examination, m *maker, v view, stimulus int, jobs []condition, done *Written) error {
	source := x.conditions[0].source
	item := source.Item(stimulus)
	var image *raster.Image
	var made raster.Image
	for _, c := range jobs {
		file := w.file(c, item)
		if _, err := os.Stat(file); err == nil {
			done.Kept++
			w.Progress.Add(1)
			continue
		}
		if image == nil {
			var err error
			if image, err = source.Image(stimulus); err != nil {
				done.Lost = append(done.Lost, Lost{item.ID, Clean, err.Error()})
				w.Progress.Add(len(jobs))
				return nil
			}
		}
		if err := m.make(&made, image, v, c, stimulus); err != nil {
			return fmt.Errorf("%s: %w", item.ID, err)
		}
		if err := w.save(file, &made); err != nil {
			return err
		}
		done.Files++
		w.Progress.Add(1)
	}
	return nil
}

// file is the path of one corrupted image. Items of arrays, which have no class folder in their name, get one.
func (w Writing) file(c condition, item stimulus.Item) string {
	name := strings.TrimSuffix(item.ID, path.Ext(item.ID)) + "." + w.extension()
	if item.Category != "" && !strings.Contains(path.Dir(item.ID), item.Category) {
		name = item.Category + "/" + path.Base(name)
	}
	return filepath.Join(w.Out, c.corruption.Name, fmt.Sprint(c.severity), filepath.FromSlash(name))
}

func (w Writing) extension() string {
	if w.Format == "jpeg" {
		return "jpg"
	}
	return "png"
}

func (w Writing) save(file string, m *raster.Image) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	if w.Format == "jpeg" {
		quality := w.Quality
		if quality == 0 {
			quality = 85
		}
		return m.WriteJPEG(file, quality)
	}
	return m.WritePNG(file)
}
