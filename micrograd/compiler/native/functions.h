/* Written by translate.py from ieee.py and tails.py; not to be edited. */
#include <math.h>
#include <stdint.h>
static _Thread_local int mg_refused;  /* set where Python would raise ValueError */
static double py_refuse(void) { mg_refused = 1; return NAN; }
static double py_ldexp(double x, double n) { return ldexp(x, (int)n); }
static double py_log1p(double x) { return x == 0.0 ? x : log1p(x); }
static double py_exponent(double x) { int e; frexp(x, &e); return e; }
static double py_mod(double x, double y) {
    double m = fmod(x, y);
    if (m != 0.0) return (y < 0.0) != (m < 0.0) ? m + y : m;
    return copysign(0.0, y);
}
static double py_floordiv(double x, double y) {
    double m = fmod(x, y), d = (x - m) / y;
    if (m != 0.0 && (y < 0.0) != (m < 0.0)) d -= 1.0;
    if (d == 0.0) return copysign(0.0, x / y);
    double f = floor(d);
    return d - f > 0.5 ? f + 1.0 : f;
}
static double mg_add(double x, double y) {
    return (x + y);
}

static double mg_sub(double x, double y) {
    return (x - y);
}

static double mg_mul(double x, double y) {
    return (x * y);
}

static double mg_div(double x, double y) {
    if ((y != 0.0)) {
        return (x / y);
    }
    if (((x == 0.0) || (x != x))) {
        return NAN;
    }
    return (copysign(INFINITY, x) * copysign(1.0, y));
}

static double mg_neg(double x) {
    return (-x);
}

static double mg_absolute(double x) {
    return fabs(x);
}

static double mg_identity(double x) {
    return x;
}

static double mg_power(double x, double y) {
    return pow(x, y);
}

static double mg_mod(double x, double y) {
    if (((y == 0.0) || ((x - x) != 0.0))) {
        return NAN;
    }
    return py_mod(x, y);
}

static double mg_floordiv(double x, double y) {
    if ((y == 0.0)) {
        return mg_div(x, y);
    }
    return (((x - x) == 0.0) ? py_floordiv(x, y) : NAN);
}

static double mg_fmod(double x, double y) {
    if (((y == 0.0) || ((x - x) != 0.0) || (y != y))) {
        return NAN;
    }
    return fmod(x, y);
}

static double mg_rint(double x) {
    return ((fabs(x) < 4503599627370496.0) ? copysign(((fabs(x) + 4503599627370496.0) - 4503599627370496.0), x) : x);
}

static double mg_truncdiv(double x, double y) {
    return mg_rint(mg_div((x - mg_fmod(x, y)), y));
}

static double mg_remainder(double x, double y) {
    if (((y == 0.0) || ((x - x) != 0.0) || (y != y))) {
        return NAN;
    }
    return remainder(x, y);
}

static double mg_neardiv(double x, double y) {
    return mg_rint(mg_div((x - mg_remainder(x, y)), y));
}

static double mg_fma(double x, double y, double z) { return fma(x, y, z); }

static double mg_ldexp(double x, double exponent) {
    double n = 0.0;
    if ((exponent != exponent)) {
        return NAN;
    }
    n = trunc(((exponent < 10000.0 ? exponent : 10000.0) > (-10000.0) ? (exponent < 10000.0 ? exponent : 10000.0) : (-10000.0)));
    return py_ldexp(x, n);
}

static double mg_floor(double x) {
    return ((fabs(x) < 4503599627370496.0) ? copysign(floor(x), x) : x);
}

static double mg_ceil(double x) {
    return ((fabs(x) < 4503599627370496.0) ? copysign(ceil(x), x) : x);
}

static double mg_trunc(double x) {
    return ((fabs(x) < 4503599627370496.0) ? copysign(floor(fabs(x)), x) : x);
}

static double mg_sign(double x) {
    return ((x > 0.0) ? 1.0 : ((x < 0.0) ? (-1.0) : ((x != x) ? x : 0.0)));
}

static double mg_copysign(double x, double y) {
    return copysign(x, y);
}

static double mg_exp(double x) {
    return exp(x);
}

static double mg_exp2(double x) {
    return mg_power(2.0, x);
}

static double mg_expm1(double x) {
    return expm1(x);
}

static double mg_log(double x) {
    if ((x > 0.0)) {
        return log(x);
    }
    return ((x == 0.0) ? (-INFINITY) : NAN);
}

static double mg_log2(double x) {
    if ((x > 0.0)) {
        return log2(x);
    }
    return ((x == 0.0) ? (-INFINITY) : NAN);
}

static double mg_log10(double x) {
    if ((x > 0.0)) {
        return log10(x);
    }
    return ((x == 0.0) ? (-INFINITY) : NAN);
}

static double mg_log1p(double x) {
    if ((x > (-1.0))) {
        return py_log1p(x);
    }
    return ((x == (-1.0)) ? (-INFINITY) : NAN);
}

static double mg_sqrt(double x) {
    return ((x >= 0.0) ? sqrt(x) : NAN);
}

static double mg_product_plus(double x, double y, double z) {
    double low = 0.0, p = 0.0, x1 = 0.0, x2 = 0.0, y1 = 0.0, y2 = 0.0;
    p = (x * y);
    x1 = ((x * 134217729.0) - ((x * 134217729.0) - x));
    y1 = ((y * 134217729.0) - ((y * 134217729.0) - y));
    x2 = (x - x1);
    y2 = (y - y1);
    low = (((((x1 * y1) - p) + (x1 * y2)) + (x2 * y1)) + (x2 * y2));
    return ((p + z) + low);
}

static double mg_cbrt(double x) {
    double excess = 0.0, exponent = 0.0, head = 0.0, m = 0.0, square = 0.0, square_low = 0.0, tail = 0.0, y = 0.0;
    if (((x == 0.0) || ((x - x) != 0.0))) {
        return x;
    }
    exponent = py_floordiv(py_exponent(x), 3.0);
    m = py_ldexp(fabs(x), ((-3.0) * exponent));
    y = pow(m, (1.0 / 3.0));
    head = ((y * 134217729.0) - ((y * 134217729.0) - y));
    tail = (y - head);
    square = (y * y);
    square_low = ((((head * head) - square) + ((2.0 * head) * tail)) + (tail * tail));
    excess = (mg_product_plus(square, y, (-m)) + (square_low * y));
    return copysign(py_ldexp((y - (excess / (3.0 * square))), exponent), x);
}

