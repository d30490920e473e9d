package corrupt

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"visus/internal/golden"
)

// published flattens a set to the layout of the published tables: per corruption five rows of numbers.
func published(p *Parameters) map[string][5][]float64 {
	t := map[string][5][]float64{}
	for i := range Severities {
		put := func(name string, row ...float64) {
			rows := t[name]
			rows[i] = row
			t[name] = rows
		}
		put("gaussian_noise", p.GaussianNoise[i])
		put("shot_noise", p.ShotNoise[i])
		put("impulse_noise", p.ImpulseNoise[i])
		put("defocus_blur", p.DefocusBlur[i].Radius, p.DefocusBlur[i].Alias)
		put("glass_blur", p.GlassBlur[i].Sigma, float64(p.GlassBlur[i].Delta), float64(p.GlassBlur[i].Iterations))
		put("motion_blur", p.MotionBlur[i].Radius, p.MotionBlur[i].Sigma)
		put("zoom_blur", p.ZoomBlur[i]...)
		snow := p.Snow[i]
		put("snow", snow.Mean, snow.Deviation, snow.Zoom, snow.Threshold, snow.Radius, snow.Sigma, snow.Mix)
		put("frost", p.Frost[i].Image, p.Frost[i].Texture)
		put("fog", p.Fog[i].Amount, p.Fog[i].Decay)
		put("brightness", p.Brightness[i])
		put("contrast", p.Contrast[i])
		put("elastic_transform", p.ElasticTransform[i].Alpha, p.ElasticTransform[i].Sigma, p.ElasticTransform[i].Affine)
		put("pixelate", p.Pixelate[i])
		put("jpeg_compression", float64(p.JPEGCompression[i]))
		put("speckle_noise", p.SpeckleNoise[i])
		put("gaussian_blur", p.GaussianBlur[i])
		spatter, mud := p.Spatter[i], 0.0
		if spatter.Mud {
			mud = 1
		}
		put("spatter", spatter.Mean, spatter.Deviation, spatter.Sigma, spatter.Threshold, spatter.Strength, mud)
		put("saturate", p.Saturate[i].Factor, p.Saturate[i].Offset)
	}
	return t
}

// TestGoldenParameters compares every number with the published tables; an entry may say "as <set>".
func TestGoldenParameters(t *testing.T) {
	compared := 0
	for _, file := range golden.Files(t, "corruptions/tables", "parameters*.json") {
		tables := golden.JSON[map[string]json.RawMessage](t, file)
		if order, ok := tables["order"]; ok {
			compareOrder(t, order)
		}
		fields := map[string]map[string]json.RawMessage{}
		for name, raw := range tables {
			if name != "order" {
				fields[name] = decode[map[string]json.RawMessage](t, raw)
			}
		}
		for name, table := range fields {
			set, ok := ParametersByName(name)
			if !ok {
				t.Errorf("%s: no set %q", filepath.Base(file), name)
				continue
			}
			ours := published(set)
			for key, raw := range table {
				switch key {
				case "size":
					same(t, name+" size", float64(set.Size), decode[float64](t, raw))
				case "plasma_mapsize":
					same(t, name+" plasma side", float64(set.PlasmaSize), decode[float64](t, raw))
				case "frost_scale":
					same(t, name+" frost scale", set.FrostScale, decode[float64](t, raw))
				default:
					for strings.HasPrefix(string(raw), `"as `) {
						raw = fields[strings.Trim(string(raw), `"`)[3:]][key]
					}
					compareRows(t, name+" "+key, ours[key], raw)
				}
				compared++
			}
		}
	}
	t.Logf("compared %d cases", compared)
	if compared == 0 {
		t.Error("no table was compared")
	}
}

func compareOrder(t *testing.T, raw json.RawMessage) {
	t.Helper()
	order := decode[[]string](t, raw)
	if len(order) != len(All) {
		t.Errorf("All has %d corruptions, want %d", len(All), len(order))
		return
	}
	for i, name := range order {
		if All[i].Name != name {
			t.Errorf("corruption %d is %s, want %s", i, All[i].Name, name)
		}
	}
}

func compareRows(t *testing.T, name string, got [5][]float64, raw json.RawMessage) {
	t.Helper()
	rows := decode[[]json.RawMessage](t, raw)
	if len(rows) != Severities {
		t.Errorf("%s: the table has %d severities", name, len(rows))
		return
	}
	for i, row := range rows {
		var want []float64
		if json.Unmarshal(row, &want) != nil {
			want = []float64{decode[float64](t, row)}
		}
		same(t, name+" count", float64(len(got[i])), float64(len(want)))
		for k := range min(len(want), len(got[i])) {
			if math.Abs(got[i][k]-want[k]) > 1e-12 { // the tables show zoom factors rounded
				same(t, name, got[i][k], want[k])
			}
		}
	}
}

func same(t *testing.T, name string, got, want float64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestParametersFor(t *testing.T) {
	for _, c := range []struct {
		width, height int
		want          string
	}{{224, 224, "imagenet224"}, {299, 299, "inception299"}, {64, 64, "tiny64"}, {32, 32, "cifar32"}, {224, 299, "any"}, {640, 480, "any"}, {1, 1, "any"}} {
		if got := ParametersFor(c.width, c.height).Name; got != c.want {
			t.Errorf("%d×%d takes %q, want %q", c.width, c.height, got, c.want)
		}
		if _, ok := ParametersByName(c.want); !ok {
			t.Errorf("no set %q", c.want)
		}
	}
	if _, ok := ParametersByName("imagenet"); ok {
		t.Error(`a set "imagenet" was found`)
	}
}
