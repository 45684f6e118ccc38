/* Included by each set of kernels: makes of its `*_of`, which want to know the number of tokens, functions for any.
 * One copy for each number, so that the sums stay in registers. */
#define FOR_TOKENS(of, ...) \
    switch (n) { \
        case 1: of(__VA_ARGS__, 1, out); break; \
        case 2: of(__VA_ARGS__, 2, out); break; \
        case 3: of(__VA_ARGS__, 3, out); break; \
        case 4: of(__VA_ARGS__, 4, out); break; \
        case 5: of(__VA_ARGS__, 5, out); break; \
        default: of(__VA_ARGS__, TILE, out); \
    }

static void mxfp4(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    FOR_TOKENS(mxfp4_of, blocks, scales, groups, tokens)
}

static void int8(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, int n, float *out) {
    FOR_TOKENS(int8_of, weights, scales, columns, x)
}

static void bf16(const uint16_t *weights, int columns, const float *const *x, int n, float *out) {
    FOR_TOKENS(bf16_of, weights, columns, x)
}
