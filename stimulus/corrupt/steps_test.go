package corrupt

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/internal/vec"
	"visus/stimulus/edge"
	"visus/stimulus/filter"
	"visus/stimulus/raster"
	"visus/stimulus/warp"
	"visus/tensor"
)

// steps compares the intermediate results of one corruption's law with the stored ones of the same key.
type steps struct {
	t        *testing.T
	arrays   map[string]*tensor.Tensor
	prefix   string // "spatter/1/"
	compared map[string]bool
	worst    float64
}

func (s *steps) compare(name string, got []float64, tolerance float64) {
	s.t.Helper()
	want := s.arrays[s.prefix+name]
	if want == nil {
		return
	}
	values := want.Floats()
	if len(got) != len(values) {
		s.t.Errorf("%s%s: %d values, want %d", s.prefix, name, len(got), len(values))
		return
	}
	if want.Type() == tensor.Uint8 {
		tolerance = 0
	}
	deviation := 0.0
	for i, v := range values {
		deviation = max(deviation, math.Abs(got[i]-v))
	}
	if deviation > tolerance {
		s.t.Errorf("%s%s deviates by %g, allowed is %g", s.prefix, name, deviation, tolerance)
	}
	s.compared[s.prefix+name] = true
	s.worst = max(s.worst, deviation)
}

func doubles[T uint8 | float32 | float64](values []T, scale float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = scale * float64(v)
	}
	return out
}

// newJob makes the job that a law's steps run in.
func newJob(set *Parameters, severity int, src *raster.Image, random Random) *job {
	return &job{src: src, set: set, severity: severity, random: random, out: make([]float32, len(src.Pix)), pix: make([]uint8, len(src.Pix)), scratch: new(scratch)}
}

// TestGoldenSteps walks over every steps<size>.npz: <corruption>/<severity>/<step>, for source A of that size and the tape. Each
// operator is fed by the law's own earlier steps.
func TestGoldenSteps(t *testing.T) {
	normals, uniforms := readTape(t)
	for _, file := range golden.Files(t, goldenFolder, "steps*.npz") {
		side := number(t, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "steps"), ".npz"))
		set := ParametersFor(side, side)
		input := readPNG(t, filepath.Join(filepath.Dir(file), fmt.Sprintf("source_A_%d.png", side)))
		s := &steps{t: t, arrays: golden.Arrays(t, file), compared: map[string]bool{}}
		done := map[string]bool{}
		for _, key := range sortedKeys(s.arrays) {
			parts := strings.Split(key, "/")
			if s.prefix = parts[0] + "/" + parts[1] + "/"; done[s.prefix] {
				continue
			}
			done[s.prefix] = true
			j := newJob(set, number(t, parts[1]), input, &tape{normals: normals, uniforms: uniforms})
			switch parts[0] {
			case "spatter":
				s.spatter(j)
			case "elastic":
				s.elastic(j)
			case "snow":
				s.snow(j)
			default:
				t.Errorf("no steps of %q are known", parts[0])
			}
		}
		t.Logf("compared %d cases of %d, worst deviation %.2g", len(s.compared), len(s.arrays), s.worst)
		if len(s.compared) == 0 {
			t.Errorf("%s: no case was compared", file)
		}
	}
}

func (s *steps) spatter(j *job) {
	c := j.set.Spatter[j.severity-1]
	noise := make([]float64, len(j.src.Pix)/3)
	first := *j.random.(*tape)
	first.Normal(noise)
	for i, z := range noise {
		noise[i] = c.Mean + c.Deviation*z
	}
	s.compare("layer", noise, 1e-4)
	layer := j.splashes(c)
	s.compare("smoothed", doubles(layer, 1./255), 1e-4)
	if c.Mud {
		s.compare("mask", doubles(j.mudMask(layer, c), 1), 1e-4)
		return
	}
	mask := j.waterMask(layer, c)
	s.compare("mask", doubles(mask, 1), 1e-4)
	s.compare("liquid_u8", doubles(j.scratch.spatter.liquid, 1), 0)
	s.compare("canny", doubles(j.scratch.spatter.edges, 1), 0)
	s.compare("emboss_blur", doubles(j.scratch.spatter.relief, 1), 0)
	s.relief(j)
}

