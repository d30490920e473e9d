// Package cue measures which of two cues in conflict, shape or texture, an observer decides by.
//
// The stimuli are those of Geirhos et al. (2019), "ImageNet-trained CNNs are biased towards texture; increasing shape bias improves accuracy
// and robustness" (arXiv 1811.12231): the shape of one category with the texture of another.
package cue

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"visus/measure/proportion"
)

// Counts are decisions for either cue.
type Counts struct {
	Stimuli   int // all, also those whose shape and texture are of one category
	Conflicts int // stimuli whose shape and texture differ
	Shape     int // conflicts answered by the shape
	Texture   int // conflicts answered by the texture
}

// ShapeBias returns Shape/(Shape+Texture), 0..1; NaN where neither was ever the answer.
func (c Counts) ShapeBias() float64 { return float64(c.Shape) / float64(c.Shape+c.Texture) }

// TextureBias returns 1 − ShapeBias.
func (c Counts) TextureBias() float64 { return float64(c.Texture) / float64(c.Shape+c.Texture) }

// ShapeFraction returns Shape/Stimuli, 0..1; the reference divides by all stimuli, also those without a conflict. It is NaN without stimuli.
func (c Counts) ShapeFraction() float64 { return float64(c.Shape) / float64(c.Stimuli) }

// TextureFraction returns Texture/Stimuli, as ShapeFraction.
func (c Counts) TextureFraction() float64 { return float64(c.Texture) / float64(c.Stimuli) }

// Interval returns the shape bias with its Wilson interval. Level lies in (0, 1); 0 means 0.95. All numbers are NaN where neither cue was ever
// the answer. It reports an error for an impossible level.
func (c Counts) Interval(level float64) (proportion.Estimate, error) {
	return proportion.Wilson(c.Shape, c.Shape+c.Texture, level)
}

func (c *Counts) add(d Counts) {
	c.Stimuli += d.Stimuli
	c.Conflicts += d.Conflicts
	c.Shape += d.Shape
	c.Texture += d.Texture
}

// Decisions are an observer's, overall and by category of the shape.
type Decisions struct {
	Counts
	Categories []Counts
}

// Decide counts the decisions on stimuli of shape[i] and texture[i], answered by responses[i]: numbers of categories. A response that is no
// category's number decides for neither cue. It reports an error where lengths differ or a shape or texture is no category's number.
func Decide(shape, texture, responses []uint8, categories int) (Decisions, error) {
	if len(shape) != len(texture) || len(shape) != len(responses) {
		return Decisions{}, fmt.Errorf("cue: %d shapes, %d textures and %d responses do not match", len(shape), len(texture), len(responses))
	}
	if categories < 0 {
		return Decisions{}, fmt.Errorf("cue: %d categories are too few", categories)
	}
	d := Decisions{Categories: make([]Counts, categories)}
	for i, s := range shape {
		if int(s) >= categories || int(texture[i]) >= categories {
			return Decisions{}, fmt.Errorf("cue: stimulus %d has shape %d and texture %d, there are %d categories", i, s, texture[i], categories)
		}
		d.Categories[s].add(decision(s, texture[i], responses[i]))
	}
	for _, c := range d.Categories {
		d.add(c)
	}
	return d, nil
}

func decision(shape, texture, response uint8) Counts {
	switch {
	case shape == texture:
		return Counts{Stimuli: 1}
	case response == shape:
		return Counts{Stimuli: 1, Conflicts: 1, Shape: 1}
	case response == texture:
		return Counts{Stimuli: 1, Conflicts: 1, Texture: 1}
	}
	return Counts{Stimuli: 1, Conflicts: 1}
}

// Pool adds the decisions of several observers up, as the reference does for people. It reports an error where they differ in the number of
// categories.
func Pool(observers ...Decisions) (Decisions, error) {
	var pooled Decisions
	for i, o := range observers {
		if i == 0 {
			pooled.Categories = make([]Counts, len(o.Categories))
		}
		if len(o.Categories) != len(pooled.Categories) {
			return Decisions{}, fmt.Errorf("cue: decisions on %d and %d categories cannot be pooled", len(pooled.Categories), len(o.Categories))
		}
		pooled.add(o.Counts)
		for k, c := range o.Categories {
			pooled.Categories[k].add(c)
		}
	}
	return pooled, nil
}

// MeanByCategory returns the mean over observers of their shape bias in each category, as the reference's box plot shows people. Observers
// who never decided for either cue in a category do not count there; it is NaN where none did.
func MeanByCategory(observers ...Decisions) []float64 {
	var sums, counts []float64
	for _, o := range observers {
		for k, c := range o.Categories {
			if k == len(sums) {
				sums, counts = append(sums, 0), append(counts, 0)
			}
			if bias := c.ShapeBias(); !math.IsNaN(bias) {
				sums[k] += bias
				counts[k]++
			}
		}
	}
	for k := range sums {
		sums[k] /= counts[k]
	}
	return sums
}

// Order returns the numbers of the categories from the smallest texture bias to the largest, the order from the bottom up of the reference's
// plot, which takes that of people. Equal ones keep their order, and those without a bias come first.
func (d Decisions) Order() []int {
	order := make([]int, len(d.Categories))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(d.Categories[a].TextureBias(), d.Categories[b].TextureBias())
	})
	return order
}
