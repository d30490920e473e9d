package tensor

import (
	"archive/zip"
	"io"
)

// Named is an array of an NPZ file.
type Named struct {
	Name  string
	Array *Tensor
}

// WriteNPZ writes arrays as an NPZ file, in their order and not compressed, as numpy.savez does.
func WriteNPZ(w io.Writer, arrays ...Named) error {
	archive := zip.NewWriter(w)
	for _, a := range arrays {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := WriteNPY(member, a.Array); err != nil {
			return err
		}
	}
	return archive.Close()
}
