package stimulus

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/stimulus/raster"
	"visus/tensor"
)

// tree is a folder as text: names of files, "" for an image whose grey level is its place in the list.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), picture(t, byte(i)))
	}
	return dir
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func picture(t *testing.T, level byte) []byte {
	t.Helper()
	m := raster.New(2, 1)
	for i := range m.Pix {
		m.Pix[i] = level
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// listing writes a collection as text: kind, then condition: id=category#first byte of the pixels.
func listing(t *testing.T, c *Collection) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(c.Kind)
	for _, condition := range c.Conditions {
		fmt.Fprintf(&b, "\n%s:", condition.Name)
		for i := range condition.Len() {
			m, err := condition.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			item := condition.Item(i)
			fmt.Fprintf(&b, " %s=%s#%d", item.ID, item.Category, m.Pix[0])
		}
	}
	return b.String()
}

func opened(t *testing.T, path string, o Options, want string) {
	t.Helper()
	c, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func refused(t *testing.T, path string, o Options, want string) {
	t.Helper()
	c, err := Open(path, o)
	if err == nil {
		t.Fatalf("opened as %s; want %s", c.Kind, want)
	}
	got := strings.ReplaceAll(strings.ReplaceAll(err.Error(), path, "SET"), filepath.Dir(path), "DIR")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClassFolders(t *testing.T) {
	dir := tree(t, "dog/b.png", "dog/a.PNG", "cat/2/y.png", "cat/1/x.png", ".git/z.png", "dog/._a.png", "__MACOSX/q.png", "dog/Thumbs.db", "notes/read.txt", "Cat/k.png", "desktop.ini")
	opened(t, dir, Options{}, "class folders\nclean: Cat/k.png=Cat#9 cat/1/x.png=cat#3 cat/2/y.png=cat#2 dog/a.PNG=dog#1 dog/b.png=dog#0")
}

func TestClassesNamedByNumbers(t *testing.T) {
	opened(t, tree(t, "train/0/a.png", "train/1/b.png"), Options{}, "class folders\nclean: train/0/a.png=train#0 train/1/b.png=train#1")
	opened(t, tree(t, "10/a.png", "9/b.png"), Options{}, "class folders\nclean: 10/a.png=10#0 9/b.png=9#1")
}

func TestFlatFolder(t *testing.T) {
	opened(t, tree(t, "b.png", "a b.png", "ü猫.png", "drawing.svg", "empty/readme.txt"), Options{}, "folder\nclean: a b.png=#1 b.png=#0 ü猫.png=#2")
}

func TestSingleFile(t *testing.T) {
	opened(t, filepath.Join(tree(t, "a.png", "b.png"), "b.png"), Options{}, "file\nclean: b.png=#1")
}

func TestLinksAreFollowed(t *testing.T) {
	dir := tree(t, "cat/a.png")
	other := tree(t, "x.png", "y.png")
	if err := os.Symlink(other, filepath.Join(dir, "dog")); err != nil {
		t.Skip(err)
	}
	opened(t, dir, Options{}, "class folders\nclean: cat/a.png=cat#0 dog/x.png=dog#0 dog/y.png=dog#1")
	if err := os.Symlink(dir, filepath.Join(dir, "cat", "again")); err != nil {
		t.Skip(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "does a link point to a folder above it?") {
		t.Error(err)
	}
}

func TestCSV(t *testing.T) {
	for _, c := range []struct{ name, table, column, want string }{
		{"plain", "file,label\nb.png,dog\na.png,cat\n", "", "a.png=cat#0 b.png=dog#1"},
		{"other order, mark, spaces, CRLF", "\xef\xbb\xbfLabel, Filename\r\ndog, b.png\r\n\"a, \"\"cat\"\"\",a.png\r\n", "", `a.png=a, "cat"#0 b.png=dog#1`},
		{"semicolons and a path", "path;class\nsub/c.png;bird\n", "", "sub/c.png=bird#2"},
		{"the most telling column", "file,class_index,wnid,name\na.png,7,n01514668,cock\n", "", "a.png=n01514668#0"},
		{"the column asked for", "file,class_index,wnid,name\na.png,7,n01514668,cock\n", "Name", "a.png=cock#0"},
		{"no category", "file,label\na.png,\n", "", "a.png=#0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t, "a.png", "b.png", "sub/c.png")
			write(t, filepath.Join(dir, "table.csv"), []byte(c.table))
			opened(t, dir, Options{LabelColumn: c.column}, "csv\nclean: "+c.want)
			opened(t, filepath.Join(dir, "table.csv"), Options{LabelColumn: c.column}, "csv\nclean: "+c.want)
		})
	}
}

func TestSeveralCSVs(t *testing.T) {
	dir := tree(t, "a.png")
	write(t, filepath.Join(dir, "x.csv"), []byte("file,label\na.png,1\n"))
	write(t, filepath.Join(dir, "y.csv"), []byte("file,label\na.png,2\n"))
	refused(t, dir, Options{}, "stimulus: folder SET holds 2 CSV files (x.csv, y.csv); name the one with the labels labels.csv")
	write(t, filepath.Join(dir, "Labels.csv"), []byte("file,label\na.png,3\n"))
	opened(t, dir, Options{}, "csv\nclean: a.png=3#0")
}

func TestBadCSV(t *testing.T) {
	for _, c := range []struct{ table, column, want string }{
		{"", "", "stimulus: SET/t.csv: the table is empty; expected a header with the columns file and label"},
		{"file,label\n", "", "stimulus: SET/t.csv: the table has a header but no rows"},
		{"id,label\n", "", "stimulus: SET/t.csv: no column file (or filename, file_name, path, image); the columns are id, label"},
		{"file,size\n", "", "stimulus: SET/t.csv: no column label (or class, category, wnid, class_index, name); the columns are file, size"},
		{"file,label\na.png,1\n", "wnid", "stimulus: SET/t.csv: no column wnid; the columns are file, label"},
		{"file,label\na.png,1\nx.png,1\ny.png,1\nz.png,2\n", "", "stimulus: SET/t.csv names 3 of 4 files that are not in SET: x.png, y.png, z.png"},
		{"file,label\n1,\n2,\n3,\n4,\n5,\n6,\n7,\n", "", "stimulus: SET/t.csv names 7 of 7 files that are not in SET: 1, 2, 3, 4, 5 and 2 more"},
		{"file,label\na.png,1\n\na.png,2\n", "", `stimulus: SET/t.csv: line 4: column file: "a.png" stands in line 2 already`},
		{"file,label\n../a.png,1\n", "", `stimulus: SET/t.csv: line 2: column file: "../a.png" is not the name of a file below the table's folder`},
		{"file,label\n,1\n", "", `stimulus: SET/t.csv: line 2: column file: "" is not the name of a file below the table's folder`},
		{"file,label\na.png\n", "", "stimulus: SET/t.csv: record on line 2: wrong number of fields"},
	} {
		dir := tree(t, "a.png")
		write(t, filepath.Join(dir, "t.csv"), []byte(c.table))
		refused(t, dir, Options{LabelColumn: c.column}, c.want)
	}
}

func TestImageNetC(t *testing.T) {
	dir := tree(t, "fog/1/n01/a.JPEG", "fog/2/n01/a.JPEG", "snow/5/n02/b.png", "snow/5/n01/a.png")
	opened(t, dir, Options{}, "imagenet-c\nfog-1: n01/a.JPEG=n01#0\nfog-2: n01/a.JPEG=n01#1\nsnow-5: n01/a.png=n01#3 n02/b.png=n02#2")
	refused(t, tree(t, "fog/1/n01/readme.txt"), Options{}, "stimulus: SET/fog/1 holds no images (png, jpg, jpeg, webp, bmp, gif, tif, tiff)")
}

func TestBadFolders(t *testing.T) {
	refused(t, filepath.Join(t.TempDir(), "none"), Options{}, "stimulus: there is no file or folder SET")
	refused(t, t.TempDir(), Options{}, "stimulus: folder SET holds no images (png, jpg, jpeg, webp, bmp, gif, tif, tiff)")
	refused(t, tree(t, "cat/a.txt", "dog/b.txt"), Options{}, "stimulus: folder SET holds folders (cat, dog) but no images in them (png, jpg, jpeg, webp, bmp, gif, tif, tiff)")
	refused(t, tree(t, "x.png", "cat/a.png"), Options{}, "stimulus: folder SET holds images (x.png) beside folders with images (cat); expected either images or one folder a class")
	refused(t, filepath.Join(tree(t, "a.txt"), "a.txt"), Options{}, "stimulus: SET is neither an image (png, jpg, jpeg, webp, bmp, gif, tif, tiff) nor an .npz, .csv or IDX file")
	refused(t, filepath.Join(tree(t, "a.npy"), "a.npy"), Options{}, "stimulus: SET is one array; give the folder that holds it and labels.npy")
}

func TestImageErrorNamesTheFile(t *testing.T) {
	dir := tree(t, "cat/a.png")
	write(t, filepath.Join(dir, "cat", "b.png"), []byte("no image"))
	c, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Conditions[0].Image(1); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "cat", "b.png")) {
		t.Errorf("error %v does not name the file", err)
	}
}

// bytesOf returns n values counting from 0.
func bytesOf(n int) []uint8 {
	out := make([]uint8, n)
	for i := range out {
		out[i] = uint8(i)
	}
	return out
}

func npy[T tensor.Element](t *testing.T, values []T, shape ...int) []byte {
	t.Helper()
	x, err := tensor.Of(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tensor.WriteNPY(&out, x); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// npz writes name, array, name, array ...
func npz(t *testing.T, method uint16, parts ...any) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: parts[i].(string) + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(parts[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "set.npz")
	write(t, file, out.Bytes())
	return file
}

func TestNPZ(t *testing.T) {
	scaled := make([]float32, 12)
	for i := range scaled {
		scaled[i] = float32(i*20) / 255
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		labels := npy(t, []int64{7, -1}, 2)
		for _, c := range []struct {
			name, file, want string
			last             []uint8 // pixels of the last image
		}{
			{"rgb", npz(t, method, "x", npy(t, bytesOf(12), 2, 1, 2, 3), "y", labels), "set/0=7#0 set/1=-1#6", []uint8{6, 7, 8, 9, 10, 11}},
			{"planes", npz(t, method, "index", npy(t, bytesOf(2), 2), "images", npy(t, bytesOf(12), 2, 3, 1, 2), "labels", npy(t, []uint8{7, 3}, 2, 1)), "set/0=7#0 set/1=3#6", []uint8{6, 8, 10, 7, 9, 11}},
			{"grey", npz(t, method, "x", npy(t, bytesOf(4), 2, 1, 2)), "set/0=#0 set/1=#2", []uint8{2, 2, 2, 3, 3, 3}},
			{"grey with an axis", npz(t, method, "x", npy(t, bytesOf(4), 2, 1, 2, 1)), "set/0=#0 set/1=#2", []uint8{2, 2, 2, 3, 3, 3}},
			{"floats", npz(t, method, "x", npy(t, scaled, 2, 1, 2, 3), "y", npy(t, []float64{7, 3}, 2)), "set/0=7#0 set/1=3#120", []uint8{120, 140, 160, 180, 200, 220}},
		} {
			t.Run(fmt.Sprint(c.name, method), func(t *testing.T) {
				opened(t, c.file, Options{}, "npz\nclean: "+c.want)
				set, err := Open(filepath.Dir(c.file), Options{}) // the folder does as well
				if err != nil {
					t.Fatal(err)
				}
				defer set.Close()
				m, err := set.Conditions[0].Image(1)
				if err != nil || m.Width != 2 || m.Height != 1 || !slices.Equal(m.Pix, c.last) {
					t.Errorf("got %v, %v; want %v", m, err, c.last)
				}
				if _, err := set.Conditions[0].Image(2); err == nil {
					t.Error("image 2 of 2 was loaded")
				}
			})
		}
	}
}

func TestBadNPZ(t *testing.T) {
	x := npy(t, bytesOf(12), 2, 1, 2, 3)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		refused(t, npz(t, method, "a", x, "b", x), Options{}, "stimulus: SET: no array x or images; it holds a, b")
		refused(t, npz(t, method, "x", npy(t, bytesOf(12), 12)), Options{}, "stimulus: SET: x.npy: shape [12] is not that of images: expected [n,h,w], [n,h,w,3] or [n,3,h,w]")
		refused(t, npz(t, method, "x", npy(t, bytesOf(0), 0, 1, 2, 3)), Options{}, "stimulus: SET: x.npy: shape [0 1 2 3] holds no images")
		refused(t, npz(t, method, "x", x, "y", npy(t, bytesOf(3), 3)), Options{}, "stimulus: SET: 2 images but 3 labels")
		refused(t, npz(t, method, "x", x, "y", npy(t, []float32{1.5, 2}, 2)), Options{}, "stimulus: SET: y.npy: label 0 is 1.5, not a whole number")
		refused(t, npz(t, method, "x", x, "y", npy(t, bytesOf(4), 2, 2)), Options{}, "stimulus: SET: y.npy: shape [2 2] is not that of labels: expected one number an image")
		refused(t, npz(t, method, "x", npy(t, []int64{1, 2}, 1, 1, 2)), Options{}, "stimulus: SET: x.npy: images of int64; expected uint8")
		refused(t, npz(t, method, "x", npy(t, []float32{0, 0.3333}, 1, 1, 2)), Options{},
			"stimulus: SET: x.npy: value 1 is 0.33329999446868896; floating-point images are read only where every value is k/255 in 0..1: store them as uint8")
		refused(t, npz(t, method, "x", x[:len(x)-1]), Options{}, "stimulus: SET: x.npy: the data ends after 11 of 12 bytes")
	}
	file := filepath.Join(t.TempDir(), "set.npz")
	write(t, file, []byte("PK"))
	refused(t, file, Options{}, "stimulus: SET: not an NPZ file: zip: not a valid zip file")
}

func TestUnpackBeyondMemory(t *testing.T) {
	data := bytes.Repeat([]byte("visus"), maxHeld/5+100)
	r, file, err := unpack(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	tail := make([]byte, 10)
	if _, err := r.ReadAt(tail, int64(len(data)-10)); err != nil || string(tail) != "visusvisus" {
		t.Errorf("%q, %v", tail, err)
	}
	name := r.(*os.File).Name()
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Errorf("%s is left", name)
	}
	if _, _, err := unpack(bytes.NewReader(data), int64(len(data)+1)); err == nil {
		t.Error("missing bytes were not reported")
	}
}

func TestCIFARC(t *testing.T) {
	for name, labels := range map[string][]byte{
		"as published": npy(t, []uint8{3, 8, 3, 8, 3, 8, 3, 8, 3, 8}, 10),
		"once":         npy(t, []int64{3, 8}, 2),
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "C")
			write(t, filepath.Join(dir, "labels.npy"), labels)
			write(t, filepath.Join(dir, "snow.npy"), npy(t, bytesOf(30), 10, 1, 1, 3))
			write(t, filepath.Join(dir, "fog.npy"), npy(t, bytesOf(30), 10, 1, 1, 3))
			opened(t, dir, Options{}, "cifar-c"+
				"\nfog-1: C/0=3#0 C/1=8#3\nfog-2: C/0=3#6 C/1=8#9\nfog-3: C/0=3#12 C/1=8#15\nfog-4: C/0=3#18 C/1=8#21\nfog-5: C/0=3#24 C/1=8#27"+
				"\nsnow-1: C/0=3#0 C/1=8#3\nsnow-2: C/0=3#6 C/1=8#9\nsnow-3: C/0=3#12 C/1=8#15\nsnow-4: C/0=3#18 C/1=8#21\nsnow-5: C/0=3#24 C/1=8#27")
		})
	}
}

