package corruption

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"image/png"
	"iter"

	"visus/report"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
	"visus/study/session"
	"visus/trial"
)

// The page holds a few stimuli under every condition: as PNG where they are tiny, else as JPEG at most thumbnail pixels wide.
const (
	tiny           = 64
	thumbnail      = 160
	tinyGallery    = 24
	largeGallery   = 8
	galleryQuality = 82
)

// gallery makes the image browser: the chosen stimuli, made again exactly as they were shown, with the answers they got.
func (x *examination) gallery(ctx context.Context, chosen []int, answers answers) (*report.Browser, error) {
	browser := &report.Browser{
		Title: "Clean and corrupted side by side", GroupName: "corruption", LevelName: "severity",
		Caption: fmt.Sprintf("%d of %d images, spread evenly over the set, as the model %s was shown them.", len(chosen), len(x.Stimuli), x.Models[0].Name()),
	}
	for _, s := range x.subjects {
		browser.Observers = append(browser.Observers, s.name)
	}
	for _, c := range x.Conditions {
		group, severity := session.SplitCondition(c.Name)
		if severity == 0 {
			group = ""
		}
		browser.Conditions = append(browser.Conditions, report.Condition{Name: c.Name, Group: group, Level: severity})
	}
	worker, err := x.NewMaker()
	if err != nil {
		return nil, err
	}
	for _, at := range chosen {
		if ctx.Err() != nil {
			return nil, session.ErrInterrupted
		}
		item, ok, err := x.galleryItem(at, worker, answers)
		if err != nil {
			return nil, err
		}
		if ok {
			browser.Items = append(browser.Items, item)
		}
	}
	return browser, nil
}

// galleryStimuli chooses stimuli of this shard, spread evenly, as places in x.Stimuli.
func (x *examination) galleryStimuli() []int {
	var mine []int
	for at := range x.Stimuli {
		if x.plan.shard.owns(at / x.plan.block) {
			mine = append(mine, at)
		}
	}
	n := largeGallery
	if g := x.Views[0]; g.Width > 0 && max(g.Width, g.Height) <= tiny {
		n = tinyGallery
	}
	var chosen []int
	for _, i := range session.Spread(n, len(mine)) {
		chosen = append(chosen, mine[i])
	}
	return chosen
}

// shown identifies what an observer answered.
type shown struct{ stimulus, condition, observer string }

// answers are the trials of the gallery's stimuli.
type answers map[shown]trial.Trial

// keep passes rows on and keeps those of the chosen stimuli, so that a long table is read once.
func (x *examination) keep(rows iter.Seq2[trial.Trial, error], chosen []int) (iter.Seq2[trial.Trial, error], answers) {
	wanted, kept := map[string]bool{}, answers{}
	for _, c := range x.Conditions {
		for _, at := range chosen {
			wanted[c.Source.Item(x.Stimuli[at]).ID] = true
		}
	}
	return func(yield func(trial.Trial, error) bool) {
		for row, err := range rows {
			if err == nil && wanted[row.Stimulus] {
				kept[shown{row.Stimulus, row.Condition, row.Observer}] = row
			}
			if !yield(row, err) {
				return
			}
		}
	}, kept
}

// galleryItem makes one stimulus under every condition; ok is false where it cannot be shown under the first.
func (x *examination) galleryItem(at int, worker *session.Maker, answers answers) (item report.Item, ok bool, err error) {
	var loaded *raster.Image
	var made raster.Image
	first := x.Conditions[0].Source.Item(x.Stimuli[at])
	item.Stimulus = first.ID
	for i, c := range x.Conditions {
		source := c.Source.Item(x.Stimuli[at])
		if loaded == nil || !c.Made {
			image, err := c.Source.Image(x.Stimuli[at])
			if err != nil && i == 0 {
				return item, false, nil
			}
			if err != nil {
				continue
			}
			loaded = x.Views[0].Fit(image)
		}
		picture := loaded
		if c.Made {
			if err := worker.Make(&made, loaded, x.Views[0], c, x.Stimuli[at]); err != nil {
				return item, false, err
			}
			picture = &made
		}
		view := report.View{Condition: i}
		if view.Image, err = EncodeThumbnail(picture); err != nil {
			return item, false, err
		}
		for _, s := range x.subjects {
			row := answers[shown{source.ID, c.Name, s.name}]
			item.Category = row.Category
			view.Answers = append(view.Answers, report.Answer{Response: row.Response, Confidence: row.Confidence, Correct: row.Correct})
		}
		item.Views = append(item.Views, view)
	}
	return item, true, nil
}

// EncodeThumbnail writes an image for a page: tiny ones as they are, as PNG, others as a small JPEG.
func EncodeThumbnail(m *raster.Image) ([]byte, error) {
	var out bytes.Buffer
	if max(m.Width, m.Height) <= tiny {
		err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, m)
		return out.Bytes(), err
	}
	if long := max(m.Width, m.Height); long > thumbnail {
		m = resample.Resize(m, max(1, m.Width*thumbnail/long), max(1, m.Height*thumbnail/long), resample.Bilinear)
	}
	err := jpeg.Encode(&out, m, &jpeg.Options{Quality: galleryQuality})
	return out.Bytes(), err
}
