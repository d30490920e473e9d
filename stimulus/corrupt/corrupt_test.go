package corrupt

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"visus/stimulus/raster"
)

// picture is a synthetic scene: two gradients, a disk, stripes and some texture.
func picture(width, height int) *raster.Image {
	m := raster.New(width, height)
	for y := range height {
		for x := range width {
			p := m.Pix[3*(y*width+x):]
			u, v := float64(x)/float64(width), float64(y)/float64(height)
			p[0], p[1], p[2] = uint8(255*u), uint8(200*v+20), uint8(90+60*math.Sin(25*u)*math.Cos(17*v))
			if math.Hypot(u-0.4, v-0.6) < 0.2 {
				p[0], p[1], p[2] = 230, uint8(40+x%9*5), 60
			}
			if y%16 < 2 {
				p[0], p[1], p[2] = 255-p[0], p[0], p[1]
			}
		}
	}
	return m
}

func flat(width, height int, value uint8) *raster.Image {
	m := raster.New(width, height)
	for i := range m.Pix {
		m.Pix[i] = value
	}
	return m
}

// everywhere runs a test for each corruption and severity.
func everywhere(t *testing.T, do func(t *testing.T, c Corruption, severity int)) {
	for _, c := range All {
		for severity := 1; severity <= Severities; severity++ {
			t.Run(fmt.Sprintf("%s/%d", c.Name, severity), func(t *testing.T) { do(t, c, severity) })
		}
	}
}

// smallSets are sets and sizes that they serve, small enough to run everything.
var smallSets = []struct {
	set           *Parameters
	width, height int
}{{&cifar32, 32, 32}, {&tiny64, 64, 64}, {&imagenet224, 64, 64}, {&anySize, 50, 37}}

// TestFlat says that images without any structure give numbers: division by zero contrast, brightness or noise must not leave NaN behind.
func TestFlat(t *testing.T) {
	everywhere(t, func(t *testing.T, c Corruption, severity int) {
		for _, small := range smallSets {
			w := &Worker{Parameters: small.set}
			for _, value := range []uint8{0, 1, 128, 255} {
				var dst raster.Image
				if err := w.Corrupt(&dst, flat(small.width, small.height, value), c, severity, NewSource(1)); err != nil {
					t.Fatalf("%s: %v", small.set.Name, err)
				}
				if w.job.bytes {
					continue
				}
				for i, v := range w.job.out {
					if !(v >= 0 && v <= 255) {
						t.Fatalf("%s, all %d: value %d is %v", small.set.Name, value, i, v)
					}
				}
			}
		}
	})
}

// TestRepeatable says that the result depends on image, severity and seed only: not on the worker's past, nor on dst, and src stays.
func TestRepeatable(t *testing.T) {
	used := new(Worker)
	everywhere(t, func(t *testing.T, c Corruption, severity int) {
		for _, small := range smallSets {
			src := picture(small.width, small.height)
			before := src.Clone()
			first, second, third := raster.New(3, 2), new(raster.Image), new(raster.Image)
			used.Parameters = small.set
			for dst, w := range map[*raster.Image]*Worker{first: used, second: {Parameters: small.set}} {
				if err := w.Corrupt(dst, src, c, severity, NewSource(42)); err != nil {
					t.Fatalf("%s: %v", small.set.Name, err)
				}
			}
			if !equal(first, second) {
				t.Errorf("%s: two workers differ", small.set.Name)
			}
			if !equal(before, src) {
				t.Errorf("%s: the source was changed", small.set.Name)
			}
			if err := used.Corrupt(third, src, c, severity, NewSource(43)); err != nil {
				t.Fatal(err)
			}
			if equal(first, third) == c.Random && c.Name != "glass_blur" && c.Name != "spatter" { // whose effect may be nil at 32 pixels
				t.Errorf("%s: two seeds give the same image: %v, the table says random: %v", small.set.Name, !c.Random, c.Random)
			}
		}
	})
}

func equal(a, b *raster.Image) bool {
	return a.Width == b.Width && a.Height == b.Height && string(a.Pix) == string(b.Pix)
}

// TestAllocations says that a worker which has seen an image of a size allocates nothing for the next.
func TestAllocations(t *testing.T) {
	everywhere(t, func(t *testing.T, c Corruption, severity int) {
		for _, small := range smallSets {
			src, source := picture(small.width, small.height), NewSource(1)
			w := Worker{Parameters: small.set}
			var dst raster.Image
			n := testing.AllocsPerRun(2, func() {
				source.Reset(9)
				if err := w.Corrupt(&dst, src, c, severity, source); err != nil {
					t.Fatal(err)
				}
			})
			if n > 0 {
				t.Errorf("%s: %v allocations an image", small.set.Name, n)
			}
		}
	})
}

