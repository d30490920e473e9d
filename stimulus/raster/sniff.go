package raster

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// sniff returns the name of a file's format, and whether the name is that of a format at all and not a description.
func sniff(data []byte) (name string, known bool) {
	starts := func(at int, magic string) bool {
		return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
	}
	switch {
	case len(data) == 0:
		return "", false
	case starts(0, "\x89PNG\r\n\x1a\n"):
		return "PNG", true
	case starts(0, "\xff\xd8"):
		return "JPEG", true
	case starts(0, "RIFF") && starts(8, "WEBP"):
		return "WebP", true
	case starts(0, "BM"):
		return "BMP", true
	case starts(0, "GIF87a") || starts(0, "GIF89a"):
		return "GIF", true
	case starts(0, "II*\x00") || starts(0, "MM\x00*"):
		return "TIFF", true
	}
	return sniffOther(data, starts)
}

// sniffOther names what cannot be read, to tell a person what the file is.
func sniffOther(data []byte, starts func(int, string) bool) (string, bool) {
	switch {
	case starts(4, "ftypavi"):
		return "AVIF", true
	case starts(4, "ftyphe") || starts(4, "ftypmif1") || starts(4, "ftypmsf1"):
		return "HEIC", true
	case starts(4, "ftyp"):
		return "MP4", true
	case starts(0, "\xff\x0a") || starts(0, "\x00\x00\x00\x0cJXL "):
		return "JPEG XL", true
	case starts(0, "\x00\x00\x00\x0cjP  "):
		return "JPEG 2000", true
	case starts(0, "8BPS"):
		return "Photoshop", true
	case starts(0, "%PDF"):
		return "PDF", true
	case starts(0, "PK\x03\x04"):
		return "ZIP", true
	case bytes.Contains(data[:min(len(data), 512)], []byte("<svg")):
		return "SVG", true
	case utf8.Valid(data[:min(len(data), 256)&^3]) && bytes.IndexByte(data, 0) < 0:
		return "text", false
	}
	return "unknown bytes", false
}

func notAnImage(name string, known bool) error {
	const readable = "PNG, JPEG, WebP, BMP, GIF or TIFF"
	switch {
	case name == "":
		return errors.New("the file is empty")
	case known:
		return fmt.Errorf("%s files cannot be read; convert it to %s", name, readable)
	}
	return fmt.Errorf("no image: expected %s, found %s", readable, name)
}
