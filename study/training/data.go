package training

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"visus/stimulus"
	"visus/study/session"
)

// labelled is a data set whose items with a label are used, as indices into its source.
type labelled struct {
	set      *stimulus.Collection
	source   stimulus.Source
	items    []int
	labels   []int  // class of each item
	leftOut  int    // items without a label
	identity string // SHA-256 of ids and labels
}

// openLabelled opens a data set. classes are the classes that labels may have; nil: those that turn up, which are returned.
func openLabelled(path string, o Options, limit int, classes []string) (*labelled, []string, error) {
	set, err := stimulus.Open(path, stimulus.Options{LabelColumn: o.LabelColumn, Orient: o.Orient})
	if err != nil {
		return nil, nil, err
	}
	d := &labelled{set: set, source: set.Conditions[0].Source}
	if classes, err = d.read(limit, classes); err != nil {
		set.Close()
		return nil, nil, err
	}
	return d, classes, nil
}

func (d *labelled) read(limit int, classes []string) ([]string, error) {
	if n := len(d.set.Conditions); n > 1 {
		return nil, fmt.Errorf("training: %s holds images under %d conditions (%s); expected ordinary images, such as those of one of them", d.set.Path, n, d.set.Kind)
	}
	if classes == nil {
		classes = categories(d.source)
	}
	switch len(classes) {
	case 0:
		return nil, fmt.Errorf("training: the images of %s (%s) have no labels; expected a folder of images for each class, a CSV with file and label, or arrays with labels", d.set.Path, d.set.Kind)
	case 1:
		return nil, fmt.Errorf("training: all images of %s belong to one class, %q; expected two classes or more", d.set.Path, classes[0])
	}
	class := make(map[string]int, len(classes))
	for i, name := range classes {
		class[name] = i
	}
	digest := sha256.New()
	for _, i := range session.Spread(limit, d.source.Len()) {
		item := d.source.Item(i)
		io.WriteString(digest, item.ID+"\x00"+item.Category+"\n")
		if item.Category == "" {
			d.leftOut++
			continue
		}
		k, ok := class[item.Category]
		if !ok {
			return nil, fmt.Errorf("training: %s: image %s has the label %q, which is none of the %d classes trained on: %s", d.set.Path, item.ID, item.Category, len(classes), few(classes))
		}
		d.items, d.labels = append(d.items, i), append(d.labels, k)
	}
	d.identity = hex.EncodeToString(digest.Sum(nil))
	return classes, nil
}

// complete reports an error where the limit leaves a class without an image.
func (d *labelled) complete(classes []string) error {
	if len(d.items) < len(classes) {
		return fmt.Errorf("training: %s for %d classes; expected one of each at least", plural(len(d.items), "image"), len(classes))
	}
	if none := slices.Index(counts(d.labels, len(classes)), 0); none >= 0 {
		return fmt.Errorf("training: none of the %d images that the limit leaves is of class %q; expected one of each at least", len(d.items), classes[none])
	}
	return nil
}

// pick returns what lies at these positions.
func (d *labelled) pick(at []int) (items, labels []int) {
	for _, i := range at {
		items, labels = append(items, d.items[i]), append(labels, d.labels[i])
	}
	return items, labels
}

// categories lists the distinct labels of a source: whole numbers by value, everything else by name.
func categories(source stimulus.Source) []string {
	seen := map[string]bool{}
	var names []string
	for i := range source.Len() {
		if c := source.Item(i).Category; c != "" && !seen[c] {
			seen[c] = true
			names = append(names, c)
		}
	}
	numbers := make(map[string]int, len(names))
	for _, name := range names {
		if v, err := strconv.Atoi(name); err == nil {
			numbers[name] = v
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(numbers) == len(names) && numbers[a] != numbers[b] {
			return numbers[a] - numbers[b]
		}
		return strings.Compare(a, b)
	})
	return names
}

// few lists some names for a message.
func few(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}
