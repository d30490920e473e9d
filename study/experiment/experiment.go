// Package experiment prepares experiments with people and models on the same images, as those of Geirhos et al. (2018, 2021) were.
//
// Method. From a set of images a balanced subset is drawn: as many of each category under each condition. Every subject sees all of it, in a
// random order of its own. The files are named as the field does, <trial>_<code>_<subject>_<condition>_<category>_<number>_<image>, so that
// the trials of people and models can be joined by image.
package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"visus/internal/atomicfile"
	"visus/internal/progress"
	"visus/internal/version"
	"visus/stimulus"
	"visus/stimulus/resample"
	"visus/study/result"
	"visus/study/session"
	"visus/trial"
)

// Name is the study's name in config.yaml.
const Name = "experiment"

// Options say which experiment to prepare.
type Options struct {
	Images     string   `yaml:"images"`     // CATEGORY/IMAGE, or stimuli in the field's layout, whose conditions are kept
	Dataset    string   `yaml:"dataset"`    // "": the name of the folder of images
	Code       string   `yaml:"code"`       // of the data set, in file names; "": exp
	Subjects   int      `yaml:"subjects"`   // people
	Each       int      `yaml:"each"`       // images of each category and condition; 0: as many as the rarest has
	Categories []string `yaml:"categories"` // only these; none: all
	Size       int      `yaml:"size"`       // short side resized, centre cropped; 0: files as they are
	Seed       uint64   `yaml:"seed"`

	Workers int `yaml:"-"`
}

// Config is config.yaml of the folder.
type Config struct {
	Visus   string  `yaml:"visus"`
	Study   string  `yaml:"study"`
	Options Options `yaml:"options"`
}

// Written says what was written.
type Written struct {
	Images     int // in the balanced subset
	Categories int
	Conditions int
	Files      int // written now
	Kept       int // that were there already
	Dataset    string
}

// item is one image with what its place says.
type item struct {
	at                  int // in the source
	id                  string
	condition, category string
}

// Write writes OUT/DATASET/subject-01/session-1/… for every subject, and OUT/DATASET/dnn/session-1/… for models. Files that are there are kept,
// so that an interrupted run goes on. It reports an error where categories are too rare, or two images have one name.
func Write(ctx context.Context, o Options, out string, meter progress.Meter) (Written, error) {
	if o.Code == "" {
		o.Code = "exp"
	}
	if o.Dataset == "" {
		o.Dataset = strings.ReplaceAll(filepath.Base(o.Images), "_", "-")
	}
	if o.Subjects < 1 {
		return Written{}, fmt.Errorf("experiment: %d subjects; expected 1 or more", o.Subjects)
	}
	if result.Inside(out, o.Images) {
		return Written{}, fmt.Errorf("experiment: the output folder %s lies in the folder of the images; choose another --out", out)
	}
	set, err := stimulus.Open(o.Images, stimulus.Options{})
	if err != nil {
		return Written{}, err
	}
	defer set.Close()
	source := set.Conditions[0].Source
	items, err := o.draw(source)
	if err != nil {
		return Written{}, err
	}
	if err := begin(o, out); err != nil {
		return Written{}, err
	}
	w := Written{Images: len(items), Categories: distinct(items, func(i item) string { return i.category }),
		Conditions: distinct(items, func(i item) string { return i.condition }), Dataset: o.Dataset}
	return w, o.write(ctx, &w, source, items, filepath.Join(out, o.Dataset), meter)
}

// begin makes the folder, or finds there the beginning of the same experiment.
func begin(o Options, out string) error {
	config := Config{Visus: version.String(), Study: Name, Options: o}
	before, err := result.Earlier(out, Name, func(before Config) []string {
		var d result.Differences
		d.Add("visus", before.Visus, config.Visus)
		d.AddFields(before.Options, config.Options)
		return d
	})
	if err != nil || before != nil {
		return err
	}
	return result.Begin(out, config)
}

func distinct(items []item, of func(item) string) int {
	seen := map[string]bool{}
	for _, i := range items {
		seen[of(i)] = true
	}
	return len(seen)
}

// draw draws the balanced subset, in the order of condition, category and name.
func (o Options) draw(source stimulus.Source) ([]item, error) {
	groups, err := o.groups(source)
	if err != nil {
		return nil, err
	}
	rarest := slices.MinFunc(groups, func(a, b []item) int { return cmp.Compare(len(a), len(b)) })
	each := o.Each
	if each == 0 {
		each = len(rarest)
	}
	if len(rarest) < each {
		return nil, fmt.Errorf("experiment: category %s has %d images%s; expected %d or more", rarest[0].category, len(rarest),
			under(rarest[0].condition), each)
	}
	var items []item
	seen := map[string]string{}
	for _, group := range groups {
		random := o.random(group[0].condition + "\x00" + group[0].category)
		random.Shuffle(len(group), func(i, k int) { group[i], group[k] = group[k], group[i] })
		chosen := group[:each]
		slices.SortFunc(chosen, func(a, b item) int { return strings.Compare(a.id, b.id) })
		for _, i := range chosen {
			key := i.condition + "/" + trial.ImageKey(i.id)
			if other, twice := seen[key]; twice {
				return nil, fmt.Errorf("experiment: %s and %s have the same name but for folder and extension, by which trials are joined; "+
					"rename one", other, i.id)
			}
			seen[key] = i.id
		}
		items = append(items, chosen...)
	}
	return items, nil
}

