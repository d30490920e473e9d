package corrupt

import (
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

const goldenFolder = "corruptions/golden"

// tape is the golden source: cyclic normals and uniforms, and counts that were stored beside the result.
type tape struct {
	normals, uniforms, counts []float64
	z, u                      int // consumed
}

func (s *tape) Normal(dst []float64) {
	for i := range dst {
		dst[i] = s.normals[s.z%len(s.normals)]
		s.z++
	}
}

func (s *tape) Uniform(dst []float64) {
	for i := range dst {
		dst[i] = s.uniforms[s.u%len(s.uniforms)]
		s.u++
	}
}

func (s *tape) Integers(dst []int32, low, high int) {
	var u [1]float64
	for i := range dst {
		s.Uniform(u[:])
		dst[i] = int32(low) + int32(math.Floor(float64(high-low)*u[0]))
	}
}

func (s *tape) Poisson(dst []float64, _ *[256]float64, _ []uint8) {
	n := copy(dst, s.counts)
	s.counts = s.counts[n:]
}

// tolerance says how near a result comes to the reference's: all but a share of the values within near, the rest within far, both on
// the 0..255 scale.
type tolerance struct{ near, share, far float64 }

// tolerances of section 16 of the specification. The reasons: values that are integers in exact arithmetic truncate either way; the
// reference filters with a DFT or in float32 where we do not; its Canny edges and its copies repeat such a difference.
func toleranceOf(corruption string, bytes, port bool) tolerance {
	share := map[string]float64{
		"motion_blur": 0, "pixelate": 0.001, "jpeg_compression": 0.001, "brightness": 0.001, "contrast": 0.001, "saturate": 0.001,
		"gaussian_blur": 0.001, "glass_blur": 0.001, "spatter": 0.01, "elastic_transform": 0.01,
	}
	copied := corruption == "glass_blur" || corruption == "spatter" || corruption == "elastic_transform"
	switch s, ok := share[corruption]; {
	case !bytes && corruption == "defocus_blur":
		return tolerance{near: 1e-2}
	case !bytes && copied:
		return tolerance{near: 2e-3, share: s, far: 1 + 2e-3}
	case !bytes:
		return tolerance{near: 2e-3}
	case port && corruption == "frost":
		return tolerance{share: 1, far: 2}
	case port && !copied:
		return tolerance{share: 0.005, far: 1}
	case ok:
		return tolerance{share: s, far: 1}
	default:
		return tolerance{share: 0.005, far: 1}
	}
}

// goldenCase is one stored result.
type goldenCase struct {
	name       string
	set        *Parameters
	corruption string
	severity   int
	input      *raster.Image
	want       []float64
	bytes      bool // whether want was truncated
	random     Random
	draws      *drawCount
}

type drawCount struct {
	Z int `json:"z_used"`
	U int `json:"u_used"`
}

// score collects the deviations of one corruption's cases.
type score struct {
	cases int
	worst float64
	share float64 // the largest share of values beyond near
}

func (c goldenCase) check(t *testing.T, w *Worker, scores map[string]*score) {
	t.Helper()
	corruption, ok := ByName(c.corruption)
	if !ok {
		t.Errorf("%s: no corruption %q", c.name, c.corruption)
		return
	}
	var dst raster.Image
	w.Parameters = c.set
	if err := w.Corrupt(&dst, c.input, corruption, c.severity, c.random); err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	got := make([]float64, len(dst.Pix))
	for i, v := range dst.Pix {
		got[i] = float64(v)
		if !c.bytes && !w.job.bytes {
			got[i] = float64(w.job.out[i])
		}
	}
	if len(got) != len(c.want) {
		t.Errorf("%s: %d values, want %d", c.name, len(got), len(c.want))
		return
	}
	s := scores[c.corruption]
	if s == nil {
		s = new(score)
		scores[c.corruption] = s
	}
	s.cases++
	limit := toleranceOf(c.corruption, c.bytes, c.set.Port)
	beyond, worst := 0, 0.0
	for i, v := range got {
		d := math.Abs(v - c.want[i])
		worst = max(worst, d)
		if !(d <= limit.near) {
			beyond++
		}
	}
	share := float64(beyond) / float64(len(got))
	s.worst, s.share = max(s.worst, worst), max(s.share, share)
	if share > limit.share || worst > max(limit.near, limit.far) {
		t.Errorf("%s: worst deviation %.4g, %.3f %% of the values beyond %g; allowed: %g, %.3f %%",
			c.name, worst, 100*share, limit.near, max(limit.near, limit.far), 100*limit.share)
	}
	if tape, ok := c.random.(*tape); ok && c.draws != nil && (tape.z != c.draws.Z || tape.u != c.draws.U) {
		t.Errorf("%s: drew %d normals and %d uniforms, want %d and %d", c.name, tape.z, tape.u, c.draws.Z, c.draws.U)
	}
}

func report(t *testing.T, scores map[string]*score) {
	t.Helper()
	total := 0
	for _, c := range All {
		if s := scores[c.Name]; s != nil {
			t.Logf("%-18s %3d cases, worst %.3g, at most %.3f %% of the values beyond", c.Name, s.cases, s.worst, 100*s.share)
			total += s.cases
		}
	}
	t.Logf("compared %d cases", total)
	if total == 0 {
		t.Error("no case was compared")
	}
}

// setOf finds the parameter set by which a golden file's name begins.
func setOf(path string) *Parameters {
	name := filepath.Base(path)
	for _, p := range sets {
		if strings.HasPrefix(name, p.Name) {
			return p
		}
	}
	if strings.HasPrefix(name, "imagecorruptions") {
		return &anySize
	}
	return nil
}

// goldenWorker returns a worker with the published frost textures.
func goldenWorker(t *testing.T) *Worker {
	t.Helper()
	textures, err := LoadTextures(golden.Dir(t, "corruptions/frost"))
	if err != nil {
		t.Fatal(err)
	}
	return &Worker{Frost: textures}
}

func readTape(t *testing.T) (normals, uniforms []float64) {
	t.Helper()
	arrays := golden.Arrays(t, filepath.Join(golden.Dir(t, goldenFolder), "tape.npz"))
	return arrays["normal"].Floats(), arrays["uniform"].Floats()
}

// readDraws returns the draw counts of the first of the files that exists.
func readDraws(t *testing.T, files ...string) map[string]drawCount {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(file); err == nil {
			return golden.JSON[map[string]drawCount](t, file)
		}
	}
	return nil
}