static double mg_hypot(int n_, const double *xs) {
    double excess = 0.0, exponent = 0.0, largest = 0.0, lost = 0.0, new = 0.0, root = 0.0, scaled = 0.0, square = 0.0, total = 0.0, unknown = 0.0, x = 0.0;
    largest = 0.0;
    unknown = 0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        if (((x - x) != 0.0)) {
            if ((x == x)) {
                return INFINITY;
            }
            unknown = 1;
        } else {
            if ((fabs(x) > largest)) {
                largest = fabs(x);
            }
        }
    }
    if (unknown) {
        return NAN;
    }
    if ((largest == 0.0)) {
        return 0.0;
    }
    exponent = py_exponent(largest);
    total = 0.0;
    lost = 0.0;
    for (int i_2 = (int)(0); i_2 < (int)(n_); i_2++) {
        x = xs[i_2];
        scaled = py_ldexp(x, (-exponent));
        square = (scaled * scaled);
        lost += mg_product_plus(scaled, scaled, (-square));
        new = (total + square);
        lost += ((total > square) ? ((total - new) + square) : ((square - new) + total));
        total = new;
    }
    root = sqrt(total);
    excess = (mg_product_plus((-root), root, total) + lost);
    return mg_ldexp((root + (excess / (2.0 * root))), exponent);
}

static double mg_sin(double x) {
    return (((x - x) == 0.0) ? sin(x) : NAN);
}

static double mg_cos(double x) {
    return (((x - x) == 0.0) ? cos(x) : NAN);
}

static double mg_tan(double x) {
    return (((x - x) == 0.0) ? tan(x) : NAN);
}

static double mg_asin(double x) {
    return (((-1.0) <= x && x <= 1.0) ? asin(x) : NAN);
}

static double mg_acos(double x) {
    return (((-1.0) <= x && x <= 1.0) ? acos(x) : NAN);
}

static double mg_atan(double x) {
    return atan(x);
}

static double mg_atan2(double y, double x) {
    return atan2(y, x);
}

static double mg_degrees(double x) {
    return (x * 57.29577951308232);
}

static double mg_radians(double x) {
    return (x / 57.29577951308232);
}

static double mg_sinh(double x) {
    return sinh(x);
}

static double mg_cosh(double x) {
    return cosh(x);
}

static double mg_tanh(double x) {
    return tanh(x);
}

static double mg_asinh(double x) {
    return asinh(x);
}

static double mg_acosh(double x) {
    return ((x >= 1.0) ? acosh(x) : NAN);
}

static double mg_atanh(double x) {
    if (((-1.0) < x && x < 1.0)) {
        return atanh(x);
    }
    return ((fabs(x) == 1.0) ? copysign(INFINITY, x) : NAN);
}

static double mg_erf(double x) {
    return erf(x);
}

static double mg_erfc(double x) {
    return erfc(x);
}

static double mg_maximum(int n_, const double *xs) {
    double top = 0.0, x = 0.0;
    top = (-INFINITY);
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        if ((x != x)) {
            return x;
        }
        if (((x > top) || ((x == top) && (top == 0.0) && (copysign(1.0, top) < 0.0)))) {
            top = x;
        }
    }
    return top;
}

static double mg_minimum(int n_, const double *xs) {
    double low = 0.0, x = 0.0;
    low = INFINITY;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        if ((x != x)) {
            return x;
        }
        if (((x < low) || ((x == low) && (low == 0.0) && (copysign(1.0, low) > 0.0)))) {
            low = x;
        }
    }
    return low;
}

static double mg_fmax(double x, double y) {
    return ((y != y) ? x : ((x != x) ? y : mg_maximum(2, (const double[]){x, y})));
}

static double mg_fmin(double x, double y) {
    return ((y != y) ? x : ((x != x) ? y : mg_minimum(2, (const double[]){x, y})));
}

static double mg_clip(double x, double low, double high) {
    if ((low > high)) {
        return py_refuse();
    }
    if (((x != x) || (low != low) || (high != high))) {
        return NAN;
    }
    return ((x < low) ? low : ((x > high) ? high : x));
}

static double mg_where(double condition, double x, double y) {
    return (condition ? x : y);
}

static double mg_equal(double x, double y) {
    return ((x == y) ? 1.0 : 0.0);
}

static double mg_less(double x, double y) {
    return ((x < y) ? 1.0 : 0.0);
}

static double mg_less_equal(double x, double y) {
    return ((x <= y) ? 1.0 : 0.0);
}

static double mg_greater(double x, double y) {
    return ((x > y) ? 1.0 : 0.0);
}

static double mg_greater_equal(double x, double y) {
    return ((x >= y) ? 1.0 : 0.0);
}

static double mg_total(int n_, const double *xs) {
    double result = 0.0, x = 0.0;
    result = 0.0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        result += x;
    }
    return result;
}

static double mg_prod(int n_, const double *xs) {
    double result = 0.0, x = 0.0;
    result = 1.0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        result *= x;
    }
    return result;
}

static double mg_dot(int n_, const double *xs) {
    double half = 0.0, i = 0.0, result = 0.0;
    half = py_floordiv(((double)n_), 2.0);
    result = 0.0;
    for (int i_1 = (int)(0); i_1 < (int)(half); i_1++) {
        i = i_1;
        result += (xs[(int)(i)] * xs[(int)((half + i))]);
    }
    return result;
}

static double mg_weighted_sum(int n_, const double *xs) {
    double i = 0.0, n = 0.0, result = 0.0;
    n = py_floordiv(((double)n_), 2.0);
    result = xs[(int)(0.0)];
    for (int i_1 = (int)(1.0); i_1 < (int)((n + 1.0)); i_1++) {
        i = i_1;
        result += (xs[(int)(i)] * xs[(int)((n + i))]);
    }
    return result;
}

static double mg_mean(int n_, const double *xs) {
    return ((n_ > 0) ? (mg_total(n_, xs) / ((double)n_)) : NAN);
}

static double mg_not_equal(double x, double y) {
    return ((x != y) ? 1.0 : 0.0);
}

static double mg_logical_and(double x, double y) {
    return (((x != 0.0) && (y != 0.0)) ? 1.0 : 0.0);
}

static double mg_logical_or(double x, double y) {
    return (((x != 0.0) || (y != 0.0)) ? 1.0 : 0.0);
}

static double mg_logical_not(double x) {
    return ((x == 0.0) ? 1.0 : 0.0);
}

