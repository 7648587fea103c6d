/* exp, log and what is made of them on eight lanes at once, for `fastmath`.

   exp: x = n ln 2 + r with |r| <= ln(2)/2, the Taylor series of exp(r) to r^13, times 2^n.
   log: x = 2^e m with m between sqrt(1/2) and sqrt(2), and the series of 2 atanh((m-1)/(m+1)).
   Errors are stated in jit's docstring, and measured by tests/test_fastmath.py. Results below
   2.3e-308 become 0. The method is that of every mathematical library: see Muller,
   Elementary Functions (2006), chapter 11. */

#if VECTORS
typedef int64_t i8 __attribute__((vector_size(64), aligned(8)));
#define INLINE static inline __attribute__((always_inline))
#define CHOOSE(mask, a, b) ((v8)(((i8)(a) & (mask)) | ((i8)(b) & ~(mask))))
#define ALL(x) ((x) - (v8){0})

/* exp(x) - 1 = 2^n (p + 1) - 1: p and 2^n. */
INLINE v8 reduced(v8 x, v8 *power) {
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to whole numbers */
    v8 t = x * 1.4426950408889634 + magic, n = t - magic;
    v8 r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
    v8 p = ALL(1.6059043836821613e-10);
    p = p * r + 2.08767569878681e-09, p = p * r + 2.505210838544172e-08;
    p = p * r + 2.755731922398589e-07, p = p * r + 2.7557319223985893e-06;
    p = p * r + 2.48015873015873e-05, p = p * r + 1.984126984126984e-04;
    p = p * r + 1.388888888888889e-03, p = p * r + 8.333333333333333e-03;
    p = p * r + 4.1666666666666664e-02, p = p * r + 1.6666666666666666e-01;
    p = p * r + 0.5;
    *power = (v8)(((i8)t + 1023) << 52);
    return p * r * r + r;
}

INLINE v8 v_exp(v8 x) {
    v8 bounded = CHOOSE(x > 709.7, ALL(709.7), x), power;
    bounded = CHOOSE(x < -708.0, ALL(-708.0), bounded);
    v8 y = reduced(bounded, &power);
    y = y * power + power;
    y = CHOOSE(x < -708.0, ALL(0.0), y);
    y = CHOOSE(x > 709.7, ALL(INFINITY), y);
    return CHOOSE(x == x, y, x);
}

INLINE v8 v_abs(v8 x) { return (v8)((i8)x & 0x7fffffffffffffffLL); }

INLINE v8 v_tanh(v8 x) {
    v8 a = v_abs(x), power;
    v8 z = CHOOSE(a > 20.0, ALL(-40.0), -2.0 * a);
    v8 p = reduced(z, &power);
    v8 e = p * power + (power - 1.0); /* exp(-2|x|) - 1 */
    v8 y = -e / (2.0 + e);
    y = (v8)((i8)y | ((i8)x & (i8)ALL(-0.0)));
    return CHOOSE(x == x, y, x);
}

INLINE v8 v_log_of(v8 x) {
    i8 bits = (i8)x, e = (bits - 0x3fe6a09e667f3bcdLL) >> 52;
    v8 m = (v8)(bits - (e << 52)), f = m - 1.0, s = f / (2.0 + f), z = s * s;
    v8 n = (v8)(e + 0x4338000000000000LL) - 6755399441055744.0;
    v8 p = ALL(2.0 / 21.0);
    p = p * z + 2.0 / 19.0, p = p * z + 2.0 / 17.0, p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0, p = p * z + 2.0 / 11.0, p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0, p = p * z + 2.0 / 5.0, p = p * z + 2.0 / 3.0;
    /* 2 atanh(s) = f - s (f - z p): what is large is exact */
    return n * 0.6931471803691238 + (f - (s * (f - z * p) - n * 1.9082149292705877e-10));
}