// TestGoldenArrays compares with every NPZ file that is named for a parameter set. Keys are <corruption>/<severity>, followed in some files
// by /<input> or by /seed<k>, which means numpy.random.seed(k) instead of the tape.
func TestGoldenArrays(t *testing.T) {
	normals, uniforms := readTape(t)
	for _, file := range golden.Files(t, goldenFolder, "*.npz") {
		set := setOf(file)
		if set == nil {
			continue // other golden data: kernels, steps, plasma, the tape
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			arrays := golden.Arrays(t, file)
			base := strings.TrimSuffix(file, ".npz")
			draws := readDraws(t, base+"_draws.json", base[:max(strings.LastIndex(base, "_"), 0)]+"_draws.json")
			scores := map[string]*score{}
			w := goldenWorker(t)
			for _, key := range sortedKeys(arrays) {
				parts := strings.Split(key, "/")
				if parts[0] == "input" || parts[0] == "shot_counts" {
					continue
				}
				c := goldenCase{name: key, set: set, corruption: parts[0], severity: number(t, parts[1])}
				c.want, c.bytes = arrays[key].Floats(), arrays[key].Type() == tensor.Uint8
				source, input := &tape{normals: normals, uniforms: uniforms}, "input"
				c.random = source
				if len(parts) == 3 {
					if seed, ok := strings.CutPrefix(parts[2], "seed"); ok {
						c.random = NewNumPySource(uint32(number(t, seed)))
					} else {
						input = "input/" + parts[2]
						if counts := arrays["shot_counts/"+parts[1]+"/"+parts[2]]; counts != nil {
							source.counts = counts.Floats()
						}
					}
				}
				c.input = imageOf(t, arrays[input])
				if d, ok := draws[key]; ok {
					c.draws = &d
				}
				c.check(t, w, scores)
			}
			report(t, scores)
		})
	}
}

// TestGoldenImages compares with every folder <set>_<X> of images <corruption>_<severity>.png made of source_<X>_<size>.png.
func TestGoldenImages(t *testing.T) {
	normals, uniforms := readTape(t)
	for _, dir := range golden.Files(t, goldenFolder, "*_*") {
		set := setOf(dir)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || set == nil {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			letter := filepath.Base(dir)[len(set.Name)+1:]
			input := readPNG(t, filepath.Join(filepath.Dir(dir), fmt.Sprintf("source_%s_%d.png", letter, set.Size)))
			draws := readDraws(t, filepath.Join(dir, "draws.json"))
			scores := map[string]*score{}
			w := goldenWorker(t)
			for _, file := range golden.Files(t, goldenFolder, filepath.Base(dir)+"/*.png") {
				name := strings.TrimSuffix(filepath.Base(file), ".png")
				cut := strings.LastIndex(name, "_")
				c := goldenCase{name: name, set: set, corruption: name[:cut], severity: number(t, name[cut+1:]), input: input, bytes: true}
				for _, v := range readPNG(t, file).Pix {
					c.want = append(c.want, float64(v))
				}
				c.random = &tape{normals: normals, uniforms: uniforms}
				if d, ok := draws[name]; ok {
					c.draws = &d
				}
				c.check(t, w, scores)
			}
			report(t, scores)
		})
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func imageOf(t *testing.T, array *tensor.Tensor) *raster.Image {
	t.Helper()
	if array == nil || len(array.Shape()) != 3 {
		t.Fatal("the golden file lacks its input image")
	}
	return &raster.Image{Height: array.Shape()[0], Width: array.Shape()[1], Pix: tensor.Values[uint8](array)}
}

func readPNG(t *testing.T, path string) *raster.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoded, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	m := raster.New(decoded.Bounds().Dx(), decoded.Bounds().Dy())
	for y := range m.Height {
		for x := range m.Width {
			r, g, b, _ := decoded.At(x, y).RGBA()
			p := m.Pix[3*(y*m.Width+x):]
			p[0], p[1], p[2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
		}
	}
	return m
}
