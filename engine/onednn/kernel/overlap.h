// The inner part of a transposed convolution of few outputs, for one set of instructions. A pixel's outputs and taps are the lanes of vectors.
#include "special.h"

#include <string.h>

enum { TOGETHER = 8 }; // pixels that share a load of the weights

#define PIXELS(name, count)                                                                       \
  static void name(const kernel_overlap *o, const float *x, float *to) {                          \
    for (int64_t l = 0; l < o->width; l += 16) {                                                  \
      lane sum[count];                                                                            \
      for (int i = 0; i < count; i++) sum[i] = (lane){0};                                         \
      for (int64_t c = 0; c < o->channels; c++) {                                                 \
        lane w = LOAD_LANE(o->packed + c * o->width + l);                                         \
        for (int i = 0; i < count; i++) sum[i] += x[i * o->channels + c] * w;                     \
      }                                                                                           \
      for (int i = 0; i < count; i++) memcpy(to + i * o->width + l, &sum[i], sizeof sum[i]);      \
    }                                                                                             \
  }

PIXELS(some_pixels, TOGETHER)
PIXELS(one_pixel, 1)

// add adds what a row of pixels gives to the rows of one sample's out that its windows reach.
static void add_row(const kernel_overlap *o, int64_t y, const float *pixels, float *out) {
  int64_t step = o->stride[1], columns = o->out_size[1];
  for (int64_t k = 0; k < o->outputs; k++) {
    for (int64_t i = 0; i < o->window[0]; i++) {
      int64_t row = y * o->stride[0] + i * o->dilation[0] - o->pad[0];
      if (row < 0 || row >= o->out_size[0]) continue;
      float *to = out + (k * o->out_size[0] + row) * columns;
      for (int64_t j = 0; j < o->window[1]; j++) {
        const float *from = pixels + (k * o->window[0] + i) * o->window[1] + j;
        int64_t at = j * o->dilation[1] - o->pad[1], first = at < 0 ? (step - 1 - at) / step : 0;
        int64_t last = at < columns ? (columns - 1 - at) / step : -1;
        if (last >= o->size[1]) last = o->size[1] - 1;
        for (int64_t x = first; x <= last; x++) to[x * step + at] += from[x * o->width];
      }
    }
  }
}

int OVERLAP(const void *argument, int64_t first, int64_t last, int part) {
  const kernel_overlap *o = argument;
  int64_t columns = o->size[1], plane = o->outputs * o->out_size[0] * o->out_size[1];
  float *pixels = o->scratch + part * columns * o->width;
  for (int64_t n = first; n < last; n++) {
    float *out = o->out + n * plane;
    memset(out, 0, plane * sizeof(float));
    for (int64_t y = 0; y < o->size[0]; y++) {
      const float *x = o->x + (n * o->size[0] + y) * columns * o->channels;
      int64_t i = 0;
      for (; i + TOGETHER <= columns; i += TOGETHER) some_pixels(o, x + i * o->channels, pixels + i * o->width);
      for (; i < columns; i++) one_pixel(o, x + i * o->channels, pixels + i * o->width);
      add_row(o, y, pixels, out);
    }
  }
  return 0;
}