static double mg_isnan(double x) {
    return ((x != x) ? 1.0 : 0.0);
}

static double mg_isfinite(double x) {
    return (((x - x) == 0.0) ? 1.0 : 0.0);
}

static double mg_dlog(double x) {
    if ((x > 0.0)) {
        return (1.0 / x);
    }
    return ((x == 0.0) ? INFINITY : NAN);
}

static double mg_dlog1p(double x) {
    return mg_dlog((1.0 + x));
}

static double mg_xlogy(double x, double y) {
    if (((x == 0.0) && (y == y))) {
        return 0.0;
    }
    return (x * mg_log(y));
}

static double mg_weighed(double w, double x) {
    return (((w == 0.0) && (x == x)) ? 0.0 : (w * x));
}

static double mg_gauss(double x) {
    double head = 0.0;
    if ((((x - x) != 0.0) || (fabs(x) > 40.0))) {
        return ((x != x) ? x : 0.0);
    }
    head = ((x * 134217729.0) - ((x * 134217729.0) - x));
    return (exp(((-head) * head)) * exp(((-(x - head)) * (x + head))));
}

static double mg_exp_diff(double x, double top) {
    double back = 0.0, gap = 0.0, lost = 0.0;
    gap = (x - top);
    if ((((gap - gap) != 0.0) || (gap > 710.0))) {
        return mg_exp(gap);
    }
    back = (gap - x);
    lost = ((x - (gap - back)) - (top + back));
    return (mg_exp(gap) * (1.0 + lost));
}

static double mg_exp_gap(double x, double top) {
    return ((x == top) ? 1.0 : mg_exp_diff(x, top));
}

static double mg_share(double x, double y) {
    double e = 0.0;
    if ((x == y)) {
        return 0.5;
    }
    if ((x > y)) {
        return (1.0 / (1.0 + mg_exp_gap(y, x)));
    }
    e = mg_exp_gap(x, y);
    return (e / (1.0 + e));
}

static double mg_bell(double e) {
    double lost = 0.0, q = 0.0, s = 0.0;
    s = (1.0 + e);
    lost = (e - (s - 1.0));
    q = (e / (s * s));
    return (q - ((2.0 * q) * lost));
}

static double mg_dshare(double x, double y) {
    return mg_bell(((x > y) ? mg_exp_gap(y, x) : mg_exp_gap(x, y)));
}

static double mg_exps_less_one(int n_, const double *xs) {
    double a = 0.0, b = 0.0, back = 0.0, d = 0.0, d_low = 0.0, high = 0.0, k = 0.0, low = 0.0, n = 0.0, one = 0.0, ones = 0.0, p = 0.0, p_low = 0.0, q = 0.0, q_low = 0.0, r = 0.0, r_low = 0.0, total = 0.0, x = 0.0, y = 0.0;
    ones = (-1.0);
    high = 0.0;
    low = 0.0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        y = ((-800.0) > x ? (-800.0) : x);
        n = mg_rint((y / 0.6931471805599453));
        a = (y - (n * 0.6931471803691238));
        b = (n * 1.9082149288430703e-10);
        r = (a - b);
        back = (r - a);
        r_low = (((a - (r - back)) - (b + back)) - (n * 4.275175589747649e-20));
        q = 1.0;
        static const double a_i_2[] = {27.0, 26.0, 25.0, 24.0, 23.0, 22.0, 21.0, 20.0, 19.0, 18.0, 17.0, 16.0, 15.0};
        for (int i_2 = 0; i_2 < 13; i_2++) {
            k = a_i_2[i_2];
            q = (1.0 + ((r * q) / k));
        }
        q_low = 0.0;
        static const double a_i_3[] = {14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0};
        for (int i_3 = 0; i_3 < 13; i_3++) {
            k = a_i_3[i_3];
            p = (r * q);
            p_low = (mg_product_plus(r, q, (-p)) + ((r * q_low) + (r_low * q)));
            d = (p / k);
            d_low = ((mg_product_plus((-d), k, p) + p_low) / k);
            q = (1.0 + d);
            q_low = ((d - (q - 1.0)) + d_low);
        }
        p = (r * q);
        p_low = (mg_product_plus(r, q, (-p)) + ((r * q_low) + (r_low * q)));
        one = mg_ldexp(1.0, n);
        total = (ones + one);
        back = (total - ones);
        low += ((ones - (total - back)) + (one - back));
        ones = total;
        p = mg_ldexp(p, n);
        low += mg_ldexp(p_low, n);
        total = (high + p);
        back = (total - high);
        low += ((high - (total - back)) + (p - back));
        high = total;
    }
    total = (ones + high);
    back = (total - ones);
    low += ((ones - (total - back)) + (high - back));
    return (total + low);
}

static double mg_logaddexp(double x, double y) {
    double result = 0.0, top = 0.0;
    if (((x != x) || (y != y))) {
        return NAN;
    }
    top = (y > x ? y : x);
    if (((x == y) && ((top - top) != 0.0))) {
        return top;
    }
    result = (top + py_log1p(mg_exp_gap((y < x ? y : x), top)));
    return ((fabs(result) >= (0.5 * (-top))) ? result : py_log1p(mg_exps_less_one(2, (const double[]){x, y})));
}

static double mg_rest_of_exps(double top, int n_, const double *xs) {
    double rest = 0.0, seen = 0.0, x = 0.0;
    rest = 0.0;
    seen = 0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        if (((x == top) && (!seen))) {
            seen = 1;
        } else {
            rest += mg_exp_gap(x, top);
        }
    }
    return rest;
}

static double mg_logsumexp(int n_, const double *xs) {
    double result = 0.0, top = 0.0;
    top = mg_maximum(n_, xs);
    if (((top - top) != 0.0)) {
        return top;
    }
    result = (top + py_log1p(mg_rest_of_exps(top, n_, xs)));
    return ((fabs(result) >= (0.5 * (-top))) ? result : py_log1p(mg_exps_less_one(n_, xs)));
}

static double mg_portion(double x, double y) {
    return mg_div(x, (x + y));
}

static double mg_nll(double index, int n_, const double *xs) {
    double right = 0.0, top = 0.0;
    if (((!(0.0 <= index && index < ((double)n_))) || (index != trunc(index)))) {
        return py_refuse();
    }
    right = xs[(int)(trunc(index))];
    top = mg_maximum(n_, xs);
    if (((top - top) != 0.0)) {
        return (top - right);
    }
    return ((top - right) + py_log1p(mg_rest_of_exps(top, n_, xs)));
}

