package trial

import (
	"fmt"
	"io"
	"iter"
)

// Interleave writes rows of several tables as one, in blocks. next tells from which table block 0, 1, 2, … comes and how many rows it has; 0 rows
// end the table. Shards of a study that take its blocks in turn are put together so, with the memory of one row each.
// It reports an error where a table ends before its last block or goes on behind it.
func Interleave(w io.Writer, tables []iter.Seq2[Trial, error], next func(block int) (table, rows int)) error {
	pull := make([]func() (Trial, error, bool), len(tables))
	for i, table := range tables {
		from, stop := iter.Pull2(table)
		defer stop()
		pull[i] = from
	}
	out := NewWriter(w)
	for block := 0; ; block++ {
		from, rows := next(block)
		if rows == 0 {
			break
		}
		for range rows {
			row, err, ok := pull[from]()
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("trial: table %d of %d ends inside block %d", from+1, len(tables), block+1)
			}
			if err := out.Write(&row); err != nil {
				return err
			}
		}
	}
	for i := range tables {
		_, err, more := pull[i]()
		if err != nil {
			return err
		}
		if more {
			return fmt.Errorf("trial: table %d of %d goes on behind its last block", i+1, len(tables))
		}
	}
	return out.Flush()
}
