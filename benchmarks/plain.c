/* A network, its loss and its gradient by hand: what `compiled.py` holds the compiler against.

   Columns of examples, as long as the batch; four units and two vectors of examples at a time,
   so that what is added up stays in vector registers, of 512 bits or of 256. Built by the benchmark with -O3
   -march=native -ffast-math, so with fused multiply-add and vectorised exp. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
#define LANES 8
#else
#define LANES 4
#endif
typedef double vec __attribute__((vector_size(8 * LANES), aligned(8)));
#define AT(p) (*(const vec *)(p))
#define TO(p) (*(vec *)(p))
#define MOST 8 /* layers */

/* y[o][i] = start[o] + sum over k of w[o][k] * x[k][i]; w[o][k] stands at w[o * so + k * sk]. */
static void product(double *y, const double *w, long so, long sk, const double *start, long ss,
                    const double *x, long outs, long ins, long n) {
    for (long o = 0; o < outs; o += 4) {
        long some = outs - o < 4 ? outs - o : 4;
        if (some == 4) {
            long i = 0;
            for (; i + 2 * LANES <= n; i += 2 * LANES) {
                vec a[4], b[4];
                for (int j = 0; j < 4; j++)
                    a[j] = b[j] = (start ? start[(o + j) * ss] : 0.0) - (vec){0};
                for (long k = 0; k < ins; k++) {
                    vec p = AT(x + k * n + i), q = AT(x + k * n + i + LANES);
                    for (int j = 0; j < 4; j++) {
                        double c = w[(o + j) * so + k * sk];
                        a[j] += c * p, b[j] += c * q;
                    }
                }
                for (int j = 0; j < 4; j++)
                    TO(y + (o + j) * n + i) = a[j], TO(y + (o + j) * n + i + LANES) = b[j];
            }
            for (; i < n; i += LANES) {
                vec a[4];
                for (int j = 0; j < 4; j++) a[j] = (start ? start[(o + j) * ss] : 0.0) - (vec){0};
                for (long k = 0; k < ins; k++) {
                    vec p = AT(x + k * n + i);
                    for (int j = 0; j < 4; j++) a[j] += w[(o + j) * so + k * sk] * p;
                }
                for (int j = 0; j < 4; j++) TO(y + (o + j) * n + i) = a[j];
            }
            continue;
        }
        for (long j = o; j < o + some; j++)
            for (long i = 0; i < n; i += LANES) {
                vec a = (start ? start[j * ss] : 0.0) - (vec){0};
                for (long k = 0; k < ins; k++) a += w[j * so + k * sk] * AT(x + k * n + i);
                TO(y + j * n + i) = a;
            }
    }
}

static double sum(vec a) {
    double total = 0.0;
    for (int l = 0; l < LANES; l++) total += a[l];
    return total;
}

/* g[o][k] = sum over i of d[o][i] * x[k][i], and g[o][ins] = sum of d[o]. */
static void outer(double *g, const double *d, const double *x, long outs, long ins, long n) {
    for (long o = 0; o < outs; o++) {
        long k = 0;
        for (; k + 4 <= ins; k += 4) {
            vec a[4] = {{0}};
            for (long i = 0; i < n; i += LANES) {
                vec e = AT(d + o * n + i);
                for (int j = 0; j < 4; j++) a[j] += e * AT(x + (k + j) * n + i);
            }
            for (int j = 0; j < 4; j++) g[o * (ins + 1) + k + j] = sum(a[j]);
        }
        for (; k < ins; k++) {
            vec a = {0};
            for (long i = 0; i < n; i += LANES) a += AT(d + o * n + i) * AT(x + k * n + i);
            g[o * (ins + 1) + k] = sum(a);
        }
        vec a = {0};
        for (long i = 0; i < n; i += LANES) a += AT(d + o * n + i);
        g[o * (ins + 1) + ins] = sum(a);
    }
}

