package stimulus

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func FuzzLabels(f *testing.F) {
	f.Add("file,label\na.png,cat\n", "")
	f.Add("name;filename\n\"a\n\";b.png\n", "name")
	f.Fuzz(func(t *testing.T, table, column string) {
		items, err := readLabels(bufio.NewReader(strings.NewReader(table)), column)
		if err != nil {
			return
		}
		if len(items) == 0 || !slices.IsSortedFunc(items, func(a, b Item) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("%d items, sorted they are not", len(items))
		}
		for _, item := range items {
			if !filepath.IsLocal(item.ID) {
				t.Errorf("%q leaves the folder", item.ID)
			}
		}
	})
}

func FuzzIDX(f *testing.F) {
	f.Add(idx(8, bytesOf(12), 3, 2, 2))
	f.Add(idx(8, nil, 1<<31, 1<<31, 4))
	f.Add(idx(8, nil, 0, 2, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "x.idx3-ubyte")
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := Open(file, Options{})
		if err != nil {
			return
		}
		defer c.Close()
		var pixels []byte
		for i := range c.Conditions[0].Len() {
			m, err := c.Conditions[0].Image(i)
			if err != nil {
				t.Fatal(err)
			}
			for p := 0; p < len(m.Pix); p += 3 {
				pixels = append(pixels, m.Pix[p])
			}
		}
		if !bytes.HasPrefix(data[16:], pixels) {
			t.Error("the pixels are not those of the file")
		}
	})
}
