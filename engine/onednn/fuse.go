package onednn

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"

	"visus/engine/onednn/kernel"
)

// unit is what one step or a few carry out together: a call, or a loop over the elements of its shape.
type unit struct {
	call     *call
	shape    []int          // of a loop
	members  []*value       // of a loop: elements and folds in the order of their making
	stored   []*value       // those of the members, or of the call, that get memory
	position int            // the last member's index: earlier units come first where nothing else decides
	after    map[*unit]bool // what it comes after
	before   map[*unit]bool // what comes after it
	latest   int            // the largest position of the unit and all that it comes after
	commit   bool           // changes the state, or comes after what does
}

// Limits of one loop, so that its tiles stay in the cache.
const (
	mostMembers = 48
	cheap       = 4 // operations that are done again rather than stored
)

// fusion sorts values into units.
type fusion struct {
	users  map[*value][]*value // of elements, folds, views and calls' first outputs
	kept   map[*value]bool     // has memory
	where  map[*value][]*unit  // the loops that compute an element; its home first where it is kept
	live   map[*value]bool
	needed map[*value]bool // given by the program
	effort map[*value]int  // operations to compute an element from what has memory
	reads  map[*value]map[*value]bool
	units  []*unit
	calls  map[*call]*unit
	apart  bool
}

// fuse sorts the values that the needed ones are made of into units, in an order in which they can run. Elements go into the loop of what
// uses them; those used by several loops are computed in each where that is cheap and stored in the first otherwise.
func fuse(values []*value, needed []*value) []*unit {
	units, ok := fused(values, needed, false)
	if !ok {
		units, _ = fused(values, needed, true)
	}
	return units
}

// fused is false where units wait for each other, which cannot be where they are apart: then each value with memory has a loop of its own.
func fused(values []*value, needed []*value, apart bool) ([]*unit, bool) {
	f := &fusion{users: map[*value][]*value{}, kept: map[*value]bool{}, where: map[*value][]*unit{}, live: map[*value]bool{},
		needed: map[*value]bool{}, effort: map[*value]int{}, reads: map[*value]map[*value]bool{}, calls: map[*call]*unit{}, apart: apart}
	for _, v := range needed {
		f.needed[v] = true
	}
	f.trace(values)
	f.absorb(values)
	f.keep(values)
	for _, v := range slices.Backward(values) {
		if f.live[v] {
			f.assign(v)
		}
	}
	f.link()
	if !apart {
		f.join()
	}
	for v, kept := range f.kept {
		v.kept = kept
	}
	units := f.order()
	return units, len(units) == len(f.units)
}

// trace finds what is live and who uses it.
func (f *fusion) trace(values []*value) {
	for _, v := range slices.Backward(values) {
		if f.needed[v] {
			f.live[v] = true
		}
		if !f.live[v] {
			continue
		}
		for _, in := range v.maker.operands() {
			f.live[in] = true
			f.users[in] = append(f.users[in], v)
		}
	}
	for _, v := range values { // a call is made whole
		if r, ok := v.maker.(*result); ok && f.live[v] {
			for _, out := range r.call.out {
				f.live[out] = true
			}
		}
	}
}

// absorb lets calls compute the ReLU that is their only use.
func (f *fusion) absorb(values []*value) {
	for _, v := range values {
		e, ok := v.maker.(*element)
		if !ok || !f.live[v] || e.op != kernel.Relu {
			continue
		}
		r, ok := e.in[0].maker.(*result)
		if !ok || !r.call.fusable || len(f.users[e.in[0]]) != 1 || f.needed[e.in[0]] {
			continue
		}
		c := *r.call
		c.relu, c.out = true, []*value{v}
		f.live[e.in[0]] = false
		for _, in := range c.in {
			users := slices.DeleteFunc(f.users[in], func(u *value) bool { return u == e.in[0] })
			f.users[in] = append(users, v)
		}
		v.maker = &result{&c, 0}
	}
}

// keep decides which elements have memory whatever the loops: those that are given, or used by what is no loop over their shape.
func (f *fusion) keep(values []*value) {
	for _, v := range values {
		if !f.live[v] {
			continue
		}
		_, isElement := v.maker.(*element)
		f.kept[v] = !isElement || f.needed[v] || slices.ContainsFunc(f.users[v], func(u *value) bool {
			over := f.space(u)
			return over == nil || !slices.Equal(over, v.shape)
		})
		if f.kept[v] {
			continue
		}
		f.effort[v], f.reads[v] = 1, map[*value]bool{}
		for _, in := range v.maker.operands() {
			if f.kept[in] {
				if size(in.shape) == size(v.shape) {
					f.reads[v][in] = true
				}
				continue
			}
			f.effort[v] += f.effort[in]
			maps.Copy(f.reads[v], f.reads[in])
		}
	}
}

// space is the shape that an element's or fold's loop goes over, nil for other values.
func (f *fusion) space(v *value) []int {
	switch m := v.maker.(type) {
	case *element:
		if v.shape == nil {
			return []int{}
		}
		return v.shape
	case *fold:
		return m.in.shape
	}
	return nil
}

