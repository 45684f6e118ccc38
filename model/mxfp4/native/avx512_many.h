/* Included by the kernels for AVX-512: some rows for many tokens, of which prompts and long drafts are made.
 *
 *   PANEL rows ─► unpacked once, to 16 bits ─► times FEW tokens at a time, whose sums stay in registers ─► out
 *
 * Each sum is added up in the order of the kernels for pairs of rows, so that it comes out the same to the last bit.
 */
#define FEW 3         /* tokens */
#define STEP 128      /* values of a row that are multiplied before they are added to its sum: four groups, or a round */
#define PARTS 4       /* registers that these fill */
#define STEPS_NEAR 12 /* that stay in the innermost cache while tokens pass */

/* A sum with the products of a step, which have a row's scales, and maybe scales of the token. */
typedef __m512 Join(__m512 sum, __m512i products, const __m512 *scale, const Token *token, int step);

/* Some rows, unpacked. Of each step PARTS registers of each row, those of one part side by side, and then its scales. */
typedef struct {
    const __m512i *values;
    int steps, size; /* registers of a step */
    const char *next, *next_scales; /* what is unpacked after this */
    size_t next_size, next_scales_size;
} Panel;

INLINE void multiply_few(Multiply *multiply, Join *join, const Panel *panel, int first, int end, const Token *tokens, const int n,
                         __m512 *kept) {
    __m512 sums[PANEL][FEW];
    for (int row = 0; row < PANEL; row++)
        for (int t = 0; t < n; t++) sums[row][t] = first ? kept[row * FEW + t] : _mm512_setzero_ps();
    for (int step = first; step < end; step++) {
        const __m512i *values = panel->values + (size_t)step * panel->size;
        __m512i products[PANEL][FEW];
        for (int row = 0; row < PANEL; row++)
            for (int t = 0; t < n; t++) products[row][t] = _mm512_setzero_si512();
#pragma clang loop unroll(full)
        for (int part = 0; part < PARTS; part++)
            for (int t = 0; t < n; t++) {
                __m512i own = _mm512_loadu_si512(tokens[t].values + step * STEP + part * (STEP / PARTS));
                for (int row = 0; row < PANEL; row++) products[row][t] = multiply(products[row][t], values[part * PANEL + row], own);
            }
        for (int row = 0; row < PANEL; row++)
            for (int t = 0; t < n; t++)
                sums[row][t] = join(sums[row][t], products[row][t], (const __m512 *)values + PARTS * PANEL + row, tokens + t, step);
    }
    for (int row = 0; row < PANEL; row++)
        for (int t = 0; t < n; t++) kept[row * FEW + t] = sums[row][t];
}

/* Asks for a share of what comes next, so that memory is never waited for, and never has much to do at once. */
INLINE void ask_for(const Panel *panel, int done, int of) {
    size_t first = panel->next_size * done / of, end = panel->next_size * (done + 1) / of;
    for (size_t at = first / LINE_SIZE * LINE_SIZE; at < end; at += LINE_SIZE) _mm_prefetch(panel->next + at, _MM_HINT_T0);
    for (size_t at = 0; done == 0 && at < panel->next_scales_size; at += LINE_SIZE) _mm_prefetch(panel->next_scales + at, _MM_HINT_T0);
}

/* Of n ≤ BATCH tokens, to out[row * BATCH + token]. */
INLINE void multiply_many(Multiply *multiply, Join *join, const Panel *panel, const Token *tokens, int n, float *out) {
    __m512 sums[(BATCH + FEW) * PANEL];
    for (int first = 0; first < panel->steps; first += STEPS_NEAR) {
        int end = smaller(first + STEPS_NEAR, panel->steps), t = 0;
        for (; t + FEW <= n; t += FEW) {
            if (first == 0) ask_for(panel, t / FEW, n / FEW);
            multiply_few(multiply, join, panel, first, end, tokens + t, FEW, sums + t * PANEL);
        }
        if (n - t == 2) multiply_few(multiply, join, panel, first, end, tokens + t, 2, sums + t * PANEL);
        if (n - t == 1) multiply_few(multiply, join, panel, first, end, tokens + t, 1, sums + t * PANEL);
    }
    for (int t = 0; t < n; t++)
        for (int row = 0; row < PANEL; row++) out[row * BATCH + t] = _mm512_reduce_add_ps(sums[(t / FEW * PANEL + row) * FEW + t % FEW]);
}
