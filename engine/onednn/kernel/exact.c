//go:build unix && cgo

// Loops over float64: few elements, such as the count of an optimiser's steps and what follows from it, computed one by one in float64.
#include "kernel.h"
#include "operators.h"

#include <math.h>

static double value_of(const kernel_instruction *c, const double *r, const int64_t *at) {
  double a = r[c->a], b = r[c->b];
  switch (c->op) {
  case CONSTANT: return c->value;
  case INDEX: return (double)at[c->a];
  case COPY: return a;
  case NEG: return -a;
  case ABS: return fabs(a);
  case SIGN: return a > 0 ? 1 : a < 0 ? -1 : a;
  case SQRT: return sqrt(a);
  case RECIPROCAL: return 1 / a;
  case EXP: return exp(a);
  case LOG: return log(a);
  case ERF: return erf(a);
  case SIN: return sin(a);
  case COS: return cos(a);
  case TAN: return tan(a);
  case ASIN: return asin(a);
  case ACOS: return acos(a);
  case ATAN: return atan(a);
  case SINH: return sinh(a);
  case COSH: return cosh(a);
  case TANH: return tanh(a);
  case ASINH: return asinh(a);
  case ACOSH: return acosh(a);
  case ATANH: return atanh(a);
  case SIGMOID: return 1 / (1 + exp(-a));
  case SOFTPLUS: return (a < 0 ? 0 : a) + log1p(exp(-fabs(a)));
  case FLOOR: return floor(a);
  case CEIL: return ceil(a);
  case ROUND: return rint(a);
  case RELU: return a < 0 ? 0 : a;
  case NOT: return a == 0;
  case IS_NAN: return a != a;
  case IS_INF: return isinf(a) != 0;
  case ADD: return a + b;
  case SUB: return a - b;
  case MUL: return a * b;
  case DIV: return a / b;
  case POW: return pow(a, b);
  case MOD: return fmod(a, b);
  case MIN: return a < b || a != a ? a : b;
  case MAX: return a > b || a != a ? a : b;
  case LESS: return a < b;
  case LESS_EQUAL: return a <= b;
  case GREATER: return a > b;
  case GREATER_EQUAL: return a >= b;
  case EQUAL: return a == b;
  case AND: return a != 0 && b != 0;
  case OR: return a != 0 || b != 0;
  case XOR: return (a != 0) != (b != 0);
  case WHERE: return a != 0 ? b : r[c->c];
  case MUL_ADD: return a * b + r[c->c];
  }
  return NAN;
}

static double load(const char *from, int type) {
  switch (type) {
  case TYPE_FLOAT32: return *(const float *)from;
  case TYPE_FLOAT64: return *(const double *)from;
  case TYPE_INT64: return (double)*(const int64_t *)from;
  case TYPE_INT32: return *(const int32_t *)from;
  }
  return *(const uint8_t *)from;
}

int kernel_exact_run(void *argument) {
  const kernel_exact *l = argument;
  int64_t at[KERNEL_RANK] = {0};
  double r[l->operands + l->instructions + 1];
  for (;;) {
    for (int i = 0; i < l->operands; i++) {
      const char *from = l->access[i].memory;
      for (int d = 0; d < l->rank; d++) from += at[d] * l->access[i].outer[d];
      r[i] = load(from, l->access[i].type);
    }
    for (int i = 0; i < l->instructions; i++) r[l->operands + i] = value_of(&l->instruction[i], r, at);
    for (int i = 0; i < l->results; i++) {
      const kernel_access *a = &l->access[l->operands + i];
      char *to = a->memory;
      for (int d = 0; d < l->rank; d++) to += at[d] * a->outer[d];
      kernel_write(to, a->type, r[l->reg[i]]);
    }
    int d = l->rank - 1;
    while (d >= 0 && ++at[d] == l->size[d]) at[d--] = 0;
    if (d < 0) return 0;
  }
}
