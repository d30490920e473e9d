//go:build unix && cgo

// Kernels that read between entries: sparse matrices along a dimension, and GridSample with its gradients.
#include "options.h"
#include "special.h"

#include <math.h>
#include <string.h>

// mix_row adds up what one row of the matrix takes from x [n, behind].
static void mix_row(const kernel_mix *m, int64_t row, const float *x, float *restrict out) {
  int64_t first = m->first[row], last = m->first[row + 1];
  if (m->behind == 1) {
    float sum = 0;
    for (int64_t i = first; i < last; i++) sum += m->weight[i] * x[m->at[i]];
    *out = sum;
    return;
  }
  if (first == last) memset(out, 0, m->behind * sizeof(float));
  for (int64_t i = first; i < last; i++) {
    const float *from = x + m->at[i] * m->behind;
    float weight = m->weight[i];
    if (i == first)
      for (int64_t j = 0; j < m->behind; j++) out[j] = weight * from[j];
    else
      for (int64_t j = 0; j < m->behind; j++) out[j] += weight * from[j];
  }
}

static int mix(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_mix *m = argument;
  const float *x = m->x + first / m->rows * m->n * m->behind;
  int64_t row = first % m->rows;
  for (int64_t u = first; u < last; u++) {
    mix_row(m, row, x, m->out + u * m->behind);
    if (++row < m->rows) continue;
    row = 0;
    x += m->n * m->behind;
  }
  return 0;
}

int kernel_mix_run(void *argument) {
  const kernel_mix *m = argument;
  return kernel_spread(mix, m, m->before * m->rows, m->parts);
}

enum { BLOCK = 64 }; // places that are worked on together

// A spot is where a place of the grid reads: at most eight entries around it, those in the padding left out.
typedef struct {
  int count;
  int64_t at[KERNEL_CORNERS];
  float weight[KERNEL_CORNERS];
  float move[KERNEL_CORNERS][KERNEL_AXES]; // the weight's derivative by the grid's coordinate of an axis
} spot;

// reflect turns a coordinate back at the borders as often as it takes, and the slope with it.
static float reflect(float at, float border, float span, float *slope) {
  if (span == 0) {
    *slope = 0;
    return 0;
  }
  float from = at - border, phase = fmodf(fabsf(from), 2 * span);
  if (from < 0) *slope = -*slope;
  if (phase <= span) return phase + border;
  *slope = -*slope;
  return 2 * span - phase + border;
}

// coordinate is where a number of the grid points along an axis of the size; slope is its derivative. Where clipping holds it, and at the
// borders themselves, nothing moves.
static float coordinate(const kernel_sample *s, float g, float size, float *slope) {
  *slope = s->corners ? (size - 1) / 2 : size / 2;
  float at = (g + 1) * *slope - (s->corners ? 0 : 0.5f);
  if (s->padding == PADDING_ZEROS) return at;
  if (s->padding == PADDING_REFLECTION) at = s->corners ? reflect(at, 0, size - 1, slope) : reflect(at, -0.5f, size, slope);
  if (!(at > 0 && at < size - 1)) *slope = 0;
  return at < 0 ? 0 : at > size - 1 ? size - 1 : at;
}

// add_corner adds the entry on the sides that the bits of corner say, unless it is padding.
static void add_corner(const kernel_sample *s, int corner, const float *low, const float *far, const float *slope, spot *out) {
  int64_t at = 0;
  float weights[KERNEL_AXES], weight = 1;
  for (int i = 0; i < s->axes; i++) {
    int high = corner >> i & 1;
    float place = low[i] + (float)high;
    if (!(place >= 0 && place <= (float)(s->size[i] - 1))) return;
    at = at * s->size[i] + (int64_t)place;
    weights[i] = high ? far[i] : 1 - far[i];
    weight *= weights[i];
  }
  int k = out->count++;
  out->at[k] = at;
  out->weight[k] = weight;
  for (int i = 0; i < s->axes; i++) {
    float move = corner >> i & 1 ? slope[i] : -slope[i];
    for (int other = 0; other < s->axes; other++) move *= other == i ? 1 : weights[other];
    out->move[k][i] = move;
  }
}

