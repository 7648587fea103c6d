/* The kernels of kernels.h that are written as vectors; included once for each kind of processor.

   W is how many numbers a vector holds (1: no vectors), SUFFIX what the names end in. The order of
   sums over the examples is the same whatever W is: results do not depend on it. */

#if W > 1
#define VEC NAME(vec)
#define HALVES (8 / W) /* vectors of eight lanes */
typedef num VEC __attribute__((vector_size(W * sizeof(num)), aligned(sizeof(num))));
typedef __typeof__((VEC){0} < (VEC){0}) NAME(mask);
#define MASK NAME(mask)
#define AT(p, i) (*(const VEC *)((p) + (i)))
#define TO(p, i) (*(VEC *)((p) + (i)))
typedef num NAME(vec4) __attribute__((vector_size(4 * sizeof(num)), aligned(sizeof(num))));
#define AT4(p, i) (*(const NAME(vec4) *)((p) + (i)))
#define TO4(p, i) (*(NAME(vec4) *)((p) + (i)))

#if ZMM
/* One instruction, whose result depends on what kind of number b is: from the last digit on nan,
   nan, 0, 1, -inf, inf, below and above 0. Of it 0 makes a, 1 makes b and 8 makes 0.0. */
#define BY_KIND(a, b, kinds) \
    ((VEC)_mm512_fixupimm_pd((__m512d)(a), (__m512d)(b), _mm512_set1_epi64(kinds), 0))
INLINE VEC NAME(relu)(VEC a) { return BY_KIND(a, a, 0x18181811); }
INLINE VEC NAME(gate)(VEC d, VEC x) { return BY_KIND(d, x, 0x08080811); }
#else
INLINE VEC NAME(relu)(VEC a) { return (VEC)((MASK)a & ~(MASK)(a <= (num)0.0)); }
INLINE VEC NAME(gate)(VEC d, VEC x) {
    return (VEC)(((MASK)d & (MASK)(x > (num)0.0)) | ((MASK)x & (MASK)(x != x)));
}
#endif

/* The products of column c that sums j to j + R - 1 have, for the lanes i to i + V W - 1. */
INLINE void NAME(products)(VEC (*t)[4], const Layer *l, int j, int c, Py_ssize_t i, const int R,
                           const int V) {
    const num *w = l->w + j * l->per_sum + c * l->per_column;
    VEC x[4];
    for (int v = 0; v < V; v++) x[v] = AT(l->x[c], i + W * v);
    for (int r = 0; r < R; r++) {
        num s = w[r * l->per_sum];
        for (int v = 0; v < V; v++) t[r][v] = s * x[v];
    }
}

INLINE void NAME(add)(VEC (*a)[4], VEC (*t)[4], const int R, const int V) {
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) a[r][v] += t[r][v];
}

/* Those sums; with R, V and `then` known it stays in registers. A number times ONES is that number
   in every lane, of which GCC makes better code. Where there are few sums, a product is added while
   the next one is made: to wait for it would hold up the others. */
INLINE void NAME(layer_tile)(const Layer *l, int j, Py_ssize_t i, const int R, const int V,
                             const int then) {
    VEC a[8][4], t[8][4];
    const int late = MANY && R * V == 8;
    for (int r = 0; r < R; r++) {
        VEC start = l->start[j + r] * AT(ONES, 0);
        for (int v = 0; v < V; v++) a[r][v] = start;
    }
    if (late) NAME(products)(t, l, j, 0, i, R, V);
    for (int c = late; c < l->k; c++) {
        if (late) NAME(add)(a, t, R, V);
        NAME(products)(t, l, j, c, i, R, V);
        if (!late) NAME(add)(a, t, R, V);
    }
    if (late) NAME(add)(a, t, R, V);
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) {
            VEC y = a[r][v];
            if (then == WITH_RELU) y = NAME(relu)(y);
            if (then == WITH_GATE) y = NAME(gate)(y, AT(l->gate[j + r], i + W * v));
            TO(l->y[j + r], i + W * v) = y;
        }
}

#define WIDE (MANY ? 4 : 2) /* vectors side by side */

/* All sums from j on, for V vectors. */
INLINE void NAME(layer_across)(const Layer *l, int j, Py_ssize_t i, const int V, const int then) {
    for (; j + 4 <= l->sums; j += 4) NAME(layer_tile)(l, j, i, 4, V, then);
    if (j + 2 <= l->sums) NAME(layer_tile)(l, j, i, 2, V, then), j += 2;
    if (j < l->sums) NAME(layer_tile)(l, j, i, 1, V, then);
}
#endif