INLINE v8 v_log(v8 x) {
    v8 y = v_log_of(CHOOSE(x < 2.2250738585072014e-308, x * 18014398509481984.0, x));
    y = CHOOSE(x < 2.2250738585072014e-308, y - 37.42994775023705, y);
    y = CHOOSE(x == 0.0, ALL(-INFINITY), y);
    y = CHOOSE(x < 0.0, ALL(NAN), y);
    return CHOOSE(x < INFINITY, y, x);
}

/* e / (1 + e)^2 for e = exp(-|x|): the derivative of the logistic function. */
INLINE v8 v_bell(v8 a) {
    v8 e = v_exp(-a), s = 1.0 + e;
    return e / (s * s);
}

INLINE v8 v_sigmoid(v8 x) {
    v8 e = v_exp(-v_abs(x)), s = 1.0 + e;
    return CHOOSE(x < 0.0, e / s, 1.0 / s);
}

INLINE v8 v_log1p(v8 e) { /* for 0 <= e <= 1 */
    v8 u = 1.0 + e, lost = e - (u - 1.0);
    return v_log_of(u) + lost / u;
}

INLINE v8 v_softplus(v8 x) {
    v8 up = CHOOSE(x > 0.0, x, ALL(0.0));
    v8 y = up + v_log1p(v_exp(-v_abs(x)));
    return CHOOSE(x == x, y, x);
}

#define UNARY(name, expression)                                                                \
    CLONES static void f_##name(double *restrict dst, const double *const *p, Py_ssize_t n) {  \
        for (Py_ssize_t i = 0; i < n; i += 8) {                                                \
            v8 x = AT(p[0], i);                                                                \
            TO(dst, i) = expression;                                                           \
        }                                                                                      \
    }
UNARY(exp, v_exp(x))
UNARY(tanh, v_tanh(x))
UNARY(log, v_log(x))
UNARY(sigmoid, v_sigmoid(x))
UNARY(dsigmoid, v_bell(v_abs(x)))
UNARY(sech2, 4.0 * v_bell(2.0 * v_abs(x)))
UNARY(softplus, v_softplus(x))
UNARY(logsigmoid, -v_softplus(-x))
UNARY(silu, CHOOSE(x == -INFINITY, ALL(-0.0), x * v_sigmoid(x)))

CLONES static void f_exp_diff(double *restrict dst, const double *const *p, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i += 8) TO(dst, i) = v_exp(AT(p[0], i) - AT(p[1], i));
}

CLONES static void f_exp_gap(double *restrict dst, const double *const *p, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i += 8) {
        v8 a = AT(p[0], i), b = AT(p[1], i);
        TO(dst, i) = CHOOSE(a == b, ALL(1.0), v_exp(a - b));
    }
}

typedef void (*Fast)(double *restrict, const double *const *, Py_ssize_t);
static const struct { const char *name; Fast call; } fast_table[] = {
    {"exp", f_exp}, {"tanh", f_tanh}, {"log", f_log}, {"sigmoid", f_sigmoid},
    {"dsigmoid", f_dsigmoid}, {"sech2", f_sech2}, {"softplus", f_softplus},
    {"logsigmoid", f_logsigmoid}, {"silu", f_silu}, {"exp_diff", f_exp_diff},
    {"exp_gap", f_exp_gap},
};
static Fast fast_of[MG_TABLE];

static void find_fast(void) {
    for (size_t k = 0; k < sizeof fast_table / sizeof *fast_table; k++)
        for (int f = 0; f < MG_TABLE; f++)
            if (!strcmp(fast_table[k].name, mg_table[f].name)) fast_of[f] = fast_table[k].call;
}

/* Whether a function was done here: all operands columns, and whole vectors of them. */
static int call_fast(int32_t f, const double **p, const int *step, int m, double *dst, Py_ssize_t n) {
    if (!fast_of[f] || n % 8) return 0;
    for (int k = 0; k < m; k++)
        if (!step[k]) return 0;
    fast_of[f](dst, p, n);
    return 1;
}
#endif
