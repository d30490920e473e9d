// Package progress tells people how far a long job is and how long it will still take.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Meter is told about the steps of one job at a time. Implementations are safe for concurrent use.
type Meter interface {
	// Begin starts a job of total steps, of which done were finished by an earlier run.
	Begin(what string, done, total int)
	Add(steps int)
	// Show replaces what is told besides of the job under way, such as "loss 0.412".
	Show(text string)
	// End closes the job, finished or not.
	End()
}

// New returns a bar where w is a terminal, and a plain line every ten seconds elsewhere.
func New(w *os.File) Meter {
	if term.IsTerminal(int(w.Fd())) {
		return &bar{out: w}
	}
	return &lines{out: w, every: 10 * time.Second}
}

// Silent returns a meter that says nothing.
func Silent() Meter { return silent{} }

type silent struct{}

func (silent) Begin(string, int, int) {}
func (silent) Add(int)                {}
func (silent) Show(string)            {}
func (silent) End()                   {}

// pace computes the time left from the steps of this run alone.
type pace struct {
	what              string
	before, now, goal int
	start             time.Time
	besides           string
}

func (p pace) left() string {
	done := p.now - p.before
	if done <= 0 {
		return "?"
	}
	left := time.Duration(float64(time.Since(p.start)) / float64(done) * float64(p.goal-p.now))
	return Round(left).String()
}

// remark is what stands behind the numbers.
func (p pace) remark() string {
	if p.besides == "" {
		return ""
	}
	return ", " + p.besides
}

// Round returns a duration with the digits that a person reads: seconds, below ten seconds tenths.
func Round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

type bar struct {
	out      io.Writer
	mu       sync.Mutex
	pace     pace
	progress *mpb.Progress
	bar      *mpb.Bar
}

func (b *bar) Begin(what string, done, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace = pace{what: what, before: done, now: done, goal: total, start: time.Now()}
	b.progress = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(36))
	b.bar = b.progress.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name(what+" "), decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return " " + b.pace.left() + " left" + b.pace.remark()
		})))
	b.bar.SetCurrent(int64(done))
}

func (b *bar) Add(steps int) {
	b.mu.Lock()
	b.pace.now += steps
	b.mu.Unlock()
	b.bar.IncrBy(steps)
}

func (b *bar) Show(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.besides = text
}

func (b *bar) End() {
	if b.progress == nil {
		return
	}
	b.bar.Abort(false) // leaves the bar as it stands; a complete bar is not changed
	b.progress.Wait()
	b.progress = nil
}

type lines struct {
	out   io.Writer
	every time.Duration
	mu    sync.Mutex
	pace  pace
	last  time.Time
}

func (l *lines) Begin(what string, done, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace = pace{what: what, before: done, now: done, goal: total, start: time.Now()}
	l.last = time.Now()
	if done > 0 {
		fmt.Fprintf(l.out, "%s: %d of %d were done before\n", what, done, total)
	}
}

func (l *lines) Add(steps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace.now += steps
	if time.Since(l.last) < l.every {
		return
	}
	l.last = time.Now()
	fmt.Fprintf(l.out, "%s: %d of %d, %s left%s\n", l.pace.what, l.pace.now, l.pace.goal, l.pace.left(), l.pace.remark())
}

func (l *lines) Show(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace.besides = text
}

func (l *lines) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pace.goal > 0 {
		fmt.Fprintf(l.out, "%s: %d of %d in %s\n", l.pace.what, l.pace.now, l.pace.goal, Round(time.Since(l.pace.start)))
	}
}
