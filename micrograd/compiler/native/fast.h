/* exp, log and what is made of them on vectors, for `fastmath`.

   exp: x = n ln 2 + r with |r| <= ln(2)/2, the Taylor series of exp(r) to r^13, times 2^n.
   log: x = 2^e m with m between sqrt(1/2) and sqrt(2), and the series of 2 atanh((m-1)/(m+1)).
   Errors are stated in jit's docstring, and measured by tests/test_fastmath.py. Results below
   2.3e-308 become 0. The method is that of every mathematical library: see Muller,
   Elementary Functions (2006), chapter 11. */

typedef uint64_t NAME(bits) __attribute__((vector_size(W * sizeof(num)), aligned(sizeof(num))));
#define BITS NAME(bits)
#define ALL(x) ((x) - (VEC){0})
#define CHOOSE(mask, a, b) ((VEC)(((MASK)(a) & (mask)) | ((MASK)(b) & ~(mask))))

/* exp(x) - 1 = 2^n (p + 1) - 1: p and 2^n. */
INLINE VEC NAME(reduced)(VEC x, VEC *power) {
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to whole numbers */
    VEC t = x * 1.4426950408889634 + magic, n = t - magic;
    VEC r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
    VEC p = ALL(1.6059043836821613e-10);
    p = p * r + 2.08767569878681e-09, p = p * r + 2.505210838544172e-08;
    p = p * r + 2.755731922398589e-07, p = p * r + 2.7557319223985893e-06;
    p = p * r + 2.48015873015873e-05, p = p * r + 1.984126984126984e-04;
    p = p * r + 1.388888888888889e-03, p = p * r + 8.333333333333333e-03;
    p = p * r + 4.1666666666666664e-02, p = p * r + 1.6666666666666666e-01;
    p = p * r + 0.5;
    *power = (VEC)(((MASK)t + 1023) << 52);
    return p * r * r + r;
}

INLINE VEC NAME(v_exp)(VEC x) {
    VEC bounded = CHOOSE(x > 709.7, ALL(709.7), x), power;
    bounded = CHOOSE(x < -708.0, ALL(-708.0), bounded);
    VEC y = NAME(reduced)(bounded, &power);
    y = y * power + power;
    y = CHOOSE(x < -708.0, ALL(0.0), y);
    y = CHOOSE(x > 709.7, ALL(INFINITY), y);
    return CHOOSE(x == x, y, x);
}

INLINE VEC NAME(v_abs)(VEC x) { return (VEC)((MASK)x & 0x7fffffffffffffffLL); }

INLINE VEC NAME(v_tanh)(VEC x) {
    VEC a = NAME(v_abs)(x), power;
    VEC z = CHOOSE(a > 20.0, ALL(-40.0), -2.0 * a);
    VEC p = NAME(reduced)(z, &power);
    VEC e = p * power + (power - 1.0); /* exp(-2|x|) - 1 */
    VEC y = -e / (2.0 + e);
    y = (VEC)((MASK)y | ((MASK)x & (MASK)ALL(-0.0)));
    return CHOOSE(x == x, y, x);
}

INLINE VEC NAME(v_log_of)(VEC x) {
    BITS bits = (BITS)x; /* unsigned: those of numbers below zero wrap, and do not matter */
    MASK e = (MASK)(bits - 0x3fe6a09e667f3bcdULL) >> 52;
    VEC m = (VEC)(bits - ((BITS)e << 52)), f = m - 1.0, s = f / (2.0 + f), z = s * s;
    VEC n = (VEC)(e + 0x4338000000000000LL) - 6755399441055744.0;
    VEC p = ALL(2.0 / 21.0);
    p = p * z + 2.0 / 19.0, p = p * z + 2.0 / 17.0, p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0, p = p * z + 2.0 / 11.0, p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0, p = p * z + 2.0 / 5.0, p = p * z + 2.0 / 3.0;
    /* 2 atanh(s) = f - s (f - z p): what is large is exact */
    return n * 0.6931471803691238 + (f - (s * (f - z * p) - n * 1.9082149292705877e-10));
}

INLINE VEC NAME(v_log)(VEC x) {
    VEC y = NAME(v_log_of)(CHOOSE(x < 2.2250738585072014e-308, x * 18014398509481984.0, x));
    y = CHOOSE(x < 2.2250738585072014e-308, y - 37.42994775023705, y);
    y = CHOOSE(x == 0.0, ALL(-INFINITY), y);
    y = CHOOSE(x < 0.0, ALL(NAN), y);
    return CHOOSE(x < INFINITY, y, x);
}

