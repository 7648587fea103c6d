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

/* OUTER: each d times each x, to where `to` says; s is room for all. */
CLONES static void outer_of_scalars(num *scalars, num *s, const int32_t *r, const int32_t *to) {
    int n_d = r[0], k = r[1], on = r[2] & GOING_ON;
    const num *x = s + n_d;
    for (int i = 0; i < n_d + k; i++) s[i] = scalars[r[3 + i] >> 2];
    for (int j = 0; j < n_d; j++) {
        num d = s[j];
        if (!(r[2] & IN_ROWS)) {
            for (int i = 0; i < k; i++) {
                num *sum = scalars + to[(Py_ssize_t)j * k + i];
                *sum = on ? *sum + d * x[i] : d * x[i];
            }
            continue;
        }
        num *sum = scalars + to[0] + (Py_ssize_t)j * to[1];
        Py_ssize_t along = to[2];
        if (along == 1 && on) for (int i = 0; i < k; i++) sum[i] += d * x[i];
        else if (along == 1) for (int i = 0; i < k; i++) sum[i] = d * x[i];
        else
            for (int i = 0; i < k; i++) {
                num *at = sum + i * along;
                *at = on ? *at + d * x[i] : d * x[i];
            }
    }
}
