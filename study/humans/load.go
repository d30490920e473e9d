package humans

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"visus/measure/responses"
	"visus/trial"
)

// located is a trial with the place that errors name.
type located struct {
	*trial.Trial
	file string
	row  int
}

// gather reads the tables below the roots and sorts their trials by data set. The names of models are the same where they differ in - and _ only: the
// first spelling stays.
func gather(roots []string) (map[string][]located, error) {
	var files []string
	for _, root := range roots {
		found, err := trial.Files(root)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	tables, err := trial.ReadFiles(files)
	if err != nil {
		return nil, err
	}
	sets := map[string][]located{}
	spelling := map[string]string{}
	for _, table := range tables {
		for i := range table.Trials {
			t := &table.Trials[i]
			key, known := spelling[t.Observer]
			if !known {
				key = spell(spelling, t)
			}
			t.Observer = key
			sets[t.Study] = append(sets[t.Study], located{t, table.Path, i + 2}) // row 1 is the header
		}
	}
	return sets, nil
}

// spell remembers how an observer is written.
func spell(spelling map[string]string, t *trial.Trial) string {
	name := t.Observer
	if t.ObserverKind == trial.Model {
		for known, first := range spelling {
			if trial.ObserverKey(known) == trial.ObserverKey(name) {
				name = first
				break
			}
		}
	}
	spelling[t.Observer] = name
	return name
}

// set is one data set, ready to be measured.
type set struct {
	Dataset
	*responses.Table
	people, models []int    // positions in Observers
	others         int      // images that some observer of the table did not see
	apart          []alone  // people who saw other images than everybody else
	notes          []string // what a reader should know
}

// alone are an observer's answers that can be compared with nobody's.
type alone struct {
	observer     string
	condition    string
	right, total int
}

// load makes a data set of its trials. Where people saw different images, only their accuracies count, and the models are compared with each
// other. It reports an error where categories are unknown, a trial comes twice, or observers have no image in common.
func load(name string, rows []located, categories []string) (*set, error) {
	s := &set{Table: &responses.Table{Categories: categories}}
	if collected, err := collect(rows, categories); err == nil { // the usual case, in which all saw the same
		if s.Table, s.others, err = collected.Common(); err == nil && s.others == 0 {
			return s.finish(name, rows), nil
		}
	}
	s.Table, s.others = &responses.Table{Categories: categories}, 0
	rest, err := s.separate(name, rows, categories)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		collected, err := collect(rest, categories)
		if err != nil {
			return nil, err
		}
		if s.Table, s.others, err = collected.Common(); err != nil {
			return nil, disjoint(name, rest, err)
		}
	}
	return s.finish(name, rest), nil
}

// finish describes the data set that the table has; rows are those of the table's observers.
func (s *set) finish(name string, rows []located) *set {
	s.sort(rows)
	s.note(name, rows)
	s.Dataset = describe(name, s.conditions())
	s.order()
	return s
}

// separate sets people apart who saw different images, and returns the other trials.
func (s *set) separate(name string, rows []located, categories []string) ([]located, error) {
	people := filter(rows, func(r located) bool { return r.ObserverKind == trial.Human })
	if len(people) == 0 {
		return rows, nil
	}
	collected, err := collect(people, categories)
	if err != nil {
		return nil, err
	}
	const few = 0.1 // of the images may be common by chance
	table, others, err := collected.Common()
	if err == nil && float64(len(table.Stimuli)) >= few*float64(len(table.Stimuli)+others) {
		return rows, nil
	}
	s.apart = accuracies(people)
	s.notes = append(s.notes, fmt.Sprintf("%s: its people saw different images, so only their accuracies are compared", name))
	return filter(rows, func(r located) bool { return r.ObserverKind != trial.Human }), nil
}

