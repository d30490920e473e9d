package corruption

import (
	"path/filepath"
	"slices"
	"testing"

	"visus/stimulus"
	"visus/stimulus/raster"
)

type items []stimulus.Item

func (s items) Len() int                         { return len(s) }
func (s items) Item(i int) stimulus.Item         { return s[i] }
func (s items) Image(int) (*raster.Image, error) { return raster.New(1, 1), nil }

func TestFileNames(t *testing.T) {
	got := FileNames(items{
		{ID: "cat/a.jpg", Category: "cat"}, {ID: "cat/a.png", Category: "cat"}, {ID: "cat/deep/b.JPEG", Category: "cat"}, // class folders
		{ID: "cats.png", Category: "cat"}, {ID: "x/1.png", Category: "../../etc"}, {ID: "y/1.png", Category: "great white shark"}, // a CSV
		{ID: "plain.webp"}, {ID: "lossless600/17", Category: "3"},
	}, "png")
	want := []string{
		"cat/a.jpg.png", "cat/a.png.png", "cat/deep/b.png",
		"cat/cats.png", "_._.._etc/x/1.png", "great white shark/y/1.png",
		"plain.png", "3/17.png",
	}
	for i := range want {
		want[i] = filepath.FromSlash(want[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q,\nwant  %q", got, want)
	}
}