static double mg_lowered_power(double x, double y, double n) {
    double _ = 0.0, result = 0.0;
    if (((((y - n) + n) == y) || (!(0.0 < x && x < INFINITY)))) {
        return mg_power(x, (y - n));
    }
    result = mg_power(x, y);
    if ((!(1e-300 < result && result < 1e+300))) {
        return mg_power(x, (y - n));
    }
    for (int i_1 = (int)(0); i_1 < (int)(trunc(n)); i_1++) {
        _ = i_1;
        result /= x;
    }
    return result;
}

static double mg_dsqrt(double x) {
    return ((x > 0.0) ? (0.5 / sqrt(x)) : ((x == 0.0) ? INFINITY : NAN));
}

static double mg_dcbrt(double x) {
    if ((x == 0.0)) {
        return INFINITY;
    }
    return ((fabs(x) < 1e+300) ? (mg_cbrt(x) / (3.0 * x)) : ((mg_cbrt(x) / x) / 3.0));
}

static double mg_unit(double u, double v) {
    double r = 0.0;
    r = mg_hypot(2, (const double[]){u, v});
    return ((r == 0.0) ? 0.0 : (u / r));
}

static double mg_ratio(double x, double r) {
    return (((x == 0.0) && (r == 0.0)) ? 0.0 : mg_div(x, r));
}

static double mg_dasin(double x) {
    return (((-1.0) <= x && x <= 1.0) ? mg_div(1.0, sqrt(((1.0 - x) * (1.0 + x)))) : NAN);
}

static double mg_datan(double x) {
    return ((fabs(x) < 100000000.0) ? (1.0 / (1.0 + (x * x))) : ((1.0 / x) * (1.0 / x)));
}

static double mg_inv_r2(double u, double v) {
    double a = 0.0, b = 0.0, high = 0.0, lost = 0.0, low = 0.0, q = 0.0, r = 0.0, total = 0.0;
    a = (fabs(v) > fabs(u) ? fabs(v) : fabs(u));
    b = (fabs(v) < fabs(u) ? fabs(v) : fabs(u));
    if ((!(1e-140 < a && a < 1e+140))) {
        r = mg_hypot(2, (const double[]){u, v});
        return mg_div(mg_div(1.0, r), r);
    }
    high = (a * a);
    low = (b * b);
    total = (high + low);
    lost = ((((high - total) + low) + mg_product_plus(a, a, (-high))) + mg_product_plus(b, b, (-low)));
    q = (1.0 / total);
    return (q - ((q * q) * lost));
}

static double mg_datan2(double u, double v) {
    double exponent = 0.0, r = 0.0, u1 = 0.0, v1 = 0.0;
    r = mg_hypot(2, (const double[]){u, v});
    if (((r == 0.0) || (r != r))) {
        return NAN;
    }
    if ((r == INFINITY)) {
        return ((((u - u) != 0.0) && ((v - v) != 0.0)) ? NAN : (0.0 * copysign(1.0, u)));
    }
    exponent = py_exponent(r);
    u1 = py_ldexp(u, (-exponent));
    v1 = py_ldexp(v, (-exponent));
    return mg_ldexp((u1 / ((u1 * u1) + (v1 * v1))), (-exponent));
}

static double mg_sech2(double x) {
    return (4.0 * mg_bell(exp(((-2.0) * fabs(x)))));
}

static double mg_dasinh(double x) {
    return ((fabs(x) < 1e+150) ? (1.0 / sqrt((1.0 + (x * x)))) : (1.0 / fabs(x)));
}

static double mg_dacosh(double x) {
    if ((x > 1e+150)) {
        return (1.0 / x);
    }
    return ((x >= 1.0) ? mg_div(1.0, sqrt(((x - 1.0) * (x + 1.0)))) : NAN);
}

static double mg_datanh(double x) {
    if (((-1.0) <= x && x <= 1.0)) {
        return mg_div(1.0, ((1.0 - x) * (1.0 + x)));
    }
    return NAN;
}

static double mg_derf(double x) {
    return (1.1283791670955126 * mg_gauss(x));
}

static double mg_relu(double x) {
    return (((x > 0.0) || (x != x)) ? x : 0.0);
}

static double mg_leaky_relu(double x, double slope) {
    return ((x > 0.0) ? x : (slope * x));
}

static double mg_nearest_zero(double x, double y) {
    double high = 0.0, low = 0.0;
    if (((x != x) || (y != y))) {
        return NAN;
    }
    low = (y < x ? y : x);
    high = (y > x ? y : x);
    return ((low > 0.0) ? low : ((high < 0.0) ? high : 0.0));
}

static double mg_leaky_step(double x, double slope) {
    if ((x == 0.0)) {
        return mg_nearest_zero(slope, 1.0);
    }
    return ((x > 0.0) ? 1.0 : ((x < 0.0) ? slope : x));
}

static double mg_elu(double x, double alpha) {
    return ((x > 0.0) ? x : (alpha * expm1(x)));
}

static double mg_elu_step(double x, double alpha) {
    if ((x == 0.0)) {
        return mg_nearest_zero(alpha, 1.0);
    }
    return ((x > 0.0) ? 1.0 : (alpha * exp(x)));
}

static double mg_softplus(double x) {
    return ((x > 0.0) ? (x + py_log1p(exp((-x)))) : py_log1p(exp(x)));
}

static double mg_logsigmoid(double x) {
    return (-mg_softplus((-x)));
}

static double mg_sigmoid(double x) {
    double e = 0.0;
    if ((x > 0.0)) {
        return (1.0 / (1.0 + exp((-x))));
    }
    e = exp(x);
    return (e / (1.0 + e));
}

static double mg_dsigmoid(double x) {
    return mg_bell(exp((-fabs(x))));
}

static double mg_silu(double x) {
    return ((x != (-INFINITY)) ? (x * mg_sigmoid(x)) : (-0.0));
}