/* `count` steps of gradient descent. sizes: units of each layer, the inputs first; x: a column
   of n numbers (a multiple of 8, of which `real` count) for each input; y: 1 or -1 for the hinge
   loss with a penalty on the squares (kind 0), a class for softmax and cross-entropy (kind 1);
   p: of each neuron its weights, then its bias; g receives the last gradient. */
int steps(int kind, int layers, const int *sizes, long n, long real, const double *x,
          const double *y, double *p, double rate, int count, double *losses, double *g) {
    double *room = NULL, *unit[MOST + 1], *delta[MOST + 1], *at[MOST + 1];
    long need = 0, np = 0, done;
    for (int l = 1; l <= layers; l++) need += 2 * sizes[l] * n, np += sizes[l] * (sizes[l - 1] + 1);
    if (layers > MOST || posix_memalign((void **)&room, 64, (need + 2 * n) * sizeof(double))) return 1;
    double *next = room;
    unit[0] = (double *)x;
    at[1] = p;
    for (int l = 1; l <= layers; l++) {
        unit[l] = next, delta[l] = next + sizes[l] * n, next += 2 * sizes[l] * n;
        at[l + 1] = at[l] + sizes[l] * (sizes[l - 1] + 1);
    }
    double *top = next, *rest = next + n;
    for (done = 0; done < count; done++) {
        for (int l = 1; l <= layers; l++) {
            long k = sizes[l - 1];
            product(unit[l], at[l], k + 1, 1, at[l] + k, k + 1, unit[l - 1], sizes[l], k, n);
            if (l < layers)
                for (long i = 0; i < sizes[l] * n; i++)
                    unit[l][i] = unit[l][i] > 0.0 ? unit[l][i] : 0.0;
        }
        double loss = 0.0, share = 1.0 / (double)real, *s = unit[layers], *d = delta[layers];
        if (kind == 0) {
            for (long i = 0; i < n; i++) {
                double gap = 1.0 - y[i] * s[i];
                int counts = gap > 0.0 && i < real;
                loss += counts ? gap : 0.0;
                d[i] = counts ? -y[i] * share : 0.0;
            }
            loss *= share;
            double squares = 0.0;
            for (long i = 0; i < np; i++) squares += p[i] * p[i];
            loss += 1e-4 * squares;
        } else {
            int m = sizes[layers];
            memcpy(top, s, n * sizeof(double));
            for (int c = 1; c < m; c++)
                for (long i = 0; i < n; i++) top[i] = s[c * n + i] > top[i] ? s[c * n + i] : top[i];
            memset(rest, 0, n * sizeof(double));
            for (int c = 0; c < m; c++)
                for (long i = 0; i < n; i++) {
                    double e = exp(s[c * n + i] - top[i]);
                    d[c * n + i] = e;
                    rest[i] += e;
                }
            for (long i = 0; i < real; i++) loss += log(rest[i]) + top[i] - s[(long)y[i] * n + i];
            loss *= share;
            for (long i = 0; i < n; i++) rest[i] = i < real ? share / rest[i] : 0.0;
            for (int c = 0; c < m; c++)
                for (long i = 0; i < n; i++)
                    d[c * n + i] = d[c * n + i] * rest[i] - (i < real && y[i] == c ? share : 0.0);
        }
        losses[done] = loss;
        for (int l = layers; l >= 1; l--) {
            long k = sizes[l - 1];
            outer(g + (at[l] - p), delta[l], unit[l - 1], sizes[l], k, n);
            if (l == 1) break;
            product(delta[l - 1], at[l], 1, k + 1, NULL, 0, delta[l], k, sizes[l], n);
            for (long i = 0; i < k * n; i++)
                delta[l - 1][i] = unit[l - 1][i] > 0.0 ? delta[l - 1][i] : 0.0;
        }
        if (kind == 0)
            for (long i = 0; i < np; i++) g[i] += 2e-4 * p[i];
        for (long i = 0; i < np; i++) p[i] -= rate * g[i];
    }
    free(room);
    return 0;
}
