package corrupt

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
)

// TestOwnTexturesResembleThePublished reads the published textures and holds the looks of the package's own to their sizes, means and deviations.
func TestOwnTexturesResembleThePublished(t *testing.T) {
	published, err := LoadTextures(golden.Dir(t, "corruptions/frost"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range texturesUsed {
		theirs, own := published.texture(i, 1), grownTextures().texture(i, 1)
		if theirs.Width != own.Width || theirs.Height != own.Height {
			t.Errorf("texture %d: own %d×%d, published %d×%d", i+1, own.Width, own.Height, theirs.Width, theirs.Height)
		}
		for c := range 3 {
			m, s := levels(theirs, c)
			ownM, ownS := levels(own, c)
			if d := m - ownM; d < -4 || d > 4 {
				t.Errorf("texture %d, channel %d: mean %.1f, published %.1f", i+1, c, ownM, m)
			}
			if d := s - ownS; d < -4 || d > 4 {
				t.Errorf("texture %d, channel %d: deviation %.1f, published %.1f", i+1, c, ownS, s)
			}
		}
	}
}

// levels returns the mean and the deviation of a channel.
func levels(m *raster.Image, c int) (mean, deviation float64) {
	n := float64(m.Width * m.Height)
	for i := c; i < len(m.Pix); i += 3 {
		mean += float64(m.Pix[i]) / n
	}
	for i := c; i < len(m.Pix); i += 3 {
		d := float64(m.Pix[i]) - mean
		deviation += d * d / n
	}
	return mean, math.Sqrt(deviation)
}

func TestReduceByAFifthDecimates(t *testing.T) {
	m := raster.New(50, 35)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7)
	}
	small := reduce(m, 0.2)
	if small.Width != 10 || small.Height != 7 {
		t.Fatalf("size %d×%d, want 10×7", small.Width, small.Height)
	}
	for y := range small.Height {
		for x := range small.Width {
			if got, want := small.RGBAAt(x, y), m.RGBAAt(5*x+2, 5*y+2); got != want {
				t.Fatalf("(%d, %d) is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestLoadTexturesSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ dir, want string }{
		{filepath.Join(dir, "absent"), "no such file"},
		{dir, "frost1.png nor .jpg nor .jpeg exists; a folder of textures holds frost1 to frost5"},
	} {
		if _, err := LoadTextures(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "frost1.png"), []byte("\x89PNG\r\n\x1a\nno"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTextures(dir); err == nil || !strings.Contains(err.Error(), "frost1.png") {
		t.Errorf("a damaged texture: %v", err)
	}
}

func TestFrostUsesTheFolder(t *testing.T) {
	dir := t.TempDir()
	for i := range texturesUsed {
		file, err := os.Create(filepath.Join(dir, "frost"+string(rune('1'+i))+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(file, flatImage(40, 36, 100)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	textures, err := LoadTextures(dir)
	if err != nil {
		t.Fatal(err)
	}
	frost, _ := ByName("frost")
	w := Worker{Parameters: &imagenet224, Frost: textures}
	var dst raster.Image
	if err := w.Corrupt(&dst, flatImage(40, 36, 50), frost, 3, NewSource(1)); err != nil {
		t.Fatal(err)
	}
	for _, v := range dst.Pix {
		if v != 105 { // 0.7·50 + 0.7·100
			t.Fatalf("%d, want 105", v)
		}
	}
	err = w.Corrupt(&dst, flatImage(41, 36, 50), frost, 3, NewSource(1))
	if err == nil || !strings.Contains(err.Error(), "has 40×36 pixels, too few to cover an image of 41×36") {
		t.Errorf("too small a texture: %v", err)
	}
	w.Parameters = &anySize // enlarges
	if err := w.Corrupt(&dst, flatImage(90, 50, 50), frost, 3, NewSource(1)); err != nil {
		t.Fatal(err)
	}
	for _, v := range dst.Pix {
		if v < 104 || v > 105 {
			t.Fatalf("%d, want 105", v)
		}
	}
}
