package stimulus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Options say how a data set is read. The zero value is the usual one.
type Options struct {
	Orient      bool   // turn photographs upright by their EXIF orientation; the field's loaders do not
	LabelColumn string // column of the CSV that holds the category; "" takes the first of label, class, category, wnid, class_index, name
}

// Open opens a data set, telling by its content which kind it is:
//
//   - a folder with a folder of images per class (deeper folders count for the first one);
//   - a folder of images with a CSV (columns file and label, see Options), or such a CSV itself; without a CSV the images have no category;
//   - an .npz file with x [n,h,w,3], [n,h,w] or [n,3,h,w] and y [n] (also images and labels), or a folder that holds one such file and nothing else to show;
//   - a folder of .npy files as CIFAR-10-C is published: labels.npy beside one array of 5·n images per corruption;
//   - a folder corruption/severity/class/image as ImageNet-C is published;
//   - an IDX file of images, or its folder, as MNIST is published, compressed with gzip or not;
//   - a single image.
//
// Hidden files are ignored, as are files whose extension is not that of an image. No pixels are read here, except that compressed arrays are unpacked once.
// The error says in one sentence what was expected and what was found.
func Open(name string, o Options) (*Collection, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("stimulus: there is no file or folder %s", name)
	}
	if err != nil {
		return nil, fmt.Errorf("stimulus: %w", err)
	}
	if info.IsDir() {
		return openFolder(name, o)
	}
	return openFile(name, o)
}

func openFile(name string, o Options) (*Collection, error) {
	base := filepath.Base(name)
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".npz":
		return openNPZ(name)
	case ext == ".csv":
		return openCSV(filepath.Dir(name), base, o)
	case ext == ".npy":
		return nil, fmt.Errorf("stimulus: %s is one array; give the folder that holds it and labels.npy", name)
	case isIDXImages(base):
		return openIDX(name)
	case isImage(base):
		one := &files{root: filepath.Dir(name), items: []Item{{ID: base}}, orient: o.Orient}
		return &Collection{Path: name, Kind: "file", Conditions: []Condition{{clean, one}}}, nil
	}
	return nil, fmt.Errorf("stimulus: %s is neither an image (%s) nor an .npz, .csv or IDX file", name, imageExtensions)
}

// clean names the condition of data sets that are not corrupted.
const clean = "clean"

// content is what a folder shows, sorted by kind.
type content struct {
	folders, images, csvs, npys, npzs, idx []string
}

func openFolder(dir string, o Options) (*Collection, error) {
	entries, err := visible(dir)
	if err != nil {
		return nil, err
	}
	var c content
	for _, e := range entries {
		ext := strings.ToLower(path.Ext(e.name))
		switch {
		case e.folder:
			c.folders = append(c.folders, e.name)
		case isImage(e.name):
			c.images = append(c.images, e.name)
		case isIDXImages(e.name):
			c.idx = append(c.idx, e.name)
		case ext == ".csv":
			c.csvs = append(c.csvs, e.name)
		case ext == ".npy":
			c.npys = append(c.npys, e.name)
		case ext == ".npz":
			c.npzs = append(c.npzs, e.name)
		}
	}
	switch {
	case len(c.npys) > 0:
		return openCIFARC(dir, c.npys)
	case len(c.idx) > 0:
		return openIDXFolder(dir, c.idx)
	case len(c.csvs) > 0 && len(c.images)+len(c.folders) > 0:
		table, err := chooseCSV(dir, c.csvs)
		if err != nil {
			return nil, err
		}
		return openCSV(dir, table, o)
	case len(c.images) > 0:
		return openFlat(dir, c, o)
	case len(c.npzs) == 1 && len(c.folders) == 0:
		return openNPZ(filepath.Join(dir, c.npzs[0]))
	case len(c.folders) > 0:
		return openTree(dir, c.folders, o)
	}
	return nil, fmt.Errorf("stimulus: folder %s holds no images (%s)", dir, imageExtensions)
}

// imageExtensions are those whose files are listed; whether they really hold an image shows when they are loaded.
const imageExtensions = "png, jpg, jpeg, webp, bmp, gif, tif, tiff"

func isImage(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff":
		return true
	}
	return false
}

type entry struct {
	name   string
	folder bool
}

// visible lists a folder in byte order without what systems hide in it. Links count as what they point to.
func visible(dir string) ([]entry, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("stimulus: %w", err)
	}
	out := make([]entry, 0, len(list))
	for _, e := range list {
		name := e.Name()
		if hidden(name) {
			continue
		}
		folder := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				return nil, fmt.Errorf("stimulus: %w", err)
			}
			folder = info.IsDir()
		}
		out = append(out, entry{name, folder})
	}
	return out, nil
}

func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX" || strings.EqualFold(name, "Thumbs.db") || strings.EqualFold(name, "desktop.ini")
}

// few joins the first names of a list and counts the rest.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// byID sorts items by the bytes of their names, which no locale or file system changes.
func byID(items []Item) {
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.ID, b.ID) })
}
