//go:build unix && cgo

// Loops over integers: indices and what is counted with them, exact, one by one. What overflows wraps around.
#include "operators.h"
#include "special.h"

static int64_t wrapped(uint64_t a) { return (int64_t)a; }

// divided rounds towards zero; the remainder has the divisor's sign, as ONNX's Mod has it.
static int divided(int op, int64_t a, int64_t b, int64_t *out) {
  if (b == 0) return KERNEL_BY_ZERO;
  if (b == -1) { // the smallest number has no opposite
    *out = op == DIV ? wrapped(-(uint64_t)a) : 0;
    return 0;
  }
  int64_t rest = a % b;
  *out = op == DIV ? a / b : rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  return 0;
}

static int64_t value_of(int op, int64_t a, int64_t b, int64_t c) {
  switch (op) {
  case NEG: return wrapped(-(uint64_t)a);
  case ABS: return a < 0 ? wrapped(-(uint64_t)a) : a;
  case SIGN: return (a > 0) - (a < 0);
  case ADD: return wrapped((uint64_t)a + (uint64_t)b);
  case SUB: return wrapped((uint64_t)a - (uint64_t)b);
  case MUL: return wrapped((uint64_t)a * (uint64_t)b);
  case MIN: return a < b ? a : b;
  case MAX: return a > b ? a : b;
  case LESS: return a < b;
  case LESS_EQUAL: return a <= b;
  case GREATER: return a > b;
  case GREATER_EQUAL: return a >= b;
  case EQUAL: return a == b;
  case WHERE: return a ? b : c;
  }
  return a;
}

static int64_t load(const char *from, int type) {
  switch (type) {
  case TYPE_INT64: return *(const int64_t *)from;
  case TYPE_INT32: return *(const int32_t *)from;
  }
  return *(const uint8_t *)from;
}

static void store(char *to, int type, int64_t value) {
  switch (type) {
  case TYPE_INT64: *(int64_t *)to = value; return;
  case TYPE_INT32: *(int32_t *)to = (int32_t)value; return;
  case TYPE_BOOL: *(uint8_t *)to = value != 0; return;
  }
  *(uint8_t *)to = (uint8_t)value;
}

// at_place computes one place of the loop.
static int at_place(const kernel_exact *l, const int64_t *at, int64_t *r) {
  for (int i = 0; i < l->operands; i++) {
    const char *from = l->access[i].memory;
    for (int d = 0; d < l->rank; d++) from += at[d] * l->access[i].outer[d];
    r[i] = load(from, l->access[i].type);
  }
  for (int i = 0; i < l->instructions; i++) {
    const kernel_instruction *c = &l->instruction[i];
    int64_t *out = &r[l->operands + i];
    if (c->op != DIV && c->op != MOD) {
      *out = value_of(c->op, r[c->a], r[c->b], r[c->c]);
      continue;
    }
    int status = divided(c->op, r[c->a], r[c->b], out);
    if (status) return status;
  }
  for (int i = 0; i < l->results; i++) {
    const kernel_access *a = &l->access[l->operands + i];
    char *to = a->memory;
    for (int d = 0; d < l->rank; d++) to += at[d] * a->outer[d];
    store(to, a->type, r[l->reg[i]]);
  }
  return 0;
}

int kernel_integers_run(void *argument) {
  const kernel_exact *l = argument;
  int64_t at[KERNEL_RANK] = {0};
  int64_t r[l->operands + l->instructions + 1];
  for (;;) {
    int status = at_place(l, at, r);
    if (status) return status;
    int d = l->rank - 1;
    while (d >= 0 && ++at[d] == l->size[d]) at[d--] = 0;
    if (d < 0) return 0;
  }
}