INLINE void NAME(layer)(const Layer *l, Py_ssize_t n, const int then) {
    Py_ssize_t i = 0;
    int done = 0; /* sums */
#if ZMM
    /* A multiplication can take a number in every lane from memory, if it is the only one that
       needs it; as an instruction of its own that takes the time of a multiplication. */
    done = l->k > 4 ? l->sums & ~7 : 0;
    for (; i + W <= n && done; i += W)
        for (int j = 0; j < done; j += 8) NAME(layer_tile)(l, j, i, 8, 1, then);
    i = 0;
#endif
#if W > 1
    /* So few lanes of all columns at a time stay in the cache. */
    for (; i + WIDE * W <= n; i += WIDE * W) NAME(layer_across)(l, done, i, WIDE, then);
    if (MANY && i + 2 * W <= n) NAME(layer_across)(l, done, i, 2, then), i += 2 * W;
    if (i + W <= n) NAME(layer_across)(l, done, i, 1, then), i += W;
#endif
    for (; i < n; i++)
        for (int j = 0; j < l->sums; j++) {
            const num *w = l->w + j * l->per_sum;
            num a = l->start[j];
            for (int c = 0; c < l->k; c++) a += w[c * l->per_column] * l->x[c][i];
            if (then == WITH_RELU) a = mg_relu(a);
            if (then == WITH_GATE) a = mg_gate(a, l->gate[j][i]);
            l->y[j][i] = a;
        }
}

static void NAME(k_layer)(const Layer *l, Py_ssize_t n) {
    if (l->then == WITH_RELU) NAME(layer)(l, n, WITH_RELU);
    else if (l->then == WITH_GATE) NAME(layer)(l, n, WITH_GATE);
    else NAME(layer)(l, n, PLAINLY);
}

/* One such sum, whose start may be a column: start + s1 * x1 + s2 * x2 + ... */
#if W > 1
INLINE void NAME(scaled_tile)(num *restrict dst, const num *start, int ss, int m, const num *s,
                              const num *const *x, Py_ssize_t i, const int V) {
    VEC a[4];
    for (int v = 0; v < V; v++) a[v] = ss ? AT(start, i + W * v) : *start * AT(ONES, 0);
    for (int k = 0; k < m; k++)
        for (int v = 0; v < V; v++) a[v] += s[k] * AT(x[k], i + W * v);
    for (int v = 0; v < V; v++) TO(dst, i + W * v) = a[v];
}
#endif

static void NAME(k_scaled)(num *restrict dst, const num *start, int ss, int m, const num *s,
                           const num *const *x, Py_ssize_t n) {
    Py_ssize_t i = 0;
#if W > 1
    for (; i + 4 * W <= n; i += 4 * W) NAME(scaled_tile)(dst, start, ss, m, s, x, i, 4);
    if (i + 2 * W <= n) NAME(scaled_tile)(dst, start, ss, m, s, x, i, 2), i += 2 * W;
    if (i + W <= n) NAME(scaled_tile)(dst, start, ss, m, s, x, i, 1), i += W;
#endif
    for (; i < n; i++) {
        num a = start[ss ? i : 0];
        for (int k = 0; k < m; k++) a += s[k] * x[k][i];
        dst[i] = a;
    }
}

#if W > 1 && SHUFFLES
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
/* Four T sums of one example side by side, as each product has to wait for the one before it.
   Where the factors of a sum stand side by side, four of each of four sums are turned. */
