// Package degradation writes images degraded as in the experiments with people, in the layout that the field's toolbox reads.
package degradation

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"visus/internal/progress"
	"visus/internal/version"
	"visus/stimulus"
	"visus/stimulus/corrupt"
	"visus/stimulus/degrade"
	"visus/stimulus/raster"
	"visus/study/corruption"
	"visus/study/result"
	"visus/study/session"
	"visus/trial"
)

// Name is what config.yaml of a folder of degraded images has in the place of a study's name.
const Name = "degrade"

// Options are all that the pixels of a file depend on.
type Options struct {
	Images      string `yaml:"images"`
	LabelColumn string `yaml:"label_column"`
	Orient      bool   `yaml:"orient"` // obey EXIF rotation
	Seed        uint64 `yaml:"seed"`
	EidolonSize int    `yaml:"eidolon_size"` // long side of eidolons; 0: the images' own
	Spectrum    string `yaml:"spectrum"`     // NPY file with the amplitudes of power equalisation; "": the mean of the images of a size
}

// Writing says which degraded images to write where.
type Writing struct {
	Options
	Manipulations []degrade.Manipulation // with the levels that are wanted
	// OneLevel shows each image at one level only, as in the published experiments: the images of a category take the levels in turn.
	// Else each image is shown at every level.
	OneLevel bool
	Out      string
	Limit    int            // at most so many images, spread evenly over the set; 0: all
	Workers  int            // images made at the same time; 0: all cores. Does not change results
	Progress progress.Meter // nil: none
}

// config is config.yaml of the folder. Manipulations and the limit may differ between calls, since no file depends on them, but that of which
// level an image takes does.
type config struct {
	Visus   string              `yaml:"visus"`
	Study   string              `yaml:"study"`
	Options Options             `yaml:"options"`
	Levels  map[string][]string `yaml:"levels,omitempty"` // one for each image
	Data    session.DataConfig  `yaml:"data"`
}

// writer is a Writing under way.
type writer struct {
	Writing
	source  stimulus.Source
	images  []string // the field's names of the images, without extension
	levels  []int    // of an image's turn among those of its category
	spectra *spectra
	begin   func() error // makes the folder once
}

// Write writes the images of a data set at the levels of each manipulation, as OUT/<manipulation>/dnn/session-1/<trial>_<code>_dnn_<level>_
// <category>_<number>_<image>.png, where trial is the image's place in the set, and OUT/figures/<manipulation>.png to look at. Files that
// earlier calls wrote are kept; config.yaml keeps apart what was made in another way.
func Write(ctx context.Context, w Writing) (corruption.Written, error) {
	var sum corruption.Written
	if w.Progress == nil {
		w.Progress = progress.Silent()
	}
	data := session.Options{Images: w.Images, LabelColumn: w.LabelColumn, Orient: w.Orient, Seed: w.Seed, Workers: w.Workers,
		Corruptions: []string{session.Clean}}
	if err := data.CheckFolder(w.Out); err != nil {
		return sum, err
	}
	s, err := session.Open(data, func(string, ...any) {})
	if err != nil {
		return sum, err
	}
	defer s.Close()
	if s.Conditions[0].Severity > 0 {
		return sum, fmt.Errorf("degradation: %s is corrupted already", w.Images)
	}
	x := writer{Writing: w, source: s.Conditions[0].Source}
	if x.images, err = imageNames(x.source); err != nil {
		return sum, err
	}
	x.levels = turns(x.source)
	if err := x.claim(s.Data); err != nil {
		return sum, err
	}
	chosen := session.Spread(w.Limit, x.source.Len())
	if x.spectra, err = x.openSpectra(ctx); err != nil {
		return sum, err
	}
	sum, err = x.writeAll(ctx, chosen, data.WorkerCount())
	if ctx.Err() != nil {
		return sum, session.ErrInterrupted
	}
	if err != nil {
		return sum, err
	}
	return sum, x.drawSheets(chosen)
}

func (x *writer) writeAll(ctx context.Context, chosen []int, workers int) (sum corruption.Written, err error) {
	jobs := 0
	for _, m := range x.Manipulations {
		jobs += len(chosen) * len(x.levelsOf(m, 0))
	}
	x.Progress.Begin("degrading", 0, jobs)
	defer x.Progress.End()
	makers := make([]degrade.Worker, workers)
	done := make([]corruption.Written, workers)
	err = session.Parallel(ctx, workers, len(chosen), func(worker, k int) error {
		makers[worker].EidolonSize = x.EidolonSize
		return x.writeImage(ctx, &makers[worker], chosen[k], &done[worker])
	})
	for _, d := range done {
		sum.Files, sum.Kept, sum.Lost = sum.Files+d.Files, sum.Kept+d.Kept, append(sum.Lost, d.Lost...)
	}
	return sum, err
}