// TestSizes says that an image of any size is corrupted or refused with an error that names corruption and cause, never by a panic.
func TestSizes(t *testing.T) {
	sizes := [][2]int{{1, 1}, {2, 1}, {1, 7}, {3, 3}, {5, 9}, {12, 12}, {31, 31}, {32, 32}, {33, 47}, {32, 100}, {70, 40}}
	everywhere(t, func(t *testing.T, c Corruption, severity int) {
		served := 0
		for _, set := range sets {
			w := Worker{Parameters: set}
			for _, size := range sizes {
				var dst raster.Image
				err := w.Corrupt(&dst, picture(size[0], size[1]), c, severity, NewSource(1))
				switch {
				case err == nil:
					served++
				case !strings.HasPrefix(err.Error(), "corrupt: "+c.Name+": "):
					t.Errorf("%s, %d×%d: error %q", set.Name, size[0], size[1], err)
				case set.Port && min(size[0], size[1]) >= LeastSide:
					t.Errorf("%s refuses %d×%d: %v", set.Name, size[0], size[1], err)
				}
			}
			if set.Size <= 64 && set.Size > 0 {
				var dst raster.Image
				if err := w.Corrupt(&dst, picture(set.Size, set.Size), c, severity, NewSource(1)); err != nil {
					t.Errorf("%s refuses its own size: %v", set.Name, err)
				}
			}
		}
		if served == 0 {
			t.Error("no size was served")
		}
	})
}

func TestAsPublished(t *testing.T) {
	src := picture(64, 64)
	fog, _ := ByName("fog")
	var plain, published raster.Image
	for dst, w := range map[*raster.Image]*Worker{&plain: {}, &published: {AsPublished: true}} {
		if err := w.Corrupt(dst, src, fog, 3, NewSource(1)); err != nil {
			t.Fatal(err)
		}
	}
	worst := 0
	for i, v := range plain.Pix {
		worst = max(worst, int(v)-int(published.Pix[i]), int(published.Pix[i])-int(v))
	}
	if worst == 0 || worst > 120 {
		t.Errorf("JPEG of quality 85 changed values by at most %d, want a mild change", worst)
	}
}

func TestErrors(t *testing.T) {
	c := func(name string) Corruption { c, _ := ByName(name); return c }
	good := picture(32, 32)
	for _, bad := range []struct {
		dst, src   *raster.Image
		corruption Corruption
		severity   int
		set        *Parameters
		random     Random
		want       string
	}{
		{new(raster.Image), good, c("fog"), 0, nil, NewSource(1), "corrupt: fog: severity 0 is outside 1..5"},
		{new(raster.Image), good, c("fog"), 6, nil, NewSource(1), "corrupt: fog: severity 6 is outside 1..5"},
		{new(raster.Image), good, Corruption{Name: "fgo"}, 1, nil, NewSource(1), `corrupt: "fgo" is not one of the corruptions of All`},
		{good, good, c("fog"), 1, nil, NewSource(1), "corrupt: fog: needs a source image and another one for the result"},
		{new(raster.Image), nil, c("fog"), 1, nil, NewSource(1), "corrupt: fog: needs a source image"},
		{new(raster.Image), &raster.Image{Width: 4, Height: 4, Pix: make([]uint8, 16)}, c("fog"), 1, nil, NewSource(1), "corrupt: fog: 16 bytes are not an RGB image of 4×4 pixels"},
		{new(raster.Image), picture(31, 90), c("fog"), 1, nil, NewSource(1), `corrupt: fog: the image is 31×90, parameters "any" need at least 32 pixels a side`},
		{new(raster.Image), good, c("fog"), 1, nil, nil, "corrupt: fog: draws random numbers, but no source was given"},
		{new(raster.Image), picture(64, 64), c("fog"), 1, &cifar32, NewSource(1), `corrupt: fog: severity 1: parameters "cifar32" make a fog of 32×32, too small for an image of 64×64`},
		{new(raster.Image), good, c("shot_noise"), 1, &Parameters{}, NewSource(1), "corrupt: shot_noise: severity 1: 0 photons at full intensity are outside (0, 1e+06]"},
	} {
		err := (&Worker{Parameters: bad.set}).Corrupt(bad.dst, bad.src, bad.corruption, bad.severity, bad.random)
		if err == nil || !strings.HasPrefix(err.Error(), bad.want) {
			t.Errorf("error %v, want %q", err, bad.want)
		}
	}
}

func TestTowardZero(t *testing.T) {
	for _, v := range []float64{0, 1, 84.99999999999999, 85, 85.00000000000001, 254.99999999, 255, 1e-30} {
		if f := float64(towardZero(v)); f > v || math.Floor(f) != math.Floor(v) || v-f > 1e-7*v {
			t.Errorf("%v became %v", v, f)
		}
	}
}

// BenchmarkCorruptions times every corruption at 224 pixels; an operation is one image, severities 1 to 5 in turn.
func BenchmarkCorruptions(b *testing.B) {
	src := picture(224, 224)
	for _, c := range All {
		b.Run(c.Name, func(b *testing.B) {
			var w Worker
			var dst raster.Image
			source := NewSource(1)
			run := func(i int) {
				source.Reset(Seed(1, c.Name, 1+i%Severities, i))
				if err := w.Corrupt(&dst, src, c, 1+i%Severities, source); err != nil {
					b.Fatal(err)
				}
			}
			for i := range Severities { // buffers and tables
				run(i)
			}
			i := 0
			for b.Loop() {
				run(i)
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