// assign finds the unit of a value whose users all have theirs.
func (f *fusion) assign(v *value) {
	switch m := v.maker.(type) {
	case *result:
		if f.calls[m.call] == nil {
			u := &unit{call: m.call, position: v.index}
			f.calls[m.call] = u
			f.units = append(f.units, u)
			u.stored = m.call.out
		}
	case *fold:
		f.found(v, m.in.shape)
	case *element:
		f.element(v)
	}
}

// found makes a loop for a value.
func (f *fusion) found(v *value, shape []int) {
	u := &unit{shape: shape, members: []*value{v}, stored: []*value{v}, position: v.index}
	f.units = append(f.units, u)
	f.where[v] = []*unit{u}
}

func (f *fusion) element(v *value) {
	var loops []*unit
	for _, user := range f.users[v] {
		if over := f.space(user); over != nil && slices.Equal(over, v.shape) {
			for _, u := range f.where[user] {
				if !slices.Contains(loops, u) {
					loops = append(loops, u)
				}
			}
		}
	}
	slices.SortFunc(loops, func(a, b *unit) int { return cmp.Compare(a.position, b.position) })
	if !f.kept[v] && (len(loops) == 1 || f.effort[v] <= cheap && len(f.reads[v]) <= 2) && f.room(loops) {
		for _, u := range loops {
			u.members = append(u.members, v)
		}
		f.where[v] = loops
		return
	}
	f.kept[v] = true
	if len(loops) > 0 && !f.apart && f.room(loops[:1]) && !f.returns(v, loops[0]) { // the first loop that uses it may compute it
		u := f.gathered(v, loops)
		u.members, u.stored = append(u.members, v), append(u.stored, v)
		f.where[v] = []*unit{u}
		return
	}
	f.found(v, v.shape)
}

// gathered is the first of the loops that use a value, together with those of the others that can run within it. So sums that use the value are
// made where it is, and do not read it back.
func (f *fusion) gathered(v *value, loops []*unit) *unit {
	first := loops[0]
	for _, u := range loops[1:] {
		if len(first.members)+len(u.members) > mostMembers || f.returns(v, u) || f.leads(first, u) || f.leads(u, first) {
			continue
		}
		f.merge(first, u)
		f.units = slices.DeleteFunc(f.units, func(other *unit) bool { return other == u })
	}
	return first
}

// leads says whether a loop needs, by way of other units or of a fold, something that another one makes.
func (f *fusion) leads(from, to *unit) bool {
	seen := map[*unit]bool{from: true}
	var users func(v *value, folded bool) bool
	visit := func(u *unit, folded bool) bool {
		if u == to {
			return folded
		}
		if u == nil || seen[u] {
			return false
		}
		seen[u] = true
		return slices.ContainsFunc(u.values(), func(v *value) bool { return users(v, true) })
	}
	users = func(v *value, folded bool) bool {
		return v.index <= to.position && slices.ContainsFunc(f.users[v], func(user *value) bool {
			switch m := user.maker.(type) {
			case *view:
				return users(user, true)
			case *result:
				return visit(f.calls[m.call], true)
			}
			return slices.ContainsFunc(f.where[user], func(u *unit) bool { return visit(u, folded) })
		})
	}
	return slices.ContainsFunc(from.members, func(v *value) bool {
		_, folded := v.maker.(*fold)
		return users(v, folded)
	})
}

// values are what the unit makes.
func (u *unit) values() []*value {
	if u.call != nil {
		return u.call.out
	}
	return u.members
}

func (f *fusion) room(loops []*unit) bool {
	return !slices.ContainsFunc(loops, func(u *unit) bool { return len(u.members) >= mostMembers })
}

// returns says whether the loop reads something that is made of the value elsewhere: then it cannot compute the value.
func (f *fusion) returns(v *value, loop *unit) bool {
	seen := map[*value]bool{}
	var search func(v *value) bool
	search = func(v *value) bool {
		for _, user := range f.users[v] {
			if slices.Contains(f.where[user], loop) {
				return true
			}
			if user.index <= loop.position && !seen[user] {
				seen[user] = true
				if search(user) {
					return true
				}
			}
		}
		return false
	}
	return slices.ContainsFunc(f.users[v], func(user *value) bool {
		return !slices.Contains(f.where[user], loop) && user.index <= loop.position && search(user)
	})
}

// unitsOf are what has to run before a value with memory can be read: what computes it, and what it is to come after.
func (f *fusion) unitsOf(v *value) []*unit {
	switch m := v.maker.(type) {
	case *result:
		return []*unit{f.calls[m.call]}
	case *view:
		var out []*unit
		for _, of := range m.operands() {
			out = append(out, f.unitsOf(of)...)
		}
		return out
	case *leaf:
		return nil
	}
	return f.where[v][:1]
}

