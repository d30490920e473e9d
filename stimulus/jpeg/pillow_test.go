package jpeg

import (
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// formula is the picture that the files of testdata show: Pillow 13 wrote them, and the checksums are of the pixels that it reads from them.
func formula(width, height int) []uint8 {
	pix := make([]uint8, 3*width*height)
	for i := range pix {
		x, y, c := i/3%width, i/3/width, i%3
		pix[i] = uint8(x*7*(c+1) + y*5 + (x*x+y*y*3)/(9-2*c))
	}
	return pix
}

type pillow struct {
	Files []struct {
		File          string
		Width, Height int
		CRC32         uint32
	}
	RoundTrips []struct {
		Width, Height, Quality int
		CRC32                  uint32
	} `json:"round_trips"`
}

func readPillow(t testing.TB) pillow {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pillow.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p pillow
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Files) == 0 || len(p.RoundTrips) == 0 {
		t.Fatal("testdata/pillow.json holds no cases")
	}
	return p
}

// TestFilesAsLibjpeg covers what Encode does not write: progressive scans, restart markers, other samplings, grey, CMYK and RGB.
func TestFilesAsLibjpeg(t *testing.T) {
	for _, c := range readPillow(t).Files {
		data, err := os.ReadFile(filepath.Join("testdata", c.File))
		if err != nil {
			t.Fatal(err)
		}
		pix, width, height, err := Decode(data)
		if err != nil || width != c.Width || height != c.Height {
			t.Errorf("%s: %d×%d, %v; want %d×%d", c.File, width, height, err, c.Width, c.Height)
			continue
		}
		if got := crc32.ChecksumIEEE(pix); got != c.CRC32 {
			t.Errorf("%s: other pixels than libjpeg's", c.File)
		}
		for n := range data { // damage of any length is an error or a picture, never a panic
			Decode(data[:n])
		}
	}
}

// TestRoundTripAsLibjpeg covers sizes that are no multiples of a block: 16, 8, odd, one pixel.
func TestRoundTripAsLibjpeg(t *testing.T) {
	for _, c := range readPillow(t).RoundTrips {
		pix := formula(c.Width, c.Height)
		RoundTrip(pix, pix, c.Width, c.Height, c.Quality, nil)
		if got := crc32.ChecksumIEEE(pix); got != c.CRC32 {
			t.Errorf("%d×%d at quality %d: other pixels than libjpeg's", c.Width, c.Height, c.Quality)
		}
	}
}