func TestBadCIFARC(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "fog.npy"), npy(t, bytesOf(33), 11, 1, 1, 3))
	refused(t, dir, Options{}, "stimulus: folder SET holds arrays (fog.npy) but no labels.npy")
	write(t, filepath.Join(dir, "labels.npy"), npy(t, bytesOf(10), 10))
	refused(t, dir, Options{}, "stimulus: SET/fog.npy: 11 images but 10 labels; expected 5 severities of the labelled images one behind the other")
	write(t, filepath.Join(dir, "fog.npy"), npy(t, bytesOf(30), 10, 1, 1, 3)[:150])
	refused(t, dir, Options{}, "stimulus: SET/fog.npy: the data ends after 22 of 30 bytes")
	write(t, filepath.Join(dir, "fog.npy"), npy(t, make([]float32, 30), 10, 1, 1, 3))
	refused(t, dir, Options{}, "stimulus: SET/fog.npy: images of float32; expected uint8")
	os.Remove(filepath.Join(dir, "fog.npy"))
	refused(t, dir, Options{}, "stimulus: folder SET holds labels.npy but no arrays of images")
}

func idx(kind byte, data []byte, shape ...uint32) []byte {
	out := []byte{0, 0, kind, byte(len(shape))}
	for _, d := range shape {
		out = binary.BigEndian.AppendUint32(out, d)
	}
	return append(out, data...)
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestIDX(t *testing.T) {
	images, labels := idx(8, bytesOf(12), 3, 2, 2), idx(8, []byte{5, 0, 4}, 3)
	const want = "idx\nclean: t10k-images-idx3-ubyte/0=5#0 t10k-images-idx3-ubyte/1=0#4 t10k-images-idx3-ubyte/2=4#8"
	dir := t.TempDir()
	write(t, filepath.Join(dir, "t10k-images-idx3-ubyte.gz"), zipped(t, images))
	opened(t, dir, Options{}, strings.NewReplacer("=5", "=", "=0", "=", "=4", "=").Replace(want))
	write(t, filepath.Join(dir, "t10k-labels-idx1-ubyte.gz"), zipped(t, labels))
	opened(t, dir, Options{}, want)
	write(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), images)
	write(t, filepath.Join(dir, "train-images-idx3-ubyte"), []byte("not read"))
	opened(t, dir, Options{}, want)
	opened(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), Options{}, want)
}

