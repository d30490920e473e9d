package corruption

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"visus/internal/progress"
	"visus/observer"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/session"
	"visus/trial"
)

// slide is one step made ready to be shown: its images at every view's size.
type slide struct {
	step
	images [][]*raster.Image // [view][stimulus]; the pixels belong to the slide, or to the block for the clean condition
	owned  [][]*raster.Image // buffers for corrupted images, kept between steps
	lost   []error           // per stimulus: why it cannot be shown
}

// lostKey is the extra column that says why a stimulus could not be shown; such a trial has no response and counts in no score.
const lostKey = "error"

// streamingGC is the collector's target while images are shown, in percent of what is alive.
const streamingGC = 400

// slides in use: one being answered, one waiting, one being made.
const slides = 3

// show runs the steps that the journal does not hold yet: slides are made ahead by all workers while the observers answer.
func (x *examination) show(ctx context.Context) error {
	journal, err := trial.OpenJournal(x.folder, func(block int) int {
		if block >= x.plan.stepCount() {
			return 0
		}
		return x.plan.rows(x.plan.step(block))
	})
	if err != nil {
		return err
	}
	defer journal.Close()
	x.announce(journal.Rows())
	x.Progress.Begin("examining", journal.Rows(), x.plan.trials())
	err = x.run(ctx, journal)
	x.Progress.End()
	if ctx.Err() != nil {
		return errors.Join(session.ErrInterrupted, journal.Close())
	}
	if err != nil {
		return err
	}
	return journal.Finish()
}

// announce says what will be done and how long it will take.
func (x *examination) announce(done int) {
	trials := x.plan.trials()
	perImage := len(x.Conditions) * len(x.subjects)
	part := ""
	if !x.plan.shard.Whole() {
		part = fmt.Sprintf("shard %s of %s: ", x.plan.shard, plural(len(x.Stimuli), "image"))
	}
	left := time.Duration((trials-done)/len(x.subjects)) * x.perStimulus
	x.note("%s%s × %s × %s = %s, %d done; about %s", part, plural(trials/perImage, "image"), plural(len(x.Conditions), "condition"),
		x.seats(), plural(trials, "trial"), done, progress.Round(left))
}

// run makes slides on one side and has them answered on the other.
func (x *examination) run(ctx context.Context, journal *trial.Journal) error {
	// While images stream through, little is alive and much is garbage: collecting it every few megabytes took 1 % of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(streamingGC))
	done := journal.Blocks()
	ready, free := make(chan *slide, slides), make(chan *slide, slides)
	for range slides {
		free <- x.newSlide()
	}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(ready)
		return x.makeSlides(inner, done, free, ready)
	})
	group.Go(func() error {
		for s := range ready {
			if err := x.answer(inner, s, journal); err != nil {
				return err
			}
			x.Progress.Add(x.plan.rows(s.step))
			free <- s
		}
		return inner.Err()
	})
	return group.Wait()
}

func (x *examination) newSlide() *slide {
	s := &slide{images: make([][]*raster.Image, len(x.Views)), owned: make([][]*raster.Image, len(x.Views)), lost: make([]error, x.plan.block)}
	for v := range x.Views {
		s.images[v] = make([]*raster.Image, x.plan.block)
		s.owned[v] = make([]*raster.Image, x.plan.block)
		for k := range s.owned[v] {
			s.owned[v][k] = &raster.Image{}
		}
	}
	return s
}

// fitted holds a block's images at every view's size, as loaded.
type fitted struct {
	block  int
	source stimulus.Source
	images [][]*raster.Image // [view][stimulus]
	lost   []error
}