// sources are the values with memory that a unit reads from elsewhere.
func (f *fusion) sources(u *unit) []*value {
	var out []*value
	add := func(v *value) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if u.call != nil {
		for _, in := range u.call.in {
			add(in)
		}
		return out
	}
	for _, m := range u.members {
		for _, in := range m.maker.operands() {
			if !slices.Contains(f.where[in], u) {
				add(in)
			}
		}
	}
	return out
}

// link notes for each unit which ones it comes after.
func (f *fusion) link() {
	for _, u := range f.units {
		u.after, u.before = map[*unit]bool{}, map[*unit]bool{}
	}
	for _, u := range f.units {
		for _, v := range f.sources(u) {
			for _, from := range f.unitsOf(v) {
				if from != u {
					u.after[from], from.before[u] = true, true
				}
			}
		}
	}
	seen := map[*unit]bool{}
	var latest func(u *unit) int
	latest = func(u *unit) int {
		if !seen[u] {
			seen[u], u.latest = true, u.position
			for from := range u.after {
				u.latest = max(u.latest, latest(from))
			}
		}
		return u.latest
	}
	for _, u := range f.units {
		latest(u)
	}
}

// join makes one loop of two over the same shape that read the same large tensor and do not need each other.
func (f *fusion) join() {
	readers := map[*value][]*unit{}
	for _, u := range f.units {
		if u.call != nil {
			continue
		}
		for _, v := range f.sources(u) {
			if size(v.shape) == size(u.shape) && size(u.shape) > 1 {
				readers[v] = append(readers[v], u)
			}
		}
	}
	gone := map[*unit]*unit{}
	now := func(u *unit) *unit {
		for gone[u] != nil {
			u = gone[u]
		}
		return u
	}
	for _, v := range slices.SortedFunc(maps.Keys(readers), func(a, b *value) int { return cmp.Compare(a.index, b.index) }) {
		list := readers[v]
		slices.SortFunc(list, func(a, b *unit) int { return cmp.Compare(a.position, b.position) })
		for i := range list {
			for k := i + 1; k < len(list); k++ {
				a, b := now(list[i]), now(list[k])
				if a == b || !slices.Equal(a.shape, b.shape) || len(a.members)+len(b.members) > mostMembers || needs(a, b) || needs(b, a) {
					continue
				}
				f.merge(a, b)
				gone[b] = a
			}
		}
	}
	f.units = slices.DeleteFunc(f.units, func(u *unit) bool { return gone[u] != nil })
}

// needs says whether a has to come after b.
func needs(a, b *unit) bool {
	seen := map[*unit]bool{}
	var search func(u *unit) bool
	search = func(u *unit) bool {
		for from := range u.after {
			if from == b {
				return true
			}
			if !seen[from] && from.latest >= b.position { // else nothing behind it is b
				seen[from] = true
				if search(from) {
					return true
				}
			}
		}
		return false
	}
	return search(a)
}

// merge puts the members of b into a.
func (f *fusion) merge(a, b *unit) {
	for _, v := range b.members {
		f.where[v] = slices.DeleteFunc(f.where[v], func(u *unit) bool { return u == b })
		if !slices.Contains(a.members, v) {
			a.members = append(a.members, v)
		}
		if !slices.Contains(f.where[v], a) {
			f.where[v] = append([]*unit{a}, f.where[v]...)
		}
	}
	a.stored = append(a.stored, b.stored...)
	a.position = max(a.position, b.position)
	for u := range b.after {
		delete(u.before, b)
		u.before[a], a.after[u] = true, true
	}
	for u := range b.before {
		delete(u.after, b)
		u.after[a], a.before[u] = true, true
	}
	a.latest = max(a.latest, b.latest)
	a.delay()
}

// delay tells those that come after a unit of its latest position.
func (u *unit) delay() {
	for v := range u.before {
		if v.latest < u.latest {
			v.latest = u.latest
			v.delay()
		}
	}
}

// order sorts the units so that each comes after those that it needs, otherwise as their last members were made.
func (f *fusion) order() []*unit {
	waiting := map[*unit]int{}
	ready := &queue{}
	for _, u := range f.units {
		slices.SortFunc(u.members, func(a, b *value) int { return cmp.Compare(a.index, b.index) })
		waiting[u] = len(u.after)
		if len(u.after) == 0 {
			heap.Push(ready, u)
		}
	}
	var out []*unit
	for ready.Len() > 0 {
		u := heap.Pop(ready).(*unit)
		out = append(out, u)
		for after := range u.before {
			if waiting[after]--; waiting[after] == 0 {
				heap.Push(ready, after)
			}
		}
	}
	return out
}

// queue gives the unit of the lowest position first.
type queue []*unit

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, k int) bool { return q[i].position < q[k].position }
func (q queue) Swap(i, k int)      { q[i], q[k] = q[k], q[i] }
func (q *queue) Push(u any)        { *q = append(*q, u.(*unit)) }
func (q *queue) Pop() any {
	u := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return u
}