// claim checks that what the folder holds was made in the same way. The folder is made with the first image, so that nothing is left where none
// can be made.
func (x *writer) claim(data session.DataConfig) error {
	now := config{Visus: version.String(), Study: Name, Options: x.Options, Data: data}
	if x.OneLevel {
		now.Levels = map[string][]string{}
		for _, m := range x.Manipulations {
			now.Levels[m.Name] = m.Levels
		}
	}
	before, err := result.Earlier(x.Out, Name, func(before config) []string {
		var d result.Differences
		d.Add("visus", before.Visus, now.Visus)
		d.AddFields(before.Options, now.Options)
		d.Add("levels, one for each image,", before.Levels, now.Levels)
		if before.Options.Images == now.Options.Images {
			d.Add("what lies in "+x.Images, before.Data, now.Data)
		}
		return d
	})
	if err != nil {
		return err
	}
	x.begin = sync.OnceValue(func() error {
		if before != nil {
			return nil
		}
		return result.Begin(x.Out, now)
	})
	return result.Sweep(x.Out)
}

// turns gives each image its place among those of its category.
func turns(source stimulus.Source) []int {
	out, seen := make([]int, source.Len()), map[string]int{}
	for i := range out {
		category := source.Item(i).Category
		out[i] = seen[category]
		seen[category]++
	}
	return out
}

// levelsOf returns the levels at which an image is shown.
func (x *writer) levelsOf(m degrade.Manipulation, image int) []string {
	if !x.OneLevel {
		return m.Levels
	}
	return m.Levels[x.levels[image]%len(m.Levels):][:1]
}

// file is where an image lies at a level.
func (x *writer) file(m degrade.Manipulation, level string, image int) (string, error) {
	category := cmp.Or(plain(x.source.Item(image).Category), "unlabelled")
	name, err := trial.NameStimulus(image+1, m.Code, "dnn", level, category, 0, x.images[image]+".png")
	return filepath.Join(x.Out, m.Name, "dnn", "session-1", name), err
}

// writeImage writes one image at all levels of all manipulations.
func (x *writer) writeImage(ctx context.Context, worker *degrade.Worker, image int, done *corruption.Written) error {
	var loaded *raster.Image
	var made raster.Image
	for _, m := range x.Manipulations {
		for _, level := range x.levelsOf(m, image) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			file, err := x.file(m, level, image)
			if err != nil {
				return err
			}
			if _, err := os.Stat(file); err == nil {
				done.Kept++
				x.Progress.Add(1)
				continue
			}
			if loaded == nil {
				if loaded, err = x.source.Image(image); err != nil {
					done.Lost = append(done.Lost, corruption.Lost{Stimulus: x.source.Item(image).ID, Condition: session.Clean, Reason: err.Error()})
					return nil
				}
				worker.Spectrum = x.spectra.of(loaded)
			}
			// The stream of an image depends on the seed, manipulation, level and place in the set alone, so that workers make the same pixels.
			random := rand.New(rand.NewPCG(corrupt.Seed(x.Seed, m.Name+" "+level, 0, image), uint64(image)))
			if err := worker.Degrade(&made, loaded, m, level, random); err != nil {
				return fmt.Errorf("%s: %w", x.source.Item(image).ID, err)
			}
			if err := x.save(file, &made); err != nil {
				return err
			}
			done.Files++
			x.Progress.Add(1)
		}
	}
	return nil
}

func (x *writer) save(file string, m *raster.Image) error {
	if err := x.begin(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return m.WritePNG(file)
}

// Choose finds manipulations by name; all means the twelve of the published experiments. Levels, where there are any, replace the published
// ones; they make sense for a single manipulation.
func Choose(names, levels []string) ([]degrade.Manipulation, error) {
	var chosen []degrade.Manipulation
	add := func(m degrade.Manipulation) {
		if !slices.ContainsFunc(chosen, func(c degrade.Manipulation) bool { return c.Name == m.Name }) {
			chosen = append(chosen, m)
		}
	}
	for _, name := range names {
		m, ok := degrade.ByName(name)
		switch {
		case name == "all":
			for _, m := range degrade.All {
				if m.Published {
					add(m)
				}
			}
		case ok:
			add(m)
		default:
			return nil, fmt.Errorf("manipulation %q is none of all, %s", name, list(degrade.Names()))
		}
	}
	if len(levels) == 0 {
		return chosen, nil
	}
	if len(chosen) != 1 {
		return nil, fmt.Errorf("--levels are those of one manipulation; found %d manipulations", len(chosen))
	}
	seen := map[string]string{}
	for _, level := range levels {
		if err := chosen[0].Check(level); err != nil {
			return nil, err
		}
		key := trial.ConditionKey(level)
		if before, ok := seen[key]; ok {
			return nil, fmt.Errorf("levels %s and %s are the same", before, level)
		}
		seen[key] = level
	}
	chosen[0].Levels = levels
	return chosen, nil
}