// makeSlides makes the steps behind those done; it loads each block once.
func (x *examination) makeSlides(ctx context.Context, done int, free <-chan *slide, ready chan<- *slide) error {
	workers := make([]*session.Maker, x.Options.WorkerCount())
	for i := range workers {
		worker, err := x.NewMaker()
		if err != nil {
			return err
		}
		workers[i] = worker
	}
	held := fitted{block: -1}
	for i := done; i < x.plan.stepCount(); i++ {
		st := x.plan.step(i)
		c := x.Conditions[st.condition]
		if held.block != st.block || held.source != c.Source {
			var err error
			if held, err = x.load(ctx, st, c.Source, len(workers)); err != nil {
				return err
			}
		}
		var s *slide
		select {
		case s = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.step = st
		copy(s.lost, held.lost)
		if err := x.makeSlide(ctx, s, held, c, workers); err != nil {
			return err
		}
		select {
		case ready <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// load decodes a block's images and brings them to every view's size.
func (x *examination) load(ctx context.Context, st step, source stimulus.Source, workers int) (fitted, error) {
	f := fitted{block: st.block, source: source, images: make([][]*raster.Image, len(x.Views)), lost: make([]error, st.count)}
	for v := range f.images {
		f.images[v] = make([]*raster.Image, st.count)
	}
	err := session.Parallel(ctx, workers, st.count, func(_, k int) error {
		image, err := source.Image(x.Stimuli[st.first+k])
		if err != nil {
			f.lost[k] = err
			return nil
		}
		for v := range x.Views {
			f.images[v][k] = x.Views[v].Fit(image)
		}
		return nil
	})
	return f, err
}

// makeSlide corrupts a block's images. The random stream of an image depends on the seed, the corruption, the severity and the image's place
// in the whole set alone.
func (x *examination) makeSlide(ctx context.Context, s *slide, held fitted, c session.Condition, workers []*session.Maker) error {
	if !c.Made {
		for v := range x.Views {
			copy(s.images[v], held.images[v])
		}
		return nil
	}
	return session.Parallel(ctx, len(workers), s.count, func(w, k int) error {
		if s.lost[k] != nil {
			return nil
		}
		for v, view := range x.Views {
			from, to := held.images[v][k], s.owned[v][k]
			if err := workers[w].Make(to, from, view, c, x.Stimuli[s.first+k]); err != nil {
				return fmt.Errorf("%s: %w", c.Source.Item(x.Stimuli[s.first+k]).ID, err)
			}
			s.images[v][k] = to
		}
		return nil
	})
}

// answer asks every observer and appends the step's trials to the journal.
func (x *examination) answer(ctx context.Context, s *slide, journal *trial.Journal) error {
	answers := make([][]observer.Answer, len(x.subjects))
	shown := make([]*raster.Image, 0, s.count)
	for i, m := range x.subjects {
		shown = shown[:0]
		for k := range s.count {
			if s.lost[k] == nil {
				shown = append(shown, s.images[x.ViewOf[m.model]][k])
			}
		}
		if len(shown) == 0 {
			continue
		}
		var err error
		if answers[i], err = m.Answer(ctx, shown); err != nil {
			return err
		}
	}
	c := x.Conditions[s.condition]
	at := 0
	for k := range s.count {
		item := c.Source.Item(x.Stimuli[s.first+k])
		for i := range x.subjects {
			row := x.row(s.step, k, i, c, item)
			if s.lost[k] != nil {
				row.Extras.Other = map[string]any{lostKey: s.lost[k].Error()}
			} else {
				x.fill(&row, i, answers[i][at], item)
			}
			if err := journal.Write(&row); err != nil {
				return err
			}
		}
		if s.lost[k] == nil {
			at++
		}
	}
	return nil
}

func (x *examination) row(s step, k, subject int, c session.Condition, item stimulus.Item) trial.Trial {
	return trial.Trial{
		Study: Name, Session: 1, Trial: x.plan.number(s, k),
		Observer: x.subjects[subject].name, ObserverKind: trial.Model,
		Stimulus: item.ID, Category: item.Category, Condition: c.Name,
		RT: math.NaN(), Confidence: math.NaN(),
	}
}

// fill writes an answer into a row: the category in the model's words, its response, and the five best classes.
func (x *examination) fill(row *trial.Trial, subject int, a observer.Answer, item stimulus.Item) {
	model := x.subjects[subject].model
	classes := x.Models[model].Classes
	top := a.Top(5)
	row.Response = classes.Name(top[0])
	row.Confidence = float64(a.Probabilities[top[0]])
	for _, class := range top {
		row.Extras.Top5 = append(row.Extras.Top5, classes.Name(class))
		row.Extras.Probabilities = append(row.Extras.Probabilities, float64(a.Probabilities[class]))
	}
	if truth, ok := x.Choices[model].Truth[item.Category]; ok && item.Category != "" {
		row.Category = classes.Name(truth)
		row.Correct = truth == top[0]
		p := float64(a.Probabilities[truth])
		row.Extras.TrueProbability = &p
	}
}