INLINE void NAME(sums_tile)(const Sums *l, int j, const int T, const int in_rows) {
    const num *w = l->w + j * l->per_sum, *x = l->x;
    NAME(vec4) a[4];
    int i = 0;
    for (int t = 0; t < T; t++) a[t] = AT4(l->a, j + 4 * t);
    for (; i + 4 <= l->k && in_rows; i += 4)
        for (int t = 0; t < T; t++) {
            const num *r = w + 4 * t * l->per_sum + i;
            NAME(vec4) r0 = AT4(r, 0), r1 = AT4(r, l->per_sum), r2 = AT4(r, 2 * l->per_sum);
            NAME(vec4) r3 = AT4(r, 3 * l->per_sum);
            NAME(vec4) even01 = MIX(r0, r1, 0, 4, 2, 6), odd01 = MIX(r0, r1, 1, 5, 3, 7);
            NAME(vec4) even23 = MIX(r2, r3, 0, 4, 2, 6), odd23 = MIX(r2, r3, 1, 5, 3, 7);
            a[t] += MIX(even01, even23, 0, 1, 4, 5) * x[i];
            a[t] += MIX(odd01, odd23, 0, 1, 4, 5) * x[i + 1];
            a[t] += MIX(even01, even23, 2, 3, 6, 7) * x[i + 2];
            a[t] += MIX(odd01, odd23, 2, 3, 6, 7) * x[i + 3];
        }
    for (; i < l->k; i++)
        for (int t = 0; t < T; t++) {
            const num *r = w + 4 * t * l->per_sum + i * l->per_x;
            NAME(vec4) next = {r[0], r[l->per_sum], r[2 * l->per_sum], r[3 * l->per_sum]};
            a[t] += (l->per_sum == 1 ? AT4(r, 0) : next) * x[i];
        }
    for (int t = 0; t < T; t++) TO4(l->a, j + 4 * t) = a[t];
}
#undef MIX
#endif

static void NAME(k_sums)(const Sums *l) {
    int j = 0;
#if W > 1 && SHUFFLES
    int in_rows = l->per_x == 1 && l->per_sum != 1;
    for (; j + 8 <= l->sums; j += 8)
        if (in_rows) NAME(sums_tile)(l, j, 2, 1);
        else NAME(sums_tile)(l, j, 2, 0);
    if (j + 4 <= l->sums) NAME(sums_tile)(l, j, 1, in_rows), j += 4;
#endif
    for (; j < l->sums; j++) {
        const num *w = l->w + j * l->per_sum;
        num a = l->a[j];
        for (int i = 0; i < l->k; i++) a += w[i * l->per_x] * l->x[i];
        l->a[j] = a;
    }
}

/* Eight lanes as one number. */
static inline num NAME(lanes)(const num *a) {
    return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}

#if W > 1
/* found[q] = the sum of the lanes of s[q], for `count` of them, and 0.0 where that is -0.0. */
INLINE void NAME(fold)(num *found, VEC (*s)[HALVES], const int count) {
    int q = 0;
#if ZMM
    /* Of the two vectors that are added, one has the lanes that stay in their places: no shuffle. */
#define PAIR(x, y) _mm512_mask_blend_pd(0xAA, x, y) + _mm512_shuffle_pd(x, y, 0x55)
#define FOUR(x, y) _mm512_mask_blend_pd(0xCC, x, y) + _mm512_permutex2var_pd(x, across, y)
    __m512i across = _mm512_setr_epi64(2, 3, 8, 9, 6, 7, 12, 13);
    for (; q + 8 <= count; q += 8) {
        __m512d x[8];
        for (int k = 0; k < 8; k++) x[k] = (__m512d)s[q + k][0];
        __m512d ab = PAIR(x[0], x[1]), cd = PAIR(x[2], x[3]), ef = PAIR(x[4], x[5]);
        __m512d gh = PAIR(x[6], x[7]), low = FOUR(ab, cd), high = FOUR(ef, gh);
        TO(found, q) = (VEC)(_mm512_mask_blend_pd(0xF0, low, high) +
                             _mm512_shuffle_f64x2(low, high, 0x4E)) + (num)0.0;
    }
#undef PAIR
#undef FOUR
#endif
    for (; q < count; q++) {
        num a[8];
        for (int h = 0; h < HALVES; h++) TO(a, h * W) = s[q][h];
        found[q] = NAME(lanes)(a) + (num)0.0;
    }
}
#endif

