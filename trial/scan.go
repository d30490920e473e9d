package trial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// scanner splits CSV (RFC 4180) into rows without changing a byte of the fields: encoding/csv turns CRLF inside quotes into LF, and its rows have no end in bytes.
type scanner struct {
	r          io.Reader
	buf        []byte
	start      int   // of the next row in buf
	end        bool  // r is at its end
	offset     int64 // of the next row in the file
	row        int   // number of the last row; the header is 1
	terminated bool  // the last row ended in a line break
	fields     [][]byte
	spans      []span
}

type span struct {
	from, to int
	escaped  bool // holds doubled quotes
}

// maxRow bounds the memory that one row may take: a quote that is never closed must not swallow the file.
const maxRow = 1 << 20

var errShort = errors.New("the row is not complete")

// next returns the fields of the next row, valid until the next call, or io.EOF. Empty lines are passed over.
func (s *scanner) next() ([][]byte, error) {
	for {
		n, err := s.split(s.buf[s.start:])
		if err == errShort {
			if err := s.fill(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		row := s.buf[s.start : s.start+n]
		s.start += n
		s.offset += int64(n)
		if len(row) == 0 {
			return nil, io.EOF
		}
		s.row++
		s.terminated = row[n-1] == '\n'
		if len(s.spans) == 1 && s.spans[0].to == s.spans[0].from {
			continue
		}
		s.fields = s.fields[:0]
		for _, f := range s.spans {
			field := row[f.from:f.to]
			if f.escaped {
				field = unescape(field)
			}
			s.fields = append(s.fields, field)
		}
		return s.fields, nil
	}
}

// fill reads more behind the unfinished row.
func (s *scanner) fill() error {
	if len(s.buf)-s.start >= maxRow {
		return fmt.Errorf("row %d is longer than %d bytes; is a quote missing?", s.row+1, maxRow)
	}
	kept := copy(s.buf, s.buf[s.start:])
	s.buf, s.start = s.buf[:kept], 0
	if cap(s.buf)-kept < 32<<10 {
		s.buf = append(make([]byte, 0, max(2*cap(s.buf), 64<<10)), s.buf...)
	}
	n, err := s.r.Read(s.buf[kept:cap(s.buf)])
	s.buf = s.buf[:kept+n]
	if err == io.EOF {
		s.end = true
		return nil
	}
	return err
}

// split finds the fields of the first row of data and returns its length with the line break; 0 at the end of the file.
func (s *scanner) split(data []byte) (int, error) {
	s.spans = s.spans[:0]
	if len(data) == 0 && s.end {
		return 0, nil
	}
	at := 0
	for {
		var field span
		var err error
		if at < len(data) && data[at] == '"' {
			field, at, err = s.quoted(data, at)
		} else {
			field, at, err = s.plain(data, at)
		}
		if err != nil {
			return 0, err
		}
		s.spans = append(s.spans, field)
		switch {
		case at == len(data):
			if !s.end {
				return 0, errShort
			}
			return at, nil
		case data[at] == '\n':
			return at + 1, nil
		case data[at] == '\r': // followed by \n
			return at + 2, nil
		}
		at++ // a comma
	}
}

// plain and quoted return a field and where its end mark stands: a comma, a line break or the end of data.
func (s *scanner) plain(data []byte, from int) (span, int, error) {
	for at := from; at < len(data); at++ {
		switch data[at] {
		case ',':
			return span{from, at, false}, at, nil
		case '\n':
			if at > from && data[at-1] == '\r' {
				return span{from, at - 1, false}, at - 1, nil
			}
			return span{from, at, false}, at, nil
		}
	}
	return span{from, len(data), false}, len(data), nil
}

func (s *scanner) quoted(data []byte, from int) (span, int, error) {
	field := span{from: from + 1}
	for at := from + 1; ; at++ {
		i := bytes.IndexByte(data[at:], '"')
		if i < 0 && s.end {
			return field, 0, fmt.Errorf("row %d: column %d: the file ends inside a quoted field", s.row+1, len(s.spans)+1)
		}
		if i < 0 {
			return field, 0, errShort
		}
		at += i
		rest := data[at+1:]
		switch {
		case len(rest) == 0 && !s.end, len(rest) == 1 && rest[0] == '\r' && !s.end:
			return field, 0, errShort
		case len(rest) > 0 && rest[0] == '"':
			field.escaped = true
			at++
		case len(rest) == 0, rest[0] == ',', rest[0] == '\n', len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			field.to = at
			return field, at + 1, nil
		default:
			return field, 0, fmt.Errorf("row %d: column %d: text follows a closing quote", s.row+1, len(s.spans)+1)
		}
	}
}

// unescape halves doubled quotes in place.
func unescape(field []byte) []byte {
	out := field[:0]
	for i := 0; i < len(field); i++ {
		out = append(out, field[i])
		if field[i] == '"' {
			i++
		}
	}
	return out
}
