package plasma

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
)

func uniforms(r *rand.Rand, count *int) func([]float64) {
	return func(dst []float64) {
		*count += len(dst)
		for i := range dst {
			dst[i] = r.Float64()
		}
	}
}

func TestMap(t *testing.T) {
	var m Maker
	for _, side := range []int{2, 4, 64} {
		cells, count := make([]float64, side*side), 0
		if err := m.Map(cells, side, 2, uniforms(rand.New(rand.NewPCG(1, 1)), &count)); err != nil {
			t.Fatal(err)
		}
		low, high := 2.0, -1.0
		for _, v := range cells {
			low, high = math.Min(low, v), math.Max(high, v)
		}
		if low != 0 || high != 1 || count != side*side-1 {
			t.Errorf("side %d: values %v..%v, want 0..1; %d draws, want %d", side, low, high, count, side*side-1)
		}
	}
}

// TestFlat says that a map without noise is 0, not 0/0.
func TestFlat(t *testing.T) {
	cells := make([]float64, 16)
	half := func(dst []float64) {
		for i := range dst {
			dst[i] = 0.5
		}
	}
	if err := new(Maker).Map(cells, 4, 2, half); err != nil {
		t.Fatal(err)
	}
	for _, v := range cells {
		if v != 0 {
			t.Fatalf("flat map holds %v", cells)
		}
	}
}

func TestBadMap(t *testing.T) {
	for _, c := range []struct {
		cells, side int
		decay       float64
		want        string
	}{
		{9, 3, 2, "9 cells do not fill a square whose side 3"},
		{15, 4, 2, "15 cells do not fill a square whose side 4"},
		{16, 4, 0, "decay 0 must be above 0"},
		{16, 4, math.NaN(), "decay NaN must be above 0"},
	} {
		err := new(Maker).Map(make([]float64, c.cells), c.side, c.decay, func([]float64) {})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("side %d, decay %v: error %v, want %q", c.side, c.decay, err, c.want)
		}
	}
}

// TestGoldenMap compares with maps of the reference that were drawn from the start of the golden tape; keys are map/<side>/<decay>.
func TestGoldenMap(t *testing.T) {
	dir := golden.Dir(t, "corruptions/golden")
	tape := golden.Arrays(t, filepath.Join(dir, "tape.npz"))["uniform"].Floats()
	compared, worst := 0, 0.0
	for _, file := range golden.Files(t, "corruptions/golden", "plasma*.npz") {
		for name, array := range golden.Arrays(t, file) {
			parts := strings.Split(name, "/")
			if len(parts) != 3 || parts[0] != "map" {
				t.Fatalf("%s: key %q is not map/<side>/<decay>", file, name)
			}
			side, err := strconv.Atoi(parts[1])
			if err != nil {
				t.Fatal(err)
			}
			decay, err := strconv.ParseFloat(parts[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			cells := make([]float64, side*side)
			err = new(Maker).Map(cells, side, decay, func(dst []float64) {
				for i := range dst {
					dst[i] = tape[at%len(tape)]
					at++
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			want := array.Floats()
			for i, v := range cells {
				worst = math.Max(worst, math.Abs(v-want[i]))
			}
			compared++
		}
	}
	if compared == 0 || worst > 1e-6 {
		t.Errorf("worst deviation %g of %d maps, want at most 1e-6 of at least one", worst, compared)
	}
	t.Logf("compared %d cases, worst deviation %g", compared, worst)
}

func BenchmarkMap256(b *testing.B) {
	var m Maker
	cells := make([]float64, 256*256)
	for b.Loop() {
		if err := m.Map(cells, 256, 2, func([]float64) {}); err != nil {
			b.Fatal(err)
		}
	}
}
