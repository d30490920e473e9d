package degradation

import (
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"visus/stimulus/degrade"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
	"visus/study/session"
)

// The contact sheet: a column for each level, its name above a few images.
const (
	sheetRows    = 4
	sheetCell    = 112 // pixels, the longer side of an image
	sheetGap     = 8
	sheetHeading = 20
)

// drawSheets draws a contact sheet of each manipulation from the files on disk.
func (x *writer) drawSheets(chosen []int) error {
	dir := filepath.Join(x.Out, "figures")
	for _, m := range x.Manipulations {
		sheet, err := x.sheet(m, chosen)
		if err != nil {
			return err
		}
		if sheet == nil {
			continue
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		if err := raster.FromImage(sheet).WritePNG(filepath.Join(dir, m.Name+".png")); err != nil {
			return err
		}
	}
	return nil
}

// sheet returns nil where no image could be made.
func (x *writer) sheet(m degrade.Manipulation, chosen []int) (*image.RGBA, error) {
	rows := min(sheetRows, len(chosen))
	canvas := image.NewRGBA(image.Rect(0, 0, sheetGap+len(m.Levels)*(sheetCell+sheetGap), sheetHeading+rows*(sheetCell+sheetGap)))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	text := font.Drawer{Dst: canvas, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13}
	drawn := 0
	for column, level := range m.Levels {
		left := sheetGap + column*(sheetCell+sheetGap)
		text.Dot = fixed.P(left, sheetHeading-6)
		text.DrawString(level)
		files := x.filesAt(m, level, chosen)
		for row, at := range session.Spread(rows, len(files)) {
			if row == rows {
				break
			}
			picture, err := raster.ReadFile(files[at], raster.Options{})
			if err != nil {
				return nil, err
			}
			small := thumbnail(picture)
			place := image.Pt(left, sheetHeading+row*(sheetCell+sheetGap))
			draw.Draw(canvas, image.Rectangle{Min: place, Max: place.Add(small.Bounds().Max)}, small, image.Point{}, draw.Src)
			drawn++
		}
	}
	if drawn == 0 {
		return nil, nil
	}
	return canvas, nil
}

// filesAt lists the files of a level that could be made.
func (x *writer) filesAt(m degrade.Manipulation, level string, chosen []int) []string {
	var files []string
	for _, i := range chosen {
		if x.OneLevel && x.levelsOf(m, i)[0] != level {
			continue
		}
		file, err := x.file(m, level, i)
		if err != nil {
			continue // it could not be written
		}
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files
}

// thumbnail brings the longer side to the size of a cell; small images are enlarged pixel by pixel.
func thumbnail(m *raster.Image) *raster.Image {
	long, filter := max(m.Width, m.Height), resample.Box
	if long < sheetCell {
		filter = resample.Nearest
	}
	return resample.Resize(m, m.Width*sheetCell/long, m.Height*sheetCell/long, filter)
}