// relief follows what the law's relief passes on without keeping, each step from the stored one before.
func (s *steps) relief(j *job) {
	size := j.size()
	size.Channels = 1
	var work filter.Workspace
	var detector edge.Detector
	plane, bytes := make([]float32, size.Width*size.Height), make([]uint8, size.Width*size.Height)
	detector.Distance(plane, tensor.Values[uint8](s.arrays[s.prefix+"canny"]), size.Width, size.Height, 20)
	s.compare("distance", doubles(plane, 1), 1e-4)
	work.Square(plane, plane, size, ones, filter.Reflect101)
	vec.Clip(plane, 1./9, 0, 0, 255)
	vec.Truncate(bytes, plane)
	s.compare("dist_blur_u8", doubles(bytes, 1), 0)
	edge.Equalise(bytes)
	s.compare("equalized", doubles(bytes, 1), 0)
	vec.FromBytes(plane, bytes)
	work.Square(plane, plane, size, emboss, filter.Reflect101)
	vec.Clip(plane, 1, 0, 0, 255)
	s.compare("embossed", doubles(plane, 1), 0)
}

func (s *steps) elastic(j *job) {
	c := j.set.ElasticTransform[j.severity-1]
	from, to := j.corners(j.size(), c.Affine)
	s.compare("pts1", points(from), 1e-4)
	s.compare("pts2", points(to), 1e-4)
	m, err := warp.Through(from, to)
	if err != nil {
		s.t.Fatal(err)
	}
	s.compare("M", m[:], 1e-4)
	*j.random.(*tape) = tape{normals: j.random.(*tape).normals, uniforms: j.random.(*tape).uniforms}
	if err := elasticTransform(j); err != nil {
		s.t.Fatal(err)
	}
	s.compare("warped", doubles(j.scratch.blur.pixels, 1./255), 1e-4)
	s.compare("dx", doubles(j.scratch.elastic.dx, 1), 1e-4)
	s.compare("dy", doubles(j.scratch.elastic.dy, 1), 1e-4)
}

func points(p [3][2]float64) []float64 {
	return []float64{p[0][0], p[0][1], p[1][0], p[1][1], p[2][0], p[2][1]}
}

func (s *steps) snow(j *job) {
	c := j.set.Snow[j.severity-1]
	size := j.size()
	size.Channels = 1
	draws := make([]float64, size.Width*size.Height)
	j.random.Normal(draws)
	noise, zoomed := make([]float32, len(draws)), make([]float32, len(draws))
	for i, z := range draws {
		noise[i] = float32(c.Mean + c.Deviation*z)
	}
	j.scratch.blur.zoom.Add(zoomed, size.Width, noise, size, warp.Centre(size.Height, c.Zoom), warp.Centre(size.Width, c.Zoom))
	s.compare("zoomed", doubles(zoomed, 1), 1e-4)
	flakes, large := j.flakes(noise, size, c)
	bytes := make([]float64, len(flakes))
	for i, v := range flakes {
		bytes[i] = math.Floor(float64(v))
	}
	s.compare("layer_u8", bytes, 0)
	for key := range s.arrays {
		name, ok := strings.CutPrefix(key, s.prefix)
		if !ok || !strings.HasPrefix(name, "blurred_u8_angle_") {
			continue
		}
		angle, err := strconv.ParseFloat(strings.TrimPrefix(name, "blurred_u8_angle_"), 64)
		if err != nil {
			s.t.Fatal(err)
		}
		again, _ := j.flakes(noise, size, c)
		s.compare(name, doubles(j.fall(again, large, c, angle), 1), 0)
	}
}