/* The sums of a[p] * b[q], for A columns a and B columns b, to to[p * per_a + q * per_b]. */
INLINE void NAME(outer_tile)(const Outer *o, num *to, Py_ssize_t per_a, Py_ssize_t per_b,
                             const num *const *a, const num *const *b, const int A, const int B) {
    Py_ssize_t n = o->n, i = 0;
    num found[16];
#if W > 1
    VEC s[16][HALVES], y[8];
    int some = n >= 8; /* a lane begins with its first product: `fold` takes care of -0.0 */
    for (int h = 0; h < HALVES; h++) {
        for (int q = 0; q < B && some; q++) y[q] = AT(b[q], h * W);
        for (int p = 0; p < A; p++) {
            VEC g = some ? AT(a[p], h * W) : (VEC){0};
            for (int q = 0; q < B; q++) s[p * B + q][h] = some ? g * y[q] : (VEC){0};
        }
    }
    for (i = 8 * some; i + 8 <= n; i += 8)
        for (int h = 0; h < HALVES; h++) {
            for (int q = 0; q < B; q++) y[q] = AT(b[q], i + h * W);
            for (int p = 0; p < A; p++) {
                VEC g = AT(a[p], i + h * W);
                for (int q = 0; q < B; q++) s[p * B + q][h] += g * y[q];
            }
        }
    NAME(fold)(found, s, A * B);
#else
    for (int q = 0; q < A * B; q++) {
        num lanes[8] = {0};
        for (i = 0; i < n - n % 8; i++) lanes[i % 8] += a[q / B][i] * b[q % B][i];
        found[q] = NAME(lanes)(lanes);
    }
#endif
    for (; i < n; i++)
        for (int p = 0; p < A; p++)
            for (int q = 0; q < B; q++) found[p * B + q] += a[p][i] * b[q][i];
    for (int p = 0; p < A; p++)
        for (int q = 0; q < B; q++)
            if (o->first) to[p * per_a + q * per_b] = found[p * B + q];
            else to[p * per_a + q * per_b] += found[p * B + q];
}

#if W > 1
/* Eight columns as rows of eight: t[8 e + q] = x[q][e]. */
INLINE void NAME(transpose)(num *t, const num *const *x, Py_ssize_t n, Py_ssize_t room) {
    Py_ssize_t e = 0;
#if ZMM
#define LOW(a, b) _mm512_shuffle_f64x2(a, b, 0x88)
#define HIGH(a, b) _mm512_shuffle_f64x2(a, b, 0xDD)
    for (; e < n && e + 8 <= room; e += 8) {
        __m512d r[8], s[8];
        for (int q = 0; q < 8; q += 2) {
            __m512d a = (__m512d)AT(x[q], e), b = (__m512d)AT(x[q + 1], e);
            r[q] = _mm512_unpacklo_pd(a, b), r[q + 1] = _mm512_unpackhi_pd(a, b);
        }
        for (int q = 0; q < 2; q++) {
            s[q] = LOW(r[q], r[q + 2]), s[q + 2] = HIGH(r[q], r[q + 2]);
            s[q + 4] = LOW(r[q + 4], r[q + 6]), s[q + 6] = HIGH(r[q + 4], r[q + 6]);
        }
        for (int q = 0; q < 4; q++) {
            TO(t, 8 * (e + q)) = (VEC)LOW(s[q], s[q + 4]);
            TO(t, 8 * (e + q + 4)) = (VEC)HIGH(s[q], s[q + 4]);
        }
    }
#undef LOW
#undef HIGH
#endif
    for (; e < n; e++)
        for (int q = 0; q < 8; q++) t[8 * e + q] = x[q][e];
}

/* The sums of R columns a times the eight that stand as rows in t, from the first example to the
   last; with `late` as in `layer_tile`. */
INLINE void NAME(rows_tile)(const Outer *o, num *to, const num *const *a, const num *t,
                            const int R) {
    VEC s[8][HALVES], product[8][HALVES];
    const int late = MANY;
    for (int h = 0; h < HALVES; h++)
        for (int p = 0; p < R; p++) {
            s[p][h] = (VEC){0};
            if (late) product[p][h] = a[p][0] * AT(t, h * W);
        }
    for (Py_ssize_t e = late; e < o->n; e++)
        for (int h = 0; h < HALVES; h++) {
            VEC x = AT(t, 8 * e + h * W);
            for (int p = 0; p < R; p++) {
                if (late) s[p][h] += product[p][h], product[p][h] = a[p][e] * x;
                else s[p][h] += a[p][e] * x;
            }
        }
    for (int p = 0; p < R; p++)
        for (int h = 0; h < HALVES && late; h++) s[p][h] += product[p][h];
    if (o->per_x == 1) {
        for (int p = 0; p < R; p++)
            for (int h = 0; h < HALVES; h++)
                if (o->first) TO(to, p * o->per_d + h * W) = s[p][h];
                else TO(to, p * o->per_d + h * W) += s[p][h];
        return;
    }
    num found[64];
    for (int p = 0; p < R; p++)
        for (int h = 0; h < HALVES; h++) TO(found, p * 8 + h * W) = s[p][h];
    for (int p = 0; p < R; p++)
        for (int q = 0; q < 8; q++) {
            num *sum = to + p * o->per_d + q * o->per_x;
            *sum = (o->first ? 0 : *sum) + found[p * 8 + q];
        }
}
#endif

