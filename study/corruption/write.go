package corruption

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"visus/internal/progress"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/result"
	"visus/study/session"
)

// Writing says which corrupted images to write where.
type Writing struct {
	Options
	Out      string
	Format   string         // png (default) or jpeg
	Quality  int            // of jpeg; 0: 85
	Progress progress.Meter // nil: none

	names []string     // of the files, by stimulus
	begin func() error // makes the folder once
}

// Written is what Write did.
type Written struct {
	Files int // written now
	Kept  int // there already
	Lost  []Lost
}

// WritingName is what config.yaml of a folder of corrupted images has in the place of a study's name.
const WritingName = "corrupt"

// Write writes the images of a data set under every corruption and severity asked for, as OUT/corruption/severity/ID.png: the layout of
// ImageNet-C. Images keep their size. What earlier calls wrote is kept; the folder's config.yaml keeps apart what was made in another way.
func Write(ctx context.Context, w Writing) (Written, error) {
	if w.Progress == nil {
		w.Progress = progress.Silent()
	}
	if w.Quality == 0 {
		w.Quality = 85
	}
	if err := w.CheckFolder(w.Out); err != nil {
		return Written{}, err
	}
	whole := w.Options.Options
	whole.Limit = 0 // config.yaml is of the whole set, whatever part is written now
	s, err := session.Open(whole, func(string, ...any) {})
	if err != nil {
		return Written{}, err
	}
	x := &examination{Study: Study{Options: w.Options}, Session: s, folder: w.Out}
	defer x.close()
	chosen := session.Spread(w.Limit, x.Conditions[0].Source.Len())
	if len(x.Conditions) == 1 {
		return Written{}, errors.New("corruption: no corruption was asked for")
	}
	if x.Conditions[0].Severity > 0 {
		return Written{}, fmt.Errorf("corruption: %s is corrupted already", w.Images)
	}
	v := session.View{}
	if err := w.NameParameters(&v); err != nil {
		return Written{}, err
	}
	makers := make([]*session.Maker, x.Options.WorkerCount())
	for i := range makers {
		var err error
		if makers[i], err = x.NewMaker(); err != nil {
			return Written{}, err
		}
	}
	begin, err := w.claim(x)
	if err != nil {
		return Written{}, err
	}
	w.begin = sync.OnceValue(begin)
	w.names = FileNames(x.Conditions[0].Source, w.extension())
	jobs := x.Conditions[1:]
	w.Progress.Begin("corrupting", 0, len(chosen)*len(jobs))
	defer w.Progress.End()
	results := make([]Written, len(makers))
	err = session.Parallel(ctx, len(makers), len(chosen), func(worker, k int) error {
		return w.writeStimulus(x, makers[worker], v, chosen[k], jobs, &results[worker])
	})
	var sum Written
	for _, r := range results {
		sum.Files, sum.Kept, sum.Lost = sum.Files+r.Files, sum.Kept+r.Kept, append(sum.Lost, r.Lost...)
	}
	if ctx.Err() != nil {
		return sum, session.ErrInterrupted
	}
	return sum, err
}

// claim checks that what the folder holds was made in the same way, and returns what makes the folder with its config.yaml: it is called with
// the first image, so that nothing is left where none can be made. Corruptions, severities and the limit may differ between calls, since no
// image depends on them.
func (w Writing) claim(x *examination) (begin func() error, err error) {
	same := *x
	same.Options.Corruptions, same.Options.Severities, same.Options.Limit = nil, nil, 0
	config := same.newConfig()
	config.Study, config.Format = WritingName, w.extension()
	if w.Format == "jpeg" {
		config.Format += fmt.Sprintf(" of quality %d", w.Quality)
	}
	if _, err := earlier(w.Out, config); err != nil {
		return nil, err
	}
	if err := result.Sweep(w.Out); err != nil {
		return nil, err
	}
	same.config = config
	return same.begin, nil
}

func (w Writing) writeStimulus(x *examination, m *session.Maker, v session.View, stimulus int, jobs []session.Condition, done *Written) error {
	source := x.Conditions[0].Source
	item := source.Item(stimulus)
	var image *raster.Image
	var made raster.Image
	for _, c := range jobs {
		file := filepath.Join(w.Out, c.Corruption.Name, fmt.Sprint(c.Severity), w.names[stimulus])
		if _, err := os.Stat(file); err == nil {
			done.Kept++
			w.Progress.Add(1)
			continue
		}
		if image == nil {
			var err error
			if image, err = source.Image(stimulus); err != nil {
				done.Lost = append(done.Lost, Lost{item.ID, session.Clean, err.Error()})
				w.Progress.Add(len(jobs))
				return nil
			}
		}
		if err := m.Make(&made, image, v, c, stimulus); err != nil {
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

// FileNames returns the path of each stimulus below its severity: its ID with another extension, below a folder of its category where the ID
// does not begin with that. Where two would have the same, as a.jpg and a.png, they keep their extensions: a.jpg.png.
func FileNames(source stimulus.Source, extension string) []string {
	names := make([]string, source.Len())
	count := make(map[string]int, len(names))
	for i := range names {
		item := source.Item(i)
		names[i] = strings.TrimSuffix(item.ID, path.Ext(item.ID))
		if path.Ext(item.ID) == "" { // a row of an array: array/17
			names[i] = path.Base(item.ID)
		}
		if first, _, _ := strings.Cut(item.ID, "/"); item.Category != "" && first != item.Category {
			names[i] = folderName(item.Category) + "/" + names[i]
		}
		count[names[i]]++
	}
	for i, name := range names {
		if count[name] > 1 {
			name += path.Ext(source.Item(i).ID)
		}
		names[i] = filepath.FromSlash(name + "." + extension)
	}
	return names
}

// folderName makes a folder's name of a label, which in a CSV may be any text.
func folderName(category string) string {
	name := strings.NewReplacer("/", "_", `\`, "_").Replace(category)
	if strings.HasPrefix(name, ".") {
		return "_" + name[1:]
	}
	return name
}

func (w Writing) extension() string {
	if w.Format == "jpeg" {
		return "jpg"
	}
	return "png"
}

func (w Writing) save(file string, m *raster.Image) error {
	if err := w.begin(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	if w.Format == "jpeg" {
		return m.WriteJPEG(file, w.Quality)
	}
	return m.WritePNG(file)
}