static double mg_dsilu(double x) {
    double c = 0.0, result = 0.0, t = 0.0;
    if (((x - x) != 0.0)) {
        return mg_sigmoid(x);
    }
    t = ((x - -1.2784645427610737) - -1.0946994183093437e-16);
    if ((fabs(t) > 0.85)) {
        return (mg_sigmoid(x) + (x * mg_dsigmoid(x)));
    }
    result = 0.0;
    static const double a_i_1[] = {(-4.0908332256286805e-16), 5.662235988802348e-15, 1.8397842645887054e-14, (-1.5376365106809265e-14), (-2.3496573817834053e-13), (-4.1428341124873365e-13), 1.4842855116792256e-12, 8.04274075537398e-12, 3.998547874723996e-12, (-7.50344609385287e-11), (-2.251366201881081e-10), 2.3648315053103244e-10, 2.9177603026903803e-09, 4.619379769031606e-09, (-1.8877622907727957e-08), (-9.266646309267441e-08), (-3.051244750055421e-08), 8.599695028268575e-07, 2.346029682463866e-06, (-2.942631888842464e-06), (-2.9733542213263917e-05), (-4.090534237428612e-05), 0.00018570724361186496, 0.0007985218818397998, 0.000126627410081122, (-0.006606589138356696), (-0.015222655223188032), 0.018874814223782312, 0.1466487969969469, 0.2178117057198001};
    for (int i_1 = 0; i_1 < 30; i_1++) {
        c = a_i_1[i_1];
        result = ((result * t) + c);
    }
    return (t * result);
}

static double mg_d2silu(double x) {
    double c = 0.0, result = 0.0, t = 0.0;
    if (((x - x) != 0.0)) {
        return ((x != x) ? x : 0.0);
    }
    t = ((fabs(x) - 2.3993572805154675) - 1.8464872855353363e-16);
    if ((fabs(t) > 0.7)) {
        return (mg_dsigmoid(x) * (2.0 - (x * tanh((0.5 * x)))));
    }
    result = 0.0;
    static const double a_i_1[] = {(-1.2392855034268616e-14), 3.216473631319573e-15, 1.7822225463781192e-13, (-9.055000154714944e-13), 1.5602425735240266e-12, 6.662654735126906e-12, (-5.63533423643315e-11), 1.663095487085917e-10, 8.253457692188269e-11, (-2.994904113211425e-09), 1.3081983663033934e-08, (-1.5976429579810104e-08), (-1.277632964329009e-07), 8.627407780510399e-07, (-2.1431242875903015e-06), (-3.19807505440145e-06), 4.8798917544170514e-05, (-0.0001839436560395359), 0.00012244467631752294, 0.002248725923422533, (-0.012715977581091808), 0.030510173388064096, 0.0, (-1.1996786402577337)};
    for (int i_1 = 0; i_1 < 24; i_1++) {
        c = a_i_1[i_1];
        result = ((result * t) + c);
    }
    return (mg_dsigmoid(x) * (t * result));
}

static double mg_normal(double x) {
    double head = 0.0;
    if ((((x - x) != 0.0) || (fabs(x) > 40.0))) {
        return ((x != x) ? x : 0.0);
    }
    head = ((x * 134217729.0) - ((x * 134217729.0) - x));
    return (0.3989422804014327 * (exp((((-0.5) * head) * head)) * exp((((-0.5) * (x - head)) * (x + head)))));
}

static double mg_mills(double x) {
    double odd = 0.0, series = 0.0, w = 0.0;
    w = (1.0 / (x * x));
    series = 1.0;
    static const double a_i_1[] = {13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0};
    for (int i_1 = 0; i_1 < 7; i_1++) {
        odd = a_i_1[i_1];
        series = (1.0 - ((odd * w) * series));
    }
    return series;
}

static double mg_ndtr(double x) {
    double lost = 0.0, z = 0.0;
    if ((x < (-30.0))) {
        return ((mg_normal(x) * mg_mills(x)) / (-x));
    }
    z = ((-x) * 0.7071067811865476);
    if (((x - x) != 0.0)) {
        return (0.5 * erfc(z));
    }
    lost = (mg_product_plus(x, 0.7071067811865476, z) + (x * -4.833646656726457e-17));
    return (0.5 * (erfc(z) + ((1.1283791670955126 * mg_gauss(z)) * lost)));
}

static double mg_gelu(double x) {
    return (((x >= (-30.0)) || (x != x)) ? (x * mg_ndtr(x)) : ((-mg_normal(x)) * mg_mills(x)));
}

static double mg_dgelu(double x) {
    double c = 0.0, result = 0.0, t = 0.0;
    if (((x - x) != 0.0)) {
        return mg_ndtr(x);
    }
    t = ((x - -0.7517915246935645) - 1.4956759177009883e-17);
    if ((fabs(t) > 0.8)) {
        return (mg_ndtr(x) + (x * mg_normal(x)));
    }
    result = 0.0;
    static const double a_i_1[] = {(-2.5871508475507507e-14), (-1.3820118240601056e-13), 5.482292964742324e-13, 3.725967039270119e-12, (-9.950340824808053e-12), (-8.950037692726255e-11), 1.4506418938779426e-10, 1.90319840501314e-09, (-1.396942086426202e-09), (-3.5459866461783865e-08), (-1.6044265494246427e-09), 5.702764979242107e-07, 4.3284506257392273e-07, (-7.74846130700372e-06), (-1.121438018842664e-05), 8.615947861116571e-05, 0.00018633974623233514, (-0.0007448268386746817), (-0.002239538068073497), 0.004539228379125415, 0.019421679838189067, (-0.014771522148244337), (-0.1140082332972217), (-0.018199676398671087), 0.388284982990552, 0.4314939923140469};
    for (int i_1 = 0; i_1 < 26; i_1++) {
        c = a_i_1[i_1];
        result = ((result * t) + c);
    }
    return (t * result);
}

static double mg_d2gelu(double x) {
    if ((((x - x) != 0.0) || (fabs(x) > 40.0))) {
        return ((x != x) ? x : 0.0);
    }
    return ((((1.4142135623730951 - fabs(x)) + -9.667293313452913e-17) * (1.4142135623730951 + fabs(x))) * mg_normal(x));
}

static double mg_gate(double d, double x) {
    return ((x > 0.0) ? d : ((x != x) ? x : 0.0));
}

static double mg_ties(double top, int n_, const double *xs) {
    double count = 0.0, x = 0.0;
    count = 0.0;
    for (int i_1 = (int)(0); i_1 < (int)(n_); i_1++) {
        x = xs[i_1];
        if ((x == top)) {
            count += 1.0;
        }
    }
    return count;
}

static double mg_route(double d, double x, double top, double shared) {
    return ((x == top) ? (d * (1.0 / shared)) : ((top != top) ? top : 0.0));
}