func TestBadIDX(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.idx3-ubyte")
	for _, c := range []struct {
		data []byte
		want string
	}{
		{[]byte("text"), "stimulus: SET: not an IDX file (it does not begin with two zero bytes and a type)"},
		{idx(0x0d, nil, 1, 1, 1), "stimulus: SET: element type 0x0d; expected 0x08, unsigned bytes"},
		{idx(8, nil, 1, 1, 1)[:9], "stimulus: SET: the file ends inside its header"},
		{idx(8, nil, 1, 1), "stimulus: SET: shape [1 1] is not that of images: expected [n,h,w], [n,h,w,3] or [n,3,h,w]"},
		{idx(8, nil, 1<<31, 1<<31, 1), "stimulus: SET: shape [2147483648 2147483648] is larger than any data set"},
		{idx(8, bytesOf(3), 1, 2, 2), "stimulus: SET: the data ends after 3 of 4 bytes"},
	} {
		write(t, file, c.data)
		refused(t, file, Options{}, c.want)
	}
	write(t, file, idx(8, bytesOf(4), 1, 2, 2))
	write(t, filepath.Join(filepath.Dir(file), "a.idx1-ubyte"), idx(8, bytesOf(2), 2))
	refused(t, file, Options{}, "stimulus: DIR/a.idx1-ubyte: 1 images but 2 labels")
	write(t, file+".gz", zipped(t, idx(8, bytesOf(3), 1, 2, 2)))
	refused(t, file+".gz", Options{}, "stimulus: SET: the data ends after 3 of 4 bytes")
}

