package augment

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// words are what Parse reads: what each does to a policy, and its value where none is given (for crop an eighth of the images' side).
var words = map[string]struct {
	usual float64
	set   func(p *Policy, v float64)
}{
	"crop": {0.125, func(p *Policy, v float64) { p.Pad = int(v) }},
	"flip": {0.5, func(p *Policy, v float64) { p.Flip = v }},
	"jitter": {0.4, func(p *Policy, v float64) {
		p.Brightness, p.Contrast, p.Saturation, p.Hue = v, v, v, min(v/4, .5)
	}},
	"brightness": {0.4, func(p *Policy, v float64) { p.Brightness = v }},
	"contrast":   {0.4, func(p *Policy, v float64) { p.Contrast = v }},
	"saturation": {0.4, func(p *Policy, v float64) { p.Saturation = v }},
	"hue":        {0.1, func(p *Policy, v float64) { p.Hue = v }},
}

// Names lists what Parse reads.
func Names() []string { return slices.Sorted(maps.Keys(words)) }

// Parse reads a policy from words such as "crop", "crop=4", "flip", "jitter" and "hue=0.05", in any order. side is that of the images: a
// crop without a number pads by an eighth of it (4 pixels for CIFAR's 32, as published). Jitter is all four colour changes, hue at a
// quarter of its value. Later words win.
func Parse(list []string, side int) (Policy, error) {
	var p Policy
	for _, text := range list {
		name, value, given := strings.Cut(text, "=")
		word, ok := words[name]
		if !ok {
			return Policy{}, fmt.Errorf("augment: %q is none of %s", name, strings.Join(Names(), ", "))
		}
		v := word.usual
		if name == "crop" {
			v = max(1, float64(side)*v)
		}
		if given {
			var err error
			if v, err = strconv.ParseFloat(value, 64); err != nil {
				return Policy{}, fmt.Errorf("augment: %q: expected a number behind %s=", text, name)
			}
			if name == "crop" && v != float64(int(v)) {
				return Policy{}, fmt.Errorf("augment: %q: expected a whole number of pixels", text)
			}
		}
		word.set(&p, v)
	}
	return p, p.Check()
}
