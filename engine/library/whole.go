package library

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// Whole reports an error where a library ends before what its own headers promise, as after an interrupted copy. The system's loader maps
// such a file all the same, and the process dies where it touches what is missing. What is no ELF file at all is left to the loader.
func Whole(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil // the loader says it better
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	magic := make([]byte, len(elf.ELFMAG))
	if n, _ := file.ReadAt(magic, 0); !bytes.Equal(magic[:n], []byte(elf.ELFMAG)) {
		return nil
	}
	e, err := elf.NewFile(file)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it is cut off after %d bytes", info.Size())
	}
	if err != nil {
		return nil
	}
	for _, p := range e.Progs {
		if end := p.Off + p.Filesz; p.Type == elf.PT_LOAD && end > uint64(info.Size()) {
			return fmt.Errorf("it is cut off after %d of %d bytes", info.Size(), end)
		}
	}
	return nil
}
