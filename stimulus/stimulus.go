// Package stimulus opens data sets: what is shown to observers, item by item, pixels on demand.
package stimulus

import "visus/stimulus/raster"

// Item names one stimulus.
type Item struct {
	ID       string // unique in its condition and stable between runs: the path below the set's folder, or "lossless600/17"
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
