/* LAYER and OUTER of one example, whose numbers are scalars: matrices of them times vectors, and
   products of vectors added to matrices. Included by vm.h. */

/* LAYER: sums of the same k numbers times others each. */
static void layer_of_scalars(num *scalars, num *s, const int32_t *r) {
    int sums = r[0], k = r[1];
    const int32_t *each = r + 4 + k, *w = each + 3 * sums;
    Sums layer = {s + k, NULL, s, k, 1, sums, k};
    for (int i = 0; i < k; i++) s[i] = scalars[r[4 + i] >> 2];
    for (int j = 0; j < sums; j++)
        layer.a[j] = each[3 * j + 1] == NONE ? NOTHING : scalars[each[3 * j + 1]];
    if (r[3] & IN_ROWS) {
        layer.w = scalars + w[0], layer.per_sum = w[1], layer.per_x = w[2];
    } else {
        num *gathered = s + k + sums;
        for (int i = 0; i < sums * k; i++) gathered[i] = scalars[w[i]];
        layer.w = gathered;
    }
    kernels.sums(&layer);
    for (int j = 0; j < sums; j++) scalars[each[3 * j]] = layer.a[j];
}

/* to[i] = d * x[i] for k of them, or += if they go `on`. */
static inline void row_of_products(num *restrict to, const num *restrict x, num d, int k, int on) {
    if (on) for (int i = 0; i < k; i++) to[i] += d * x[i];
    else for (int i = 0; i < k; i++) to[i] = d * x[i];
}

/* OUTER: each d times each x, to where `to` says; s is room for all. */
CLONES static void outer_of_scalars(num *scalars, num *s, const int32_t *r, const int32_t *to) {
    int n_d = r[0], k = r[1], on = r[2] & GOING_ON, in_rows = r[2] & IN_ROWS;
    const num *x = s + n_d;
    for (int i = 0; i < n_d + k; i++) s[i] = scalars[r[3 + i] >> 2];
    for (int j = 0; j < n_d; j++) {
        num *first = in_rows ? scalars + to[0] + (Py_ssize_t)j * to[1] : scalars;
        if (in_rows && to[2] == 1) {
            row_of_products(first, x, s[j], k, on);
            continue;
        }
        for (int i = 0; i < k; i++) {
            num *at = first + (in_rows ? (Py_ssize_t)i * to[2] : to[(Py_ssize_t)j * k + i]);
            *at = on ? *at + s[j] * x[i] : s[j] * x[i];
        }
    }
}