// locate finds the spot of a place; the grid names the last axis first.
static void locate(const kernel_sample *s, const float *grid, spot *out) {
  float low[KERNEL_AXES], far[KERNEL_AXES], slope[KERNEL_AXES];
  for (int i = 0; i < s->axes; i++) {
    float at = coordinate(s, grid[s->axes - 1 - i], (float)s->size[i], &slope[i]);
    low[i] = s->nearest ? rintf(at) : floorf(at); // halves to even, as ONNX Runtime
    far[i] = s->nearest ? 0 : at - low[i];
  }
  out->count = 0;
  for (int corner = 0; corner < (s->nearest ? 1 : 1 << s->axes); corner++) add_corner(s, corner, low, far, slope, out);
}

// locate_block finds the spots of at most BLOCK places of a sample from the place on, and returns how many they are.
static int64_t locate_block(const kernel_sample *s, int64_t sample, int64_t place, spot *out) {
  int64_t n = s->places - place < BLOCK ? s->places - place : BLOCK;
  const float *grid = s->grid + (sample * s->places + place) * s->axes;
  for (int64_t p = 0; p < n; p++) locate(s, grid + p * s->axes, &out[p]);
  return n;
}

static int64_t blocks(const kernel_sample *s) { return (s->places + BLOCK - 1) / BLOCK; }

static int64_t area(const kernel_sample *s) {
  int64_t n = 1;
  for (int i = 0; i < s->axes; i++) n *= s->size[i];
  return n;
}

static int sample(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_sample *s = argument;
  int64_t entries = area(s);
  spot spots[BLOCK];
  for (int64_t u = first; u < last; u++) {
    int64_t n = u / blocks(s), place = u % blocks(s) * BLOCK, length = locate_block(s, n, place, spots);
    for (int64_t c = n * s->channels; c < (n + 1) * s->channels; c++) {
      const float *x = s->x + c * entries;
      float *out = s->out + c * s->places + place;
      for (int64_t p = 0; p < length; p++) {
        float sum = 0;
        for (int k = 0; k < spots[p].count; k++) sum += spots[p].weight[k] * x[spots[p].at[k]];
        out[p] = sum;
      }
    }
  }
  return 0;
}

int kernel_sample_run(void *argument) {
  const kernel_sample *s = argument;
  return kernel_spread(sample, s, s->samples * blocks(s), s->parts);
}

// sample_input makes the gradient of the channels from first on and before last, counted through all samples.
static int sample_input(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_sample *s = argument;
  int64_t entries = area(s);
  memset(s->out + first * entries, 0, (last - first) * entries * sizeof(float));
  spot spots[BLOCK];
  while (first < last) {
    int64_t n = first / s->channels, end = (n + 1) * s->channels < last ? (n + 1) * s->channels : last;
    for (int64_t place = 0; place < s->places; place += BLOCK) {
      int64_t length = locate_block(s, n, place, spots);
      for (int64_t c = first; c < end; c++) {
        float *out = s->out + c * entries;
        const float *dy = s->dy + c * s->places + place;
        for (int64_t p = 0; p < length; p++)
          for (int k = 0; k < spots[p].count; k++) out[spots[p].at[k]] += spots[p].weight[k] * dy[p];
      }
    }
    first = end;
  }
  return 0;
}

int kernel_sample_input_run(void *argument) {
  const kernel_sample *s = argument;
  return kernel_spread(sample_input, s, s->samples * s->channels, s->parts);
}

static int sample_grid(const void *argument, int64_t first, int64_t last, int part) {
  (void)part;
  const kernel_sample *s = argument;
  int64_t entries = area(s);
  spot spots[BLOCK];
  for (int64_t u = first; u < last; u++) {
    float pull[BLOCK][KERNEL_CORNERS] = {{0}}; // Σ dy·x over the channels
    int64_t n = u / blocks(s), place = u % blocks(s) * BLOCK, length = locate_block(s, n, place, spots);
    for (int64_t c = n * s->channels; c < (n + 1) * s->channels; c++) {
      const float *x = s->x + c * entries, *dy = s->dy + c * s->places + place;
      for (int64_t p = 0; p < length; p++)
        for (int k = 0; k < spots[p].count; k++) pull[p][k] += dy[p] * x[spots[p].at[k]];
    }
    float *out = s->out + (n * s->places + place) * s->axes;
    for (int64_t p = 0; p < length; p++)
      for (int i = 0; i < s->axes; i++) {
        float sum = 0;
        for (int k = 0; k < spots[p].count; k++) sum += spots[p].move[k][i] * pull[p][k];
        out[p * s->axes + s->axes - 1 - i] = sum;
      }
  }
  return 0;
}

int kernel_sample_grid_run(void *argument) {
  const kernel_sample *s = argument;
  return kernel_spread(sample_grid, s, s->samples * blocks(s), s->parts);
}
