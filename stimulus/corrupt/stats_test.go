package corrupt

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"visus/internal/golden"
	"visus/stimulus/raster"
)

// statistics measures a corrupted image and its difference from the source by the names of the golden file's fields.
func statistics(src, dst *raster.Image) map[string]float64 {
	s := map[string]float64{}
	n := float64(src.Width * src.Height)
	var out, difference [3]float64 // sums
	var squares [3]float64
	var products [3][3]float64
	var counts [256]float64
	grey := make([]float64, src.Width*src.Height)
	for i := range grey {
		var d [3]float64
		for c := range d {
			v := dst.Pix[3*i+c]
			counts[v]++
			d[c] = float64(v) - float64(src.Pix[3*i+c])
			out[c] += float64(v)
			squares[c] += float64(v) * float64(v)
			difference[c] += d[c]
			grey[i] += d[c] / 3
		}
		for c := range d {
			for e := range d {
				products[c][e] += d[c] * d[e]
			}
		}
	}
	covariance := func(a, b int) float64 { return products[a][b]/n - difference[a]/n*difference[b]/n }
	for c, name := range []string{"r", "g", "b"} {
		s["out_mean_"+name], s["out_std_"+name] = out[c]/n, math.Sqrt(squares[c]/n-out[c]/n*out[c]/n)
		s["diff_mean_"+name], s["diff_std_"+name] = difference[c]/n, math.Sqrt(covariance(c, c))
	}
	for name, pair := range map[string][2]int{"rg": {0, 1}, "rb": {0, 2}, "gb": {1, 2}} {
		s["diff_corr_"+name] = covariance(pair[0], pair[1]) / math.Sqrt(covariance(pair[0], pair[0])*covariance(pair[1], pair[1]))
	}
	for v, count := range counts {
		s["hist"+strconv.Itoa(v/16)] += count / (3 * n)
	}
	s["frac0"], s["frac255"] = counts[0]/(3*n), counts[255]/(3*n)
	for i, power := range bands(grey, src.Width, src.Height) {
		s["logpow"+strconv.Itoa(i)] = math.Log10(power / n)
	}
	return s
}

// bands returns the mean power |F|² in 16 rings of spatial frequency of 0 to 0.5 cycles a pixel; frequency 0 is left out.
func bands(grey []float64, width, height int) [16]float64 {
	rows, columns := fourier.NewFFT(width), fourier.NewCmplxFFT(height)
	half := width/2 + 1
	grid := make([]complex128, half*height)
	for y := range height {
		rows.Coefficients(grid[y*half:][:half], grey[y*width:][:width])
	}
	column := make([]complex128, height)
	var sums, counts [16]float64
	for x := range half {
		weight := 2.0 // for the other half, which is the mirror image
		if x == 0 || 2*x == width {
			weight = 1
		}
		for y := range height {
			column[y] = grid[y*half+x]
		}
		columns.Coefficients(column, column)
		for y, f := range column {
			radius := math.Hypot(rows.Freq(x), columns.Freq(y))
			if band := int(radius * 32); band < 16 && radius > 0 {
				sums[band] += weight * (real(f)*real(f) + imag(f)*imag(f))
				counts[band] += weight
			}
		}
	}
	for i := range sums {
		sums[i] /= counts[i]
	}
	return sums
}

type statsFile struct {
	Seeds  int
	Image  string
	Fields []string
	Stats  map[string]struct{ Mean, SD []float64 }
}

// TestGoldenLaws compares the mean of every statistic over as many seeds as the reference had, for every random corruption and severity:
// the two means may differ by 4·SD·√(2/seeds), SD being the reference's, and by 1 % of the value (section 16). Of thousands of statistics
// chance puts some beyond: one in a thousand may be, by half at most of what the deviation of both samples together allows, since 20 seeds
// alone know little of skewed statistics (few fogs leave black pixels).
func TestGoldenLaws(t *testing.T) {
	compared, beyond, worst := 0, 0, 0.0
	for _, file := range golden.Files(t, goldenFolder, "stats*.json") {
		golden := golden.JSON[statsFile](t, file)
		src := readPNG(t, filepath.Join(filepath.Dir(file), golden.Image))
		w, source := goldenWorker(t), NewSource(0)
		for _, key := range sortedKeys(golden.Stats) {
			name, severity, _ := strings.Cut(key, "/")
			corruption, ok := ByName(name)
			if !ok {
				t.Errorf("no corruption %q", name)
				continue
			}
			sums, squares := map[string]float64{}, map[string]float64{}
			n := float64(golden.Seeds)
			for seed := range golden.Seeds {
				source.Reset(Seed(uint64(seed), name, number(t, severity), 0))
				var dst raster.Image
				if err := w.Corrupt(&dst, src, corruption, number(t, severity), source); err != nil {
					t.Fatal(err)
				}
				for field, v := range statistics(src, &dst) {
					sums[field] += v
					squares[field] += v * v
				}
			}
			for i, field := range golden.Fields {
				sum, ok := sums[field]
				if !ok {
					t.Fatalf("no statistic %q", field)
				}
				got, want, deviation := sum/n, golden.Stats[key].Mean[i], golden.Stats[key].SD[i]
				own := max(0, squares[field]/n-got*got) * n / (n - 1)
				limit := 4*deviation*math.Sqrt(2/n) + 0.01*math.Abs(want)
				pooled := 4*math.Sqrt((deviation*deviation+own)/n) + 0.01*math.Abs(want)
				compared++
				if deviates := math.Abs(got - want); deviates > limit || deviates != deviates {
					beyond++
					t.Logf("%s, %s: %.6g, want %.6g within %.3g", key, field, got, want, limit)
					if !(deviates <= 1.5*max(limit, pooled)) {
						t.Errorf("%s, %s deviates by more than half of its tolerance beyond it", key, field)
					}
				} else if limit > 0 {
					worst = max(worst, deviates/limit)
				}
			}
		}
	}
	t.Logf("compared %d cases; %d beyond their tolerance, the others used up to %.0f %% of it", compared, beyond, 100*worst)
	if compared == 0 || beyond > 1+compared/1000 {
		t.Errorf("%d of %d statistics are beyond their tolerance", beyond, compared)
	}
}