func under(condition string) string {
	if condition == "0" {
		return ""
	}
	return " under condition " + condition
}

// groups sorts the images by condition and category, all of which are there.
func (o Options) groups(source stimulus.Source) ([][]item, error) {
	type key struct{ condition, category string }
	byKey := map[key][]item{}
	conditions, categories := map[string]bool{}, map[string]bool{}
	for i := range source.Len() {
		id := source.Item(i).ID
		name, err := trial.ParseStimulus(path.Join(filepath.Base(o.Images), id))
		if err != nil {
			return nil, err
		}
		if len(o.Categories) > 0 && !slices.Contains(o.Categories, name.Category) {
			continue
		}
		if name.Condition == "NaN" {
			name.Condition = "0"
		}
		k := key{name.Condition, name.Category}
		conditions[k.condition], categories[k.category] = true, true
		byKey[k] = append(byKey[k], item{i, id, k.condition, k.category})
	}
	for _, c := range o.Categories {
		if !categories[c] {
			return nil, fmt.Errorf("experiment: %s holds no image of the category %s", o.Images, c)
		}
	}
	var groups [][]item
	for condition := range conditions {
		for category := range categories {
			group := byKey[key{condition, category}]
			if group == nil {
				return nil, fmt.Errorf("experiment: there is no image of the category %s%s; a balanced set needs some of each", category,
					under(condition))
			}
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("experiment: %s holds no images in folders of categories", o.Images)
	}
	slices.SortFunc(groups, func(a, b []item) int {
		return cmp.Or(strings.Compare(a[0].condition, b[0].condition), strings.Compare(a[0].category, b[0].category))
	})
	return groups, nil
}

// random returns a stream of its own for one step.
func (o Options) random(step string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, step)
	return rand.New(rand.NewPCG(o.Seed, h.Sum64()))
}

// order is the order in which a subject sees the items; 0 are models, who see them as they are.
func (o Options) order(subject, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if subject > 0 {
		o.random(fmt.Sprintf("subject %d", subject)).Shuffle(n, func(i, k int) { order[i], order[k] = order[k], order[i] })
	}
	return order
}

// write writes each image for everybody at the same time, so that it is read once.
func (o Options) write(ctx context.Context, w *Written, source stimulus.Source, items []item, out string, meter progress.Meter) error {
	names := make([][]string, len(items)) // [item]: a file for each subject
	for subject := range o.Subjects + 1 {
		who, code := "dnn", "dnn"
		if subject > 0 {
			who, code = fmt.Sprintf("subject-%02d", subject), fmt.Sprintf("s%02d", subject)
		}
		folder := filepath.Join(out, who, "session-1")
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		for at, i := range o.order(subject, len(items)) {
			name, err := trial.NameStimulus(at+1, o.Code, code, items[i].condition, items[i].category, 0, o.image(items[i].id))
			if err != nil {
				return err
			}
			names[i] = append(names[i], filepath.Join(folder, name))
		}
	}
	meter.Begin("writing", 0, len(items))
	defer meter.End()
	written := make([]int, len(items))
	err := session.Parallel(ctx, session.Options{Workers: o.Workers}.WorkerCount(), len(items), func(_, i int) (err error) {
		written[i], err = o.copies(source, items[i], names[i])
		meter.Add(1)
		return err
	})
	for i, n := range written {
		w.Files += n
		w.Kept += len(names[i]) - n
	}
	return err
}

// image is the name of the image within that of the stimulus.
func (o Options) image(id string) string {
	if o.Size == 0 {
		return trial.ImageID(id)
	}
	return trial.ImageKey(id) + ".png"
}

// copies writes one image under several names, those that lack it, and returns how many these were.
func (o Options) copies(source stimulus.Source, i item, names []string) (int, error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := os.Stat(name)
		return !errors.Is(err, fs.ErrNotExist)
	})
	if len(names) == 0 {
		return 0, nil
	}
	if o.Size == 0 {
		data, err := os.ReadFile(filepath.Join(o.Images, filepath.FromSlash(i.id)))
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			err := atomicfile.Write(name, func(w io.Writer) error {
				_, err := w.Write(data)
				return err
			})
			if err != nil {
				return 0, err
			}
		}
		return len(names), nil
	}
	image, err := source.Image(i.at)
	if err != nil {
		return 0, err
	}
	image = resample.CenterCrop(resample.ShortSide(image, o.Size, resample.Bilinear), o.Size, o.Size)
	for _, name := range names {
		if err := image.WritePNG(name); err != nil {
			return 0, err
		}
	}
	return len(names), nil
}
