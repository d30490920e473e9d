package corrupt

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"

	"visus/stimulus/ice"
	"visus/stimulus/raster"
)

// texturesUsed is how many frost textures there are to draw from. The reference holds a sixth, which its randint never reaches.
const texturesUsed = 5

// Textures are the five images of frost that frost lays over stimuli. They are safe for concurrent use.
type Textures struct {
	load   [texturesUsed]func() *raster.Image
	mutex  sync.Mutex
	scaled map[scaledTexture]*raster.Image
}

type scaledTexture struct {
	index int
	scale float64
}

// looks imitates the published textures: their sizes, and the mean and deviation of their channels rounded to whole levels (measured
// on frost1.png ... frost5.jpg of hendrycks/robustness). The share of clouds gives them the correlation of pixels 10 apart that the published
// ones have, on which the cost of frost depends most where textures are reduced (CIFAR, Tiny-ImageNet). Lengths were chosen by eye.
var looks = [texturesUsed]ice.Look{
	{Width: 900, Height: 600, Mean: [3]float64{78, 149, 166}, Deviation: [3]float64{27, 16, 15}, Length: 40, Cloud: 0.62},
	{Width: 560, Height: 315, Mean: [3]float64{201, 205, 214}, Deviation: [3]float64{21, 22, 23}, Length: 45, Cloud: 0.52},
	{Width: 560, Height: 315, Mean: [3]float64{201, 205, 214}, Deviation: [3]float64{21, 22, 23}, Length: 45, Cloud: 0.52},
	{Width: 527, Height: 350, Mean: [3]float64{138, 153, 165}, Deviation: [3]float64{28, 28, 30}, Length: 35, Cloud: 0.42},
	{Width: 660, Height: 495, Mean: [3]float64{112, 123, 135}, Deviation: [3]float64{44, 43, 42}, Length: 60, Cloud: 0.44},
}

// grownTextures are this package's own textures, each grown when it is first drawn. They never change after that.
var grownTextures = sync.OnceValue(func() *Textures {
	t := new(Textures)
	for i, look := range looks {
		t.load[i] = sync.OnceValue(func() *raster.Image { return ice.Grow(uint64(i+1), look) })
	}
	return t
})

// LoadTextures reads frost1 ... frost5 (.png, .jpg or .jpeg) from a folder: the published textures of ImageNet-C, or others. The
// error names the file that is missing or damaged.
func LoadTextures(dir string) (*Textures, error) {
	t := new(Textures)
	for i := range t.load {
		m, err := loadTexture(filepath.Join(dir, fmt.Sprintf("frost%d", i+1)))
		if err != nil {
			return nil, err
		}
		t.load[i] = func() *raster.Image { return m }
	}
	return t, nil
}

func loadTexture(path string) (*raster.Image, error) {
	for _, extension := range []string{".png", ".jpg", ".jpeg"} {
		m, err := raster.ReadFile(path+extension, raster.Options{})
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("corrupt: frost texture: %w", err)
		}
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("corrupt: frost textures: %w", err)
	}
	return nil, fmt.Errorf("corrupt: frost texture: neither %s.png nor .jpg nor .jpeg exists; a folder of textures holds frost1 to frost%d", path, texturesUsed)
}

// texture returns a texture, reduced by scale; 0 and 1 leave it as it is.
func (t *Textures) texture(index int, scale float64) *raster.Image {
	m := t.load[index]()
	if scale == 0 || scale == 1 {
		return m
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	key := scaledTexture{index, scale}
	if small, ok := t.scaled[key]; ok {
		return small
	}
	if t.scaled == nil {
		t.scaled = map[scaledTexture]*raster.Image{}
	}
	small := reduce(m, scale)
	t.scaled[key] = small
	return small
}

// reduce resizes as OpenCV's INTER_LINEAR does on 8 bits: no antialiasing, weights of 11 bits, the two passes' sums shortened on the way.
func reduce(m *raster.Image, scale float64) *raster.Image {
	out := raster.New(int(math.RoundToEven(float64(m.Width)*scale)), int(math.RoundToEven(float64(m.Height)*scale)))
	columns, rows := linearTaps(m.Width, out.Width, scale), linearTaps(m.Height, out.Height, scale)
	for y, r := range rows {
		upper, lower := m.Pix[3*m.Width*r.first:], m.Pix[3*m.Width*r.second:]
		for x, c := range columns {
			for k := range 3 {
				a := int32(upper[3*c.first+k])*c.weight + int32(upper[3*c.second+k])*(2048-c.weight)
				b := int32(lower[3*c.first+k])*c.weight + int32(lower[3*c.second+k])*(2048-c.weight)
				v := ((r.weight*(a>>4))>>16 + ((2048-r.weight)*(b>>4))>>16 + 2) >> 2
				out.Pix[3*(y*out.Width+x)+k] = uint8(v)
			}
		}
	}
	return out
}

// linearTap is a pair of neighbours; weight is that of the first, in 1/2048.
type linearTap struct {
	first, second int
	weight        int32
}

func linearTaps(from, to int, scale float64) []linearTap {
	taps := make([]linearTap, to)
	for i := range taps {
		at := (float64(i)+0.5)/scale - 0.5
		left := int(math.Floor(at))
		t := float32(at - float64(left))
		if left < 0 {
			left, t = 0, 0
		}
		if left >= from-1 {
			left, t = from-1, 0
		}
		taps[i] = linearTap{left, min(left+1, from-1), int32(math.RoundToEven(float64((1 - t) * 2048)))}
	}
	return taps
}
