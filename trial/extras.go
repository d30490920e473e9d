package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Extras are the study-specific columns, stored as one JSON object. Probabilities are stored as float32, which is what models give.
type Extras struct {
	Top5            []string       `json:"top5,omitempty"`          // the five most probable categories, best first
	Probabilities   []float64      `json:"probabilities,omitempty"` // of Top5; NaN where unknown
	TrueProbability *float64       `json:"p_true,omitempty"`        // probability of Category, for cross-entropy
	Other           map[string]any `json:"-"`                       // anything else, kept when read and written again; numbers are read as json.Number
}

// Empty says that there is nothing to store.
func (e *Extras) Empty() bool {
	return len(e.Top5) == 0 && len(e.Probabilities) == 0 && e.TrueProbability == nil && len(e.Other) == 0
}

// MarshalJSON writes the known keys first, then the others sorted.
func (e Extras) MarshalJSON() ([]byte, error) { return e.appendJSON(nil) }

func (e *Extras) appendJSON(b []byte) ([]byte, error) {
	b = append(b, '{')
	if len(e.Top5) > 0 {
		b = append(b, `"top5":[`...)
		for i, name := range e.Top5 {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, name)
		}
		b = append(b, `],`...)
	}
	if len(e.Probabilities) > 0 {
		b = append(b, `"probabilities":[`...)
		for i, p := range e.Probabilities {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendNumber(b, p)
		}
		b = append(b, `],`...)
	}
	if e.TrueProbability != nil {
		b = append(b, `"p_true":`...)
		b = appendNumber(b, *e.TrueProbability)
		b = append(b, ',')
	}
	if len(e.Other) > 0 {
		for _, key := range slices.Sorted(maps.Keys(e.Other)) {
			value, err := json.Marshal(e.Other[key])
			if err != nil {
				return nil, fmt.Errorf("trial: extra %q: %w", key, err)
			}
			b = append(appendString(b, key), ':')
			b = append(append(b, value...), ',')
		}
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}'), nil
}

// appendNumber writes the shortest text that reads as the same float32; JSON has no NaN and no infinity.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 32)
}

func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")))
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// UnmarshalJSON reads an object and keeps keys that it does not know in Other.
func (e *Extras) UnmarshalJSON(text []byte) error {
	*e = Extras{}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	for key, value := range raw {
		var err error
		switch key {
		case "top5":
			err = json.Unmarshal(value, &e.Top5)
		case "probabilities":
			var numbers []*json.Number
			err = json.Unmarshal(value, &numbers)
			for _, n := range numbers {
				p := math.NaN()
				if n != nil && err == nil {
					p, err = float32Of(string(*n))
				}
				e.Probabilities = append(e.Probabilities, p)
			}
		case "p_true":
			var n *json.Number
			if err = json.Unmarshal(value, &n); n != nil && err == nil {
				var p float64
				p, err = float32Of(string(*n))
				e.TrueProbability = &p
			}
		default:
			if e.Other == nil {
				e.Other = map[string]any{}
			}
			var v any
			d := json.NewDecoder(bytes.NewReader(value))
			d.UseNumber() // so that long numbers are written as they were read
			err = d.Decode(&v)
			e.Other[key] = v
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func float32Of(text string) (float64, error) { return strconv.ParseFloat(text, 32) }

// parseExtras reads what appendJSON writes for models, without reflection; ok is false for everything else, which is left to UnmarshalJSON.
func parseExtras(text []byte, name func([]byte) string) (e Extras, ok bool) {
	c := cursor{text}
	if !c.skip("{") {
		return e, false
	}
	if c.skip(`"top5":[`) {
		e.Top5 = make([]string, 0, 5)
		for more := true; more; more = c.skip(",") {
			value, ok := c.plainString()
			if !ok {
				return e, false
			}
			e.Top5 = append(e.Top5, name(value))
		}
		if !c.skip("],") && !c.skip("]") {
			return e, false
		}
	}
	if c.skip(`"probabilities":[`) {
		e.Probabilities = make([]float64, 0, 5)
		for more := true; more; more = c.skip(",") {
			p, ok := c.number()
			if !ok {
				return e, false
			}
			e.Probabilities = append(e.Probabilities, p)
		}
		if !c.skip("],") && !c.skip("]") {
			return e, false
		}
	}
	if c.skip(`"p_true":`) {
		p, ok := c.number()
		if !ok {
			return e, false
		}
		e.TrueProbability = &p
	}
	return e, string(c.rest) == "}"
}

type cursor struct{ rest []byte }

func (c *cursor) skip(prefix string) bool {
	if len(c.rest) < len(prefix) || string(c.rest[:len(prefix)]) != prefix {
		return false
	}
	c.rest = c.rest[len(prefix):]
	return true
}

func (c *cursor) plainString() ([]byte, bool) {
	if !c.skip(`"`) {
		return nil, false
	}
	end := bytes.IndexByte(c.rest, '"')
	if end < 0 || bytes.IndexByte(c.rest[:end], '\\') >= 0 || !utf8.Valid(c.rest[:end]) {
		return nil, false
	}
	value := c.rest[:end]
	for _, b := range value {
		if b < 0x20 {
			return nil, false
		}
	}
	c.rest = c.rest[end+1:]
	return value, true
}

// number accepts what appendNumber writes except null; other spellings are left to the JSON package, which knows them all.
func (c *cursor) number() (float64, bool) {
	n := 0
	for n < len(c.rest) && (c.rest[n] >= '0' && c.rest[n] <= '9' || c.rest[n] == '.' || c.rest[n] == 'e' || c.rest[n] == '-' || c.rest[n] == '+') {
		n++
	}
	if n == 0 || c.rest[0] < '0' || c.rest[0] > '9' || c.rest[0] == '0' && n > 1 && c.rest[1] != '.' && c.rest[1] != 'e' || c.rest[n-1] == '.' {
		return 0, false
	}
	p, err := float32Of(string(c.rest[:n]))
	c.rest = c.rest[n:]
	return p, err == nil
}
