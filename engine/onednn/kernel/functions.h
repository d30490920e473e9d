// Elementary functions of a float that compilers turn into vector code. Polynomials are minimax fits of our own (relative error below 2⁻²⁶).

// Without this GNU's compiler takes it that a square root may set errno, whatever the options say, and makes no vector code of it.
float sqrtf(float) __attribute__((__const__));

static inline float from_bits(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static inline uint32_t bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

#define LN2_HIGH 0.693359375f // with so few bits that its product with an exponent is exact
#define LN2_LOW -2.12194440e-4f

// e^x = 2^k·e^r with |r| <= ln2/2; the power is multiplied in two halves, so that neither overflows and small results lose bits only once.
static inline float exp_of(float x) {
  const float shift = 12582912.0f; // 1.5·2²³: adding it leaves the nearest integer in the low bits
  x = x > 89.0f ? 89.0f : x;       // beyond, the result is infinite as well; NaN stays
  x = x < -105.0f ? -105.0f : x;
  float t = x * 1.44269504f + shift, k = t - shift;
  float r = x - k * LN2_HIGH;
  r = r - k * LN2_LOW;
  float p = 1.381166279e-3f;
  p = p * r + 8.370134979e-3f;
  p = p * r + 4.166852683e-2f;
  p = p * r + 1.666650921e-1f;
  p = p * r + 4.999999404e-1f;
  p = p * r * r + r + 1.0f;
  int32_t power = (int32_t)(bits_of(t) - bits_of(shift)), half = power >> 1;
  return p * from_bits((uint32_t)(half + 127) << 23) * from_bits((uint32_t)(power - half + 127) << 23);
}

// ln x = e·ln2 + ln m with m from √½ to √2.
static inline float log_of(float x) {
  float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
  float lost = x < 1.17549435e-38f ? 23.0f : 0.0f;
  uint32_t u = bits_of(scaled) - 0x3f3504f3u; // √½
  float e = (float)((int32_t)u >> 23) - lost;
  float f = from_bits((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 6.746640801e-2f;
  p = p * f - 1.167565212e-1f;
  p = p * f + 1.188816205e-1f;
  p = p * f - 1.240558922e-1f;
  p = p * f + 1.421955228e-1f;
  p = p * f - 1.666799635e-1f;
  p = p * f + 2.000211924e-1f;
  p = p * f - 2.500000894e-1f;
  p = p * f + 3.333331347e-1f;
  float s = f * f;
  float y = p * f * s + e * LN2_LOW;
  y = y - 0.5f * s;
  y = y + f + e * LN2_HIGH;
  y = x == 0 ? -INFINITY : y;
  y = x < 0 ? NAN : y;
  return x < INFINITY ? y : x + x; // NaN and +Inf
}

static inline float tanh_of(float x) {
  float a = fabsf(x), s = x * x;
  float p = -5.704987328e-3f;
  p = p * s + 2.063908800e-2f;
  p = p * s - 5.373971537e-2f;
  p = p * s + 1.333144158e-1f;
  p = p * s - 3.333328068e-1f;
  float small = p * s * x + x;
  float large = copysignf(1.0f - 2.0f / (exp_of(2.0f * a) + 1.0f), x);
  return a > 0.625f ? large : small;
}

static inline float sigmoid_of(float x) {
  float e = exp_of(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

// ln(1+e^x) = max(x, 0) + ln(1+e^-|x|); what the addition of 1 rounds off is put back to first order.
static inline float softplus_of(float x) {
  float e = exp_of(-fabsf(x)), u = 1.0f + e;
  float tail = log_of(u) + (e - (u - 1.0f)) / u;
  return (x < 0 ? 0 : x) + tail;
}

// erf x is odd; beyond 0.92 it is 1 - e^p(|x|), as ln(1-erf x) is nearly a polynomial.
static inline float erf_of(float x) {
  float a = fabsf(x), s = x * x;
  float p = -5.953754880e-4f;
  p = p * s + 4.985943902e-3f;
  p = p * s - 2.676172182e-2f;
  p = p * s + 1.128168255e-1f;
  p = p * s - 3.761247993e-1f;
  p = p * s + 1.283791512e-1f;
  float small = p * x + x;
  float t = a > 4.0f ? 4.0f : a;
  float q = -2.116182259e-5f;
  q = q * t + 4.352179822e-4f;
  q = q * t - 4.174639005e-3f;
  q = q * t + 2.512861416e-2f;
  q = q * t - 1.082939282e-1f;
  q = q * t - 6.333346367e-1f;
  q = q * t - 1.129520774e+0f;
  q = q * t + 1.758733415e-4f;
  float large = copysignf(1.0f - exp_of(q), x);
  return a > 0.92f ? large : small;
}

static inline float sign_of(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x; } // 0 and NaN stay
static inline float min_of(float a, float b) { return a < b ? a : a != a ? a : b; }
static inline float max_of(float a, float b) { return a > b ? a : a != a ? a : b; }
