// The inner loops: one for each operator and for each form, whose bits say which arguments are one value instead of a tile.
// out may be the very tile of an argument.
#if defined(__clang__)
#define EACH _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)
#else
#define EACH _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
#endif

typedef void tile(float *out, const float *pa, const float *pb, const float *pc, int64_t n);

#define UNARY(name, value)                                                                        \
  static void name(float *out, const float *pa, const float *pb, const float *pc, int64_t n) {    \
    EACH {                                                                                        \
      float a = pa[i];                                                                            \
      out[i] = value;                                                                             \
    }                                                                                             \
  }

#define BINARY_FORM(name, A, B, value)                                                            \
  static void name(float *out, const float *pa, const float *pb, const float *pc, int64_t n) {    \
    float sa = *pa, sb = *pb;                                                                     \
    (void)sa, (void)sb;                                                                           \
    EACH {                                                                                        \
      float a = A, b = B;                                                                         \
      out[i] = value;                                                                             \
    }                                                                                             \
  }

#define BINARY(name, value)                     \
  BINARY_FORM(name##0, pa[i], pb[i], value)     \
  BINARY_FORM(name##1, sa, pb[i], value)        \
  BINARY_FORM(name##2, pa[i], sb, value)

#define TERNARY_FORM(name, A, B, C, value)                                                        \
  static void name(float *out, const float *pa, const float *pb, const float *pc, int64_t n) {    \
    float sa = *pa, sb = *pb, sc = *pc;                                                           \
    (void)sa, (void)sb, (void)sc;                                                                 \
    EACH {                                                                                        \
      float a = A, b = B, c = C;                                                                  \
      out[i] = value;                                                                             \
    }                                                                                             \
  }

#define TERNARY(name, value)                            \
  TERNARY_FORM(name##0, pa[i], pb[i], pc[i], value)     \
  TERNARY_FORM(name##1, sa, pb[i], pc[i], value)        \
  TERNARY_FORM(name##2, pa[i], sb, pc[i], value)        \
  TERNARY_FORM(name##3, sa, sb, pc[i], value)           \
  TERNARY_FORM(name##4, pa[i], pb[i], sc, value)        \
  TERNARY_FORM(name##5, sa, pb[i], sc, value)           \
  TERNARY_FORM(name##6, pa[i], sb, sc, value)

UNARY(copy0, a)
UNARY(neg, -a)
UNARY(absolute, fabsf(a))
UNARY(sign, sign_of(a))
UNARY(root, sqrtf(a))
UNARY(reciprocal, 1.0f / a)
UNARY(exponential, exp_of(a))
UNARY(logarithm, log_of(a))
UNARY(error, erf_of(a))
UNARY(sine, sinf(a))
UNARY(cosine, cosf(a))
UNARY(tangent, tanf(a))
UNARY(arcsine, asinf(a))
UNARY(arccosine, acosf(a))
UNARY(arctangent, atanf(a))
UNARY(sinh_, sinhf(a))
UNARY(cosh_, coshf(a))
UNARY(tanh_, tanh_of(a))
UNARY(asinh_, asinhf(a))
UNARY(acosh_, acoshf(a))
UNARY(atanh_, atanhf(a))
UNARY(sigmoid, sigmoid_of(a))
UNARY(softplus, softplus_of(a))
UNARY(floor_, floorf(a))
UNARY(ceil_, ceilf(a))
UNARY(round_, rintf(a))
UNARY(relu, a < 0 ? 0 : a)
UNARY(not_, a == 0 ? 1 : 0)
UNARY(is_nan, a != a ? 1 : 0)
UNARY(is_inf, fabsf(a) == INFINITY ? 1 : 0)
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div_, a / b)
BINARY(pow_, powf(a, b))
BINARY(mod, fmodf(a, b))
BINARY(min_, min_of(a, b))
BINARY(max_, max_of(a, b))
BINARY(less, a < b ? 1 : 0)
BINARY(less_equal, a <= b ? 1 : 0)
BINARY(greater, a > b ? 1 : 0)
BINARY(greater_equal, a >= b ? 1 : 0)
BINARY(equal, a == b ? 1 : 0)
BINARY(and_, (a != 0) & (b != 0) ? 1 : 0)
BINARY(or_, (a != 0) | (b != 0) ? 1 : 0)
BINARY(xor_, (a != 0) ^ (b != 0) ? 1 : 0)
TERNARY(where, a != 0 ? b : c)
TERNARY(mul_add, a *b + c)

static void copy1(float *out, const float *pa, const float *pb, const float *pc, int64_t n) {
  float value = *pa;
  for (int64_t i = 0; i < n; i++) out[i] = value;
}

#define FORMS2(name) {name##0, name##1, name##2}
#define FORMS3(name) {name##0, name##1, name##2, name##3, name##4, name##5, name##6}

// The first two operators, constants and indices, need no work.
static tile *const tiles[][8] = {
    {0}, {0}, {copy0, copy1}, {neg}, {absolute}, {sign}, {root}, {reciprocal}, {exponential}, {logarithm}, {error}, {sine}, {cosine}, {tangent},
    {arcsine}, {arccosine}, {arctangent}, {sinh_}, {cosh_}, {tanh_}, {asinh_}, {acosh_}, {atanh_}, {sigmoid}, {softplus}, {floor_}, {ceil_},
    {round_}, {relu}, {not_}, {is_nan}, {is_inf}, FORMS2(add), FORMS2(sub), FORMS2(mul), FORMS2(div_), FORMS2(pow_), FORMS2(mod), FORMS2(min_),
    FORMS2(max_), FORMS2(less), FORMS2(less_equal), FORMS2(greater), FORMS2(greater_equal), FORMS2(equal), FORMS2(and_), FORMS2(or_),
    FORMS2(xor_), FORMS3(where), FORMS3(mul_add),
};

// Folds. A lane is 16 floats, which compilers split where registers are shorter; four in turn hide how long an addition takes.
typedef float lane __attribute__((vector_size(64)));
typedef float loose_lane __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(64)));

#define LOAD_LANE(p) (*(const loose_lane *)(p))
#define CHOOSE(m, x, y) ((lane)(((m) & (mask)(x)) | (~(m) & (mask)(y))))
#define ADD_LANES(s, x) ((s) + (x))
#define MAX_LANES(s, x) CHOOSE(((x) > (s)) | ((x) != (x)), x, s)
#define MIN_LANES(s, x) CHOOSE(((x) < (s)) | ((x) != (x)), x, s)
#define ADD_ONE(s, x) ((s) + (x))
#define MAX_ONE(s, x) ((x) > (s) || (x) != (x) ? (x) : (s))
#define MIN_ONE(s, x) ((x) < (s) || (x) != (x) ? (x) : (s))
#define MUL_ONE(s, x) ((s) * (x))

typedef void rows_fold(double *to, const float *x, int64_t rows, int64_t length, int64_t stride);
typedef void columns_fold(double *to, const float *x, int64_t rows, int64_t length);

// row: x[n] into *to. column: rows of a width of 16 that are step apart into to[16].
#define LANE_FOLD(name, start, LANES, ONE)                                                          \
  static inline void name##_row(double *to, const float *x, int64_t n) {                            \
    double total = *to;                                                                             \
    int64_t i = 0;                                                                                  \
    if (n >= 16) {                                                                                  \
      lane s0 = (lane){0} + (start), s1 = s0, s2 = s0, s3 = s0;                                     \
      for (; i + 64 <= n; i += 64) {                                                                \
        lane x0 = LOAD_LANE(x + i), x1 = LOAD_LANE(x + i + 16), x2 = LOAD_LANE(x + i + 32), x3 = LOAD_LANE(x + i + 48); \
        s0 = LANES(s0, x0), s1 = LANES(s1, x1), s2 = LANES(s2, x2), s3 = LANES(s3, x3);             \
      }                                                                                             \
      for (; i + 16 <= n; i += 16) {                                                                \
        lane x0 = LOAD_LANE(x + i);                                                                 \
        s0 = LANES(s0, x0);                                                                         \
      }                                                                                             \
      s0 = LANES(s0, s1), s2 = LANES(s2, s3);                                                       \
      s0 = LANES(s0, s2);                                                                           \
      for (int k = 0; k < 16; k++) total = ONE(total, (double)s0[k]);                               \
    }                                                                                               \
    for (; i < n; i++) total = ONE(total, (double)x[i]);                                            \
    *to = total;                                                                                    \
  }                                                                                                 \
  static inline void name##_column(double *to, const float *x, int64_t rows, int64_t step) {        \
    lane s0 = (lane){0} + (start), s1 = s0, s2 = s0, s3 = s0;                                       \
    int64_t i = 0;                                                                                  \
    for (; i + 4 <= rows; i += 4, x += 4 * step) {                                                  \
      lane x0 = LOAD_LANE(x), x1 = LOAD_LANE(x + step), x2 = LOAD_LANE(x + 2 * step), x3 = LOAD_LANE(x + 3 * step); \
      s0 = LANES(s0, x0), s1 = LANES(s1, x1), s2 = LANES(s2, x2), s3 = LANES(s3, x3);               \
    }                                                                                               \
    for (; i < rows; i++, x += step) {                                                              \
      lane x0 = LOAD_LANE(x);                                                                       \
      s0 = LANES(s0, x0);                                                                           \
    }                                                                                               \
    s0 = LANES(s0, s1), s2 = LANES(s2, s3);                                                         \
    s0 = LANES(s0, s2);                                                                             \
    for (int k = 0; k < 16; k++) to[k] = ONE(to[k], (double)s0[k]);                                 \
  }                                                                                                 \
  FOLDS(name, start, ONE)

// rows: each of the rows into an accumulator, stride apart. columns: the rows, one after the other, into length accumulators.
// Narrow columns are first folded as 16 rows side by side.
#define FOLDS(name, start, ONE)                                                                     \
  static void name##_rows(double *to, const float *x, int64_t rows, int64_t length, int64_t stride) { \
    for (int64_t i = 0; i < rows; i++) name##_row(to + i * stride, x + i * length, length);         \
  }                                                                                                 \
  static void name##_columns(double *to, const float *x, int64_t rows, int64_t length) {            \
    int64_t k = 0;                                                                                  \
    if (length < 16 && rows >= 32) {                                                                \
      double wide[16 * 16];                                                                         \
      int64_t width = 16 * length;                                                                  \
      for (int64_t i = 0; i < width; i++) wide[i] = (start);                                        \
      for (int64_t i = 0; i < width; i += 16) name##_column(wide + i, x + i, rows / 16, width);     \
      for (int64_t i = 0; i < width; i++) to[i % length] = ONE(to[i % length], wide[i]);            \
      x += rows / 16 * width;                                                                       \
      rows %= 16;                                                                                   \
    }                                                                                               \
    for (; k + 16 <= length; k += 16) name##_column(to + k, x + k, rows, length);                   \
    for (; k < length; k++) {                                                                       \
      for (int64_t i = 0; i < rows; i++) to[k] = ONE(to[k], (double)x[i * length + k]);             \
    }                                                                                               \
  }

// A product's parts may overflow where the whole does not, so that it is not split into lanes of floats.
static inline void product_row(double *to, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) *to *= (double)x[i];
}

static inline void product_column(double *to, const float *x, int64_t rows, int64_t step) {
  for (int64_t i = 0; i < rows; i++, x += step) {
    for (int k = 0; k < 16; k++) to[k] *= (double)x[k];
  }
}

LANE_FOLD(sum, 0.0f, ADD_LANES, ADD_ONE)
LANE_FOLD(max, -INFINITY, MAX_LANES, MAX_ONE)
LANE_FOLD(min, INFINITY, MIN_LANES, MIN_ONE)
FOLDS(product, 1.0f, MUL_ONE)

static rows_fold *const fold_rows[] = {0, sum_rows, max_rows, min_rows, product_rows};
static columns_fold *const fold_columns[] = {0, sum_columns, max_columns, min_columns, product_columns};
