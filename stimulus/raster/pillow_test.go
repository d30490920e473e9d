package raster

import (
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// picture names pixels by their checksum.
type picture struct {
	Width, Height int
	CRC32         uint32
}

func pictureOf(m *Image) picture { return picture{m.Width, m.Height, crc32.ChecksumIEEE(m.Pix)} }

// TestFilesAsPillow reads the files of testdata, which Pillow 13 wrote, and compares with the pixels that it reads from them.
func TestFilesAsPillow(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "pillow.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Files []struct {
			File string
			picture
			Upright *picture // where the file has an EXIF orientation
		}
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Files) == 0 {
		t.Fatal("testdata/pillow.json holds no cases")
	}
	for _, c := range index.Files {
		for _, orient := range []bool{false, true} {
			want := c.picture
			if orient && c.Upright != nil {
				want = *c.Upright
			}
			m, err := ReadFile(filepath.Join("testdata", c.File), Options{Orient: orient})
			if err != nil {
				t.Error(err)
				continue
			}
			if got := pictureOf(m); got != want {
				t.Errorf("%s, orient %v: %v, want %v", c.File, orient, got, want)
			}
		}
		whole, err := os.ReadFile(filepath.Join("testdata", c.File))
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole { // damage of any length is an error or a picture, never a panic
			Decode(whole[:n])
		}
	}
}
