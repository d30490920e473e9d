package trial

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Shard is the table of one of several machines that share a study.
type Shard struct {
	Name   string // for messages, such as its file; "" means "shard 1 of 3"
	Number int    // 1..Count
	Count  int
	Trials iter.Seq2[Trial, error]
}

// Merge writes the table that the study would have written on one machine. Stimuli are dealt in turn: of n shards, stimulus k (from 0) belongs to shard k mod n + 1.
// Every shard's rows must stand in the canonical order condition, stimulus, observer, each stimulus answered by every observer. Trials are numbered anew:
// 1 for the first stimulus under the first condition, for all observers the same. Memory holds one stimulus of each shard.
// It reports an error where a shard is missing or given twice, or where shards disagree on study, session, conditions, observers or number of stimuli.
func Merge(w io.Writer, shards ...Shard) (err error) {
	decks, err := deal(shards)
	if err != nil {
		return fmt.Errorf("trial: merge: %w", err)
	}
	defer func() {
		for _, d := range decks {
			d.stop()
		}
	}()
	m := merger{out: NewWriter(w), decks: decks}
	for _, d := range decks {
		if err := d.advance(); err != nil {
			return fmt.Errorf("trial: merge: %w", err)
		}
	}
	for decks[0].group != nil {
		if err := m.condition(); err != nil {
			return fmt.Errorf("trial: merge: %w", err)
		}
	}
	for _, d := range decks[1:] {
		if d.group != nil {
			return fmt.Errorf("trial: merge: %s goes on with condition %q where %s ends", d.name, d.group[0].Condition, decks[0].name)
		}
	}
	return m.out.Flush()
}

// deal orders the shards by number and checks that all are there.
func deal(shards []Shard) ([]*deck, error) {
	if len(shards) == 0 {
		return nil, errors.New("no shards")
	}
	n := shards[0].Count
	shards = slices.Clone(shards)
	byNumber := make([]*Shard, max(n, 0))
	for i := range shards {
		s := &shards[i]
		if s.Name == "" {
			s.Name = fmt.Sprintf("shard %d of %d", s.Number, s.Count)
		}
		switch {
		case s.Count != n:
			return nil, fmt.Errorf("%s is one of %d shards, %s one of %d", shards[0].Name, n, s.Name, s.Count)
		case s.Number < 1 || s.Number > n:
			return nil, fmt.Errorf("%s: shard %d is outside 1..%d", s.Name, s.Number, n)
		case byNumber[s.Number-1] != nil:
			return nil, fmt.Errorf("%s and %s are both shard %d of %d", byNumber[s.Number-1].Name, s.Name, s.Number, n)
		}
		byNumber[s.Number-1] = s
	}
	var missing []string
	for i, s := range byNumber {
		if s == nil {
			missing = append(missing, fmt.Sprint(i+1))
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("of %d shards %s are missing", n, strings.Join(missing, ", "))
	}
	decks := make([]*deck, n)
	for i, s := range byNumber {
		next, stop := iter.Pull2(s.Trials)
		decks[i] = &deck{name: s.Name, pull: next, stop: stop}
	}
	return decks, nil
}

// deck takes stimuli off a shard one by one.
type deck struct {
	name   string
	pull   func() (Trial, error, bool)
	stop   func()
	group  []Trial // the answers to the next stimulus; nil at the end
	ahead  Trial   // the row behind the group
	loaded bool    // ahead holds a row
}

// advance loads the answers to the next stimulus.
func (d *deck) advance() error {
	d.group = d.group[:0]
	for {
		if !d.loaded {
			t, err, ok := d.pull()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			d.ahead, d.loaded = t, true
		}
		if len(d.group) > 0 && (d.ahead.Stimulus != d.group[0].Stimulus || d.ahead.Condition != d.group[0].Condition) {
			break
		}
		d.group = append(d.group, d.ahead)
		d.loaded = false
	}
	if len(d.group) == 0 {
		d.group = nil
	}
	return nil
}

// in says whether the next stimulus is under the condition.
func (d *deck) in(condition string) bool { return d.group != nil && d.group[0].Condition == condition }

type merger struct {
	out       *Writer
	decks     []*deck
	first     Trial // tells study and session
	observers []string
	number    int
}

// condition writes all stimuli under the condition that comes first in shard 1.
func (m *merger) condition() error {
	condition := m.decks[0].group[0].Condition
	for round := 0; ; round++ {
		var ended *deck
		for _, d := range m.decks {
			switch {
			case !d.in(condition):
				if ended == nil {
					ended = d
				}
			case ended != nil:
				return fmt.Errorf("condition %q: %s has no stimulus %d but %s has; expected stimuli dealt in turn", condition, ended.name, round+1, d.name)
			default:
				if err := m.stimulus(d); err != nil {
					return err
				}
			}
		}
		if ended != nil {
			return nil
		}
	}
}

// stimulus writes the answers to a shard's next stimulus.
func (m *merger) stimulus(d *deck) error {
	m.number++
	if m.observers == nil {
		m.observers, m.first = observersOf(d.group), d.group[0]
	}
	if !slices.EqualFunc(d.group, m.observers, func(t Trial, observer string) bool { return t.Observer == observer }) {
		return fmt.Errorf("%s: stimulus %s under %q was seen by %s; expected %s", d.name, d.group[0].Stimulus, d.group[0].Condition,
			strings.Join(observersOf(d.group), ", "), strings.Join(m.observers, ", "))
	}
	for i := range d.group {
		t := &d.group[i]
		if t.Study != m.first.Study || t.Session != m.first.Session {
			return fmt.Errorf("%s: study %q, session %d; expected %q, %d", d.name, t.Study, t.Session, m.first.Study, m.first.Session)
		}
		t.Trial = m.number
		if err := m.out.Write(t); err != nil {
			return err
		}
	}
	return d.advance()
}

func observersOf(group []Trial) []string {
	var out []string
	for i := range group {
		out = append(out, group[i].Observer)
	}
	return out
}