/* Eight times eight sums are made from the first example to the last, so that there is nothing to
   fold; those in rows and columns that are left, in eight lanes. */
static void NAME(k_outer)(const Outer *o) {
    enum { A = MANY ? 4 : 2, B = 4, R = W };
    const num *const *d = o->d, *const *x = o->x;
    int m = o->m, k = o->k, ds = m - m % A, xs = k - k % B, i;
    int m8 = m - m % 8, k8 = m8 ? k - k % 8 : 0;
#define PLACE(j, i) (o->to + (j) * o->per_d + (i) * o->per_x)
#define TILE(j, i, a, b) \
    NAME(outer_tile)(o, PLACE(j, i), o->per_d, o->per_x, d + (j), x + (i), a, b)
    for (i = 0; i < k8; i += W > 1 ? 8 : 1) {
#if W > 1
        _Alignas(64) num t[8 * BLOCK];
        NAME(transpose)(t, x + i, o->n, o->room);
        for (int j = 0; j < m8; j += R) NAME(rows_tile)(o, PLACE(j, i), d + j, t, R);
#else
        for (int j = 0; j < m8; j++) {
            num sum = 0.0;
            for (Py_ssize_t e = 0; e < o->n; e++) sum += d[j][e] * x[i][e];
            *PLACE(j, i) = (o->first ? 0 : *PLACE(j, i)) + sum;
        }
#endif
    }
    for (i = 0; i < xs; i += B)
        for (int j = i < k8 ? m8 : 0; j < ds; j += A) TILE(j, i, A, B);
    for (int j = ds; j < m; j++) {
        for (i = 0; i + 8 <= xs; i += 8) TILE(j, i, 1, 8);
        if (i < xs) TILE(j, i, 1, 4);
    }
    for (i = xs; i < k; i++) {
        int j = 0;
        for (; j + 8 <= m; j += 8) TILE(j, i, 8, 1);
        for (; j < m; j++) TILE(j, i, 1, 1);
    }
#undef TILE
#undef PLACE
}

/* sums[k] = the sum of x[k], for `count` columns. */
INLINE void NAME(totals_tile)(num *sums, const num *const *x, Py_ssize_t n, const int count) {
    Py_ssize_t i = 0;
#if W > 1
    VEC s[8][HALVES];
    for (int k = 0; k < count; k++)
        for (int h = 0; h < HALVES; h++) s[k][h] = (VEC){0};
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < count; k++)
            for (int h = 0; h < HALVES; h++) s[k][h] += AT(x[k], i + h * W);
    NAME(fold)(sums, s, count);
#else
    for (int k = 0; k < count; k++) {
        num lanes[8] = {0};
        for (i = 0; i < n - n % 8; i++) lanes[i % 8] += x[k][i];
        sums[k] = NAME(lanes)(lanes);
    }
#endif
    for (; i < n; i++)
        for (int k = 0; k < count; k++) sums[k] += x[k][i];
}

static void NAME(k_totals)(num *sums, const num *const *x, int count, Py_ssize_t n) {
    int k = 0;
    for (; k + 8 <= count; k += 8) NAME(totals_tile)(sums + k, x + k, n, 8);
    for (; k < count; k++) NAME(totals_tile)(sums + k, x + k, n, 1);
}

#if AS_GLIBC
#include "exponential.h"
#endif

#if defined(MG_FAST) && W > 1
#include "fast.h"
#else
static void NAME(log1p_of)(num *x, Py_ssize_t n) {
    for (Py_ssize_t l = 0; l < n; l++) x[l] = py_log1p(x[l]);
}
#define NO_FAST
#endif

static const Kernels NAME(kernels) = {NAME(k_layer), NAME(k_scaled), NAME(k_outer), NAME(k_sums),
                                      NAME(k_totals), NAME(log1p_of),
#if AS_GLIBC
                                      NAME(exps),
#else
                                      NULL,
#endif
#if defined(NO_FAST)
                                      NULL};
#else
                                      NAME(fast_table)};
#endif

#undef NO_FAST
#undef VEC
#undef MASK
#undef HALVES
#undef WIDE
#undef AT
#undef TO
#undef TO4
#undef AT4
#undef W
#undef SUFFIX