/* e / (1 + e)^2 for e = exp(-|x|): the derivative of the logistic function. */
INLINE VEC NAME(v_bell)(VEC a) {
    VEC e = NAME(v_exp)(-a), s = 1.0 + e;
    return e / (s * s);
}

INLINE VEC NAME(v_sigmoid)(VEC x) {
    VEC e = NAME(v_exp)(-NAME(v_abs)(x)), s = 1.0 + e;
    return CHOOSE(x < 0.0, e / s, 1.0 / s);
}

INLINE VEC NAME(v_log1p)(VEC e) { /* for 0 <= e */
    VEC u = 1.0 + e, lost = CHOOSE(e < 1.0, e - (u - 1.0), 1.0 - (u - e));
    return NAME(v_log_of)(u) + lost / u;
}

INLINE VEC NAME(v_softplus)(VEC x) {
    VEC up = CHOOSE(x > 0.0, x, ALL(0.0));
    VEC y = up + NAME(v_log1p)(NAME(v_exp)(-NAME(v_abs)(x)));
    return CHOOSE(x == x, y, x);
}

#define UNARY(name, expression)                                                                \
    static void NAME(f_##name)(double *restrict dst, const double *const *p, Py_ssize_t n) {  \
        for (Py_ssize_t i = 0; i < n; i += W) {                                                \
            VEC x = AT(p[0], i);                                                                \
            TO(dst, i) = expression;                                                           \
        }                                                                                      \
    }
UNARY(exp, NAME(v_exp)(x))
UNARY(tanh, NAME(v_tanh)(x))
UNARY(log, NAME(v_log)(x))
UNARY(sigmoid, NAME(v_sigmoid)(x))
UNARY(dsigmoid, NAME(v_bell)(NAME(v_abs)(x)))
UNARY(sech2, 4.0 * NAME(v_bell)(2.0 * NAME(v_abs)(x)))
UNARY(softplus, NAME(v_softplus)(x))
UNARY(logsigmoid, -NAME(v_softplus)(-x))
UNARY(silu, CHOOSE(x == -INFINITY, ALL(-0.0), x * NAME(v_sigmoid)(x)))

/* exp(a - b), with what the subtraction rounds away (Knuth's two-sum): beside a large gap it
   would cost half of the gap in units in the last place. */
INLINE VEC NAME(v_exp_diff)(VEC a, VEC b) {
    VEC gap = a - b, back = gap - a, lost = (a - (gap - back)) - (b + back);
    VEC y = NAME(v_exp)(gap);
    return y * (1.0 + CHOOSE(NAME(v_abs)(gap) <= 710.0, lost, ALL(0.0)));
}

static void NAME(f_exp_diff)(double *restrict dst, const double *const *p, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i += W) TO(dst, i) = NAME(v_exp_diff)(AT(p[0], i), AT(p[1], i));
}

static void NAME(f_exp_gap)(double *restrict dst, const double *const *p, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i += W) {
        VEC a = AT(p[0], i), b = AT(p[1], i);
        TO(dst, i) = CHOOSE(a == b, ALL(1.0), NAME(v_exp_diff)(a, b));
    }
}

static void NAME(log1p_of)(double *x, Py_ssize_t n) { /* there is room for whole vectors */
    for (Py_ssize_t i = 0; i < n; i += W) TO(x, i) = NAME(v_log1p)(AT(x, i));
}

static const Named NAME(fast_table)[] = {
    {"exp", NAME(f_exp)}, {"tanh", NAME(f_tanh)}, {"log", NAME(f_log)},
    {"sigmoid", NAME(f_sigmoid)}, {"dsigmoid", NAME(f_dsigmoid)}, {"sech2", NAME(f_sech2)},
    {"softplus", NAME(f_softplus)}, {"logsigmoid", NAME(f_logsigmoid)}, {"silu", NAME(f_silu)},
    {"exp_diff", NAME(f_exp_diff)}, {"exp_gap", NAME(f_exp_gap)}, {NULL, NULL},
};
#undef BITS
#undef ALL
#undef CHOOSE
#undef UNARY
