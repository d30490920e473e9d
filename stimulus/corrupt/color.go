package corrupt

import "visus/stimulus/hsv"

// brightness raises the value of HSV: V = clip(V + c).
func brightness(j *job) error {
	c := j.set.Brightness[j.severity-1]
	inHSV(j, func(s, v float64) (float64, float64) { return s, clip(v + c) })
	return nil
}

// saturate stretches the saturation of HSV: S = clip(αS + β).
func saturate(j *job) error {
	p := j.set.Saturate[j.severity-1]
	inHSV(j, func(s, v float64) (float64, float64) { return clip(s*p.Factor + p.Offset), v })
	return nil
}

// inHSV changes saturation and value of every pixel.
func inHSV(j *job, change func(s, v float64) (float64, float64)) {
	for i := 0; i+3 <= len(j.out) && i+3 <= len(j.src.Pix); i += 3 {
		pix, out := j.src.Pix[i:i+3:i+3], j.out[i:i+3:i+3]
		h, s, v := hsv.FromRGB(float64(pix[0])/255, float64(pix[1])/255, float64(pix[2])/255)
		s, v = change(s, v)
		r, g, b := hsv.ToRGB(h, s, v)
		out[0], out[1], out[2] = towardZero(255*clip(r)), towardZero(255*clip(g)), towardZero(255*clip(b))
	}
}

func clip(v float64) float64 { return min(1, max(0, v)) }

// contrast shrinks each channel about its mean μ: 255·clip((x − μ)c + μ).
func contrast(j *job) error {
	c := j.set.Contrast[j.severity-1]
	var sums [3]int
	pix := j.src.Pix
	for i := 0; i+3 <= len(pix); i += 3 {
		sums[0] += int(pix[i])
		sums[1] += int(pix[i+1])
		sums[2] += int(pix[i+2])
	}
	var tables [3][256]float32
	for channel := range tables {
		mean := float64(sums[channel]) / 255 / float64(len(pix)/3)
		for v := range tables[channel] {
			tables[channel][v] = towardZero(255 * clip((float64(v)/255-mean)*c+mean))
		}
	}
	r, g, b := &tables[0], &tables[1], &tables[2]
	for i := 0; i+3 <= len(j.out) && i+3 <= len(pix); i += 3 {
		from, out := pix[i:i+3:i+3], j.out[i:i+3:i+3]
		out[0], out[1], out[2] = r[from[0]], g[from[1]], b[from[2]]
	}
	return nil
}
