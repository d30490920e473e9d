package stimulus

import (
	"fmt"
	"path"
	"path/filepath"
	"strconv"

	"visus/stimulus/raster"
)

// files is a Source of image files below a folder.
type files struct {
	root   string
	items  []Item // ID is the slash path below root
	orient bool
}

func (f *files) Len() int        { return len(f.items) }
func (f *files) Item(i int) Item { return f.items[i] }

func (f *files) Image(i int) (*raster.Image, error) {
	return raster.ReadFile(filepath.Join(f.root, filepath.FromSlash(f.items[i].ID)), raster.Options{Orient: f.orient})
}

// openFlat opens a folder of images without labels. Folders of images beside them would leave open what a category is.
func openFlat(dir string, c content, o Options) (*Collection, error) {
	for _, folder := range c.folders {
		nested, err := walk(nil, filepath.Join(dir, folder), folder, "", 0)
		if err != nil {
			return nil, err
		}
		if len(nested) > 0 {
			return nil, fmt.Errorf("stimulus: folder %s holds images (%s) beside folders with images (%s); expected either images or one folder a class", dir, few(c.images), few(c.folders))
		}
	}
	items := make([]Item, len(c.images))
	for i, name := range c.images {
		items[i].ID = name
	}
	byID(items)
	return &Collection{Path: dir, Kind: "folder", Conditions: []Condition{{clean, &files{dir, items, o.Orient}}}}, nil
}

// openTree opens a folder of folders: the classes, or the corruptions of ImageNet-C.
func openTree(dir string, folders []string, o Options) (*Collection, error) {
	conditions, err := severities(dir, folders, o)
	if err != nil {
		return nil, err
	}
	if conditions != nil {
		return &Collection{Path: dir, Kind: "imagenet-c", Conditions: conditions}, nil
	}
	items, err := classes(dir, folders)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("stimulus: folder %s holds folders (%s) but no images in them (%s)", dir, few(folders), imageExtensions)
	}
	return &Collection{Path: dir, Kind: "class folders", Conditions: []Condition{{clean, &files{dir, items, o.Orient}}}}, nil
}

func classes(dir string, folders []string) ([]Item, error) {
	var items []Item
	var err error
	for _, class := range folders {
		if items, err = walk(items, filepath.Join(dir, class), class, class, 0); err != nil {
			return nil, err
		}
	}
	byID(items)
	return items, nil
}

// walk appends the images below dir, whose slash path is prefix.
func walk(items []Item, dir, prefix, category string, depth int) ([]Item, error) {
	const deepest = 32 // no data set is that deep; a link to a folder above itself is
	if depth > deepest {
		return nil, fmt.Errorf("stimulus: %s is nested deeper than %d folders; does a link point to a folder above it?", dir, deepest)
	}
	entries, err := visible(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch {
		case e.folder:
			items, err = walk(items, filepath.Join(dir, e.name), path.Join(prefix, e.name), category, depth+1)
		case isImage(e.name):
			items = append(items, Item{ID: prefix + "/" + e.name, Category: category})
		}
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// severities returns the conditions of a folder corruption/severity/class/image, nil where the folder is none:
// every folder must hold nothing but folders named by numbers, and these nothing but folders.
// An image's ID is its path below its severity, so that one image has one ID under all conditions and in the clean set.
func severities(dir string, corruptions []string, o Options) ([]Condition, error) {
	var out []Condition
	for _, corruption := range corruptions {
		levels, err := visible(filepath.Join(dir, corruption))
		if err != nil {
			return nil, err
		}
		if len(levels) == 0 {
			return nil, nil
		}
		for _, level := range levels {
			severity, err := strconv.Atoi(level.name)
			if err != nil || severity < 1 || !level.folder {
				return nil, nil
			}
			root := filepath.Join(dir, corruption, level.name)
			folders, err := onlyFolders(root)
			if err != nil || folders == nil {
				return nil, err
			}
			items, err := classes(root, folders)
			if err != nil {
				return nil, err
			}
			if len(items) == 0 {
				return nil, fmt.Errorf("stimulus: %s holds no images (%s)", root, imageExtensions)
			}
			out = append(out, Condition{fmt.Sprintf("%s-%d", corruption, severity), &files{root, items, o.Orient}})
		}
	}
	return out, nil
}

// onlyFolders lists the folders in dir; nil where it shows files as well or nothing.
func onlyFolders(dir string) ([]string, error) {
	entries, err := visible(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.folder {
			return nil, nil
		}
		out = append(out, e.name)
	}
	return out, nil
}
