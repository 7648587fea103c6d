/* exp of many numbers, bit for bit that of the C library; included once for each kind of
   processor, by vectors.h.

   The method is that of glibc since 2.28, which has it from Arm's Optimized Routines (2018):
   x = k ln(2)/128 + r, and exp(x) = 2^(k/128) (1 + (exp(r) - 1)), the powers from a table and
   exp(r) - 1 as a polynomial. Its coefficients are theirs, and so is the order in which every
   operation rounds, fused where a processor has fused multiply-add: so the bits are the same.
   kernels.h asks the library about a thousand numbers before it believes so, and takes the
   library itself otherwise. */

#if FUSED
#define PLUS(a, b, c) __builtin_fma(a, b, c)
#else
#define PLUS(a, b, c) ((a) * (b) + (c))
#endif

/* Whether some x is too large or no number: the library has to compute those. */
static int NAME(exps)(double *restrict y, const double *restrict x, Py_ssize_t n) {
    const double shift = 0x1.8p52; /* added, it leaves a whole number in the last bits */
    double turns[LANES], scale[LANES], lost[LANES];
    uint64_t bits[LANES];
    int far = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        turns[i] = PLUS(0x1.71547652b82fep+7, x[i], shift);
        far |= !(fabs(x[i]) < 512.0);
    }
    memcpy(bits, turns, n * sizeof(double));
    for (Py_ssize_t i = 0; i < n; i++) {
        lost[i] = MG_LOST[bits[i] % 128];
        bits[i] = MG_POWERS[bits[i] % 128] + (bits[i] << 45);
    }
    memcpy(scale, bits, n * sizeof(double));
    for (Py_ssize_t i = 0; i < n; i++) {
        double k = turns[i] - shift, r = PLUS(k, -0x1.62e42fefa0000p-8, x[i]);
        r = PLUS(k, -0x1.cf79abc9e3b3ap-47, r);
        double square = r * r, low = PLUS(r, 0x1.555555555543cp-3, 0x1.ffffffffffdbdp-2);
        double high = PLUS(r, 0x1.1111167a4d017p-7, 0x1.55555cf172b91p-5);
        double more = PLUS(square * square, high, PLUS(square, low, lost[i] + r));
        y[i] = PLUS(scale[i], more, scale[i]);
    }
    return far;
}
#undef PLUS
