package trial

import (
	"io"
	"math"
	"strconv"
)

// Writer writes the trial table as CSV. Errors of the file are kept: every later call returns the first one.
type Writer struct {
	output
	row rowWriter
}

// output gathers rows and keeps the first error.
type output struct {
	w   io.Writer
	buf []byte
	err error
}

// blockSize is how many bytes are handed to the file at once.
const blockSize = 64 << 10

func newOutput(w io.Writer) output { return output{w: w, buf: make([]byte, 0, blockSize+4<<10)} }

// Flush hands the rows written so far to the file.
func (o *output) Flush() error {
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.w.Write(o.buf)
		o.buf = o.buf[:0]
	}
	return o.err
}

// spill flushes what fills a block.
func (o *output) spill() error {
	if len(o.buf) < blockSize {
		return nil
	}
	return o.Flush()
}

// NewWriter returns a Writer that has the header pending.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{output: newOutput(w)}
	out.buf = append(out.buf, Header+"\n"...)
	return out
}

// Write appends one row. It fails where the file does or an extra value is none that JSON knows; t is not kept.
func (w *Writer) Write(t *Trial) error {
	if w.err != nil {
		return w.err
	}
	if w.buf, w.err = w.row.append(w.buf, t); w.err != nil {
		return w.err
	}
	return w.spill()
}

// rowWriter holds the scratch memory of one writer.
type rowWriter struct{ json []byte }

func (r *rowWriter) append(b []byte, t *Trial) ([]byte, error) {
	start := len(b)
	b = append(appendField(b, t.Study), ',')
	b = append(strconv.AppendInt(b, int64(t.Session), 10), ',')
	b = append(strconv.AppendInt(b, int64(t.Trial), 10), ',')
	b = append(appendField(b, t.Observer), ',')
	b = append(appendField(b, string(t.ObserverKind)), ',')
	b = append(appendField(b, t.Stimulus), ',')
	b = append(appendField(b, t.Category), ',')
	b = append(appendField(b, t.Condition), ',')
	b = append(appendField(b, t.Response), ',')
	b = append(strconv.AppendBool(b, t.Correct), ',')
	if !math.IsNaN(t.RT) {
		b = strconv.AppendFloat(b, t.RT, 'g', -1, 64)
	}
	b = append(b, ',')
	if !math.IsNaN(t.Confidence) {
		b = strconv.AppendFloat(b, t.Confidence, 'g', -1, 32)
	}
	b = append(b, ',')
	if !t.Extras.Empty() {
		var err error
		if r.json, err = t.Extras.appendJSON(r.json[:0]); err != nil {
			return b[:start], err
		}
		b = appendField(b, r.json)
	}
	return append(b, '\n'), nil
}

// appendField quotes only where it must.
func appendField[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c == ',' || c == '"' || c == '\n' || c == '\r' {
			return appendQuoted(b, s)
		}
	}
	return append(b, s...)
}

func appendQuoted[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		if s[i] == '"' {
			b = append(append(b, s[from:i]...), '"', '"')
			from = i + 1
		}
	}
	return append(append(b, s[from:]...), '"')
}