static double mg_inside(double d, double x, double low, double high) {
    if ((low <= x && x <= high)) {
        return d;
    }
    return (((x == x) && (low == low) && (high == high)) ? 0.0 : NAN);
}

static double mg_guard(double c, double y) {
    return ((y == y) ? c : y);
}

/* By operation: how many operands, -1 for any number, -2 for one and then any. */
static const struct { const char *name; int arity; void (*call)(void); } mg_table[] = {
    {"abs", 1, (void (*)(void))mg_absolute},
    {"acos", 1, (void (*)(void))mg_acos},
    {"acosh", 1, (void (*)(void))mg_acosh},
    {"add", 2, (void (*)(void))mg_add},
    {"asin", 1, (void (*)(void))mg_asin},
    {"asinh", 1, (void (*)(void))mg_asinh},
    {"atan", 1, (void (*)(void))mg_atan},
    {"atan2", 2, (void (*)(void))mg_atan2},
    {"atanh", 1, (void (*)(void))mg_atanh},
    {"cbrt", 1, (void (*)(void))mg_cbrt},
    {"ceil", 1, (void (*)(void))mg_ceil},
    {"clip", 3, (void (*)(void))mg_clip},
    {"copysign", 2, (void (*)(void))mg_copysign},
    {"cos", 1, (void (*)(void))mg_cos},
    {"cosh", 1, (void (*)(void))mg_cosh},
    {"d2gelu", 1, (void (*)(void))mg_d2gelu},
    {"d2silu", 1, (void (*)(void))mg_d2silu},
    {"dacosh", 1, (void (*)(void))mg_dacosh},
    {"dasin", 1, (void (*)(void))mg_dasin},
    {"dasinh", 1, (void (*)(void))mg_dasinh},
    {"datan", 1, (void (*)(void))mg_datan},
    {"datan2", 2, (void (*)(void))mg_datan2},
    {"datanh", 1, (void (*)(void))mg_datanh},
    {"dcbrt", 1, (void (*)(void))mg_dcbrt},
    {"degrees", 1, (void (*)(void))mg_degrees},
    {"derf", 1, (void (*)(void))mg_derf},
    {"dgelu", 1, (void (*)(void))mg_dgelu},
    {"div", 2, (void (*)(void))mg_div},
    {"dlog", 1, (void (*)(void))mg_dlog},
    {"dlog1p", 1, (void (*)(void))mg_dlog1p},
    {"dot", -1, (void (*)(void))mg_dot},
    {"dshare", 2, (void (*)(void))mg_dshare},
    {"dsigmoid", 1, (void (*)(void))mg_dsigmoid},
    {"dsilu", 1, (void (*)(void))mg_dsilu},
    {"dsqrt", 1, (void (*)(void))mg_dsqrt},
    {"elu", 2, (void (*)(void))mg_elu},
    {"elu_step", 2, (void (*)(void))mg_elu_step},
    {"equal", 2, (void (*)(void))mg_equal},
    {"erf", 1, (void (*)(void))mg_erf},
    {"erfc", 1, (void (*)(void))mg_erfc},
    {"exp", 1, (void (*)(void))mg_exp},
    {"exp2", 1, (void (*)(void))mg_exp2},
    {"exp_diff", 2, (void (*)(void))mg_exp_diff},
    {"exp_gap", 2, (void (*)(void))mg_exp_gap},
    {"expm1", 1, (void (*)(void))mg_expm1},
    {"floor", 1, (void (*)(void))mg_floor},
    {"floordiv", 2, (void (*)(void))mg_floordiv},
    {"fma", 3, (void (*)(void))mg_fma},
    {"fmax", 2, (void (*)(void))mg_fmax},
    {"fmin", 2, (void (*)(void))mg_fmin},
    {"fmod", 2, (void (*)(void))mg_fmod},
    {"gate", 2, (void (*)(void))mg_gate},
    {"gelu", 1, (void (*)(void))mg_gelu},
    {"greater", 2, (void (*)(void))mg_greater},
    {"greater_equal", 2, (void (*)(void))mg_greater_equal},
    {"guard", 2, (void (*)(void))mg_guard},
    {"hypot", -1, (void (*)(void))mg_hypot},
    {"identity", 1, (void (*)(void))mg_identity},
    {"inside", 4, (void (*)(void))mg_inside},
    {"inv_r2", 2, (void (*)(void))mg_inv_r2},
    {"isfinite", 1, (void (*)(void))mg_isfinite},
    {"isnan", 1, (void (*)(void))mg_isnan},
    {"ldexp", 2, (void (*)(void))mg_ldexp},
    {"leaky_relu", 2, (void (*)(void))mg_leaky_relu},
    {"leaky_step", 2, (void (*)(void))mg_leaky_step},
    {"less", 2, (void (*)(void))mg_less},
    {"less_equal", 2, (void (*)(void))mg_less_equal},
    {"log", 1, (void (*)(void))mg_log},
    {"log10", 1, (void (*)(void))mg_log10},
    {"log1p", 1, (void (*)(void))mg_log1p},
    {"log2", 1, (void (*)(void))mg_log2},
    {"logaddexp", 2, (void (*)(void))mg_logaddexp},
    {"logical_and", 2, (void (*)(void))mg_logical_and},
    {"logical_not", 1, (void (*)(void))mg_logical_not},
    {"logical_or", 2, (void (*)(void))mg_logical_or},
    {"logsigmoid", 1, (void (*)(void))mg_logsigmoid},
    {"logsumexp", -1, (void (*)(void))mg_logsumexp},
    {"maximum", -1, (void (*)(void))mg_maximum},
    {"mean", -1, (void (*)(void))mg_mean},
    {"minimum", -1, (void (*)(void))mg_minimum},
    {"mod", 2, (void (*)(void))mg_mod},
    {"mul", 2, (void (*)(void))mg_mul},
    {"ndtr", 1, (void (*)(void))mg_ndtr},
    {"neardiv", 2, (void (*)(void))mg_neardiv},
    {"neg", 1, (void (*)(void))mg_neg},
    {"nll", -2, (void (*)(void))mg_nll},
    {"normal", 1, (void (*)(void))mg_normal},
    {"not_equal", 2, (void (*)(void))mg_not_equal},
    {"portion", 2, (void (*)(void))mg_portion},
    {"pow", 2, (void (*)(void))mg_power},
    {"prod", -1, (void (*)(void))mg_prod},
    {"radians", 1, (void (*)(void))mg_radians},
    {"ratio", 2, (void (*)(void))mg_ratio},
    {"relu", 1, (void (*)(void))mg_relu},
    {"remainder", 2, (void (*)(void))mg_remainder},
    {"rint", 1, (void (*)(void))mg_rint},
    {"route", 4, (void (*)(void))mg_route},
    {"sech2", 1, (void (*)(void))mg_sech2},
    {"share", 2, (void (*)(void))mg_share},
    {"sigmoid", 1, (void (*)(void))mg_sigmoid},
    {"sign", 1, (void (*)(void))mg_sign},
    {"silu", 1, (void (*)(void))mg_silu},
    {"sin", 1, (void (*)(void))mg_sin},
    {"sinh", 1, (void (*)(void))mg_sinh},
    {"softplus", 1, (void (*)(void))mg_softplus},
    {"sqrt", 1, (void (*)(void))mg_sqrt},
    {"stop", 1, (void (*)(void))mg_identity},
    {"sub", 2, (void (*)(void))mg_sub},
    {"sum", -1, (void (*)(void))mg_total},
    {"tan", 1, (void (*)(void))mg_tan},
    {"tanh", 1, (void (*)(void))mg_tanh},
    {"ties", -2, (void (*)(void))mg_ties},
    {"trunc", 1, (void (*)(void))mg_trunc},
    {"truncdiv", 2, (void (*)(void))mg_truncdiv},
    {"unit", 2, (void (*)(void))mg_unit},
    {"weighed", 2, (void (*)(void))mg_weighed},
    {"weighted_sum", -1, (void (*)(void))mg_weighted_sum},
    {"where", 3, (void (*)(void))mg_where},
    {"xlogy", 2, (void (*)(void))mg_xlogy},
};
#define MG_TABLE 119
/* 2^(k/128): the bits of the nearest double, less k 2^45, and what it lacks of it. */
static const uint64_t MG_POWERS[128] = {
    0x3ff0000000000000u, 0x3feff63da9fb3335u, 0x3fefec9a3e778061u, 0x3fefe315e86e7f85u,
    0x3fefd9b0d3158574u, 0x3fefd06b29ddf6deu, 0x3fefc74518759bc8u, 0x3fefbe3ecac6f383u,
    0x3fefb5586cf9890fu, 0x3fefac922b7247f7u, 0x3fefa3ec32d3d1a2u, 0x3fef9b66affed31bu,
    0x3fef9301d0125b51u, 0x3fef8abdc06c31ccu, 0x3fef829aaea92de0u, 0x3fef7a98c8a58e51u,
    0x3fef72b83c7d517bu, 0x3fef6af9388c8deau, 0x3fef635beb6fcb75u, 0x3fef5be084045cd4u,
    0x3fef54873168b9aau, 0x3fef4d5022fcd91du, 0x3fef463b88628cd6u, 0x3fef3f49917ddc96u,
    0x3fef387a6e756238u, 0x3fef31ce4fb2a63fu, 0x3fef2b4565e27cddu, 0x3fef24dfe1f56381u,
    0x3fef1e9df51fdee1u, 0x3fef187fd0dad990u, 0x3fef1285a6e4030bu, 0x3fef0cafa93e2f56u,
    0x3fef06fe0a31b715u, 0x3fef0170fc4cd831u, 0x3feefc08b26416ffu, 0x3feef6c55f929ff1u,
    0x3feef1a7373aa9cbu, 0x3feeecae6d05d866u, 0x3feee7db34e59ff7u, 0x3feee32dc313a8e5u,
    0x3feedea64c123422u, 0x3feeda4504ac801cu, 0x3feed60a21f72e2au, 0x3feed1f5d950a897u,
    0x3feece086061892du, 0x3feeca41ed1d0057u, 0x3feec6a2b5c13cd0u, 0x3feec32af0d7d3deu,
    0x3feebfdad5362a27u, 0x3feebcb299fddd0du, 0x3feeb9b2769d2ca7u, 0x3feeb6daa2cf6642u,
    0x3feeb42b569d4f82u, 0x3feeb1a4ca5d920fu, 0x3feeaf4736b527dau, 0x3feead12d497c7fdu,
    0x3feeab07dd485429u, 0x3feea9268a5946b7u, 0x3feea76f15ad2148u, 0x3feea5e1b976dc09u,
    0x3feea47eb03a5585u, 0x3feea34634ccc320u, 0x3feea23882552225u, 0x3feea155d44ca973u,
    0x3feea09e667f3bcdu, 0x3feea012750bdabfu, 0x3fee9fb23c651a2fu, 0x3fee9f7df9519484u,
    0x3fee9f75e8ec5f74u, 0x3fee9f9a48a58174u, 0x3fee9feb564267c9u, 0x3feea0694fde5d3fu,
    0x3feea11473eb0187u, 0x3feea1ed0130c132u, 0x3feea2f336cf4e62u, 0x3feea427543e1a12u,
    0x3feea589994cce13u, 0x3feea71a4623c7adu, 0x3feea8d99b4492edu, 0x3feeaac7d98a6699u,
    0x3feeace5422aa0dbu, 0x3feeaf3216b5448cu, 0x3feeb1ae99157736u, 0x3feeb45b0b91ffc6u,
    0x3feeb737b0cdc5e5u, 0x3feeba44cbc8520fu, 0x3feebd829fde4e50u, 0x3feec0f170ca07bau,
    0x3feec49182a3f090u, 0x3feec86319e32323u, 0x3feecc667b5de565u, 0x3feed09bec4a2d33u,
    0x3feed503b23e255du, 0x3feed99e1330b358u, 0x3feede6b5579fdbfu, 0x3feee36bbfd3f37au,
    0x3feee89f995ad3adu, 0x3feeee07298db666u, 0x3feef3a2b84f15fbu, 0x3feef9728de5593au,
    0x3feeff76f2fb5e47u, 0x3fef05b030a1064au, 0x3fef0c1e904bc1d2u, 0x3fef12c25bd71e09u,
    0x3fef199bdd85529cu, 0x3fef20ab5fffd07au, 0x3fef27f12e57d14bu, 0x3fef2f6d9406e7b5u,
    0x3fef3720dcef9069u, 0x3fef3f0b555dc3fau, 0x3fef472d4a07897cu, 0x3fef4f87080d89f2u,
    0x3fef5818dcfba487u, 0x3fef60e316c98398u, 0x3fef69e603db3285u, 0x3fef7321f301b460u,
    0x3fef7c97337b9b5fu, 0x3fef864614f5a129u, 0x3fef902ee78b3ff6u, 0x3fef9a51fbc74c83u,
    0x3fefa4afa2a490dau, 0x3fefaf482d8e67f1u, 0x3fefba1bee615a27u, 0x3fefc52b376bba97u,
    0x3fefd0765b6e4540u, 0x3fefdbfdad9cbe14u, 0x3fefe7c1819e90d8u, 0x3feff3c22b8f71f1u,
};
static const double MG_LOST[128] = {
    0x0.0p+0, 0x1.b3b4f1a88bf6ep-54, -0x1.160139cd8dc5dp-56, -0x1.05e7a108766d1p-54,
    0x1.cd2523567f613p-55, -0x1.bce8023f98efap-55, 0x1.0f74e61e6c861p-57, 0x1.0a3e45b33d399p-54,
    0x1.79aa65d837b6dp-54, 0x1.eb51a92fdeffcp-55, 0x1.ebe3d702f9cd1p-60, -0x1.a033489906e0bp-57,
    -0x1.556522a2fbd0ep-54, -0x1.080ef8c4eea55p-58, -0x1.1c923b9d5f416p-54, 0x1.0d3e3e95c55afp-55,
    -0x1.01b15eaa59348p-55, -0x1.f1ff055de323dp-55, 0x1.b898c3f1353bfp-55, -0x1.6d99c7611eb26p-54,
    0x1.aecf73e3a2f60p-54, -0x1.fe782cb86389dp-55, 0x1.a6f4144a6c38dp-55, 0x1.07a05b0e4047dp-55,
    0x1.68efde3a8a894p-54, 0x1.75e18f274487dp-55, 0x1.0472b981fe7f2p-55, -0x1.6b87b3f71085ep-54,
    0x1.2f7e16d09ab31p-55, -0x1.d219b1a6fbffap-60, 0x1.b3782720c0ab4p-55, 0x1.e149289cecb8fp-57,
    0x1.34d754db0abb6p-55, 0x1.64201e2ac744cp-55, 0x1.fdd395dd3f84ap-55, -0x1.6a3803b8e5b04p-55,
    -0x1.24aedcc4b5068p-54, -0x1.907f81b512d8ep-54, -0x1.1d1e83e9436d2p-56, -0x1.91919b3ce1b15p-54,
    0x1.59f48a72a4c6dp-55, -0x1.312607a28698ap-54, -0x1.8a78f4817895bp-58, -0x1.c2c9b67499a1bp-56,
    0x1.363ed60c2ac11p-59, 0x1.666093b0664efp-54, 0x1.ecce1daa10379p-57, 0x1.3ff8e3f0f1230p-54,
    0x1.690cebb7aafb0p-56, 0x1.31dbdeb54e077p-54, -0x1.f94340071a38ep-55, -0x1.7deccdc93a349p-55,
    -0x1.8dec6bd0f385fp-56, -0x1.61246ec7b5cf6p-55, 0x1.3350518fdd78ep-54, 0x1.b98b72f8a9b05p-56,
    0x1.063e1e21c5409p-54, 0x1.4c7855019c6eap-60, 0x1.432e62b64c035p-54, -0x1.ce44a6199769fp-55,
    -0x1.c33c53bef4da8p-55, -0x1.45378892be9aep-55, -0x1.3cedd78565858p-54, 0x1.710aa807e1964p-58,
    -0x1.3b3efbf5e2228p-54, -0x1.a12ad8734b982p-57, -0x1.367efb86da9eep-57, -0x1.0dc3d54e08851p-55,
    -0x1.81f647e5a3ecfp-56, -0x1.6ee4ac08b7db0p-55, -0x1.619321e55e68ap-55, 0x1.09ccb5e09d4d3p-54,
    -0x1.b32dcb94da51dp-56, 0x1.4ecfd5467c06bp-54, 0x1.5ebe1abd66c55p-57, -0x1.8a1c52fb3cf42p-55,
    -0x1.369b6f13b3734p-54, -0x1.05e843a19ff1ep-55, -0x1.4d450d872576ep-54, 0x1.0ad675b0e8a00p-54,
    0x1.db72fc1f0eab4p-55, -0x1.5b6609cc5e7ffp-57, 0x1.bf68359f35f44p-56, -0x1.3091fa71e3d83p-54,
    -0x1.da9b88b6c1e29p-58, -0x1.c23f97c90b959p-57, -0x1.2434322f4f9aap-54, -0x1.5ca6cd7668e4bp-55,
    0x1.1affc2b91ce27p-56, 0x1.dd235e10a73bbp-57, -0x1.7c50422622263p-55, 0x1.b1c86e3e231d5p-55,
    -0x1.1bbd1d3bcbb15p-54, 0x1.0cc319cee31d2p-54, 0x1.469846e735ab3p-55, -0x1.2dfcd978e9db4p-55,
    0x1.c1a7792cb3387p-55, -0x1.07b8f4ad1d9fap-54, -0x1.5c3d956dcaebap-58, -0x1.0a40e3da6f640p-54,
    -0x1.8d6f438ad9334p-57, -0x1.1eee26b588a35p-54, 0x1.4ffd70a5fddcdp-56, -0x1.1bdfbfa9298acp-54,
    0x1.36eae30af0cb3p-56, 0x1.ee3325c9ffd94p-55, 0x1.4e08fd10959acp-55, 0x1.3cdaf384e1a67p-57,
    0x1.76b2c6c921968p-57, -0x1.08a1883ccb5d2p-55, -0x1.fad5d3ffffa6fp-55, -0x1.00dae3875a949p-54,
    0x1.4a385a63d07a7p-56, -0x1.2919e2040220fp-55, 0x1.e5a50d5c192acp-55, 0x1.43a59ac016b4bp-55,
    -0x1.2d52107b43e1fp-55, -0x1.92ab93b470dc9p-55, 0x1.4b604603a88d3p-56, 0x1.3c5ec519d7271p-55,
    -0x1.ff7128fd391f0p-55, -0x1.dae98e223747dp-55, 0x1.ec3bc41aa2008p-55, 0x1.42b94c3a9eb32p-55,
    0x1.a64a931d185eep-55, -0x1.e37bae43be3edp-55, 0x1.7893b4d91cd9dp-56, 0x1.305c14160cc89p-58,
};