func filter(rows []located, keep func(located) bool) []located {
	var kept []located
	for _, r := range rows {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// collect joins trials by image and condition, and by session too where every observer was shown images again in another session.
func collect(rows []located, categories []string) (*responses.Collector, error) {
	c, err := join(rows, categories, func(r located) string { return key(r) })
	if err != nil && allRepeat(rows) {
		return join(rows, categories, func(r located) string { return fmt.Sprintf("session %d/%s", r.Session, key(r)) })
	}
	return c, err
}

// allRepeat says whether each observer answered an image in several sessions.
func allRepeat(rows []located) bool {
	type answer struct{ observer, image string }
	session := map[answer]int{}
	repeats := map[string]bool{}
	for _, r := range rows {
		a := answer{r.Observer, key(r)}
		before, known := session[a]
		repeats[r.Observer] = repeats[r.Observer] || known && before != r.Session
		session[a] = r.Session
	}
	for _, repeated := range repeats {
		if !repeated {
			return false
		}
	}
	return true
}

// key names an image in its condition.
func key(r located) string { return conditionKey(r.Condition) + "/" + trial.ImageKey(r.Stimulus) }

// imageOf returns the image of a key.
func imageOf(key string) string { return path.Base(key) }

func join(rows []located, categories []string, key func(located) string) (*responses.Collector, error) {
	c, err := responses.NewCollector(categories)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := c.Add(r.Observer, key(r), r.Category, conditionKey(r.Condition), r.Response); err != nil {
			return nil, fmt.Errorf("humans: %s: row %d: %w", r.file, r.row, err)
		}
	}
	return c, nil
}

// accuracies counts for each observer and condition, in their order.
func accuracies(rows []located) []alone {
	var all []alone
	index := map[[2]string]int{}
	for _, r := range rows {
		k := [2]string{r.Observer, conditionKey(r.Condition)}
		i, known := index[k]
		if !known {
			i = len(all)
			index[k] = i
			all = append(all, alone{observer: k[0], condition: k[1]})
		}
		all[i].total++
		if r.Correct {
			all[i].right++
		}
	}
	return all
}

// images returns the images that each observer saw.
func images(rows []located) map[string]map[string]bool {
	seen := map[string]map[string]bool{}
	for _, r := range rows {
		if seen[r.Observer] == nil {
			seen[r.Observer] = map[string]bool{}
		}
		seen[r.Observer][key(r)] = true
	}
	return seen
}

// disjoint says which observers have no image in common, and names some that each lacks.
func disjoint(name string, rows []located, err error) error {
	seen := images(rows)
	observers := slices.Sorted(maps.Keys(seen))
	for i, a := range observers {
		for _, b := range observers[:i] {
			if lacking := missing(seen[a], seen[b]); len(lacking) == len(seen[a]) {
				return fmt.Errorf("humans: data set %s: %s and %s have no image in common: %s saw %s, which %s did not; expected the same "+
					"images (their names without extension)",
					name, b, a, a, list(lacking), b)
			}
		}
	}
	return fmt.Errorf("humans: data set %s: %w", name, err)
}

// missing returns the keys of a that b lacks, in order.
func missing(a, b map[string]bool) []string {
	var lacking []string
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if !b[k] {
			lacking = append(lacking, strings.TrimPrefix(k, "0/"))
		}
	}
	return lacking
}

// list names the first few.
func list(names []string) string {
	const some = 3
	if len(names) <= some {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:some], ", "), len(names)-some)
}

// sort tells people from models.
func (s *set) sort(rows []located) {
	kinds := map[string]trial.Kind{}
	for _, r := range rows {
		kinds[r.Observer] = r.ObserverKind
	}
	for i, o := range s.Observers {
		if kinds[o] == trial.Human {
			s.people = append(s.people, i)
		} else {
			s.models = append(s.models, i)
		}
	}
}

// note says to which images the comparison is restricted, and who lacks the others.
func (s *set) note(name string, rows []located) {
	if s.others == 0 {
		return
	}
	seen := images(rows)
	all := map[string]bool{}
	for _, images := range seen {
		maps.Copy(all, images)
	}
	fewest := slices.MinFunc(s.Observers, func(a, b string) int { return cmp.Compare(len(seen[a]), len(seen[b])) })
	lacking := missing(all, seen[fewest])
	s.notes = append(s.notes, fmt.Sprintf("%s: compared on the %d of %d images that all observers saw; %s lacks %d, such as %s",
		name, len(s.Stimuli), len(s.Stimuli)+s.others, fewest, len(lacking), lacking[0]))
}

// conditions lists those of the table and of people apart.
func (s *set) conditions() []string {
	found := slices.Clone(s.Conditions)
	for _, a := range s.apart {
		if !slices.Contains(found, a.condition) {
			found = append(found, a.condition)
		}
	}
	return found
}

// order drops levels that were never shown.
func (s *set) order() {
	found := s.conditions()
	s.Levels = slices.DeleteFunc(s.Levels, func(l Level) bool { return !slices.Contains(found, l.Condition) })
}

// level returns the part of the table that was shown at a level.
func (s *set) level(l Level) *responses.Table {
	at := slices.Index(s.Conditions, l.Condition)
	if at < 0 {
		return s.Select(nil)
	}
	return s.Select(s.Where(at))
}
