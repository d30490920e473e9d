// Package stimulus opens data sets: what is shown to observers, item by item, pixels on demand.
package stimulus

import (
	"errors"
	"io"

	"visus/stimulus/raster"
)

// Item names one stimulus.
type Item struct {
	ID       string // unique in its condition and stable between runs: the slash path below the condition's folder, or "lossless600/17"; one image has one ID under all conditions
	Category string // the ground truth as the data names it: a folder's name, a CSV label, a number; "" without labels
}

// Source is an ordered list of stimuli whose pixels are loaded on demand. Implementations are safe for concurrent use and hold no pixels.
type Source interface {
	Len() int
	Item(i int) Item
	// Image loads the pixels of item i. Its error names the file.
	Image(i int) (*raster.Image, error)
}

// Condition is one way in which the set was recorded: "clean", or "fog-3" where a data set on disk is already corrupted.
type Condition struct {
	Name string
	Source
}

// Collection is a data set: one condition for ordinary folders, many for folders in the style of CIFAR-10-C and ImageNet-C.
type Collection struct {
	Path       string
	Kind       string // "folder", "class folders", "csv", "npz", "cifar-c", "imagenet-c", "idx", "file"
	Conditions []Condition
}

// Close closes the files that images are read from; no image can be loaded afterwards.
func (c *Collection) Close() error {
	var errs []error
	for _, condition := range c.Conditions {
		if source, ok := condition.Source.(io.Closer); ok {
			errs = append(errs, source.Close())
		}
	}
	return errors.Join(errs...)
}
