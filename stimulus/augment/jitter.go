package augment

import "visus/stimulus/hsv"

// jitter changes the colours of an image in 0..1 in place.
func (w *Worker) jitter(image []float32) {
	p, order := w.policy, [4]int{0, 1, 2, 3}
	w.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	brightness, contrast, saturation := w.factor(p.Brightness), w.factor(p.Contrast), w.factor(p.Saturation)
	turn := float64(2*w.random.Float64()-1) * p.Hue
	for _, change := range order {
		switch {
		case change == 0 && p.Brightness > 0:
			blend(image, brightness, 0)
		case change == 1 && p.Contrast > 0:
			blend(image, contrast, (1-contrast)*w.meanLuma(image))
		case change == 2 && p.Saturation > 0 && w.layout.Channels == 3:
			w.saturate(image, saturation)
		case change == 3 && p.Hue > 0 && w.layout.Channels == 3:
			w.turnHue(image, turn)
		}
	}
}

// factor draws from [max(0, 1-spread), 1+spread].
func (w *Worker) factor(spread float64) float32 {
	low := max(0, 1-spread)
	return float32(low + float64(w.random.Float64()*(1+spread-low)))
}

func blend(image []float32, factor, add float32) {
	for i, v := range image {
		image[i] = clip(factor*v + add)
	}
}

func clip(v float32) float32 { return min(max(v, 0), 1) }

func luma(r, g, b float32) float32 { return 0.2989*r + 0.587*g + 0.114*b }

func (w *Worker) meanLuma(image []float32) float32 {
	sum := 0.
	if w.layout.Channels == 1 {
		for _, v := range image {
			sum += float64(v)
		}
		return float32(sum / float64(len(image)))
	}
	r, g, b := w.plane(image, 0), w.plane(image, 1), w.plane(image, 2)
	for i := range r {
		sum += float64(luma(r[i], g[i], b[i]))
	}
	return float32(sum / float64(len(r)))
}

func (w *Worker) saturate(image []float32, factor float32) {
	r, g, b := w.plane(image, 0), w.plane(image, 1), w.plane(image, 2)
	for i := range r {
		add := (1 - factor) * luma(r[i], g[i], b[i])
		r[i], g[i], b[i] = clip(factor*r[i]+add), clip(factor*g[i]+add), clip(factor*b[i]+add)
	}
}

// turnHue turns the colours by a share of the circle.
func (w *Worker) turnHue(image []float32, turn float64) {
	r, g, b := w.plane(image, 0), w.plane(image, 1), w.plane(image, 2)
	for i := range r {
		h, s, v := hsv.FromRGB(float64(r[i]), float64(g[i]), float64(b[i]))
		if s == 0 {
			continue
		}
		if h += turn; h < 0 {
			h++
		} else if h >= 1 {
			h--
		}
		red, green, blue := hsv.ToRGB(h, s, v)
		r[i], g[i], b[i] = float32(red), float32(green), float32(blue)
	}
}
