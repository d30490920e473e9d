package trial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"visus/internal/filelock"
)

// The names of the table in a result folder: while the study runs, and when it is finished.
const (
	PartFile  = "trials.part.csv"
	TableFile = "trials.csv"
)

// ErrFinished says that a folder holds the table of a study that ran to its end.
var ErrFinished = errors.New("the study is finished")

// ErrInUse says that another process writes the same journal.
var ErrInUse = filelock.ErrInUse

// Journal is the record of a running study, made so that the study can be killed at any moment and go on.
//
// A study writes its rows in a fixed order, in blocks, such as one batch of stimuli seen by all observers under one condition; it knows how many rows each block has.
// The file always holds whole blocks, but for the last one where the process or the machine died while it was written. Opening the journal again cuts off that
// remainder and says how many blocks are there, so the study goes on with the next one, and the finished file is the same as without the interruption.
type Journal struct {
	dir       string
	file      *os.File
	blockRows func(block int) int
	blocks    int // whole ones in the file
	rows      int // in them
	pending   int // rows of the next block in buf
	buf       []byte
	row       rowWriter
	synced    time.Time
	err       error
}

// syncInterval bounds what a power failure costs; a killed process loses only the block in memory.
const syncInterval = 2 * time.Second

// OpenJournal creates or reopens the journal in an existing folder. blockRows returns the number of rows of block 0, 1, 2, …, and 0 behind the last one.
// It returns ErrFinished where the folder holds a finished table, ErrInUse where another process has the journal open,
// and an error where the file is not a trial table or has more rows than the study.
func OpenJournal(dir string, blockRows func(block int) int) (*Journal, error) {
	path := filepath.Join(dir, PartFile)
	if _, err := os.Stat(filepath.Join(dir, TableFile)); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrFinished
		}
		return nil, fmt.Errorf("trial: %s: %w", filepath.Join(dir, TableFile), err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	j := &Journal{dir: dir, file: f, blockRows: blockRows, synced: time.Now()}
	if err = filelock.Lock(f); err == nil {
		err = j.recover()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("trial: %s: %w", path, err), f.Close())
	}
	return j, nil
}

// recover finds the end of the last whole block and cuts off what follows.
func (j *Journal) recover() error {
	end, err := j.headerEnd()
	if err != nil {
		return err
	}
	if end == 0 {
		j.buf = append(j.buf, Header+"\n"...)
	} else if end, err = j.lastBoundary(end); err != nil {
		return err
	}
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	if _, err := j.file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	return nil
}

// headerEnd returns 0 where the file holds nothing or a piece of the header.
func (j *Journal) headerEnd() (int64, error) {
	want := []byte(Header + "\n")
	got := make([]byte, len(want))
	n, err := io.ReadFull(j.file, got)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	if !bytes.HasPrefix(want, got[:n]) {
		return 0, fmt.Errorf("the file does not begin with the header %s; another program or version wrote it", Header)
	}
	if n < len(want) {
		return 0, nil
	}
	return int64(n), nil
}

// lastBoundary counts whole blocks behind the header. A row that cannot be split ends the count: it is where a write broke off.
func (j *Journal) lastBoundary(header int64) (int64, error) {
	scan := scanner{r: j.file, offset: header}
	end, rows := header, 0
	size := j.blockRows(0)
	columns := bytes.Count([]byte(Header), []byte(",")) + 1
	for {
		cells, err := scan.next()
		if err != nil {
			var broken *fs.PathError
			if errors.As(err, &broken) { // the disk, not the text
				return 0, err
			}
			return end, nil
		}
		if !scan.terminated || len(cells) != columns {
			return end, nil
		}
		if size <= 0 {
			return 0, fmt.Errorf("the file holds more than the %d rows of this study; it belongs to another one", j.rows)
		}
		if rows++; rows == size {
			end = scan.offset
			j.blocks++
			j.rows += rows
			rows, size = 0, j.blockRows(j.blocks)
		}
	}
}

// Blocks returns how many whole blocks are recorded: the study goes on with the block of this number.
func (j *Journal) Blocks() int { return j.blocks }

// Rows returns how many rows the whole blocks have.
func (j *Journal) Rows() int { return j.rows }

// Write appends one row. With the last row of a block the block goes to the file at once. Errors, such as a full disk, are kept: every later call returns the first one.
func (j *Journal) Write(t *Trial) error {
	if j.err != nil {
		return j.err
	}
	size := j.blockRows(j.blocks)
	if size <= 0 {
		return j.fail(fmt.Errorf("a row behind the last of %d blocks", j.blocks))
	}
	b, err := j.row.append(j.buf, t)
	if err != nil {
		j.err = err
		return err
	}
	j.buf = b
	if j.pending++; j.pending < size {
		return nil
	}
	if _, err := j.file.Write(j.buf); err != nil {
		return j.fail(err)
	}
	j.blocks++
	j.rows += j.pending
	j.pending, j.buf = 0, j.buf[:0]
	if time.Since(j.synced) < syncInterval {
		return nil
	}
	j.synced = time.Now()
	return j.sync()
}

func (j *Journal) sync() error {
	if err := j.file.Sync(); err != nil {
		return j.fail(err)
	}
	return nil
}

func (j *Journal) fail(err error) error {
	j.err = fmt.Errorf("trial: %s: %w", filepath.Join(j.dir, PartFile), err)
	return j.err
}

// Close closes the journal of a study that stops early. Whole blocks are kept; the rows of an unfinished block are dropped. After Finish it does nothing.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	err := j.err
	if err == nil {
		err = j.sync()
	}
	if closed := j.file.Close(); err == nil && closed != nil {
		err = j.fail(closed)
	}
	j.file = nil
	if j.err == nil {
		j.fail(fs.ErrClosed) // what later calls return
	}
	return err
}

// Finish makes the journal the finished table, in one step that either happens or does not. It reports an error where blocks are missing.
func (j *Journal) Finish() error {
	if j.err != nil {
		return j.err
	}
	if missing := j.blockRows(j.blocks) - j.pending; missing > 0 {
		return j.fail(fmt.Errorf("block %d lacks %d rows", j.blocks, missing))
	}
	if len(j.buf) > 0 { // the header of a study without rows
		if _, err := j.file.Write(j.buf); err != nil {
			return j.fail(err)
		}
		j.buf = j.buf[:0]
	}
	if err := j.Close(); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(j.dir, PartFile), filepath.Join(j.dir, TableFile)); err != nil {
		return fmt.Errorf("trial: %w", err)
	}
	return syncFolder(j.dir)
}