func TestGoldenSets(t *testing.T) {
	compared := 0
	for _, table := range golden.Files(t, "corruptions", "*/labels.csv") {
		c, err := Open(filepath.Dir(table), Options{LabelColumn: "wnid"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Conditions[0].Len() { // file names of the set are index_wnid.jpg
			item := c.Conditions[0].Item(i)
			if !strings.Contains(item.ID, item.Category) || !strings.HasPrefix(item.Category, "n") {
				t.Errorf("%s: category %s", item.ID, item.Category)
			}
			compared++
		}
	}
	for _, archive := range golden.Files(t, "corruptions", "cifar/*.npz") {
		want := golden.Arrays(t, archive)
		c, err := Open(archive, Options{})
		if err != nil {
			t.Fatal(err)
		}
		pixels, set := want["x"].Bytes(), c.Conditions[0]
		size := len(pixels) / set.Len()
		for i := range set.Len() {
			m, err := set.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(m.Pix, pixels[i*size:(i+1)*size]) || set.Item(i).Category != fmt.Sprint(want["y"].Floats()[i]) {
				t.Errorf("%s: image %d differs", archive, i)
			}
			compared++
		}
		c.Close()
	}
	for _, dir := range golden.Files(t, "corruptions", "cifar/*_folder") {
		c, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		classes, err := os.ReadDir(dir)
		if err != nil || c.Kind != "class folders" || c.Conditions[0].Len() < len(classes) {
			t.Errorf("%s: %s of %d images, %d classes, %v", dir, c.Kind, c.Conditions[0].Len(), len(classes), err)
		}
		compared += c.Conditions[0].Len()
	}
	t.Logf("compared %d cases", compared)
}
